//! The old way to write the metric type of a Datadog query.
//!
//! Source: kedacore/keda pkg/scalers/datadog_scaler.go: `type` is checked, and the HPA is given `metricType`.

use super::cards::{COMBINATION, WRONG_CHOICE};
use super::values::REFUSED;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;
use crate::manifest::Entry;

impl Checker<'_> {
    pub(super) fn datadog_type(&mut self, trigger: &Trigger<'_>, entry: &Entry) {
        let Some(text) = trigger.value("type").filter(|text| is_known(text)) else { return };
        let place = self.key(entry);
        if trigger.metric_type.is_some() {
            self.push(
                Finding::new(&COMBINATION, place, "`type` in the metadata beside `metricType`")
                    .why(REFUSED)
                    .help("leave `type` out"),
            );
        } else if matches!(text.to_lowercase().as_str(), "average" | "global") {
            let why =
                "KEDA gives the HPA the `metricType` of the trigger alone, which is AverageValue by default"
                    .to_string();
            let help = if text.eq_ignore_ascii_case("global") {
                "write `metricType: Value` beside the type of the trigger instead"
            } else {
                "leave it out"
            };
            self.no_effect(entry, "type", why, help);
        } else {
            self.push(
                Finding::new(&WRONG_CHOICE, place, format!("`type` cannot be `{}`", text.escape_debug()))
                    .why(REFUSED)
                    .help("leave it out, and write `metricType` beside the type of the trigger"),
            );
        }
    }
}

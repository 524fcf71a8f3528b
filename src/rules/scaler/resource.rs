//! cpu and memory.
//!
//! Source: kedacore/keda pkg/scalers/cpu_memory_scaler.go.

use super::cards::RESOURCE_VALUE;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;

impl Checker<'_> {
    pub(super) fn resource(&mut self, trigger: &Trigger<'_>) {
        let (Some(entry), Some(text)) = (trigger.entry("value"), trigger.value("value")) else { return };
        if !is_known(&text) {
            return;
        }
        let place = self.place(&entry.node);
        let refuse = |message: String| {
            Finding::new(&RESOURCE_VALUE, place, message)
                .why("KEDA cannot read it: the ScaledObject is never ready, and nothing scales")
        };
        let old = trigger.entry("type").and_then(|entry| entry.node.as_written());
        match trigger.metric_type.or(old.as_deref()) {
            Some("Utilization") if !text.parse::<i32>().is_ok_and(|value| value >= 1) => {
                let number: String = text.chars().take_while(char::is_ascii_digit).collect();
                let finding = refuse(format!("`{}` is not a percentage", text.escape_debug()));
                self.push(if text.parse::<i64>().is_ok_and(|value| value < 1) {
                    finding.help("write a positive number: percent of the request, such as \"80\"")
                } else if number.is_empty() {
                    finding.help("write percent of the request as a whole number, such as \"80\"")
                } else {
                    finding.help(format!("write \"{number}\", without a unit"))
                });
            }
            Some("AverageValue") if !crate::model::is_quantity(&text) => {
                self.push(
                    refuse(format!("`{}` is not a quantity", text.escape_debug()))
                        .help("write a Kubernetes quantity, such as \"500m\" or \"512Mi\""),
                );
            }
            _ => {}
        }
    }
}

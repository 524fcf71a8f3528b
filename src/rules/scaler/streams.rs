//! What the scaler of Redis streams measures: of three things one.
//!
//! Source: kedacore/keda pkg/scalers/redis_streams_scaler.go, Validate: with `consumerGroup` the lag, or else what is
//! pending; without it the length.

use super::cards::COMBINATION;
use super::{Checker, Trigger};
use crate::finding::{Finding, Severity};

impl Checker<'_> {
    pub(super) fn streams(&mut self, trigger: &Trigger<'_>) {
        if !trigger.kind.ends_with("streams") {
            return;
        }
        let has = |key: &str| trigger.entry(key).is_some();
        let has_group = has("consumerGroup") || has("consumerGroupFromEnv");
        let wanted = ["lagCount", "pendingEntriesCount"].into_iter().find_map(|key| trigger.entry(key));
        if let Some(entry) = wanted.filter(|_| !has_group) {
            let by = match trigger.value("streamLength") {
                Some(length) => format!("`streamLength: {length}`"),
                None => "`streamLength`, 5 by default".to_string(),
            };
            let place = self.key(entry);
            let mut finding =
                Finding::new(&COMBINATION, place, format!("`{}` without `consumerGroup`", entry.key))
                    .why(format!("the scaler then measures the length of the stream by {by}, and entries stay in it when they are acknowledged: the pods do not become fewer when the work is done"))
                    .help("write `consumerGroup` with the group of the pods, or `streamLength` if the pods delete what they have done");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
        let voided = [
            ("pendingEntriesCount", "lagCount", has("lagCount") && has_group),
            ("streamLength", "consumerGroup", has_group),
        ];
        for (key, by, is_voided) in voided {
            if let Some(entry) = trigger.entry(key).filter(|_| is_voided) {
                let why = format!("`{by}` is there, and the scaler measures by that");
                self.no_effect(entry, key, why, "leave it out");
            }
        }
    }
}

//! What a key is called by other scalers and tools, and by the scaler at hand.
//!
//! Sources: the structs of kedacore/keda pkg/scalers/*_scaler.go, whose names for the same thing differ.

use super::{Trigger, values};

/// `scaler right=wrong,wrong`: other names for the keys of a scaler.
const NAMES: &str = include_str!("meant.txt");

/// Names for the load of one pod, of which each scaler has one.
const LOADS: [&str; 33] = [
    "averageUtilization",
    "averageValue",
    "backlog",
    "count",
    "lag",
    "lagThreshold",
    "length",
    "listLength",
    "messageCount",
    "messages",
    "messagesCount",
    "msgCount",
    "numberOfMessages",
    "pendingMessages",
    "queryValue",
    "queueDepth",
    "queueLength",
    "queueSize",
    "size",
    "target",
    "targetAverageUtilization",
    "targetAverageValue",
    "targetLength",
    "targetMessageCount",
    "targetQueryValue",
    "targetQueueLength",
    "targetQueueSize",
    "targetUtilization",
    "targetValue",
    "threshold",
    "thresholdValue",
    "utilization",
    "value",
];

/// A key that is meant by another name, and what the scaler takes while it is not there.
pub(super) struct Meant {
    pub(super) key: String,
    pub(super) default: Option<&'static str>,
}

/// The key that a name stands for, unless it is there as well.
pub(super) fn meant(trigger: &Trigger<'_>, written: &str) -> Option<Meant> {
    let (name, ending) = written.strip_suffix("FromEnv").map_or((written, ""), |name| (name, "FromEnv"));
    let is_free =
        |key: &str| trigger.entry(key).is_none() && trigger.entry(&format!("{key}FromEnv")).is_none();
    if let Some(key) = other_name(trigger.kind, name) {
        return is_free(key).then(|| Meant { key: format!("{key}{ending}"), default: None });
    }
    let load = |name: &str| LOADS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let (key, default) = match name.strip_prefix("activation") {
        Some(rest) if load(rest) => (values::wake(trigger.kind)?, None),
        None if load(name) => values::load(trigger.kind)?,
        _ => return None,
    };
    is_free(key).then(|| Meant { key: key.to_string(), default })
}

fn other_name(kind: &str, name: &str) -> Option<&'static str> {
    let line = NAMES.lines().find(|line| line.split(' ').next() == Some(kind))?;
    let mut words = line.split(' ').skip(1).filter_map(|word| word.split_once('='));
    words.find(|(_, others)| others.split(',').any(|other| other == name)).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::scaler::reads;

    #[test]
    fn every_key_is_one_of_its_scaler_and_no_other_name_is() {
        for line in NAMES.lines() {
            let (kind, words) = line.split_once(' ').expect("a scaler and its keys");
            for (key, others) in words.split(' ').map(|word| word.split_once('=').expect("names")) {
                assert!(reads(kind, key), "{kind} {key}");
                assert!(others.split(',').all(|other| !reads(kind, other)), "{kind} {others}");
            }
        }
        assert_eq!(values::load("azure-servicebus"), Some(("messageCount", Some("5"))));
        assert_eq!(values::load("rabbitmq"), Some(("value", None)));
        assert_eq!(values::load("redis-streams"), None);
        assert_eq!(values::wake("kafka"), Some("activationLagThreshold"));
    }
}

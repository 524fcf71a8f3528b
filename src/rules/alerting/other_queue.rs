//! Alerts on a queue, a topic or a consumer group that is called otherwise where the autoscaler asks for it.
//!
//! Sources: kedacore/keda pkg/scalers/rabbitmq_scaler.go (`queueName`), pkg/scalers/kafka_scaler.go (`topic`,
//! `consumerGroup`); rabbitmq/rabbitmq-server deps/rabbitmq_prometheus/metrics.md and danielqsj/kafka_exporter README.md
//! (the labels).

use std::collections::BTreeMap;

use super::OTHER_QUEUE;
use super::walk::Alert;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::promql::MatchOperator;
use crate::source::Place;

/// A thing of a broker: the trigger and the key that name it, and the metrics and the label that do.
struct Thing {
    called: &'static str,
    trigger: &'static str,
    key: &'static str,
    metrics: &'static str,
    label: &'static str,
}

const THINGS: [Thing; 3] = [
    Thing { called: "queue", trigger: "rabbitmq", key: "queueName", metrics: "rabbitmq_", label: "queue" },
    Thing {
        called: "topic",
        trigger: "kafka",
        key: "topic",
        metrics: "kafka_consumergroup_",
        label: "topic",
    },
    Thing {
        called: "consumer group",
        trigger: "kafka",
        key: "consumerGroup",
        metrics: "kafka_consumergroup_",
        label: "consumergroup",
    },
];

/// Words in the names of what no autoscaler counts.
const ASIDE: [&str; 8] = ["dlq", "dead", "dlx", "retry", "error", "fail", "parking", "poison"];

/// Where all alerts name one, all triggers name one, and the two are not the same.
pub(super) fn check(inventory: &Inventory<'_>, alerts: &[Alert<'_>]) -> Vec<Finding> {
    THINGS.iter().filter_map(|thing| of_thing(inventory, alerts, thing)).collect()
}

fn of_thing(inventory: &Inventory<'_>, alerts: &[Alert<'_>], thing: &Thing) -> Option<Finding> {
    let (asked, named) = (asked(alerts, thing)?, named(inventory, thing)?);
    let ([(name, place)], [(own, trigger)]) = (asked.as_slice(), named.as_slice()) else {
        return None;
    };
    let called = thing.called;
    (name != own).then(|| {
        Finding::new(
            &OTHER_QUEUE,
            *place,
            format!("the alert asks for the {called} `{}`, the autoscaler for `{}`", name.escape_debug(), own.escape_debug()),
        )
        .related(*trigger, format!("the {called} by which the workload is scaled"))
        .why(format!("nothing else in these files names `{}`: if there is no {called} of that name, there is no series, and the alert never fires while `{}` fills up", name.escape_debug(), own.escape_debug()))
        .help(format!("write `{}=\"{}\"`, or `{}` in the trigger if that one is meant", thing.label, own.escape_debug(), thing.key))
    })
}

/// The names in the alerts; None where one of them may mean several.
fn asked(alerts: &[Alert<'_>], thing: &Thing) -> Option<Vec<(String, Place)>> {
    let mut all: BTreeMap<String, Place> = BTreeMap::new();
    for alert in alerts {
        for selector in alert.expression.selectors() {
            let is_its = selector.name.as_deref().is_some_and(|metric| metric.starts_with(thing.metrics));
            for matcher in selector.matchers.iter().filter(|matcher| is_its && matcher.name == thing.label) {
                let small = matcher.value.to_lowercase();
                match matcher.operator {
                    _ if ASIDE.iter().any(|word| small.contains(word)) => {}
                    MatchOperator::Equal => {
                        all.entry(matcher.value.clone()).or_insert(alert.place(matcher.span));
                    }
                    _ => return None,
                }
            }
        }
    }
    Some(all.into_iter().collect())
}

/// The names in the triggers; None where one of them is open.
fn named<'i>(inventory: &'i Inventory<'_>, thing: &Thing) -> Option<Vec<(&'i str, Place)>> {
    let scalers = ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    let mut all: BTreeMap<&str, Place> = BTreeMap::new();
    for object in scalers.filter(|object| object.group() == "keda.sh") {
        let object: &Object<'_> = object;
        for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
            if trigger.get("type").and_then(Node::as_str) != Some(thing.trigger) {
                continue;
            }
            let node = trigger.at(&["metadata", thing.key])?;
            let name = node.as_str().filter(|name| !has_variable(name) && !name.contains("{{"))?;
            all.entry(name).or_insert(object.place(node));
        }
    }
    Some(all.into_iter().collect())
}

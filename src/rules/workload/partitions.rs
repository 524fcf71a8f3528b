//! More pods than partitions of the topic that they read.
//!
//! Source: kedacore/keda pkg/scalers/kafka_scaler.go, getTotalLag: without `allowIdleConsumers` the lag counts for as many
//! pods as there are partitions.

use super::PARTITIONS;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::rules::scaler::{Trigger, View};
use crate::source::Place;

/// A topic that is made by one of the files.
struct Topic<'i> {
    name: &'i str,
    partitions: i64,
    place: Place,
}

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let is_of_keda = |object: &&Object<'i>| object.group() == "keda.sh";
    let mut scalers =
        inventory.kind("ScaledObject").filter(is_of_keda).filter(|object| reads_kafka(object)).peekable();
    if scalers.peek().is_none() {
        return;
    }
    let topics = topics(inventory);
    findings.extend(scalers.filter_map(|object| few(object, &topics)));
}

fn reads_kafka(object: &Object<'_>) -> bool {
    let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
    triggers.iter().any(|trigger| trigger.get("type").and_then(Node::as_str).is_some_and(is_kafka))
}

fn is_kafka(kind: &str) -> bool {
    matches!(kind, "kafka" | "apache-kafka")
}

fn few(object: &Object<'_>, topics: &[Topic<'_>]) -> Option<Finding> {
    let view = View::of(object)?;
    let (max, entry) = (view.max?, view.entry("maxReplicaCount")?);
    if view.is_open
        || view.has_formula()
        || !view.triggers.iter().all(|trigger| is_kafka(trigger.kind) || trigger.is_resource())
    {
        return None;
    }
    // The topic of each trigger; the largest decides.
    let mut most: Option<&Topic<'_>> = None;
    for trigger in view.triggers.iter().filter(|trigger| !trigger.is_resource()) {
        let topic = topic_of(trigger, topics)?;
        if most.is_none_or(|most| topic.partitions > most.partitions) {
            most = Some(topic);
        }
    }
    let Topic { name, partitions, place } = most?;
    if *partitions < 1 || *partitions >= max {
        return None;
    }
    let plural = |count: i64, word: &str| {
        if count == 1 { format!("{count} {word}") } else { format!("{count} {word}s") }
    };
    let parts = plural(*partitions, "partition");
    let min = view.min.unwrap_or(0);
    let finding = if min > *partitions {
        let minimum = view.entry("minReplicaCount").unwrap_or(entry);
        Finding::new(
            &PARTITIONS,
            object.place(&minimum.node),
            format!("at least {min} pods, and the topic `{name}` has {parts}"),
        )
        .why(format!(
            "of one consumer group each partition is read by one pod: {} have nothing to do, whatever the load",
            plural(min - partitions, "pod")
        ))
    } else {
        Finding::new(
            &PARTITIONS,
            object.place(&entry.node),
            format!("up to {max} pods, and the topic `{name}` has {parts}"),
        )
        .why(format!(
            "KEDA takes the lag for {} at most, one for each partition: however great it is, {}",
            plural(*partitions, "pod"),
            if view.triggers.iter().any(Trigger::is_resource) {
                "it starts no others, and those that cpu or memory start have nothing to read"
            } else {
                "the others never start"
            }
        ))
    };
    Some(
        finding.related(*place, "the partitions of the topic").help(format!(
            "give the topic as many partitions as pods, or write `maxReplicaCount: {partitions}`"
        )),
    )
}

/// The topic of a trigger whose pods are held to its partitions.
fn topic_of<'t>(trigger: &Trigger<'_>, topics: &'t [Topic<'t>]) -> Option<&'t Topic<'t>> {
    let is_held = trigger.value("allowIdleConsumers").is_none_or(|text| text == "false")
        && trigger.metric_type != Some("Value")
        && trigger.entry("partitionLimitation").is_none();
    let name = trigger.value("topic").filter(|_| is_held)?;
    // Environments may give it different numbers.
    topics.iter().filter(|topic| topic.name == name).max_by_key(|topic| topic.partitions)
}

/// KafkaTopics, and topics that commands make.
fn topics<'i>(inventory: &'i Inventory<'i>) -> Vec<Topic<'i>> {
    let mut all = Vec::new();
    for object in inventory.kind("KafkaTopic") {
        let name = ["topicName", "name"].iter().find_map(|key| object.text(&["spec", key]));
        let partitions = object.at(&["spec", "partitions"]);
        if let (Some(node), Some(count)) = (partitions, object.integer(&["spec", "partitions"])) {
            let name = name.unwrap_or(object.document.name());
            all.push(Topic { name, partitions: count, place: object.place(node) });
        }
    }
    let kinds = ["Job", "Pod", "Deployment", "StatefulSet"];
    for object in kinds.into_iter().flat_map(|kind| inventory.kind(kind)) {
        let spec = if object.kind() == "Pod" {
            object.at(&["spec"])
        } else {
            object.at(&["spec", "template", "spec"])
        };
        for list in ["initContainers", "containers"] {
            for container in spec.and_then(|spec| spec.get(list)).map(Node::items).unwrap_or_default() {
                let words = ["command", "args"].into_iter();
                let words = words.flat_map(|key| container.get(key).map(Node::items).unwrap_or_default());
                all.extend(words.flat_map(|node| made(object, node)));
            }
        }
    }
    all
}

/// The topics that a script makes: `kafka-topics --create --topic orders --partitions 3`.
fn made<'i>(object: &Object<'i>, node: &'i Node) -> Vec<Topic<'i>> {
    let text = node.as_str().filter(|text| text.contains("kafka-topics")).unwrap_or_default();
    let mut all = Vec::new();
    for call in text.split("kafka-topics").skip(1) {
        let words: Vec<&str> =
            call.split([' ', '\t', '\n', '=', '\\', '"', '\'']).filter(|word| !word.is_empty()).collect();
        let behind =
            |key: &str| words.iter().position(|word| *word == key).and_then(|at| words.get(at + 1)).copied();
        if let (Some(name), Some(Ok(partitions))) =
            (behind("--topic"), behind("--partitions").map(str::parse))
        {
            all.push(Topic { name, partitions, place: object.place(node) });
        }
    }
    all
}

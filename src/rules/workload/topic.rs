//! A KafkaTopic in a namespace where no Topic Operator looks.
//!
//! Source: strimzi/strimzi-kafka-operator cluster-operator/src/main/java/io/strimzi/operator/cluster/model/EntityTopicOperator.java
//! (it watches the namespace of its Kafka, unless `watchedNamespace` says another).

use super::TOPIC_ELSEWHERE;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

const CLUSTER: &str = "strimzi.io/cluster";

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let topics = inventory.kind("KafkaTopic").filter(|object| !object.is_fragment);
    findings.extend(topics.filter_map(|topic| of_topic(inventory, topic)));
}

fn of_topic<'i>(inventory: &'i Inventory<'i>, topic: &Object<'i>) -> Option<Finding> {
    let own = topic.namespace.as_deref().filter(|name| !has_variable(name))?;
    let labels = topic.labels();
    let (_, cluster) = labels.iter().find(|(name, _)| name == CLUSTER)?;
    let mut clusters =
        inventory.named("Kafka", cluster).filter(|object| object.group() == "kafka.strimzi.io");
    let first = clusters.next()?;
    // Another environment may have its cluster beside the topic.
    if !std::iter::once(first).chain(clusters).all(|object| watches_elsewhere(object, own)) {
        return None;
    }
    let watched = watched(first)?;
    let name = topic.text(&["spec", "topicName"]).unwrap_or(topic.document.name());
    let (trigger, node) = trigger_on(inventory, name)?;
    let makes_none = first
        .at(&["spec", "kafka", "config", "auto.create.topics.enable"])
        .and_then(Node::as_written)
        .is_some_and(|text| text == "false");
    let why = if makes_none {
        "the topic is never made, nor does the broker make one by itself: the trigger is answered with an error, and nobody can send anything"
    } else {
        "what is written here reaches no broker: the topic that comes by itself has the defaults of the broker, most often 1 partition, and with it one pod at most has work"
    };
    let mut finding = Finding::new(
        &TOPIC_ELSEWHERE,
        topic.name_place(),
        format!("the topic is in `{own}`, and the operator of `{cluster}` looks into `{watched}` only"),
    )
    .related(first.name_place(), "the cluster")
    .related(trigger.place(node), "the trigger on this topic")
    .why(why)
    .help(format!("put the KafkaTopic into `{watched}`; a `namespace` in a kustomization moves it as well"));
    // What is written is right, and a kustomization writes over it.
    if topic.document.namespace() == Some(watched)
        && let Some((outer, node)) = moved_by(inventory, topic, own)
    {
        finding.place = outer.place(node);
        finding.message = format!(
            "this moves the topic `{name}` into `{own}`, and the operator of `{cluster}` looks into `{watched}` only"
        );
        finding = finding
            .related(topic.name_place(), "the topic, with the right namespace")
            .help("build the topic outside of this kustomization, in one of its own");
    }
    if makes_none {
        finding.severity = Severity::Error;
    }
    Some(finding)
}

/// The kustomization that gives an object its namespace.
fn moved_by<'i>(
    inventory: &'i Inventory<'i>,
    topic: &Object<'_>,
    own: &str,
) -> Option<(&'i Object<'i>, &'i Node)> {
    inventory.objects.iter().find_map(|outer| {
        let node = outer.at(&["namespace"]).filter(|node| node.as_str() == Some(own))?;
        topic.built_by.contains(&outer.document.file).then_some((outer, node))
    })
}

/// The namespace whose topics belong to a cluster.
fn watched<'o>(cluster: &'o Object<'_>) -> Option<&'o str> {
    let path = ["spec", "entityOperator", "topicOperator", "watchedNamespace"];
    cluster.text(&path).or(cluster.namespace.as_deref()).filter(|name| !has_variable(name))
}

fn watches_elsewhere(cluster: &Object<'_>, own: &str) -> bool {
    let has_operator = cluster.at(&["spec", "entityOperator", "topicOperator"]).is_some();
    has_operator && cluster.patched.is_empty() && watched(cluster).is_some_and(|watched| watched != own)
}

fn trigger_on<'i>(inventory: &'i Inventory<'i>, name: &str) -> Option<(&'i Object<'i>, &'i Node)> {
    let kinds = ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    kinds.filter(|object| object.group() == "keda.sh").find_map(|object| {
        let triggers = object.at(&["spec", "triggers"])?.items();
        let node = triggers.iter().find_map(|trigger| {
            let is_kafka =
                trigger.get("type").and_then(Node::as_str).is_some_and(|kind| kind.contains("kafka"));
            let node = trigger.at(&["metadata", "topic"]).filter(|_| is_kafka)?;
            node.as_str()?.split(',').any(|topic| topic.trim() == name).then_some(node)
        })?;
        Some((object, node))
    })
}

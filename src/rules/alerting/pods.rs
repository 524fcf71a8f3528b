//! Whose pods the matchers of a selector mean, and what may change these pods from outside.

use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::promql::ast::{MatchOperator, Matcher};

/// Names that pods of a workload have.
pub(super) fn pod_names(kind: &str, name: &str) -> Vec<String> {
    match kind {
        "StatefulSet" => vec![format!("{name}-0")],
        "DaemonSet" | "Job" => vec![format!("{name}-x2x7k")],
        "CronJob" => vec![format!("{name}-29012345-x2x7k")],
        _ => vec![format!("{name}-7d9f8c6b5d-x2x7k")],
    }
}

pub(super) fn is_positive(matcher: &Matcher) -> bool {
    matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
}

/// Whether a matcher lets a value through; None: its pattern cannot be read.
pub(super) fn fits(matcher: &Matcher, value: &str) -> Option<bool> {
    let by_pattern = || Some(regex::Regex::new(&format!("^(?s:{})$", matcher.value)).ok()?.is_match(value));
    match matcher.operator {
        MatchOperator::Equal => Some(matcher.value == value),
        MatchOperator::NotEqual => Some(matcher.value != value),
        MatchOperator::RegexMatch => by_pattern(),
        MatchOperator::RegexNotMatch => by_pattern().map(|fits| !fits),
    }
}

/// Whether an object brings pods that are not here.
pub(super) fn is_chart(object: &Object<'_>) -> bool {
    match object.kind() {
        "HelmRelease" | "HelmChart" => true,
        "Application" => object.at(&["spec", "source", "chart"]).is_some(),
        "Rollout" => object.at(&["spec", "workloadRef"]).is_some(),
        _ => false,
    }
}

/// Whether an autoscaler of requests may move the limits as well.
pub(super) fn is_moved(workload: &Object<'_>, inventory: &Inventory<'_>) -> bool {
    inventory.kind("VerticalPodAutoscaler").any(|vertical| {
        let mode = vertical.text(&["spec", "updatePolicy", "updateMode"]).unwrap_or("Auto");
        mode != "Off"
            && vertical.text(&["spec", "targetRef", "name"]).is_some_and(|name| workload.is_called(name))
    })
}

/// Whether somebody may put containers into the pods as they start.
pub(super) fn has_guests(workload: &Object<'_>, template: &Node, inventory: &Inventory<'_>) -> bool {
    const WORDS: [&str; 5] = ["inject", "istio", "linkerd", "dapr.io/enabled", "kuma.io"];
    let speaks = |node: Option<&Node>| {
        let entries = node.map(Node::entries).unwrap_or_default();
        entries.iter().any(|entry| WORDS.iter().any(|word| entry.key.contains(word)))
    };
    let marked = |metadata: Option<&Node>| {
        ["labels", "annotations"].iter().any(|key| speaks(metadata.and_then(|metadata| metadata.get(key))))
    };
    let own = Some(workload.namespace_text());
    marked(template.get("metadata"))
        || inventory
            .kind("Namespace")
            .any(|object| Some(object.name.as_str()) == own && marked(object.at(&["metadata"])))
}

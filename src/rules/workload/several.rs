//! One PodDisruptionBudget for the pods of several workloads, which are counted together.
//!
//! Source: kubernetes/kubernetes pkg/controller/disruption/disruption.go, getExpectedPodCount.

use super::budget::Kept;
use super::{DISRUPTION_BUDGET, Scaled, carries, match_labels, pod_labels};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};

/// None: there is one workload behind it.
pub(super) fn check<'i>(
    inventory: &'i Inventory<'i>,
    budget: &Object<'i>,
    all: &[&Scaled<'i>],
) -> Option<Option<Finding>> {
    let wanted = match_labels(budget.at(&["spec", "selector"]))?;
    let mut scaled: Vec<&&Scaled<'i>> = Vec::new();
    for one in all {
        // Two autoscalers over one workload, or one in several environments, are no more pods.
        if !scaled.iter().any(|other| other.workload.document.name() == one.workload.document.name()) {
            scaled.push(one);
        }
    }
    let kinds = ["Deployment", "StatefulSet", "Rollout"];
    let others: Vec<&Object<'i>> = kinds
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .filter(|other| {
            let is_known = all.iter().any(|one| one.workload.document.name() == other.document.name());
            !is_known && budget.meets(other) && carries(&pod_labels(other), &wanted)
        })
        .collect();
    if scaled.len() + others.len() < 2 {
        return None;
    }
    Some(tight(budget, &scaled, &others))
}

fn tight(budget: &Object<'_>, scaled: &[&&Scaled<'_>], others: &[&Object<'_>]) -> Option<Finding> {
    let is_changed = |object: &Object<'_>| {
        object.bounds.iter().any(|all| !all.is_empty()) || object.replicas.iter().any(Option::is_some)
    };
    let autoscalers = scaled.iter().map(|one| one.autoscaler);
    if autoscalers.chain(others.iter().copied()).chain([budget]).any(is_changed) {
        return None;
    }
    let kept = Kept::of(budget, None)?;
    let mut pods = 0_i64;
    for one in scaled {
        let (key, default) = match one.autoscaler.kind() {
            "ScaledObject" => ("minReplicaCount", 0),
            _ => ("minReplicas", 1),
        };
        pods = pods.checked_add(one.autoscaler.number(None, key)?.or(default)?)?;
    }
    for other in others {
        pods = pods.checked_add(other.number(None, "replicas")?.or(1)?)?;
    }
    if !kept.stops_all(pods) {
        return None;
    }
    let count = scaled.len() + others.len();
    let mut finding = Finding::new(
        &DISRUPTION_BUDGET,
        kept.place,
        match kept.is_all() {
            true => format!("no pod of these {count} workloads may ever go"),
            false => format!("at their minima, {pods} pods together, no pod of these {count} workloads may go"),
        },
    )
    .why(match kept.is_all() {
        true => "draining a node waits for ever, and so does every upgrade of the cluster",
        false => "a budget counts all pods that it selects: while the load is low, draining a node waits, and so does every upgrade of the cluster",
    })
    .help("write `maxUnavailable: 1`, which follows the number of pods, or a budget for each workload");
    for one in scaled.iter().take(3) {
        finding = finding.related(one.autoscaler.name_place(), "an autoscaler");
    }
    Some(finding)
}

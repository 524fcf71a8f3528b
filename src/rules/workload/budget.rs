//! PodDisruptionBudgets beside the minimum of an autoscaler.
//!
//! Source: kubernetes/kubernetes pkg/controller/disruption/disruption.go, getExpectedPodCount.

use std::collections::HashMap;

use super::{DISRUPTION_BUDGET, Scaled, carries, match_labels, pod_labels};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let mut budgets: HashMap<(String, String), Vec<&Object<'i>>> = HashMap::new();
    for budget in inventory.kind("PodDisruptionBudget") {
        if let Some(wanted) = match_labels(budget.at(&["spec", "selector"])) {
            budgets.entry(wanted[0].clone()).or_default().push(budget);
        }
    }
    for one in scaled {
        let labels = pod_labels(one.workload);
        for budget in labels.iter().filter_map(|pair| budgets.get(pair)).flatten() {
            let wanted = match_labels(budget.at(&["spec", "selector"])).unwrap_or_default();
            let is_of_them = budget.belongs_to(one.workload) || budget.belongs_to(one.autoscaler);
            if is_of_them
                && budget.meets(one.workload)
                && budget.meets(one.autoscaler)
                && carries(&labels, &wanted)
            {
                findings.extend(tight(one, budget));
            }
        }
    }
}

fn tight(one: &Scaled<'_>, budget: &Object<'_>) -> Option<Finding> {
    let minimum = one.minimum();
    let node = stops_all(budget, minimum)?;
    Some(
        Finding::new(
            &DISRUPTION_BUDGET,
            budget.place(node),
            format!("at its minimum of {minimum} pods no pod of `{}` may go", one.workload.name),
        )
        .related(one.autoscaler.name_place(), "the autoscaler")
        .why("draining a node waits for ever, and so does every upgrade of the cluster")
        .help("write `maxUnavailable: 1`, which follows the number of pods"),
    )
}

/// What in a budget lets none of so many pods go.
pub(super) fn stops_all<'d>(budget: &Object<'d>, pods: i64) -> Option<&'d Node> {
    let (node, kept) = match (budget.at(&["spec", "minAvailable"]), budget.at(&["spec", "maxUnavailable"])) {
        (Some(node), _) => (node, node.as_written()?),
        (None, Some(node)) if matches!(node.as_written()?.as_str(), "0" | "0%") => (node, "100%".to_string()),
        _ => return None,
    };
    // A share is rounded up to whole pods.
    let share = kept.strip_suffix('%').and_then(|share| share.parse::<i64>().ok());
    let least = match share {
        Some(share) => Some((share * pods + 99) / 100),
        None => kept.parse().ok(),
    };
    let is_tight = kept == "100%" || least.is_some_and(|least| least >= pods && pods > 0);
    is_tight.then_some(node)
}

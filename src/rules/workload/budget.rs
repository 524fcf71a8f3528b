//! PodDisruptionBudgets beside the minimum of an autoscaler, and beside the pods that they are called after.
//!
//! Source: kubernetes/kubernetes pkg/controller/disruption/disruption.go, getExpectedPodCount and getPodsForPdb.

use std::collections::HashMap;

use super::service::may_be_met;
use super::{DISRUPTION_BUDGET, Scaled, carries, match_labels, pod_labels};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

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
    for budget in budgets.values().flatten() {
        let mut workloads = scaled.iter().map(|one| one.workload);
        let workload = workloads.find(|workload| {
            stem(&budget.name) == stem(&workload.name) && budget.is_beside(workload) && budget.meets(workload)
        });
        findings.extend(workload.and_then(|workload| nowhere(inventory, budget, workload)));
    }
}

/// A name without what says that it is that of a budget or Deployment.
fn stem(name: &str) -> &str {
    const ENDS: [&str; 6] =
        ["-pdb", "-disruption-budget", "-poddisruptionbudget", "-budget", "-deployment", "-deploy"];
    ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// A selector that no pods of the repository satisfy, beside the workload that the budget is called after.
fn nowhere<'i>(inventory: &'i Inventory<'i>, budget: &Object<'i>, workload: &Object<'i>) -> Option<Finding> {
    let node = budget.at(&["spec", "selector"])?;
    let wanted = match_labels(Some(node))?;
    let is_open = wanted.iter().any(|(name, value)| has_variable(name) || has_variable(value));
    let is_patched = !budget.patched.is_empty() || !workload.patched.is_empty();
    // Labels that an overlay writes go into selectors as well.
    let is_written = |name: &str| workload.added_pod_labels.iter().any(|(added, _)| added == name);
    if is_open
        || is_patched
        || wanted.iter().any(|(name, _)| is_written(name))
        || may_be_met(inventory, budget, &wanted)
    {
        return None;
    }
    let labels = pod_labels(workload);
    let (name, asked) = wanted.iter().find(|pair| !labels.contains(pair))?;
    let node = node.at(&["matchLabels", name]).unwrap_or(node);
    let own = labels.iter().find(|(other, _)| other == name);
    let has =
        own.map_or("do not carry that label".to_string(), |(name, value)| format!("carry `{name}: {value}`"));
    let finding = Finding::new(
        &DISRUPTION_BUDGET,
        budget.place(node),
        format!("it protects no pod: it selects `{name}: {asked}`, and the pods of `{}` {has}", workload.name),
    )
    .related(workload.name_place(), "the workload that it is called after")
    .why(format!("no error tells: draining nodes, as every upgrade of the cluster does, may stop all pods of `{}` at once", workload.name));
    Some(match own {
        Some((name, value)) => finding.help(format!("write `{name}: {value}`")),
        None => finding.help("select by a label of the pod template"),
    })
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

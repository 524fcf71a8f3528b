//! Analyses of releases: AnalysisTemplates of Argo Rollouts, metrics of Flagger's Canaries.

mod condition;
mod flagger;

use crate::finding::{Finding, cards};
use crate::inventory::Inventory;

cards! {
    "analysis":
    RESULT_LIST Error "result-list" "a condition that takes the list of results for a number";
    TURNED_AROUND Error "turned-around" "a condition that fails what is well, or passes what is not";
    ARGUMENT Error "argument" "an argument that nobody gives";
    CANARY_METRIC Error "canary-metric" "a metric of a Canary that cannot judge it";
}

/// All analyses of the repository.
pub fn check(inventory: &Inventory<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for kind in ["AnalysisTemplate", "ClusterAnalysisTemplate"] {
        findings.extend(inventory.kind(kind).flat_map(condition::check));
    }
    findings.extend(flagger::check(inventory));
    findings
}

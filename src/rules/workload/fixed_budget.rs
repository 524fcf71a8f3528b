//! PodDisruptionBudgets of workloads that nobody scales, whose number of pods is written.
//!
//! Source: kubernetes/kubernetes pkg/controller/disruption/disruption.go, getExpectedPodCount.

use std::collections::HashSet;

use super::{DISRUPTION_BUDGET, budget, carries, is_autoscaler, match_labels, pod_labels};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let budgets: Vec<_> = inventory
        .kind("PodDisruptionBudget")
        .filter_map(|budget| Some((budget, match_labels(budget.at(&["spec", "selector"]))?)))
        .collect();
    if budgets.is_empty() {
        return;
    }
    // Whatever an autoscaler of any environment names, it may scale.
    let scaled: HashSet<&str> = inventory
        .objects
        .iter()
        .filter(|object| is_autoscaler(object))
        .filter_map(|object| object.text(&["spec", "scaleTargetRef", "name"]))
        .collect();
    let workloads: Vec<(&Object<'_>, Vec<(String, String)>)> = ["Deployment", "StatefulSet", "Rollout"]
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .map(|workload| (workload, pod_labels(workload)))
        .collect();
    for (budget, wanted) in budgets {
        let mut of_them = workloads
            .iter()
            .filter(|(workload, labels)| budget.meets(workload) && carries(labels, &wanted))
            .map(|(workload, _)| *workload);
        // The pods of several are counted together.
        let (Some(workload), None) = (of_them.next(), of_them.next()) else { continue };
        let is_meant = budget.is_beside(workload)
            || budget.namespace.is_some() && budget.namespace == workload.namespace;
        if is_meant && !scaled.contains(workload.name.as_str()) && !scaled.contains(workload.document.name())
        {
            findings.extend(tight(budget, workload));
        }
    }
}

fn tight(budget: &Object<'_>, workload: &Object<'_>) -> Option<Finding> {
    let is_changed = workload.replicas.iter().any(Option::is_some)
        || workload.patched.iter().any(|path| path.iter().any(|key| key == "replicas"));
    let pods = workload.integer(&["spec", "replicas"]).filter(|pods| *pods > 0 && !is_changed)?;
    let node = budget::stops_all(budget, pods)?;
    let message = match pods {
        1 => format!("the one pod of `{}` may not go", workload.name),
        _ => format!("none of the {pods} pods of `{}` may go", workload.name),
    };
    let place = workload.at(&["spec", "replicas"]).map_or(workload.name_place(), |node| workload.place(node));
    let mut finding = Finding::new(&DISRUPTION_BUDGET, budget.place(node), message)
        .related(place, "so many, and no autoscaler")
        .why("draining a node waits for ever, and so does every upgrade of the cluster")
        .help(match pods {
            1 => "write `replicas: 2` and `maxUnavailable: 1`, or leave the budget out: one pod is away for a moment at every upgrade",
            _ => "write `maxUnavailable: 1`, which follows the number of pods",
        });
    if pods == 1 {
        finding.severity = Severity::Note;
    }
    Some(finding)
}

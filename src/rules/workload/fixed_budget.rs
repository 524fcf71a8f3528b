//! PodDisruptionBudgets of workloads that nobody scales, whose number of pods is written.
//!
//! Source: kubernetes/kubernetes pkg/controller/disruption/disruption.go, getExpectedPodCount.

use std::collections::HashSet;

use super::budget::Kept;
use super::rendered::{Pair, together};
use super::{DISRUPTION_BUDGET, carries, is_autoscaler, match_labels, pod_labels};
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
            for pair in together(workload, budget, workload) {
                let finding = tight(budget, workload, pair);
                findings.extend(finding.filter(|finding| !findings.contains(finding)));
            }
        }
    }
}

fn tight(budget: &Object<'_>, workload: &Object<'_>, (own_at, budget_at): Pair) -> Option<Finding> {
    let written = workload.number(own_at, "replicas")?;
    let pods = written.or(0)?;
    let kept = Kept::of(budget, budget_at)?;
    if pods <= 0 || !kept.stops_all(pods) {
        return None;
    }
    let is_of_overlay = written.is_changed || kept.is_changed;
    let name = if is_of_overlay { workload.document.name() } else { &workload.name };
    let with = if is_of_overlay { "with this patch, " } else { "" };
    let message = match pods {
        1 => format!("{with}the one pod of `{name}` may not go"),
        _ => format!("{with}none of the {pods} pods of `{name}` may go"),
    };
    let so_many = (written.place?, "so many, and no autoscaler");
    let keeps = (kept.place, "the budget");
    let ((place, _), (other, said)) = if written.is_changed { (so_many, keeps) } else { (keeps, so_many) };
    let mut finding = Finding::new(&DISRUPTION_BUDGET, place, message)
        .related(other, said)
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

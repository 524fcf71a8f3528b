//! A trigger that counts pods, among them those of the workload that it scales.
//!
//! Source: kedacore/keda pkg/scalers/kubernetes_workload_scaler.go, getMetricValue: all pods of the namespace that fit
//! `podSelector`, but those that are done.

use super::cards::COUNTS_ITSELF;
use super::is_known;
use super::part::with_workloads;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};

pub fn own_pods<'i>(inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (object, view, workload) in with_workloads(inventory) {
        let own = workload.pod_labels();
        for trigger in view.triggers.iter().filter(|trigger| trigger.kind == "kubernetes-workload") {
            let (Some(entry), Some(selector)) = (trigger.entry("podSelector"), trigger.value("podSelector"))
            else {
                continue;
            };
            let Some(wanted) = labels(&selector).filter(|_| is_known(&selector)) else { continue };
            if !fits(&own, &wanted) || !workload.belongs_to(object) {
                continue;
            }
            let mut others = ["Deployment", "StatefulSet", "DaemonSet", "Rollout"]
                .into_iter()
                .flat_map(|kind| inventory.kind(kind))
                .filter(|other| !std::ptr::eq(*other, workload) && other.meets(workload));
            let has_others = others.any(|other: &Object<'_>| fits(&other.pod_labels(), &wanted));
            let mut finding = Finding::new(
                &COUNTS_ITSELF,
                object.place(&entry.node),
                format!("the selector takes the pods of `{}` itself", workload.name),
            )
            .related(workload.name_place(), "the workload that is scaled")
            .why("every pod that is added is counted, and asks for more: the number does not follow the load, and a `value` below the share of the workload's own pods leads to the maximum")
            .help("select by a label that only the other pods have");
            if has_others {
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
        }
    }
    findings
}

/// `app=web,tier=ci`; None where it is more than that.
fn labels(selector: &str) -> Option<Vec<(&str, &str)>> {
    let pairs = selector.split(',').map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.strip_prefix('=').unwrap_or(value);
        (!name.contains('!') && !name.trim().contains(' ')).then_some((name.trim(), value.trim()))
    });
    pairs.collect()
}

fn fits(labels: &[(String, String)], wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(name, value)| labels.iter().any(|(own, other)| own == name && other == value))
}

#[cfg(test)]
mod tests {
    use super::labels;

    #[test]
    fn reads_selectors_of_pods() {
        assert_eq!(labels("app=web, tier==ci"), Some(vec![("app", "web"), ("tier", "ci")]));
        for other in ["app in (web)", "app!=web", "app", "!app", "app=a,tier in (b, c)"] {
            assert_eq!(labels(other), None, "{other}");
        }
    }
}

//! Where the pods may be, against how many there are to be.
//!
//! Sources: kubernetes/kubernetes pkg/scheduler/framework/plugins/podtopologyspread/filtering.go (pods are counted by the
//! selector of the constraint) and interpodaffinity/filtering.go (required: a domain with such a pod takes no other one).

use super::{SPREAD, Scaled, carries, match_labels, pod_labels};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::has_variable;
use crate::source::Place;

/// More zones than these hardly a region has; three are usual.
const MOST_ZONES: i64 = 6;
const USUAL_ZONES: i64 = 3;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let kinds = ["Deployment", "StatefulSet", "Rollout"];
    for workload in kinds.into_iter().flat_map(|kind| inventory.kind(kind)) {
        if !is_changed(workload, &["topologySpreadConstraints", "labels"]) {
            findings.extend(unselected(workload));
        }
    }
    let mut told: Vec<Place> = Vec::new();
    for one in scaled {
        let is_ranged = is_changed(one.autoscaler, &["maxReplicas", "maxReplicaCount"]);
        if is_ranged || is_changed(one.workload, &["affinity", "labels"]) {
            continue;
        }
        let finding = apart(one).filter(|finding| !told.contains(&finding.place));
        told.extend(finding.as_ref().map(|finding| finding.place));
        findings.extend(finding);
    }
}

fn is_changed(object: &Object<'_>, keys: &[&str]) -> bool {
    object.patched.iter().any(|path| path.iter().any(|key| keys.contains(&key.as_str())))
}

/// A constraint that counts other pods than these.
fn unselected(workload: &Object<'_>) -> Option<Finding> {
    let constraints = workload.pod_template()?.at(&["spec", "topologySpreadConstraints"])?.items();
    let labels = pod_labels(workload);
    let is_open = |wanted: &[(String, String)]| {
        let all = wanted.iter().chain(&labels);
        all.clone().any(|(name, value)| has_variable(name) || has_variable(value))
            || all.clone().any(|(_, value)| value.contains("{{"))
    };
    constraints.iter().find_map(|constraint| {
        let selector = constraint.get("labelSelector");
        let (node, said, help) = match selector {
            None => {
                let node = constraint.get("topologyKey")?;
                (node, "this constraint selects no pods".to_string(), "write a `labelSelector` with the labels of the pod template")
            }
            Some(selector) => {
                let wanted = match_labels(Some(selector))?;
                if carries(&labels, &wanted) || is_open(&wanted) {
                    return None;
                }
                let (name, value) = wanted.iter().find(|pair| !labels.contains(pair))?;
                let node = selector.at(&["matchLabels", name]).unwrap_or(selector);
                let said = format!("this constraint counts pods with `{name}: {value}`, which those of `{}` are not", workload.name);
                (node, said, "select by labels of the pod template")
            }
        };
        // The labels are to be added by a template that is not here.
        if labels.is_empty() {
            return None;
        }
        Some(
            Finding::new(&SPREAD, workload.place(node), said)
                .related(workload.name_place(), "the workload")
                .why("the scheduler counts 0 such pods everywhere, and takes any place for even: all pods may be on one node or in one zone")
                .help(help),
        )
    })
}

/// At most one pod in each zone, and more are to be started.
fn apart(one: &Scaled<'_>) -> Option<Finding> {
    let required = ["spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = one.workload.pod_template()?.at(&required)?.items();
    let labels = pod_labels(one.workload);
    let (term, domain) = terms.iter().find_map(|term| {
        let domain = match term.get("topologyKey")?.as_str()? {
            "topology.kubernetes.io/zone" | "failure-domain.beta.kubernetes.io/zone" => "zone",
            "topology.kubernetes.io/region" => "region",
            _ => return None,
        };
        // In its own namespace: that is where its own pods are.
        let is_elsewhere = term.get("namespaces").is_some() || term.get("namespaceSelector").is_some();
        let wanted = match_labels(term.get("labelSelector"))?;
        (!is_elsewhere && carries(&labels, &wanted)).then_some((term, domain))
    })?;
    let most = one.maximum();
    if most <= USUAL_ZONES {
        return None;
    }
    let place = one.workload.place(term.get("topologyKey")?);
    let message =
        format!("each {domain} takes one pod of `{}`, and up to {most} are to be started", one.workload.name);
    let mut finding = Finding::new(&SPREAD, place, message)
        .related(one.autoscaler.name_place(), format!("scaled up to {most} pods"))
        .why(format!("a region has {USUAL_ZONES} zones as a rule: what is beyond them stays Pending, and no new node helps"))
        .help("write it under `preferredDuringSchedulingIgnoredDuringExecution`, or a `topologySpreadConstraints` with `maxSkew: 1`");
    if most <= MOST_ZONES {
        finding.severity = Severity::Note;
    }
    Some(finding)
}

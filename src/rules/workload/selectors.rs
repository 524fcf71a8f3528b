//! Selectors of workloads.
//!
//! Sources: kubernetes/kubernetes pkg/apis/apps/validation/validation.go (the selector must match the template);
//! pkg/controller/podautoscaler/horizontal.go, AmbiguousSelector.

use std::collections::HashMap;

use super::{OVERLAPPING_SELECTORS, SELECTOR_MISMATCH, Scaled, carries, match_labels, pod_labels};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::has_variable;

pub(super) fn alone(object: &Object<'_>, findings: &mut Vec<Finding>) {
    if !matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Rollout") {
        return;
    }
    let Some(selector) = object.at(&["spec", "selector", "matchLabels"]) else { return };
    let Some(template) = object.at(&["spec", "template", "metadata"]) else { return };
    let labels = pod_labels(object);
    for entry in selector.entries() {
        let Some(wanted) = entry.node.as_written() else { continue };
        let own = labels.iter().find(|(name, _)| *name == entry.key).map(|(_, value)| value);
        if own == Some(&wanted) || has_variable(&wanted) || own.is_some_and(|own| has_variable(own)) {
            continue;
        }
        let has = own.map_or("does not carry it".to_string(), |own| format!("carries `{}={own}`", entry.key));
        let place = template.get("labels").map_or(object.place(template), |node| object.place(node));
        findings.push(
            Finding::new(
                &SELECTOR_MISMATCH,
                object.place(&entry.node),
                format!("the selector asks for `{}={wanted}`, and the pod template {has}", entry.key),
            )
            .related(place, "the labels of the pods")
            .why("the API server refuses the object: there is no workload to scale")
            .help("write the same label in both"),
        );
    }
}

/// Of two workloads that are scaled in one namespace, neither may select the pods of the other.
pub(super) fn overlapping(scaled: &[Scaled<'_>], findings: &mut Vec<Finding>) {
    // By namespace, and by the first label that the selector asks for.
    let mut asking: HashMap<(Option<&str>, String, String), Vec<usize>> = HashMap::new();
    for (number, one) in scaled.iter().enumerate() {
        if let Some(wanted) = selector(one.workload) {
            let (name, value) = wanted[0].clone();
            asking.entry((one.workload.namespace.as_deref(), name, value)).or_default().push(number);
        }
    }
    for other in scaled {
        let labels = pod_labels(other.workload);
        for (name, value) in &labels {
            let key = (other.workload.namespace.as_deref(), name.clone(), value.clone());
            for one in asking.get(&key).into_iter().flatten().map(|number| &scaled[*number]) {
                let same = std::ptr::eq(one.workload.document, other.workload.document)
                    || one.workload.name == other.workload.name;
                // Without a namespace only what lies together is applied together.
                let together = one.workload.namespace.is_some()
                    || one.workload.nearness(other.workload) >= usize::MAX - 1;
                let Some(wanted) = selector(one.workload).filter(|_| !same && together) else { continue };
                if carries(&labels, &wanted) {
                    findings.push(overlap(one.workload, other.workload));
                }
            }
        }
    }
}

fn overlap(one: &Object<'_>, other: &Object<'_>) -> Finding {
    let node = one.at(&["spec", "selector"]);
    Finding::new(
        &OVERLAPPING_SELECTORS,
        node.map_or(one.name_place(), |node| one.place(node)),
        format!("the selector of `{}` also takes the pods of `{}`", one.name, other.name),
    )
    .related(other.name_place(), "has an autoscaler of its own")
    .why("the HPA counts pods by this selector: it averages over the wrong pods, and newer Kubernetes stops scaling both with AmbiguousSelector")
    .help("add a label that only these pods carry, to selector and template")
}

fn selector(workload: &Object<'_>) -> Option<Vec<(String, String)>> {
    match_labels(workload.at(&["spec", "selector"]))
}

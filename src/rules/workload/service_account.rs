//! The account of the pods of a scaled workload, or of a Prometheus, that no file makes while others are here.
//!
//! Source: kubernetes/kubernetes plugin/pkg/admission/serviceaccount/admission.go: a pod whose account is not there is
//! refused.

use std::collections::HashSet;

use super::config::is_prometheus;
use super::{CONFIG_MISSING, Scaled};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    let meant = scaled.iter().filter(|one| one.workload.belongs_to(one.autoscaler)).map(|one| one.workload);
    let own = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind));
    for workload in meant.chain(own.filter(|workload| is_prometheus(workload))) {
        if seen.insert(std::ptr::from_ref(workload.document)) {
            findings.extend(missing(inventory, workload));
        }
    }
}

fn missing(inventory: &Inventory<'_>, workload: &Object<'_>) -> Option<Finding> {
    let spec = workload.pod_template()?.get("spec")?;
    let node = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount"))?;
    let name = node.as_str().filter(|name| !matches!(*name, "" | "default"))?;
    let is_template = workload.path.split('/').any(|folder| folder == "templates");
    let is_patched =
        workload.patched.iter().any(|path| path.iter().any(|key| key.starts_with("serviceAccount")));
    // In whatever namespace: which one is applied is not always written.
    let is_here = inventory.named("ServiceAccount", name).next().is_some();
    if is_template || is_patched || is_here || has_variable(name) || name.contains(['{', '<']) {
        return None;
    }
    let bound = ["RoleBinding", "ClusterRoleBinding"].into_iter().flat_map(|kind| inventory.kind(kind)).find(
        |binding| {
            let subjects = binding.at(&["subjects"]).map(Node::items).unwrap_or_default();
            binding.meets(workload)
                && subjects.iter().any(|subject| {
                    subject.get("kind").and_then(Node::as_str) == Some("ServiceAccount")
                        && subject.get("name").and_then(Node::as_str) == Some(name)
                })
        },
    );
    // Where no account is here at all they come from elsewhere.
    let other =
        inventory.kind("ServiceAccount").find(|other| other.meets(workload) && other.is_beside(workload));
    let (beside, said) = match (bound, other) {
        (Some(binding), _) => (binding, "has rights"),
        (None, Some(other)) => (other, "another one is here"),
        (None, None) => return None,
    };
    Some(
        Finding::new(
            &CONFIG_MISSING,
            workload.place(node),
            format!("no file here has the ServiceAccount `{}`", name.escape_debug()),
        )
        .related(beside.name_place(), said)
        .why("if nobody makes it in the cluster, no pod is created: the ReplicaSet is told `serviceaccount not found`, and the autoscaler asks for pods in vain")
        .help("add it, or leave `serviceAccountName` out if the pods do not ask the API server"),
    )
}

//! Variables of a scaled or scraped workload that come from a key which its ConfigMap or Secret does not have.
//!
//! Source: kubernetes/kubernetes pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables: without `optional` a key that is not
//! there is an error, and the container is not made (CreateContainerConfigError).

use super::{MISSING_KEY, Scaled};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

const SCALED: &str =
    "no container starts (CreateContainerConfigError): the autoscaler adds pods, and none of them ever works";
const SIZED: &str = "no container starts (CreateContainerConfigError): there is nothing that the VerticalPodAutoscaler could measure";
const SCRAPED: &str = "no container starts (CreateContainerConfigError): there is nothing to scrape";

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &Scaled<'i>, findings: &mut Vec<Finding>) {
    of(inventory, scaled.workload, SCALED, findings);
}

/// Workloads whose pods are sized, or whose pods say that they are scraped.
pub(super) fn of_others<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    for sizer in inventory.kind("VerticalPodAutoscaler").filter(|object| !object.is_fragment) {
        let text = |key: &str| sizer.text(&["spec", "targetRef", key]);
        let workload = text("kind").zip(text("name"));
        if let Some(workload) = workload.and_then(|(kind, name)| inventory.meant(kind, name, sizer)) {
            of(inventory, workload, SIZED, findings);
        }
    }
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for workload in inventory.kind(kind).filter(|object| !object.is_fragment) {
            let scrape = &["spec", "template", "metadata", "annotations", "prometheus.io/scrape"];
            if workload.at(scrape).and_then(Node::as_written).as_deref() == Some("true") {
                of(inventory, workload, SCRAPED, findings);
            }
        }
    }
}

fn of<'i>(
    inventory: &'i Inventory<'i>,
    workload: &Object<'_>,
    why: &'static str,
    findings: &mut Vec<Finding>,
) {
    for list in ["containers", "initContainers"] {
        let containers = workload.at(&["spec", "template", "spec", list]).map(Node::items);
        for container in containers.unwrap_or_default() {
            for entry in container.get("env").map(Node::items).unwrap_or_default() {
                let Some(from) = entry.get("valueFrom") else { continue };
                for (kind, key) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                    let Some(reference) = from.get(key) else { continue };
                    let Some(finding) = missing(inventory, workload, reference, (kind, why)) else {
                        continue;
                    };
                    // Two autoscalers may mean one workload.
                    if !findings.iter().any(|other| other.place == finding.place) {
                        findings.push(finding);
                    }
                }
            }
        }
    }
}

fn missing<'i>(
    inventory: &'i Inventory<'i>,
    workload: &Object<'_>,
    reference: &Node,
    (kind, why): (&'static str, &'static str),
) -> Option<Finding> {
    if reference.get("optional").and_then(Node::as_written).as_deref() == Some("true") {
        return None;
    }
    let node = reference.get("key")?;
    let key = node.as_str().filter(|key| !has_variable(key))?;
    let name = reference.get("name")?.as_str()?;
    let makers = inventory.makers(kind, name, workload);
    let holder = makers.iter().max_by_key(|maker| maker.nearness(workload))?;
    // What a patch puts in may have it, or another one of that name.
    let lacks = |maker: &&Object<'_>| {
        let keys = maker.keys();
        let is_open = keys.is_empty() || keys.iter().any(|own| *own == key || has_variable(own));
        maker.patched.is_empty() && !is_open
    };
    let is_one = inventory.named(kind, name).count() <= 1;
    if !workload.patched.is_empty()
        || !is_one
        || !makers.iter().all(lacks)
        || inventory.is_generated(kind, name)
    {
        return None;
    }
    let keys = holder.keys();
    let mut finding = Finding::new(
        &MISSING_KEY,
        workload.place(node),
        format!("the {kind} `{name}` has no key `{}`", key.escape_debug()),
    )
    .related(holder.name_place(), "its keys are others")
    .why(why);
    let others = ["ConfigMap", "Secret"].into_iter().flat_map(|kind| inventory.kind(kind));
    let elsewhere = others
        .filter(|other| other.belongs_to(workload) && other.keys().contains(&key))
        .find(|other| other.name != name || other.kind() != kind);
    finding = match (elsewhere, nearest(key, keys.iter().copied())) {
        (Some(other), _) => {
            finding.help(format!("the {} `{}` has it: refer to that", other.kind(), other.name))
        }
        (None, Some(near)) => finding.help(format!("did you mean `{near}`?")),
        (None, None) => {
            finding.help(format!("add `{}` to the {kind}, or write one of its keys", key.escape_debug()))
        }
    };
    // The keys of a Secret may be filled in the cluster.
    if kind == "Secret" {
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

//! Addresses of triggers that name a workload, where its Service is called otherwise.
//!
//! Source: kubernetes/website content/en/docs/concepts/services-networking/dns-pod-service.md: names in a cluster are
//! those of Services.

use super::{SERVICE_NAME, carries, pod_labels};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// Keys of the metadata that hold addresses.
const KEYS: [&str; 8] =
    ["serverAddress", "address", "addresses", "host", "hosts", "url", "bootstrapServers", "endpoint"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        for entry in trigger.get("metadata").map(Node::entries).unwrap_or_default() {
            let Some(text) = entry.node.as_str().filter(|text| !has_variable(text)) else { continue };
            if KEYS.contains(&entry.key.as_str())
                && let Some(finding) =
                    text.split(',').find_map(|one| misnamed(inventory, object, &entry.node, one))
            {
                findings.push(finding);
            }
        }
    }
}

fn misnamed<'i>(
    inventory: &'i Inventory<'i>,
    object: &Object<'_>,
    node: &Node,
    address: &str,
) -> Option<Finding> {
    let rest = address.trim().split_once("://").map_or(address.trim(), |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).split(':').next()?;
    let mut parts = host.split('.');
    let (name, namespace) = (parts.next()?, parts.next()?);
    if parts.next().is_some_and(|third| third != "svc") {
        return None;
    }
    let is_here = |object: &&Object<'_>| object.may_be_in(namespace);
    if inventory.named("Service", name).any(|service| is_here(&service)) {
        return None;
    }
    let workload = ["Deployment", "StatefulSet"]
        .into_iter()
        .find_map(|kind| inventory.named(kind, name).find(|workload| workload.may_be_in(namespace)))?;
    let labels = pod_labels(workload);
    let service = inventory.kind("Service").filter(is_here).find(|service| {
        let selector: Vec<(String, String)> = service
            .at(&["spec", "selector"])
            .map(Node::pairs)
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        service.document.api_version() == "v1" && !selector.is_empty() && carries(&labels, &selector)
    })?;
    Some(
        Finding::new(&SERVICE_NAME, object.place(node), format!("there is no Service `{name}` in `{namespace}`"))
            .related(workload.name_place(), format!("a {} is called so", workload.kind()))
            .related(service.name_place(), "its Service")
            .why("the name cannot be resolved: KEDA reports an error at every poll, and nothing scales by this trigger")
            .help(format!("write `{}`", address.trim().replacen(name, &service.name, 1))),
    )
}

//! Addresses of triggers to which no Service answers: the name of a workload whose Service is called otherwise, a Service
//! of another namespace, a short name that counts in KEDA's own namespace.
//!
//! Source: kubernetes/website content/en/docs/concepts/services-networking/dns-pod-service.md: names in a cluster are
//! those of Services.

use super::{SERVICE_NAME, carries, pod_labels};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// Keys of the metadata that hold addresses.
const KEYS: [&str; 7] =
    ["serverAddress", "address", "addresses", "host", "url", "bootstrapServers", "endpoint"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        // What is asked through a proxy names hosts of its own.
        let kind = trigger.get("type").and_then(Node::as_str).unwrap_or_default();
        if kind.contains("http") || kind.starts_with("kedify-") {
            continue;
        }
        for entry in trigger.get("metadata").map(Node::entries).unwrap_or_default() {
            let Some(text) = entry.node.as_str().filter(|text| !has_variable(text)) else { continue };
            if KEYS.contains(&entry.key.as_str())
                && let Some(finding) = text.split(',').find_map(|one| {
                    // Of the short names of a Prometheus the rules for its trigger speak.
                    let short =
                        || short(inventory, object, &entry.node, one).filter(|_| kind != "prometheus");
                    misnamed(inventory, object, &entry.node, one).or_else(short)
                })
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
    let mut parts = host(address)?.split('.');
    let (name, namespace) = (parts.next()?, parts.next()?);
    if parts.next().is_some_and(|third| third != "svc") {
        return None;
    }
    let is_here = |object: &&Object<'_>| object.may_be_in(namespace);
    if inventory.named("Service", name).any(|service| is_here(&service)) {
        return None;
    }
    // One of that name in another namespace, and none whose namespace is open.
    let named: Vec<&Object<'_>> =
        inventory.named("Service", name).filter(|service| service.document.api_version() == "v1").collect();
    if let Some(service) = named.first()
        && named.iter().all(|service| service.namespace == named[0].namespace)
    {
        let own = service.namespace_text();
        return Some(
            Finding::new(&SERVICE_NAME, object.place(node), format!("there is no Service `{name}` in `{namespace}`"))
                .related(service.name_place(), format!("it is in `{own}`"))
                .why("the name cannot be resolved: KEDA reports an error at every poll, and nothing scales by this trigger")
                .help(format!("write `{}`", address.trim().replacen(&format!("{name}.{namespace}"), &format!("{name}.{own}"), 1))),
        );
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

/// The host of an address, of whatever scheme.
fn host(address: &str) -> Option<&str> {
    let rest = address.trim().split_once("://").map_or(address.trim(), |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next()?;
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).split(':').next()
}

/// A Service without its namespace: KEDA, which asks, lives in another one.
fn short<'i>(
    inventory: &'i Inventory<'i>,
    object: &Object<'_>,
    node: &Node,
    address: &str,
) -> Option<Finding> {
    let name = host(address).filter(|host| !host.is_empty() && !host.contains('.'))?;
    let service =
        inventory.meant("Service", name, object).filter(|service| service.document.api_version() == "v1")?;
    let namespace = service.namespace.as_deref().or(object.namespace.as_deref()).unwrap_or("<namespace>");
    // KEDA beside the workload, as in a demonstration.
    if namespace == "keda" {
        return None;
    }
    Some(
        Finding::new(&SERVICE_NAME, object.place(node), format!("`{name}` is looked up in KEDA's namespace"))
            .related(service.name_place(), "the Service that is meant")
            .why("KEDA asks from where it runs, not from the namespace of this object: the name is not found, and nothing scales by this trigger")
            .help(format!("write `{}`", address.trim().replacen(name, &format!("{name}.{namespace}.svc"), 1))),
    )
}

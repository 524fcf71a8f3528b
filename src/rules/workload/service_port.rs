//! The port of the pods to which a Service leads.
//!
//! Source: kubernetes/kubernetes pkg/api/v1/pod/util.go, FindPort: a pod without a port of that name is no endpoint for it.

use super::service::{WHY, selector};
use super::{SERVICE_NOWHERE, carries, pod_labels};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

/// A `targetPort` that is the name of no port of the pods.
pub(super) fn no_port(service: &Object<'_>, workload: &Object<'_>) -> Option<Finding> {
    let wanted = selector(service);
    if wanted.is_empty() || !carries(&pod_labels(workload), &wanted) || !workload.patched.is_empty() {
        return None;
    }
    let spec = workload.at(&["spec", "template", "spec"])?;
    let containers = ["containers", "initContainers"].into_iter().filter_map(|key| spec.get(key));
    let ports: Vec<&Node> = containers
        .flat_map(Node::items)
        .flat_map(|container| container.get("ports").map(Node::items).unwrap_or_default())
        .collect();
    let names: Vec<&str> = ports.iter().filter_map(|port| port.get("name")?.as_str()).collect();
    let node = service.at(&["spec", "ports"])?.items().iter().find_map(|port| {
        let node = port.get("targetPort")?;
        let name = node.as_str()?;
        let is_name = name.bytes().any(|byte| byte.is_ascii_alphabetic()) && !has_variable(name);
        (is_name && !names.contains(&name)).then_some(node)
    })?;
    // What a webhook puts into the pod may bring the port.
    let has_open = names.iter().any(|name| has_variable(name));
    if has_open {
        return None;
    }
    let name = node.as_str().unwrap_or_default();
    let declared: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let told = if declared.is_empty() { "none with a name".to_string() } else { declared.join(", ") };
    let finding = Finding::new(
        &SERVICE_NOWHERE,
        service.place(node),
        format!("no container of `{}` has a port called `{name}`: there is {told}", workload.name),
    )
    .related(service.name_place(), "the Service")
    .related(workload.name_place(), "the workload behind it")
    .why(WHY);
    Some(match crate::finding::nearest(name, names.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("name the port of the container so, or write its number"),
    })
}

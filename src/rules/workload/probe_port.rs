//! A probe that asks a port by a name which its container does not have.
//!
//! Source: kubernetes/kubernetes pkg/probe/util.go, ResolveContainerPort: a name among the ports of this one container, or
//! a number as a text; anything else is a failure of the probe.

use super::PROBE_PORT;
use crate::finding::{Finding, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Rollout"];
    for workload in kinds.into_iter().flat_map(|kind| inventory.kind(kind)) {
        let is_changed = |key: &String| key == "ports" || key.ends_with("Probe");
        if workload.patched.iter().any(|path| path.iter().any(is_changed)) {
            continue;
        }
        findings.extend(workload.containers().iter().filter_map(|container| unnamed(workload, container)));
    }
}

/// The first probe of a container that asks for a port which it does not name.
fn unnamed(workload: &Object<'_>, container: &Node) -> Option<Finding> {
    let ports = container.get("ports").map(Node::items).unwrap_or_default();
    let names: Vec<&str> = ports.iter().filter_map(|port| port.get("name")?.as_str()).collect();
    if names.iter().any(|name| has_variable(name)) {
        return None;
    }
    let (probe, node, name) =
        ["readinessProbe", "startupProbe", "livenessProbe"].into_iter().find_map(|key| {
            let probe = container.get(key)?;
            let node = ["httpGet", "tcpSocket"].into_iter().find_map(|how| probe.at(&[how, "port"]))?;
            let name = node.as_str().filter(|name| !has_variable(name) && name.parse::<u16>().is_err())?;
            (!names.contains(&name)).then_some((key, node, name))
        })?;
    let own = container.get("name").and_then(Node::as_str).unwrap_or_default();
    let declared: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let told = if declared.is_empty() { "none with a name".to_string() } else { declared.join(", ") };
    let message = format!(
        "the container `{}` has no port called `{}`: there is {told}",
        own.escape_debug(),
        name.escape_debug()
    );
    let why = match probe {
        "readinessProbe" => {
            "the probe never succeeds: no pod is ever ready, none gets requests, and what an autoscaler starts adds nothing"
        }
        _ => "the probe never succeeds: the container is killed and started again, for ever",
    };
    let finding = Finding::new(&PROBE_PORT, workload.place(node), message)
        .related(workload.name_place(), "the workload")
        .why(why);
    Some(match nearest(name, names.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("name the port of this container so, or write its number"),
    })
}

//! Pod templates that the API server refuses, for what everybody overlooks at times.
//!
//! Source: kubernetes/kubernetes pkg/apis/core/validation/validation.go, ValidateVolumeMounts ("Not found"),
//! validateContainers (names are there once), ValidatePodSpec and IsValidPortName (15 characters),
//! ValidateContainerResourceRequirements (what cannot be shared is whole, and its limit is the request).

use std::collections::HashSet;

use super::POD_REFUSED;
use crate::finding::{Finding, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

const WHY: &str = "the API server refuses the object: there is no workload to scale";
const WHY_OF_JOBS: &str =
    "KEDA accepts the ScaledJob, and the API server refuses each Job: nothing ever runs";

/// The longest name of a port.
const LONGEST: usize = 15;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ScaledJob"];
    for workload in kinds.into_iter().flat_map(|kind| inventory.kind(kind)) {
        let Some(spec) = workload.pod_template().and_then(|template| template.get("spec")) else { continue };
        let is_changed = |path: &Vec<String>| {
            path.iter().any(|key| {
                matches!(key.as_str(), "volumes" | "containers" | "volumeClaimTemplates" | "template")
            })
        };
        let is_template = workload.path.split('/').any(|folder| folder == "templates");
        if is_template || workload.patched.iter().any(is_changed) {
            continue;
        }
        let found = unmounted(workload, spec)
            .or_else(|| twice(workload))
            .or_else(|| long(workload))
            .or_else(|| device(workload));
        let why = if workload.kind() == "ScaledJob" { WHY_OF_JOBS } else { WHY };
        findings.extend(found.map(|finding| finding.why(why)));
    }
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key).map(Node::items).unwrap_or_default()
}

/// A mount of a volume that the pod does not have.
fn unmounted(workload: &Object<'_>, spec: &Node) -> Option<Finding> {
    let mut names: Vec<&str> =
        list(spec, "volumes").iter().filter_map(|volume| text(volume, "name")).collect();
    let claims = workload.at(&["spec", "volumeClaimTemplates"]).map(Node::items).unwrap_or_default();
    names.extend(claims.iter().filter_map(|claim| text(claim.get("metadata")?, "name")));
    let is_open = |node: &Node| node.as_str().is_some();
    if names.iter().any(|name| has_variable(name)) || spec.get("volumes").is_some_and(is_open) {
        return None;
    }
    let containers = list(spec, "containers").iter().chain(list(spec, "initContainers"));
    let node = containers.flat_map(|container| list(container, "volumeMounts")).find_map(|mount| {
        let node = mount.get("name")?;
        let name = node.as_str().filter(|name| !has_variable(name) && !name.contains("{{"))?;
        (!names.contains(&name)).then_some(node)
    })?;
    let name = node.as_str().unwrap_or_default();
    let told: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let told = if told.is_empty() { "none".to_string() } else { told.join(", ") };
    let message = format!("the pod has no volume `{}`: there is {told}", name.escape_debug());
    let finding = Finding::new(&POD_REFUSED, workload.place(node), message);
    Some(match nearest(name, names.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("add it under `volumes`, or take the mount out"),
    })
}

/// Two containers of one name.
fn twice(workload: &Object<'_>) -> Option<Finding> {
    let mut seen: HashSet<&str> = HashSet::new();
    let node = workload.containers().iter().find_map(|container| {
        let node = container.get("name")?;
        let name = node.as_str().filter(|name| !has_variable(name))?;
        (!seen.insert(name)).then_some(node)
    })?;
    let message = format!("a second container `{}`", node.as_str().unwrap_or_default().escape_debug());
    let first = workload
        .containers()
        .iter()
        .filter_map(|one| one.get("name"))
        .find(|one| one.as_str() == node.as_str())?;
    Some(
        Finding::new(&POD_REFUSED, workload.place(node), message)
            .related(workload.place(first), "the first one")
            .help("give each container a name of its own"),
    )
}

/// The name of a port with more than 15 characters.
fn long(workload: &Object<'_>) -> Option<Finding> {
    let ports = workload.containers().iter().flat_map(|container| list(container, "ports"));
    let node = ports.filter_map(|port| port.get("name")).find(|node| {
        node.as_str().is_some_and(|name| name.len() > LONGEST && !has_variable(name) && !name.contains("{{"))
    })?;
    let name = node.as_str().unwrap_or_default();
    Some(
        Finding::new(
            &POD_REFUSED,
            workload.place(node),
            format!("the name of the port `{name}` has {} characters", name.len()),
        )
        .help(format!("write at most {LONGEST}, here and wherever the port is named")),
    )
}

/// A part of a device, or a request of one without a limit.
fn device(workload: &Object<'_>) -> Option<Finding> {
    workload.containers().iter().find_map(|container| {
        let resources = container.get("resources")?;
        let entries = |kind: &'static str| {
            let entries = resources.get(kind).map(Node::entries).unwrap_or_default().iter();
            // What a vendor gives, such as `nvidia.com/gpu`.
            entries.filter(|entry| entry.key.contains('/') && !entry.key.contains("kubernetes.io/")).map(move |entry| (kind, entry))
        };
        entries("limits").chain(entries("requests")).find_map(|(kind, entry)| {
            let written = entry.node.as_written().filter(|text| !has_variable(text))?;
            let amount: f64 = written.parse().ok()?;
            let key = entry.key.escape_debug();
            if amount.fract() != 0.0 {
                let message = format!("`{key}: {written}` is no whole number");
                return Some(
                    Finding::new(&POD_REFUSED, workload.place(&entry.node), message)
                        .help("write a whole number; parts of a GPU come from the device plugin (time slicing, MIG), under names of their own"),
                );
            }
            let limit = resources.get("limits").and_then(|limits| limits.get(&entry.key));
            let is_same = limit.is_some_and(|limit| limit.as_written().and_then(|text| text.parse::<f64>().ok()) == Some(amount));
            if kind != "requests" || is_same || limit.and_then(Node::as_str).is_some_and(has_variable) {
                return None;
            }
            let message = match limit {
                Some(_) => format!("the limit of `{key}` is not its request"),
                None => format!("a request of `{key}` without a limit"),
            };
            Some(
                Finding::new(&POD_REFUSED, workload.place(&entry.node), message)
                    .help(format!("write `limits: {{ {key}: {written} }}`: it cannot be shared, and the limit is the request")),
            )
        })
    })
}

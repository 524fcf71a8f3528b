//! Containers and variables from which a TriggerAuthentication takes its parameters, and the one that a scaler names.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, ResolveContainerEnv: `couldn't find container with name`;
//! resolveAuthRef: what is not found is an empty text.

use super::environment::whole;
use super::{ENVIRONMENT, Scaled};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>, findings: &mut Vec<Finding>) {
    let scaler = one.autoscaler;
    // Whatever puts containers in is not followed.
    let is_changed =
        one.workload.patched.iter().flatten().any(|key| key == "containers" || key == "template");
    if is_changed || !one.workload.belongs_to(scaler) || one.workload.containers().is_empty() {
        return;
    }
    let path: &[&str] = match scaler.kind() {
        "ScaledJob" => &["spec", "envSourceContainerName"],
        _ => &["spec", "scaleTargetRef", "envSourceContainerName"],
    };
    findings.extend(scaler.at(path).and_then(|node| absent(one.workload, scaler, node)));
    for trigger in scaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let name = trigger.at(&["authenticationRef", "name"]).and_then(Node::as_str);
        let Some(given) = name.and_then(|name| inventory.meant("TriggerAuthentication", name, scaler)) else {
            continue;
        };
        for entry in given.at(&["spec", "env"]).map(Node::items).unwrap_or_default() {
            let told = match entry.get("containerName") {
                Some(node) => absent(one.workload, given, node),
                None => None,
            };
            let told = told.or_else(|| variable(inventory, one.workload, given, entry));
            // Several triggers may refer to the same one.
            findings.extend(told.filter(|told| !findings.contains(told)));
        }
    }
}

fn name_of(container: &Node) -> &str {
    container.get("name").and_then(Node::as_str).unwrap_or_default()
}

/// A container that the pods do not have.
fn absent(workload: &Object<'_>, by: &Object<'_>, node: &Node) -> Option<Finding> {
    let name =
        node.as_str().filter(|name| !name.is_empty() && !has_variable(name) && !name.contains("{{"))?;
    let names: Vec<&str> = workload.containers().iter().map(name_of).collect();
    if names.contains(&name) {
        return None;
    }
    let mut finding = Finding::new(
        &ENVIRONMENT,
        by.place(node),
        format!("the pods of `{}` have no container `{}`", workload.name, name.escape_debug()),
    )
    .related(workload.name_place(), format!("has `{}`", names.join("`, `")))
    .why("KEDA reads the variables of this container alone: it finds none, cannot build the scaler, and nothing scales");
    finding.severity = Severity::Error;
    Some(match (nearest(name, names.iter().copied()), names.as_slice()) {
        (Some(near), _) => finding.help(format!("did you mean `{near}`?")),
        (None, [one]) => finding.help(format!("write `{one}`, or leave it out: the first container counts")),
        _ => finding.help("write the name of the container that has the variables"),
    })
}

/// A variable that the container does not have.
fn variable<'i>(
    inventory: &'i Inventory<'i>,
    workload: &'i Object<'i>,
    given: &Object<'_>,
    entry: &Node,
) -> Option<Finding> {
    let node = entry.get("name")?;
    let name = node.as_str().filter(|name| !has_variable(name) && !name.contains("{{"))?;
    let wanted = entry.get("containerName").and_then(Node::as_str);
    let container =
        workload.containers().iter().find(|one| wanted.is_none_or(|wanted| name_of(one) == wanted))?;
    let own = whole(inventory, workload, container).filter(|own| !own.has(name))?;
    let parameter = entry.get("parameter").and_then(Node::as_str).unwrap_or_default();
    let finding = Finding::new(
        &ENVIRONMENT,
        given.place(node),
        format!("the container `{}` has no variable `{}`", name_of(container), name.escape_debug()),
    )
    .related(workload.place(container.get("name").unwrap_or(container)), "KEDA looks here")
    .why(format!(
        "`{parameter}` is empty: KEDA cannot build the scaler, or asks without it, and nothing scales"
    ));
    Some(match nearest(name, own.names.iter().map(String::as_str)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("add it to the `env` of the container, or give the value by `secretTargetRef`"),
    })
}

//! Values that a trigger takes from the environment of the target's container.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, ResolveContainerEnv; a key that ends in `FromEnv` names a
//! variable of the container `envSourceContainerName`, or else of the first one.

use super::{ENVIRONMENT, Scaled};
use crate::finding::{Finding, nearest};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

pub(super) fn check(one: &Scaled<'_>, findings: &mut Vec<Finding>) {
    let scaler = one.autoscaler;
    if !one.workload.belongs_to(scaler) {
        return;
    }
    let Some(container) = source_container(scaler, one.workload) else { return };
    // What a ConfigMap or a Secret brings is not known here.
    if container.get("envFrom").is_some()
        || one.workload.patched.iter().any(|path| path.iter().any(|key| key == "env"))
    {
        return;
    }
    let own = container.get("env").map(Node::items).unwrap_or_default();
    let own: Vec<&str> = own.iter().filter_map(|entry| entry.get("name")?.as_str()).collect();
    for trigger in scaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        for entry in trigger.get("metadata").map(Node::entries).unwrap_or_default() {
            let Some(key) = entry.key.strip_suffix("FromEnv") else { continue };
            let Some(name) = entry.node.as_str().filter(|name| !has_variable(name) && !own.contains(name))
            else {
                continue;
            };
            let called = container.get("name").and_then(Node::as_str).unwrap_or_default();
            let finding = Finding::new(
                &ENVIRONMENT,
                scaler.place(&entry.node),
                format!("the container `{called}` has no variable `{}`", name.escape_debug()),
            )
            .related(one.workload.place(container.get("name").unwrap_or(container)), "KEDA looks here")
            .why(format!(
                "`{key}` is empty: KEDA cannot build the scaler, or asks without it, and nothing scales"
            ));
            findings.push(match nearest(name, own.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!(
                    "add `{}` to its `env`, or give the value by a TriggerAuthentication",
                    name.escape_debug()
                )),
            });
        }
    }
}

/// The container whose environment KEDA reads: the one that is named, or the first.
pub(super) fn source_container<'i>(scaler: &Object<'_>, workload: &'i Object<'i>) -> Option<&'i Node> {
    // A ScaledJob holds the template of its pods itself.
    let is_job = scaler.kind() == "ScaledJob";
    let template: &[&str] =
        if is_job { &["spec", "jobTargetRef", "template"] } else { &["spec", "template"] };
    let containers = workload.at(template).and_then(|node| node.at(&["spec", "containers"]));
    let containers = containers.map(Node::items).unwrap_or_default();
    let wanted: &[&str] = if is_job {
        &["spec", "envSourceContainerName"]
    } else {
        &["spec", "scaleTargetRef", "envSourceContainerName"]
    };
    let wanted = scaler.text(wanted);
    containers.iter().find(|container| match wanted {
        Some(name) => container.get("name").and_then(Node::as_str) == Some(name),
        None => true,
    })
}

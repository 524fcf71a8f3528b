//! Values that a trigger takes from the environment of the target's container.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, ResolveContainerEnv; a key that ends in `FromEnv` names a
//! variable of the container `envSourceContainerName`, or else of the first one.

use super::{ENVIRONMENT, Scaled};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::needs;

/// Scalers of databases that hardly ever let anybody in without a password.
const WITH_PASSWORD: [&str; 5] = ["postgresql", "mysql", "mssql", "mongodb", "rabbitmq"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>, findings: &mut Vec<Finding>) {
    let scaler = one.autoscaler;
    if !one.workload.belongs_to(scaler) {
        return;
    }
    // Another set of manifests, with an autoscaler of its own for it.
    let has_own = |other: &Object<'_>| {
        other.is_beside(one.workload)
            && other
                .text(&["spec", "scaleTargetRef", "name"])
                .is_some_and(|name| one.workload.is_called(name))
    };
    let is_of_another_set = || !one.workload.is_beside(scaler) && inventory.kind("ScaledObject").any(has_own);
    let Some(container) = source_container(scaler, one.workload) else { return };
    let Some(own) = whole(inventory, one.workload, container) else { return };
    // Of several workloads of this name another one may be applied.
    let is_one = inventory.named(one.workload.kind(), &one.workload.name).count() == 1;
    for trigger in scaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let kind = trigger.get("type").and_then(Node::as_str).unwrap_or_default();
        let is_asked_for = |key: &str| needs(kind, key) || key == "password" && WITH_PASSWORD.contains(&kind);
        for entry in trigger.get("metadata").map(Node::entries).unwrap_or_default() {
            let Some(key) = entry.key.strip_suffix("FromEnv") else { continue };
            let Some(name) = entry.node.as_str().filter(|name| !has_variable(name) && !own.has(name)) else {
                continue;
            };
            // Nobody is asked for a password where there is none.
            if kind.starts_with("redis") && !needs(kind, key) && lets_everybody_in(inventory, scaler) {
                continue;
            }
            // A look at every autoscaler: only where there is something to tell.
            if is_of_another_set() {
                return;
            }
            let called = container.get("name").and_then(Node::as_str).unwrap_or_default();
            let mut finding = Finding::new(
                &ENVIRONMENT,
                scaler.place(&entry.node),
                format!("the container `{called}` has no variable `{}`", name.escape_debug()),
            )
            .related(one.workload.place(container.get("name").unwrap_or(container)), "KEDA looks here");
            for source in &own.sources {
                finding = finding.related(source.name_place(), "does not have it either");
            }
            finding = finding.why(format!(
                "`{key}` is empty: KEDA cannot build the scaler, or asks without it, and nothing scales"
            ));
            // Another source may give it as well; what is seldom asked for may be empty.
            if is_one && trigger.get("authenticationRef").is_none() && is_asked_for(key) {
                finding.severity = Severity::Error;
            }
            findings.push(match nearest(name, own.names.iter().map(String::as_str)) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!(
                    "add `{}` to its `env`, or give the value by a TriggerAuthentication",
                    name.escape_debug()
                )),
            });
        }
    }
}

/// Whether the Redis of these files, the nearest one, asks nobody for a password.
fn lets_everybody_in(inventory: &Inventory<'_>, scaler: &Object<'_>) -> bool {
    let is_redis = |object: &&Object<'_>| {
        let images = object.containers().iter().filter_map(|container| container.get("image")?.as_str());
        images.map(|image| image.split([':', '@']).next().unwrap_or(image)).any(|image| {
            matches!(image.rsplit('/').next(), Some("redis" | "redis-stack-server" | "valkey"))
                // This one wants a password unless it is told otherwise.
                && !image.contains("bitnami")
        })
    };
    let all =
        ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind)).filter(is_redis);
    let nearest = all.max_by_key(|object| object.nearness(scaler));
    nearest.is_some_and(|object| {
        let text = object.source.get(object.document.node.span.range()).unwrap_or_default().to_lowercase();
        !["requirepass", "password", "aclfile", "redis.conf"].iter().any(|word| text.contains(word))
    })
}

/// The names of all variables of a container, and the objects that bring them.
pub(super) struct Whole<'i> {
    pub(super) names: Vec<String>,
    sources: Vec<&'i Object<'i>>,
}

impl Whole<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }
}

/// The whole environment of a container; None where something of it is elsewhere, changed or made by others.
pub(super) fn whole<'i>(
    inventory: &'i Inventory<'i>,
    workload: &Object<'_>,
    container: &'i Node,
) -> Option<Whole<'i>> {
    if workload.patched.iter().any(|path| path.iter().any(|key| matches!(key.as_str(), "env" | "envFrom"))) {
        return None;
    }
    let own = container.get("env").map(Node::items).unwrap_or_default();
    let mut names: Vec<String> =
        own.iter().filter_map(|entry| entry.get("name")?.as_str()).map(str::to_string).collect();
    let mut sources = Vec::new();
    for source in container.get("envFrom").map(Node::items).unwrap_or_default() {
        let prefix = source.get("prefix").map_or(Some(""), Node::as_str)?;
        let (kind, reference) = match (source.get("secretRef"), source.get("configMapRef")) {
            (Some(reference), None) => ("Secret", reference),
            (None, Some(reference)) => ("ConfigMap", reference),
            _ => return None,
        };
        let name = reference.get("name")?.as_str()?;
        // Another one of that name may be the one that is applied; an empty one is filled by somebody.
        let [object] = inventory.makers(kind, name, workload)[..] else { return None };
        let keys = object.keys();
        if !object.patched.is_empty()
            || keys.is_empty()
            || inventory.named(kind, name).count() > 1
            || inventory.is_generated(kind, name)
        {
            return None;
        }
        names.extend(keys.iter().map(|key| format!("{prefix}{key}")));
        sources.push(object);
    }
    let is_open = names.iter().any(|name| has_variable(name) || name.contains("{{"));
    (!is_open).then_some(Whole { names, sources })
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

//! Scaled workloads whose pods the pod security of their namespace refuses.
//!
//! Sources: kubernetes/pod-security-admission policy/check_*.go, api/constants.go (the label of a namespace). Pods are
//! checked as they are created: a Deployment is taken, and its ReplicaSet starts no pod.

use std::collections::HashSet;

use super::{POD_SECURITY, Scaled};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

mod lacks;

const LABEL: &str = "pod-security.kubernetes.io/enforce";

/// How strict a namespace is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Baseline,
    Restricted,
}

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    if has_changer(inventory) {
        return;
    }
    let jobs = inventory.kind("ScaledJob").filter(|object| object.group() == "keda.sh");
    let mut told: HashSet<Place> = HashSet::new();
    for workload in scaled.iter().map(|one| one.workload).chain(jobs) {
        let place = workload.name_place();
        if is_changed(workload) || !told.insert(place) {
            continue;
        }
        let Some((level, space)) = enforced(inventory, workload) else { continue };
        let Some(spec) = workload.pod_template().and_then(|template| template.get("spec")) else { continue };
        let lacks = lacks::of(spec, level);
        if lacks.is_empty() {
            continue;
        }
        let named = if level == Level::Restricted { "restricted" } else { "baseline" };
        let label = space.at(&["metadata", "labels", LABEL]);
        let said: Vec<&str> = lacks.iter().map(|lack| lack.what.as_str()).collect();
        let wanted: Vec<&str> = lacks.iter().map(|lack| lack.help).collect();
        findings.push(
            Finding::new(
                &POD_SECURITY,
                place,
                format!("the namespace `{}` admits no pod of `{}`: {}", space.name, workload.name, said.join("; ")),
            )
            .related(label.map_or(space.name_place(), |node| space.place(node)), format!("asks for `{named}`"))
            .why("each pod is refused as it is created (`violates PodSecurity`): no pod ever starts, whatever the autoscaler asks for")
            .help(format!("write {}", wanted.join(", "))),
        );
    }
}

/// What every Namespace of that name here asks for, and the first of them.
fn enforced<'i>(inventory: &'i Inventory<'i>, workload: &Object<'_>) -> Option<(Level, &'i Object<'i>)> {
    let name = workload.namespace.as_deref()?;
    let spaces: Vec<&Object<'i>> = inventory.named("Namespace", name).collect();
    let mut least = Level::Restricted;
    for space in &spaces {
        let labels = space.labels();
        let get = |key: &str| labels.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str());
        let level = match get(LABEL)? {
            "restricted" => Level::Restricted,
            "baseline" => Level::Baseline,
            _ => return None,
        };
        // Older versions ask for less.
        let version = get("pod-security.kubernetes.io/enforce-version").unwrap_or("latest");
        let is_new = version
            .strip_prefix("v1.")
            .and_then(|minor| minor.parse::<u32>().ok())
            .map_or(version == "latest", |minor| minor >= 25);
        if !space.patched.is_empty() || !is_new {
            return None;
        }
        least = least.min(level);
    }
    spaces.first().map(|space| (least, *space))
}

/// Whether an overlay, or what fills in variables, may give the pods what they lack.
fn is_changed(workload: &Object<'_>) -> bool {
    const KEYS: [&str; 8] = [
        "securityContext",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "volumes",
        "ports",
        "seccompProfile",
        "initContainers",
    ];
    workload.patched.iter().any(|path| {
        path.iter().any(|key| KEYS.contains(&key.as_str()))
            || path.last().is_none_or(|last| matches!(last.as_str(), "spec" | "template" | "containers"))
    }) || workload.pod_template().is_none_or(is_open)
}

/// Whether keys of the security are filled in later.
fn is_open(template: &Node) -> bool {
    let mut stack = vec![template];
    while let Some(node) = stack.pop() {
        if node.entries().iter().any(|entry| has_variable(&entry.key)) {
            return true;
        }
        stack.extend(node.items());
        stack.extend(node.entries().iter().map(|entry| &entry.node));
    }
    false
}

/// Whether somebody changes pods as they are created: policies, webhooks, OpenShift.
fn has_changer(inventory: &Inventory<'_>) -> bool {
    const GROUPS: [&str; 5] = [
        "kyverno.io",
        "mutations.gatekeeper.sh",
        "route.openshift.io",
        "security.openshift.io",
        "apps.openshift.io",
    ];
    inventory.objects.iter().any(|object| {
        GROUPS.contains(&object.group())
            || matches!(object.kind(), "MutatingWebhookConfiguration" | "MutatingAdmissionPolicy")
    })
}

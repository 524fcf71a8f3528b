//! Variables in the command of a probe, which the kubelet fills in from less than it does for the container itself.
//!
//! Sources: kubernetes/kubernetes pkg/kubelet/prober/prober.go, runProbe; pkg/kubelet/container/helpers.go,
//! ExpandContainerCommandOnlyStatic (the written `value` alone: a variable with `valueFrom` is an empty text);
//! third_party/forked/golang/expansion/expand.go (what is not in `env` stays as it is written).

use std::collections::HashSet;

use super::{PROBE_VARIABLE, Scaled};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

const PROBES: [&str; 3] = ["readinessProbe", "livenessProbe", "startupProbe"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    for kind in ["Deployment", "StatefulSet", "Rollout", "DaemonSet"] {
        for workload in inventory.kind(kind) {
            let is_changed = workload.patched.iter().any(|path| path.iter().any(|key| key == "env"));
            let all = workload.containers().iter();
            let own: Vec<Finding> = all.flat_map(|container| of_container(workload, container)).collect();
            // What is scaled, and what it works with; looked for last, because it takes a look at all of them.
            if !own.is_empty() && !is_changed && scaled.iter().any(|one| workload.belongs_to(one.workload)) {
                findings.extend(own);
            }
        }
    }
}

fn of_container(workload: &Object<'_>, container: &Node) -> Vec<Finding> {
    let mut told = HashSet::new();
    let mut found = Vec::new();
    let commands =
        PROBES.iter().filter_map(|probe| Some((probe, container.at(&[probe, "exec", "command"])?)));
    for (probe, command) in commands {
        for part in command.items() {
            for name in references(part.as_str().unwrap_or_default()) {
                let finding = empty(workload, container, (probe, part), name);
                found.extend(finding.filter(|_| told.insert(name)));
            }
        }
    }
    found
}

fn empty(
    workload: &Object<'_>,
    container: &Node,
    (probe, part): (&str, &Node),
    name: &str,
) -> Option<Finding> {
    let env = container.get("env").map(Node::items).unwrap_or_default();
    // Of several of one name the last one counts.
    let entry = env.iter().rev().find(|entry| entry.get("name").and_then(Node::as_str) == Some(name));
    let (message, why, place) = match entry {
        Some(entry) if entry.get("value").is_some() => return None,
        Some(entry) => (
            format!("`$({name})` is an empty text in this {probe}"),
            "the kubelet fills `$(…)` of a probe in with what is written as `value` alone: of a Secret, a ConfigMap or a field of the pod nothing arrives",
            entry.get("valueFrom")?,
        ),
        // A command of a shell, or a name that the templates fill in.
        None if !is_variable(name) => return None,
        None => (
            format!("`$({name})` stays as it is written in this {probe}"),
            "the kubelet fills `$(…)` of a probe in from the `env` of the container, not from `envFrom` and not from the image",
            container.get("envFrom").or_else(|| container.get("name"))?,
        ),
    };
    Some(
        Finding::new(&PROBE_VARIABLE, workload.place(part), message)
            .related(workload.place(place), "where it should come from")
            .why(format!(
                "{why}; the command asks with something else than you think, and a probe that fails keeps the pods from ever being ready, or restarts them"
            ))
            .help(format!("let a shell in the container read it: `[sh, -c, '… \"${name}\" …']`")),
    )
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The names in `$(NAME)`; `$$` is a `$`.
fn references(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            names.push(name);
            rest = after;
        }
    }
    names
}

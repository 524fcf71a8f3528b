//! Generators with `behavior: merge` or `replace`, and the object that they mean.
//!
//! Sources: kubernetes-sigs/kustomize api/resmap/reswrangler.go, appendReplaceOrMerge ("does not exist; cannot merge or
//! replace"); api/internal/target/kusttarget.go, accumulateTarget (resources and components come before the generators).

use super::built::Builder;
use super::{PATCH_TARGET, REFUSED, written};
use crate::finding::{Finding, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// Generators that add to an object which is not there, or under another namespace alone.
pub(super) fn check<'o>(
    inventory: &Inventory<'_>,
    builder: &Builder<'o, '_>,
    object: &'o Object<'o>,
    all: &[&Object<'_>],
    namespaces: &[(&str, &str)],
) -> Vec<Finding> {
    let lists = [("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")];
    let mut findings = Vec::new();
    for (kind, list) in lists {
        for entry in object.at(&[list]).map(Node::items).unwrap_or_default() {
            let Some(behavior) =
                entry.get("behavior").filter(|node| matches!(node.as_str(), Some("merge" | "replace")))
            else {
                continue;
            };
            let Some(name) = entry.get("name").and_then(Node::as_str).filter(|name| !has_variable(name))
            else {
                continue;
            };
            let own = entry.get("namespace").and_then(Node::as_str).unwrap_or("default");
            // Made by another kustomization, and not only added to.
            let makes = |entry: &Node| {
                let adds = matches!(entry.get("behavior").and_then(Node::as_str), Some("merge" | "replace"));
                !adds && entry.get("name").and_then(Node::as_str) == Some(name)
            };
            let is_generated = all.iter().any(|other| {
                let entries = other.at(&[list]).map(Node::items).unwrap_or_default();
                other.path != object.path && entries.iter().any(makes)
            });
            let meant: Vec<&Object<'_>> = inventory
                .named(kind, name)
                .filter(|other| other.document.name() == name && other.path != object.path)
                .collect();
            let is_moved = namespaces.iter().any(|(at, namespace)| *namespace == own && *at != object.path);
            let is_met = meant.iter().any(|other| written(other) == own || has_variable(&written(other)));
            let only = meant.first().filter(|_| !is_met && !is_moved && !is_generated);
            let Some(first) = only else {
                findings.extend(missing(builder, object, list, entry));
                continue;
            };
            let theirs = written(first);
            findings.push(
                Finding::new(
                    &PATCH_TARGET,
                    object.place(behavior),
                    format!("there is no {kind} `{name}` in `{own}` to {} with", behavior.as_str().unwrap_or("merge")),
                )
                .related(first.name_place(), format!("the one that is here is in `{theirs}`"))
                .why(format!("kustomize finds an object by kind, name and namespace together: {REFUSED}"))
                .help(format!("write `namespace: {theirs}` beside `name`: it is generated before the namespace of the overlay")),
            );
        }
    }
    findings
}

/// A generator that adds to what nothing of the build brings in.
fn missing<'o>(
    builder: &Builder<'o, '_>,
    object: &'o Object<'o>,
    list: &'static str,
    entry: &Node,
) -> Option<Finding> {
    // A component adds to what stands around it.
    if object.kind() == "Component" {
        return None;
    }
    let kind = if list == "secretGenerator" { "Secret" } else { "ConfigMap" };
    let (node, behavior) = (entry.get("name")?, entry.get("behavior")?);
    let name = node.as_str()?;
    let built = builder.build(object);
    let is_list = |object: &&Object<'_>| object.kind().ends_with("List");
    if !built.is_complete || built.objects.iter().any(is_list) || !built.called(kind, name).is_empty() {
        return None;
    }
    // A prefix of a kustomization in between may be part of the name.
    let mut others: Vec<&str> = Vec::new();
    for one in &built.kustomizations {
        for other in one.at(&[list]).map(Node::items).unwrap_or_default() {
            if matches!(other.get("behavior").and_then(Node::as_str), Some("merge" | "replace")) {
                continue;
            }
            let own = other.get("name").and_then(Node::as_str)?;
            if name.contains(own) || own.contains(['$', '{']) {
                return None;
            }
            others.push(own);
        }
    }
    let written = built.objects.iter().filter(|object| object.kind() == kind);
    others.extend(written.map(|object| object.document.name()));
    let verb = behavior.as_str().unwrap_or("merge");
    let help = match nearest(name, others.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("leave `behavior` out: then the {kind} is made here; or add it to the base"),
    };
    let message = format!("there is no {kind} `{name}` to {verb} with in what is built here");
    Some(
        Finding::new(&PATCH_TARGET, object.place(node), message)
            .related(object.place(behavior), "it has to be there before")
            .why(format!("kustomize says \"does not exist; cannot merge or replace\": {REFUSED}"))
            .help(help),
    )
}

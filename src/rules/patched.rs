//! Findings about what overlays change: patches are not applied, so what they reach is not judged.
//!
//! A base that gets its requests, its ports or its labels from an overlay is right where it is applied; whether it is, only
//! the rendered stream can tell (`kustomize build … | slogen lint -`).

use std::collections::HashMap;

use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::{FileId, Place};

/// Takes out what is decided at a path that some overlay changes.
pub fn leave_out(inventory: &Inventory<'_>, findings: &mut Vec<Finding>) {
    let mut by_file: HashMap<FileId, Vec<&Object<'_>>> = HashMap::new();
    for object in inventory.objects.iter().filter(|object| !object.patched.is_empty()) {
        by_file.entry(object.document.file).or_default().push(object);
    }
    if by_file.is_empty() {
        return;
    }
    findings.retain(|finding| {
        // What is said of a query or of YAML itself holds whatever is around it, and numbers of replicas are followed.
        let stays = ["yaml/", "promql/", "conflict/replicas-pinned"]
            .iter()
            .any(|start| finding.rule.id.starts_with(start));
        let places =
            std::iter::once(finding.place).chain(finding.related.iter().map(|related| related.place));
        stays
            || !places.into_iter().any(|place| {
                let objects = by_file.get(&place.file).map(Vec::as_slice).unwrap_or_default();
                objects.iter().any(|object| is_reached(object, finding, place))
            })
    });
}

fn is_reached(object: &Object<'_>, finding: &Finding, place: Place) -> bool {
    let whole = object.document.node.span;
    if place.span.start < whole.start || place.span.end > whole.end {
        return false;
    }
    let mut path = Vec::new();
    follow(&object.document.node, place, &mut path);
    let starts = |path: &[String], start: &[&str]| {
        path.len() >= start.len() && path.iter().zip(start).all(|(one, other)| one == other)
    };
    object.patched.iter().any(|patched| match finding.rule.id {
        // It stands at the container, and is about what the container lacks.
        "conflict/request-missing" => patched.iter().any(|key| key == "resources"),
        "schema/missing-field" => {
            let parent = &path[..path.len().saturating_sub(1)];
            patched.len() > parent.len() && patched[..parent.len()] == *parent
        }
        // The name stands for the whole: for the labels, ports and selectors by which others find it.
        _ if path == ["metadata", "name"] => {
            [["metadata", "labels"], ["metadata", "annotations"], ["spec", "ports"], ["spec", "selector"]]
                .iter()
                .any(|start| starts(patched, start))
        }
        _ if path.is_empty() => false,
        _ => patched.iter().zip(&path).all(|(one, other)| one == other),
    })
}

/// The keys on the way to a place, without the numbers of items.
fn follow(node: &Node, place: Place, path: &mut Vec<String>) {
    let holds = |start: u32, end: u32| start <= place.span.start && place.span.start < end.max(start + 1);
    for entry in node.entries() {
        if holds(entry.key_span.start, entry.key_span.end.max(entry.node.span.end)) {
            path.push(entry.key.clone());
            return follow(&entry.node, place, path);
        }
    }
    if let Some(item) = node.items().iter().find(|item| holds(item.span.start, item.span.end)) {
        follow(item, place, path);
    }
}

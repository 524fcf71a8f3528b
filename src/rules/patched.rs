//! Findings about what overlays change: patches are not applied, so what they reach is not judged.
//!
//! A base that gets its requests, its ports or its labels from an overlay is right where it is applied; whether it is, only
//! the rendered stream can tell (`kustomize build … | slogen lint -`). The range of an autoscaler is followed.

use std::collections::HashMap;

use crate::finding::Finding;
use crate::inventory::{Inventory, Object, ReplicaChange};
use crate::manifest::Node;
use crate::source::{FileId, Place};

/// What only an overlay makes wrong: the range of an autoscaler, at the line of the patch.
pub fn check(inventory: &Inventory<'_>) -> Vec<Finding> {
    let objects = inventory.objects.iter().filter(|object| !object.is_fragment);
    let mut findings: Vec<Finding> = objects
        .flat_map(|object| object.bounds.iter().filter_map(|changes| range(object, changes)))
        .collect();
    crate::finding::sort(&mut findings);
    findings.dedup();
    findings
}

fn range(object: &Object<'_>, changes: &[(&str, ReplicaChange)]) -> Option<Finding> {
    let (rule, [low, high, idle], [default_low, default_high], who) = match (object.kind(), object.group()) {
        ("HorizontalPodAutoscaler", "autoscaling") => {
            ("hpa/replica-order", ["minReplicas", "maxReplicas", ""], [Some(1), None], "the API server")
        }
        ("ScaledObject", "keda.sh") => (
            "scaler/replica-order",
            ["minReplicaCount", "maxReplicaCount", "idleReplicaCount"],
            [Some(0), Some(100)],
            "KEDA",
        ),
        _ => return None,
    };
    // A number, where it stands, and whether the overlay decides it. What is not a number yet is not judged.
    let bound = |key: &str, default: Option<i64>| -> Option<(i64, Place, bool)> {
        if let Some((_, change)) = changes.iter().find(|(changed, _)| *changed == key) {
            let number = match &change.number {
                Some(number) => number.parse().ok()?,
                None => default?,
            };
            return Some((number, change.place, true));
        }
        match object.at(&["spec", key]) {
            Some(node) => Some((node.as_written()?.parse().ok()?, object.place(node), false)),
            None => Some((default?, object.name_place(), false)),
        }
    };
    let (min, min_place, min_is_changed) = bound(low, default_low)?;
    let rule = super::find(rule)?;
    let origin = |is_changed: bool| if is_changed { "of this overlay" } else { "of the base" };
    if let Some((max, max_place, max_is_changed)) = bound(high, default_high)
        && min > max
        && (min_is_changed || max_is_changed)
    {
        let (place, other, of) = if min_is_changed {
            (min_place, max_place, "maximum")
        } else {
            (max_place, min_place, "minimum")
        };
        return Some(
            Finding::new(
                rule,
                place,
                format!(
                    "with this patch the minimum {min} of `{}` is above the maximum {max}",
                    object.document.name()
                ),
            )
            .related(other, format!("the {of} {}", origin(min_is_changed && max_is_changed)))
            .why(format!("{who} refuses what this overlay makes of the object"))
            .help(format!("write {low} <= {high}, in the patch or in the base")),
        );
    }
    let (idle, idle_place, idle_is_changed) = bound(idle, None)?;
    (idle >= min && (min_is_changed || idle_is_changed)).then(|| {
        let (place, other, of) = if idle_is_changed {
            (idle_place, min_place, "minimum")
        } else {
            (min_place, idle_place, "idle count")
        };
        Finding::new(
            rule,
            place,
            format!(
                "with this patch the idle count {idle} of `{}` is not below the minimum {min}",
                object.document.name()
            ),
        )
        .related(other, format!("the {of} {}", origin(min_is_changed && idle_is_changed)))
        .why(format!("{who} refuses what this overlay makes of the object"))
        .help("write idleReplicaCount: 0, and a minReplicaCount of at least 1")
    })
}

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
        // What is said of a query, of YAML or of the patch itself holds whatever is around it, and numbers of pods are
        // followed.
        let stays =
            ["yaml/", "promql/", "kustomize/", "conflict/replicas-pinned", "workload/disruption-budget"]
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

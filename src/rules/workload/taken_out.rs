//! An overlay that takes a workload out and leaves its autoscaler.
//!
//! Sources: kubernetes-sigs/kustomize api/resource/resource.go (`$patch: delete`); kubernetes/kubernetes
//! pkg/controller/podautoscaler/horizontal.go (FailedGetScale).

use super::{TARGET_ELSEWHERE, is_autoscaler};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::FileId;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let is_gone = |object: &Object<'_>| object.renders.iter().any(|render| render.is_deleted);
    let gone: Vec<&Object<'i>> = inventory.objects.iter().filter(|object| is_gone(object)).collect();
    if gone.is_empty() {
        return;
    }
    for scaler in inventory.objects.iter().filter(|object| !object.is_fragment && is_autoscaler(object)) {
        let Some(node) = scaler.at(&["spec", "scaleTargetRef", "name"]) else { continue };
        let kind = scaler.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        let name = node.as_str().unwrap_or_default();
        let is_meant = |other: &&&Object<'_>| other.kind() == kind && other.document.name() == name;
        let roots = scaler.renders.iter().filter(|render| !render.is_deleted && !render.is_open);
        let left = roots.filter_map(|render| render.root()).find_map(|root| {
            let target = gone.iter().filter(is_meant).find(|other| is_deleted_by(other, root))?;
            let is_there = inventory.objects.iter().filter(|other| is_meant(&other)).any(|other| {
                other.renders.iter().any(|render| render.root() == Some(root) && !render.is_deleted)
            });
            (!is_there).then_some((root, *target))
        });
        let Some((root, target)) = left else { continue };
        let overlay = inventory.objects.iter().find(|object| object.document.file == root);
        let mut finding = Finding::new(
            &TARGET_ELSEWHERE,
            scaler.place(node),
            format!("an overlay takes the {kind} `{name}` out, and leaves this autoscaler"),
        )
        .related(target.name_place(), "what is taken out")
        .why("there the autoscaler is applied, reports for ever that its target is missing, and scales nothing")
        .help(format!("take the {} `{}` out in the same overlay, with a `$patch: delete` of its own", scaler.kind(), scaler.document.name()));
        if let Some(overlay) = overlay {
            let patches = overlay.at(&["patches"]).or_else(|| overlay.at(&["patchesStrategicMerge"]));
            finding = finding.related(
                patches
                    .and_then(|node| Node::items(node).first())
                    .map_or(overlay.name_place(), |node| overlay.place(node)),
                "the overlay",
            );
        }
        finding.severity = Severity::Error;
        findings.retain(|other| other.rule != &TARGET_ELSEWHERE || other.place != finding.place);
        findings.push(finding);
    }
}

fn is_deleted_by(object: &Object<'_>, root: FileId) -> bool {
    object.renders.iter().any(|render| render.root() == Some(root) && render.is_deleted)
}

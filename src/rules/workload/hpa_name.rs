//! The name of the HorizontalPodAutoscaler that KEDA makes for a ScaledObject, where it belongs to another one already.
//!
//! Source: kedacore/keda controllers/keda/scaledobject_controller.go, ensureHPAForScaledObjectExists, and hpa.go,
//! updateHPAIfNeeded: what is found under the name is written over, whoever made it; the webhook looks at HPAs with the
//! same target only.

use std::collections::HashMap;

use super::HPA_NAME;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let mut made: HashMap<String, Vec<&Object<'i>>> = HashMap::new();
    for scaler in inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh") {
        let Some((name, place)) = hpa_of(scaler) else { continue };
        let why = "KEDA writes over whatever has this name";
        for hpa in inventory.named("HorizontalPodAutoscaler", &name) {
            // On one workload it is a second autoscaler, and one that KEDA made is its own.
            let label = hpa.text(&["metadata", "labels", "app.kubernetes.io/managed-by"]);
            let is_own = label == Some("keda-operator") || hpa.at(&["metadata", "ownerReferences"]).is_some();
            let (mine, other) = (target(scaler), target(hpa));
            if is_own || hpa.name != name || mine == other || !are_together(scaler, hpa) {
                continue;
            }
            let other = other.unwrap_or_default();
            findings.push(
                Finding::new(
                    &HPA_NAME,
                    place,
                    format!("the HPA that KEDA makes for `{}` is called `{name}`, like the one of `{other}`", scaler.name),
                )
                .related(hpa.name_place(), format!("scales `{other}`"))
                .why(format!("{why}: nobody scales `{other}`, until each apply of the HPA takes it back"))
                .help("write another name in `advanced.horizontalPodAutoscalerConfig.name`, or call the HPA otherwise"),
            );
        }
        let before = made.entry(name.clone()).or_default();
        if let Some(other) =
            before.iter().find(|other| other.name != scaler.name && are_together(scaler, other))
        {
            findings.push(
                Finding::new(
                    &HPA_NAME,
                    place,
                    format!(
                        "the HPAs of the ScaledObjects `{}` and `{}` are both called `{name}`",
                        other.name, scaler.name
                    ),
                )
                .related(other.name_place(), "makes an HPA of this name")
                .why(format!("{why}: the two take the HPA from each other, and only one workload is scaled at a time"))
                .help("write a name of its own in `advanced.horizontalPodAutoscalerConfig.name`, or leave it out"),
            );
        }
        before.push(scaler);
    }
}

/// The name of the HPA of a ScaledObject, and where it is decided.
fn hpa_of(scaler: &Object<'_>) -> Option<(String, Place)> {
    let node = scaler.at(&["spec", "advanced", "horizontalPodAutoscalerConfig", "name"]);
    let (name, place) = match node.and_then(Node::as_str).filter(|name| !name.is_empty()) {
        Some(name) => (name.to_string(), scaler.place(node?)),
        None => (format!("keda-hpa-{}", scaler.name), scaler.name_place()),
    };
    (!has_variable(&name) && !name.contains("{{")).then_some((name, place))
}

fn target<'i>(object: &Object<'i>) -> Option<&'i str> {
    object.text(&["spec", "scaleTargetRef", "name"])
}

/// Whether both are surely in one namespace: one that is written, or in one folder.
fn are_together(one: &Object<'_>, other: &Object<'_>) -> bool {
    one.meets(other) && (one.is_beside(other) || one.namespace.is_some() && one.namespace == other.namespace)
}

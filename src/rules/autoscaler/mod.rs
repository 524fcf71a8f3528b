//! One HorizontalPodAutoscaler, as it stands in its file.
//!
//! Sources: kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go; the deprecation guide for
//! autoscaling/v2beta1 (removed in 1.25) and v2beta2 (removed in 1.26).

use crate::finding::{Finding, cards};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::model::Versions;

cards! {
    "hpa":
    REMOVED_API Warning "removed-api" "a version of the API that clusters do not have any more";
    REPLICA_ORDER Error "replica-order" "minimum and maximum out of order";
    NO_ROOM Note "no-room" "minimum and maximum are the same";
}

/// What is wrong with one HPA.
pub fn check(object: &Object<'_>, versions: &Versions) -> Vec<Finding> {
    let mut findings = Vec::new();
    let version = object.document.api_version();
    if let Some(removed) = match version {
        "autoscaling/v2beta1" if versions.kubernetes.at_least(1, 25) => Some("1.25"),
        "autoscaling/v2beta2" if versions.kubernetes.at_least(1, 26) => Some("1.26"),
        _ => None,
    } && let Some(node) = object.at(&["apiVersion"])
    {
        let mut finding = Finding::new(
            &REMOVED_API,
            object.place(node),
            format!("Kubernetes {removed} and later have no `{version}`"),
        )
        .why("the object cannot be applied: there is no autoscaler, and nothing scales")
        .help("write autoscaling/v2");
        if version == "autoscaling/v2beta2" {
            finding = finding.replace(true, "write autoscaling/v2", object.place(node), "autoscaling/v2");
        }
        findings.push(finding);
    }
    let max = object.integer(&["spec", "maxReplicas"]);
    let min = object.integer(&["spec", "minReplicas"]).unwrap_or(1);
    let place = object.at(&["spec", "minReplicas"]).or_else(|| object.at(&["spec", "maxReplicas"]));
    let open = |key: &str| object.at(&["spec", key]).and_then(Node::as_str).is_some();
    if let (Some(max), Some(node), false) = (max, place, open("minReplicas")) {
        if min > max {
            findings.push(
                Finding::new(
                    &REPLICA_ORDER,
                    object.place(node),
                    format!("the minimum {min} is above the maximum {max}"),
                )
                .why("the API server refuses the object")
                .help("write minReplicas <= maxReplicas"),
            );
        } else if min == max {
            findings.push(
                Finding::new(
                    &NO_ROOM,
                    object.place(node),
                    format!("from {min} to {max} pods there is nothing to decide"),
                )
                .why("the autoscaler holds the number, whatever the load")
                .help("raise maxReplicas, or leave the autoscaler out"),
            );
        }
    }
    findings
}

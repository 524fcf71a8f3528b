//! One HorizontalPodAutoscaler, as it stands in its file.
//!
//! Sources: kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go; the deprecation guide for
//! autoscaling/v2beta1 (removed in 1.25) and v2beta2 (removed in 1.26).

mod adapter;
mod target;

use crate::finding::{Finding, Severity, cards};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::model::Versions;

cards! {
    "hpa":
    REMOVED_API Error "removed-api" "a version of the API that clusters do not have any more";
    REPLICA_ORDER Error "replica-order" "minimum and maximum out of order";
    TARGET Error "target" "a metric whose target does not fit its type";
    ADAPTER_METRIC Error "adapter-metric" "a metric that the adapter does not serve";
    NO_ROOM Note "no-room" "minimum and maximum are the same";
    OWNERSHIP Warning "ownership" "an annotation that does not excuse the HPA";
    MEMORY_HOLDS Note "memory-holds" "a memory metric that keeps the number of pods up";
}

/// HPAs against what answers for their metrics.
pub fn across(inventory: &Inventory<'_>) -> Vec<Finding> {
    adapter::check(inventory)
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
    findings.extend(target::check(object));
    findings.extend(zero(object));
    findings.extend(unmeasured(object));
    findings.extend(ownership(object));
    findings.extend(memory(object));
    findings.extend(super::scaler::restless(object));
    findings
}

/// Source: kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go, and pkg/features/kube_features.go:
/// HPAScaleToZero is alpha, and off.
fn zero(object: &Object<'_>) -> Option<Finding> {
    let node = object.at(&["spec", "minReplicas"])?;
    if object.integer(&["spec", "minReplicas"])? != 0 {
        return None;
    }
    let metrics = object.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
    let wakes = metrics
        .iter()
        .filter_map(|metric| metric.get("type").and_then(Node::as_str))
        .any(|kind| matches!(kind, "Object" | "External") || kind.contains("{{"));
    let mut finding = Finding::new(
        &REPLICA_ORDER,
        object.place(node),
        if wakes {
            "a minimum of 0 needs the feature gate HPAScaleToZero"
        } else {
            "a minimum of 0 without a metric that is there without pods"
        },
    )
    .why("the API server refuses the object: below 1 it takes with the feature gate HPAScaleToZero only, off by default, and with a metric of type Object or External")
    .help("write minReplicas: 1, or a ScaledObject of KEDA, which goes to 0");
    // Who has it in use has the feature gate on.
    if wakes {
        finding.severity = Severity::Note;
    }
    Some(finding)
}

/// A resource that nobody measures for single pods.
///
/// Source: kubernetes/metrics pkg/apis/metrics/v1beta1/types.go, ContainerMetrics.Usage, of which metrics-server fills in cpu
/// and memory (kubernetes-sigs/metrics-server pkg/storage/pod.go).
fn unmeasured(object: &Object<'_>) -> Option<Finding> {
    let metrics = object.at(&["spec", "metrics"])?.items();
    let names = metrics.iter().filter_map(|metric| {
        let source = metric.get("resource").or_else(|| metric.get("containerResource"))?;
        source.get("name")
    });
    let node = names.into_iter().find(|node| {
        let text = node.as_str().unwrap_or("cpu");
        !matches!(text, "cpu" | "memory") && !has_variable(text) && !text.contains("{{")
    })?;
    let name = node.as_str()?.escape_debug();
    Some(
        Finding::new(&TARGET, object.place(node), format!("nobody measures `{name}` as a resource of pods"))
            .why("the metrics API knows cpu and memory alone: this metric stays <unknown>, the HPA never scales by it, and while one metric is missing it does not scale in either")
            .help("ask for it as a metric: of DCGM's exporter by a ScaledObject of KEDA, or by an adapter and `type: Pods`"),
    )
}

/// Source: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go: the value is compared with exactly "false".
fn ownership(object: &Object<'_>) -> Option<Finding> {
    let annotations = object.at(&["metadata", "annotations"])?;
    let entry =
        annotations.entries().iter().find(|entry| entry.key == "validations.keda.sh/hpa-ownership")?;
    let value = entry.node.as_written()?;
    if value == "false" || has_variable(&value) || value.contains("{{") {
        return None;
    }
    let text = format!("`{}` does not excuse this HPA", value.escape_debug());
    Some(
        Finding::new(&OWNERSHIP, object.place(&entry.node), text)
            .why("KEDA compares with exactly \"false\": beside this HPA it refuses a ScaledObject of the same workload")
            .help("write \"false\", or leave the annotation out"),
    )
}

/// Memory beside something that follows the load.
fn memory(object: &Object<'_>) -> Option<Finding> {
    let metrics = object.at(&["spec", "metrics"])?.items();
    let name = |metric: &'_ Node| -> Option<String> {
        let source = metric.get("resource").or_else(|| metric.get("containerResource"))?;
        source.get("name").and_then(Node::as_written)
    };
    let memory = metrics.iter().find(|metric| name(metric).as_deref() == Some("memory"))?;
    if metrics.len() < 2 {
        return None;
    }
    let source = memory.get("resource").or_else(|| memory.get("containerResource"))?;
    let place = object.place(source.get("name")?);
    Some(
        Finding::new(&MEMORY_HOLDS, place, "memory may keep the number of pods up")
            .why("the highest metric decides, and the memory of most runtimes, caches and model servers does not fall when the load does: the other metrics never scale in")
            .help("look at the memory of idle pods; if it does not fall, leave this metric to the limits of the container"),
    )
}

//! A ScaledObject or HPA as it is written comes in; the scaler that it means goes out, in the model that policies
//! compile to, and in sentences.

mod explain;
mod keda;
mod kubernetes;

pub use explain::explain;

use crate::inventory::Object;
use crate::manifest::Node;
use crate::model::{Behavior, Scaler, Select, Step, StepKind, WorkloadReference};

/// The scaler that an object means; None if it is none, or says too little.
pub fn lift(object: &Object<'_>) -> Option<Scaler> {
    match (object.kind(), object.group()) {
        ("ScaledObject", "keda.sh") => keda::lift(object),
        ("HorizontalPodAutoscaler", "autoscaling") => kubernetes::lift(object),
        _ => None,
    }
}

fn target(object: &Object<'_>) -> Option<WorkloadReference> {
    let node = object.at(&["spec", "scaleTargetRef"])?;
    let text = |key: &str, default: &str| node.get(key).and_then(Node::as_str).unwrap_or(default).to_string();
    Some(WorkloadReference {
        api_version: text("apiVersion", "apps/v1"),
        kind: text("kind", "Deployment"),
        name: node.get("name")?.as_str()?.to_string(),
        namespace: object.namespace_text().to_string(),
    })
}

fn whole(node: Option<&Node>) -> Option<u32> {
    node?.as_written()?.parse().ok()
}

/// One direction of the HPA's behavior, with what Kubernetes takes where nothing is written.
///
/// Source: kubernetes/kubernetes pkg/apis/autoscaling/v2/defaults.go, generateScaleUpRules and ScaleDownRules.
fn behavior(rules: Option<&Node>, is_up: bool) -> Behavior {
    let mut behavior = if is_up { Behavior::default_up() } else { Behavior::default_down() };
    let Some(rules) = rules else { return behavior };
    if let Some(seconds) = whole(rules.get("stabilizationWindowSeconds")) {
        behavior.stabilization = seconds;
    }
    behavior.select = match rules.get("selectPolicy").and_then(Node::as_str) {
        Some("Min") => Select::Min,
        Some("Disabled") => Select::Disabled,
        _ => Select::Max,
    };
    let steps: Vec<Step> =
        rules.get("policies").map(Node::items).unwrap_or_default().iter().filter_map(step).collect();
    if !steps.is_empty() {
        behavior.steps = steps;
    }
    behavior.tolerance = rules.get("tolerance").and_then(Node::as_written).and_then(|text| text.parse().ok());
    behavior
}

fn step(policy: &Node) -> Option<Step> {
    let kind = match policy.get("type").and_then(Node::as_str)? {
        "Pods" => StepKind::Pods,
        "Percent" => StepKind::Percent,
        _ => return None,
    };
    Some(Step { kind, value: whole(policy.get("value"))?, period: whole(policy.get("periodSeconds"))? })
}

//! A HorizontalPodAutoscaler, in every version of its API.
//!
//! Sources: kubernetes/kubernetes pkg/apis/autoscaling/types.go and the conversions of v1 and v2beta2;
//! pkg/apis/autoscaling/v2/defaults.go (80 percent of cpu where no metric is written).

use super::{behavior, target, whole};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::model::{MetricType, ResourceTarget, Scaler, Trigger, TriggerKind, quantity_value};

/// Percent of the cpu request where nothing is written.
const DEFAULT_UTILIZATION: u32 = 80;

pub fn lift(object: &Object<'_>) -> Option<Scaler> {
    let spec = object.at(&["spec"])?;
    let metrics = spec.get("metrics").map(Node::items).unwrap_or_default();
    let mut triggers: Vec<Trigger> = metrics.iter().filter_map(metric).collect();
    if triggers.is_empty() {
        let percent = whole(spec.get("targetCPUUtilizationPercentage")).unwrap_or(DEFAULT_UTILIZATION);
        triggers.push(Trigger {
            name: String::new(),
            kind: resource("cpu", None, ResourceTarget::Utilization(percent))?,
        });
    }
    Some(Scaler {
        name: object.name.clone(),
        target: target(object)?,
        min: whole(spec.get("minReplicas")).unwrap_or(1),
        max: whole(spec.get("maxReplicas"))?,
        idle: None,
        polling_interval: None,
        cooldown: None,
        up: behavior(spec.at(&["behavior", "scaleUp"]), true),
        down: behavior(spec.at(&["behavior", "scaleDown"]), false),
        fallback: None,
        composite: None,
        hpa_name: Some(object.name.clone()),
        triggers,
    })
}

fn resource(name: &str, container: Option<String>, target: ResourceTarget) -> Option<TriggerKind> {
    let resource = match name {
        "cpu" => "cpu",
        "memory" => "memory",
        _ => return None,
    };
    Some(TriggerKind::Resource { resource, container, target })
}

/// A metric of Pods, of an Object, or External, against its target.
fn measured(kind: &str, source: &Node) -> Option<TriggerKind> {
    ["averageValue", "value"].into_iter().find_map(|key| {
        let text = source.at(&["target", key])?.as_written()?;
        let target = quantity_value(&text).filter(|target| !target.is_zero())?;
        let metric_type = if key == "value" { MetricType::Value } else { MetricType::AverageValue };
        Some(TriggerKind::Measured {
            kind: kind.to_string(),
            key: key.to_string(),
            target,
            activation: None,
            metric_type,
        })
    })
}

fn metric(node: &Node) -> Option<Trigger> {
    let kind = node.get("type").and_then(Node::as_str)?;
    let key = match kind {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return None,
    };
    let source = node.get(key)?;
    let name = source.get("name").or_else(|| source.at(&["metric", "name"])).and_then(Node::as_str)?;
    let of_target = |field: &str| source.at(&["target", field]).or_else(|| source.get(field));
    let known = match (
        of_target("averageUtilization").or_else(|| source.get("targetAverageUtilization")),
        of_target("averageValue"),
    ) {
        (Some(percent), _) => whole(Some(percent)).map(ResourceTarget::Utilization),
        (None, Some(quantity)) => quantity.as_written().map(ResourceTarget::AverageValue),
        _ => None,
    };
    let container = source.get("container").and_then(Node::as_str).map(str::to_string);
    let resource =
        known.and_then(|target| resource(name, container, target)).filter(|_| key.ends_with("esource"));
    // A resource names itself.
    let name = if resource.is_some() { "" } else { name };
    Some(Trigger {
        name: name.to_string(),
        kind: resource
            .or_else(|| measured(kind, source))
            .unwrap_or_else(|| TriggerKind::Other { kind: kind.to_string() }),
    })
}

//! A ScaledObject.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go; pkg/scalers/scaler.go, GetMetricTargetType.

use super::{behavior, target, whole};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::model::{
    Composite, Decimal, Fallback, FallbackBehavior, MetricType, ResourceTarget, Scaler, Trigger, TriggerKind,
};

/// What counts where nothing is written.
const MAXIMUM: u32 = 100;

pub fn lift(object: &Object<'_>) -> Option<Scaler> {
    let spec = object.at(&["spec"])?;
    let number = |key: &str| whole(spec.get(key));
    let config = spec.at(&["advanced", "horizontalPodAutoscalerConfig"]);
    let rules = |key: &str| config.and_then(|config| config.at(&["behavior", key]));
    let triggers = spec.get("triggers").map(Node::items).unwrap_or_default();
    Some(Scaler {
        name: object.name.clone(),
        target: target(object)?,
        min: number("minReplicaCount").unwrap_or(0),
        max: number("maxReplicaCount").unwrap_or(MAXIMUM),
        idle: number("idleReplicaCount"),
        polling_interval: number("pollingInterval"),
        cooldown: number("cooldownPeriod"),
        up: behavior(rules("scaleUp"), true),
        down: behavior(rules("scaleDown"), false),
        fallback: spec.get("fallback").and_then(fallback),
        composite: spec.at(&["advanced", "scalingModifiers"]).and_then(composite),
        hpa_name: config.and_then(|config| config.get("name")?.as_str().map(str::to_string)),
        triggers: triggers.iter().map(trigger).collect(),
    })
}

fn metric_type(node: Option<&Node>) -> MetricType {
    match node.and_then(Node::as_str) {
        Some("Value") => MetricType::Value,
        _ => MetricType::AverageValue,
    }
}

fn trigger(node: &Node) -> Trigger {
    let kind = node.get("type").and_then(Node::as_str).unwrap_or_default();
    let value = |key: &str| {
        node.at(&["metadata", key]).and_then(Node::as_written).map(|text| text.trim().to_string())
    };
    let known = match kind {
        "prometheus" => prometheus(node, &value),
        "cpu" | "memory" => value("value").and_then(|text| {
            let target = match node.get("metricType").and_then(Node::as_str) {
                Some("AverageValue") => ResourceTarget::AverageValue(text),
                _ => ResourceTarget::Utilization(text.parse().ok()?),
            };
            let resource = if kind == "cpu" { "cpu" } else { "memory" };
            Some(TriggerKind::Resource { resource, container: value("containerName"), target })
        }),
        "cron" => (|| {
            Some(TriggerKind::Cron {
                timezone: value("timezone")?,
                start: value("start")?,
                end: value("end")?,
                replicas: value("desiredReplicas")?.parse().ok()?,
            })
        })(),
        _ => measured(kind, node, &value),
    };
    Trigger {
        name: node.get("name").and_then(Node::as_str).unwrap_or_default().to_string(),
        kind: known.unwrap_or_else(|| TriggerKind::Other { kind: kind.to_string() }),
    }
}

/// Keys by which the other scalers name their target, the more exact ones first.
const TARGETS: [&str; 24] = [
    "lagThreshold",
    "unprocessedEventThreshold",
    "msgBacklogThreshold",
    "depthThreshold",
    "listLength",
    "lagCount",
    "pendingEntriesCount",
    "streamLength",
    "messageCount",
    "targetQueueSize",
    "targetQueryValue",
    "queryValue",
    "targetMetricValue",
    "targetObjectCount",
    "targetValue",
    "queueLength",
    "queueDepth",
    "blobCount",
    "shardCount",
    "objectCount",
    "subscriptionSize",
    "thresholdValue",
    "threshold",
    "value",
];

fn measured(kind: &str, node: &Node, value: &dyn Fn(&str) -> Option<String>) -> Option<TriggerKind> {
    let (key, target) = TARGETS.iter().find_map(|key| {
        Some((*key, value(key)?.parse::<Decimal>().ok().filter(|target| !target.is_zero())?))
    })?;
    let capital = key[..1].to_uppercase();
    // rabbitmq has one activation for both of its keys.
    let activation = value(&format!("activation{capital}{}", &key[1..])).or_else(|| value("activationValue"));
    Some(TriggerKind::Measured {
        kind: kind.to_string(),
        key: key.to_string(),
        target,
        activation: activation.and_then(|text| text.parse().ok()),
        metric_type: metric_type(node.get("metricType")),
    })
}

fn prometheus(node: &Node, value: &dyn Fn(&str) -> Option<String>) -> Option<TriggerKind> {
    Some(TriggerKind::Prometheus {
        query: value("query")?,
        threshold: value("threshold")?.parse().ok()?,
        activation: value("activationThreshold").and_then(|text| text.parse().ok()),
        metric_type: metric_type(node.get("metricType")),
    })
}

fn fallback(node: &Node) -> Option<Fallback> {
    Some(Fallback {
        failures: whole(node.get("failureThreshold"))?,
        replicas: whole(node.get("replicas"))?,
        behavior: match node.get("behavior").and_then(Node::as_str) {
            Some("currentReplicas") => FallbackBehavior::Current,
            Some("currentReplicasIfHigher") => FallbackBehavior::CurrentIfHigher,
            Some("currentReplicasIfLower") => FallbackBehavior::CurrentIfLower,
            _ => FallbackBehavior::Static,
        },
    })
}

fn composite(node: &Node) -> Option<Composite> {
    let number = |key: &str| node.get(key).and_then(Node::as_written).and_then(|text| text.parse().ok());
    Some(Composite {
        formula: node.get("formula")?.as_str()?.to_string(),
        target: number("target")?,
        activation: number("activationTarget"),
        metric_type: metric_type(node.get("metricType")),
    })
}

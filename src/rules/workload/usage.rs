//! What an autoscaler compares with the cpu or memory of the pods.
//!
//! Sources: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, GetResourceReplicas and
//! calculateRequests; kedacore/keda pkg/scalers/cpu_memory_scaler.go.

use rust_decimal::Decimal;

use crate::inventory::Object;
use crate::manifest::Node;
use crate::model::quantity_value;

/// A target for the cpu or memory of a pod or container.
pub(super) struct Usage<'i> {
    /// The metric or trigger.
    pub(super) node: &'i Node,
    /// The number that is written.
    pub(super) target: &'i Node,
    pub(super) resource: String,
    /// Percent of the request, or else an amount.
    pub(super) is_share: bool,
    /// None: all containers count.
    pub(super) container: Option<String>,
}

impl<'i> Usage<'i> {
    /// All of them, of a ScaledObject or a HorizontalPodAutoscaler.
    pub(super) fn all(autoscaler: &Object<'i>) -> Vec<Self> {
        let list = |path: &[&str]| autoscaler.at(path).map(Node::items).unwrap_or_default();
        let triggers = list(&["spec", "triggers"]).iter().filter_map(Usage::of_trigger);
        let metrics = list(&["spec", "metrics"]).iter().filter_map(Usage::of_metric);
        let old = autoscaler.at(&["spec", "targetCPUUtilizationPercentage"]).map(|node| Usage {
            node,
            target: node,
            resource: "cpu".to_string(),
            is_share: true,
            container: None,
        });
        triggers.chain(metrics).chain(old).collect()
    }

    fn of_trigger(trigger: &'i Node) -> Option<Self> {
        let text = |path: &[&str]| trigger.at(path).and_then(Node::as_written);
        let resource = text(&["type"]).filter(|kind| matches!(kind.as_str(), "cpu" | "memory"))?;
        // Until 2.18 the type could stand in the metadata.
        let kind = text(&["metricType"]).or_else(|| text(&["metadata", "type"]))?;
        Some(Usage {
            node: trigger,
            target: trigger.at(&["metadata", "value"])?,
            resource,
            is_share: match kind.as_str() {
                "Utilization" => true,
                "AverageValue" => false,
                _ => return None,
            },
            container: text(&["metadata", "containerName"]).filter(|name| !name.is_empty()),
        })
    }

    fn of_metric(metric: &'i Node) -> Option<Self> {
        let kind = metric.get("type").and_then(Node::as_str)?;
        let source = match kind {
            "Resource" => metric.get("resource")?,
            "ContainerResource" => metric.get("containerResource")?,
            _ => return None,
        };
        let resource = source.get("name").and_then(Node::as_written)?;
        let amount = source.at(&["target", "averageValue"]);
        Some(Usage {
            node: metric,
            target: amount.or_else(|| source.at(&["target", "averageUtilization"]))?,
            resource,
            is_share: amount.is_none(),
            container: source.get("container").and_then(Node::as_written),
        })
    }
}

/// What the containers of a pod request or are limited to, together or the one that counts; None: one of them does not
/// say, or an overlay changes it.
pub(super) fn sum(
    workload: &Object<'_>,
    (kinds, resource): (&[&str], &str),
    container: Option<&str>,
) -> Option<Decimal> {
    let is_changed = workload.patched.iter().any(|path| path.iter().any(|key| key == "resources"));
    let inits = workload.pod_template().and_then(|template| template.at(&["spec", "initContainers"]));
    let inits = inits.map(Node::items).unwrap_or_default();
    // One that goes on running counts as well.
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_written);
    let lasting = inits.iter().filter(|init| text(init, "restartPolicy").as_deref() == Some("Always"));
    let is_meant = |node: &&Node| container.is_none_or(|name| text(node, "name").as_deref() == Some(name));
    let mut all = workload.containers().iter().chain(lasting).filter(is_meant).peekable();
    if is_changed || all.peek().is_none() {
        return None;
    }
    let mut sum = Decimal::ZERO;
    for container in all {
        let written = |kind: &&str| container.at(&["resources", kind, resource]);
        sum = sum.checked_add(quantity_value(&kinds.iter().find_map(written)?.as_written()?)?)?;
    }
    (sum > Decimal::ZERO).then_some(sum)
}

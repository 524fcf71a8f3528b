//! A VerticalPodAutoscaler beside an autoscaler that compares with requests.
//!
//! Source: kubernetes/autoscaler vertical-pod-autoscaler/docs/known-limitations.md.

use super::{Scaled, VERTICAL_AUTOSCALER};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    for vertical in inventory.kind("VerticalPodAutoscaler") {
        let mode = vertical.text(&["spec", "updatePolicy", "updateMode"]).unwrap_or("Auto");
        let Some(name) =
            vertical.at(&["spec", "targetRef", "name"]).filter(|_| !matches!(mode, "Off" | "Initial"))
        else {
            continue;
        };
        let kind = vertical.text(&["spec", "targetRef", "kind"]).unwrap_or("Deployment");
        let Some(target) = inventory.meant(kind, name.as_str().unwrap_or_default(), vertical) else {
            continue;
        };
        for one in scaled.iter().filter(|one| std::ptr::eq(one.workload.document, target.document)) {
            let Some(resource) =
                resources(one.autoscaler).into_iter().find(|resource| controls(vertical, resource))
            else {
                continue;
            };
            findings.push(
                Finding::new(
                    &VERTICAL_AUTOSCALER,
                    vertical.place(name),
                    format!("this VPA moves the {resource} request that an autoscaler compares with"),
                )
                .related(one.autoscaler.name_place(), format!("scales by {resource}"))
                .why("more use raises the request, the share of it falls, and pods go while the load rises: the two chase each other")
                .help(format!("write `updateMode: \"Off\"`, or leave {resource} out of `controlledResources`, or scale by another metric")),
            );
        }
    }
}

/// Resources by whose share of the request an autoscaler scales.
fn resources(autoscaler: &Object<'_>) -> Vec<String> {
    let triggers = autoscaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
    let triggers = triggers
        .iter()
        .filter(|trigger| trigger.get("metricType").and_then(Node::as_str) != Some("AverageValue"))
        .filter_map(|trigger| trigger.get("type").and_then(Node::as_str));
    let metrics = autoscaler.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
    let metrics = metrics
        .iter()
        .filter(|metric| {
            metric.at(&["resource", "target", "type"]).and_then(Node::as_str) == Some("Utilization")
        })
        .filter_map(|metric| metric.at(&["resource", "name"]).and_then(Node::as_str));
    let old = autoscaler.at(&["spec", "targetCPUUtilizationPercentage"]).map(|_| "cpu");
    triggers
        .chain(metrics)
        .chain(old)
        .filter(|name| matches!(*name, "cpu" | "memory"))
        .map(str::to_string)
        .collect()
}

fn controls(vertical: &Object<'_>, resource: &str) -> bool {
    let policies =
        vertical.at(&["spec", "resourcePolicy", "containerPolicies"]).map(Node::items).unwrap_or_default();
    let named = |policy: &Node| {
        policy
            .get("controlledResources")
            .is_none_or(|list| list.items().iter().any(|item| item.as_str() == Some(resource)))
            && policy.get("mode").and_then(Node::as_str) != Some("Off")
    };
    policies.is_empty() || policies.iter().any(named)
}

//! A VerticalPodAutoscaler beside an autoscaler that compares with requests, or over a single pod, which it never replaces.
//!
//! Sources: kubernetes/autoscaler vertical-pod-autoscaler/docs/known-limitations.md; pkg/updater/main.go (`--min-replicas`
//! is 2) and pkg/updater/restriction/pods_restriction_factory.go, GetCreatorMaps ("Too few replicas").

use super::{Scaled, VERTICAL_AUTOSCALER, is_autoscaler};
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
        findings.extend(single(inventory, vertical, target));
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

/// One pod, and nobody who makes it two: the updater passes it over.
fn single<'i>(inventory: &'i Inventory<'i>, vertical: &Object<'i>, target: &Object<'i>) -> Option<Finding> {
    let policy = vertical.at(&["spec", "updatePolicy"]);
    let mode = policy.and_then(|policy| policy.get("updateMode"));
    let replaces = |mode: &str| matches!(mode, "Auto" | "Recreate" | "InPlaceOrRecreate");
    let is_told = policy.is_some_and(|policy| policy.get("minReplicas").is_some())
        || mode.is_some_and(|mode| !mode.as_str().is_some_and(replaces));
    let is_patched = vertical.patched.iter().any(|path| path.iter().any(|key| key == "updatePolicy"));
    if is_told || is_patched || !matches!(target.kind(), "Deployment" | "StatefulSet" | "Rollout") {
        return None;
    }
    let pods = target.at(&["spec", "replicas"]);
    let is_one = pods.is_none_or(|node| node.as_written().as_deref() == Some("1"));
    if !is_one || target.replicas.iter().any(Option::is_some) {
        return None;
    }
    // Whatever an autoscaler of any environment names, it may scale; and the updater may be told another number.
    let is_scaled = inventory.objects.iter().filter(|object| is_autoscaler(object)).any(|object| {
        object.text(&["spec", "scaleTargetRef", "name"]).is_some_and(|name| target.is_called(name))
    });
    let is_told_so = |object: &Object<'_>| {
        let words = |container: &Node| {
            let lists = ["args", "command"].into_iter().filter_map(|key| container.get(key));
            lists
                .flat_map(Node::items)
                .any(|word| word.as_str().is_some_and(|word| word.contains("--min-replicas")))
        };
        object.kind() == "Deployment" && object.containers().iter().any(words)
    };
    if is_scaled || inventory.objects.iter().any(is_told_so) {
        return None;
    }
    let place = mode.map_or(vertical.name_place(), |node| vertical.place(node));
    let message = format!("this VPA leaves `{}` alone, which has one pod", target.name);
    let so_many = match pods {
        Some(node) => (target.place(node), "one pod"),
        None => (target.name_place(), "without `replicas` there is one pod"),
    };
    Some(
        Finding::new(&VERTICAL_AUTOSCALER, place, message)
            .related(so_many.0, so_many.1)
            .why("its updater evicts pods only where there are at least 2 (`--min-replicas`): the recommendation is made, and the running pod keeps what it has until something else replaces it")
            .help("write `minReplicas: 1` into the `updatePolicy`, and the pod is away for a moment at each update; or `updateMode: Initial`, if that is what shall be"),
    )
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

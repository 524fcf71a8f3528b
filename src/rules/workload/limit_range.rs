//! Amounts that a LimitRange of the namespace does not allow, and what a ResourceQuota wants to be written.
//!
//! Sources: kubernetes/kubernetes plugin/pkg/admission/limitranger/admission.go, minConstraint, maxConstraint and
//! mergeContainerResources; pkg/apis/core/v1/defaults.go, SetDefaults_LimitRangeItem (`max` is the default limit where
//! there is none); pkg/quota/v1/evaluator/core/pods.go, Constraints ("must specify limits.cpu").

use super::{LIMIT_RANGE, QUOTA};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::model::quantity_value;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let ranges: Vec<&Object<'i>> =
        inventory.kind("LimitRange").filter(|range| range.group().is_empty()).collect();
    let has_scope =
        |quota: &Object<'_>| ["scopes", "scopeSelector"].iter().any(|key| quota.at(&["spec", key]).is_some());
    let quotas: Vec<&Object<'i>> = inventory
        .kind("ResourceQuota")
        .filter(|quota| quota.group().is_empty() && quota.patched.is_empty() && !has_scope(quota))
        .collect();
    if ranges.is_empty() && quotas.is_empty() {
        return;
    }
    let kinds = ["Deployment", "StatefulSet", "Rollout", "ScaledJob"];
    for workload in kinds.into_iter().flat_map(|kind| inventory.kind(kind)) {
        let is_changed =
            |path: &Vec<String>| path.iter().any(|key| key == "resources" || key == "containers");
        if workload.patched.iter().any(is_changed) {
            continue;
        }
        let own: Vec<&Object<'i>> = ranges.iter().filter(|range| is_for(range, workload)).copied().collect();
        if let [range] = own.as_slice()
            && range.patched.is_empty()
        {
            findings.extend(outside(range, workload));
        }
        // A range anywhere may be that of this namespace.
        let has_defaults = ranges.iter().any(|range| range.meets(workload));
        let quota = quotas.iter().filter(|_| !has_defaults).find(|quota| is_for(quota, workload));
        findings.extend(quota.and_then(|quota| unwritten(quota, workload)));
    }
}

/// Whether a range or quota is surely for the pods of a workload.
fn is_for(one: &Object<'_>, workload: &Object<'_>) -> bool {
    match &one.namespace {
        Some(namespace) => workload.namespace.as_ref() == Some(namespace),
        None => workload.namespace.is_none() && one.is_beside(workload),
    }
}

fn written<'n>(container: &'n Node, kind: &str, resource: &str) -> Option<&'n Node> {
    container.at(&["resources", kind, resource])
}

fn text(node: &Node) -> Option<String> {
    node.as_written().filter(|text| !has_variable(text))
}

/// What of a container is outside of a range.
fn outside(range: &Object<'_>, workload: &Object<'_>) -> Option<Finding> {
    let limits = range.at(&["spec", "limits"])?.items();
    let items = limits.iter().filter(|item| item.get("type").and_then(Node::as_str) == Some("Container"));
    for (item, container) in items.flat_map(|item| workload.containers().iter().map(move |one| (item, one))) {
        for resource in ["cpu", "memory"] {
            let (limit, request) =
                (written(container, "limits", resource), written(container, "requests", resource));
            let of_range = |key: &str| item.at(&[key, resource]);
            let exceeds = |own: &Node, bound: &Node| -> Option<bool> {
                Some(quantity_value(&text(own)?)? > quantity_value(&text(bound)?)?)
            };
            // The first that does not hold: what is written, the bound, and how the two are called.
            let largest = limit.or(request).zip(of_range("max"));
            let smallest = request.or(limit).zip(of_range("min"));
            let default = of_range("default").filter(|_| limit.is_none());
            let wrong = if let Some((own, bound)) =
                largest.filter(|(own, max)| exceeds(own, max) == Some(true))
            {
                Some((own, bound, "at most", "raise `max` of the LimitRange, or write less"))
            } else if let Some((own, bound)) = smallest.filter(|(own, min)| exceeds(min, own) == Some(true)) {
                Some((own, bound, "at least", "lower `min` of the LimitRange, or write more"))
            } else {
                let above = request.zip(default).filter(|(own, default)| exceeds(own, default) == Some(true));
                above.map(|(own, bound)| {
                    (
                        own,
                        bound,
                        "by default a limit of",
                        "write a limit of its own, at least as high as the request",
                    )
                })
            };
            let Some((own, bound, said, help)) = wrong else { continue };
            let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
            let verb = if limit.is_some_and(|limit| std::ptr::eq(limit, own)) {
                "has a limit of"
            } else {
                "requests"
            };
            let message = format!(
                "the container `{}` {verb} {} of {resource}, and the LimitRange gives {said} {}",
                name.escape_debug(),
                text(own)?,
                text(bound)?
            );
            return Some(
                Finding::new(&LIMIT_RANGE, workload.place(own), message)
                    .related(range.place(bound), format!("the LimitRange `{}`", range.name))
                    .why("the API server refuses every pod: the workload stays without any, whatever an autoscaler asks for")
                    .help(help),
            );
        }
    }
    None
}

/// A container that does not write what a quota counts.
fn unwritten(quota: &Object<'_>, workload: &Object<'_>) -> Option<Finding> {
    let counted = quota.at(&["spec", "hard"])?.entries();
    let (entry, container, kind, resource) = counted.iter().find_map(|entry| {
        let (kind, resource) = match entry.key.as_str() {
            "cpu" | "requests.cpu" => ("requests", "cpu"),
            "memory" | "requests.memory" => ("requests", "memory"),
            "limits.cpu" => ("limits", "cpu"),
            "limits.memory" => ("limits", "memory"),
            _ => return None,
        };
        let lacks = |container: &&Node| {
            // A limit alone is the request, too.
            let has = |kind: &str| written(container, kind, resource).is_some();
            let is_given = has(kind) || kind == "requests" && has("limits");
            !is_given && container.get("resources").is_none_or(|node| node.as_str().is_none())
        };
        let container = workload.containers().iter().find(lacks)?;
        Some((entry, container, kind, resource))
    })?;
    let node = container.get("name")?;
    let message = format!(
        "the container `{}` writes no {kind} of {resource}, which the quota `{}` counts",
        node.as_str().unwrap_or_default().escape_debug(),
        quota.name
    );
    let mut finding = Finding::new(&QUOTA, workload.place(node), message)
        .related(quota.place(&entry.node), format!("`{}`", entry.key))
        .why(format!("unless a LimitRange of the namespace gives a default, the API server refuses every pod: `must specify {}`", entry.key))
        .help(format!("write `resources: {{ {kind}: {{ {resource}: … }} }}`, or a LimitRange with defaults beside the quota"));
    // A range may be in the cluster and not here.
    finding.severity = Severity::Warning;
    Some(finding)
}

//! Metrics of Flagger's Canaries.
//!
//! Sources: fluxcd/flagger pkg/metrics/observers (request-success-rate in percent, request-duration in milliseconds);
//! pkg/controller/scheduler_metrics.go, runMetricChecks (a template is looked up in its namespace, or in that of the
//! Canary).

use super::CANARY_METRIC;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) fn check(inventory: &Inventory<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for canary in inventory.kind("Canary").filter(|object| object.group() == "flagger.app") {
        let analysis = canary
            .at(&["spec", "analysis", "metrics"])
            .or_else(|| canary.at(&["spec", "canaryAnalysis", "metrics"]));
        for metric in analysis.map(Node::items).unwrap_or_default() {
            findings.extend(built_in(canary, metric));
            findings.extend(template(canary, metric, inventory));
        }
    }
    findings
}

/// Percent taken for a share, milliseconds for seconds.
fn built_in(canary: &Object<'_>, metric: &Node) -> Option<Finding> {
    let name = metric.get("name").and_then(Node::as_str)?;
    if metric.get("templateRef").is_some() {
        return None;
    }
    let number = |key: &str| {
        let node = metric.at(&["thresholdRange", key])?;
        Some((node, node.as_written()?.parse::<f64>().ok()?))
    };
    match name {
        "request-success-rate" => {
            let (node, least) = number("min").filter(|(_, least)| *least > 0.0 && *least <= 1.0)?;
            Some(
                Finding::new(
                    &CANARY_METRIC,
                    canary.place(node),
                    format!("`request-success-rate` is in percent, and {least} is less than one of them"),
                )
                .why("a release of which 98 of 100 requests fail passes the analysis")
                .help(format!("write {}", (least * 100_000.0).round() / 1_000.0)),
            )
        }
        "request-duration" => {
            let (node, most) = number("max").filter(|(_, most)| *most > 0.0 && *most <= 5.0)?;
            let mut finding = Finding::new(
                &CANARY_METRIC,
                canary.place(node),
                format!("`request-duration` is in milliseconds, and {most} of them are next to nothing"),
            )
            .why("hardly any release answers that fast: each one is rolled back")
            .help(format!("write {}, if seconds are meant", most * 1_000.0));
            finding.severity = Severity::Warning;
            Some(finding)
        }
        _ => None,
    }
}

/// A template in another namespace than the one that it is looked for in.
fn template(canary: &Object<'_>, metric: &Node, inventory: &Inventory<'_>) -> Option<Finding> {
    let reference = metric.get("templateRef")?;
    let node = reference.get("name")?;
    let name = node.as_str().filter(|name| !crate::manifest::has_variable(name))?;
    if reference.get("namespace").is_some() {
        return None;
    }
    let home = canary.namespace.as_deref()?;
    let all: Vec<&Object<'_>> =
        inventory.kind("MetricTemplate").filter(|object| object.name == name).collect();
    let other = all.first()?;
    if all.iter().any(|object| object.may_be_in(home)) {
        return None;
    }
    let theirs = other.namespace.as_deref()?;
    Some(
        Finding::new(&CANARY_METRIC, canary.place(node), format!("no MetricTemplate `{name}` is in the namespace `{home}`"))
            .related(other.name_place(), format!("this one is in `{theirs}`"))
            .why("Flagger looks for it in the namespace of the Canary: every check of the metric fails, and each release is rolled back")
            .help(format!("write `namespace: {theirs}` below `templateRef`")),
    )
}

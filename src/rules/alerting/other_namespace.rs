//! Alerts that ask for a namespace in which nothing of the repository lives.
//!
//! Sources: kubernetes/kube-state-metrics docs/metrics/workload/deployment-metrics.md, google/cadvisor
//! metrics/prometheus.go, prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go (the label `namespace`).

use std::collections::{BTreeMap, BTreeSet};

use super::OTHER_NAMESPACE;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::{Node, has_variable};
use crate::promql::MatchOperator;
use crate::source::{FileId, Place, Sources};

/// Namespaces of what others install.
const OF_OTHERS: [&str; 22] = [
    "default",
    "kube",
    "monitoring",
    "observability",
    "prometheus",
    "grafana",
    "loki",
    "logging",
    "tracing",
    "ingress",
    "nginx",
    "traefik",
    "istio",
    "linkerd",
    "keda",
    "argo",
    "flux",
    "cert-manager",
    "vault",
    "openshift",
    "system",
    "operator",
];

const WORKLOADS: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "Rollout", "CronJob", "Job"];

pub(super) fn check(sources: &Sources, inventory: &Inventory<'_>, alerts: &[Alert<'_>]) -> Vec<Finding> {
    let mut asked: BTreeMap<(FileId, String), (Vec<Place>, &Alert<'_>)> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| alert.object.kind() == "PrometheusRule") {
        for selector in alert.expression.selectors() {
            let is_it = |name: &str, operator| name == "namespace" && operator == MatchOperator::Equal;
            for matcher in selector.matchers.iter().filter(|one| is_it(&one.name, one.operator)) {
                let key = (alert.object.document.file, matcher.value.clone());
                asked.entry(key).or_insert((Vec::new(), alert)).0.push(alert.place(matcher.span));
            }
        }
    }
    asked.retain(|(_, name), _| is_own(name));
    // Only where something is asked is it worth to look at everything.
    if asked.is_empty() {
        return Vec::new();
    }
    let Some(there) = namespaces(sources, inventory) else { return Vec::new() };
    // A repository of monitoring alone watches what stands in others.
    if !there.iter().any(|name| is_own(name)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for ((_, name), (places, alert)) in asked {
        if there.contains(name.as_str()) {
            continue;
        }
        let listed: Vec<String> = there.iter().take(4).map(|name| format!("`{name}`")).collect();
        let more = if there.len() > 4 { format!(" and {} more", there.len() - 4) } else { String::new() };
        let message = format!("nothing here lives in the namespace `{}`", name.escape_debug());
        let mut finding = Finding::new(&OTHER_NAMESPACE, places[0], message)
            .why(format!(
                "the workloads of these files are in {}{more}: the selector meets none of them, and an alert on it never fires",
                listed.join(", ")
            ))
            .help("write the namespace that is meant, or leave the matcher out");
        if places.len() > 1 {
            finding = finding.label(format!("and {} more in this file", places.len() - 1));
        }
        if alert.severity() == "none" {
            finding.severity = Severity::Note;
        }
        findings.push(finding);
    }
    findings
}

/// Whether it is the namespace of an application, as far as its name tells.
fn is_own(name: &str) -> bool {
    !name.is_empty() && !OF_OTHERS.iter().any(|word| name.contains(word))
}

/// The namespaces of all that is here; None where some may be anywhere.
fn namespaces<'i>(sources: &Sources, inventory: &'i Inventory<'_>) -> Option<BTreeSet<&'i str>> {
    // A chart goes wherever it is told to.
    if sources
        .iter()
        .any(|(_, source)| source.name.contains("templates/") || source.name.ends_with("Chart.yaml"))
    {
        return None;
    }
    let mut all = BTreeSet::new();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment) {
        let kind = object.kind();
        if kind == "Namespace" {
            all.insert(object.name.as_str());
        }
        // Charts, and what is applied from elsewhere.
        let paths: [&[&str]; 3] =
            [&["spec", "targetNamespace"], &["spec", "destination", "namespace"], &["namespace"]];
        all.extend(paths.iter().filter_map(|path| object.at(path)).filter_map(Node::as_str));
        if matches!(kind, "ApplicationSet" | "HelmRelease" | "Application" | "HelmChart") {
            return None;
        }
        let is_workload = WORKLOADS.contains(&kind);
        match object.namespace.as_deref() {
            Some(name) if has_variable(name) || name.contains("{{") => return None,
            Some(name) => {
                all.insert(name);
            }
            None if is_workload => return None,
            None => {}
        }
        all.extend(object.names.iter().filter_map(|(namespace, _)| namespace.as_deref()));
    }
    let has_workloads = WORKLOADS.into_iter().any(|kind| inventory.kind(kind).next().is_some());
    has_workloads.then_some(all)
}

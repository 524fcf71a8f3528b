//! Alerts that an AlertmanagerConfig never gets, because it asks for those of its own namespace.
//!
//! Source: prometheus-operator/prometheus-operator Documentation/api-reference/api.md, AlertmanagerConfigMatcherStrategy:
//! OnNamespace by default, which puts `namespace="<own>"` before all routes.

use super::{Configuration, OTHER_NAMESPACE};
use crate::finding::{Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::{Node, has_variable};
use crate::promql::{Facts, Presence, analyse};
use crate::rules::alerting::Sent;

pub(super) fn check(
    configurations: &[&Configuration<'_>],
    alerts: &[Sent<'_>],
    inventory: &Inventory<'_>,
) -> Vec<Finding> {
    if configurations.is_empty() || is_for_all(inventory) {
        return Vec::new();
    }
    let homes: Option<Vec<&str>> = configurations
        .iter()
        .map(|one| one.object.namespace.as_deref().filter(|name| !has_variable(name)))
        .collect();
    let Some(homes) = homes else { return Vec::new() };
    let own: Vec<&Sent<'_>> =
        alerts.iter().filter(|alert| alert.object().kind() == "PrometheusRule").collect();
    let reached = |alert: &Sent<'_>| match namespace(alert) {
        Home::None => false,
        Home::One(name) => homes.contains(&name.as_str()),
        Home::Any => true,
    };
    if !own.is_empty() && own.iter().all(|alert| !reached(alert)) {
        let (Some(first), Some(configuration)) = (own.first(), configurations.first()) else {
            return Vec::new();
        };
        let home = homes.first().copied().unwrap_or_default();
        let what = match namespace(first) {
            Home::One(name) => format!("`{}` has namespace=\"{name}\"", first.name()),
            _ => format!("`{}` has no label `namespace`", first.name()),
        };
        let route = configuration.root.get("route").unwrap_or(configuration.root);
        let message = match own.len() {
            1 => "the only alert here does not get to this AlertmanagerConfig".to_string(),
            many => format!("none of the {many} alerts here gets to this AlertmanagerConfig"),
        };
        let mut finding =
            Finding::new(
                &OTHER_NAMESPACE,
                configuration.place(route.get("receiver").unwrap_or(route)),
                message,
            )
            .related(first.place(), what)
            .why(format!(
                "the operator puts `namespace=\"{home}\"` before its routes: alerts with another namespace, or none, go to the receiver of Alertmanager itself, and nobody is told"
            ))
            .help(match &first.object().namespace {
                Some(own) if !homes.contains(&own.as_str()) => format!(
                    "write `alertmanagerConfigMatcherStrategy: {{type: None}}` in the Alertmanager; or write the AlertmanagerConfig into the namespace `{own}`, and let the alerts keep the label `namespace`"
                ),
                _ => "write `alertmanagerConfigMatcherStrategy: {type: None}` in the Alertmanager, or let the alerts keep the label `namespace`".to_string(),
            });
        // How an Alertmanager that is not here was set up is not known.
        if !has_alertmanager(inventory) {
            finding.severity = Severity::Warning;
        }
        return vec![finding];
    }
    let lost = own.iter().filter(|alert| {
        matches!(namespace(alert), Home::None)
            && alert.object().namespace.as_deref().is_some_and(|name| homes.contains(&name))
    });
    lost.map(|alert| {
        let home = alert.object().namespace.as_deref().unwrap_or_default();
        let configuration = configurations.iter().find(|one| one.object.namespace.as_deref() == Some(home));
        let mut finding = Finding::new(
            &OTHER_NAMESPACE,
            alert.place(),
            format!("`{}` has no label `namespace`, and no AlertmanagerConfig gets it", alert.name()),
        )
        .why(format!(
            "the operator puts `namespace=\"{home}\"` before the routes of the AlertmanagerConfig beside it: an alert without that label passes it by"
        ))
        .help(format!("keep it, as in `sum by (namespace) (…)`, or write `namespace: {home}` in `labels`"));
        finding.severity = Severity::Warning;
        match configuration {
            Some(one) => finding.related(one.object.name_place(), "it asks for its own namespace"),
            None => finding,
        }
    })
    .collect()
}

/// Whether an Alertmanager, or the values of its chart, lets such routes see all alerts.
fn is_for_all(inventory: &Inventory<'_>) -> bool {
    const KEY: &str = "alertmanagerConfigMatcherStrategy";
    fn says(node: &Node, depth: usize) -> bool {
        if depth > 8 {
            return false;
        }
        node.entries().iter().any(|entry| {
            let is_all =
                entry.key == KEY && entry.node.get("type").and_then(Node::as_str) != Some("OnNamespace");
            // What gives every alert the namespace of its rule, or another one.
            let is_given = entry.key == "enforcedNamespaceLabel"
                && entry.node.as_str().is_some_and(|text| !text.is_empty())
                || entry.key == "additionalAlertRelabelConfigs";
            is_all || is_given || says(&entry.node, depth + 1)
        }) || node.items().iter().any(|item| says(item, depth + 1))
    }
    inventory.objects.iter().any(|object| {
        // A configuration that is named as the global one gets everything.
        let is_global = object.at(&["spec", "alertmanagerConfiguration"]).is_some();
        is_global || says(&object.document.node, 0)
    })
}

fn has_alertmanager(inventory: &Inventory<'_>) -> bool {
    inventory.objects.iter().any(|object| {
        let is_values = ["prometheusOperator", "alertmanager", "kube-prometheus-stack"]
            .iter()
            .any(|key| object.kind().is_empty() && object.at(&[key]).is_some());
        object.kind() == "Alertmanager" && !object.is_fragment || is_values
    })
}

/// What an alert has as `namespace`.
enum Home {
    None,
    One(String),
    Any,
}

fn namespace(alert: &Sent<'_>) -> Home {
    if let Some(label) = alert.label("namespace") {
        return if label.contains("{{") || has_variable(label) {
            Home::Any
        } else {
            Home::One(label.to_string())
        };
    }
    let facts = Facts::default();
    let analysis = analyse(alert.expression(), &facts);
    let label = analysis.root().labels.get("namespace");
    match (label.presence, label.value) {
        (Presence::Cannot, _) => Home::None,
        (Presence::Must, Some(value)) if !has_variable(value) => Home::One(value.to_string()),
        _ => Home::Any,
    }
}

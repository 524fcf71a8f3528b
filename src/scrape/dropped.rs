//! Rules that ask for what every monitor of their namespace drops after the scrape.
//!
//! Source: prometheus-operator pkg/apis/monitoring/v1/types.go, RelabelConfig: `metricRelabelings` are applied to each
//! sample; `keep` lets go of all that the pattern does not fit.

use super::alerts::asked_of_applications;
use super::pattern::compiled;
use super::rules::DROPPED;
use super::world::World;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::promql::MatchOperator;
use crate::source::{Place, Span};

/// PrometheusRules against the monitors beside the pods that they speak of.
pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    // Jobs that are written by hand, and what is pushed, bring series as well.
    if !world.configs.jobs.is_empty() || world.configs.pushes.is_some() {
        return Vec::new();
    }
    let monitors: Vec<&Object<'i>> =
        ["ServiceMonitor", "PodMonitor"].iter().flat_map(|kind| inventory.kind(kind)).collect();
    let mut findings: Vec<Finding> = Vec::new();
    for object in inventory.kind("PrometheusRule").filter(|object| !object.is_fragment) {
        for (node, text, selector) in asked_of_applications(world, object) {
            let metric = selector.name.as_deref().unwrap_or_default();
            let of_namespace = selector
                .matchers
                .iter()
                .find(|matcher| matcher.name == "namespace" && matcher.operator == MatchOperator::Equal);
            let Some(namespace) = of_namespace.map(|matcher| matcher.value.as_str()) else { continue };
            let Some((by, pattern)) = dropped(metric, namespace, &monitors) else { continue };
            let start = selector.span.start as usize;
            let message = format!("`{metric}` is dropped after the scrape");
            if findings.iter().any(|other| other.message == message) {
                continue;
            }
            findings.push(
                Finding::new(
                    &DROPPED,
                    world.inside(object, node, text, Span::new(start, start + metric.len())),
                    message,
                )
                .related(by, format!("this rule decides by the name, and asks for `{pattern}`"))
                .why(format!("no monitor of the namespace `{namespace}` lets it through: the query is always empty, an alert never fires, and no error tells"))
                .help("let its name fit, with `_bucket`, `_sum` and `_count` for a histogram"),
            );
        }
    }
    findings
}

/// The rule that drops a metric at the first of the monitors of a namespace, where all of them do.
fn dropped(metric: &str, namespace: &str, monitors: &[&Object<'_>]) -> Option<(Place, String)> {
    let sees = |monitor: &&&Object<'_>| {
        let selector = monitor.at(&["spec", "namespaceSelector"]);
        match selector {
            Some(selector) if !selector.entries().is_empty() => {
                let names = selector.get("matchNames").map(Node::items).unwrap_or_default();
                names.is_empty() || names.iter().any(|name| name.as_str() == Some(namespace))
            }
            _ => monitor.namespace.as_deref().is_none_or(|home| home == namespace),
        }
    };
    let own: Vec<&&Object<'_>> = monitors.iter().filter(sees).collect();
    let mut first = None;
    for monitor in own {
        if monitor.is_fragment || !monitor.patched.is_empty() {
            return None;
        }
        let endpoints =
            monitor.at(&["spec", "endpoints"]).or_else(|| monitor.at(&["spec", "podMetricsEndpoints"]))?;
        for endpoint in endpoints.items() {
            let rule = by_name(metric, endpoint)?;
            first.get_or_insert((monitor.place(rule.0), rule.1));
        }
    }
    first
}

/// The rule of an endpoint that drops a metric by its name.
fn by_name<'n>(metric: &str, endpoint: &'n Node) -> Option<(&'n Node, String)> {
    let rules = endpoint.get("metricRelabelings").map(Node::items).unwrap_or_default();
    for rule in rules {
        let sources: Vec<&str> = rule
            .get("sourceLabels")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_str)
            .collect();
        let action = rule.get("action").and_then(Node::as_str).unwrap_or("replace").to_ascii_lowercase();
        // What is called anew may be the metric.
        if rule.get("targetLabel").and_then(Node::as_str) == Some("__name__") {
            return None;
        }
        if sources != ["__name__"] {
            continue;
        }
        let Some(node) = rule.get("regex") else { continue };
        let pattern = node.as_str()?;
        let fits = compiled(pattern)?.is_match(metric);
        if action == "keep" && !fits || action == "drop" && fits {
            let shown: String = pattern.chars().take(60).collect();
            return Some((node, shown));
        }
    }
    None
}

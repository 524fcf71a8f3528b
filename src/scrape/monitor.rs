//! ServiceMonitors and PodMonitors.
//!
//! Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go: a ServiceMonitor selects Services by the
//! labels of the Services, a port by its name; without `namespaceSelector` both only in their own namespace.

use super::rules;
use super::target::{Pods, Service, carries, pairs};
use super::way::Passage;
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::Node;

/// Whether labels satisfy a label selector; None where it cannot be told.
pub(super) fn selected(selector: &Node, labels: &super::relabel::Labels) -> Option<bool> {
    if !carries(labels, &pairs(selector.get("matchLabels"))) {
        return Some(false);
    }
    for expression in selector.get("matchExpressions").map(Node::items).unwrap_or_default() {
        let key = expression.get("key").and_then(Node::as_str)?;
        let values = expression.get("values").map(Node::items).unwrap_or_default();
        let own = labels.get(key);
        let among = || values.iter().any(|value| value.as_written().as_ref() == own);
        let holds = match expression.get("operator").and_then(Node::as_str)? {
            "In" => own.is_some() && among(),
            "NotIn" => own.is_none() || !among(),
            "Exists" => own.is_some(),
            "DoesNotExist" => own.is_none(),
            _ => return None,
        };
        if !holds {
            return Some(false);
        }
    }
    Some(true)
}

/// Whether a monitor looks into the namespace of an object.
fn looks_into(monitor: &Object<'_>, object: &Object<'_>) -> bool {
    match monitor.at(&["spec", "namespaceSelector"]) {
        Some(node) if node.get("any").and_then(Node::as_written).as_deref() == Some("true") => true,
        Some(node) if node.get("matchNames").is_some() => {
            let names = node.get("matchNames").map(Node::items).unwrap_or_default();
            let Some(namespace) = &object.namespace else { return true };
            names.iter().any(|name| name.as_str() == Some(namespace))
        }
        _ => monitor.meets(object),
    }
}

fn shown(selector: &Node) -> String {
    let labels = pairs(selector.get("matchLabels"));
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

/// What a ServiceMonitor does with pods behind these Services.
pub fn service_monitor(monitor: &Object<'_>, pods: &Pods<'_>, services: &[&Service<'_>]) -> Passage {
    let Some(selector) = monitor.at(&["spec", "selector"]) else { return Passage::Apart };
    let what = format!("the ServiceMonitor `{}`", monitor.name);
    let mut blocked = None;
    for service in services {
        let chosen = selected(selector, &service.labels);
        let place = monitor.place(selector);
        if chosen == Some(false) {
            // The common slip: the labels of the pods, or of the selector, which the Service itself does not carry.
            let wanted = pairs(selector.get("matchLabels"));
            let meant = !wanted.is_empty()
                && (carries(&pods.labels, &wanted) || carries(&service.selector, &wanted))
                && looks_into(monitor, service.object);
            if meant {
                let why = format!(
                    "it selects Services labelled `{}`, and the Service `{}` does not carry that itself",
                    shown(selector),
                    service.object.name
                );
                blocked.get_or_insert(Passage::Blocked { by: place, what: what.clone(), why });
            }
            continue;
        }
        if chosen.is_none() {
            continue;
        }
        if !looks_into(monitor, service.object) {
            let why = format!(
                "it looks into its own namespace only, and the Service `{}` is in `{}`",
                service.object.name,
                service.object.namespace_text()
            );
            blocked.get_or_insert(Passage::Blocked { by: monitor.name_place(), what: what.clone(), why });
            continue;
        }
        for endpoint in monitor.at(&["spec", "endpoints"]).map(Node::items).unwrap_or_default() {
            let port = endpoint.get("port").and_then(Node::as_written);
            let target = endpoint.get("targetPort").and_then(Node::as_written);
            let found = match (&port, &target) {
                (Some(port), _) => service.ports.iter().any(|(name, _, _)| name == port),
                (None, Some(target)) => pods.ports.iter().any(|own| {
                    own.name == *target
                        || own.number.map(|number| number.to_string()).as_ref() == Some(target)
                }),
                (None, None) => true,
            };
            if found {
                let label =
                    monitor.text(&["spec", "jobLabel"]).and_then(|label| service.labels.get(label)).cloned();
                return Passage::Scraped {
                    by: monitor.name_place(),
                    what,
                    job: label.unwrap_or_else(|| service.object.name.clone()),
                    interval: interval(endpoint),
                };
            }
            let node = endpoint.get("port").or_else(|| endpoint.get("targetPort")).unwrap_or(endpoint);
            let wanted = port.or(target).unwrap_or_default();
            let why = format!(
                "it looks for a port named `{wanted}`, and the Service `{}` has {}",
                service.object.name,
                ports(service)
            );
            blocked = Some(Passage::Blocked { by: monitor.place(node), what: what.clone(), why });
        }
    }
    blocked.unwrap_or(Passage::Apart)
}

fn ports(service: &Service<'_>) -> String {
    let names: Vec<String> = service
        .ports
        .iter()
        .map(|(name, number, _)| match (name.as_str(), number) {
            ("", Some(number)) => format!("{number} without a name"),
            ("", None) => "one without a name".to_string(),
            (name, _) => format!("`{name}`"),
        })
        .collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}

/// What a PodMonitor does with pods.
pub fn pod_monitor(monitor: &Object<'_>, pods: &Pods<'_>) -> Passage {
    let Some(selector) = monitor.at(&["spec", "selector"]) else { return Passage::Apart };
    let what = format!("the PodMonitor `{}`", monitor.name);
    if selected(selector, &pods.labels) != Some(true) {
        return Passage::Apart;
    }
    if !looks_into(monitor, pods.object) {
        let why = format!(
            "it looks into its own namespace only, and the pods are in `{}`",
            pods.object.namespace_text()
        );
        return Passage::Blocked { by: monitor.name_place(), what, why };
    }
    let mut blocked = Passage::Apart;
    for endpoint in monitor.at(&["spec", "podMetricsEndpoints"]).map(Node::items).unwrap_or_default() {
        let written = |key: &str| endpoint.get(key).and_then(Node::as_written);
        let number = written("portNumber").or_else(|| written("targetPort"));
        let found = match (written("port"), number) {
            (Some(name), _) => pods.ports.iter().any(|port| port.name == name),
            (None, Some(target)) => pods.ports.iter().any(|port| {
                port.name == target || port.number.map(|number| number.to_string()).as_ref() == Some(&target)
            }),
            (None, None) => true,
        };
        if found {
            return Passage::Scraped {
                by: monitor.name_place(),
                job: format!("{}/{}", monitor.namespace_text(), monitor.name),
                what,
                interval: interval(endpoint),
            };
        }
        let node = endpoint.get("port").or_else(|| endpoint.get("targetPort")).unwrap_or(endpoint);
        let why = format!(
            "it looks for a container port named `{}`, and the pods declare {}",
            written("port").unwrap_or_default(),
            declared(pods)
        );
        blocked = Passage::Blocked { by: monitor.place(node), what: what.clone(), why };
    }
    blocked
}

/// Seconds between two scrapes, where the monitor says so.
fn interval(endpoint: &Node) -> Option<f64> {
    endpoint.get("interval").and_then(Node::as_str).and_then(crate::promql::seconds)
}

fn declared(pods: &Pods<'_>) -> String {
    let names: Vec<String> = pods
        .ports
        .iter()
        .map(|port| match (port.name.as_str(), port.number) {
            ("", Some(number)) => format!("{number} without a name"),
            (name, _) => format!("`{name}`"),
        })
        .collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}

/// What is wrong with a monitor as it stands in its file.
pub fn alone(monitor: &Object<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let key = if monitor.kind() == "ServiceMonitor" { "endpoints" } else { "podMetricsEndpoints" };
    for endpoint in monitor.at(&["spec", key]).map(Node::items).unwrap_or_default() {
        if let Some(node) = endpoint.get("port")
            && let Some(text) = node.as_written()
            && !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
        {
            findings.push(
                Finding::new(
                    &rules::PORT_NUMBER,
                    monitor.place(node),
                    format!("`port: {text}` is the name of a port, not its number"),
                )
                .why("no port is called so: every target is dropped in silence, and nothing is scraped")
                .help("name the port, and write the name here"),
            );
        }
        let seconds = |key: &str| endpoint.get(key).and_then(Node::as_str).and_then(crate::promql::seconds);
        if let (Some(interval), Some(timeout), Some(node)) =
            (seconds("interval"), seconds("scrapeTimeout"), endpoint.get("scrapeTimeout"))
            && timeout > interval
        {
            findings.push(
                Finding::new(
                    &rules::TIMEOUT_ABOVE_INTERVAL,
                    monitor.place(node),
                    "the timeout of a scrape is longer than the interval",
                )
                .why("the operator rejects the monitor: nothing is scraped")
                .help("write a scrapeTimeout of at most the interval"),
            );
        }
    }
    findings
}

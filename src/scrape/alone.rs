//! What is wrong with a monitor as it stands in its file, whatever it selects.

use super::monitor::{OF_PODS, endpoints, takes_numbers};
use super::rules::{PORT_MISSING, TIMEOUT_ABOVE_INTERVAL};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

/// The first timeout that is longer than its interval, for which the operator rejects the whole monitor.
///
/// Source: prometheus-operator/prometheus-operator pkg/prometheus/validation.go, CompareScrapeTimeoutToScrapeInterval.
pub(super) fn rejected<'d>(monitor: &Object<'d>) -> Option<&'d Node> {
    endpoints(monitor).iter().find_map(too_patient)
}

fn too_patient(endpoint: &Node) -> Option<&Node> {
    let seconds = |key: &str| endpoint.get(key).and_then(Node::as_str).and_then(crate::promql::seconds);
    let is_longer = seconds("scrapeTimeout")? > seconds("interval")?;
    endpoint.get("scrapeTimeout").filter(|_| is_longer)
}

/// Whether a Service or a container can have a port of this name.
///
/// Source: kubernetes/kubernetes pkg/apis/core/validation/validation.go: names of Service ports are DNS labels, those of
/// container ports have at most 15 letters, digits and dashes.
fn can_be_called(name: &str, is_container: bool) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.iter().all(|byte| is_letter(*byte) || *byte == b'-')
        && bytes.first().zip(bytes.last()).is_some_and(|(first, last)| is_letter(*first) && is_letter(*last))
        && bytes.len() <= if is_container { 15 } else { 63 }
}

/// Names that no port can have, and timeouts that are too long.
pub(super) fn check(monitor: &Object<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Google's takes a number as well.
    let takes_numbers = takes_numbers(monitor);
    for endpoint in endpoints(monitor) {
        if let Some(node) = endpoint.get("port").filter(|_| !takes_numbers)
            && let Some(name) = node.as_str().filter(|name| !name.is_empty() && !has_variable(name))
            && !can_be_called(name, OF_PODS.contains(&monitor.kind()))
        {
            findings.push(
                Finding::new(&PORT_MISSING, monitor.place(node), format!("no port can be called `{}`", name.escape_debug()))
                    .why("names of ports are small letters, digits and dashes, at most 15 for a container: every target is dropped in silence")
                    .help("write the name that the port really has"),
            );
        }
        if let Some(node) = too_patient(endpoint) {
            findings.push(
                Finding::new(
                    &TIMEOUT_ABOVE_INTERVAL,
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

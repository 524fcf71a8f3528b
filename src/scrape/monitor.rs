//! ServiceMonitors and PodMonitors.
//!
//! Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go: a ServiceMonitor selects Services by the
//! labels of the Services, a port by its name; without `namespaceSelector` both only in their own namespace.

use super::relabel::{self, Labels, Outcome};
use super::rules;
use super::target::{Pods, Service, carries, pairs, sanitized};
use super::way::{self, Passage, Scraped};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// Kinds that select Services; the second is VictoriaMetrics'.
pub const OF_SERVICES: [&str; 2] = ["ServiceMonitor", "VMServiceScrape"];
/// Kinds that select pods; the third and fourth are Google's.
pub const OF_PODS: [&str; 4] = ["PodMonitor", "VMPodScrape", "PodMonitoring", "ClusterPodMonitoring"];

/// The endpoints of a monitor, under whatever name its kind has for them.
pub fn endpoints<'d>(monitor: &Object<'d>) -> &'d [Node] {
    let list = |key: &str| monitor.at(&["spec", key]).map(Node::items);
    list("endpoints").or_else(|| list("podMetricsEndpoints")).unwrap_or_default()
}

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
pub(super) fn looks_into(monitor: &Object<'_>, object: &Object<'_>) -> bool {
    if monitor.kind() == "ClusterPodMonitoring" {
        return true;
    }
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
    let what = format!("the {} `{}`", monitor.kind(), monitor.name);
    let mut blocked = None;
    // The way, its port, and the Service.
    let mut scraped: Option<(Scraped, Option<String>, String)> = None;
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
                blocked.get_or_insert(Passage::Blocked { by: place, what: what.clone(), why, is_sure: true });
            }
            continue;
        }
        if chosen.is_none() {
            continue;
        }
        if !looks_into(monitor, service.object) {
            let why = format!(
                "{}, and the Service `{}` is in `{}`",
                reach(monitor),
                service.object.name,
                service.object.namespace_text()
            );
            blocked.get_or_insert(Passage::Blocked {
                by: monitor.name_place(),
                what: what.clone(),
                why,
                is_sure: true,
            });
            continue;
        }
        for endpoint in endpoints(monitor) {
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
                if let Some(found) = &mut scraped {
                    let again = || (service.object.name_place(), service.object.name.clone());
                    // Another endpoint of the same Service is another port or path.
                    if found.2 != service.object.name && found.1 == port {
                        found.0.again.get_or_insert_with(again);
                    }
                    continue;
                }
                match relabelled(monitor, endpoint, behind(monitor, service, pods, port.as_deref())) {
                    Ok(labels) => {
                        let way = way(monitor, endpoint, what.clone(), labels);
                        scraped = Some((way, port.clone(), service.object.name.clone()));
                    }
                    Err(Some((place, why))) => {
                        blocked =
                            Some(Passage::Blocked { by: place, what: what.clone(), why, is_sure: true });
                    }
                    Err(None) => return Passage::Apart,
                }
                continue;
            }
            let node = endpoint.get("port").or_else(|| endpoint.get("targetPort")).unwrap_or(endpoint);
            let wanted = port.or(target).unwrap_or_default();
            let why = format!(
                "it looks for a port named `{wanted}`, and the Service `{}` has {}",
                service.object.name,
                ports(service)
            );
            blocked =
                Some(Passage::Blocked { by: monitor.place(node), what: what.clone(), why, is_sure: true });
        }
    }
    match scraped {
        Some((scraped, ..)) => Passage::Scraped(Box::new(scraped)),
        None => blocked.unwrap_or(Passage::Apart),
    }
}

/// Where a monitor looks, in words.
fn reach(monitor: &Object<'_>) -> String {
    let names = monitor.at(&["spec", "namespaceSelector", "matchNames"]).map(Node::items).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Node::as_str).collect();
    if names.is_empty() {
        "it looks into its own namespace only".to_string()
    } else {
        format!("it looks into {} only", names.join(", "))
    }
}

/// Labels of the target that a Service makes of pods, with those that the operator adds.
fn behind(monitor: &Object<'_>, service: &Service<'_>, pods: &Pods<'_>, port: Option<&str>) -> Labels {
    let port_name = "__meta_kubernetes_endpoint_port_name";
    let targets = service.targets(pods);
    let target = targets.iter().find(|target| target.get(port_name).map(String::as_str) == port);
    let mut labels = target.or_else(|| targets.first()).cloned().unwrap_or_default();
    let job = monitor.text(&["spec", "jobLabel"]).and_then(|label| service.labels.get(label));
    let set = [
        ("namespace", service.object.namespace_text().to_string()),
        ("service", service.object.name.clone()),
        ("pod", format!("{}-0", pods.object.name)),
        ("container", "app".to_string()),
        ("endpoint", port.unwrap_or_default().to_string()),
        ("job", job.cloned().unwrap_or_else(|| service.object.name.clone())),
    ];
    labels.extend(set.map(|(name, value)| (name.to_string(), value)));
    copied(monitor, "targetLabels", &service.labels, &mut labels);
    copied(monitor, "podTargetLabels", &pods.labels, &mut labels);
    labels
}

/// Labels of an object that the monitor copies onto the target.
fn copied(monitor: &Object<'_>, key: &str, from: &Labels, labels: &mut Labels) {
    for name in monitor.at(&["spec", key]).map(Node::items).unwrap_or_default() {
        if let Some((name, value)) = name.as_str().and_then(|name| Some((name, from.get(name)?))) {
            labels.insert(sanitized(name), value.clone());
        }
    }
}

/// The target after the relabelling of the endpoint; or the rule that drops it, None where that cannot be told.
fn relabelled(
    monitor: &Object<'_>,
    endpoint: &Node,
    labels: Labels,
) -> Result<Labels, Option<(Place, String)>> {
    let rules = endpoint.get("relabelings").or_else(|| endpoint.get("relabelConfigs"));
    match relabel::apply(labels, rules.map(Node::items).unwrap_or_default()) {
        Outcome::Kept(labels) => Ok(labels),
        Outcome::Dropped(rule) => Err(Some((monitor.place(rule), way::describe(rule)))),
        // What cannot be followed is taken to keep it.
        Outcome::Unknown(labels) => Ok(labels),
    }
}

fn way(monitor: &Object<'_>, endpoint: &Node, what: String, labels: Labels) -> Scraped {
    let rules = endpoint.get("metricRelabelings").or_else(|| endpoint.get("metricRelabelConfigs"));
    let rules = rules.map(Node::items).unwrap_or_default();
    Scraped {
        by: monitor.name_place(),
        what,
        interval: interval(endpoint),
        labels: way::visible(labels),
        honors_labels: endpoint.get("honorLabels").and_then(Node::as_written).as_deref() == Some("true"),
        metric_rules: rules.iter().map(|rule| (rule.clone(), monitor.place(rule))).collect(),
        again: None,
    }
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
    let what = format!("the {} `{}`", monitor.kind(), monitor.name);
    if selected(selector, &pods.labels) != Some(true) {
        return Passage::Apart;
    }
    if !looks_into(monitor, pods.object) {
        let why = format!("{}, and the pods are in `{}`", reach(monitor), pods.object.namespace_text());
        return Passage::Blocked { by: monitor.name_place(), what, why, is_sure: true };
    }
    let mut blocked = Passage::Apart;
    let takes_numbers = monitor.kind().ends_with("PodMonitoring");
    for endpoint in endpoints(monitor) {
        let written = |key: &str| endpoint.get(key).and_then(Node::as_written);
        let number = written("portNumber").or_else(|| written("targetPort"));
        let found = match (written("port"), number) {
            (Some(name), _) => pods.ports.iter().any(|port| {
                port.name == name
                    || takes_numbers && port.number.map(|number| number.to_string()).as_ref() == Some(&name)
            }),
            (None, Some(target)) => pods.ports.iter().any(|port| {
                port.name == target || port.number.map(|number| number.to_string()).as_ref() == Some(&target)
            }),
            (None, None) => true,
        };
        if found {
            let mut labels = pods.targets().into_iter().next().unwrap_or_default();
            let job = monitor.text(&["spec", "jobLabel"]).and_then(|label| pods.labels.get(label)).cloned();
            let set = [
                ("namespace", pods.object.namespace_text().to_string()),
                ("pod", format!("{}-0", pods.object.name)),
                ("container", "app".to_string()),
                ("endpoint", written("port").unwrap_or_default()),
                ("job", job.unwrap_or_else(|| format!("{}/{}", monitor.namespace_text(), monitor.name))),
            ];
            labels.extend(set.map(|(name, value)| (name.to_string(), value)));
            copied(monitor, "podTargetLabels", &pods.labels, &mut labels);
            match relabelled(monitor, endpoint, labels) {
                Ok(labels) => return Passage::Scraped(Box::new(way(monitor, endpoint, what, labels))),
                Err(Some((place, why))) => {
                    blocked = Passage::Blocked { by: place, what: what.clone(), why, is_sure: true };
                }
                Err(None) => return Passage::Apart,
            }
            continue;
        }
        let node = endpoint.get("port").or_else(|| endpoint.get("targetPort")).unwrap_or(endpoint);
        let why = format!(
            "it looks for a container port named `{}`, and the pods declare {}",
            written("port").unwrap_or_default(),
            declared(pods)
        );
        blocked = Passage::Blocked { by: monitor.place(node), what: what.clone(), why, is_sure: true };
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

/// What is wrong with a monitor as it stands in its file.
pub fn alone(monitor: &Object<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Google's takes a number as well.
    let takes_numbers = monitor.kind().ends_with("PodMonitoring");
    for endpoint in endpoints(monitor) {
        if let Some(node) = endpoint.get("port").filter(|_| !takes_numbers)
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
        } else if let Some(node) = endpoint.get("port").filter(|_| !takes_numbers)
            && let Some(name) = node.as_str().filter(|name| !name.is_empty() && !has_variable(name))
            && !can_be_called(name, OF_PODS.contains(&monitor.kind()))
        {
            findings.push(
                Finding::new(&rules::PORT_MISSING, monitor.place(node), format!("no port can be called `{}`", name.escape_debug()))
                    .why("names of ports are small letters, digits and dashes, at most 15 for a container: every target is dropped in silence")
                    .help("write the name that the port really has"),
            );
        }
        if let Some(node) = too_patient(endpoint) {
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

//! ServiceMonitors and PodMonitors.
//!
//! Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go: a ServiceMonitor selects Services by the
//! labels of the Services, a port by its name; without `namespaceSelector` both only in their own namespace.

use super::relabel::{self, Labels, Outcome};
use super::target::{Pods, Port, Service, carries, namespace, pairs, sanitized};
use super::way::{self, Passage, Scraped};
use super::words::{
    self, abroad, carried, declared, elsewhere, further, lead_to, means, name_port, port_help, ports, reach,
    respell, service_or_pods, shown,
};
use crate::inventory::Object;
use crate::manifest::{Node, Value, has_variable};

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

/// What a monitor does with pods, whichever objects it looks at.
pub fn passage(monitor: &Object<'_>, pods: &Pods<'_>, services: &[&Service<'_>]) -> Passage {
    if OF_SERVICES.contains(&monitor.kind()) {
        service_monitor(monitor, pods, services)
    } else {
        pod_monitor(monitor, pods, services)
    }
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
            let wanted = [&pods.labels, &service.selector]
                .into_iter()
                .find(|labels| selected(selector, labels) == Some(true))
                .map(|labels| words::meant(selector, labels))
                .unwrap_or_default();
            let meant = !wanted.is_empty()
                && (looks_into(monitor, service.object) || monitor.is_beside(service.object));
            if meant {
                let (more, more_help) = further(monitor, service, &[pods]);
                let why = format!(
                    "it selects Services labelled `{}`, and the Service `{}` does not carry that itself{more}",
                    shown(selector),
                    service.object.name
                );
                let help = Some(format!(
                    "write the labels `{}` into the metadata of the Service `{}`{more_help}",
                    wanted
                        .iter()
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect::<Vec<_>>()
                        .join(","),
                    service.object.name
                ));
                blocked.get_or_insert(Passage::Blocked {
                    by: place,
                    what: what.clone(),
                    why,
                    help,
                    is_sure: true,
                });
            }
            continue;
        }
        if chosen.is_none() {
            continue;
        }
        if !looks_into(monitor, service.object) {
            let (why, help) = further(monitor, service, &[pods]);
            let why = why.trim_start_matches("; ").replacen(
                "the Service is",
                &format!("the Service `{}` is", service.object.name),
                1,
            );
            let help = Some(help.trim_start_matches("; ").to_string());
            blocked.get_or_insert(Passage::Blocked {
                by: monitor.name_place(),
                what: what.clone(),
                why,
                help,
                is_sure: true,
            });
            continue;
        }
        for endpoint in endpoints(monitor) {
            let port = endpoint.get("port").and_then(Node::as_written);
            let target = endpoint.get("targetPort").and_then(Node::as_written);
            let node = endpoint.get("port").or_else(|| endpoint.get("targetPort")).unwrap_or(endpoint);
            let is_open = [&port, &target].into_iter().flatten().any(|port| has_variable(port));
            let found = match (&port, &target) {
                _ if is_open => true,
                (Some(port), _) => service.ports.iter().any(|(name, _, _)| name == port),
                (None, Some(target)) => pods.ports.iter().any(|own| own.is_called(target)),
                (None, None) => true,
            };
            if !found {
                let why = match (&port, &target) {
                    (Some(port), _) => format!(
                        "it looks for a port named `{port}`, and the Service `{}` has {}",
                        service.object.name,
                        ports(service)
                    ),
                    (None, target) => format!(
                        "its `targetPort: {}` is a port of a container, and the pods declare {}",
                        target.as_deref().unwrap_or_default(),
                        declared(pods)
                    ),
                };
                let help = match (&port, &target) {
                    (Some(port), _) => port_help(service, &[pods], port),
                    (None, target) => Some(name_port(pods, target.as_deref().unwrap_or_default())),
                };
                let by = monitor.place(node);
                blocked = Some(Passage::Blocked { by, what: what.clone(), why, help, is_sure: true });
                continue;
            }
            if let Some(unmet) = service.unmet(port.as_deref(), pods).filter(|_| target.is_none()) {
                let why = format!(
                    "the port of the Service `{}` leads to the container port `{unmet}`, and the pods declare {}",
                    service.object.name,
                    declared(pods)
                );
                let by = service.object.name_place();
                let help = Some(lead_to(pods, unmet));
                blocked = Some(Passage::Blocked { by, what: what.clone(), why, help, is_sure: true });
                continue;
            }
            let wanted = (port.as_deref(), target.as_deref());
            match relabelled(endpoint, behind(monitor, service, pods, wanted)) {
                Ok(labels) => match &mut scraped {
                    Some(found) => {
                        let again = || (service.object.name_place(), service.object.name.clone());
                        // Another endpoint of the same Service is another port or path.
                        if found.2 != service.object.name && found.1 == port {
                            found.0.again.get_or_insert_with(again);
                        }
                        found.0.endpoints.push(way::endpoint(&labels));
                    }
                    None => {
                        let way = way(monitor, endpoint, what.clone(), labels);
                        scraped = Some((way, port.clone(), service.object.name.clone()));
                    }
                },
                Err((rule, value)) => blocked = Some(dropped(monitor, &what, rule, &value)),
            }
        }
    }
    match scraped {
        Some((scraped, ..)) => Passage::Scraped(Box::new(scraped)),
        None => {
            blocked.or_else(|| without_service(monitor, selector, pods, services)).unwrap_or(Passage::Apart)
        }
    }
}

/// A monitor that was written for these pods, in front of which there is no Service.
fn without_service(
    monitor: &Object<'_>,
    selector: &Node,
    pods: &Pods<'_>,
    services: &[&Service<'_>],
) -> Option<Passage> {
    let wanted = pairs(selector.get("matchLabels"));
    let is_meant = services.is_empty()
        && !wanted.is_empty()
        && selected(selector, &pods.labels) == Some(true)
        && (looks_into(monitor, pods.object) || monitor.is_beside(pods.object));
    let (place, place_help) = abroad(monitor, pods.object, "they are");
    is_meant.then(|| Passage::Near {
        by: monitor.place(selector),
        what: format!("the {} `{}`", monitor.kind(), monitor.name),
        why: format!(
            "it selects Services labelled `{}`, and of these only the pods carry that: no Service here leads to them{place}",
            shown(selector)
        ),
        help: Some(service_or_pods(selector, monitor) + &place_help),
    })
}

/// A monitor of the same folder that asks for labels of another spelling than its Service or its pods carry: by one of
/// the values, or by its own name, it was written for them.
pub fn misspelt(monitor: &Object<'_>, pods: &Pods<'_>, services: &[&Service<'_>]) -> Option<Passage> {
    let selector = monitor.at(&["spec", "selector"])?;
    let wanted = pairs(selector.get("matchLabels"));
    if wanted.is_empty() || wanted.values().any(|value| has_variable(value)) {
        return None;
    }
    let is_of_services = OF_SERVICES.contains(&monitor.kind());
    let (what, object, labels) = if is_of_services {
        let service = services.iter().find(|service| service.object.is_beside(monitor))?;
        ("Services", service.object, &service.labels)
    } else {
        ("pods", pods.object, &pods.labels)
    };
    let is_meant = monitor.is_beside(object)
        && looks_into(monitor, object)
        && selected(selector, labels) == Some(false)
        && means(monitor, &wanted, object, labels);
    is_meant.then(|| Passage::Near {
        by: monitor.place(selector),
        what: format!("the {} `{}`", monitor.kind(), monitor.name),
        why: format!(
            "it selects {what} labelled `{}`, and {} {}",
            shown(selector),
            if is_of_services {
                format!("the Service `{}`", object.name)
            } else {
                "the pod template".to_string()
            },
            carried(labels)
        ),
        help: Some(respell(&wanted, labels, if is_of_services { "Service" } else { "pod template" })),
    })
}

/// Labels of the target that a Service makes of pods, with those that the operator adds.
fn behind(
    monitor: &Object<'_>,
    service: &Service<'_>,
    pods: &Pods<'_>,
    (port, target): (Option<&str>, Option<&str>),
) -> Labels {
    let targets = service.targets(pods, "endpoints");
    let has = |labels: &Labels, name: &str, wanted: &str| {
        labels.get(&format!("__meta_kubernetes_{name}")).is_some_and(|value| value == wanted)
    };
    let is_meant = |labels: &&Labels| match (port, target) {
        (Some(port), _) => has(labels, "endpoint_port_name", port),
        (None, Some(target)) => {
            has(labels, "pod_container_port_name", target) || has(labels, "pod_container_port_number", target)
        }
        (None, None) => true,
    };
    let found = targets.iter().find(is_meant).or_else(|| targets.first());
    let mut labels = found.cloned().unwrap_or_else(|| pods.targets().swap_remove(0));
    let job = monitor.text(&["spec", "jobLabel"]).and_then(|label| service.labels.get(label));
    let endpoint = port.or(target).unwrap_or_default();
    of_the_pod(&mut labels);
    let set = [
        ("namespace", namespace(service.object)),
        ("service", service.object.name.clone()),
        ("endpoint", endpoint.to_string()),
        ("job", job.cloned().unwrap_or_else(|| service.object.name.clone())),
    ];
    labels.extend(set.map(|(name, value)| (name.to_string(), value)));
    copied(monitor, "targetLabels", &service.labels, &mut labels);
    copied(monitor, "podTargetLabels", &pods.labels, &mut labels);
    labels
}

/// The names of the pod and its container, which every monitor sets.
fn of_the_pod(labels: &mut Labels) {
    for (label, meta) in [("pod", "pod_name"), ("container", "pod_container_name")] {
        if let Some(value) = labels.get(&format!("__meta_kubernetes_{meta}")).cloned() {
            labels.insert(label.to_string(), value);
        }
    }
}

/// Labels of an object that the monitor copies onto the target.
fn copied(monitor: &Object<'_>, key: &str, from: &Labels, labels: &mut Labels) {
    for name in monitor.at(&["spec", key]).map(Node::items).unwrap_or_default() {
        if let Some((name, value)) = name.as_str().and_then(|name| Some((name, from.get(name)?))) {
            labels.insert(sanitized(name), value.clone());
        }
    }
}

/// A rule of a monitor that drops the target.
fn dropped(monitor: &Object<'_>, what: &str, rule: &Node, value: &str) -> Passage {
    let (by, what) = (monitor.place(rule), what.to_string());
    let (why, help) = (way::describe(rule, value), way::keep(rule, value));
    Passage::Blocked { by, what, why, help, is_sure: true }
}

/// The target after the relabelling of the endpoint; or the rule that drops it, and the value that it looked at.
fn relabelled(endpoint: &Node, mut labels: Labels) -> Result<Labels, (&Node, String)> {
    for (name, key, default) in [("__scheme__", "scheme", "http"), ("__metrics_path__", "path", "/metrics")] {
        let value = endpoint.get(key).and_then(Node::as_written).unwrap_or_else(|| default.to_string());
        labels.insert(name.to_string(), value);
    }
    let rules = endpoint.get("relabelings").or_else(|| endpoint.get("relabelConfigs"));
    match relabel::apply(labels, rules.map(Node::items).unwrap_or_default()) {
        Outcome::Kept(labels) => Ok(labels),
        Outcome::Dropped(rule, value) => Err((rule, value)),
    }
}

fn way(monitor: &Object<'_>, endpoint: &Node, what: String, labels: Labels) -> Scraped {
    // The operator's name, VictoriaMetrics', and Google's.
    let rules = ["metricRelabelings", "metricRelabelConfigs", "metricRelabeling"];
    let rules = rules.iter().find_map(|key| endpoint.get(key)).map(Node::items).unwrap_or_default();
    Scraped {
        by: monitor.name_place(),
        what,
        home: monitor.namespace.clone(),
        is_monitor: monitor.group() == "monitoring.coreos.com",
        release: monitor.labels().into_iter().find(|(name, _)| name == "release").map(|(_, value)| value),
        interval: interval(endpoint),
        interval_place: endpoint.get("interval").map(|node| monitor.place(node)),
        endpoints: vec![way::endpoint(&labels)],
        labels: way::visible(labels),
        honors_labels: endpoint.get("honorLabels").and_then(Node::as_written).as_deref() == Some("true"),
        metric_rules: rules.iter().map(|rule| (rule.clone(), monitor.place(rule))).collect(),
        again: None,
    }
}

/// What a PodMonitor does with pods.
pub fn pod_monitor(monitor: &Object<'_>, pods: &Pods<'_>, services: &[&Service<'_>]) -> Passage {
    let Some(selector) = monitor.at(&["spec", "selector"]) else { return Passage::Apart };
    let what = format!("the {} `{}`", monitor.kind(), monitor.name);
    if selected(selector, &pods.labels) != Some(true) {
        let wanted = pairs(selector.get("matchLabels"));
        let of_service =
            services.iter().find(|service| !wanted.is_empty() && carries(&service.labels, &wanted));
        return match of_service.filter(|_| looks_into(monitor, pods.object)) {
            Some(service) => Passage::Near {
                by: monitor.place(selector),
                what,
                why: format!(
                    "it selects pods labelled `{}`, which the Service `{}` carries and its pods do not",
                    shown(selector),
                    service.object.name
                ),
                help: Some(respell(&wanted, &pods.labels, "pod template")),
            },
            None => Passage::Apart,
        };
    }
    if !looks_into(monitor, pods.object) {
        let why = format!("{}, and the pods are in `{}`", reach(monitor), pods.object.namespace_text());
        let help = elsewhere(pods.object);
        return Passage::Blocked { by: monitor.name_place(), what, why, help, is_sure: true };
    }
    let mut blocked = Passage::Apart;
    let mut scraped: Option<Scraped> = None;
    for endpoint in endpoints(monitor) {
        let Some(port) = port_of(monitor, endpoint, pods) else {
            let key =
                ["port", "portNumber", "targetPort"].into_iter().find(|key| endpoint.get(key).is_some());
            let key = key.unwrap_or("port");
            let node = endpoint.get(key).unwrap_or(endpoint);
            let written = node.as_written().unwrap_or_default();
            let why = format!(
                "its `{key}: {written}` is a port of a container, and the pods declare {}",
                declared(pods)
            );
            blocked = Passage::Blocked {
                by: monitor.place(node),
                what: what.clone(),
                why,
                help: Some(name_port(pods, &written)),
                is_sure: true,
            };
            continue;
        };
        match relabelled(endpoint, of_pods(monitor, endpoint, pods, &port)) {
            Ok(labels) => match &mut scraped {
                Some(scraped) => scraped.endpoints.push(way::endpoint(&labels)),
                None => scraped = Some(way(monitor, endpoint, what.clone(), labels)),
            },
            Err((rule, value)) => blocked = dropped(monitor, &what, rule, &value),
        }
    }
    scraped.map_or(blocked, |scraped| Passage::Scraped(Box::new(scraped)))
}

/// The container port that an endpoint of a monitor of pods means.
fn port_of(monitor: &Object<'_>, endpoint: &Node, pods: &Pods<'_>) -> Option<Port> {
    let container = || pods.containers().next().unwrap_or(relabel::UNKNOWN).to_string();
    let any = |number| Port { name: String::new(), number, container: container() };
    let written = |key: &str| endpoint.get(key).and_then(Node::as_written);
    let name = endpoint.get("port");
    let text = written("port").or_else(|| written("portNumber")).or_else(|| written("targetPort"));
    match (name, text) {
        (_, Some(text)) if has_variable(&text) => Some(any(None)),
        // Source: GoogleCloudPlatform/prometheus-engine pkg/operator/apis/monitoring/v1/scrape.go: a number need not be
        // declared, and a text is a name whatever it looks like.
        (Some(node), Some(text)) if takes_numbers(monitor) && matches!(node.value, Value::Number(_)) => {
            let declared = pods.ports.iter().find(|port| port.is_number(&text)).cloned();
            Some(declared.unwrap_or_else(|| any(text.parse().ok())))
        }
        (Some(_), Some(text)) => pods.ports.iter().find(|port| port.name == text).cloned(),
        (None, Some(text)) => pods.ports.iter().find(|port| port.is_called(&text)).cloned(),
        (None | Some(_), None) => Some(pods.ports.first().cloned().unwrap_or_else(|| any(None))),
    }
}

/// Google's monitors.
pub(super) fn takes_numbers(monitor: &Object<'_>) -> bool {
    monitor.kind().ends_with("PodMonitoring")
}

/// The labels of a target that a monitor of pods makes.
fn of_pods(monitor: &Object<'_>, endpoint: &Node, pods: &Pods<'_>, port: &Port) -> Labels {
    let mut labels = pods.target(port);
    of_the_pod(&mut labels);
    let mut set = |name: &str, value: String| {
        labels.insert(name.to_string(), value);
    };
    set("namespace", namespace(pods.object));
    if takes_numbers(monitor) {
        // Source: GoogleCloudPlatform/prometheus-engine pkg/operator/apis/monitoring/v1/pod_config.go: the job is the
        // plain name, and these labels say where.
        set("job", monitor.name.clone());
        for name in
            ["project_id", "location", "cluster", "top_level_controller_name", "top_level_controller_type"]
        {
            set(name, relabel::UNKNOWN.to_string());
        }
        for pair in monitor.at(&["spec", "targetLabels", "fromPod"]).map(Node::items).unwrap_or_default() {
            let Some(from) = pair.get("from").and_then(Node::as_written) else { continue };
            let to = pair.get("to").and_then(Node::as_written).unwrap_or_else(|| sanitized(&from));
            if let Some(value) = pods.labels.get(&from) {
                set(&to, relabel::known(value).to_string());
            }
        }
        return labels;
    }
    let job = monitor.text(&["spec", "jobLabel"]).and_then(|label| pods.labels.get(label)).cloned();
    set("endpoint", endpoint.get("port").and_then(Node::as_written).unwrap_or_default());
    set("job", job.unwrap_or_else(|| format!("{}/{}", namespace(monitor), monitor.name)));
    copied(monitor, "podTargetLabels", &pods.labels, &mut labels);
    labels
}

/// Seconds between two scrapes, where the monitor says so.
fn interval(endpoint: &Node) -> Option<f64> {
    endpoint.get("interval").and_then(Node::as_str).and_then(crate::promql::seconds)
}

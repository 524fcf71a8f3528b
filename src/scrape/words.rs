//! Monitors in words: where they look, what they miss, and what to write instead.

use super::monitor::{endpoints, looks_into};
use super::relabel::Labels;
use super::target::{Pods, Service, pairs};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

pub fn shown(selector: &Node) -> String {
    let labels = pairs(selector.get("matchLabels"));
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    let among = expressions.iter().filter(|one| is_among(one)).filter_map(|one| {
        let values = one.get("values").map(Node::items).unwrap_or_default();
        let values: Vec<String> = values.iter().filter_map(Node::as_written).collect();
        Some(format!("{} in ({})", one.get("key")?.as_str()?, values.join(", ")))
    });
    labels.iter().map(|(name, value)| format!("{name}={value}")).chain(among).collect::<Vec<_>>().join(",")
}

fn is_among(expression: &Node) -> bool {
    expression.get("operator").and_then(Node::as_str) == Some("In")
}

/// The labels by which a selector means an object, as that object carries them: those that it asks for, and those of
/// which it takes several values.
pub fn meant(selector: &Node, labels: &Labels) -> Labels {
    let mut wanted = pairs(selector.get("matchLabels"));
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    let keys = expressions.iter().filter(|one| is_among(one)).filter_map(|one| one.get("key")?.as_str());
    wanted.extend(keys.filter_map(|key| Some((key.to_string(), labels.get(key)?.clone()))));
    wanted
}

/// That an object is in a namespace into which a monitor does not look, and what to write; nothing where it does.
pub fn abroad(monitor: &Object<'_>, object: &Object<'_>, what: &str) -> (String, String) {
    match elsewhere(object).filter(|_| !looks_into(monitor, object)) {
        Some(help) => {
            let why = format!("; {}, and {what} in `{}`", reach(monitor), object.namespace_text());
            (why, format!("; {help}"))
        }
        None => (String::new(), String::new()),
    }
}

/// What else stands between a monitor and a Service that it was written for, and what to write: one slip seldom comes
/// alone.
pub fn further(monitor: &Object<'_>, service: &Service<'_>, pods: &[&Pods<'_>]) -> (String, String) {
    let (mut why, mut help) = abroad(monitor, service.object, "the Service is");
    for endpoint in endpoints(monitor) {
        let Some(wanted) = endpoint.get("port").and_then(Node::as_written) else { continue };
        let has = service.ports.is_empty() || service.ports.iter().any(|(name, ..)| *name == wanted);
        let is_number = wanted.bytes().all(|byte| byte.is_ascii_digit());
        if has || is_number || has_variable(&wanted) {
            continue;
        }
        why += &format!("; it looks for a port named `{wanted}`, and the Service has {}", ports(service));
        if let Some(more) = port_help(service, pods, &wanted) {
            help += &format!("; {more}");
        }
        break;
    }
    (why, help)
}

/// What to write where a monitor of Services has pods and no Service.
pub fn service_or_pods(selector: &Node, monitor: &Object<'_>) -> String {
    let port = endpoints(monitor).iter().find_map(|endpoint| endpoint.get("port")?.as_written());
    let port = port.map(|port| format!(" with a port named `{port}`")).unwrap_or_default();
    format!(
        "write a Service labelled `{}`{port} in front of the pods, or make a PodMonitor of it (`podMetricsEndpoints` instead of `endpoints`), which needs none",
        shown(selector)
    )
}

/// How a monitor looks into the namespace of an object.
pub fn elsewhere(object: &Object<'_>) -> Option<String> {
    let namespace = object.namespace.as_deref()?;
    Some(format!("write `namespaceSelector: {{matchNames: [{namespace}]}}` into the monitor"))
}

/// Whether a monitor was written for an object, by its name or by a value that it asks for.
pub fn means(monitor: &Object<'_>, wanted: &Labels, object: &Object<'_>, labels: &Labels) -> bool {
    // The same value under another name is a slip; another value under the same name is another application.
    let is_spelt = |(name, value): (&String, &String)| {
        *value == object.name && labels.get(name).is_none_or(|own| own == value)
            || !labels.contains_key(name) && labels.values().any(|own| own == value)
    };
    monitor.name == object.name || wanted.iter().any(is_spelt)
}

/// Labels in words.
pub fn carried(labels: &Labels) -> String {
    /// More are not listed.
    const MOST: usize = 4;
    if labels.is_empty() {
        return "carries no label at all".to_string();
    }
    let all: Vec<String> = labels.iter().take(MOST).map(|(name, value)| format!("{name}={value}")).collect();
    format!("carries `{}`", all.join(","))
}

/// Which labels to ask for, or to write.
pub fn respell(wanted: &Labels, labels: &Labels, where_to: &str) -> String {
    let wish: Vec<String> = wanted.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let wish = wish.join(", ");
    // A label of the same value, under another name, is the one that was meant.
    let same = labels.iter().find(|(_, own)| wanted.values().any(|value| value == *own));
    match same.or_else(|| labels.first_key_value()) {
        Some((name, value)) => format!(
            "write `matchLabels: {{{name}: {value}}}` into the monitor, or `{wish}` into the labels of the {where_to}"
        ),
        None => format!("write `{wish}` into the labels of the {where_to}"),
    }
}

/// What to write where a Service has no port of this name, and the pods behind it may.
pub fn port_help(service: &Service<'_>, all: &[&Pods<'_>], wanted: &str) -> Option<String> {
    let own = all.iter().flat_map(|pods| &pods.ports).find(|port| port.name == wanted);
    let number = own.and_then(|port| port.number);
    let is_behind =
        |behind: &str| behind == wanted || number.is_some_and(|number| behind == number.to_string());
    let behind = service.ports.iter().find(|(_, _, behind)| is_behind(behind));
    let names: Vec<&str> =
        service.ports.iter().map(|(name, ..)| name.as_str()).filter(|name| !name.is_empty()).collect();
    Some(match (behind, number, names.as_slice()) {
        // A name of the container is no name of the Service.
        (Some((name, ..)), ..) if !name.is_empty() => {
            format!("write `port: {name}`: only the container calls it `{wanted}`")
        }
        (Some(_), ..) => format!("write `name: {wanted}` at this port of the Service"),
        (None, Some(number), _) => format!(
            "only the container has it: write `{{name: {wanted}, port: {number}, targetPort: {wanted}}}` into the ports of the Service"
        ),
        (None, None, []) if service.ports.len() == 1 => {
            format!("write `name: {wanted}` at the port of the Service")
        }
        (None, None, []) => "name the port of the Service".to_string(),
        (None, None, [one]) => format!("write `port: {one}`"),
        (None, None, all) => format!("its ports are {}", all.join(", ")),
    })
}

/// Where a monitor looks, in words.
pub fn reach(monitor: &Object<'_>) -> String {
    let names = monitor.at(&["spec", "namespaceSelector", "matchNames"]).map(Node::items).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Node::as_str).collect();
    if names.is_empty() {
        "it looks into its own namespace only".to_string()
    } else {
        format!("it looks into {} only", names.join(", "))
    }
}

pub fn ports(service: &Service<'_>) -> String {
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

/// What to write where a monitor asks for a port that no container has under this name.
pub fn name_port(pods: &Pods<'_>, wanted: &str) -> String {
    let names: Vec<&str> =
        pods.ports.iter().map(|port| port.name.as_str()).filter(|name| !name.is_empty()).collect();
    let is_number = wanted.bytes().all(|byte| byte.is_ascii_digit());
    let numbered = pods.ports.iter().find(|port| !port.name.is_empty() && port.is_number(wanted));
    match (numbered, names.as_slice(), pods.ports.as_slice()) {
        (Some(port), ..) => format!("write `port: {}`", port.name),
        (None, [one], [_]) => format!("write `port: {one}`"),
        (None, [], [_]) if !is_number => format!("write `name: {wanted}` at the port of the container"),
        (None, _, []) if !is_number => {
            format!("write `ports: [{{name: {wanted}, containerPort: …}}]` into the container")
        }
        _ => "name the port of the container, and write this name into the monitor".to_string(),
    }
}

/// What to write where the port of a Service leads to a container port that the pods do not declare.
pub fn lead_to(pods: &Pods<'_>, unmet: &str) -> String {
    match pods.ports.as_slice() {
        [one] if !one.name.is_empty() => format!("write `targetPort: {}` into the Service", one.name),
        [one] if one.number.is_some() => {
            format!("write `name: {unmet}` at the port of the container, or its number into the Service")
        }
        _ => format!("call the port of the container `{unmet}`, or name another one in the Service"),
    }
}

/// The ports that pods declare, in words.
pub fn declared(pods: &Pods<'_>) -> String {
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

//! Monitors that write the number of a port where its name is wanted, and the name that they mean.
//!
//! Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go: `port` is compared with the names of ports.

use super::dangling::services_of;
use super::index::Index;
use super::monitor::{OF_SERVICES, endpoints, looks_into, selected, takes_numbers};
use super::rules::PORT_NUMBER;
use super::target::{Pods, pairs};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::Node;
use crate::source::Place;

/// The port that a number means: its name, which may be empty, whose it is and where that stands.
struct Meant {
    name: String,
    whose: String,
    place: Place,
}

pub fn check(monitor: &Object<'_>, index: &Index<'_>) -> Vec<Finding> {
    // Google's takes a number as well.
    if takes_numbers(monitor) {
        return Vec::new();
    }
    let all = endpoints(monitor).iter().filter_map(|endpoint| {
        let node = endpoint.get("port")?;
        let text = node.as_written()?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| told(monitor, node, &text, index))
    });
    all.collect()
}

fn told(monitor: &Object<'_>, node: &Node, text: &str, index: &Index<'_>) -> Finding {
    let place = monitor.place(node);
    let message = format!("`port: {text}` is the name of a port, not its number");
    let finding = Finding::new(&PORT_NUMBER, place, message).why(if node.as_str().is_some() {
        "no port is called so: every target is dropped in silence, and nothing is scraped"
    } else {
        "the API server takes no number here and refuses the object; in quotes no port is called so, and nothing is scraped"
    });
    let is_of_services = OF_SERVICES.contains(&monitor.kind());
    let meant = if is_of_services { of_service(monitor, text, index) } else { of_pods(monitor, text, index) };
    match meant {
        Some(Meant { name, whose, place: other }) if !name.is_empty() => finding
            .related(other, format!("{whose} calls this port `{name}`"))
            .help(format!("write `port: {name}`"))
            .replace(false, format!("write `{name}`"), place, name),
        Some(Meant { whose, place: other, .. }) => finding
            .related(other, format!("{whose} has the port {text}, without a name"))
            .help(format!("write `name: metrics` at the port {text} of {whose}, and `port: metrics` here")),
        None => finding.help("name the port, and write the name here"),
    }
}

fn of_service(monitor: &Object<'_>, text: &str, index: &Index<'_>) -> Option<Meant> {
    let selector = monitor.at(&["spec", "selector"])?;
    let services = services_of(monitor, selector, index);
    let of_pods = |behind: &str| {
        let mut ports =
            index.workloads().iter().flat_map(|pods| pods.ports.iter().map(move |port| (pods, port)));
        ports.any(|(pods, port)| {
            port.name == behind
                && port.is_number(text)
                && services.iter().any(|service| service.selects(pods))
        })
    };
    services.iter().filter(|service| looks_into(monitor, service.object)).find_map(|service| {
        let is_its = |number: &Option<i64>| number.is_some_and(|number| number.to_string() == text);
        let by_number = service.ports.iter().find(|(_, number, _)| is_its(number));
        let by_target = || service.ports.iter().find(|(.., behind)| behind == text || of_pods(behind));
        let (name, ..) = by_number.or_else(by_target)?;
        let whose = format!("the Service `{}`", service.object.name);
        Some(Meant { name: name.clone(), whose, place: service.object.name_place() })
    })
}

fn of_pods(monitor: &Object<'_>, text: &str, index: &Index<'_>) -> Option<Meant> {
    let selector = monitor.at(&["spec", "selector"])?;
    let wanted = pairs(selector.get("matchLabels"));
    let is_meant = |pods: &&&Pods<'_>| {
        selected(selector, &pods.labels) == Some(true) && looks_into(monitor, pods.object)
    };
    let all = index.pods_labelled(&wanted, monitor);
    all.iter().filter(is_meant).find_map(|pods| {
        let port = pods.ports.iter().find(|port| port.is_number(text))?;
        let whose = format!("the {} `{}`", pods.object.kind(), pods.object.name);
        Some(Meant { name: port.name.clone(), whose, place: pods.object.name_place() })
    })
}

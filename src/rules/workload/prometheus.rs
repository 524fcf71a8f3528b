//! The Service behind `serverAddress`, where it is among the files.

use super::PROMETHEUS_PORT;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let Some(node) = trigger.at(&["metadata", "serverAddress"]) else { continue };
        let Some(text) = node.as_str().filter(|text| !has_variable(text)) else { continue };
        let (rest, default) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (rest, "80"),
            (_, Some(rest)) => (rest, "443"),
            _ => continue,
        };
        let host = rest.split('/').next().unwrap_or_default();
        let (host, port) = host.rsplit_once(':').unwrap_or((host, default));
        let mut parts = host.split('.');
        let (Some(name), Some(namespace)) = (parts.next(), parts.next()) else { continue };
        if parts.next().is_some_and(|third| third != "svc") {
            continue;
        }
        let service =
            inventory.named("Service", name).find(|service| service.namespace.as_deref() == Some(namespace));
        let Some(service) = service.filter(|service| service.document.api_version() == "v1") else {
            continue;
        };
        let ports: Vec<String> = service
            .at(&["spec", "ports"])
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|port| port.get("port").and_then(Node::as_written))
            .collect();
        let headless = service.text(&["spec", "clusterIP"]) == Some("None");
        if ports.is_empty() || ports.iter().any(|own| own == port) || headless {
            continue;
        }
        findings.push(
            Finding::new(
                &PROMETHEUS_PORT,
                object.place(node),
                format!("the Service `{name}` has no port {port}"),
            )
            .related(service.name_place(), format!("has {}", ports.join(", ")))
            .why("KEDA's question runs into its timeout at every poll, and nothing scales")
            .help(format!("write \"{}\"", with_port(text, host, port, &ports[0]))),
        );
    }
}

/// The address with another port.
fn with_port(text: &str, host: &str, port: &str, right: &str) -> String {
    let written = format!("{host}:{port}");
    let right = format!("{host}:{right}");
    if text.contains(&written) { text.replacen(&written, &right, 1) } else { text.replacen(host, &right, 1) }
}

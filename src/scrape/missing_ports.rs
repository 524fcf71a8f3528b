//! Ports that a monitor asks for, and that nothing which it selects has.

use super::index::Index;
use super::monitor::{endpoints, takes_numbers};
use super::rules::PORT_MISSING;
use super::target::{Pods, Service};
use super::words::{declared, name_port, port_help};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, Value, has_variable};

/// Ports that no Service which the monitor selects has.
pub(super) fn of_services(
    monitor: &Object<'_>,
    services: &[&Service<'_>],
    index: &Index<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for endpoint in endpoints(monitor) {
        // All workloads are gone through only where it has to be known which pods are meant.
        let behind = |services: &[&Service<'_>]| -> Vec<&Pods<'_>> {
            let all = index.workloads().iter();
            all.filter(|pods| services.iter().any(|service| service.selects(pods))).collect()
        };
        let Some(node) = endpoint.get("port") else {
            findings.extend(of_containers(monitor, endpoint, &behind(services)));
            continue;
        };
        let Some(wanted) = node.as_written() else { continue };
        let is_number = wanted.bytes().all(|byte| byte.is_ascii_digit());
        let found = services.iter().any(|service| {
            service.ports.is_empty() || service.ports.iter().any(|(name, ..)| *name == wanted)
        });
        // A number is told as such.
        if found || has_variable(&wanted) || is_number {
            continue;
        }
        let service = services[0];
        let finding = Finding::new(
            &PORT_MISSING,
            monitor.place(node),
            format!("no Service that it selects has a port named `{wanted}`"),
        )
        .related(service.object.name_place(), "the Service that it selects")
        .why("every target is dropped, nothing is scraped, and no error tells");
        findings.push(match port_help(service, &behind(&[service]), &wanted) {
            Some(help) => finding.help(help),
            None => finding,
        });
    }
    findings
}

/// Ports that no container which the monitor selects has.
pub(super) fn of_pods(monitor: &Object<'_>, pods: &[&Pods<'_>]) -> Vec<Finding> {
    let takes_numbers = takes_numbers(monitor);
    let mut findings = Vec::new();
    for endpoint in endpoints(monitor) {
        findings.extend(of_containers(monitor, endpoint, pods));
        let Some((node, wanted)) = endpoint.get("port").and_then(|node| Some((node, node.as_written()?)))
        else {
            continue;
        };
        // A number is told as such; Google's need not be declared, and as a text it is a name.
        let is_number = wanted.bytes().all(|byte| byte.is_ascii_digit())
            && !(takes_numbers && matches!(node.value, Value::Text(_)));
        let has = |pods: &&Pods<'_>| pods.ports.iter().any(|port| port.name == wanted);
        if pods.is_empty() || is_number || has_variable(&wanted) || pods.iter().any(has) {
            continue;
        }
        findings.push(
            Finding::new(
                &PORT_MISSING,
                monitor.place(node),
                format!("no container that it selects has a port named `{wanted}`"),
            )
            .related(pods[0].object.name_place(), "the workload that it selects")
            .why("every target is dropped, nothing is scraped, and no error tells")
            .help(name_port(pods[0], &wanted)),
        );
    }
    findings
}

/// A port that an endpoint looks for among those that containers declare.
///
/// Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go: `targetPort` and `portNumber` keep what
/// `__meta_kubernetes_pod_container_port_number`, or `…_name`, says.
fn of_containers(monitor: &Object<'_>, endpoint: &Node, pods: &[&Pods<'_>]) -> Option<Finding> {
    if endpoint.get("port").is_some() || monitor.group() != "monitoring.coreos.com" {
        return None;
    }
    let key = ["portNumber", "targetPort"].into_iter().find(|key| endpoint.get(key).is_some())?;
    let node = endpoint.get(key)?;
    let wanted = node.as_written().filter(|text| !has_variable(text) && !text.contains("{{"))?;
    let first = pods.first()?;
    let declares = |pods: &&&Pods<'_>| {
        pods.ports.iter().any(|port| port.is_called(&wanted)) || !pods.object.patched.is_empty()
    };
    if pods.iter().any(|pods| declares(&pods)) {
        return None;
    }
    let is_number = wanted.bytes().all(|byte| byte.is_ascii_digit());
    let help = match is_number {
        true => format!(
            "declare it: `ports: [{{name: metrics, containerPort: {wanted}}}]`, and write `port: metrics` here where the Service calls its port so"
        ),
        false => "name the port of the container so".to_string(),
    };
    Some(
        Finding::new(
            &PORT_MISSING,
            monitor.place(node),
            format!("no container that it selects declares the port `{wanted}`"),
        )
        .related(first.object.name_place(), format!("its pods declare {}", declared(first)))
        .why(format!("`{key}` keeps the targets whose container declares this port, whatever the program listens on: every target is dropped, and no error tells"))
        .help(help),
    )
}

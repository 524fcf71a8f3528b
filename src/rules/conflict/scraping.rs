//! Whether the emitted scrape path would find its pods.
//!
//! Source: prometheus-operator Documentation/user-guides: a ServiceMonitor selects Services by the Services' own
//! labels, and a port by the name that it has on the Service.

use super::cards::{POD_LABELS, PORT_MISSING, SERVICE_MISSING};
use super::{Expected, Monitor, pod_spec};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::Node;

/// The labels and ports of the pod template.
pub(super) fn check_pods(expected: &Expected, workload: &Object<'_>, findings: &mut Vec<Finding>) {
    let Some(monitor) = &expected.monitor else { return };
    let labels = workload.at(&["spec", "template", "metadata", "labels"]);
    if monitor.uses_pods && !labels.is_some_and(|labels| labels.carries(&expected.pod_labels)) {
        let place = labels.or_else(|| workload.at(&["spec", "template"])).map(|node| workload.place(node));
        let carried: Vec<String> = labels
            .map(|labels| labels.pairs().map(|(key, value)| format!("{key}={value}")).collect())
            .unwrap_or_default();
        findings.push(
            Finding::new(
                &POD_LABELS,
                place.unwrap_or(workload.name_place()),
                format!("the pods do not carry `{}`", shown(&expected.pod_labels)),
            )
            .related(expected.workload.place, "the policy looks for them")
            .why("the scrape configuration keeps only pods with these labels: none would be scraped")
            .help(format!(
                "write `pods = {{ … }}` in [workload] with labels that they carry: {}",
                carried.join(", ")
            )),
        );
    }
    if monitor.uses_pods {
        container_port(monitor, workload, findings);
    }
}

fn shown(labels: &std::collections::BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Port of a container or of a Service: name and number.
fn port_of(port: &Node, number: &str) -> (String, Option<String>) {
    let text = |key: &str| port.get(key).and_then(Node::as_written);
    (text("name").unwrap_or_default(), text(number))
}

fn container_port(monitor: &Monitor, workload: &Object<'_>, findings: &mut Vec<Finding>) {
    let Some(spec) = pod_spec(workload) else { return };
    let ports: Vec<(String, Option<String>)> = spec
        .get("containers")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .flat_map(|container| container.get("ports").map(Node::items).unwrap_or_default())
        .map(|port| port_of(port, "containerPort"))
        .collect();
    let wanted = monitor.port_number.map(|number| number.to_string());
    let found = match &wanted {
        Some(number) => ports.iter().any(|(_, other)| other.as_ref() == Some(number)),
        None => ports.iter().any(|(name, _)| *name == monitor.port_name),
    };
    if found {
        return;
    }
    let what = wanted.unwrap_or_else(|| format!("named `{}`", monitor.port_name));
    findings.push(
        Finding::new(
            &PORT_MISSING,
            spec.get("containers")
                .map_or(workload.name_place(), |node| workload.place(node.items().first().unwrap_or(node))),
            format!("no container declares the port {what}"),
        )
        .related(monitor.place, "where the policy wants to scrape")
        .why("discovery lists only declared ports: the pod would not be found, and nobody would say so")
        .help(format!("declare it under `ports:`; declared are {}", listed(&ports))),
    );
}

fn listed(ports: &[(String, Option<String>)]) -> String {
    if ports.is_empty() {
        return "none".to_string();
    }
    let texts: Vec<String> = ports
        .iter()
        .map(|(name, number)| match (name.as_str(), number) {
            ("", Some(number)) => format!("{number} without a name"),
            (name, Some(number)) => format!("`{name}` ({number})"),
            (name, None) => format!("`{name}`"),
        })
        .collect();
    texts.join(", ")
}

/// The Service that a ServiceMonitor needs.
pub(super) fn check_service(expected: &Expected, documents: &[Object<'_>], findings: &mut Vec<Finding>) {
    let Some(monitor) = expected.monitor.as_ref().filter(|monitor| monitor.uses_service) else { return };
    let namespace = &expected.workload.value.namespace;
    let services: Vec<&Object<'_>> = documents
        .iter()
        .filter(|document| {
            document.kind() == "Service"
                && document.document.api_version() == "v1"
                && document.may_be_in(namespace)
        })
        .collect();
    let carries = |document: &&&Object<'_>| {
        document.at(&["metadata", "labels"]).is_some_and(|labels| labels.carries(&monitor.service_labels))
    };
    let selected: Vec<&&Object<'_>> = services.iter().filter(carries).collect();
    if selected.is_empty() {
        service_missing(expected, monitor, &services, findings);
        return;
    }
    for service in selected {
        service_port(monitor, service, findings);
    }
}

fn service_missing(
    expected: &Expected,
    monitor: &Monitor,
    services: &[&Object<'_>],
    findings: &mut Vec<Finding>,
) {
    let labels = shown(&monitor.service_labels);
    let mut finding = Finding::new(
        &SERVICE_MISSING,
        monitor.place,
        format!("no Service in `{}` carries the labels `{labels}`", expected.workload.value.namespace),
    )
    .why("the ServiceMonitor would select nothing: no target, no metric, no error");
    // The common slip: the labels stand in the Service's selector, not on the Service.
    let selects = services.iter().find(|service| {
        service.at(&["spec", "selector"]).is_some_and(|selector| {
            !selector.entries().is_empty()
                && selector.pairs().all(|(key, value)| expected.pod_labels.get(key) == Some(&value))
        })
    });
    finding.help = Some(match selects {
        Some(service) => {
            finding = finding
                .related(service.name_place(), "it selects the pods, but does not carry the labels itself");
            format!(
                "add the labels `{labels}` to `metadata.labels` of the Service `{}`, or write `service = {{ … }}` in [metrics]",
                service.name.as_str()
            )
        }
        None if services.is_empty() => {
            "there is no Service at all: add one, or write `discovery = [\"pod-monitor\"]`".to_string()
        }
        None => {
            let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
            format!(
                "write `service = {{ … }}` in [metrics] with the labels of the Service; there are `{}`",
                names.join("`, `")
            )
        }
    });
    findings.push(finding);
}

fn service_port(monitor: &Monitor, service: &Object<'_>, findings: &mut Vec<Finding>) {
    let list = service.at(&["spec", "ports"]);
    let ports: Vec<(String, Option<String>)> =
        list.map(Node::items).unwrap_or_default().iter().map(|port| port_of(port, "port")).collect();
    if ports.iter().any(|(name, _)| *name == monitor.port_name) {
        return;
    }
    findings.push(
        Finding::new(
            &PORT_MISSING,
            list.map_or(service.name_place(), |node| service.place(node)),
            format!("the Service `{}` has no port named `{}`", service.name.as_str(), monitor.port_name),
        )
        .related(monitor.place, "the name that the ServiceMonitor looks for")
        .why("a ServiceMonitor finds a port by its name; without it every target is dropped in silence")
        .help(format!("name the port; the Service has {}", listed(&ports))),
    );
}

//! Monitors against the Services, pods and Prometheus objects of the repository, whoever scales by them.
//!
//! Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go and pkg/prometheus/resource_selector.go.

use super::address;
use super::config::Job;
use super::index::Index;
use super::monitor::{OF_SERVICES, endpoints, looks_into, selected, takes_numbers};
use super::operator::Operators;
use super::rules::{NOT_SELECTED, PORT_MISSING, SELECTS_NOTHING};
use super::target::{Pods, Service, carries, pairs};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, Value, has_variable};

/// What is wrong with one monitor beside the other objects.
pub fn check<'i>(monitor: &'i Object<'i>, index: &Index<'i>, operators: &Operators<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(not_selected(monitor, operators));
    let Some(selector) = monitor.at(&["spec", "selector"]) else { return findings };
    if OF_SERVICES.contains(&monitor.kind()) {
        let services: Vec<&Service<'i>> = index
            .services_labelled(&pairs(selector.get("matchLabels")), monitor)
            .into_iter()
            .filter(|service| selected(selector, &service.labels) == Some(true))
            .collect();
        let reached: Vec<&Service<'_>> =
            services.iter().copied().filter(|service| looks_into(monitor, service.object)).collect();
        if reached.is_empty() {
            findings.extend(selects_nothing(monitor, selector, &services, index));
        } else {
            findings.extend(ports_of_services(monitor, &reached));
        }
    } else {
        findings.extend(ports_of_pods(monitor, selector, index));
    }
    findings
}

/// No Prometheus of the repository takes this monitor up.
fn not_selected(monitor: &Object<'_>, operators: &Operators<'_>) -> Option<Finding> {
    // Values of a chart may be those of another cluster.
    let refusal = operators.refusal(monitor).filter(|refusal| refusal.is_sure)?;
    let message = format!("no Prometheus here takes up the {} `{}`", monitor.kind(), monitor.name);
    let finding = Finding::new(&NOT_SELECTED, monitor.name_place(), message)
        .label(refusal.why)
        .related(refusal.by, "this decides")
        .why("the monitor is applied and does nothing: no target, no error");
    Some(finding.help(refusal.help))
}

/// The Services of the same folder that the monitor was written for, by all signs.
fn selects_nothing(
    monitor: &Object<'_>,
    selector: &Node,
    labelled: &[&Service<'_>],
    index: &Index<'_>,
) -> Option<Finding> {
    let wanted = pairs(selector.get("matchLabels"));
    let place = monitor.place(selector);
    if wanted.is_empty() || wanted.values().any(|value| has_variable(value)) {
        return None;
    }
    let near = |service: &&&Service<'_>| service.object.nearness(monitor) >= usize::MAX - 1;
    if let Some(service) =
        labelled.iter().find(near).or_else(|| labelled.first().filter(|_| index.is_only_service(&wanted)))
    {
        return Some(
            Finding::new(
                &SELECTS_NOTHING,
                place,
                format!(
                    "the Service `{}` is in `{}`, where this monitor does not look",
                    service.object.name,
                    service.object.namespace_text()
                ),
            )
            .related(service.object.name_place(), "the Service")
            .why("the job exists and has no target, and no error tells")
            .help(format!(
                "write `namespaceSelector: {{matchNames: [{}]}}`",
                service.object.namespace_text()
            )),
        );
    }
    let meant = index.services_asking(&wanted, monitor).into_iter().find(|service| {
        near(&service) && carries(&service.selector, &wanted) && looks_into(monitor, service.object)
    })?;
    let shown: Vec<String> = wanted.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    Some(
        Finding::new(
            &SELECTS_NOTHING,
            place,
            format!("the Service `{}` does not carry `{}` itself", meant.object.name, shown.join(", ")),
        )
        .related(meant.object.name_place(), "it only selects pods by it")
        .why("a monitor goes by the labels of the Service, not of the pods behind it: no target, and no error tells")
        .help(format!("write `labels: {{{}}}` into the metadata of the Service", shown.join(", "))),
    )
}

fn ports_of_services(monitor: &Object<'_>, services: &[&Service<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for endpoint in endpoints(monitor) {
        let Some((node, wanted)) = endpoint.get("port").and_then(|node| Some((node, node.as_written()?)))
        else {
            continue;
        };
        let is_number = wanted.bytes().all(|byte| byte.is_ascii_digit());
        let found = services.iter().any(|service| {
            service.ports.is_empty() || service.ports.iter().any(|(name, ..)| *name == wanted)
        });
        // A number is told as such.
        if found || has_variable(&wanted) || is_number {
            continue;
        }
        let service = services[0];
        let names: Vec<&str> =
            service.ports.iter().map(|(name, ..)| name.as_str()).filter(|name| !name.is_empty()).collect();
        let finding = Finding::new(
            &PORT_MISSING,
            monitor.place(node),
            format!("no Service that it selects has a port named `{wanted}`"),
        )
        .related(service.object.name_place(), "the Service that it selects")
        .why("every target is dropped, nothing is scraped, and no error tells");
        findings.push(finding.help(match names.as_slice() {
            [] => "name the port of the Service".to_string(),
            [one] => format!("write `port: {one}`"),
            all => format!("its ports are {}", all.join(", ")),
        }));
    }
    findings
}

/// Addresses of a job that name a Service, and a port that it does not have.
pub fn addresses(job: &Job, index: &Index<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, target, address) in job.addresses() {
        let host = address::host(&address);
        // Beside Docker Compose the same name may be that of a container.
        if has_variable(&address) || job.is_local && !host.contains('.') {
            continue;
        }
        let first = host.split('.').next().unwrap_or_default();
        let services: Vec<&Service<'_>> = index.services_named(first).collect();
        let Some(why) = address::no_such_port(&address, &services) else { continue };
        let message = format!("{} scrapes `{address}`, and nothing listens there", job.what());
        let named = services.iter().find(|service| address::names(host, service)).unwrap_or(&services[0]);
        findings.push(
            Finding::new(&PORT_MISSING, job.place(target), message)
                .label(why)
                .related(named.object.name_place(), "the Service")
                .why("every scrape fails, and what the query asks for is never there")
                .help("write a port of the Service, which is not always that of the container"),
        );
    }
    findings
}

fn ports_of_pods(monitor: &Object<'_>, selector: &Node, index: &Index<'_>) -> Vec<Finding> {
    let wanted_labels = pairs(selector.get("matchLabels"));
    let pods: Vec<&Pods<'_>> = index
        .pods_labelled(&wanted_labels, monitor)
        .into_iter()
        .filter(|pods| selected(selector, &pods.labels) == Some(true) && looks_into(monitor, pods.object))
        .collect();
    let takes_numbers = takes_numbers(monitor);
    let mut findings = Vec::new();
    for endpoint in endpoints(monitor) {
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
            .help("name the port of the container, and write the name here"),
        );
    }
    findings
}

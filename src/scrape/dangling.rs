//! Monitors against the Services, pods and Prometheus objects of the repository, whoever scales by them.
//!
//! Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go and pkg/prometheus/resource_selector.go.

use super::index::{Index, are_environments};
use super::missing_ports;
use super::monitor::{OF_SERVICES, endpoints, looks_into, selected};
use super::operator::Operators;
use super::relabel::Labels;
use super::rules::{NOT_SELECTED, SELECTS_NOTHING, TIMEOUT_ABOVE_INTERVAL};
use super::target::{Pods, Service, carries, pairs};
use super::words::{abroad, carried, further, means, respell, service_or_pods};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

/// What is wrong with one monitor beside the other objects.
pub fn check<'i>(monitor: &'i Object<'i>, index: &Index<'i>, operators: &Operators<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(not_selected(monitor, operators));
    findings.extend(too_patient(monitor, operators));
    let Some(selector) = monitor.at(&["spec", "selector"]) else { return findings };
    if OF_SERVICES.contains(&monitor.kind()) {
        let services = services_of(monitor, selector, index);
        let reached: Vec<&Service<'_>> =
            services.iter().copied().filter(|service| looks_into(monitor, service.object)).collect();
        if reached.is_empty() {
            findings.extend(
                selects_nothing(monitor, selector, &services, index)
                    .or_else(|| alone_among_others(monitor, selector, &services, index)),
            );
        } else {
            findings.extend(missing_ports::of_services(monitor, &reached, index));
            findings.extend(leads_nowhere(monitor, selector, &reached, index));
        }
    } else {
        findings.extend(pods_of(monitor, selector, index));
    }
    findings
}

/// The Services that carry what a selector asks for, wherever they are.
pub fn services_of<'s, 'i>(
    monitor: &Object<'i>,
    selector: &Node,
    index: &'s Index<'i>,
) -> Vec<&'s Service<'i>> {
    let wanted = pairs(selector.get("matchLabels"));
    // By expressions alone, all of them have to be looked at.
    let all = if wanted.is_empty() {
        index.services().iter().collect()
    } else {
        index.services_labelled(&wanted, monitor)
    };
    all.into_iter().filter(|service| selected(selector, &service.labels) == Some(true)).collect()
}

/// A monitor that finds nothing in a file whose other monitors do: the Services of this namespace are here, and none is
/// meant by it.
fn alone_among_others(
    monitor: &Object<'_>,
    selector: &Node,
    labelled: &[&Service<'_>],
    index: &Index<'_>,
) -> Option<Finding> {
    let wanted = pairs(selector.get("matchLabels"));
    if wanted.is_empty() || !labelled.is_empty() || wanted.values().any(|value| has_variable(value)) {
        return None;
    }
    let other = index.monitors.iter().find_map(|other| {
        let is_beside = other.document.file == monitor.document.file
            && other.namespace == monitor.namespace
            && other.kind() == monitor.kind()
            && other.name != monitor.name;
        let selector = other.at(&["spec", "selector"]).filter(|_| is_beside)?;
        let found = services_of(other, selector, index);
        found.into_iter().find(|service| looks_into(other, service.object)).map(|_| *other)
    })?;
    let shown: Vec<String> = wanted.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let (name, value) = wanted.first_key_value()?;
    let values: Vec<&str> = index
        .services()
        .iter()
        .filter(|service| looks_into(monitor, service.object))
        .filter_map(|service| service.labels.get(name).map(String::as_str))
        .collect();
    // `ingest` for `weather-ingest`: the last word is the same.
    let last = |text: &str| text.rsplit('-').next().unwrap_or_default().to_string();
    let near = crate::finding::nearest(value, values.iter().copied())
        .or_else(|| values.iter().copied().find(|other| last(other) == last(value)));
    let finding = Finding::new(
        &SELECTS_NOTHING,
        monitor.place(selector),
        format!("no Service here carries `{}`", shown.join(", ")),
    )
    .related(other.name_place(), "this one finds a Service here")
    .why("the job exists and has no target, and no error tells");
    Some(match near {
        Some(near) => finding.help(format!("did you mean `{name}: {near}`? A label is matched as a whole")),
        None => match index
            .workloads()
            .iter()
            .find(|pods| carries(&pods.labels, &wanted) && looks_into(monitor, pods.object))
        {
            Some(pods) => finding
                .related(pods.object.name_place(), "its pods carry it")
                .help("write a PodMonitor with this selector, or a Service of these labels before the pods"),
            None => finding.help("write labels that a Service carries, or take the monitor out"),
        },
    })
}

/// A timeout that is longer than the interval which counts where the monitor has none of its own.
///
/// Source: prometheus-operator/prometheus-operator pkg/prometheus/resource_selector.go, validateScrapeIntervalAndTimeout.
fn too_patient(monitor: &Object<'_>, operators: &Operators<'_>) -> Option<Finding> {
    let interval = operators.interval();
    let by = interval.by.filter(|_| monitor.group() == "monitoring.coreos.com")?;
    let node = endpoints(monitor).iter().find_map(|endpoint| {
        let node = endpoint.get("scrapeTimeout").filter(|_| endpoint.get("interval").is_none())?;
        (crate::promql::seconds(node.as_str()?)? > interval.seconds).then_some(node)
    })?;
    let message = "the timeout of a scrape is longer than the interval";
    Some(
        Finding::new(&TIMEOUT_ABOVE_INTERVAL, monitor.place(node), message)
            .label(format!("without an `interval` here it is {} s", interval.seconds))
            .related(by, "this sets the interval, or leaves it open")
            .why("the operator rejects the monitor: nothing is scraped")
            .help("write an `interval` that is at least as long, or a shorter scrapeTimeout"),
    )
}

/// No Prometheus of the repository takes this monitor up.
pub fn not_selected(monitor: &Object<'_>, operators: &Operators<'_>) -> Option<Finding> {
    // Values of a chart may be those of another cluster.
    let refusal = operators.refusal(monitor).filter(|refusal| refusal.is_sure)?;
    let message = format!("no Prometheus here takes up the {} `{}`", monitor.kind(), monitor.name);
    let finding = Finding::new(&NOT_SELECTED, monitor.name_place(), message)
        .label(refusal.why)
        .related(refusal.by, "this decides")
        .why(match monitor.kind() {
            "PrometheusRule" => "the rules are applied and never evaluated: no series, no alert, no error",
            "ScrapeConfig" | "Probe" => "it is applied and does nothing: no target, no error",
            _ => "the monitor is applied and does nothing: no target, no error",
        });
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
    if wanted.is_empty() && labelled.is_empty() {
        return by_expressions(monitor, selector, index);
    }
    if wanted.is_empty() || wanted.values().any(|value| has_variable(value)) {
        return None;
    }
    let near = |service: &&&Service<'_>| service.object.nearness(monitor) >= usize::MAX - 1;
    if let Some(service) =
        labelled.iter().find(near).or_else(|| labelled.first().filter(|_| index.is_only_service(&wanted)))
    {
        let namespace = service.object.namespace_text();
        let message = format!(
            "the Service `{}` is in `{namespace}`, where this monitor does not look",
            service.object.name
        );
        return Some(
            Finding::new(&SELECTS_NOTHING, place, message)
                .related(service.object.name_place(), "the Service")
                .why("the job exists and has no target, and no error tells")
                .help(format!("write `namespaceSelector: {{matchNames: [{namespace}]}}`")),
        );
    }
    let meant = index
        .services_asking(&wanted, monitor)
        .into_iter()
        .find(|service| near(&service) && carries(&service.selector, &wanted));
    let meant = meant.or_else(|| meant_afar(monitor, selector, &wanted, index));
    let Some(meant) = meant else {
        // Those elsewhere may be the ones that are meant.
        return if labelled.is_empty() { written_for(monitor, selector, &wanted, index) } else { None };
    };
    let pods: Vec<&Pods<'_>> = index.workloads().iter().filter(|pods| meant.selects(pods)).collect();
    let (more, more_help) = further(monitor, meant, &pods);
    let more = more.replace("; it looks", "; the monitor looks");
    let shown: Vec<String> = wanted.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut finding = Finding::new(
        &SELECTS_NOTHING,
        place,
        format!("the Service `{}` does not carry `{}` itself{more}", meant.object.name, shown.join(", ")),
    )
    .related(meant.object.name_place(), "it only selects pods by it")
    .why("a monitor goes by the labels of the Service, not of the pods behind it: no target, and no error tells")
    .help(format!("write `labels: {{{}}}` into the metadata of the Service{more_help}", shown.join(", ")));
    if is_proven(monitor, selector, meant.object, index) {
        finding.severity = Severity::Error;
    }
    Some(finding)
}

/// The Service of another folder that the monitor was written for: the only one of its namespaces that selects pods by
/// these labels, with the port that is asked for, and no Service anywhere carries them.
fn meant_afar<'s, 'i>(
    monitor: &Object<'i>,
    selector: &Node,
    wanted: &Labels,
    index: &'s Index<'i>,
) -> Option<&'s Service<'i>> {
    let carried = |service: &Service<'_>| selected(selector, &service.labels) != Some(false);
    if index.services().iter().any(carried) {
        return None;
    }
    let named = monitor.at(&["spec", "namespaceSelector", "matchNames"]).map(Node::items).unwrap_or_default();
    let is_there = |service: &Service<'_>| match (named, &service.object.namespace) {
        ([], namespace) => *namespace == monitor.namespace,
        (names, Some(namespace)) => names.iter().any(|name| name.as_str() == Some(namespace)),
        (_, None) => false,
    };
    let mut all = index.services().iter().filter(|service| {
        is_there(service)
            && looks_into(monitor, service.object)
            && carries(&service.selector, wanted)
            && !are_environments(service.object.path, monitor.path)
    });
    let service = all.next().filter(|_| all.next().is_none())?;
    let has_port = |endpoint: &&Node| {
        let wanted = endpoint.get("port").and_then(Node::as_written);
        service.ports.len() == 1
            || wanted.is_some_and(|wanted| service.ports.iter().any(|(name, ..)| *name == wanted))
    };
    endpoints(monitor).iter().all(|endpoint| has_port(&endpoint)).then_some(service)
}

/// Whether no Service can carry what a monitor asks for: all of them stand in these files, as they will be applied.
fn is_proven(monitor: &Object<'_>, selector: &Node, meant: &Object<'_>, index: &Index<'_>) -> bool {
    let is_as_written = |object: &Object<'_>| {
        let labels = |path: &Vec<String>| path.iter().any(|key| key == "labels" || key == "selector");
        !object.patched.iter().any(labels)
            // Each overlay may add labels of its own.
            && object.renders.len() <= 1
            && !object.renders.iter().any(|render| render.is_open)
            && !object.namespace.as_deref().is_some_and(has_variable)
    };
    let carried = |service: &Service<'_>| selected(selector, &service.labels) != Some(false);
    let is_open = |service: &Service<'_>| !is_as_written(service.object) && service.object.meets(monitor);
    // Google's and VictoriaMetrics' monitors are not held so tightly.
    monitor.kind() == "ServiceMonitor"
        && is_as_written(monitor)
        && !are_environments(meant.path, monitor.path)
        && !index.services().iter().any(|service| carried(service) || is_open(service))
        && index.is_all()
}

/// A selector of expressions alone that no Service satisfies, while some select their pods by such labels.
fn by_expressions(monitor: &Object<'_>, selector: &Node, index: &Index<'_>) -> Option<Finding> {
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    let keys: Vec<&str> = expressions.iter().filter_map(|one| one.get("key")?.as_str()).collect();
    let mut asking = index.services().iter().filter(|service| {
        looks_into(monitor, service.object) && selected(selector, &service.selector) == Some(true)
    });
    // `DoesNotExist` holds for whatever has no labels.
    let first = asking.next().filter(|service| keys.iter().any(|key| service.selector.contains_key(*key)))?;
    let message = format!("no Service here carries `{}` itself", keys.join("`, `"));
    let more = asking.count();
    let label = match more {
        0 => "it only selects pods by it".to_string(),
        _ => format!("it only selects pods by it, like {more} more"),
    };
    Some(
        Finding::new(&SELECTS_NOTHING, monitor.place(selector), message)
            .related(first.object.name_place(), label)
            .why("a monitor goes by the labels of the Service, not of the pods behind it: no target, and no error tells")
            .help("write the label into the metadata of the Services as well"),
    )
}

/// Pods or a Service of the same folder that the monitor was written for, and does not find.
fn written_for(monitor: &Object<'_>, selector: &Node, wanted: &Labels, index: &Index<'_>) -> Option<Finding> {
    let place = monitor.place(selector);
    let why = "the job exists and has no target, and no error tells";
    let is_near = |object: &Object<'_>| object.is_beside(monitor) && looks_into(monitor, object);
    let carrying = index.pods_labelled(wanted, monitor).into_iter().find(|pods| {
        pods.object.is_beside(monitor)
            && selected(selector, &pods.labels) == Some(true)
            // A chart or an operator may make the Service of what is not written out.
            && !pods.ports.is_empty()
    });
    let of_pods = carrying.map(|pods| index.services_of(pods)).unwrap_or_default();
    let by_name = || {
        let mut all = index.services().iter().filter(|service| {
            is_near(service.object) && means(monitor, wanted, service.object, &service.labels)
        });
        // Of several nobody knows which one is meant.
        all.next().filter(|_| all.next().is_none())
    };
    let service = of_pods.into_iter().find(|service| is_near(service.object)).or_else(by_name);
    if let Some(service) = service {
        let labels: Vec<String> = wanted.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let message = format!(
            "no Service here carries `{}`, and `{}` {}",
            labels.join(", "),
            service.object.name,
            carried(&service.labels)
        );
        return Some(
            Finding::new(&SELECTS_NOTHING, place, message)
                .related(service.object.name_place(), "the Service")
                .why(why)
                .help(respell(wanted, &service.labels, "Service")),
        );
    }
    let pods = carrying?;
    // Where no Service is written at all, they are written elsewhere.
    let is_proven = !index.services().is_empty() && is_proven(monitor, selector, pods.object, index);
    let (more, more_help) = abroad(monitor, pods.object, "they are");
    let more = more.replace("; it looks", "; the monitor looks");
    let message = format!(
        "no Service here carries these labels, only the pods of {} `{}` do{more}",
        pods.object.kind(),
        pods.object.name
    );
    let mut finding = Finding::new(&SELECTS_NOTHING, place, message)
        .related(pods.object.name_place(), "its pods carry them, and no Service selects these")
        .why(why)
        .help(service_or_pods(selector, monitor) + &more_help);
    if is_proven {
        finding.severity = Severity::Error;
    }
    Some(finding)
}

/// The Service that a monitor selects leads to no pods, while those that it was written for are beside it.
fn leads_nowhere(
    monitor: &Object<'_>,
    selector: &Node,
    reached: &[&Service<'_>],
    index: &Index<'_>,
) -> Option<Finding> {
    let [service] = reached else { return None };
    let is_open = service.selector.values().any(|value| has_variable(value));
    if service.selector.is_empty() || is_open || !service.object.is_beside(monitor) {
        return None;
    }
    if index.pods_labelled(&service.selector, service.object).iter().any(|pods| service.selects(pods)) {
        return None;
    }
    let wanted = pairs(selector.get("matchLabels"));
    let mut meant = index.workloads().iter().filter(|pods| {
        pods.object.is_beside(monitor)
            && service.object.meets(pods.object)
            && (carries(&pods.labels, &wanted) || pods.object.name == service.object.name)
    });
    let pods = meant.next().filter(|_| meant.next().is_none())?;
    let asked: Vec<String> = service.selector.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let message =
        format!("the Service `{}` leads to no pods: it selects `{}`", service.object.name, asked.join(","));
    let place = service
        .object
        .at(&["spec", "selector"])
        .map_or(service.object.name_place(), |node| service.object.place(node));
    Some(
        Finding::new(&SELECTS_NOTHING, place, message)
            .related(pods.object.name_place(), format!("the pod template {}", carried(&pods.labels)))
            .related(monitor.name_place(), "this monitor scrapes through the Service")
            .why("the job exists and has no target, and no error tells; what is sent to the Service fails as well")
            .help("write labels of the pod template into the selector of the Service"),
    )
}

/// The workload of the same folder that a monitor of pods was written for, and whose pods it does not select.
fn no_pods(monitor: &Object<'_>, selector: &Node, wanted: &Labels, index: &Index<'_>) -> Option<Finding> {
    if wanted.is_empty() || wanted.values().any(|value| has_variable(value)) {
        return None;
    }
    let carrying = index.pods_labelled(wanted, monitor);
    let abroad = carrying
        .iter()
        .find(|pods| pods.object.is_beside(monitor) && selected(selector, &pods.labels) == Some(true));
    if let Some(pods) = abroad {
        let namespace = pods.object.namespace_text();
        let (kind, name) = (pods.object.kind(), &pods.object.name);
        let message =
            format!("the pods of {kind} `{name}` are in `{namespace}`, where this monitor does not look");
        return Some(
            Finding::new(&SELECTS_NOTHING, monitor.place(selector), message)
                .related(pods.object.name_place(), "the workload")
                .why("the job exists and has no target, and no error tells")
                .help(format!("write `namespaceSelector: {{matchNames: [{namespace}]}}`")),
        );
    }
    // Somewhere in the repository they are carried.
    if !carrying.is_empty() {
        return None;
    }
    let mut meant = index.workloads().iter().filter(|pods| {
        pods.object.is_beside(monitor)
            && looks_into(monitor, pods.object)
            && means(monitor, wanted, pods.object, &pods.labels)
    });
    let pods = meant.next().filter(|_| meant.next().is_none())?;
    let message = format!(
        "the pods of {} `{}` do not carry these labels: the template {}",
        pods.object.kind(),
        pods.object.name,
        carried(&pods.labels)
    );
    Some(
        Finding::new(&SELECTS_NOTHING, monitor.place(selector), message)
            .related(pods.object.name_place(), "the workload")
            .why("the job exists and has no target, and no error tells")
            .help(respell(wanted, &pods.labels, "pod template")),
    )
}

/// What a monitor of pods selects, and the ports that it asks of them.
fn pods_of(monitor: &Object<'_>, selector: &Node, index: &Index<'_>) -> Vec<Finding> {
    let wanted = pairs(selector.get("matchLabels"));
    let pods: Vec<&Pods<'_>> = index
        .pods_labelled(&wanted, monitor)
        .into_iter()
        .filter(|pods| selected(selector, &pods.labels) == Some(true) && looks_into(monitor, pods.object))
        .collect();
    let mut findings = Vec::new();
    if pods.is_empty() && monitor.group() == "monitoring.coreos.com" {
        findings.extend(no_pods(monitor, selector, &wanted, index));
    }
    findings.extend(missing_ports::of_pods(monitor, &pods));
    findings
}

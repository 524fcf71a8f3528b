//! Alerts that fire, and whom nobody is told of.
//!
//! Source: prometheus/prometheus notifier/manager.go: without an Alertmanager in `alerting` an alert stands on a page of
//! Prometheus, and goes nowhere.

use super::{Configuration, RuleFile};
use crate::finding::{Finding, Severity};
use crate::inventory::join;
use crate::manifest::{Node, Value, has_variable};
use crate::scrape::address;
use crate::scrape::rules::NO_ALERTMANAGER;
use crate::scrape::target::Service;
use crate::scrape::world::World;
use crate::source::Place;

/// Where the configuration of an Alertmanager lies beside that of Prometheus.
const BESIDE: [&str; 7] = [
    "alertmanager.yml",
    "alertmanager.yaml",
    "alertmanager/alertmanager.yml",
    "alertmanager/config.yml",
    "../alertmanager.yml",
    "../alertmanager/alertmanager.yml",
    "../alertmanager/config.yml",
];

/// A configuration that loads alerts and names no Alertmanager.
pub fn check(
    configuration: &Configuration<'_>,
    files: &[&RuleFile<'_>],
    world: &World<'_>,
    exists: fn(&str) -> bool,
) -> Option<Finding> {
    let root = configuration.root;
    let is_whole = configuration.host.is_some() || begins_a_line(configuration, world);
    if !is_whole || sends(&root.document.node) {
        return None;
    }
    let (file, alert) = files.iter().find_map(|file| Some((file, file.alert()?)))?;
    let entry = root.document.node.entries().iter().find(|entry| entry.key == "rule_files")?;
    let mut finding = Finding::new(
        &NO_ALERTMANAGER,
        Place::new(root.document.file, entry.key_span),
        "there are alerts in its rules, and nobody is told when they fire",
    )
    .related(Place::new(file.root.document.file, alert.span), "one of the alerts")
    .why("without an Alertmanager in `alerting` an alert that fires stands on a page of Prometheus: no mail, no message, no page")
    .help("write `alerting: {alertmanagers: [{static_configs: [{targets: [alertmanager:9093]}]}]}`, or let Grafana alert");
    // One in the cluster is not for a configuration on somebody's desk.
    if let Some((place, name)) = world.alertmanager().filter(|_| configuration.host.is_some()) {
        finding.severity = Severity::Warning;
        finding = finding.related(place, format!("`{name}` is an Alertmanager, and never hears of them"));
    } else {
        let folder = root.path.rfind('/').map_or("", |at| &root.path[..at]);
        let is_beside = |path: &&&str| exists(&join(folder, path));
        if configuration.host.is_none()
            && let Some(path) = BESIDE.iter().find(is_beside)
        {
            finding.severity = Severity::Warning;
            finding = finding.label(format!("`{path}` is there for one"));
        }
    }
    Some(finding)
}

/// An Alertmanager under a name that no Service has, where all Services stand in these files.
///
/// Source: kubernetes/dns docs/specification.md: `name` alone is looked up in the namespace of Prometheus.
pub fn unknown(configuration: &Configuration<'_>, world: &World<'_>) -> Option<Finding> {
    let host = configuration.host?;
    let root = configuration.root;
    let managers = root.at(&["alerting", "alertmanagers"]).map(Node::items).unwrap_or_default();
    let fixed =
        managers.iter().flat_map(|one| one.get("static_configs").map(Node::items).unwrap_or_default());
    let mut targets = fixed.flat_map(|one| one.get("targets").map(Node::items).unwrap_or_default());
    let (node, name, namespace) = targets.find_map(|node| {
        let text = node.as_str().filter(|text| !has_variable(text))?;
        let mut parts = address::host(text).split('.');
        let (name, namespace) = (parts.next()?, parts.next());
        // Farther away than a cluster: `alerts.example.com`.
        let is_of_cluster = parts.next().is_none_or(|part| part == "svc");
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name != "localhost";
        (is_of_cluster && is_name && !name.contains("operated")).then_some((node, name, namespace))
    })?;
    let namespace = namespace.or(host.namespace.as_deref())?;
    let is_it = |service: &Service<'_>| service.object.may_be_in(namespace);
    let lives_here =
        world.index.services().iter().any(|service| service.object.namespace.as_deref() == Some(namespace));
    if world.index.services_named(name).any(is_it) || !lives_here || !world.index.is_all() {
        return None;
    }
    let elsewhere = world.index.services_named(name).next();
    let mut finding = Finding::new(
        &NO_ALERTMANAGER,
        Place::new(root.document.file, node.span),
        format!("no Service `{name}` is in the namespace `{namespace}`"),
    )
    .why("Prometheus does not find it: alerts fire, and nobody is ever told");
    finding = match elsewhere {
        Some(service) => finding
            .related(service.object.name_place(), "this one is in another namespace")
            .help(format!("write `{name}.{}`, with the port", service.object.namespace_text())),
        None => finding.help("deploy an Alertmanager with a Service of this name, or take the target out"),
    };
    finding.severity = Severity::Warning;
    Some(finding)
}

/// Whether a file is this configuration, and not values with such a configuration in them.
fn begins_a_line(configuration: &Configuration<'_>, world: &World<'_>) -> bool {
    let root = configuration.root;
    let at = root.document.node.entries().first().map(|entry| entry.key_span.start);
    at.is_some_and(|at| world.sources.get(root.document.file).line_column(at).column == 1)
        && !root.document.node.is_for_others()
}

/// Whether a configuration names an Alertmanager, or hands its series on to whoever alerts.
fn sends(root: &Node) -> bool {
    let is_filled = |node: &Node| node.entries().iter().any(|entry| !is_empty(&entry.node));
    let managers = root.at(&["alerting", "alertmanagers"]);
    let names = managers.is_some_and(|node| match &node.value {
        Value::Sequence(items) => items.iter().any(is_filled),
        // What is filled in later.
        Value::Text(_) => true,
        _ => false,
    });
    names || root.at(&["alerting"]).is_some_and(|node| node.as_str().is_some())
}

/// Nothing, or lists of nothing.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Sequence(items) => items.iter().all(is_empty),
        Value::Mapping(entries) => entries.iter().all(|entry| is_empty(&entry.node)),
        _ => false,
    }
}

impl<'i> RuleFile<'i> {
    /// The name of its first alert.
    fn alert(&self) -> Option<&'i Node> {
        let groups = self.root.at(&["groups"]).map(Node::items).unwrap_or_default();
        let mut rules =
            groups.iter().flat_map(|group| group.get("rules").map(Node::items).unwrap_or_default());
        rules.find_map(|rule| rule.get("alert"))
    }
}

impl World<'_> {
    /// A workload that is an Alertmanager.
    fn alertmanager(&self) -> Option<(Place, &str)> {
        let is_one = |image: &str| {
            let name = image.rsplit('/').next().unwrap_or_default();
            name.split([':', '@']).next() == Some("alertmanager")
        };
        let pods = self.index.workloads().iter().find(|pods| pods.images().any(is_one))?;
        Some((pods.object.name_place(), pods.object.name.as_str()))
    }
}

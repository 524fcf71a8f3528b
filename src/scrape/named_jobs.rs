//! Jobs that rules of the operator ask for, against the names that monitors give.
//!
//! Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go: `job` is the name of the Service, or the value
//! of its label that `jobLabel` names; of a PodMonitor it is its namespace and name.

use std::collections::HashSet;

use super::alerts::asked_of_applications;
use super::index::are_environments;
use super::monitor::{OF_PODS, OF_SERVICES, endpoints};
use super::rules::NO_SUCH_JOB;
use super::target::{Pods, carries, pairs};
use super::world::World;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::promql::{MatchOperator, MatcherView};
use crate::source::{FileId, Place};

/// What is already told at these places is not told again.
pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>, told: &HashSet<Place>) -> Vec<Finding> {
    let configs = &world.configs;
    let by_monitors_alone = configs.jobs.is_empty()
        && configs.open.is_none()
        && configs.pushes.is_none()
        && inventory.kind("Probe").next().is_none();
    if !by_monitors_alone
        || world.index.monitors.is_empty()
        || world.index.monitors.iter().any(|one| renames(one))
    {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = Vec::new();
    let mut said: HashSet<(FileId, String)> = HashSet::new();
    for object in inventory.kind("PrometheusRule").filter(|object| !object.is_fragment) {
        for (node, text, selector) in asked_of_applications(world, object) {
            let asks = |matcher: &&MatcherView| {
                matcher.name == "job" && matcher.operator == MatchOperator::Equal && !matcher.value.is_empty()
            };
            let Some(matcher) = selector.matchers.iter().find(asks) else { continue };
            let Some(given) = given(world, object, &matcher.value) else { continue };
            let place = world.inside(object, node, text, matcher.span);
            let finding = no_such_job(matcher, &given).related(given.pods.object.name_place(), "these pods");
            let mut finding = Finding { place, ..finding };
            finding.severity = Severity::Warning;
            // Once in each file.
            if !told.contains(&place) && said.insert((place.file, finding.message.clone())) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// Whether a monitor calls its job by something else than a name.
fn renames(monitor: &Object<'_>) -> bool {
    let of_endpoint = |endpoint: &Node| {
        let sets = ["relabelings", "metricRelabelings"].iter().any(|key| {
            let rules = endpoint.get(key).map(Node::items).unwrap_or_default();
            rules.iter().any(|rule| rule.get("targetLabel").and_then(Node::as_str) == Some("job"))
        });
        sets || endpoint.get("honorLabels").and_then(Node::as_written).as_deref() == Some("true")
    };
    monitor.at(&["spec", "jobLabel"]).is_some() || endpoints(monitor).iter().any(of_endpoint)
}

/// The jobs under which pods come that a rule means.
struct Given<'w, 'i> {
    pods: &'w Pods<'i>,
    names: Vec<String>,
    /// Who gives the name.
    who: &'static str,
}

/// What the pods that are called so come as, where it is another name.
fn given<'w, 'i>(world: &'w World<'i>, object: &Object<'_>, wanted: &str) -> Option<Given<'w, 'i>> {
    let index = &world.index;
    if index.services_named(wanted).next().is_some() {
        return None;
    }
    let is_meant = |pods: &&Pods<'_>| {
        !are_environments(pods.object.path, object.path)
            && (pods.object.name == wanted || pods.labels.get("app").is_some_and(|app| app == wanted))
    };
    let mut meant = index.workloads().iter().filter(is_meant);
    let (pods, None) = (meant.next()?, meant.next()) else { return None };
    let services = index.services_of(pods);
    let looks = |monitor: &&Object<'_>| {
        let labels = pairs(monitor.at(&["spec", "selector", "matchLabels"]));
        let is_carried = carries(&pods.labels, &labels)
            || services.iter().any(|service| carries(&service.labels, &labels));
        !labels.is_empty() && is_carried
    };
    let monitors: Vec<&&Object<'_>> = index.monitors.iter().filter(|one| looks(one)).collect();
    let first = monitors.first()?;
    let all_of = |kinds: &[&str]| monitors.iter().all(|monitor| kinds.contains(&monitor.kind()));
    let (names, who): (Vec<String>, &str) = if all_of(&OF_SERVICES) {
        (
            services.iter().map(|service| service.object.name.clone()).collect(),
            "the Service before them is called so",
        )
    } else if all_of(&OF_PODS[..1]) {
        let namespace = first.namespace.as_deref()?;
        (vec![format!("{namespace}/{}", first.name)], "the PodMonitor gives its namespace and name")
    } else {
        return None;
    };
    // Without any Service the one that is still to come has to be called so.
    let is_known = names.iter().all(|name| !has_variable(name) && name != wanted);
    is_known.then_some(Given { pods, names, who })
}

fn no_such_job(matcher: &MatcherView, given: &Given<'_, '_>) -> Finding {
    let listed: Vec<String> = given.names.iter().map(|name| format!("`{name}`")).collect();
    let why = match given.names.as_slice() {
        [] => "a ServiceMonitor gives the job the name of the Service, and there is none before these pods"
            .to_string(),
        _ => format!("the job of these pods is {}: {}", listed.join(" or "), given.who),
    };
    let help = match given.names.first() {
        Some(name) => format!(
            "write `job=\"{name}\"`, or name a label of the Service that says `{}` as `jobLabel` of the monitor",
            matcher.value
        ),
        None => format!("write a Service that is called `{}`, or ask by another label", matcher.value),
    };
    Finding::new(
        &NO_SUCH_JOB,
        given.pods.object.name_place(),
        format!("no Service is called `{}`, so no job is", matcher.value),
    )
    .why(format!("{why}; no series matches, an alert never fires, and no error tells"))
    .help(help)
}

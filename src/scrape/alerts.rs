//! Labels that alerts and records ask for, against those that the scrape path of the workload which they name sets.

use super::config::Job;
use super::consequence::Empty;
use super::exporters::is_of_the_platform;
use super::labels;
use super::relabel::{self, is_unknown};
use super::rules::LABEL_MISMATCH;
use super::target::{Pods, sanitized};
use super::way::Passage;
use super::world::World;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::lint::is_recorded;
use crate::manifest::{Node, has_variable};
use crate::promql::{MatchOperator, MatcherView, SelectorView, Target, parse};
use crate::source::Place;

/// Rules of the operator and rule files.
pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let of_rules = inventory.objects.iter().filter(|object| {
        object.kind() == "PrometheusRule" || object.kind().is_empty() && object.at(&["groups"]).is_some()
    });
    of_rules.flat_map(|object| of(world, object)).collect()
}

/// What the alerts and records of an object ask of applications: the query's node and text, and the selector.
pub fn asked_of_applications<'i>(
    world: &World<'i>,
    object: &'i Object<'i>,
) -> impl Iterator<Item = (&'i Node, &'i str, SelectorView)> {
    let queries = object.rules().filter_map(|rule| {
        let node = rule.get("expr")?;
        let text = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"))?;
        Some((node, text, parse(text, &Target::default()).ok()?))
    });
    queries
        .flat_map(|(node, text, expression)| {
            expression.selectors().into_iter().map(move |selector| (node, text, selector))
        })
        .filter(|(.., selector)| {
            let metric = selector.name.as_deref().unwrap_or_default();
            !metric.is_empty()
                && !is_recorded(metric)
                && !is_of_the_platform(metric)
                && world.index.recorded(metric).is_empty()
        })
}

/// `endpoint="/checkout"` in a rule of the operator, whose monitors put the name of a port there.
///
/// Source: prometheus-operator pkg/prometheus/promcfg.go, generateServiceMonitorConfig (target label `endpoint`).
fn route(world: &World<'_>, object: &Object<'_>, matcher: &MatcherView, place: Place) -> Option<Finding> {
    let is_route = matcher.name == "endpoint"
        && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
        && matcher.value.starts_with('/');
    let honors = |monitor: &&&Object<'_>| {
        let lists = ["endpoints", "podMetricsEndpoints"];
        lists.iter().filter_map(|key| monitor.at(&["spec", key])).flat_map(Node::items).any(|endpoint| {
            endpoint.get("honorLabels").and_then(Node::as_written).as_deref() == Some("true")
                || endpoint.get("metricRelabelings").is_some()
        })
    };
    if !is_route || object.kind() != "PrometheusRule" || !world.configs.jobs.is_empty() {
        return None;
    }
    let monitors = &world.index.monitors;
    if monitors.iter().any(|monitor| honors(&monitor)) {
        return None;
    }
    let monitor = monitors.iter().find(|monitor| monitor.is_beside(object)).or(monitors.first())?;
    Some(
        Finding::new(&LABEL_MISMATCH, place, "`endpoint` is the name of a port on the path of a monitor")
            .related(monitor.name_place(), "this one puts it there")
            .why("no series matches: the rule stays empty, an alert never fires, and no error tells")
            .help(format!(
                "write `exported_endpoint{}\"{}\"`: so the application's own label is called; or `honorLabels: true` on the monitor",
                matcher.operator.text(),
                matcher.value
            )),
    )
}

fn of<'i>(world: &World<'i>, object: &'i Object<'i>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (node, text, selector) in asked_of_applications(world, object) {
        let metric = selector.name.as_deref().unwrap_or_default();
        let routed = selector.matchers.iter().find_map(|matcher| {
            route(world, object, matcher, world.inside(object, node, text, matcher.span))
        });
        if let Some(finding) = routed {
            findings.push(finding);
            continue;
        }
        // A job that is written out somewhere may be meant.
        let is_written = |matcher: &&MatcherView| {
            matcher.name == "job" && world.configs.jobs.iter().any(|job| job.name == matcher.value)
        };
        if selector.matchers.iter().any(|matcher| is_written(&matcher)) {
            continue;
        }
        let Some(pods) = world.named(object, &selector, (None, &[])) else { continue };
        let passages = world.passages(&pods);
        let ways: Vec<_> = passages.iter().filter_map(Passage::scraped).collect();
        if metric == "up"
            && object.kind().is_empty()
            && passages
                .iter()
                .all(|passage| matches!(passage, Passage::Blocked { .. } | Passage::Near { .. }))
            && let Some(matcher) = of_a_label(&selector.matchers, &pods, world)
        {
            let finding = unseen(matcher, &pods, world.inside(object, node, text, matcher.span));
            let is_new = |other: &Finding| other.message != finding.message;
            if findings.iter().all(is_new) {
                findings.push(finding);
            }
            continue;
        }
        findings.extend(world.window_of_rule(object, (node, text), &selector, &ways));
        let found = labels::check(&selector, &pods, (&ways, Empty::Zero), |span| {
            world.inside(object, node, text, span)
        });
        // What an application, or an exporter for it, may set itself is no proof; `up` has the target's labels alone.
        // A label of the pods that no monitor hands on, with the very value that the pods have.
        let is_of_pods = selector.matchers.iter().any(|matcher| {
            let own = pods.labels.iter().find(|(name, _)| sanitized(name) == matcher.name);
            matcher.operator == MatchOperator::Equal && own.is_some_and(|(_, value)| *value == matcher.value)
        });
        let is_of_monitors = object.kind() == "PrometheusRule" && ways.iter().all(|way| way.is_monitor);
        let told = |finding: &Finding| finding.is_error() || is_of_pods && is_of_monitors;
        let Some(mut finding) = found.filter(told) else { continue };
        if metric != "up" || text.contains(" or ") {
            finding.severity = Severity::Warning;
        }
        let is_absent = text.contains("absent(");
        finding.why = Some(
            if is_absent {
                "no series matches: `absent` always holds, and the alert fires for ever"
            } else {
                "no series matches: the rule stays empty, an alert never fires, and no error tells"
            }
            .to_string(),
        );
        let message = &finding.message;
        if !findings.iter().any(|other| other.message == *message && other.place.file == finding.place.file) {
            findings.push(finding);
        }
    }
    findings
}

/// A matcher on a label of the pods that comes from discovery alone, where every job that is known finds its targets there.
fn of_a_label<'m>(
    matchers: &'m [MatcherView],
    pods: &Pods<'_>,
    world: &World<'_>,
) -> Option<&'m MatcherView> {
    let matcher = matchers.iter().find(|matcher| {
        let own = pods.labels.iter().find(|(name, _)| sanitized(name) == matcher.name);
        matcher.operator == MatchOperator::Equal
            && own.is_some_and(|(_, value)| *value == matcher.value && !is_unknown(value))
    })?;
    let is_open = |job: &Job| {
        let found_elsewhere = job
            .node
            .entries()
            .iter()
            .any(|entry| entry.key.ends_with("_sd_configs") && entry.key != "kubernetes_sd_configs");
        let is_written = job.list("static_configs", "staticConfigs").iter().any(|fixed| {
            fixed.at(&["labels", &matcher.name]).is_some() || fixed.at(&["labels"]).is_some_and(has_merge)
        });
        let is_set = job.list("relabel_configs", "relabelings").iter().any(|rule| {
            let target = relabel::field(rule, "target_label", "targetLabel").and_then(Node::as_str);
            target == Some(matcher.name.as_str()) && relabel::sources(rule).next().is_none()
        });
        let honors = job.node.get("honor_labels").and_then(Node::as_written).as_deref() == Some("true");
        found_elsewhere || is_written || is_set || honors
    };
    let configs = &world.configs;
    let is_whole = configs.is_of_a_cluster
        && !configs.jobs.is_empty()
        && configs.open.is_none()
        && configs.pushes.is_none()
        && world.operators.is_empty()
        && world.index.monitors.is_empty()
        && !configs.jobs.iter().any(is_open);
    // Another workload may carry the same label.
    let alike = world.index.workloads().iter().filter(|other| {
        other.labels.iter().any(|(name, value)| sanitized(name) == matcher.name && *value == matcher.value)
    });
    (is_whole && alike.count() == 1).then_some(matcher)
}

/// A key that brings more keys, which are not read.
fn has_merge(node: &Node) -> bool {
    node.entries().iter().any(|entry| entry.key == "<<")
}

fn unseen(matcher: &MatcherView, pods: &Pods<'_>, place: Place) -> Finding {
    let (name, value) = (&matcher.name, &matcher.value);
    let mut finding = Finding::new(
        &LABEL_MISMATCH,
        place,
        format!("no job scrapes the pods that carry `{name}: {value}`"),
    )
    .related(pods.object.name_place(), "these pods")
    .why("`up` has a series for each target that a job finds, with the labels of its pod: pods that no job takes have none, and the alert never fires")
    .help(format!(
        "let a job take them (with the annotation `prometheus.io/scrape: \"true\"` where one asks for it, and an exporter that answers), or ask kube-state-metrics whether `{}` is available",
        pods.object.name
    ));
    finding.severity = Severity::Warning;
    finding
}

//! Alerts on CPU and memory against the limits of the pods that they are about.
//!
//! Sources: kubernetes/kubernetes pkg/kubelet/cm/helpers_linux.go, ResourceConfigForPod (the cgroup of a container stops at its
//! limit, that of a pod at the sum where all have one); google/cadvisor metrics/prometheus.go (a series for each container,
//! and one for the cgroup of the pod).

use super::ABOVE_LIMIT;
use super::pods::{fits, has_guests, is_chart, is_moved, is_positive, pod_names};
use super::usage::{Resource, Usage, usages};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable, raw_offset};
use crate::model::quantity_value;
use crate::promql::ast::MatchOperator;
use crate::promql::{Facts, Target, parse};
use crate::source::{Place, Sources, Span};

/// Kinds that make pods, and the way to the template of these.
const KINDS: [(&str, &[&str]); 6] = [
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("Rollout", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
];

/// A name that no pod has: a pattern that fits it names nobody.
const NOBODY: &str = "zzqx-7d9f8c6b5d-x2x7k";

/// Names that containers of many workloads have.
const COMMON: [&str; 12] = [
    "api",
    "app",
    "application",
    "backend",
    "container",
    "frontend",
    "main",
    "nginx",
    "redis",
    "server",
    "web",
    "worker",
];

/// What the pods of one workload can use at most.
struct Ceiling<'i> {
    workload: &'i Object<'i>,
    most: f64,
    /// Where the limits stand.
    limits: Vec<Place>,
    /// Whether nothing else can have series under the same names.
    is_sure: bool,
}

pub(super) fn check<'i>(sources: &Sources, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let facts = Facts::default();
    let is_of_rules = |object: &&Object<'_>| {
        object.kind() == "PrometheusRule" && !object.is_fragment
            || object.kind().is_empty() && object.at(&["groups"]).is_some()
    };
    for alerts in inventory.objects.iter().filter(is_of_rules) {
        for rule in alerts.rules() {
            let Some(node) = rule.get("expr").filter(|_| rule.get("alert").is_some()) else { continue };
            let Some(text) = node.as_str().filter(|text| text.contains("container_") && !has_variable(text))
            else {
                continue;
            };
            let Ok(expression) = parse(text, &Target::default()) else { continue };
            let told = rule.get("annotations").map(Node::pairs).into_iter().flatten();
            let texts: String = told.map(|(_, text)| text + "\n").collect();
            let file = alerts.document.file;
            let raw = sources.get(file).text.get(node.span.range()).unwrap_or_default();
            let place = |span: Span| {
                let at = |offset: u32| node.span.start as usize + raw_offset(raw, text, offset as usize);
                let (start, end) = (at(span.start), at(span.end));
                Place::new(file, Span::new(start, end.max(start)))
            };
            findings.extend(
                usages(&expression, &facts)
                    .iter()
                    .filter_map(|usage| never(usage, (inventory, &texts), place)),
            );
        }
    }
    findings
}

/// That an alert can never fire for some, because they may not use so much; an error where these are all.
fn never<'i>(
    usage: &Usage<'_>,
    (inventory, text): (&'i Inventory<'i>, &str),
    place: impl Fn(Span) -> Place,
) -> Option<Finding> {
    let meant = meant(usage, inventory)?;
    // A rate is extrapolated, and a little above what was used.
    let room = if usage.resource == Resource::Cpu { 1.1 } else { 1.02 };
    let is_below = |ceiling: &Option<Ceiling<'_>>| {
        ceiling.as_ref().is_some_and(|ceiling| usage.threshold >= ceiling.most * room)
    };
    // Of copies for several environments all have to be below.
    let of_all_copies = |workload: &Object<'_>| {
        meant.iter().filter(|(other, _)| other.name == workload.name).all(|(_, ceiling)| is_below(ceiling))
    };
    let low: Vec<&Ceiling<'_>> = meant
        .iter()
        .filter(|(workload, _)| of_all_copies(workload))
        .filter_map(|(_, ceiling)| ceiling.as_ref())
        .collect();
    if low.is_empty() {
        return None;
    }
    let is_whole = low.len() == meant.len();
    let mut names: Vec<String> = low.iter().map(|ceiling| format!("`{}`", ceiling.workload.name)).collect();
    names.dedup();
    let most = low.iter().map(|ceiling| ceiling.most).fold(0.0, f64::max);
    let (shown, waits) = (usage.resource.shown(most), usage.resource.shown(usage.threshold));
    let message =
        format!("the pods of {} can use {shown} at most, and the alert waits for {waits}", names.join(", "));
    let stop = match usage.resource {
        Resource::Cpu => "the kernel slows it down there",
        Resource::Memory => "it is killed there",
    };
    let silent = if is_whole { "the alert never fires" } else { "for these the alert never fires" };
    let percent = (usage.threshold * 100.0).round();
    let means_a_share = usage.resource == Resource::Cpu && text.contains(&format!("{percent}%"));
    let why = format!("a container uses no more than its limit, {stop}: {silent}");
    let mut finding = Finding::new(&ABOVE_LIMIT, place(usage.limit_span), message).why(match means_a_share {
        true => format!("{why}; the text speaks of {percent}%, and the query counts whole CPUs"),
        false => why,
    });
    finding = finding.help(if is_whole && !means_a_share {
        let example = most * usage.factor * 0.8;
        format!("compare with a part of the limit, such as 80 % of it: {}", (example * 1e6).round() / 1e6)
    } else {
        let resource = usage.resource.key();
        format!("divide by the limit: `… / sum by (namespace, pod, container) (kube_pod_container_resource_limits{{resource=\"{resource}\"}})`, with the same `sum by` on the left")
    });
    for ceiling in low.iter().take(4) {
        for limit in ceiling.limits.iter().take(2) {
            finding = finding.related(*limit, "this is the limit");
        }
    }
    finding.severity = match (is_whole, means_a_share) {
        (true, _) if low.iter().all(|ceiling| ceiling.is_sure) => Severity::Error,
        (false, false) => Severity::Note,
        _ => Severity::Warning,
    };
    Some(finding)
}

/// Those whose pods a selector means, and what they can use, where that is known; None where it means anybody, or what is
/// not here.
fn meant<'i>(
    usage: &Usage<'_>,
    inventory: &'i Inventory<'i>,
) -> Option<Vec<(&'i Object<'i>, Option<Ceiling<'i>>)>> {
    let selector = usage.selector;
    let of = |name: &'static str| selector.matchers.iter().filter(move |matcher| matcher.name == name);
    let names_pods = of("pod").any(|matcher| is_positive(matcher) && fits(matcher, NOBODY) == Some(false));
    let names_containers =
        of("container").any(|matcher| is_positive(matcher) && fits(matcher, "zzqx") == Some(false));
    let is_in_namespace = of("namespace").any(|matcher| matcher.operator == MatchOperator::Equal);
    let is_narrow = names_pods || names_containers && is_in_namespace;
    let is_common =
        || COMMON.iter().any(|name| of("container").all(|matcher| fits(matcher, name) != Some(false)));
    if !is_narrow && (!names_containers || is_common()) {
        return None;
    }
    let mut found = Vec::new();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment) {
        if is_chart(object)
            && of("pod").all(|matcher| fits(matcher, &format!("{}-x", object.name)) == Some(true))
        {
            return None;
        }
        let Some((kind, path)) = KINDS.iter().find(|(kind, _)| *kind == object.kind()) else { continue };
        let in_namespace = match &object.namespace {
            Some(own) => of("namespace").try_fold(true, |all, matcher| Some(all && fits(matcher, own)?))?,
            None => true,
        };
        let pods = pod_names(kind, &object.name);
        let is_meant = pods.iter().any(|pod| of("pod").all(|matcher| fits(matcher, pod) != Some(false)));
        if !in_namespace || !is_meant {
            continue;
        }
        let template = object.at(path)?;
        match ceiling(usage, object, template, names_containers, inventory) {
            Some(None) => {}
            other => found.push((object, other.flatten())),
        }
    }
    // The name of a container alone: one of that name here, and perhaps more elsewhere.
    if !is_narrow {
        if found.iter().any(|(workload, _)| workload.name != found[0].0.name) {
            return None;
        }
        let ceilings = found.iter_mut().filter_map(|(_, ceiling)| ceiling.as_mut());
        ceilings.for_each(|ceiling| ceiling.is_sure = false);
    }
    Some(found)
}

/// What the pods of a workload can use; None where that is open, Some(None) where they have no such container.
fn ceiling<'i>(
    usage: &Usage<'_>,
    workload: &'i Object<'i>,
    template: &'i Node,
    names_containers: bool,
    inventory: &Inventory<'_>,
) -> Option<Option<Ceiling<'i>>> {
    let selector = usage.selector;
    let list = |key: &str| template.at(&["spec", key]).map(Node::items).unwrap_or_default();
    let is_sidecar = |node: &&Node| node.get("restartPolicy").and_then(Node::as_str) == Some("Always");
    let is_asked = |node: &&Node| {
        let name = node.get("name").and_then(Node::as_str).unwrap_or_default();
        let mut matchers = selector.matchers.iter().filter(|matcher| matcher.name == "container");
        matchers.all(|matcher| fits(matcher, name) != Some(false))
    };
    let lasting: Vec<&Node> = list("containers")
        .iter()
        .chain(list("initContainers").iter().filter(is_sidecar))
        .filter(is_asked)
        .collect();
    if lasting.is_empty() {
        return Some(None);
    }
    let is_patched = workload
        .patched
        .iter()
        .any(|path| path.is_empty() || path.iter().any(|key| key == "template" || key == "jobTemplate"));
    if is_patched
        || is_moved(workload, inventory)
        || !names_containers && has_guests(workload, template, inventory)
    {
        return None;
    }
    let limit = |node: &&Node| {
        let node = node.at(&["resources", "limits", usage.resource.key()])?;
        let value =
            node.as_written().filter(|text| !has_variable(text)).and_then(|text| quantity_value(&text))?;
        Some((f64::try_from(value).ok().filter(|value| *value > 0.0)?, workload.place(node)))
    };
    let limits: Vec<(f64, Place)> = lasting.iter().map(limit).collect::<Option<_>>()?;
    // Those that run before the others, one by one.
    let first = list("initContainers").iter().filter(|node| !is_sidecar(node)).filter(is_asked);
    let first: Option<Vec<f64>> = first.map(|node| limit(&node).map(|(value, _)| value)).collect();
    let sum: f64 = limits.iter().map(|(value, _)| value).sum();
    let largest =
        limits.iter().map(|(value, _)| *value).chain(first.iter().flatten().copied()).fold(0.0, f64::max);
    // The cgroup of the pod is a series as well, without a container and without an image.
    let is_split = selector.matchers.iter().any(|matcher| {
        ["container", "image", "name"].contains(&matcher.name.as_str()) && matcher.excludes_empty()
    });
    let most = match (usage.is_summed, is_split) {
        (true, true) | (false, false) => sum.max(largest),
        (true, false) => 2.0 * sum.max(largest),
        (false, true) => largest,
    };
    let is_placed =
        workload.namespace.is_some() || !selector.matchers.iter().any(|matcher| matcher.name == "namespace");
    Some(Some(Ceiling {
        workload,
        most,
        limits: limits.into_iter().map(|(_, place)| place).collect(),
        is_sure: first.is_some() && is_placed,
    }))
}

impl Resource {
    fn key(self) -> &'static str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
        }
    }

    fn shown(self, value: f64) -> String {
        match self {
            Resource::Cpu => format!("{} CPUs", (value * 1e3).round() / 1e3),
            Resource::Memory => format!("{}Mi", (value / f64::from(1 << 20) * 10.0).round() / 10.0),
        }
    }
}

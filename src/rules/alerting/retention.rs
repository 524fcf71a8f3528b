//! Rules that look further back than their Prometheus keeps what it has scraped.
//!
//! Sources: prometheus/prometheus cmd/prometheus/main.go, defaultRetentionDuration (15 days, unless a size is given);
//! prometheus-operator/prometheus-operator pkg/prometheus/server/statefulset.go (24 hours, unless a size is given).

use super::BEYOND_RETENTION;
use super::walk::Alert;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node as Yaml, has_variable};
use crate::promql::ast::*;
use crate::scrape::is_compose;
use crate::source::{Place, Span};

const DAY: f64 = 86_400.0;
const DEFAULT: f64 = 15.0 * DAY;
const DEFAULT_OF_OPERATOR: f64 = DAY;

/// Blocks are dropped as a whole, a little later.
const ROOM: f64 = 1.1;

const STACK: &str = "kube-prometheus-stack";

/// What else evaluates rules, or answers for a Prometheus what it does not keep itself.
const OTHERS: [&str; 6] = ["thanos", "mimir", "cortex", "victoria", "vmalert", "vmsingle"];

/// How long something keeps samples, and where that is decided.
#[derive(Clone, Copy, Debug)]
struct Kept {
    seconds: f64,
    place: Place,
    is_default: bool,
}

/// How long the samples are kept that rules ask for, at most.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// By those who read PrometheusRule objects.
    operators: Option<Kept>,
    /// By any of those that are here.
    all: Option<Kept>,
}

/// All who keep samples here; nothing where one of them cannot be told.
pub(super) fn retention(inventory: &Inventory<'_>) -> Retention {
    let (mut operators, mut plain) = (Vec::new(), Vec::new());
    for object in &inventory.objects {
        let known = match object.kind() {
            "Prometheus" => of_object(object).map(|kept| operators.push(kept)),
            "Deployment" | "StatefulSet" if !object.is_fragment => {
                of_containers(object, object.containers()).map(|kept| plain.extend(kept))
            }
            "ThanosRuler" | "VMAlert" | "VMSingle" | "VMCluster" => None,
            "HelmRelease" | "Application" | "HelmChart" => {
                of_release(object).map(|kept| operators.extend(kept))
            }
            "" if is_compose(object) => of_services(object).map(|kept| plain.extend(kept)),
            "" if is_told_elsewhere(object) => None,
            "" => of_values(&object.document.node, object).map(|kept| operators.extend(kept)),
            _ => Some(()),
        };
        if known.is_none() {
            return Retention::default();
        }
    }
    let longest =
        |all: &[Kept]| all.iter().copied().max_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let of_operators = longest(&operators);
    plain.extend(operators);
    Retention { operators: of_operators, all: longest(&plain) }
}

/// A configuration that asks others for what is older, or decides it itself.
fn is_told_elsewhere(object: &Object<'_>) -> bool {
    object.at(&["remote_read"]).is_some() || object.at(&["storage", "tsdb"]).is_some()
}

fn seconds(node: &Yaml) -> Option<f64> {
    crate::promql::seconds(&node.as_written().filter(|text| !has_variable(text))?)
}

fn of_object(object: &Object<'_>) -> Option<Kept> {
    let spec = object.at(&["spec"]).filter(|_| object.patched.is_empty() && !object.is_fragment)?;
    if spec.get("remoteRead").is_some() || spec.get("additionalArgs").is_some() {
        return None;
    }
    match spec.get("retention") {
        Some(node) => Some(Kept { seconds: seconds(node)?, place: object.place(node), is_default: false }),
        None if spec.get("retentionSize").is_some() => None,
        None => Some(Kept { seconds: DEFAULT_OF_OPERATOR, place: object.name_place(), is_default: true }),
    }
}

/// Values of kube-prometheus-stack, of the chart of Prometheus, or of others that have it in them.
fn of_values(values: &Yaml, object: &Object<'_>) -> Option<Option<Kept>> {
    let stack = values.get(STACK).unwrap_or(values);
    let of_stack = stack.at(&["prometheus", "prometheusSpec"]);
    let is_of_chart =
        ["serverFiles", "extraScrapeConfigs", "prometheus-node-exporter", "prometheus-pushgateway"];
    let of_chart = values.get("server").filter(|_| is_of_chart.iter().any(|key| values.get(key).is_some()));
    let Some(spec) = of_stack.or(of_chart) else { return Some(None) };
    if ["remoteRead", "additionalArgs", "extraArgs", "extraFlags"].iter().any(|key| spec.get(key).is_some()) {
        return None;
    }
    let node = spec.get("retention")?;
    Some(Some(Kept { seconds: seconds(node)?, place: object.place(node), is_default: false }))
}

fn of_release(object: &Object<'_>) -> Option<Option<Kept>> {
    let sources = object.at(&["spec", "sources"]).map(Yaml::items).unwrap_or_default();
    let source = object.at(&["spec", "source"]).into_iter().chain(sources);
    let named =
        source.filter_map(|source| source.get("chart")).chain(object.at(&["spec", "chart", "spec", "chart"]));
    let names: Vec<&str> = named.chain(object.at(&["spec", "chart"])).filter_map(Yaml::as_str).collect();
    let is_of = |word: &str| names.iter().any(|name| name.contains(word));
    if OTHERS.iter().any(|word| is_of(word)) {
        return None;
    }
    if !is_of("prometheus") || is_of("exporter") || is_of("adapter") || is_of("gateway") {
        return Some(None);
    }
    let values = object
        .at(&["spec", "values"])
        .or_else(|| object.at(&["spec", "source", "helm", "valuesObject"]))
        .filter(|_| object.at(&["spec", "valuesFrom"]).is_none() && object.patched.is_empty())?;
    of_values(values, object)?.map(Some)
}

fn of_services(object: &Object<'_>) -> Option<Vec<Kept>> {
    let services = object.at(&["services"]).map(Yaml::entries).unwrap_or_default();
    services.iter().filter_map(|entry| of_container(object, &entry.node, entry.key_span)).collect()
}

fn of_containers(object: &Object<'_>, containers: &[Yaml]) -> Option<Vec<Kept>> {
    let found = containers.iter().filter_map(|container| of_container(object, container, container.span));
    found.map(|kept| kept.filter(|_| object.patched.is_empty())).collect()
}

/// What a container keeps; Some(None): it keeps something, and how long is not known.
fn of_container(object: &Object<'_>, container: &Yaml, place: Span) -> Option<Option<Kept>> {
    const FLAGS: [&str; 2] = ["--storage.tsdb.retention.time", "--storage.tsdb.retention"];
    let image = container.get("image").and_then(Yaml::as_str)?;
    if OTHERS.iter().any(|word| image.contains(word)) {
        return Some(None);
    }
    let name = image.split(['@', ':']).next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
    if name != "prometheus" {
        return None;
    }
    let mut words: Vec<(String, &Yaml)> = Vec::new();
    for node in ["command", "args"].iter().filter_map(|key| container.get(key)) {
        for text in node.items().iter().chain([node]) {
            let parts = text.as_str().unwrap_or_default().split_whitespace();
            words.extend(parts.map(|part| (part.trim_matches(['"', '\'']).to_string(), text)));
        }
    }
    if words.iter().any(|(word, _)| has_variable(word) && !word.starts_with("--web")) {
        return Some(None);
    }
    for (index, (word, node)) in words.iter().enumerate() {
        let (flag, value) =
            word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
        if FLAGS.contains(&flag) {
            let value = value.or_else(|| words.get(index + 1).map(|(next, _)| next.as_str()));
            let seconds = value.and_then(crate::promql::seconds);
            return Some(seconds.map(|seconds| Kept {
                seconds,
                place: object.place(node),
                is_default: false,
            }));
        }
    }
    // An image of somebody's own may bring flags of its own.
    let is_upstream = ["prom/prometheus", "prometheus/prometheus"].iter().any(|known| image.contains(known));
    let is_other = |word: &str| word.contains("retention.size") || word.contains("agent") || word == "-c";
    if !is_upstream || words.iter().any(|(word, _)| is_other(word)) {
        return Some(None);
    }
    let place = Place::new(object.document.file, place);
    Some(Some(Kept { seconds: DEFAULT, place, is_default: true }))
}

pub(super) fn check(rule: &Alert<'_>, retention: &Retention) -> Option<Finding> {
    let is_object = rule.object.kind() == "PrometheusRule";
    let kept = if is_object { retention.operators } else { retention.all }?;
    let (span, reach, starts) = beyond(&rule.expression.root, kept.seconds * ROOM, 0.0, 0)?;
    let (asked, has) = (days(reach), days(kept.seconds));
    let by = if kept.is_default {
        format!("by default it keeps {has}")
    } else {
        "this is how long it keeps them".to_string()
    };
    let why = if starts >= kept.seconds {
        "what is asked for has been deleted: the result is always empty, and no error tells".to_string()
    } else {
        format!(
            "the samples before that have been deleted: it is worked out over {has} at most, and no error tells"
        )
    };
    Some(
        Finding::new(
            &BEYOND_RETENTION,
            rule.place(span),
            format!("this looks back {asked}, and Prometheus keeps {has}"),
        )
        .related(kept.place, by)
        .why(why)
        .help(format!("let Prometheus keep more than {asked}, or look back less")),
    )
}

/// The part that looks back too far, how far, and how far back it begins to look.
fn beyond(node: &Node, most: f64, from: f64, depth: usize) -> Option<(Span, f64, f64)> {
    const MOST_DEPTH: usize = 64;
    if depth > MOST_DEPTH {
        return None;
    }
    let back = |modifiers: &Modifiers| match (&modifiers.at, &modifiers.offset) {
        (Some(_), _) => None,
        (None, Some(offset)) => Some(from + offset.seconds()?),
        (None, None) => Some(from),
    };
    let told = |reach: f64, starts: f64| (reach > most).then_some((node.span, reach, starts));
    match &node.kind {
        Kind::Selector(selector) => {
            let starts = back(&selector.modifiers)?;
            told(starts, starts)
        }
        Kind::Range(inner, range) => {
            let Kind::Selector(selector) = &inner.bare().kind else { return None };
            let starts = back(&selector.modifiers)?;
            told(starts + range.seconds()?, starts)
        }
        Kind::Subquery(subquery) => {
            let starts = back(&subquery.modifiers)?;
            let reach = starts + subquery.range.seconds()?;
            told(reach, starts).or_else(|| beyond(&subquery.expression, most, reach, depth + 1))
        }
        _ => node.children().find_map(|child| beyond(child, most, from, depth + 1)),
    }
}

fn days(seconds: f64) -> String {
    let rounded = |value: f64| (value * 10.0).round() / 10.0;
    match seconds {
        short if short < 2.0 * DAY => format!("{} hours", rounded(short / 3600.0)),
        long => format!("{} days", rounded(long / DAY)),
    }
}

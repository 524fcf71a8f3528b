//! Alerts on single events that have to go on for longer than an event is seen.
//!
//! Source: prometheus/prometheus rules/alerting.go, Eval: an alert fires once the query has given its series at every
//! evaluation for as long as `for` says; promql/functions.go, extrapolatedRate: an event counts while the samples before
//! and after it are both in the window.

use super::ONE_EVENT;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::{Place, Span};

/// How words begin that name things which happen once in a while, each of which is news.
const SELDOM: [&str; 23] = [
    "backup",
    "batch",
    "breach",
    "cleanup",
    "corrupt",
    "crash",
    "cron",
    "dead",
    "deploy",
    "dlq",
    "fatal",
    "job",
    "leak",
    "lost",
    "migration",
    "oom",
    "panic",
    "reload",
    "restore",
    "rollback",
    "rotation",
    "runs",
    "snapshot",
];

/// What fails at every try for as long as something is wrong, by the rules of those who make it.
const RETRIED: [&str; 9] = [
    "alertmanager_",
    "apiserver_",
    "cortex_",
    "etcd_",
    "kube_pod_container_status_restarts_total",
    "kubelet_",
    "loki_",
    "prometheus_",
    "thanos_",
];

const RESTARTS: &str = "kube_pod_container_status_restarts_total";

/// Words of a text that means what goes on.
const LASTING: [&str; 11] = [
    "been failing",
    "consistently",
    "constantly",
    "continu",
    "for more than",
    "keeps",
    "more than once",
    "ongoing",
    "persist",
    "repeated",
    "sustained",
];

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    let counted = counted(&alert.met_by_one(true)?.left, 0)?;
    let binary = alert.met_by_one(counted.is_whole)?;
    let (waits, written) = (alert.waits()?, alert.rule.get("for")?);
    // A container that keeps crashing is started again every five minutes in the end, and not within a shorter window.
    // Source: kubernetes/kubernetes pkg/kubelet/kubelet.go, MaxContainerBackOff.
    const BACK_OFF: f64 = 300.0;
    let too_seldom = counted.name == RESTARTS && counted.window < BACK_OFF && waits >= BACK_OFF;
    let is_retried = !too_seldom && RETRIED.iter().any(|prefix| counted.name.starts_with(prefix));
    if binary.returns_bool || waits < counted.window || is_retried || means_lasting(alert) {
        return None;
    }
    let (window, waits) = (super::minutes(counted.window), super::minutes(waits));
    let mut finding = Finding::new(
        &ONE_EVENT,
        Place::new(alert.object.document.file, written.span),
        format!("one event is out of the window of {window} before {waits} are over"),
    )
    .related(alert.place(counted.span), "the window")
    .why(format!(
        "after an event the comparison holds for {window} at most, and `for` asks for {waits}: a single one never fires the alert, only events that keep coming do"
    ))
    .help("leave `for` out, or count over a window that is longer than it");
    if too_seldom {
        return Some(finding.why(format!(
            "a container that keeps crashing waits up to five minutes before it starts again: the comparison holds for {window} after each restart and not in between, and `for` begins anew every time"
        )));
    }
    let name = counted.name.to_ascii_lowercase();
    if !name.split('_').any(|part| SELDOM.iter().any(|word| part.starts_with(word))) {
        finding.severity = Severity::Note;
    }
    Some(finding)
}

fn means_lasting(alert: &Alert<'_>) -> bool {
    let told = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let texts = told.iter().filter_map(|entry| entry.node.as_str()).chain([alert.name()]);
    texts.map(str::to_lowercase).any(|text| LASTING.iter().any(|word| text.contains(word)))
}

/// Events of one metric in a window.
struct Counted<'e> {
    name: &'e str,
    /// Seconds, and where they stand.
    window: f64,
    span: Span,
    /// Whether the value is a number of events, not one per second.
    is_whole: bool,
}

fn counted(node: &Node, depth: usize) -> Option<Counted<'_>> {
    const MOST_DEPTH: usize = 16;
    if depth > MOST_DEPTH {
        return None;
    }
    match &node.kind {
        Kind::Paren(inner) => counted(inner, depth + 1),
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "max") => {
            counted(&aggregate.expression, depth + 1)
        }
        Kind::Call(call) if matches!(call.function.name, "rate" | "increase" | "changes") => {
            let Kind::Range(inner, range) = &call.arguments.first()?.bare().kind else { return None };
            let Kind::Selector(selector) = &inner.bare().kind else { return None };
            let span = Span::new(inner.span.end as usize, call.arguments.first()?.bare().span.end as usize);
            let is_whole = call.function.name != "rate";
            Some(Counted { name: selector.metric()?, window: range.seconds()?, span, is_whole })
        }
        _ => None,
    }
}

//! One restart that is told as many.
//!
//! Source: prometheus/prometheus rules/alerting.go, Eval: an alert fires once its query has given a series for as long as
//! `for` says; a restart stays in the window for as long as the window is.

use super::ONE_RESTART;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;

/// Words of a text that speaks of many restarts.
const OFTEN: [&str; 12] = [
    "crashloop",
    "crash loop",
    "crash-loop",
    "crashing",
    "repeatedly",
    "frequent",
    "too often",
    "too many",
    "keeps restarting",
    "restart loop",
    "restarting multiple",
    "multiple restarts",
];

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    let binary = alert.met_by_one(true)?;
    let window = window(&binary.left, 0)?;
    let waits = alert.waits()?;
    if waits >= window || !says_often(alert) {
        return None;
    }
    let (window, fires) = (super::minutes(window), super::minutes(window - waits));
    let mut finding = Finding::new(
        &ONE_RESTART,
        alert.place(binary.operator_span.to(binary.right.span)),
        "one restart fires this alert, which speaks of many",
    )
    .why(format!(
        "a restart stays in the window for {window}: after a single one, such as an out-of-memory kill at night, it fires for {fires}"
    ))
    .help("write `increase(…[1h]) > 3`, or ask for `kube_pod_container_status_waiting_reason{reason=\"CrashLoopBackOff\"}`; or let `for` be longer than the window");
    if matches!(alert.severity(), "critical" | "page" | "emergency" | "disaster") {
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

fn says_often(alert: &Alert<'_>) -> bool {
    let told = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let texts: Vec<String> =
        told.iter().filter_map(|entry| entry.node.as_str()).map(str::to_lowercase).collect();
    let is_often = |text: &str| OFTEN.iter().any(|word| text.contains(word));
    // A text that speaks of one restart says what is meant, whatever the name is.
    let tells_one = texts.iter().any(|text| {
        let many = ["restarts", "restarting", "times", "$value"];
        text.contains("restart") && !many.iter().any(|word| text.contains(word))
    });
    texts.iter().any(|text| is_often(text)) || !tells_one && is_often(&alert.name().to_lowercase())
}

/// The window in which restarts are counted, in seconds.
fn window(node: &Node, depth: usize) -> Option<f64> {
    const MOST_DEPTH: usize = 16;
    if depth > MOST_DEPTH {
        return None;
    }
    match &node.kind {
        Kind::Paren(inner) => window(inner, depth + 1),
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "max") => {
            window(&aggregate.expression, depth + 1)
        }
        Kind::Binary(binary)
            if binary.operator == Operator::Multiply && matches!(binary.right.kind, Kind::Number(_)) =>
        {
            window(&binary.left, depth + 1)
        }
        Kind::Call(call) if matches!(call.function.name, "rate" | "increase" | "delta" | "changes") => {
            let Kind::Range(inner, range) = &call.arguments.first()?.kind else { return None };
            let Kind::Selector(selector) = &inner.kind else { return None };
            let is_meant = selector.name.as_deref() == Some("kube_pod_container_status_restarts_total");
            range.seconds().filter(|_| is_meant)
        }
        _ => None,
    }
}

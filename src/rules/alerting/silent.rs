//! Alerts on nothing at all, asked of series that go away together with what they watch.
//!
//! Source: prometheus/prometheus promql/engine.go, aggregation: no series in, no series out.

use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::lint::{is_recorded, rules::SILENT_AT_NONE};
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::scrape::is_of_the_platform;

/// Words of alerts that are about there being nobody.
const NOBODY: [&str; 12] = [
    "no replica",
    "no pod",
    "no instance",
    "no worker",
    "noreplica",
    "noready",
    "no ready",
    "noworker",
    "is down",
    "not running",
    "unavailable",
    "no traffic",
];

/// `sum(model_loaded) == 0`, of pods that are gone.
pub(super) fn check(alert: &Alert<'_>, all: &[Alert<'_>]) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    let Kind::Number(limit) = &binary.right.bare().kind else { return None };
    let holds = match binary.operator {
        Operator::Equal | Operator::LessEqual => limit.value == 0.0,
        Operator::Less => limit.value > 0.0 && limit.value <= 1.0,
        _ => false,
    };
    let Kind::Aggregate(aggregate) = &binary.left.bare().kind else { return None };
    let is_whole = aggregate.grouping_span.is_none() && matches!(aggregate.operator, "sum" | "max");
    if !holds || !is_whole || binary.returns_bool {
        return None;
    }
    let metric = own_metric(&aggregate.expression)?;
    let says = |text: &str| {
        let text = text.to_lowercase();
        NOBODY.iter().any(|word| text.contains(word))
    };
    let texts = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let is_meant = says(alert.name()) || texts.iter().any(|entry| entry.node.as_str().is_some_and(says));
    // Somebody else tells that they are gone.
    let is_told = all.iter().any(|other| {
        let text = &other.expression.text;
        std::ptr::eq(other.object, alert.object)
            && (text.contains("absent(") || text.contains("absent_over_time(") || asks_up(other))
    });
    if !is_meant || is_told {
        return None;
    }
    let mut finding = Finding::new(
        &SILENT_AT_NONE,
        alert.place(binary.operator_span),
        "the alert is silent when all that it watches are gone",
    )
    .related(alert.place(aggregate.expression.span), format!("the pods give `{metric}` themselves"))
    .why(format!(
        "a pod that is gone takes its series with it, and `{}` of no series is nothing, not 0: the alert speaks while pods are left that say 0, and not when there is none",
        aggregate.operator
    ))
    .help(format!("write `({}(…) or vector(0)) {} {}`, or add `or absent({metric})`", aggregate.operator, binary.operator.text(), limit.value));
    finding.severity = Severity::Warning;
    Some(finding)
}

fn asks_up(alert: &Alert<'_>) -> bool {
    alert.expression.selectors().iter().any(|selector| selector.name.as_deref() == Some("up"))
}

/// The one metric below, where it is of the pods themselves.
fn own_metric(node: &Node) -> Option<&str> {
    let selector = match &node.bare().kind {
        Kind::Selector(selector) => selector,
        Kind::Call(call) if matches!(call.function.name, "rate" | "increase") => {
            let Kind::Range(inner, _) = &call.arguments.first()?.bare().kind else { return None };
            let Kind::Selector(selector) = &inner.bare().kind else { return None };
            selector
        }
        _ => return None,
    };
    let metric = selector.metric()?;
    let is_own = !is_of_the_platform(metric) && !is_recorded(metric) && metric != "up";
    is_own.then_some(metric)
}

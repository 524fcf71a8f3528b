//! Alerts on too little traffic, asked of every value of a label instead of all of them together.
//!
//! Sources: prometheus/prometheus rules/alerting.go, Eval (an alert for each series that passes); prometheus/client_golang
//! prometheus/vec.go (a child is made with its first event, and stays until the process ends).

use std::collections::HashMap;

use super::IDLE_VALUE;
use super::walk::Alert;
use crate::finding::Finding;
use crate::promql::ast::*;
use crate::source::{Place, Span};

/// Labels that tell how a thing ended, or what it was: of one thing that is counted, some values are always idle.
const OUTCOMES: [&str; 26] = [
    "code",
    "error",
    "error_type",
    "exception",
    "grpc_code",
    "handler",
    "http_status",
    "http_status_code",
    "level",
    "method",
    "outcome",
    "path",
    "reason",
    "response_code",
    "result",
    "route",
    "severity",
    "state",
    "status",
    "statusCode",
    "status_class",
    "status_code",
    "success",
    "uri",
    "url",
    "verb",
];

/// Counters that have such a label wherever they are.
///
/// Sources: istio/istio docs of standard metrics; kubernetes/ingress-nginx internal/ingress/metric/collectors/socket.go;
/// traefik/traefik pkg/observability/metrics/prometheus.go; grpc-ecosystem/go-grpc-prometheus server_metrics.go;
/// micrometer-metrics/micrometer DefaultServerRequestObservationConvention.
const KNOWN: [(&str, &str); 7] = [
    ("grpc_server_handled_total", "grpc_code"),
    ("http_server_requests_seconds_count", "status"),
    ("istio_requests_total", "response_code"),
    ("nginx_ingress_controller_requests", "status"),
    ("traefik_entrypoint_requests_total", "code"),
    ("traefik_router_requests_total", "code"),
    ("traefik_service_requests_total", "code"),
];

/// For each metric a label of outcomes that some rule knows, and where.
pub(super) type Labels = HashMap<String, (String, Place)>;

pub(super) fn labels<'a>(queries: impl Iterator<Item = &'a Alert<'a>>) -> Labels {
    let mut known = Labels::new();
    for query in queries {
        let mut stack = vec![&query.expression.root];
        while let Some(node) = stack.pop() {
            if let Kind::Selector(selector) = &node.kind
                && let Some(name) = selector.metric()
                && let Some(matcher) = selector.matchers.iter().find(|matcher| is_outcome(&matcher.name))
            {
                let place = query.place(matcher.span);
                known.entry(name.to_string()).or_insert((matcher.name.clone(), place));
            }
            if let Kind::Aggregate(aggregate) = &node.kind
                && let Some(label) = kept(aggregate)
                && let Some((selector, _)) = counted(&aggregate.expression)
                && let (Some(name), Some(span)) = (selector.metric(), aggregate.grouping_span)
            {
                known.entry(name.to_string()).or_insert((label.to_string(), query.place(span)));
            }
            stack.extend(node.children());
        }
    }
    known
}

fn is_outcome(label: &str) -> bool {
    OUTCOMES.contains(&label)
}

/// The label of outcomes that an aggregation keeps.
fn kept(aggregate: &Aggregate) -> Option<&str> {
    let mut labels = aggregate.grouping.iter().map(String::as_str);
    labels.find(|label| !aggregate.without && is_outcome(label))
}

/// The counter whose growth is taken here, and the function's name.
fn counted(node: &Node) -> Option<(&Selector, Span)> {
    let Kind::Call(call) = &node.bare().kind else { return None };
    let Kind::Range(inner, _) = &call.arguments.first()?.bare().kind else { return None };
    let Kind::Selector(selector) = &inner.bare().kind else { return None };
    matches!(call.function.name, "rate" | "increase").then_some((selector, call.name_span))
}

pub(super) fn check(alert: &Alert<'_>, labels: &Labels) -> Option<Finding> {
    let mut stack = vec![&alert.expression.root];
    while let Some(node) = stack.pop() {
        match &node.kind {
            Kind::Paren(inner) => stack.push(inner),
            Kind::Binary(binary) if binary.operator == Operator::Or => {
                stack.extend([&binary.left, &binary.right]);
            }
            Kind::Binary(binary) => {
                let finding = idle(alert, binary, labels);
                if finding.is_some() {
                    return finding;
                }
            }
            _ => {}
        }
    }
    None
}

fn idle(alert: &Alert<'_>, binary: &Binary, labels: &Labels) -> Option<Finding> {
    let Kind::Number(limit) = binary.right.bare().kind else { return None };
    let is_idle = match binary.operator {
        Operator::Equal | Operator::LessEqual => limit.value == 0.0,
        Operator::Less => limit.value > 0.0,
        _ => false,
    };
    if !is_idle || binary.returns_bool {
        return None;
    }
    let left = binary.left.bare();
    let grouped = match &left.kind {
        Kind::Aggregate(aggregate) if aggregate.operator == "sum" => Some((kept(aggregate)?, aggregate)),
        _ => None,
    };
    let (selector, function) = counted(grouped.map_or(left, |(_, aggregate)| &aggregate.expression))?;
    let name = selector.metric()?;
    let of_others = labels.get(name);
    let by_nature = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, label)| *label);
    let label = grouped
        .map(|(label, _)| label)
        .or_else(|| of_others.map(|(label, _)| label.as_str()))
        .or(by_nature)?;
    // What is asked for by name is meant.
    if selector.matchers.iter().any(|matcher| is_outcome(&matcher.name)) {
        return None;
    }
    let has_absent = alert.expression.text.contains("absent");
    let gone = if has_absent { "" } else { "; when the target is gone there is no series, and it is silent" };
    let ends =
        format!("one value that was seen once and is idle now fires the alert under full traffic{gone}");
    let function_name = &alert.expression.text[function.range()];
    let mut finding = Finding::new(
        &IDLE_VALUE,
        alert.place(function.to(binary.right.span)),
        format!("every value of `{label}` has to have traffic of its own"),
    )
    .why(format!("`{name}` has a series for each value of `{label}`, and each is compared alone: {ends}"));
    match (grouped, of_others) {
        (Some((_, aggregate)), _) => {
            finding = finding.related(alert.place(aggregate.operator_span), "the sum keeps the label");
        }
        (None, Some((_, place))) => finding = finding.related(*place, "it has this label"),
        _ => {}
    }
    let compared = &alert.expression.text[binary.operator_span.to(binary.right.span).range()];
    let or_absent = if has_absent { String::new() } else { format!(" or absent({name})") };
    Some(finding.help(format!("add them up: `sum({function_name}({name}[…])) {compared}{or_absent}`")))
}

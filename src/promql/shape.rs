//! What kind of number a query gives to an autoscaler: a total that pods share, or a level that more pods bring down.

use super::ast::*;
use crate::source::Span;

/// What decided it.
#[derive(Clone, Debug)]
pub struct Shape {
    pub is_level: bool,
    pub fragment: Span,
    pub reason: &'static str,
}

impl Expression {
    /// The shape, where the outermost operation shows it.
    pub fn shape(&self) -> Option<Shape> {
        of(&self.root, 0)
    }

    /// Whether what it gives has been multiplied by 100.
    pub fn is_percent(&self) -> bool {
        is_percent(&self.root, 0)
    }
}

fn is_percent(node: &Node, depth: usize) -> bool {
    let is_hundred = |node: &Node| matches!(&node.bare().kind, Kind::Number(number) if number.value == 100.0);
    match &node.bare().kind {
        Kind::Binary(binary) if depth < 64 => match binary.operator {
            Operator::Multiply => {
                is_hundred(&binary.left)
                    || is_hundred(&binary.right)
                    || is_percent(&binary.left, depth + 1)
                    || is_percent(&binary.right, depth + 1)
            }
            Operator::Divide | Operator::Or | Operator::And => is_percent(&binary.left, depth + 1),
            operator if operator.is_comparison() => is_percent(&binary.left, depth + 1),
            _ => false,
        },
        Kind::Aggregate(aggregate) if depth < 64 && ["max", "min", "avg"].contains(&aggregate.operator) => {
            is_percent(&aggregate.expression, depth + 1)
        }
        _ => false,
    }
}

/// Metrics of kube-state-metrics that tell how many pods a workload has.
///
/// Source: kubernetes/kube-state-metrics docs/metrics/workload/deployment-metrics.md, statefulset-metrics.md.
const NUMBERS_OF_PODS: [&str; 9] = [
    "kube_deployment_status_replicas",
    "kube_deployment_status_replicas_available",
    "kube_deployment_status_replicas_ready",
    "kube_deployment_spec_replicas",
    "kube_statefulset_replicas",
    "kube_statefulset_status_replicas",
    "kube_statefulset_status_replicas_ready",
    "kube_horizontalpodautoscaler_status_current_replicas",
    "kube_horizontalpodautoscaler_status_desired_replicas",
];

fn is_percentile(node: &Node) -> bool {
    matches!(&node.bare().kind, Kind::Selector(selector)
        if selector.matchers.iter().any(|matcher| matcher.name == "quantile"))
}

fn is_number_of_pods(node: &Node) -> bool {
    match &node.bare().kind {
        Kind::Selector(selector) => {
            selector.name.as_deref().is_some_and(|name| NUMBERS_OF_PODS.contains(&name))
        }
        Kind::Aggregate(aggregate) => {
            matches!(aggregate.operator, "sum" | "max" | "min" | "avg")
                && is_number_of_pods(&aggregate.expression)
        }
        Kind::Call(call) => {
            matches!(call.function.name, "scalar" | "clamp_min")
                && call.arguments.first().is_some_and(is_number_of_pods)
        }
        _ => false,
    }
}

fn shape(is_level: bool, fragment: Span, reason: &'static str) -> Option<Shape> {
    Some(Shape { is_level, fragment, reason })
}

/// Whether a divisor is how many pods a workload has.
///
/// Source: kubernetes/kube-state-metrics docs/metrics/workload/deployment-metrics.md, statefulset-metrics.md.
fn counts_pods(node: &Node) -> bool {
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        if let Kind::Selector(selector) = &node.kind {
            let name = selector.metric().unwrap_or_default();
            let is_of_workload =
                ["kube_deployment_", "kube_statefulset_", "kube_horizontalpodautoscaler_status_"]
                    .iter()
                    .any(|start| name.starts_with(start));
            if is_of_workload && name.contains("replicas") {
                return true;
            }
        }
        stack.extend(node.children());
    }
    false
}

fn of(node: &Node, depth: usize) -> Option<Shape> {
    if depth > 64 {
        return None;
    }
    let node = node.bare();
    match &node.kind {
        Kind::Aggregate(aggregate) => match aggregate.operator {
            // Percentiles of a summary, added up.
            "sum" if is_percentile(&aggregate.expression) => None,
            "sum" => match of(&aggregate.expression, depth + 1) {
                // A sum of quantiles is neither; other findings speak of that.
                Some(inner) if inner.is_level => None,
                _ => shape(false, aggregate.operator_span, "a sum is a total"),
            },
            "count" => shape(false, aggregate.operator_span, "a count is a total"),
            "avg" => shape(true, aggregate.operator_span, "a mean does not divide by pods"),
            _ => of(&aggregate.expression, depth + 1).filter(|inner| inner.is_level),
        },
        Kind::Call(call) => match call.function.name {
            "histogram_quantile" | "quantile_over_time" | "histogram_avg" | "histogram_fraction" => {
                shape(true, call.name_span, "a quantile does not divide by pods")
            }
            "clamp" | "clamp_min" | "clamp_max" | "ceil" | "floor" | "round" | "abs" | "scalar"
            | "vector" | "max_over_time" | "min_over_time" | "avg_over_time" => {
                call.arguments.first().and_then(|argument| of(argument, depth + 1))
            }
            _ => None,
        },
        Kind::Subquery(subquery) => of(&subquery.expression, depth + 1),
        Kind::Binary(binary) => {
            let constant = |node: &Node| matches!(node.bare().kind, Kind::Number(_));
            let sides = || (of(&binary.left, depth + 1), of(&binary.right, depth + 1));
            match binary.operator {
                Operator::Multiply | Operator::Divide if constant(&binary.right) => {
                    of(&binary.left, depth + 1)
                }
                Operator::Multiply if constant(&binary.left) => of(&binary.right, depth + 1),
                Operator::Divide if is_number_of_pods(&binary.right) => {
                    of(&binary.left, depth + 1).filter(|left| !left.is_level)?;
                    shape(true, binary.operator_span, "what comes to one pod does not divide by pods")
                }
                Operator::Divide => match sides() {
                    (Some(left), Some(right)) if !left.is_level && !right.is_level => {
                        shape(true, binary.operator_span, "a quotient of two totals does not divide by pods")
                    }
                    (Some(left), None) if !left.is_level && counts_pods(&binary.right) => {
                        shape(true, binary.operator_span, "the query divides by the number of pods itself")
                    }
                    _ => None,
                },
                Operator::Or | Operator::And | Operator::Unless => of(&binary.left, depth + 1),
                operator if operator.is_comparison() && !binary.returns_bool => of(&binary.left, depth + 1),
                // What is left of the whole: `1 - avg(…)`.
                Operator::Add | Operator::Subtract if constant(&binary.left) => {
                    of(&binary.right, depth + 1).filter(|inner| inner.is_level)
                }
                Operator::Add | Operator::Subtract if constant(&binary.right) => {
                    of(&binary.left, depth + 1).filter(|inner| inner.is_level)
                }
                Operator::Add | Operator::Subtract => match sides() {
                    (Some(left), Some(right)) if left.is_level == right.is_level => Some(left),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

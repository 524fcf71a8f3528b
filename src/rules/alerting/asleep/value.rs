//! What a query gives while a workload has no pods, part by part.

use super::Sleeper;
use crate::promql::ast::*;
use crate::scrape::is_of_the_platform;

/// Labels by which a query names the pods of a workload.
const NAMING: [&str; 8] =
    ["job", "service", "app", "deployment", "pod", "container", "app_kubernetes_io_name", "statefulset"];

/// Labels of the scrape of kube-state-metrics itself, and of what is around the cluster.
const BESIDE: [&str; 5] = ["job", "instance", "endpoint", "service", "cluster"];

/// Above this window a series that is gone counts as being there.
const LONG: f64 = 3_600.0;

/// What a part of a query gives while the workload sleeps.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Empty,
    Number(f64, Shape),
    Unknown,
}

/// Of which series a number is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Scalar,
    /// One series without labels.
    Bare,
    /// The series of this workload alone.
    Own,
    /// The series of this workload, and others beside it.
    Among,
}

impl Sleeper<'_> {
    /// The value of a part.
    pub(super) fn value(&self, node: &Node, depth: usize) -> Value {
        const MOST_DEPTH: usize = 64;
        if depth > MOST_DEPTH {
            return Value::Unknown;
        }
        let of = |node: &Node| self.value(node, depth + 1);
        match &node.kind {
            Kind::Paren(inner) => of(inner),
            Kind::Number(number) => Value::Number(number.value, Shape::Scalar),
            Kind::Selector(selector) => match selector.modifiers {
                Modifiers { offset: None, at: None, .. } => self.selected(selector),
                _ => Value::Unknown,
            },
            Kind::Range(inner, window) => match (of(inner), window.seconds()) {
                (Value::Empty, Some(window)) if window <= LONG => Value::Empty,
                _ => Value::Unknown,
            },
            Kind::Unary(sign, inner) => match of(inner) {
                Value::Number(value, shape) if *sign == Sign::Minus => Value::Number(-value, shape),
                other => other,
            },
            Kind::Aggregate(aggregate) => aggregated(aggregate, of(&aggregate.expression)),
            Kind::Call(call) => self.called(call, depth),
            Kind::Binary(binary) => combined(binary, of(&binary.left), of(&binary.right)),
            Kind::Text(_) | Kind::Subquery(_) => Value::Unknown,
        }
    }

    fn called(&self, call: &Call, depth: usize) -> Value {
        let Some(last) = call.arguments.last() else { return Value::Unknown };
        let of = |node: &Node| self.value(node, depth + 1);
        match call.function.name {
            "absent" | "absent_over_time" => match of(last) {
                Value::Empty => Value::Number(1.0, Shape::Own),
                Value::Number(..) => Value::Empty,
                Value::Unknown => Value::Unknown,
            },
            "vector" => match of(last) {
                Value::Number(value, _) => Value::Number(value, Shape::Bare),
                _ => Value::Unknown,
            },
            "abs" | "ceil" | "floor" | "round" | "sort" | "sort_desc" => of(&call.arguments[0]),
            "scalar" => Value::Unknown,
            _ => match call.arguments.iter().any(|argument| matches!(of(argument), Value::Empty)) {
                true => Value::Empty,
                false => Value::Unknown,
            },
        }
    }

    /// What a selector gives.
    pub(super) fn selected(&self, selector: &Selector) -> Value {
        let Some(metric) = selector.name.as_deref() else { return Value::Unknown };
        let is_elsewhere = |matcher: &Matcher| {
            matcher.name == "namespace"
                && self.scaled.namespace.as_deref().is_some_and(|namespace| !fits(matcher, namespace))
        };
        if selector.matchers.iter().any(is_elsewhere) {
            return Value::Unknown;
        }
        if let Some(label) = counts_replicas(metric, self.kind) {
            return match self.replicas(selector, label) {
                Some(shape) => Value::Number(0.0, shape),
                None => Value::Unknown,
            };
        }
        let is_of_pods = metric.starts_with("kube_pod_") || metric.starts_with("container_");
        if !is_of_pods && is_of_the_platform(metric) || crate::lint::is_recorded(metric) {
            return Value::Unknown;
        }
        let of_job = selector.matchers.iter().any(|matcher| {
            matcher.name == "job"
                && matcher.operator == MatchOperator::Equal
                && self.jobs.contains(&matcher.value)
        });
        let is_called_so = || {
            let names_another =
                selector.matchers.iter().any(|matcher| NAMING.contains(&matcher.name.as_str()));
            !names_another && self.prefix.as_ref().is_some_and(|prefix| metric.starts_with(prefix.as_str()))
        };
        let is_named = selector.matchers.iter().any(|matcher| self.is_named(matcher, is_of_pods))
            || !is_of_pods && is_called_so();
        match (of_job, is_named) {
            (true, _) if metric == "up" => Value::Number(0.0, Shape::Own),
            (true, _) | (_, true) => Value::Empty,
            _ => Value::Unknown,
        }
    }

    /// Whether the numbers of replicas of the workload are selected, alone or with others.
    fn replicas(&self, selector: &Selector, label: &str) -> Option<Shape> {
        let mut shape = Shape::Among;
        for matcher in &selector.matchers {
            match matcher.name.as_str() {
                name if name == label => {
                    if !fits(matcher, self.target) {
                        return None;
                    }
                    if matcher.operator == MatchOperator::Equal || matcher.value == self.target {
                        shape = Shape::Own;
                    }
                }
                "namespace" => {}
                name if BESIDE.contains(&name) => {}
                _ => return None,
            }
        }
        Some(shape)
    }

    /// Whether a matcher says that the series are those of the workload's pods, and of no others.
    fn is_named(&self, matcher: &Matcher, is_of_pods: bool) -> bool {
        let positive = matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch);
        if !positive || !NAMING.contains(&matcher.name.as_str()) {
            return false;
        }
        // There the job is that of whoever tells.
        if is_of_pods && !["pod", "container"].contains(&matcher.name.as_str()) {
            return false;
        }
        let value = matcher.value.as_str();
        let in_namespace = self
            .scaled
            .namespace
            .as_deref()
            .and_then(|namespace| value.strip_prefix(namespace)?.strip_prefix('/'));
        let value = in_namespace.unwrap_or(value);
        match matcher.name.as_str() {
            "pod" => value
                .strip_prefix(self.target)
                .is_some_and(|rest| ["-.*", "-.+", ".*", ".+"].contains(&rest) || rest.starts_with("-[")),
            _ => value == self.target,
        }
    }
}

/// The label that names the workload, where a metric is one of its numbers of replicas.
fn counts_replicas(metric: &str, kind: &str) -> Option<&'static str> {
    const OF_DEPLOYMENTS: [&str; 6] = [
        "status_replicas",
        "status_replicas_available",
        "status_replicas_ready",
        "status_replicas_updated",
        "status_replicas_unavailable",
        "spec_replicas",
    ];
    const OF_STATEFUL_SETS: [&str; 6] = [
        "status_replicas",
        "status_replicas_available",
        "status_replicas_ready",
        "status_replicas_current",
        "status_replicas_updated",
        "replicas",
    ];
    let (start, names, label) = match kind {
        "Deployment" => ("kube_deployment_", OF_DEPLOYMENTS, "deployment"),
        "StatefulSet" => ("kube_statefulset_", OF_STATEFUL_SETS, "statefulset"),
        _ => return None,
    };
    metric.strip_prefix(start).is_some_and(|rest| names.contains(&rest)).then_some(label)
}

/// Whether a matcher lets a value through.
pub(in super::super) fn fits(matcher: &Matcher, value: &str) -> bool {
    let by_pattern = || {
        regex::Regex::new(&format!("^(?s:{})$", matcher.value)).is_ok_and(|pattern| pattern.is_match(value))
    };
    match matcher.operator {
        MatchOperator::Equal => matcher.value == value,
        MatchOperator::NotEqual => matcher.value != value,
        MatchOperator::RegexMatch => by_pattern(),
        MatchOperator::RegexNotMatch => !by_pattern(),
    }
}

fn aggregated(aggregate: &Aggregate, inner: Value) -> Value {
    let keeps = ["sum", "min", "max", "avg"].contains(&aggregate.operator);
    match inner {
        Value::Empty => Value::Empty,
        Value::Number(value, shape) if keeps => {
            let splits = ["deployment", "statefulset"]
                .iter()
                .any(|label| aggregate.grouping.iter().any(|name| name == label) != aggregate.without);
            match shape {
                Shape::Among if splits => Value::Number(value, shape),
                Shape::Among => Value::Unknown,
                _ if aggregate.grouping.is_empty() && !aggregate.without => Value::Number(value, Shape::Bare),
                _ => Value::Number(value, shape),
            }
        }
        _ => Value::Unknown,
    }
}

fn combined(binary: &Binary, left: Value, right: Value) -> Value {
    match (binary.operator, left, right) {
        (Operator::Or, Value::Number(..), _) => return left,
        (Operator::Or, Value::Empty, _) => return right,
        (Operator::Unless, Value::Empty, _) | (Operator::And, Value::Empty, _) => return Value::Empty,
        (Operator::Unless, _, Value::Empty) => return left,
        (operator, _, Value::Empty) | (operator, Value::Empty, _) if operator != Operator::Or => {
            return Value::Empty;
        }
        _ => {}
    }
    let (Value::Number(one, of_one), Value::Number(two, of_two)) = (left, right) else {
        return Value::Unknown;
    };
    let on_nothing =
        binary.matching.as_ref().is_some_and(|matching| matching.on && matching.labels.is_empty());
    let meet = of_one == of_two || of_one == Shape::Scalar || of_two == Shape::Scalar || on_nothing;
    if !meet {
        return Value::Unknown;
    }
    let shape = if of_one == Shape::Scalar { of_two } else { of_one };
    let compared = |holds: bool| match (binary.returns_bool, holds) {
        (true, holds) => Value::Number(f64::from(u8::from(holds)), shape),
        (false, true) => Value::Number(one, shape),
        (false, false) => Value::Empty,
    };
    match binary.operator {
        Operator::Add => Value::Number(one + two, shape),
        Operator::Subtract => Value::Number(one - two, shape),
        Operator::Multiply => Value::Number(one * two, shape),
        Operator::Divide => Value::Number(one / two, shape),
        #[allow(clippy::float_cmp, reason = "Prometheus compares so")]
        Operator::Equal => compared(one == two),
        #[allow(clippy::float_cmp, reason = "Prometheus compares so")]
        Operator::NotEqual => compared(one != two),
        Operator::Less => compared(one < two),
        Operator::LessEqual => compared(one <= two),
        Operator::Greater => compared(one > two),
        Operator::GreaterEqual => compared(one >= two),
        _ => Value::Unknown,
    }
}

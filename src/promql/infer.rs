//! What a query will give: how many series.
//!
//! Never wrong in the direction "one": where nothing proves it, the answer is many or unknown.

use std::collections::BTreeSet;

use super::ast::*;
use crate::source::Span;

/// What is known beside the query. Nothing yet: later facts (types, buckets, labels of the scrape path) go here.
#[derive(Clone, Debug, Default)]
pub struct Facts {}

#[derive(Clone, Debug)]
pub struct Inference {
    pub series: Series,
}

/// How many series a query can give at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Series {
    One,
    /// Several, and the fragment that makes it so.
    Many {
        fragment: Span,
        reason: String,
    },
    /// Nothing proves either.
    Unknown {
        fragment: Span,
        reason: String,
    },
}

pub fn infer(expression: &Expression, _: &Facts) -> Inference {
    Inference { series: series(&expression.root, 0).series }
}

/// Series, and the labels that the result can have; None: any.
struct Shape {
    series: Series,
    labels: Option<BTreeSet<String>>,
}

fn one(labels: Option<BTreeSet<String>>) -> Shape {
    Shape { series: Series::One, labels }
}

fn no_labels() -> Option<BTreeSet<String>> {
    Some(BTreeSet::new())
}

fn many(fragment: Span, reason: impl Into<String>, labels: Option<BTreeSet<String>>) -> Shape {
    Shape { series: Series::Many { fragment, reason: reason.into() }, labels }
}

fn series(node: &Node, depth: usize) -> Shape {
    if depth > 256 {
        let reason = "too deeply nested to be understood".to_string();
        return Shape { series: Series::Unknown { fragment: node.span, reason }, labels: None };
    }
    match &node.kind {
        Kind::Number(_) | Kind::Text(_) => one(no_labels()),
        Kind::Selector(_) => many(node.span, "one series per pod, and per value of every label", None),
        Kind::Range(inner, _) => series(inner, depth + 1),
        Kind::Subquery(subquery) => series(&subquery.expression, depth + 1),
        Kind::Unary(_, inner) | Kind::Paren(inner) => series(inner, depth + 1),
        Kind::Aggregate(aggregate) => of_aggregate(aggregate, depth),
        Kind::Call(call) => of_call(call, depth),
        Kind::Binary(binary) => of_binary(binary, depth),
    }
}

/// Labels that every selector below fixes to one value.
fn fixed_labels(node: &Node) -> BTreeSet<String> {
    let mut fixed: Option<BTreeSet<String>> = None;
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        match &node.kind {
            Kind::Selector(selector) => {
                let own: BTreeSet<String> = selector
                    .matchers
                    .iter()
                    .filter(|matcher| matcher.operator == MatchOperator::Equal)
                    .map(|matcher| matcher.name.clone())
                    .collect();
                fixed = Some(match fixed {
                    None => own,
                    Some(others) => others.intersection(&own).cloned().collect(),
                });
            }
            Kind::Range(inner, _) => stack.push(inner),
            // These write labels of their own.
            Kind::Call(call) if ["label_replace", "label_join", "info"].contains(&call.function.name) => {
                return BTreeSet::new();
            }
            Kind::Aggregate(aggregate) if aggregate.operator == "count_values" => return BTreeSet::new(),
            Kind::Binary(_) => return BTreeSet::new(),
            _ => stack.extend(node.children()),
        }
    }
    fixed.unwrap_or_default()
}

fn of_aggregate(aggregate: &Aggregate, depth: usize) -> Shape {
    let inner = series(&aggregate.expression, depth + 1);
    let span = aggregate.grouping_span.unwrap_or(aggregate.operator_span);
    let is_one = inner.series == Series::One;
    let keeps = ["topk", "bottomk", "limitk", "limit_ratio"].contains(&aggregate.operator);
    if keeps {
        let first = aggregate.grouping.is_empty()
            && !aggregate.without
            && aggregate.operator != "limit_ratio"
            && matches!(aggregate.parameter.as_ref().map(|p| &p.bare().kind), Some(Kind::Number(number)) if number.value < 2.0);
        if is_one || first {
            return one(inner.labels);
        }
        return many(span, format!("`{}` keeps several series", aggregate.operator), inner.labels);
    }
    let counted = aggregate.operator == "count_values";
    if aggregate.without {
        let labels = inner.labels.as_ref().map(|labels| {
            labels
                .iter()
                .filter(|label| !aggregate.grouping.contains(label))
                .cloned()
                .collect::<BTreeSet<_>>()
        });
        if !counted && (is_one || labels.as_ref().is_some_and(BTreeSet::is_empty)) {
            return one(labels);
        }
        return many(span, "`without` keeps every label that is not named here", labels);
    }
    let mut labels: BTreeSet<String> = aggregate.grouping.iter().cloned().collect();
    if let Some(known) = &inner.labels {
        labels.retain(|label| known.contains(label));
    }
    if counted {
        return many(span, "`count_values` gives one series per value", None);
    }
    let fixed = fixed_labels(&aggregate.expression);
    let varying: Vec<&String> = labels.iter().filter(|label| !fixed.contains(*label)).collect();
    if is_one || varying.is_empty() {
        return one(Some(labels));
    }
    let names: Vec<String> = varying.iter().map(|label| format!("`{label}`")).collect();
    many(span, format!("one series per value of {}", names.join(" and ")), Some(labels))
}

fn of_call(call: &Call, depth: usize) -> Shape {
    match call.function.name {
        "vector" | "scalar" | "time" | "pi" => return one(no_labels()),
        "absent" | "absent_over_time" => return one(None),
        "minute" | "hour" | "day_of_month" | "day_of_week" | "day_of_year" | "days_in_month" | "month"
        | "year"
            if call.arguments.is_empty() =>
        {
            return one(no_labels());
        }
        _ => {}
    }
    let vector = call
        .arguments
        .iter()
        .find(|argument| matches!(argument.value_type(), ValueType::Vector | ValueType::Matrix));
    let Some(vector) = vector else { return one(no_labels()) };
    let mut inner = series(vector, depth + 1);
    match call.function.name {
        "histogram_quantile" => of_quantile(call, vector, inner),
        "label_replace" | "label_join" | "info" => {
            inner.labels = None;
            inner
        }
        "histogram_quantiles" => many(call.name_span, "one series per quantile", None),
        _ => inner,
    }
}

/// A quantile folds the buckets of one histogram into one series.
fn of_quantile(call: &Call, vector: &Node, inner: Shape) -> Shape {
    let Series::Many { .. } = &inner.series else { return inner };
    if let Some(labels) = &inner.labels {
        let mut rest = labels.clone();
        rest.remove("le");
        if rest.iter().all(|label| fixed_labels(vector).contains(label)) {
            return one(Some(rest));
        }
        let names: Vec<String> = rest.iter().map(|label| format!("`{label}`")).collect();
        return many(
            call.name_span,
            format!("one quantile per value of {}", names.join(" and ")),
            Some(rest),
        );
    }
    inner
}

fn of_binary(binary: &Binary, depth: usize) -> Shape {
    let (left, right) = (series(&binary.left, depth + 1), series(&binary.right, depth + 1));
    let scalar = |node: &Node| node.value_type() == ValueType::Scalar;
    match binary.operator {
        Operator::And | Operator::Unless => left,
        Operator::Or => of_or(binary, left, right),
        _ if scalar(&binary.left) => right,
        _ if scalar(&binary.right) => left,
        _ => {
            let group = binary.matching.as_ref().and_then(|matching| matching.group.as_ref());
            match group {
                Some(group) if group.left => Shape { labels: None, ..left },
                Some(_) => Shape { labels: None, ..right },
                None => {
                    // One to one: no more than the smaller side.
                    let labels = match &binary.matching {
                        Some(matching) if matching.on => Some(matching.labels.iter().cloned().collect()),
                        _ => left.labels.clone(),
                    };
                    if left.series == Series::One || right.series == Series::One { one(labels) } else { left }
                }
            }
        }
    }
}

fn of_or(binary: &Binary, left: Shape, right: Shape) -> Shape {
    if left.series != Series::One {
        return left;
    }
    if right.series != Series::One {
        return right;
    }
    let ignores_all =
        binary.matching.as_ref().is_some_and(|matching| matching.on && matching.labels.is_empty());
    let same = left.labels.is_some()
        && left.labels == right.labels
        && left.labels.as_ref().is_some_and(BTreeSet::is_empty);
    if ignores_all || same {
        return one(left.labels);
    }
    let mut shape = many(
        binary.operator_span,
        "both sides of `or` stay where their labels differ; write `or on ()`",
        None,
    );
    if (left.labels.is_none() || right.labels.is_none())
        && let Series::Many { fragment, reason } = shape.series
    {
        shape.series = Series::Unknown { fragment, reason };
    }
    shape
}

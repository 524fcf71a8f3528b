//! The limit of an alert against the number and the unit that its own text gives.

use std::sync::LazyLock;

use regex::Regex;

use super::OTHER_UNIT;
use super::walk::Alert;
use crate::finding::Finding;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::promql::{Analysis, Base, Expression, Facts, Unit, analyse, seconds};
use crate::source::{Place, Span};

/// A number with a unit, and the word before it: `for 5 minutes` is no limit.
static AMOUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let before =
        r"(?P<before>\b(?:for|last|past|every|after|within|in|over) (?:the )?(?:more than |at least )?)?";
    let units = r"(?P<unit>ms|msecs?|milliseconds?|s|secs?|seconds?|mins?|minutes?|h|hours?|d|days?|weeks?|%|percent)";
    Regex::new(&format!(r"(?i){before}(?P<number>\d+(?:\.\d+)?)\s?{units}(?:\W|$)")).ok()
});

/// What a text says.
struct Told<'i> {
    node: &'i Yaml,
    text: String,
    number: f64,
    /// Seconds of one; None: percent.
    seconds: Option<f64>,
}

/// What a query and the text beside it disagree in.
pub(super) struct Disagreement<'i> {
    pub span: Span,
    node: &'i Yaml,
    message: String,
    why: String,
    help: String,
}

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    let Disagreement { span, node, message, why, help } = disagreement(alert.rule, &alert.expression)?;
    Some(
        Finding::new(&OTHER_UNIT, alert.place(span), message)
            .related(Place::new(alert.object.document.file, node.span), "the text")
            .why(why)
            .help(help),
    )
}

pub(super) fn disagreement<'i>(rule: &'i Yaml, expression: &Expression) -> Option<Disagreement<'i>> {
    let facts = Facts::default();
    let analysis = analyse(expression, &facts);
    // The windows of the query, and how long it has to hold, are no limits.
    let mut windows: Vec<f64> =
        rule.get("for").and_then(Yaml::as_written).and_then(|text| seconds(&text)).into_iter().collect();
    windows.extend(analysis.nodes.iter().filter_map(|info| match &info.node.kind {
        Kind::Range(_, range) => range.seconds(),
        _ => None,
    }));
    let is_window = |told: &Told<'_>| {
        told.seconds.is_some_and(|one| windows.iter().any(|window| is_near(*window, one * told.number)))
    };
    let told: Vec<Told<'_>> = told(rule).into_iter().filter(|told| !is_window(told)).collect();
    (0..analysis.nodes.len()).find_map(|index| {
        let Kind::Binary(binary) = &analysis.nodes[index].node.kind else { return None };
        if !binary.operator.is_comparison() || binary.returns_bool {
            return None;
        }
        let children = &analysis.nodes[index].children;
        let limit = analysis.nodes[children[1]].constant.filter(|limit| *limit > 0.0)?;
        time(&analysis, (children[0], binary, limit), &told)
            .or_else(|| share(&analysis, (children[0], binary, limit), &told))
    })
}

/// Seconds compared with the number of milliseconds, minutes or days that the text gives.
fn time<'i>(
    analysis: &Analysis<'_>,
    (left, binary, limit): (usize, &Binary, f64),
    told: &[Told<'i>],
) -> Option<Disagreement<'i>> {
    let unit = match analysis.nodes[left].unit {
        Some(unit) if !unit.per_second => unit.base.seconds()?,
        None if is_distance(&binary.left) => 1.0,
        _ => return None,
    };
    let of = |told: &&Told<'i>| told.seconds.is_some_and(|_| is_near(told.number, limit));
    // Who says it rightly somewhere knows.
    if told
        .iter()
        .any(|told| told.seconds.is_some_and(|seconds| is_near(told.number * seconds, limit * unit)))
    {
        return None;
    }
    let said = told.iter().find(of)?;
    let good = limit * said.seconds? / unit;
    let (name, factor) = (name_of(unit), good / limit);
    let why = if factor > 1.0 {
        format!("the limit is {} times as small as the text says", plain(factor))
    } else {
        format!(
            "the limit is {} times as large as the text says: it is hardly ever reached",
            plain(1.0 / factor)
        )
    };
    Some(found(
        binary,
        said,
        format!("the text says `{}`, and the query compares {name} with {}", said.text, plain(limit)),
        why,
        format!("write {}", plain(good)),
    ))
}

/// A share compared with a number of percent, or percent with a share.
fn share<'i>(
    analysis: &Analysis<'_>,
    (left, binary, limit): (usize, &Binary, f64),
    told: &[Told<'i>],
) -> Option<Disagreement<'i>> {
    let is_percent = |told: &&Told<'i>| told.seconds.is_none();
    let number = |wanted: f64| told.iter().filter(is_percent).find(|told| is_near(told.number, wanted));
    if let Some(name) = load(&binary.left) {
        let said = number(limit).filter(|_| limit > 10.0)?;
        return Some(found(
            binary,
            said,
            format!("the text says `{}`, and `{name}` is a number of tasks", said.text),
            format!(
                "the load is how many tasks run or wait: {} are never there on most machines, and a machine of 4 CPUs is full at 4",
                plain(limit)
            ),
            format!(
                "write `{name} / on (instance) count by (instance) (node_cpu_seconds_total{{mode=\"idle\"}}) > {}`",
                plain(limit / 100.0)
            ),
        ));
    }
    let (divides, times_hundred) = shape(&binary.left, 0)?;
    if !divides || !is_plain(&binary.left) {
        return None;
    }
    let bounded = analysis.nodes[left].bounds.1 <= 1.0;
    if !times_hundred && limit > 1.0 && !bounded {
        let said = number(limit)?;
        return Some(found(
            binary,
            said,
            format!("the text says `{}`, and the query compares a share of 1 with {}", said.text, plain(limit)),
            "nothing multiplies the quotient by 100: the limit is a hundred times as large as the text says, and the alert never fires".to_string(),
            format!("write {}, or multiply the quotient by 100", plain(limit / 100.0)),
        ));
    }
    if times_hundred && limit < 1.0 && number(limit).is_none() {
        let said = number(limit * 100.0)?;
        return Some(found(
            binary,
            said,
            format!("the text says `{}`, and the query compares percent with {}", said.text, plain(limit)),
            format!("the quotient is multiplied by 100: the alert is met at {}% already", plain(limit)),
            format!("write {}, or leave the `* 100` out", plain(limit * 100.0)),
        ));
    }
    None
}

fn found<'i>(
    binary: &Binary,
    said: &Told<'i>,
    message: String,
    why: String,
    help: String,
) -> Disagreement<'i> {
    Disagreement { span: binary.operator_span.to(binary.right.span), node: said.node, message, why, help }
}

/// The load of a machine, as it is or averaged.
fn load(node: &Node) -> Option<&str> {
    match &node.bare().kind {
        Kind::Selector(selector) => {
            selector.metric().filter(|name| ["node_load1", "node_load5", "node_load15"].contains(name))
        }
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "avg" | "max" | "min") => {
            load(&aggregate.expression)
        }
        _ => None,
    }
}

/// Whether it divides, and whether it is multiplied by 100; None where it cannot be told.
fn shape(node: &Node, depth: usize) -> Option<(bool, bool)> {
    if depth > 16 {
        return None;
    }
    let Kind::Binary(binary) = &node.bare().kind else {
        return match &node.bare().kind {
            Kind::Aggregate(aggregate) => shape(&aggregate.expression, depth + 1),
            _ => Some((false, false)),
        };
    };
    let is_hundred = |node: &Node| matches!(node.bare().kind, Kind::Number(number) if number.value == 100.0);
    match binary.operator {
        Operator::Divide => {
            // `100 * a / b`, `a * 100 / b`, `a / (b / 100)`.
            let (_, first) = shape(&binary.left, depth + 1)?;
            let (_, second) = shape(&binary.right, depth + 1)?;
            let by_number = matches!(binary.right.bare().kind, Kind::Number(_));
            Some((!by_number, first || second || is_hundred(&binary.right)))
        }
        Operator::Multiply if is_hundred(&binary.right) => Some((shape(&binary.left, depth + 1)?.0, true)),
        Operator::Multiply if is_hundred(&binary.left) => Some((shape(&binary.right, depth + 1)?.0, true)),
        Operator::Subtract => {
            let (first, second) = (shape(&binary.left, depth + 1)?, shape(&binary.right, depth + 1)?);
            let from_hundred = is_hundred(&binary.left);
            Some((first.0 || second.0, first.1 || second.1 || from_hundred))
        }
        _ => None,
    }
}

/// Whether no name says that something is in percent already, or compares with an average of before.
fn is_plain(node: &Node) -> bool {
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        match &node.kind {
            Kind::Selector(selector) => {
                let name = selector.name.as_deref().unwrap_or_default();
                let is_percent = ["percent", "pct", "ratio", "util"].iter().any(|word| name.contains(word));
                if is_percent || name.contains(':') || selector.modifiers.offset.is_some() {
                    return false;
                }
            }
            // A mean of what is observed, in its own unit.
            Kind::Binary(binary) if binary.operator == Operator::Divide => {
                let ends = |node: &Node, end: &str| {
                    let mut inner = vec![node];
                    while let Some(node) = inner.pop() {
                        if let Kind::Selector(selector) = &node.kind {
                            return selector.name.as_deref().is_some_and(|name| name.ends_with(end));
                        }
                        inner.extend(node.children());
                    }
                    false
                };
                if ends(&binary.left, "_sum") && ends(&binary.right, "_count") {
                    return false;
                }
            }
            _ => {}
        }
        stack.extend(node.children());
    }
    true
}

/// `time() - …` and `… - time()`.
fn is_distance(node: &Node) -> bool {
    let is_now = |node: &Node| matches!(&node.bare().kind, Kind::Call(call) if call.function.name == "time");
    let mut node = node.bare();
    while let Kind::Aggregate(aggregate) = &node.kind {
        node = aggregate.expression.bare();
    }
    let Kind::Binary(binary) = &node.kind else { return false };
    let of_selector = |node: &Node| !matches!(&node.bare().kind, Kind::Binary(binary) if matches!(binary.operator, Operator::Divide | Operator::Multiply));
    binary.operator == Operator::Subtract
        && (is_now(&binary.left) && of_selector(&binary.right)
            || is_now(&binary.right) && of_selector(&binary.left))
}

fn told(rule: &Yaml) -> Vec<Told<'_>> {
    let all = rule.get("annotations").map(Yaml::entries).unwrap_or_default().iter().map(|entry| &entry.node);
    let mut told = Vec::new();
    for node in all {
        let (Some(text), Some(pattern)) = (node.as_str(), AMOUNT.as_ref()) else { continue };
        for found in pattern.captures_iter(text).filter(|found| found.name("before").is_none()) {
            let (Some(number), Some(unit)) = (found.name("number"), found.name("unit")) else { continue };
            let Ok(value) = number.as_str().parse::<f64>() else { continue };
            let seconds = match unit.as_str().to_lowercase().as_str() {
                "%" | "percent" => None,
                unit if unit.starts_with("ms") || unit.starts_with("mill") => Some(1e-3),
                unit if unit.starts_with('s') => Some(1.0),
                unit if unit.starts_with("min") => Some(60.0),
                unit if unit.starts_with('h') => Some(3_600.0),
                unit if unit.starts_with('d') => Some(86_400.0),
                _ => Some(604_800.0),
            };
            let text = text[number.start()..unit.end()].to_string();
            told.push(Told { node, text, number: value, seconds });
        }
    }
    told
}

fn name_of(unit: f64) -> String {
    [Base::Milliseconds, Base::Seconds, Base::Minutes, Base::Hours]
        .into_iter()
        .find(|base| base.seconds() == Some(unit))
        .map_or_else(|| "a time".to_string(), |base| Unit::level(base).to_string())
}

fn is_near(one: f64, two: f64) -> bool {
    (one - two).abs() <= 1e-6 * one.abs().max(two.abs())
}

/// A number without float noise.
fn plain(value: f64) -> String {
    format!("{}", (value * 1e6).round() / 1e6)
}

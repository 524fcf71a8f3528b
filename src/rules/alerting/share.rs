//! A rate per second that the text of its alert calls a percentage.

use std::sync::LazyLock;

use regex::Regex;

use super::NO_SHARE;
use super::walk::Alert;
use crate::finding::Finding;
use crate::lint::is_recorded;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::Place;

static PERCENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(\d+(?:\.\d+)?)\s*(?:%|percent\b|per cent\b)").ok());

/// A comparison with a number whose percentage stands in a text.
pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    if divides(&alert.expression.root) {
        return None;
    }
    let texts: Vec<(&Yaml, f64)> = texts(alert.rule).collect();
    let mut stack = vec![&alert.expression.root];
    while let Some(node) = stack.pop() {
        if let Kind::Binary(binary) = &node.kind
            && let Some((limit, name)) = limit(binary)
            && let Some((text, percent)) = texts.iter().find(|(_, percent)| is_near(*percent, limit * 100.0))
        {
            let per = if name == "increase" { "in the window" } else { "per second" };
            let why = match 1.0 / limit {
                seconds if per == "per second" && seconds > 1.0 => format!(
                    "nothing divides it: one event in {} s is above that, whether it is one of 10 or one of a million",
                    (seconds * 10.0).round() / 10.0
                ),
                _ => "nothing divides it: the more traffic there is, the sooner it is above that, however small the share".to_string(),
            };
            let span = binary.operator_span.to(binary.right.span);
            let place = Place::new(alert.object.document.file, text.span);
            return Some(
                Finding::new(
                    &NO_SHARE,
                    alert.place(span),
                    format!("the text says {percent}%, and the query compares with {limit} {per}"),
                )
                .related(place, "the percentage")
                .why(why)
                .help(format!("divide by all of them: `sum(rate(…)) / sum(rate(…)) > {limit}`")),
            );
        }
        stack.extend(node.children());
    }
    printed(alert)
}

/// `{{ $value | humanizePercentage }}` of events per second.
fn printed(alert: &Alert<'_>) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    let (_, name) = limit(binary)?;
    let told = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let text = told.iter().map(|entry| &entry.node).find(|node| {
        node.as_str().is_some_and(|text| text.contains("$value") && text.contains("humanizePercentage"))
    })?;
    let per = if name == "increase" { "events in the window" } else { "events per second" };
    Some(
        Finding::new(
            &NO_SHARE,
            Place::new(alert.object.document.file, text.span),
            format!("{per} are printed as a percentage"),
        )
        .related(alert.place(binary.left.span), "nothing divides it")
        .why("half an error a second is told as 50%, whether it is one of 10 requests or one of a million")
        .help("divide by all of them: `sum(rate(…)) / sum(rate(…))`, or print `{{ $value | humanize }} per second`"),
    )
}

/// Percentages in what the alert tells people.
fn texts(rule: &Yaml) -> impl Iterator<Item = (&Yaml, f64)> {
    let told = rule.get("annotations").map(Yaml::entries).unwrap_or_default().iter().map(|entry| &entry.node);
    told.filter_map(|node| {
        let text = node.as_str()?;
        let found = PERCENT.as_ref()?.captures(text)?;
        Some((node, found.get(1)?.as_str().parse().ok()?))
    })
}

fn divides(root: &Node) -> bool {
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        if matches!(&node.kind, Kind::Binary(binary) if binary.operator == Operator::Divide) {
            return true;
        }
        stack.extend(node.children());
    }
    false
}

/// The share that a rate of events is compared with, and the function that makes the rate.
fn limit(binary: &Binary) -> Option<(f64, &'static str)> {
    let Kind::Number(number) = binary.right.bare().kind else { return None };
    if !binary.operator.is_comparison() || number.value <= 0.0 || number.value > 1.0 {
        return None;
    }
    let mut stack = vec![&binary.left];
    let mut function = None;
    while let Some(node) = stack.pop() {
        match &node.kind {
            Kind::Selector(selector) => {
                // Seconds per second are a share, and what a recording rule has divided is not known.
                let name = selector.name.as_deref()?;
                if ["seconds", "duration", "time", "ratio", "percent", "cpu_usage"]
                    .iter()
                    .any(|word| name.contains(word))
                    || is_recorded(name)
                {
                    return None;
                }
            }
            Kind::Call(call) if matches!(call.function.name, "rate" | "irate" | "increase") => {
                function = Some(call.function.name);
            }
            Kind::Call(call) if call.function.name.starts_with("histogram") => return None,
            Kind::Aggregate(aggregate) if !matches!(aggregate.operator, "sum" | "max" | "min" | "avg") => {
                return None;
            }
            _ => {}
        }
        stack.extend(node.children());
    }
    Some((number.value, function?))
}

fn is_near(one: f64, two: f64) -> bool {
    (one - two).abs() < 1e-6
}

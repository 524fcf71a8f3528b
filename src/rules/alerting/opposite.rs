//! Alerts that fire while what their text says does not hold.

use std::sync::LazyLock;

use regex::Regex;

use super::OPPOSITE;
use super::walk::Alert;
use crate::finding::Finding;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::Place;

/// What is full, or used.
static USED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:usage|used|utili[sz]ation|full|filling|running out|out of)\b").ok()
});

/// What is left.
static LEFT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:free|available|avail|remaining|left|idle|headroom)\b").ok());

/// What has begun anew.
static BEGUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:re-?started|re-?booted|has re-?started|just started)\b").ok());

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    let Kind::Number(limit) = binary.right.bare().kind else { return None };
    if binary.returns_bool || !matches!(binary.operator, Operator::Greater | Operator::GreaterEqual) {
        return None;
    }
    left_taken_for_used(alert, binary).or_else(|| old_taken_for_new(alert, binary, limit.value))
}

/// `available / size > 90` with a text about usage.
fn left_taken_for_used(alert: &Alert<'_>, binary: &Binary) -> Option<Finding> {
    let part = part(&binary.left, 0)?;
    let name = part.metric().filter(|name| is_what_is_left(name))?;
    let text = says(alert, &USED, &Some(&LEFT))?;
    let (node, word) = text;
    let finding = Finding::new(
        &OPPOSITE,
        alert.place(binary.operator_span.to(binary.right.span)),
        format!("the text says `{word}`, and the query asks how much is left"),
    )
    .related(Place::new(alert.object.document.file, node.span), "the text")
    .why(format!("`{name}` is what is not in use: the alert fires while there is much of it, and is silent when nothing is left"))
    .help("turn the comparison around, as `… < 10`, or subtract the share from 1 or 100");
    Some(finding)
}

/// `time() - process_start_time_seconds > 300` with a text about a restart.
fn old_taken_for_new(alert: &Alert<'_>, binary: &Binary, limit: f64) -> Option<Finding> {
    const LONGEST: f64 = 86_400.0;
    let Kind::Binary(inner) = &binary.left.bare().kind else { return None };
    let is_now = matches!(&inner.left.bare().kind, Kind::Call(call) if call.function.name == "time");
    let Kind::Selector(selector) = &inner.right.bare().kind else { return None };
    let name = selector.metric().filter(|name| {
        name.ends_with("_start_time_seconds")
            || name.ends_with("_boot_time_seconds")
            || name.ends_with("_start_time")
    })?;
    if inner.operator != Operator::Subtract || !is_now || limit > LONGEST {
        return None;
    }
    let (node, word) = says(alert, &BEGUN, &None)?;
    let text = node.as_str().unwrap_or_default().to_lowercase();
    // Somebody waits for a restart that does not come.
    if ["not ", "n't", "since", "without", "never"].iter().any(|word| text.contains(word)) {
        return None;
    }
    Some(
        Finding::new(
            &OPPOSITE,
            alert.place(binary.operator_span.to(binary.right.span)),
            format!("the text says `{word}`, and the query asks for what is older than {limit} s"),
        )
        .related(Place::new(alert.object.document.file, node.span), "the text")
        .why(format!(
            "`time() - {name}` is the age: the alert fires for all that runs well, and ends at a restart"
        ))
        .help(format!("write `< {limit}`")),
    )
}

/// The part of a quotient that nothing is subtracted from.
fn part(node: &Node, depth: usize) -> Option<&Selector> {
    if depth > 16 {
        return None;
    }
    match &node.bare().kind {
        Kind::Selector(selector) if depth > 0 => Some(selector),
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "avg" | "min" | "max") => {
            part(&aggregate.expression, depth + 1)
        }
        Kind::Binary(binary) => match binary.operator {
            Operator::Divide => part(&binary.left, depth + 1),
            Operator::Multiply => {
                let is_number = |node: &Node| matches!(node.bare().kind, Kind::Number(_));
                match (is_number(&binary.left), is_number(&binary.right)) {
                    (false, true) => part(&binary.left, depth + 1),
                    (true, false) => part(&binary.right, depth + 1),
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_what_is_left(name: &str) -> bool {
    [
        "_avail_bytes",
        "_free_bytes",
        "_available_bytes",
        "_MemAvailable_bytes",
        "_MemFree_bytes",
        "_inodes_free",
        "_files_free",
    ]
    .iter()
    .any(|end| name.ends_with(end))
}

/// The text that says the one thing, where no text says the other.
fn says<'i>(
    alert: &Alert<'i>,
    one: &LazyLock<Option<Regex>>,
    other: &Option<&LazyLock<Option<Regex>>>,
) -> Option<(&'i Yaml, String)> {
    let told = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let nodes: Vec<&Yaml> = told.iter().map(|entry| &entry.node).collect();
    let name = alert.name().to_lowercase();
    let is_other =
        |text: &str| other.is_some_and(|other| other.as_ref().is_some_and(|other| other.is_match(text)));
    let of_name = other.is_some() && ["free", "avail", "left", "low"].iter().any(|word| name.contains(word));
    if of_name || nodes.iter().filter_map(|node| node.as_str()).any(is_other) {
        return None;
    }
    nodes.into_iter().find_map(|node| {
        let found = one.as_ref()?.find(node.as_str()?)?;
        Some((node, found.as_str().to_string()))
    })
}

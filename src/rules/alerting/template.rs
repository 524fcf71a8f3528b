//! Texts of alerts against the labels that their queries give.
//!
//! Source: prometheus/prometheus rules/alerting.go, Eval: `$labels` are those of the series, without the labels of the
//! rule; a label that is not there is an empty text.

use super::{LABEL_GONE, PERCENT_TWICE, SHARE_AS_PERCENT};
use crate::finding::{Finding, nearest};
use crate::manifest::{Node, raw_offset};
use crate::promql::ast::{Kind, Operator};
use crate::promql::{Analysis, Base, Expression, Facts, analyse};
use crate::source::{Place, Span};

/// `rule` is an alert whose query is `expression`. `place` places a stretch of the query.
pub(super) fn check(
    text_of_file: &str,
    rule: &Node,
    expression: &Expression,
    place: impl Fn(Span) -> Place,
) -> Vec<Finding> {
    let facts = Facts::default();
    let analysis = analyse(expression, &facts);
    let root = analysis.root();
    let mut told: Vec<String> = Vec::new();
    let mut findings = Vec::new();
    let is_percent = expression.is_percent();
    let is_share = !is_percent && is_share(&analysis);
    let file = place(Span::at(0)).file;
    for entry in ["annotations", "labels"].iter().filter_map(|key| rule.get(key)).flat_map(Node::entries) {
        let Some(text) = entry.node.as_str().filter(|text| text.contains("{{")) else { continue };
        if let Some(at) = text.find("humanizePercentage").filter(|_| is_percent && text.contains("$value")) {
            let raw = text_of_file.get(entry.node.span.range()).unwrap_or_default();
            let offset = |at: usize| entry.node.span.start as usize + raw_offset(raw, text, at);
            let span = Span::new(offset(at), offset(at + "humanizePercentage".len()));
            findings.push(
                Finding::new(&PERCENT_TWICE, Place::new(file, span), "a value in percent is turned into percent once more")
                    .why("the query multiplies by 100 and the text does it again: 5 % is shown as 500%")
                    .help("leave `100 *` out of the query and compare with a share, or print `{{ $value | humanize }}%`"),
            );
        }
        if let Some((start, end)) = sign(text).filter(|_| is_share) {
            let raw = text_of_file.get(entry.node.span.range()).unwrap_or_default();
            let offset = |at: usize| entry.node.span.start as usize + raw_offset(raw, text, at);
            let span = Span::new(offset(start), offset(end));
            findings.push(
                Finding::new(
                    &SHARE_AS_PERCENT,
                    Place::new(file, span),
                    "a share from 0 to 1 with a percent sign behind it",
                )
                .related(place(expression.root.span), "this is never above 1")
                .why("nothing multiplies it by 100: 5 % is shown as 0.05%")
                .help("write `{{ $value | humanizePercentage }}`, which writes the sign as well"),
            );
        }
        for (at, name) in named(text) {
            if root.labels.can_have(name) || name.starts_with("__") || told.iter().any(|other| other == name)
            {
                continue;
            }
            told.push(name.to_string());
            let raw = text_of_file.get(entry.node.span.range()).unwrap_or_default();
            let offset = |at: usize| entry.node.span.start as usize + raw_offset(raw, text, at);
            let span = Span::new(offset(at), offset(at + name.len()));
            let label = root.labels.get(name);
            let there = root.labels.complete().unwrap_or_default();
            let finding = Finding::new(
                &LABEL_GONE,
                Place::new(file, span),
                format!("the alert has no label `{name}`: the text is empty here"),
            )
            .related(place(label.span), label.why)
            .why("who is paged by it does not learn what it is about");
            findings.push(match nearest(name, there.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding
                    .help(format!("keep it in the query with `by ({name})`, or leave it out of the text")),
            });
        }
    }
    findings
}

/// Whether what is compared lies between 0 and 1.
fn is_share(analysis: &Analysis<'_>) -> bool {
    let mut at = analysis.bare(0);
    while let Kind::Binary(binary) = &analysis.nodes[at].node.kind
        && (binary.operator.is_comparison() || binary.operator == Operator::And)
        && !binary.returns_bool
    {
        at = analysis.bare(analysis.nodes[at].children[0]);
    }
    let info = &analysis.nodes[at];
    let is_percent = info.unit.is_some_and(|unit| unit.base == Base::Percent);
    info.constant.is_none() && !is_percent && info.bounds.0 >= 0.0 && info.bounds.1 <= 1.0
}

/// The stretch of a text that prints the value as it is, with a percent sign.
fn sign(text: &str) -> Option<(usize, usize)> {
    text.match_indices("{{").find_map(|(start, _)| {
        let end = start + text[start..].find("}}")? + 2;
        let inner = &text[start..end];
        let is_value = inner.contains("$value") || inner.contains(".Value");
        if !is_value || inner.contains("humanizePercentage") || inner.contains("mul") {
            return None;
        }
        let behind = &text[end..];
        let signed = ["%", " %"].iter().find(|sign| behind.starts_with(**sign));
        match signed {
            Some(sign) => Some((start, end + sign.len())),
            None => inner.contains("%%").then_some((start, end)),
        }
    })
}

/// The labels that a template names, with their places: `$labels.pod`, `.Labels.pod`.
fn named(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for start in ["$labels.", ".Labels."] {
        for (at, _) in text.match_indices(start) {
            let at = at + start.len();
            let rest = &text[at..];
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let is_inside = text[..at].rfind("{{").is_some_and(|open| !text[open..at].contains("}}"));
            if length > 0 && is_inside {
                found.push((at, &rest[..length]));
            }
        }
    }
    found.sort_unstable();
    found
}

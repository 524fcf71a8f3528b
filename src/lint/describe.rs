//! Everything that is known of one query, for people.

use super::Context;
use super::answer::type_name;
use super::outcome::{Answer, Case, outcome};
use crate::promql::{Analysis, Expression, Presence, Series, ValueType, analyse};

const WIDTH: usize = 96;

/// The query in lines, and a table of what it gives.
pub fn describe(expression: &Expression, context: &Context) -> String {
    let analysis = analyse(expression, &context.facts);
    let root = analysis.root();
    let mut out = expression.pretty(WIDTH);
    out.push_str("\n\n");
    let mut line = |name: &str, text: &str| out.push_str(&format!("  {name:<8}  {text}\n"));
    let kind = match expression.value_type() {
        ValueType::Vector => "instant vector",
        other => type_name(other),
    };
    line("type", kind);
    line("series", &series(expression, &analysis));
    for label in labels(expression, &analysis) {
        line("labels", &label);
    }
    if let Some(unit) = root.unit {
        line("unit", &unit.to_string());
    }
    line("values", &values(root.bounds));
    if let Some(shape) = expression.shape() {
        let (what, metric_type) =
            if shape.is_level { ("a level", "Value") } else { ("a total", "AverageValue") };
        line("scaling", &format!("{what}: {}; KEDA wants `metricType: {metric_type}`", shape.reason));
    }
    if context.scaler().is_some() {
        out.push_str(&readings(&analysis));
    }
    out
}

fn series(expression: &Expression, analysis: &Analysis<'_>) -> String {
    let root = analysis.root();
    let word = match &root.series {
        Series::One => return "one, always".to_string(),
        Series::Many(_) => "several",
        Series::Unknown(_) => "cannot tell",
    };
    let reason = root.series.reason().expect("only one series has no reason");
    let fragment = shown(expression.text.get(reason.span.range()).unwrap_or_default());
    format!("{word}: {} (`{fragment}`)", reason.text)
}

fn labels(expression: &Expression, analysis: &Analysis<'_>) -> Vec<String> {
    let labels = &analysis.root().labels;
    let fragment = |span: crate::source::Span| shown(expression.text.get(span.range()).unwrap_or_default());
    let mut lines = Vec::new();
    for label in &labels.named {
        let presence = match label.presence {
            Presence::Must => "is there",
            Presence::Can => "can be there",
            Presence::Cannot if labels.others => "is not there",
            Presence::Cannot => continue,
        };
        let value = label.value.map(|value| format!(", always {value:?}")).unwrap_or_default();
        lines.push(format!("`{}` {presence}{value}: {} (`{}`)", label.name, label.why, fragment(label.span)));
    }
    let rest = match (labels.others, lines.is_empty()) {
        (true, true) => "any",
        (true, false) => "and any other",
        (false, true) => "none",
        (false, false) => return lines,
    };
    lines.push(format!("{rest}: {} (`{}`)", labels.why, fragment(labels.span)));
    lines
}

fn values((low, high): (f64, f64)) -> String {
    match (low.is_finite(), high.is_finite()) {
        (true, true) if low == high => format!("{low}, always"),
        (true, true) => format!("from {low} to {high}"),
        (true, false) => format!("{low} or more"),
        (false, true) => format!("{high} or less"),
        (false, false) => "any".to_string(),
    }
}

/// What KEDA makes of it, as a table.
fn readings(analysis: &Analysis<'_>) -> String {
    let outcome = outcome(analysis);
    let rows = [
        ("under load", &outcome.under_load),
        ("while nothing happens", &outcome.idle),
        ("when the metric is gone", &outcome.gone),
    ];
    let titles = ["by default", "ignoreNullValues: \"false\""];
    let width = |ignores: bool, title: &str| {
        let longest = rows.iter().map(|(_, case)| reading(case, ignores).len()).max().unwrap_or(0);
        longest.max(title.len()) + 3
    };
    let (first, second) = (width(true, titles[0]), width(false, titles[1]));
    let mut out = format!("\n  {:<26}{:<first$}{}\n", "KEDA reads", titles[0], titles[1]);
    for (name, case) in rows {
        let because = case.reason.as_ref().map_or("", |reason| &*reason.text);
        let line =
            format!("  {name:<26}{:<first$}{:<second$}{because}", reading(case, true), reading(case, false));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn reading(case: &Case, ignores_null_values: bool) -> String {
    use super::outcome::Reading;
    let mut words: Vec<&str> = Vec::new();
    for answer in &case.answers {
        let word = match (answer.read(ignores_null_values), answer) {
            (Reading::Value, _) => "the value",
            (Reading::Zero, _) => "0, without a word",
            (Reading::Error, Answer::Several) => "an error: several series",
            (Reading::Error, _) => "an error",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" or ")
}

/// A fragment, cut where it is long.
fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 40 { line } else { line.chars().take(39).chain(['…']).collect() }
}

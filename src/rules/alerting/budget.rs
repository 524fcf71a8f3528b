//! Error budgets that burn: the factor and the budget of the query against the objective and the time of the text.
//!
//! Source: the SRE workbook of Google, chapter 5: a burn rate of 14.4 uses up the budget of 30 days in 50 hours.

use std::sync::LazyLock;

use regex::Regex;

use super::BUDGET;
use super::walk::Alert;
use crate::finding::Finding;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::{Place, Span};

/// `99.9%`.
static OBJECTIVE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(9\d(?:\.\d+)?)\s?(?:%|percent)").ok());

/// `exhausted in 2 hours`.
static GONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"(?:exhaust\w*|gone|deplet\w*|run out|used up|consumed|spent|empty)";
    let time = r"(?:in|within) (?:about |around |roughly |less than |under |~ ?)?(?P<number>\d+(?:\.\d+)?|one|two|three|five) ?(?P<unit>h|hours?|d|days?)\b";
    Regex::new(&format!(r"(?i){words}\W+{time}")).ok()
});

/// A budget that lasts as long as most do.
const HOURS: f64 = 720.0;

/// `14.4 * 0.001` in a comparison.
struct Burn {
    factor: f64,
    budget: f64,
    span: Span,
}

pub(super) fn check(alert: &Alert<'_>) -> Vec<Finding> {
    let mut burns = Vec::new();
    let mut stack = vec![&alert.expression.root];
    while let Some(node) = stack.pop() {
        if let Kind::Binary(binary) = &node.kind
            && binary.operator.is_comparison()
        {
            burns.extend(burn(binary.right.bare()));
        }
        stack.extend(node.children());
    }
    burns.sort_by_key(|burn| burn.span.start);
    let Some(first) = burns.first() else { return Vec::new() };
    let texts =
        alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default().iter().map(|entry| &entry.node);
    let texts: Vec<&Yaml> = texts.collect();
    objective(alert, &burns, &texts).into_iter().chain(time(alert, first, &texts)).collect()
}

fn burn(node: &Node) -> Option<Burn> {
    let Kind::Binary(binary) = &node.kind else { return None };
    if binary.operator != Operator::Multiply {
        return None;
    }
    let (one, other) = (number(&binary.left)?, number(&binary.right)?);
    let (factor, budget) = if one >= other { (one, other) } else { (other, one) };
    (factor >= 1.0 && budget > 0.0 && budget < 0.2).then_some(Burn { factor, budget, span: node.span })
}

/// A number, or `1 - 0.999`.
fn number(node: &Node) -> Option<f64> {
    match &node.bare().kind {
        Kind::Number(number) => Some(number.value),
        Kind::Binary(binary) if binary.operator == Operator::Subtract => {
            Some(number(&binary.left)? - number(&binary.right)?)
        }
        _ => None,
    }
}

/// An objective in the text that leaves another budget.
fn objective(alert: &Alert<'_>, burns: &[Burn], texts: &[&Yaml]) -> Option<Finding> {
    let mut objectives = Vec::new();
    for node in texts {
        let (Some(text), Some(pattern)) = (node.as_str(), OBJECTIVE.as_ref()) else { continue };
        for found in
            pattern.captures_iter(text).filter_map(|found| found.get(1)?.as_str().parse::<f64>().ok())
        {
            objectives.push((*node, found));
        }
    }
    let is_of = |percent: f64, budget: f64| ((1.0 - percent / 100.0) - budget).abs() < 1e-7;
    let burn =
        burns.iter().find(|burn| !objectives.iter().any(|(_, percent)| is_of(*percent, burn.budget)))?;
    let (node, percent) = objectives.first()?;
    let budget = ((1.0 - percent / 100.0) * 1e7).round() / 1e7;
    let times = ((burn.budget / budget) * 10.0).round() / 10.0;
    Some(
        Finding::new(
            &BUDGET,
            alert.place(burn.span),
            format!("the text says {percent}%, which leaves {budget}, and the query takes {}", burn.budget),
        )
        .related(Place::new(alert.object.document.file, node.span), "the objective")
        .why(format!(
            "the alert asks for {times} times the errors that it says: a budget of {percent}% burns at {} times the rate before it fires",
            ((burn.factor * burn.budget / budget) * 10.0).round() / 10.0
        ))
        .help(format!("write `{} * {budget}`", burn.factor)),
    )
}

/// A time in the text in which the budget is not gone.
fn time(alert: &Alert<'_>, burn: &Burn, texts: &[&Yaml]) -> Option<Finding> {
    let window =
        |text: &str| ["7 day", "7d", "week", "28", "90", "quarter"].iter().any(|word| text.contains(word));
    texts.iter().find_map(|node| {
        let text = node.as_str()?;
        // Of what share of another budget it speaks cannot be told.
        if window(&text.to_lowercase()) {
            return None;
        }
        let found = GONE.as_ref()?.captures(text)?;
        let before = &text[..found.get(0)?.start()];
        if before.ends_with('%')
            || before
                .rsplit(['.', ',', ';'])
                .next()
                .is_some_and(|part| part.contains('%') && part.contains("budget") && !part.contains("99"))
        {
            return None;
        }
        let number = match found.name("number")?.as_str() {
            "one" => 1.0,
            "two" => 2.0,
            "three" => 3.0,
            "five" => 5.0,
            digits => digits.parse::<f64>().ok()?,
        };
        let is_days = found.name("unit")?.as_str().to_lowercase().starts_with('d');
        let (said, real) = (number * if is_days { 24.0 } else { 1.0 }, HOURS / burn.factor);
        let ratio = real / said;
        if (0.4..=2.5).contains(&ratio) {
            return None;
        }
        let real_text = if real >= 48.0 {
            format!("{} days", (real / 2.4).round() / 10.0)
        } else {
            format!("{} hours", (real * 10.0).round() / 10.0)
        };
        let unit = if is_days { "days" } else { "hours" };
        let message = format!(
            "at {} times the rate a budget of 30 days lasts {real_text}, not {number} {unit}",
            burn.factor
        );
        Some(
            Finding::new(&BUDGET, Place::new(alert.object.document.file, node.span), message)
                .related(alert.place(burn.span), "the rate")
                .why("whoever is paged decides by this number how soon something has to be done")
                .help(format!("write {real_text}, or compare with the rate that is meant")),
        )
    })
}

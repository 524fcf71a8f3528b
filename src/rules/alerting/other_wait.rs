//! Alerts whose text says for how long something has gone on, and that fire sooner.
//!
//! Source: prometheus/prometheus rules/alerting.go, Eval: an alert fires once its query has held for as long as `for` says,
//! and at once without it.

use std::sync::LazyLock;

use regex::Regex;

use super::OTHER_WAIT;
use super::walk::Alert;
use crate::finding::Finding;
use crate::lint::is_recorded;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::Place;

/// `has been down for more than 5 minutes`, within one sentence.
static LASTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let holds = r"\b(?:has|have) been\b[^.!?;\n]{0,80}?\bfor (?:the (?:last|past) |over |more than |at least |longer than )?";
    Regex::new(&format!(
        r"(?i){holds}(?P<number>\d+)\s?(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)\b"
    ))
    .ok()
});

/// Words of a name that holds how long something has gone on.
const SPANS: [&str; 8] = ["age", "seconds", "minutes", "hours", "duration", "since", "stale", "last"];

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    let waits = alert.waits()?;
    let told = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let pattern = LASTS.as_ref()?;
    let (node, said, lasts) = told.iter().find_map(|entry| {
        let text = entry.node.as_str()?;
        let found = pattern.captures(text)?;
        let (number, unit) = (found.name("number")?, found.name("unit")?);
        let one = match unit.as_str().to_lowercase().as_bytes().first()? {
            b's' => 1.0,
            b'm' => 60.0,
            b'h' => 3_600.0,
            _ => 86_400.0,
        };
        let said = text.get(number.start()..unit.end())?;
        Some((&entry.node, said, number.as_str().parse::<f64>().ok()? * one))
    })?;
    // What is longer than it is told is true as well, and a little less is a matter of taste.
    const MOST: f64 = 864_000.0;
    if lasts < 2.0 * waits || lasts <= 0.0 || lasts > MOST || is_in_query(alert, lasts) {
        return None;
    }
    let (place, waited) = match alert.rule.get("for") {
        Some(written) => (Place::new(alert.object.document.file, written.span), super::minutes(waits)),
        None => (alert.object.place(alert.rule.get("alert")?), String::new()),
    };
    let message = match waited.as_str() {
        "" => format!("the text says `{said}`, and nothing makes the alert wait"),
        waited => format!("the text says `{said}`, and the alert waits for {waited}"),
    };
    Some(
        Finding::new(&OTHER_WAIT, place, message)
            .related(alert.object.place(node), "the text")
            .why("the query looks at the last values alone: a peak of that length fires the alert, and whoever reads it is told of one that has lasted")
            .help(format!("write `for: {}`, or take the time out of the text", written(lasts))),
    )
}

/// Whether the time comes from the query: a window of that length or longer, a distance from now, a limit, or a recorded
/// series of which no more is known.
fn is_in_query(alert: &Alert<'_>, lasts: f64) -> bool {
    let mut stack = vec![&alert.expression.root];
    while let Some(node) = stack.pop() {
        let is_it = match &node.kind {
            Kind::Range(_, window) => window.seconds().is_none_or(|window| window >= lasts),
            Kind::Subquery(subquery) => subquery.range.seconds().is_none_or(|window| window >= lasts),
            Kind::Call(call) => matches!(call.function.name, "time" | "timestamp"),
            Kind::Number(number) => [1e-3, 1.0, 60.0, 3_600.0, 86_400.0]
                .iter()
                .any(|unit| (number.value * unit - lasts).abs() < 1e-6 * lasts),
            Kind::Selector(selector) => {
                let name = selector.name.as_deref().unwrap_or_default();
                let has_offset =
                    selector.modifiers.offset.as_ref().and_then(|offset| offset.seconds()).is_some();
                is_recorded(name) || has_offset || name.split('_').any(|word| SPANS.contains(&word))
            }
            _ => false,
        };
        if is_it {
            return true;
        }
        stack.extend(node.children());
    }
    false
}

/// A time as `for` takes it.
fn written(lasts: f64) -> String {
    match lasts {
        hours if hours % 3_600.0 == 0.0 => format!("{}h", hours / 3_600.0),
        minutes if minutes % 60.0 == 0.0 => format!("{}m", minutes / 60.0),
        short => format!("{short}s"),
    }
}

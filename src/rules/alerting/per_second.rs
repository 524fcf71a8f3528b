//! A rate per second that the text of its alert tells per minute, or as a count.
//!
//! Source: prometheus/prometheus promql/functions.go, funcRate: the window says over what time it is taken, the value is per
//! second all the same.

use std::sync::LazyLock;

use regex::Regex;

use super::PER_SECOND;
use super::walk::Alert;
use crate::finding::Finding;
use crate::lint::is_recorded;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::Place;

/// What stands for a value: the template that prints it, or the limit.
const VALUE: &str = r"(?:\{\{[^{}]*(?:\$value|\.Value)[^{}]*\}\}|\b\d+(?:\.\d+)?\b)";

/// Words between the value and its time: what is counted.
const COUNTED: &str = r"(?P<what>(?: [\p{L}-]+){0,3})";

static PER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let time = r"(?:per|a|/) ?(?P<n>\d+)? ?(?P<unit>minutes?|mins?|hours?|m|h)\b";
    Regex::new(&format!(r"(?P<value>{VALUE}){COUNTED} ?{time}")).ok()
});

static WITHIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let time =
        r"(?:in|within|during) (?:the )?(?:last |past )?(?P<n>\d+)? ?(?P<unit>minutes?|mins?|hours?|m|h)\b";
    Regex::new(&format!(r"(?P<value>{VALUE}){COUNTED} {time}")).ok()
});

static SECOND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let time = r"(?:(?:per|a|/) ?(?:second|sec|s)\b|rps\b|qps\b)";
    Regex::new(&format!(r"(?P<value>{VALUE}){COUNTED} ?{time}")).ok()
});

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    if let Some(node) = per_minute(&alert.expression.root) {
        return times_sixty(alert, node);
    }
    let (call, limit) = bare_rate(&alert.expression.root)?;
    let texts = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let (node, said) =
        texts.iter().find_map(|entry| Some((&entry.node, said(entry.node.as_str()?, limit)?)))?;
    let name = call.function.name;
    let (text, seconds) = (said.text, said.seconds);
    Some(
        Finding::new(
            &PER_SECOND,
            Place::new(alert.object.document.file, node.span),
            format!("the text says `{text}`, and the query gives a rate per second"),
        )
        .related(alert.place(call.name_span), format!("`{name}` is per second, whatever its window"))
        .why(match limit.filter(|_| said.is_limit) {
            Some(limit) => format!(
                "{limit} per second are {} in that time: the alert fires later than the text says by a factor of {seconds}",
                limit * f64::from(seconds)
            ),
            None => format!(
                "the number is too small by a factor of {seconds}: 1 in the text are {seconds} in that time"
            ),
        })
        .help(if said.is_limit {
            format!(
                "write `increase(…)` over that time instead of `{name}(…)`, or a limit of so many per second"
            )
        } else {
            format!(
                "write `increase(…)` over that time instead of `{name}(…)`, or say `per second` in the text"
            )
        }),
    )
}

/// `rate(…) * 60`, under a comparison.
fn per_minute(root: &Node) -> Option<&Node> {
    let mut node = root.bare();
    while let Kind::Binary(binary) = &node.kind {
        let is_sixty =
            |node: &Node| matches!(&node.bare().kind, Kind::Number(number) if number.value == 60.0);
        if binary.operator == Operator::Multiply {
            let rate = match (is_sixty(&binary.left), is_sixty(&binary.right)) {
                (false, true) => &binary.left,
                (true, false) => &binary.right,
                _ => return None,
            };
            return bare_rate(rate).filter(|(_, limit)| limit.is_none()).map(|_| node);
        }
        if !binary.operator.is_comparison() || binary.returns_bool {
            return None;
        }
        node = binary.left.bare();
    }
    None
}

/// The other way round: a rate per minute that the text tells per second.
fn times_sixty(alert: &Alert<'_>, node: &Node) -> Option<Finding> {
    let texts = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let (text, said) = texts.iter().find_map(|entry| {
        let text = entry.node.as_str()?;
        let plain = text.split_whitespace().collect::<Vec<&str>>().join(" ");
        let lower = plain.to_lowercase();
        // Somebody knows what it is, or has made something else of it.
        if ["min", "rpm", "hour"].iter().any(|word| lower.contains(word)) {
            return None;
        }
        let found = SECOND.as_ref()?.captures(&plain)?;
        // A limit in numbers may be another one; what prints the value is this.
        let value = found.name("value")?.as_str();
        let is_printed = value.starts_with("{{") && !["mul", "div"].iter().any(|word| value.contains(word));
        is_printed.then(|| (&entry.node, found[0].to_string()))
    })?;
    Some(
        Finding::new(
            &PER_SECOND,
            Place::new(alert.object.document.file, text.span),
            format!("the text says `{said}`, and the query gives a rate per minute"),
        )
        .related(alert.place(node.span), "`rate` is per second already, and taken times 60")
        .why("the number is too large by a factor of 60: 60 in the text are 1 per second")
        .help("leave out `* 60` and write the limit per second, or say `per minute` in the text"),
    )
}

/// What a text says of a value.
struct Said {
    text: String,
    seconds: u32,
    is_limit: bool,
}

fn said(text: &str, limit: Option<f64>) -> Option<Said> {
    let plain = text.split_whitespace().collect::<Vec<&str>>().join(" ");
    let lower = plain.to_lowercase();
    // Somebody knows what it is.
    const KNOWN: [&str; 8] = ["second", "/s", "/ s", "rps", "qps", "req/s", "percent", "%"];
    if KNOWN.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let per = PER.as_ref()?.captures_iter(&plain).map(|found| (found, true));
    let within = WITHIN.as_ref()?.captures_iter(&plain).map(|found| (found, false));
    per.chain(within).find_map(|(found, is_rate)| {
        let value = found.name("value")?;
        let is_printed = value.as_str().starts_with("{{");
        if is_printed
            && ["mul", "humanizeDuration", "humanizeTimestamp"]
                .iter()
                .any(|word| value.as_str().contains(word))
        {
            return None;
        }
        let is_limit = !is_printed && limit.is_some_and(|limit| value.as_str().parse() == Ok(limit));
        if !is_printed && !is_limit {
            return None;
        }
        let what = found.name("what").map_or("", |what| what.as_str());
        // "a rate of 3 in the last 5 minutes" is one of 3 a second.
        let before = &plain[..value.start()];
        let is_of_a_rate = [before, what].iter().any(|text| {
            let text = text.to_lowercase();
            text.contains("rate") || text.contains("average") || text.contains("avg")
        });
        if !is_rate && (what.is_empty() || is_of_a_rate) {
            return None;
        }
        let times = found.name("n").map_or(Some(1), |n| n.as_str().parse::<u32>().ok())?;
        let unit = found.name("unit")?.as_str();
        // "4 m" alone may be metres, or a thousand parts.
        if found.name("n").is_none() && unit.len() == 1 {
            return None;
        }
        let seconds =
            times.checked_mul(if unit.starts_with('h') { 3600 } else { 60 }).filter(|all| *all > 0)?;
        let text = found.get(0)?.as_str().to_string();
        Some(Said { text, seconds, is_limit })
    })
}

/// A rate of events that nothing multiplies or divides, and what it is compared with.
fn bare_rate(root: &Node) -> Option<(&Call, Option<f64>)> {
    let mut node = root.bare();
    let mut limit = None;
    loop {
        node = match &node.bare().kind {
            Kind::Binary(binary) if binary.operator.is_comparison() && !binary.returns_bool => {
                if let Kind::Number(number) = &binary.right.bare().kind {
                    limit = Some(number.value);
                }
                &binary.left
            }
            Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "max" | "min" | "avg") => {
                &aggregate.expression
            }
            Kind::Call(call) if matches!(call.function.name, "rate" | "irate") => {
                let Kind::Range(inner, _) = &call.arguments.first()?.bare().kind else { return None };
                let Kind::Selector(selector) = &inner.bare().kind else { return None };
                let metric = selector.metric()?;
                let is_time = ["seconds", "duration"].iter().any(|word| metric.contains(word));
                return (!is_time && !is_recorded(metric)).then_some((call, limit));
            }
            _ => return None,
        };
    }
}

//! What a comment says of a threshold, and what a name says of a rate, against what is written.
//!
//! Source: prometheus/prometheus promql/functions.go, funcRate: the value is per second, whatever the window.

use super::cards::COMMENT_DIFFERS;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;
use crate::manifest::Entry;
use crate::promql::ast::*;
use crate::promql::{Target, parse};
use crate::source::Span;

/// Keys that hold what one pod, or the workload, is to have.
const THRESHOLDS: [&str; 8] = [
    "lagThreshold",
    "listLength",
    "messageCount",
    "pendingEntriesCount",
    "queueLength",
    "targetQueryValue",
    "threshold",
    "value",
];

/// Words before the number above which pods are added.
const ABOVE: [&str; 8] =
    ["above", "exceed", "exceeds", "exceeding", "more than", "greater than", "higher than", ">"];

/// Words by which a comment speaks of something else.
const ELSEWHERE: [&str; 12] = [
    "activat",
    "wake",
    "zero",
    "default",
    "was ",
    "example",
    "e.g",
    "pods",
    "replicas",
    "instances",
    "max",
    "instead",
];

/// By how much a number may differ for its unit alone: thousandths, percent, seconds in minutes, binary prefixes.
const UNITS: [f64; 9] = [1.0, 60.0, 100.0, 1e3, 1024.0, 3600.0, 1e6, 1_048_576.0, 1e9];

impl Checker<'_> {
    pub(super) fn said(&mut self, trigger: &Trigger<'_>) {
        for key in THRESHOLDS {
            if let Some(entry) = trigger.entry(key) {
                self.limit_in_comment(trigger, entry);
            }
        }
        if trigger.kind == "prometheus" {
            self.rate_in_name(trigger);
        }
    }

    /// `# above 40 ms`, and a threshold of 30.
    fn limit_in_comment(&mut self, trigger: &Trigger<'_>, entry: &Entry) {
        let Some(value) = trigger.number(&entry.key).filter(|value| *value > 0.0 && value.is_finite()) else {
            return;
        };
        let text = &self.sources.get(self.object.document.file).text;
        let Some((said, span)) = comment_above(text, entry.key_span).and_then(|at| limit(text, at)) else {
            return;
        };
        let is_same = |unit: f64| {
            [value * unit, value / unit].iter().any(|value| (value - said).abs() <= 1e-6 * said.abs())
        };
        // So many pods of one threshold each.
        let is_several = said > value && (said / value).fract() == 0.0;
        if said <= 0.0 || is_several || UNITS.into_iter().any(is_same) {
            return;
        }
        let place = crate::source::Place::new(self.object.document.file, span);
        self.push(
            Finding::new(
                &COMMENT_DIFFERS,
                self.place(&entry.node),
                format!("a `{}` of {value}, and the comment says {said}", entry.key),
            )
            .related(place, "the limit that the comment tells")
            .why("the comment counts for nothing: one of the two is not what was meant")
            .help(format!("write \"{said}\", or correct the comment")),
        );
    }

    /// `metricName: requests_per_second` beside a rate that is taken times 60.
    fn rate_in_name(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("query") else { return };
        let Some(text) = entry.node.as_str().filter(|text| is_known(text)) else { return };
        let name = ["metricName", "name"].into_iter().find_map(|key| trigger.entry(key));
        let Some((name, said)) = name.and_then(|name| Some((name, per(name.node.as_str()?)?))) else {
            return;
        };
        let Ok(expression) = parse(text, &Target::default()) else { return };
        let Some((seconds, span)) = rate_times(&expression.root).filter(|(seconds, _)| *seconds != said)
        else {
            return;
        };
        let word = |seconds: u32| if seconds == 1 { "second" } else { "minute" };
        let (is, named) = (word(seconds), word(said));
        let place = self.inside(&entry.node, text, span);
        let is_more = seconds > said;
        self.push(
            Finding::new(
                &COMMENT_DIFFERS,
                place,
                format!("the query gives a rate per {is}, and its name says per {named}"),
            )
            .related(self.place(&name.node), format!("per {named}"))
            .why(format!(
                "a threshold that is meant per {named} is reached at {} of it: pods come too {} by a factor of 60",
                if is_more { "a sixtieth" } else { "sixty times" },
                if is_more { "early" } else { "late" }
            ))
            .help(if is_more {
                "leave out `* 60`: `rate` is per second, whatever its window; or name it per minute, and write the threshold per minute"
            } else {
                "write `* 60` behind the rate; or name it per second, and write the threshold per second"
            }),
        );
    }
}

/// The comment lines right above a key, or the comment in its own line.
fn comment_above(text: &str, key: Span) -> Option<Span> {
    const MOST_LINES: usize = 3;
    let mut start = text.get(..key.start as usize)?.rfind('\n')? + 1;
    let end = start;
    for _ in 0..=MOST_LINES {
        let before = text[..start].strip_suffix('\n')?;
        let at = before.rfind('\n').map_or(0, |at| at + 1);
        if !before[at..].trim_start().starts_with('#') {
            return (start < end).then(|| Span::new(start, end - 1));
        }
        start = at;
    }
    None
}

/// The one number of a comment, where it says that pods are added above it.
fn limit(text: &str, at: Span) -> Option<(f64, Span)> {
    let comment = text.get(at.range())?;
    let lower = comment.to_ascii_lowercase();
    if ELSEWHERE.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let mut numbers = Vec::new();
    let mut from = 0;
    for part in lower.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '#')) {
        let start = from;
        from += part.len();
        let skipped = part.len() - part.trim_start_matches('>').len();
        let digits = &part[skipped..];
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            numbers.push((start + skipped, digits));
        } else if part.bytes().filter(u8::is_ascii_digit).count() > 1 && !part.starts_with('p') {
            return None;
        }
    }
    let [(start, digits)] = numbers.as_slice() else { return None };
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let number = digits[..end].trim_end_matches('.');
    let unit = digits[end..].trim_matches(|c: char| !c.is_alphanumeric() && c != '%');
    if !["", "%", "ms", "s", "k", "m", "rps", "qps"].contains(&unit)
        || digits[end..].starts_with([',', '-', ':'])
    {
        return None;
    }
    let before = lower[..*start].trim_end();
    let value = number.parse().ok()?;
    let span = Span::new(at.start as usize + start, at.start as usize + start + number.len());
    let is_above = ABOVE.iter().any(|word| {
        before
            .strip_suffix(word)
            .is_some_and(|rest| *word == ">" || rest.is_empty() || rest.ends_with([' ', '#', '\n']))
    });
    is_above.then_some((value, span))
}

/// The seconds over which a name says that it counts.
fn per(name: &str) -> Option<u32> {
    let name = name.to_lowercase().replace('-', "_");
    let words: Vec<&str> = name.split('_').collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let over = |list: &[&str]| words.windows(2).any(|pair| pair[0] == "per" && list.contains(&pair[1]));
    let is_second = has(&["rps", "qps"]) || over(&["second", "sec", "s"]);
    let is_minute = has(&["rpm"]) || over(&["minute", "min", "m"]);
    (is_second != is_minute).then_some(if is_second { 1 } else { 60 })
}

/// Over how many seconds a bare rate of events counts: 1, or 60 where it is taken times that.
fn rate_times(root: &Node) -> Option<(u32, Span)> {
    let mut node = root.bare();
    let mut seconds = 1;
    let mut place = None;
    loop {
        node = match &node.kind {
            Kind::Binary(binary) if binary.operator == Operator::Multiply && seconds == 1 => {
                let is_sixty =
                    |node: &Node| matches!(&node.bare().kind, Kind::Number(number) if number.value == 60.0);
                seconds = 60;
                place = Some(node.span);
                match (is_sixty(&binary.left), is_sixty(&binary.right)) {
                    (false, true) => binary.left.bare(),
                    (true, false) => binary.right.bare(),
                    _ => return None,
                }
            }
            Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "avg" | "max") => {
                aggregate.expression.bare()
            }
            Kind::Call(call) if matches!(call.function.name, "rate" | "irate") => {
                let Kind::Range(inner, _) = &call.arguments.first()?.bare().kind else { return None };
                let Kind::Selector(selector) = &inner.bare().kind else { return None };
                let metric = selector.metric()?;
                let is_time = ["seconds", "duration"].iter().any(|word| metric.contains(word));
                let is_plain = !is_time && !crate::lint::is_recorded(metric);
                return is_plain.then_some((seconds, place.unwrap_or(node.span)));
            }
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{limit, per};
    use crate::source::Span;

    #[test]
    fn knows_the_limit_of_a_comment() {
        for (text, value) in [
            ("# If mean lag is above 40 milliseconds, scale up!", Some(40.0)),
            ("# scale out when p95 exceeds 0.5 seconds", Some(0.5)),
            ("# >20 messages", Some(20.0)),
            ("# exceeds 40ms", Some(40.0)),
            ("# more than 2 pods above 40", None),
            ("# above 5 replicas", None),
            ("# 40 per pod", None),
            ("# above 2m30s", None),
            ("# above 1,000", None),
            ("# average over 5 minutes", None),
        ] {
            let found = limit(text, Span::new(0, text.len()));
            assert_eq!(found.map(|(value, _)| value), value, "{text}");
        }
        assert_eq!(per("http_requests_per_second"), Some(1));
        assert_eq!(per("api-rpm"), Some(60));
        assert_eq!(per("http_requests"), None);
    }
}

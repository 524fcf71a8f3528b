//! Selectors: what the matchers say of the labels.

use super::super::ast::*;
use super::super::regex;
use super::{Analysis, Empty, Label, Labels, MetricKind, Presence, Reason, Series, Unit, ValueType, shares};

impl<'e> Analysis<'e> {
    pub(super) fn selector(&mut self, index: usize, selector: &'e Selector) {
        let facts = self.facts;
        let span = self.nodes[index].node.span;
        let mut labels = Labels::any(span, "a series carries all labels of its target and of its metric");
        if let Some(known) = &facts.labels {
            labels.others = false;
            labels.why = "the scrape path and the exporter give no such label";
            for name in known {
                labels.named.push(Label {
                    name,
                    presence: Presence::Can,
                    value: None,
                    span,
                    why: "the scrape path or the exporter gives it",
                });
            }
        }
        for matcher in selector.matchers.iter().filter(|matcher| matcher.name != "__name__") {
            if let Some(label) = stated(matcher)
                && labels.get(label.name).presence != Presence::Must
            {
                labels.set(label);
            }
        }
        let varying = labels.others || labels.varying().next().is_some();
        let always = contradiction(selector).map(|(span, text)| Reason::new(span, text));
        let metric = selector.metric();
        let known = metric.and_then(|name| facts.metric(name));
        let info = &mut self.nodes[index];
        info.value_type = ValueType::Vector;
        info.labels = labels;
        info.is_same_series = !varying;
        if varying {
            info.series = Series::Many(Reason::new(span, "one series per pod, and per value of every label"));
        }
        info.unit = metric.and_then(Unit::of_series);
        if let (Some(known), Some(name)) = (known, metric)
            && name == known.name
        {
            info.unit = known.unit.or(info.unit);
        }
        let counts =
            metric.is_some_and(counts) || known.is_some_and(|known| known.kind == MetricKind::Counter);
        if counts {
            info.bounds.0 = 0.0;
        }
        if metric.is_some_and(shares::is_truth) {
            info.bounds = (0.0, 1.0);
        }
        info.empty = Empty { always, filtered: None, missing: true };
    }
}

/// Names of series that cannot be negative: counts, and sums of times and sizes.
fn counts(name: &str) -> bool {
    let sum = name.ends_with("_sum") && Unit::of_name(name).is_some();
    sum || ["_total", "_bucket", "_count"].iter().any(|suffix| name.ends_with(suffix))
}

/// What a matcher says of its label, if it says something.
fn stated(matcher: &Matcher) -> Option<Label<'_>> {
    let value = matcher.value.as_str();
    let literal = || !value.contains(['.', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|', '^', '$', '\\']);
    let (presence, fixed) = match matcher.operator {
        MatchOperator::Equal if value.is_empty() => (Presence::Cannot, None),
        MatchOperator::Equal => (Presence::Must, Some(value)),
        MatchOperator::NotEqual if value.is_empty() => (Presence::Must, None),
        MatchOperator::RegexMatch if value.is_empty() => (Presence::Cannot, None),
        MatchOperator::RegexMatch if literal() => (Presence::Must, Some(value)),
        MatchOperator::RegexMatch if !regex::matches_empty(value) => (Presence::Must, None),
        MatchOperator::RegexNotMatch if regex::matches_empty(value) => (Presence::Must, None),
        _ => return None,
    };
    let why = match presence {
        Presence::Cannot => "only series without it are selected",
        _ => "only series with it are selected",
    };
    Some(Label { name: &matcher.name, presence, value: fixed, span: matcher.span, why })
}

/// Matchers that are compared with each other.
const MOST_COMPARED: usize = 128;

/// Two matchers that no series can satisfy.
pub(super) fn contradiction(selector: &Selector) -> Option<(crate::source::Span, String)> {
    let matchers = &selector.matchers[..selector.matchers.len().min(MOST_COMPARED)];
    for (at, matcher) in matchers.iter().enumerate() {
        if matcher.operator != MatchOperator::Equal {
            continue;
        }
        for other in &matchers[..at] {
            let contradicts = other.name == matcher.name
                && match other.operator {
                    MatchOperator::Equal => other.value != matcher.value,
                    MatchOperator::NotEqual => other.value == matcher.value,
                    _ => false,
                };
            if contradicts {
                return Some((matcher.span, contradicts_text(matcher, other)));
            }
        }
        let later = matchers[at + 1..].iter().find(|other| {
            other.name == matcher.name
                && other.operator == MatchOperator::NotEqual
                && other.value == matcher.value
        });
        if let Some(other) = later {
            return Some((other.span, contradicts_text(other, matcher)));
        }
    }
    None
}

fn contradicts_text(matcher: &Matcher, other: &Matcher) -> String {
    let show =
        |matcher: &Matcher| format!("{}{}\"{}\"", matcher.name, matcher.operator.text(), matcher.value);
    format!("no series has `{}` and `{}`", show(other), show(matcher))
}

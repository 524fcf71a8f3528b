//! A trigger that counts a part of what another one counts, by the same measure: it can never ask for more pods.
//!
//! Source: kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, computeReplicasForMetrics: the metric that
//! asks for the most pods decides.

use super::cards::NO_EFFECT;
use super::{Checker, Trigger, View, is_known};
use crate::finding::Finding;
use crate::manifest::Node;
use crate::promql::ast::{Kind, MatchOperator, Matcher};
use crate::promql::{Target, parse};

/// `sum(rate(name{matchers}[range]))`: a sum of what is never below 0.
struct Sum {
    metric: String,
    function: &'static str,
    range: f64,
    matchers: Vec<Matcher>,
}

impl Checker<'_> {
    pub(super) fn narrower(&mut self, view: &View<'_>) {
        if view.has_formula() || self.is_job() {
            return;
        }
        for (at, trigger) in view.triggers.iter().enumerate() {
            let Some((sum, entry)) = sum(trigger).zip(trigger.entry("query")) else { continue };
            let is_wider =
                |(place, other): &(usize, &Trigger<'_>)| *place != at && is_covered(trigger, &sum, other);
            let Some((_, wider)) = view.triggers.iter().enumerate().find(is_wider) else { continue };
            let place = self.key(entry);
            let related = wider.entry("query").map_or(self.place(wider.node), |entry| self.key(entry));
            self.push(
                Finding::new(&NO_EFFECT, place, "this trigger never decides")
                    .related(related, "counts this, and more, by the same measure")
                    .why("the metric that asks for the most pods decides, and a part never asks for more than the whole")
                    .help("leave it out, give it a lower threshold, or ask for what it was meant to measure"),
            );
        }
    }
}

fn is_covered(trigger: &Trigger<'_>, narrow: &Sum, other: &Trigger<'_>) -> bool {
    let Some(wide) = sum(other) else { return false };
    let (Some(threshold), Some(of_wide)) = (trigger.number("threshold"), other.number("threshold")) else {
        return false;
    };
    let wakes = |trigger: &Trigger<'_>| match trigger.entry("activationThreshold") {
        Some(_) => trigger.number("activationThreshold"),
        None => Some(0.0),
    };
    let (Some(wakes_narrow), Some(wakes_wide)) = (wakes(trigger), wakes(other)) else { return false };
    let kind = |trigger: &Trigger<'_>| {
        trigger.node.get("metricType").and_then(Node::as_str).unwrap_or("AverageValue").to_string()
    };
    narrow.metric == wide.metric
        && narrow.function == wide.function
        && narrow.range == wide.range
        && threshold >= of_wide
        && wakes_narrow >= wakes_wide
        && kind(trigger) == kind(other)
        && trigger.value("serverAddress") == other.value("serverAddress")
        && trigger.value("namespace") == other.value("namespace")
        && wide.matchers.iter().all(|matcher| narrow.matchers.iter().any(|own| implies(own, matcher)))
        // One that is the same as another is a copy, of which either may go.
        && !narrow.matchers.iter().all(|matcher| wide.matchers.iter().any(|own| implies(own, matcher)))
}

/// Whether every series that the first lets through passes the second as well.
fn implies(own: &Matcher, other: &Matcher) -> bool {
    if own.name != other.name {
        return false;
    }
    if own.operator == other.operator && own.value == other.value {
        return true;
    }
    if own.operator != MatchOperator::Equal {
        return false;
    }
    let is_plain = !other.value.contains(['.', '*', '+', '?', '(', '[', '{', '\\', '^', '$']);
    let is_one = other.value.split('|').any(|word| word == own.value);
    match other.operator {
        MatchOperator::Equal => false,
        MatchOperator::NotEqual => own.value != other.value,
        MatchOperator::RegexMatch => is_plain && is_one,
        MatchOperator::RegexNotMatch => is_plain && !is_one,
    }
}

fn sum(trigger: &Trigger<'_>) -> Option<Sum> {
    let text = trigger.value("query").filter(|text| trigger.kind == "prometheus" && is_known(text))?;
    let expression = parse(&text, &Target::default()).ok()?;
    let Kind::Aggregate(aggregate) = &expression.root.bare().kind else { return None };
    let Kind::Call(call) = &aggregate.expression.bare().kind else { return None };
    if aggregate.operator != "sum"
        || aggregate.grouping_span.is_some()
        || !matches!(call.function.name, "rate" | "irate" | "increase")
    {
        return None;
    }
    let Kind::Range(inner, range) = &call.arguments.first()?.bare().kind else { return None };
    let Kind::Selector(selector) = &inner.bare().kind else { return None };
    let is_now = selector.modifiers.offset.is_none() && selector.modifiers.at.is_none();
    Some(Sum {
        metric: selector.name.clone().filter(|_| is_now)?,
        function: call.function.name,
        range: range.seconds()?,
        matchers: selector.matchers.clone(),
    })
}

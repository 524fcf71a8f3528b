//! Percentiles of several pods that are added up, or averaged.

use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::model::MetricType;
use crate::promql::ast::*;

impl Linter<'_> {
    /// `sum(histogram_quantile(…))`, `avg(x{quantile="0.95"})`: what many pods say of their own requests does not make
    /// the percentile of all.
    pub(super) fn percentiles(&mut self, aggregate: &Aggregate) {
        if !matches!(aggregate.operator, "sum" | "avg") {
            return;
        }
        let inner = aggregate.expression.bare();
        let (what, is_histogram) = match &inner.kind {
            Kind::Call(call) if call.function.name == "histogram_quantile" => {
                let Some(of) = call.arguments.get(1) else { return };
                if !are_several(of.bare(), aggregate) {
                    return;
                }
                (call.name_span, true)
            }
            Kind::Selector(selector) if is_of_summary(selector) && !names_one(selector, aggregate) => {
                (inner.span, false)
            }
            _ => return,
        };
        let is_sum = aggregate.operator == "sum";
        // The HPA divides such a sum by the number of pods again: what is left is the average.
        let is_average = !is_sum
            || self
                .context
                .scaler()
                .is_some_and(|scaler| scaler.metric_type == Some(MetricType::AverageValue));
        let verb = if is_sum { "added up" } else { "averaged" };
        let why = if is_average {
            "a pod with ten requests counts as much as one with a thousand: it is not the percentile of all requests, and may be far from it"
        } else {
            "it grows with the number of pods: ten pods with 0.2 s each are 2 s, and the more pods answer, the slower the service seems"
        };
        let help = if is_histogram {
            "add up the buckets first: `histogram_quantile(0.95, sum by (le) (rate(…_bucket[5m])))`"
        } else {
            "a summary cannot be put together again: write `max(…)` for the slowest pod, or measure a histogram"
        };
        let lint = Lint::new(
            &rules::PERCENTILES_ADDED,
            aggregate.operator_span,
            format!("the percentiles of several pods are {verb}"),
        )
        .severity(if is_average { Severity::Note } else { Severity::Warning })
        .related(what, "each series has a percentile of its own")
        .why(why)
        .help(help);
        self.push(lint);
    }
}

/// Whether buckets leave several series to each group of the aggregation around the quantile.
fn are_several(buckets: &Node, outer: &Aggregate) -> bool {
    match &buckets.kind {
        Kind::Aggregate(inner) if inner.without || outer.without => false,
        Kind::Aggregate(inner) => {
            inner.grouping.iter().any(|name| name != "le" && !outer.grouping.contains(name))
        }
        // Of which series there are, only the groups of the outer one tell.
        Kind::Call(call) => {
            super::histogram::RATES.contains(&call.function.name)
                && !outer.without
                && !outer.grouping.iter().any(|name| ["pod", "instance"].contains(&name.as_str()))
        }
        _ => false,
    }
}

fn is_of_summary(selector: &Selector) -> bool {
    selector
        .matchers
        .iter()
        .any(|matcher| matcher.name == "quantile" && matcher.operator == MatchOperator::Equal)
}

/// Whether there is one series of each group.
fn names_one(selector: &Selector, outer: &Aggregate) -> bool {
    let is_one = |name: &str| ["pod", "instance"].contains(&name);
    outer.without
        || outer.grouping.iter().any(|name| is_one(name))
        || selector
            .matchers
            .iter()
            .any(|matcher| matcher.operator == MatchOperator::Equal && is_one(&matcher.name))
}

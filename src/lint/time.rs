//! Moments and costs.

use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;

/// Points that a subquery may compute before it is worth a word in a scaler.
const MANY_POINTS: f64 = 500.0;
/// Points that no scaler should compute at every poll, and no rule at every evaluation.
const TOO_MANY_POINTS: f64 = 10_000.0;

impl Linter<'_> {
    /// `offset` and `@` of a selector or subquery.
    pub(super) fn modifiers(&mut self, index: usize, modifiers: &Modifiers) {
        if modifiers.offset.is_none() && modifiers.at.is_none() {
            return;
        }
        // The modifiers stand behind the brackets of the range around a selector.
        let info = &self.analysis.nodes[index];
        let around = info
            .parent
            .map(|parent| self.analysis.nodes[parent].node)
            .filter(|node| matches!(node.kind, Kind::Range(..)));
        let node = around.unwrap_or(info.node);
        let text = &self.text[node.span.range()];
        let base = node.span.start as usize;
        let tail = text.rfind(['}', ']']).unwrap_or(0);
        let from = |word: &str| {
            let at = text[tail..].to_ascii_lowercase().rfind(word).map(|at| base + tail + at);
            at.map(|at| crate::source::Span::new(at, node.span.end as usize))
        };
        if let Some(seconds) = modifiers.offset.as_ref().and_then(Duration::seconds)
            && seconds < 0.0
        {
            let span = from("offset").unwrap_or(node.span);
            let severity = if self.context.scaler().is_some() { Severity::Error } else { Severity::Warning };
            self.push(
                Lint::new(&rules::FUTURE, span, format!("the query looks {} into the future", super::repair::seconds(-seconds)))
                    .severity(severity)
                    .why("there are no samples yet: the window is partly empty, and the value too small: 0.79 where it is 1.4")
                    .help("leave `offset` out"),
            );
        }
        if let Some(At::Time(_)) = modifiers.at {
            let span = from("@").unwrap_or(node.span);
            self.push(
                Lint::new(&rules::FIXED_TIME, span, "the query looks at a fixed moment")
                    .why("its value never changes, whatever the load, until the samples expire and it is empty")
                    .help("leave `@ …` out"),
            );
        }
    }

    pub(super) fn subquery(&mut self, index: usize, subquery: &Subquery) {
        self.modifiers(index, &subquery.modifiers);
        let points = |subquery: &Subquery| {
            // Source: prometheus/prometheus config/config.go, DefaultGlobalConfig: evaluation_interval 1m.
            let default = self.context.facts.evaluation_interval.unwrap_or(60.0);
            let step = match &subquery.step {
                Some(step) => step.seconds()?,
                None => default,
            };
            Some(subquery.range.seconds()? / step)
        };
        let Some(own) = points(subquery).filter(|points| points.is_finite()) else { return };
        // Inside of other subqueries it is computed at each of their points.
        let outer: f64 = self
            .path_up(index)
            .filter_map(|above| match &self.analysis.nodes[above].node.kind {
                Kind::Subquery(subquery) => points(subquery),
                _ => None,
            })
            .filter(|points| points.is_finite())
            .product();
        let all = own * outer;
        let least = if self.context.scaler().is_some() { MANY_POINTS } else { TOO_MANY_POINTS };
        if all <= least {
            return;
        }
        let severity = if all > TOO_MANY_POINTS && self.context.scaler().is_some() {
            Severity::Error
        } else {
            Severity::Warning
        };
        let span =
            self.brackets(self.analysis.nodes[index].node).unwrap_or(self.analysis.nodes[index].node.span);
        let when = if self.context.scaler().is_some() { "at every poll" } else { "at every evaluation" };
        self.push(
            Lint::new(&rules::COSTLY_SUBQUERY, span, format!("the subquery computes {} points", all.round()))
                .severity(severity)
                .why(format!("Prometheus evaluates what is inside of it {} times {when}", all.round()))
                .help("make what is inside a recording rule, and take the function over its samples"),
        );
    }
}

//! Aggregations: sums of buckets, labels that are gone.

use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::promql::Presence;
use crate::promql::ast::*;
use crate::source::Span;

impl Linter<'_> {
    pub(super) fn aggregate(&mut self, index: usize, aggregate: &Aggregate) {
        if aggregate.operator == "quantile"
            && let Some(parameter) = &aggregate.parameter
        {
            self.quantile_range(self.analysis.nodes[index].children[1], parameter, false);
        }
        self.counted_states(aggregate);
        self.percentiles(aggregate);
        if aggregate.operator == "sum" {
            self.sum_of_buckets(index);
        }
        if let Some(span) = aggregate.grouping_span
            && !aggregate.without
        {
            let inner = self.analysis.nodes[index].children[0];
            self.grouped_by_old(inner, &aggregate.grouping, span);
            for name in &aggregate.grouping {
                self.dropped(inner, name, span, format!("`{name}` is gone before it is grouped by"));
            }
        }
    }

    /// Says that a label cannot be there, unless a matcher says so itself.
    pub(super) fn dropped(&mut self, inner: usize, name: &str, span: Span, message: String) {
        let label = self.analysis.nodes[inner].labels.get(name);
        if label.presence != Presence::Cannot {
            return;
        }
        let decided = self.analysis.below(inner).any(|at| match &self.analysis.nodes[at].node.kind {
            // The label is empty because a matcher wants it so, or the closed world of the scrape path says so.
            Kind::Selector(_) => self.analysis.nodes[at].node.span == label.span,
            _ => false,
        });
        let by_matcher = self.text[label.span.range()].contains(['=', '~'])
            && !self.text[label.span.range()].contains('(');
        let place = self.word(span, name);
        if by_matcher {
            return;
        }
        if decided {
            return self.no_such_label(
                place,
                name,
                "the result has no such label: everything falls into one group",
            );
        }
        let (why_span, why) = (label.span, label.why);
        self.push(
            Lint::new(&rules::DROPPED_LABEL, place, message)
                .label("no series has it here")
                .why("it splits nothing: the result is not what it looks like, and what is joined to it finds no partner")
                .related(why_span, why)
                .help(format!("keep `{name}` in the inner aggregation, or leave it out here")),
        );
    }

    /// A word in a list such as `by (a, b)`.
    pub(super) fn word(&self, list: Span, name: &str) -> Span {
        let text = &self.text[list.range()];
        let open = text.find('(').map_or(0, |at| at + 1);
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let mut from = open;
        while let Some(at) = text[from..].find(name) {
            let (start, end) = (from + at, from + at + name.len());
            let before = text[..start].chars().next_back().is_some_and(is_word);
            let after = text[end..].chars().next().is_some_and(is_word);
            if !before && !after {
                let base = list.start as usize;
                return Span::new(base + start, base + end);
            }
            from = end;
        }
        list
    }

    /// `sum(rate(x_bucket[…]))`: a request is in every bucket above it.
    fn sum_of_buckets(&mut self, index: usize) {
        let info = &self.analysis.nodes[index];
        if info.labels.can_have("le") {
            return;
        }
        let inner = self.analysis.below(info.children[0]);
        for at in inner {
            let node = &self.analysis.nodes[at].node;
            let Kind::Selector(selector) = &node.kind else { continue };
            let Some(base) = selector.name.as_deref().and_then(|name| name.strip_suffix("_bucket")) else {
                continue;
            };
            if selector.is_quoted || selector.matchers.iter().any(|matcher| matcher.name == "le") {
                continue;
            }
            // Whoever uses `le` up in between, or takes no sum of the values, is not meant.
            let mut inside = self.path_up(at).take_while(|above| *above != index);
            let used = inside.any(|above| match &self.analysis.nodes[above].node.kind {
                Kind::Call(call) => {
                    call.function.name.starts_with("histogram") || call.function.name.starts_with("count_")
                }
                Kind::Aggregate(aggregate) => {
                    aggregate.operator != "sum" || !self.analysis.nodes[above].labels.can_have("le")
                }
                _ => false,
            });
            let quantile = self.path_up(index).any(|above| match &self.analysis.nodes[above].node.kind {
                Kind::Call(call) => call.function.name.starts_with("histogram"),
                _ => false,
            });
            if used || quantile || super::is_recorded(base) {
                continue;
            }
            let (start, end) =
                (node.span.start as usize, node.span.start as usize + base.len() + "_bucket".len());
            let name = Span::new(start, end);
            self.push(
                Lint::new(&rules::SUM_OF_BUCKETS, name, "all buckets are summed up")
                    .label("one series for each upper bound, and each holds all the smaller ones")
                    .why("each request counts once for every bucket above it: 5.07 per second where there were 1.33")
                    .help(format!("write `{base}_count`, which counts each request once"))
                    .repair(true, format!("write `{base}_count`"), replace(name, format!("{base}_count"))),
            );
        }
    }
}

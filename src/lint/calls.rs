//! Calls: each function that has rules of its own.

use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::promql::ast::*;
use crate::source::Span;

impl Linter<'_> {
    pub(super) fn call(&mut self, index: usize, call: &Call) {
        match call.function.name {
            "histogram_quantile" => self.histogram_quantile(index, call),
            "quantile_over_time" => {
                self.quantile_range(self.analysis.nodes[index].children[0], &call.arguments[0], false);
            }
            "absent" | "absent_over_time" => self.absent(index, call),
            "rate" | "increase" | "irate" => {
                self.rate_of_aggregate(call);
                self.rate_of_gauge(call);
            }
            "changes" => self.changes_of_state(call),
            _ => {}
        }
        if call.function.name == "irate" && self.context.scaler().is_some() {
            self.push(
                Lint::new(&rules::IRATE, call.name_span, "`irate` looks at the last two samples alone")
                    .why("between two polls it may be anything: one burst of a second scales up, and its end scales down")
                    .help("write `rate`, which takes the whole window")
                    .repair(false, "write `rate`", replace(call.name_span, "rate")),
            );
        }
    }

    fn absent(&mut self, index: usize, call: &Call) {
        if self.context.scaler().is_none() {
            return;
        }
        // On the right side of a set operator it is a condition, not a value.
        let mut below = index;
        for above in self.path_up(index) {
            let info = &self.analysis.nodes[above];
            if let Kind::Binary(binary) = &info.node.kind
                && binary.operator.is_set()
                && info.children[1] == below
            {
                return;
            }
            below = above;
        }
        self.push(
            Lint::new(&rules::ABSENT_AS_VALUE, call.name_span, format!("`{}` is the value to scale by", call.function.name))
                .why("it is 1 while the metric is gone, and nothing while it is there: the workload is scaled by the opposite of its load")
                .help("scale by the metric itself; `absent(…)` belongs into an alert"),
        );
    }

    /// A rate of a subquery in which series have been added up already.
    fn rate_of_aggregate(&mut self, call: &Call) {
        let Kind::Subquery(subquery) = &call.arguments[0].bare().kind else { return };
        let inner = subquery.expression.bare();
        let name = call.function.name;
        let (span, what) = match &inner.kind {
            Kind::Aggregate(aggregate) => (aggregate.operator_span, format!("`{}`", aggregate.operator)),
            Kind::Binary(binary) if !binary.operator.is_set() => {
                (binary.operator_span, format!("`{}`", binary.operator.text()))
            }
            _ => return,
        };
        let lint = Lint::new(&rules::RATE_OF_AGGREGATE, call.name_span, format!("`{name}` is taken after {what}"))
            .label("it takes every fall for a restart")
            .why("when one pod restarts or goes away, the sum falls, and the whole remaining sum is counted as new: a burst that never happened")
            .related(span, "the counters are added up here");
        let lint = match &inner.kind {
            Kind::Aggregate(aggregate)
                if matches!(aggregate.expression.bare().kind, Kind::Selector(_))
                    && aggregate.parameter.is_none() =>
            {
                let modifiers = &subquery.modifiers;
                let plain = modifiers.offset.is_none() && modifiers.at.is_none();
                let head_end =
                    aggregate.grouping_span.filter(|span| span.end < aggregate.expression.span.start);
                let head = Span {
                    start: inner.span.start,
                    end: head_end.map_or(aggregate.operator_span.end, |span| span.end),
                };
                let head = self.text[head.range()].trim_end();
                let series = &self.text[aggregate.expression.bare().span.range()];
                let trailing = aggregate.grouping_span.is_some() && head_end.is_none();
                match subquery.range.seconds() {
                    Some(range) if plain && !trailing && range > 0.0 => {
                        let window = super::repair::seconds(range);
                        let whole = self.analysis_span(call);
                        let space = if head_end.is_some() { " " } else { "" };
                        let new = format!("{head}{space}({name}({series}[{window}]))");
                        lint.help(format!("write `{new}`")).repair(
                            true,
                            "take the rate first",
                            replace(whole, new),
                        )
                    }
                    _ => lint.help(format!("take the rate first: `{}({name}(…[5m]))`", aggregate.operator)),
                }
            }
            _ => lint.help(format!("take `{name}` of each counter first, then compute")),
        };
        self.push(lint);
    }

    /// The stretch of a whole call.
    fn analysis_span(&self, call: &Call) -> Span {
        let found = self.analysis.nodes.iter().find(|info| match &info.node.kind {
            Kind::Call(other) => std::ptr::eq(other, call),
            _ => false,
        });
        found.map_or(call.name_span, |info| info.node.span)
    }
}

//! Alerts on too few of something, which count what passes a comparison: where none passes there is no count.
//!
//! Source: prometheus/prometheus promql/engine.go, aggregation: no series in, no series out.

use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::promql::ast::*;

/// A count of what passes a comparison.
struct Counted {
    /// What the whole would come to if none were 0.
    zero: f64,
    /// The aggregation and the comparison in it.
    aggregate: usize,
    filter: usize,
}

impl Linter<'_> {
    /// `count(up == 1) < 2`: silent when all are down.
    pub(super) fn too_few(&mut self, index: usize, binary: &Binary) {
        let info = &self.analysis.nodes[index];
        if !self.context.is_alert() || !binary.operator.is_comparison() || info.empty.always.is_some() {
            return;
        }
        // Something stands in for what is not there.
        let stands_in = |kind: &Kind| matches!(kind, Kind::Binary(outer) if outer.operator == Operator::Or);
        if binary.returns_bool || self.analysis.ancestors(index).any(|above| stands_in(&above.node.kind)) {
            return;
        }
        let Some(counted) = self.counted(info.children[0]) else { return };
        let holds = match (binary.operator, self.analysis.nodes[info.children[1]].constant) {
            (Operator::Less, Some(limit)) => counted.zero < limit,
            (Operator::LessEqual, Some(limit)) => counted.zero <= limit,
            (Operator::NotEqual, Some(limit)) => counted.zero != limit,
            // How many there are to be: never less than none.
            (Operator::Less | Operator::NotEqual, None) => counted.zero == 0.0,
            _ => false,
        };
        let (aggregate, filter) =
            (self.analysis.nodes[counted.aggregate].node, self.analysis.nodes[counted.filter].node);
        let (Kind::Aggregate(around), Kind::Binary(inner)) = (&aggregate.kind, &filter.kind) else { return };
        if !holds {
            return;
        }
        let operator = &self.text[inner.operator_span.range()];
        let edits =
            [replace(around.operator_span, "sum"), replace(inner.operator_span, format!("{operator} bool"))];
        let edits =
            edits.into_iter().flatten().filter(|(span, text)| self.text[span.range()] != *text).collect();
        let name = around.operator;
        self.push(
            Lint::new(&rules::SILENT_AT_NONE, binary.operator_span, "the alert is silent while none passes the inner comparison")
                .why(format!("without a series `{name}` gives nothing, not 0: it fires while some pass, and is silent when none does"))
                .related(inner.operator_span, "what does not pass is not counted as 0")
                .help("write `sum(… == bool …)`: it counts the same series, and gives 0 where none passes")
                .repair(true, "count with `bool`", edits),
        );
    }

    fn counted(&self, index: usize) -> Option<Counted> {
        let index = self.analysis.bare(index);
        let info = &self.analysis.nodes[index];
        match &info.node.kind {
            Kind::Aggregate(aggregate) => {
                let filter = self.analysis.bare(info.children[0]);
                let inner = &self.analysis.nodes[filter];
                let Kind::Binary(binary) = &inner.node.kind else { return None };
                let limit = self.analysis.nodes[inner.children[1]].constant?;
                let adds_ones =
                    aggregate.operator == "sum" && binary.operator == Operator::Equal && limit == 1.0;
                let counts = aggregate.operator == "count" || adds_ones;
                let filters = binary.operator.is_comparison() && !binary.returns_bool;
                (counts && filters).then_some(Counted { zero: 0.0, aggregate: index, filter })
            }
            Kind::Binary(binary) => {
                let constant = |which: usize| self.analysis.nodes[info.children[which]].constant;
                match (binary.operator, constant(0), constant(1)) {
                    (Operator::Multiply, Some(_), _) => {
                        self.counted(info.children[1]).filter(|inner| inner.zero == 0.0)
                    }
                    // A part of the whole.
                    (Operator::Multiply | Operator::Divide, None, _) => {
                        self.counted(info.children[0]).filter(|inner| inner.zero == 0.0)
                    }
                    (Operator::Add, None, Some(value)) => self
                        .counted(info.children[0])
                        .map(|inner| Counted { zero: inner.zero + value, ..inner }),
                    (Operator::Subtract, None, Some(value)) => self
                        .counted(info.children[0])
                        .map(|inner| Counted { zero: inner.zero - value, ..inner }),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

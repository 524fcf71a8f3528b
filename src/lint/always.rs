//! Alerts that nothing holds back: every series of the query is an alert, whatever its value.
//!
//! Source: prometheus/prometheus rules/alerting.go, Eval: an alert for each sample of the result; its value decides nothing.

use super::matching::STATES;
use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::Unit;
use crate::promql::ast::*;
use crate::source::Span;

/// Parts of the names of gauges that may be there only while something is wrong, and are gone otherwise.
const SIGNS: [&str; 21] = [
    "alert",
    "complet",
    "condition",
    "degraded",
    "delet",
    "down",
    "error",
    "expire",
    "fail",
    "info",
    "label",
    "missing",
    "owner",
    "phase",
    "reason",
    "state",
    "status",
    "taint",
    "unhealthy",
    "unschedulable",
    "violation",
];

/// Functions whose result is there for every counter or histogram, 0 or not.
const GIVES_ZERO: [&str; 9] =
    ["rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets", "predict_linear"];

/// How a selector is read.
#[derive(Clone, Copy, PartialEq)]
enum Read {
    /// As it is: it may be there for a reason.
    Bare,
    /// Its values are added up or compared with each other: it is a measure.
    Measured,
    /// How much it grows.
    Grown,
}

impl Linter<'_> {
    /// An alert without a condition.
    pub(super) fn always_fires(&mut self) {
        let root = self.analysis.root();
        let names = self.analysis.metrics_below(0);
        // Numbers alone are a dead man's switch.
        if names.is_empty()
            || root.empty.always.is_some()
            || root.empty.filtered.is_some()
            || !self.is_there(0, Read::Bare)
        {
            return;
        }
        let index = self.analysis.bare(0);
        let outer = &self.analysis.nodes[index];
        let end = Span::at(root.node.span.end as usize);
        if let Kind::Binary(binary) = &outer.node.kind
            && binary.returns_bool
        {
            let operator = binary.operator.text();
            let behind = Span::new(binary.operator_span.start as usize, binary.right.span.start as usize);
            return self.push(
                Lint::new(
                    &rules::ALWAYS_FIRES,
                    binary.operator_span,
                    "the alert fires whether the comparison holds or not",
                )
                .severity(Severity::Error)
                .label("`bool` turns it into 0 or 1")
                .why("an alert fires for every series of its query, whatever the value: 0 as well as 1")
                .help(format!("leave `bool` out: `{operator}` alone keeps the series for which it holds"))
                .repair(false, "leave `bool` out", replace(behind, format!("{operator} "))),
            );
        }
        let span = outer.node.span;
        if !root.empty.missing {
            return self.push(
                Lint::new(&rules::ALWAYS_FIRES, span, "the alert always fires: the query gives a value whatever happens")
                    .severity(Severity::Error)
                    .why("an alert fires for every series of its query, whatever the value; this one is never empty")
                    .help("compare the whole with a limit: `(…) > 5`"),
            );
        }
        let is_known = |name: &&str| *name == "up" || STATES.contains(name);
        let lint = if names.iter().all(is_known) {
            let (what, state) =
                if names.contains(&"up") { ("target", "up or down") } else { ("object", "1 or 0") };
            Lint::new(
                &rules::ALWAYS_FIRES,
                span,
                format!("the alert fires for every {what}, {state}: nothing is compared"),
            )
            .severity(Severity::Error)
        } else {
            Lint::new(
                &rules::ALWAYS_FIRES,
                span,
                "the alert fires as soon as its series are there: nothing is compared",
            )
        };
        let lint = lint.why("an alert fires for every series of its query, whatever the value: it never ends while the metric is scraped");
        // What is meant by a bare `up` is known.
        let is_up = matches!(&outer.node.kind, Kind::Selector(selector) if selector.metric() == Some("up"));
        self.push(if is_up {
            let text = &self.text[span.range()];
            lint.help(format!("write `{text} == 0`")).repair(
                false,
                "write `== 0`",
                vec![(end, " == 0".to_string())],
            )
        } else {
            lint.help("compare it with a limit: `… > 5`")
        });
    }

    /// Whether a node surely has series while all is well, whose values are what counts.
    pub(super) fn measures(&self, index: usize) -> bool {
        self.is_there(index, Read::Measured)
    }

    /// Whether a node surely has series while all is well.
    fn is_there(&self, index: usize, read: Read) -> bool {
        let info = &self.analysis.nodes[index];
        let child = |which: usize, read: Read| self.is_there(info.children[which], read);
        match &info.node.kind {
            Kind::Number(_) => true,
            Kind::Text(_) => false,
            Kind::Selector(selector) => selector.metric().is_some_and(|name| is_measure(name, read)),
            Kind::Range(..) | Kind::Subquery(_) | Kind::Paren(_) | Kind::Unary(..) => child(0, read),
            Kind::Aggregate(aggregate) => match aggregate.operator {
                "sum" | "avg" | "min" | "max" | "quantile" | "stddev" | "stdvar" => {
                    child(0, read.max(Read::Measured))
                }
                "count" | "group" | "topk" | "bottomk" => child(0, read),
                _ => false,
            },
            Kind::Call(call) => {
                let name = call.function.name;
                let vectors: Vec<usize> = (0..info.children.len())
                    .filter(|which| {
                        let kind = self.analysis.nodes[info.children[*which]].value_type;
                        matches!(kind, ValueType::Vector | ValueType::Matrix)
                    })
                    .collect();
                let read = if GIVES_ZERO.contains(&name) || name.starts_with("histogram_") {
                    Read::Grown
                } else if name.ends_with("_over_time")
                    && !["count_over_time", "last_over_time", "present_over_time"].contains(&name)
                {
                    read.max(Read::Measured)
                } else {
                    read
                };
                !name.starts_with("absent") && vectors.iter().all(|which| child(*which, read))
            }
            Kind::Binary(binary) => match binary.operator {
                Operator::Or => child(0, read) || child(1, read),
                Operator::And | Operator::Unless => false,
                operator if operator.is_comparison() && !binary.returns_bool => false,
                // A partner by some labels is a filter as well.
                _ => {
                    binary.matching.is_none()
                        && child(0, read.max(Read::Measured))
                        && child(1, read.max(Read::Measured))
                }
            },
        }
    }
}

impl Read {
    fn max(self, other: Read) -> Read {
        if self == Read::Bare { other } else { self }
    }
}

/// Whether a metric has a value in good times as well.
fn is_measure(name: &str, read: Read) -> bool {
    if super::is_recorded(name) || name.is_empty() {
        return false;
    }
    let counts = ["_total", "_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix));
    if read == Read::Grown || counts || name == "up" || name.ends_with("_up") || STATES.contains(&name) {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let is_sign = SIGNS.iter().any(|word| lower.contains(word));
    !is_sign && (read == Read::Measured || Unit::of_series(name).is_some())
}

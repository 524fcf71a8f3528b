//! A comparison further inside, which leaves the whole query without a series.

use super::repair::replace;
use super::{Lint, Linter, Scaler, rules};
use crate::finding::Severity;
use crate::promql::ast::*;

/// What is made of the filtered series on the way out, and what a 0 in their place would come to.
struct Way {
    /// Whether a 0 in their place would mean something else than "nothing": a mean, a maximum.
    is_level: bool,
    /// What the query would give for no series at all, if that counted as 0.
    zero: Option<f64>,
    /// Whether the filter stands in a divisor.
    divides: bool,
    /// The count directly around the filter.
    count: Option<usize>,
}

impl Linter<'_> {
    pub(super) fn inner_filter(&mut self, scaler: &Scaler) {
        let root = self.analysis.root();
        if root.empty.always.is_some() {
            return;
        }
        let Some(reason) = root.empty.filtered.clone() else { return };
        let found = self.analysis.nodes.iter().position(|info| match &info.node.kind {
            Kind::Binary(binary) => binary.operator_span == reason.span && binary.operator.is_comparison(),
            _ => false,
        });
        let Some(index) = found else { return };
        let info = &self.analysis.nodes[index];
        let Kind::Binary(binary) = &info.node.kind else { return };
        let Some(limit) = self.analysis.nodes[info.children[1]].constant else { return };
        // `== 1` and the like choose series by their state.
        let chooses = matches!(binary.operator, Operator::Equal | Operator::NotEqual)
            || self.names(index).any(|name| name == "up" || name.starts_with("kube_"));
        let drops_nan = match binary.operator {
            Operator::GreaterEqual => limit <= 0.0,
            Operator::Greater => limit < 0.0,
            _ => false,
        };
        if binary.returns_bool || chooses || drops_nan {
            return;
        }
        let way = self.way_out(index);
        let lint = Lint::new(
            &rules::ROOT_FILTER,
            binary.operator_span,
            if way.divides {
                "the query gives nothing while the divisor is filtered out"
            } else {
                "the query gives nothing while no series passes the comparison"
            },
        );
        let is_above = matches!(binary.operator, Operator::Greater | Operator::GreaterEqual);
        let lint = if scaler.ignores_null_values() {
            match way.zero {
                _ if way.divides || limit == 0.0 => return,
                _ if way.is_level && is_above => lint
                    .why(format!("KEDA reads nothing as 0: up to {limit} the autoscaler sees 0, and never the values in between"))
                    .help("leave the comparison out: the threshold of the trigger decides when to scale"),
                Some(zero) if !way.is_level && zero != 0.0 => lint
                    .why(format!("KEDA reads nothing as 0, where {zero} is meant: an empty result stays empty, whatever is added to it"))
                    .help("make the count itself give 0: `sum(… > bool …)`, or `… or vector(0)` directly behind it"),
                _ => return,
            }
        } else if way.divides {
            let divisor = self.text[self.analysis.nodes[info.children[0]].node.span.range()].to_string();
            let lint = lint.help(if divisor.chars().count() > 48 {
                "write `(…) or (0 * …)`, with the divisor before its comparison".to_string()
            } else {
                format!("write `(…) or (0 * {divisor})`")
            });
            if scaler.has_fallback {
                lint.severity(Severity::Note).why(
                    "KEDA takes that for an error: after a few polls without traffic the fallback decides",
                )
            } else {
                lint.why("KEDA takes that for an error: without traffic every poll fails, and the workload stays as large as it is")
            }
        } else {
            let lint = lint.why(if scaler.has_fallback {
                "KEDA takes that for an error: after a few quiet polls the fallback decides, and the workload is never scaled in below it"
            } else {
                "KEDA takes that for an error: while all is quiet every poll fails, and the workload stays as large as it is"
            });
            match way.count {
                Some(count) => {
                    let Kind::Aggregate(aggregate) = &self.analysis.nodes[count].node.kind else { return };
                    let operator = &self.text[binary.operator_span.range()];
                    let edits = [
                        replace(aggregate.operator_span, "sum"),
                        replace(binary.operator_span, format!("{operator} bool")),
                    ];
                    lint.help(
                        "write `sum(… > bool …)`: it counts the same series, and gives 0 where none passes",
                    )
                    .repair(
                        true,
                        "count with `bool`",
                        edits.into_iter().flatten().collect(),
                    )
                }
                None => {
                    lint.help("write `(…) or (0 * …)`, with a series that is there whenever the metric is")
                }
            }
        };
        self.push(lint);
    }

    fn names(&self, index: usize) -> impl Iterator<Item = &str> {
        self.analysis.below(index).filter_map(|at| match &self.analysis.nodes[at].node.kind {
            Kind::Selector(selector) => selector.name.as_deref(),
            _ => None,
        })
    }

    fn way_out(&self, from: usize) -> Way {
        let mut way = Way { is_level: true, zero: None, divides: false, count: None };
        let mut at = from;
        let mut is_direct = true;
        while let Some(parent) = self.analysis.nodes[at].parent {
            let info = &self.analysis.nodes[parent];
            match &info.node.kind {
                Kind::Paren(_) => {
                    at = parent;
                    continue;
                }
                Kind::Aggregate(aggregate) => {
                    let adds = matches!(aggregate.operator, "sum" | "count");
                    if is_direct && aggregate.operator == "count" && aggregate.grouping_span.is_none() {
                        way.count = Some(parent);
                    }
                    if adds {
                        (way.is_level, way.zero) = (false, Some(0.0));
                    } else if way.zero.is_none() {
                        way.is_level = true;
                    }
                }
                Kind::Binary(binary) => {
                    let left = info.children[0] == at;
                    let other = self.analysis.nodes[info.children[usize::from(left)]].constant;
                    way.divides |= binary.operator == Operator::Divide && !left && other.is_none();
                    way.zero = way.zero.zip(other).and_then(|(zero, other)| {
                        let (one, two) = if left { (zero, other) } else { (other, zero) };
                        match binary.operator {
                            Operator::Add => Some(one + two),
                            Operator::Subtract => Some(one - two),
                            Operator::Multiply => Some(one * two),
                            Operator::Divide if two != 0.0 => Some(one / two),
                            _ => None,
                        }
                    });
                    if other.is_none() {
                        way.is_level = false;
                    }
                }
                Kind::Call(call) => {
                    let constant = |which: usize| {
                        info.children.get(which).and_then(|child| self.analysis.nodes[*child].constant)
                    };
                    way.zero = way.zero.and_then(|zero| match call.function.name {
                        "ceil" | "floor" | "round" | "abs" => Some(zero),
                        "clamp_min" => Some(zero.max(constant(1)?)),
                        "clamp_max" => Some(zero.min(constant(1)?)),
                        "clamp" => Some(zero.max(constant(1)?).min(constant(2)?)),
                        _ => None,
                    });
                }
                _ => {
                    way.zero = None;
                    way.is_level = false;
                }
            }
            is_direct = false;
            at = parent;
        }
        way
    }
}

//! Aggregations: they drop labels, and fold series into one.

use super::super::ast::*;
use super::{Analysis, Base, Label, Labels, Presence, Reason, Series, Unit, ValueType, shares};

impl<'e> Analysis<'e> {
    pub(super) fn aggregate(&mut self, index: usize, aggregate: &'e Aggregate) {
        self.inherit(index, 0);
        let span = aggregate.grouping_span.unwrap_or(aggregate.operator_span);
        let parameter = match self.nodes[index].children.as_slice() {
            [_, parameter, ..] => self.nodes[*parameter].constant,
            _ => None,
        };
        let keeps_series = matches!(aggregate.operator, "topk" | "bottomk" | "limitk" | "limit_ratio");
        let inner_is_one = self.nodes[index].series == Series::One;
        let inner_is_same = self.nodes[index].is_same_series;
        let groups = group(&self.nodes[index].labels, aggregate, span);
        let info = &mut self.nodes[index];
        info.value_type = ValueType::Vector;
        info.constant = None;
        let varying = groups.others || groups.varying().next().is_some();
        if keeps_series {
            // One per group; the group is one where no label can tell groups apart.
            let first = aggregate.operator != "limit_ratio" && parameter.is_some_and(|count| count < 2.0);
            if !inner_is_one && (!first || varying) {
                let text = format!("`{}` keeps several series", aggregate.operator);
                info.series = Series::Many(Reason::new(span, text));
            } else {
                info.series = Series::One;
            }
            info.is_same_series = inner_is_same;
            return;
        }
        info.labels = groups;
        if aggregate.operator == "count_values" {
            if let Some(Kind::Text(name)) =
                aggregate.parameter.as_ref().map(|parameter| &parameter.bare().kind)
            {
                let dropped = aggregate.without && aggregate.grouping.contains(name);
                info.labels.set(Label {
                    name,
                    presence: if dropped { Presence::Cannot } else { Presence::Must },
                    value: None,
                    span,
                    why: "`count_values` writes it",
                });
            }
            info.series = Series::Many(Reason::new(span, "`count_values` gives one series per value"));
            info.is_same_series = false;
            (info.unit, info.bounds) = (Some(Unit::level(Base::Events)), (1.0, f64::INFINITY));
            info.nan = None;
            return;
        }
        info.is_same_series = !varying;
        info.series = if !varying || inner_is_one {
            Series::One
        } else {
            Series::Many(Reason::new(span, kept(&info.labels, aggregate)))
        };
        if varying && inner_is_one {
            info.is_same_series = inner_is_same;
        }
        values(info, aggregate.operator);
        if aggregate.operator == "quantile" && !parameter.is_some_and(|value| (0.0..=1.0).contains(&value)) {
            info.bounds = (f64::NEG_INFINITY, f64::INFINITY);
            info.is_nonzero = false;
            info.is_always_nan |= parameter.is_some();
            info.nan = Some(Reason::new(aggregate.operator_span, "a quantile outside of 0 to 1 is infinite"));
        }
    }
}

/// Unit, bounds and NaN of what an aggregation gives.
fn values(info: &mut super::Info<'_>, operator: &str) {
    let (low, high) = info.bounds;
    let one_sign = low >= 0.0 || high <= 0.0;
    match operator {
        "sum" => {
            info.bounds = (
                if low >= 0.0 { low } else { f64::NEG_INFINITY },
                if high <= 0.0 { high } else { f64::INFINITY },
            );
            info.is_nonzero &= one_sign;
        }
        "count" => {
            (info.bounds, info.unit, info.is_nonzero) =
                ((1.0, f64::INFINITY), Some(Unit::level(Base::Events)), true);
            info.nan = None;
        }
        "group" => {
            (info.bounds, info.unit, info.is_nonzero) = ((1.0, 1.0), None, true);
            info.nan = None;
        }
        "stddev" | "stdvar" => {
            info.bounds = (0.0, f64::INFINITY);
            info.is_nonzero = false;
            if operator == "stdvar" {
                info.unit = None;
            }
        }
        // avg, min, max, quantile: between the lowest and the highest.
        _ => {
            info.is_nonzero &= one_sign;
            shares::of_time(info);
        }
    }
}

/// The labels of the groups.
fn group<'e>(inner: &Labels<'e>, aggregate: &'e Aggregate, span: crate::source::Span) -> Labels<'e> {
    if aggregate.without {
        let mut labels = inner.clone();
        for name in &aggregate.grouping {
            labels.remove(name, span, "`without` drops it");
        }
        return labels;
    }
    let why = if aggregate.grouping_span.is_some() {
        "`by` keeps only the labels it names"
    } else {
        "without `by`, all labels are dropped"
    };
    let mut labels = Labels::none(span, why);
    for name in &aggregate.grouping {
        let known = inner.get(name);
        let value = inner.named.iter().find(|label| label.name == name).and_then(|label| label.value);
        let (span, why) = match known.presence {
            Presence::Cannot => (known.span, known.why),
            _ => (span, "`by` keeps it"),
        };
        labels.set(Label { name, presence: known.presence, value, span, why });
    }
    labels
}

/// Why there can be several groups, in words.
fn kept(labels: &Labels<'_>, aggregate: &Aggregate) -> String {
    if aggregate.without && labels.others {
        return "`without` keeps every label that is not named here".to_string();
    }
    let names: Vec<String> = labels.varying().map(|label| format!("`{}`", label.name)).collect();
    format!("one series per value of {}", names.join(" and "))
}

//! Functions: what they keep, what they drop, what they make of the values.

use super::super::ast::*;
use super::{
    Analysis, Base, Empty, Info, Label, Labels, MetricKind, Presence, Reason, Series, Unit, facts, shares,
};

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);

impl<'e> Analysis<'e> {
    pub(super) fn call(&mut self, index: usize, call: &'e Call) {
        let name = call.function.name;
        let samples = call
            .arguments
            .iter()
            .position(|argument| matches!(argument.value_type(), ValueType::Vector | ValueType::Matrix));
        let Some(samples) = samples else {
            return self.without_samples(index, call);
        };
        self.inherit(index, samples);
        let info = &mut self.nodes[index];
        info.value_type = call.function.returns;
        info.constant = None;
        match name {
            "absent" | "absent_over_time" => return self.absent(index, call),
            "scalar" => return self.scalar(index, call),
            "label_replace" | "label_join" => {
                if let Some(Kind::Text(label)) = call.arguments.get(1).map(|label| &label.bare().kind) {
                    let why = "the function writes it";
                    let span = call.name_span;
                    info.labels.set(Label { name: label, presence: Presence::Can, value: None, span, why });
                    info.is_same_series &= info.series == Series::One && !info.labels.others;
                }
            }
            "info" => {
                info.labels.others = true;
                (info.labels.span, info.labels.why) = (call.name_span, "`info` adds labels");
            }
            "histogram_quantile" | "histogram_quantiles" => return self.quantile(index, call),
            "histogram_fraction" => {
                self.drop_le(index, call, samples);
                let info = &mut self.nodes[index];
                (info.unit, info.bounds, info.is_nonzero) =
                    (Some(Unit::level(Base::Ratio)), (0.0, 1.0), false);
                info.nan = Some(Reason::new(call.name_span, "a share of no observations is NaN"));
            }
            _ => {}
        }
        self.values(index, call);
    }

    /// Functions of no series: numbers, and the calendar of now.
    fn without_samples(&mut self, index: usize, call: &'e Call) {
        let name = call.function.name;
        let argument = self.nodes[index].children.first().map(|child| self.nodes[*child].clone());
        let info = &mut self.nodes[index];
        info.value_type = call.function.returns;
        match name {
            "vector" => {
                info.labels = Labels::none(call.name_span, "`vector` has no labels");
                if let Some(argument) = argument {
                    (info.unit, info.bounds, info.constant) =
                        (argument.unit, argument.bounds, argument.constant);
                    (info.is_nonzero, info.nan) = (argument.is_nonzero, argument.nan);
                    info.is_always_nan = argument.is_always_nan;
                }
            }
            "time" => {
                (info.unit, info.bounds, info.is_nonzero) = (Some(Unit::level(Base::Seconds)), POSITIVE, true)
            }
            "pi" => {
                info.constant = Some(std::f64::consts::PI);
                info.bounds = (std::f64::consts::PI, std::f64::consts::PI);
                info.is_nonzero = true;
            }
            _ => info.bounds = calendar(name).unwrap_or(ANY),
        }
    }

    /// 1 with the labels of its equality matchers, while there is nothing.
    fn absent(&mut self, index: usize, call: &'e Call) {
        let info = &mut self.nodes[index];
        let why = "`absent` keeps the labels of equality matchers alone";
        let mut labels = Labels::none(call.name_span, why);
        if let Some(Kind::Selector(selector)) = call.arguments.first().map(selector_of) {
            for matcher in &selector.matchers {
                if matcher.operator == MatchOperator::Equal && !matcher.value.is_empty() {
                    labels.set(Label {
                        name: &matcher.name,
                        presence: Presence::Can,
                        value: Some(&matcher.value),
                        span: matcher.span,
                        why,
                    });
                }
            }
        }
        info.labels = labels;
        (info.series, info.is_same_series) = (Series::One, true);
        (info.unit, info.bounds, info.is_nonzero, info.nan) = (None, (1.0, 1.0), true, None);
        let filtered = Reason::new(call.name_span, "`absent` gives nothing while the series are there");
        info.empty = Empty { always: None, filtered: Some(filtered), missing: false };
    }

    fn scalar(&mut self, index: usize, call: &'e Call) {
        let info = &mut self.nodes[index];
        let text = if info.series == Series::One {
            "`scalar` of no series is NaN"
        } else {
            "`scalar` of no series, or of several, is NaN"
        };
        if info.nan.is_none() && (info.empty.can_be() || info.series != Series::One) {
            info.nan = Some(Reason::new(call.name_span, text));
        }
        info.labels = Labels::none(call.name_span, "`scalar` drops all labels");
        (info.series, info.is_same_series, info.empty) = (Series::One, true, Empty::default());
    }

    /// A quantile folds the buckets of a histogram into one value.
    fn quantile(&mut self, index: usize, call: &'e Call) {
        let samples = usize::from(call.function.name == "histogram_quantile");
        let argument = self.nodes[index].children[samples];
        let positive = self.nodes[argument].bounds.0 > 0.0 || self.nodes[argument].is_nonzero;
        self.drop_le(index, call, samples);
        if call.function.name == "histogram_quantiles" {
            let info = &mut self.nodes[index];
            info.series = Series::Many(Reason::new(call.name_span, "one series per quantile"));
            info.is_same_series = false;
            (info.unit, info.bounds) = (None, ANY);
            return;
        }
        let quantile = self.operand(index, 0).constant;
        let metric = self.metrics_below(argument);
        let buckets = match metric.as_slice() {
            [first, rest @ ..] if rest.iter().all(|name| facts::family(name) == facts::family(first)) => {
                self.facts.buckets(first)
            }
            _ => None,
        };
        let partial = self.partial_buckets(argument);
        let unit = metric.first().and_then(|name| {
            let known = self.facts.metric(name).and_then(|metric| metric.unit);
            known.or_else(|| Unit::of_name(name))
        });
        let info = &mut self.nodes[index];
        info.unit = unit;
        info.is_nonzero = false;
        info.bounds = match buckets {
            // Interpolates from 0 below the first bound that is positive, and never above the last finite one.
            // Source: prometheus/prometheus promql/quantile.go, BucketQuantile.
            Some(bounds) => (bounds[0].min(0.0), bounds[bounds.len() - 1]),
            None if unit.is_some() => POSITIVE,
            None => ANY,
        };
        if quantile.is_some_and(|quantile| !(0.0..=1.0).contains(&quantile)) {
            info.bounds = ANY;
            info.nan = Some(Reason::new(call.arguments[0].span, "a quantile outside of 0 to 1 is infinite"));
            info.is_always_nan = true;
        } else if let Some(reason) = partial {
            (info.nan, info.is_always_nan) = (Some(reason), true);
        } else if !positive {
            info.nan = Some(Reason::new(call.name_span, "a quantile of no observations is NaN"));
        } else {
            info.nan = None;
        }
    }

    /// What functions of histograms do to labels: `le` is used up; where it cannot be there, there is no result.
    fn drop_le(&mut self, index: usize, call: &'e Call, samples: usize) {
        let argument = self.nodes[index].children[samples];
        let metrics = self.metrics_below(argument);
        let le = self.nodes[argument].labels.get("le");
        let (presence, span, why) = (le.presence, le.span, le.why);
        let classic = |name: &&str| self.is_classic(name);
        let is_classic = !metrics.is_empty() && metrics.iter().all(classic);
        let info = &mut self.nodes[index];
        if presence == Presence::Cannot && (is_classic || metrics.is_empty()) {
            info.empty.always.get_or_insert(Reason::new(span, format!("`le` is gone: {why}")));
        } else if let Some(name) = metrics.first()
            && metrics.iter().all(|name| !name.ends_with("_bucket"))
            && is_classic
        {
            let text = format!("`{name}` has no buckets");
            info.empty.always.get_or_insert(Reason::new(call.name_span, text));
        } else if presence == Presence::Cannot
            || presence == Presence::Can && metrics.iter().any(|name| !name.ends_with("_bucket"))
        {
            let text = "nothing is left of series that have no `le`, unless they are native histograms";
            info.empty.filtered.get_or_insert(Reason::new(call.name_span, text));
        }
        info.labels.remove("le", call.name_span, "the function uses it up");
        let varying = info.labels.others || info.labels.varying().next().is_some();
        if !varying {
            (info.series, info.is_same_series) = (Series::One, true);
        } else if info.series != Series::One {
            let names: Vec<String> = info.labels.varying().map(|label| format!("`{}`", label.name)).collect();
            if !info.labels.others && !names.is_empty() {
                let text = format!("one result per value of {}", names.join(" and "));
                let span = info.labels.varying().next().map_or(info.labels.span, |label| label.span);
                info.series = Series::Many(Reason::new(span, text));
            }
        }
    }

    /// A matcher that takes the bucket `+Inf` away, or all others, from a quantile.
    fn partial_buckets(&self, index: usize) -> Option<Reason> {
        self.nodes[self.below(index)].iter().find_map(|info| {
            let Kind::Selector(selector) = &info.node.kind else { return None };
            let partial = selector.matchers.iter().find(|matcher| matcher.takes_buckets_away())?;
            Some(Reason::new(partial.span, "a quantile without the bucket `+Inf`, or of it alone, is NaN"))
        })
    }

    /// Whether a series is a plain number: no native histogram.
    fn is_classic(&self, name: &str) -> bool {
        match self.facts.metric(name) {
            Some(metric) => metric.kind != MetricKind::NativeHistogram,
            None => ["_bucket", "_count", "_sum", "_total"].iter().any(|suffix| name.ends_with(suffix)),
        }
    }

    /// Names of the metrics in a node, without those that only filter.
    pub fn metrics_below(&self, index: usize) -> Vec<&'e str> {
        let nodes = &self.nodes[self.below(index)];
        let names = nodes.iter().filter_map(|info| match &info.node.kind {
            Kind::Selector(selector) => Some(selector.metric().unwrap_or("")),
            _ => None,
        });
        names.collect()
    }

    /// Unit and bounds of functions that work on each series for itself.
    fn values(&mut self, index: usize, call: &'e Call) {
        let constant = |which: usize| -> Option<f64> {
            self.nodes[index].children.get(which).and_then(|child| self.nodes[*child].constant)
        };
        let (first, second, third) = (constant(0), constant(1), constant(2));
        // A limit that is NaN or infinite.
        let limits =
            self.nodes[index].children.iter().skip(1).find_map(|child| self.nodes[*child].nan.clone());
        let info = &mut self.nodes[index];
        let (low, high) = info.bounds;
        let name = call.function.name;
        if name.starts_with("clamp") && info.nan.is_none() {
            info.nan = limits;
        }
        match name {
            "rate" | "irate" => {
                info.unit =
                    info.unit.filter(|unit| !unit.per_second).map(|unit| Unit { per_second: true, ..unit });
                (info.bounds, info.is_nonzero) = (grown(low), false);
                info.bounds.1 = shares::most(call).unwrap_or(info.bounds.1);
            }
            "increase" => {
                (info.bounds, info.is_nonzero) = (grown(low), false);
                info.bounds.1 = shares::most(call).unwrap_or(info.bounds.1);
            }
            "deriv" => {
                info.unit =
                    info.unit.filter(|unit| !unit.per_second).map(|unit| Unit { per_second: true, ..unit });
                (info.bounds, info.is_nonzero) = (ANY, false);
            }
            "delta" | "idelta" | "predict_linear" | "double_exponential_smoothing" | "histogram_sum" => {
                (info.bounds, info.is_nonzero) = (ANY, false);
            }
            "changes" | "resets" | "histogram_count" => {
                (info.unit, info.bounds, info.is_nonzero) =
                    (Some(Unit::level(Base::Events)), POSITIVE, false);
                info.nan = None;
            }
            "histogram_avg" | "histogram_stddev" | "histogram_stdvar" => {
                (info.bounds, info.is_nonzero) = (ANY, false);
                info.nan = Some(Reason::new(call.name_span, "a mean of no observations is NaN"));
            }
            "count_over_time" => count(info),
            "present_over_time" => {
                (info.unit, info.bounds, info.is_nonzero, info.nan) = (None, (1.0, 1.0), true, None);
            }
            "sum_over_time" => {
                info.bounds = (if low >= 0.0 { low } else { ANY.0 }, if high <= 0.0 { high } else { ANY.1 });
                info.is_nonzero &= low >= 0.0 || high <= 0.0;
            }
            "stddev_over_time" | "mad_over_time" | "stdvar_over_time" => {
                (info.bounds, info.is_nonzero) = (POSITIVE, false);
                info.unit = info.unit.filter(|_| name != "stdvar_over_time");
            }
            "quantile_over_time" if first.is_some_and(|quantile| !(0.0..=1.0).contains(&quantile)) => {
                info.bounds = ANY;
                info.nan =
                    Some(Reason::new(call.arguments[0].span, "a quantile outside of 0 to 1 is infinite"));
                info.is_always_nan = true;
            }
            "quantile_over_time" | "avg_over_time" => info.is_nonzero &= low >= 0.0 || high <= 0.0,
            "timestamp"
            | "ts_of_min_over_time"
            | "ts_of_max_over_time"
            | "ts_of_last_over_time"
            | "ts_of_first_over_time" => {
                (info.unit, info.bounds) = (Some(Unit::level(Base::Seconds)), POSITIVE);
                (info.is_nonzero, info.nan) = (true, None);
            }
            "abs" => {
                let floor = if low > 0.0 { low } else { 0.0 };
                info.bounds = (floor.max(-high), high.abs().max(low.abs()));
            }
            "clamp" => {
                if !matches!((second, third), (Some(least), Some(most)) if least <= most) {
                    // Source: prometheus/prometheus promql/functions.go, clamp: nothing where the limits cross.
                    let reason = Reason::new(call.name_span, "nothing is left where the limits cross");
                    info.empty.filtered.get_or_insert(reason);
                }
                clamp(info, second, third);
                if second.is_none() || third.is_none() {
                    (info.bounds, info.is_nonzero) = (ANY, false);
                }
            }
            "clamp_min" => {
                clamp(info, second, None);
                if second.is_none() {
                    (info.bounds.1, info.is_nonzero) = (f64::INFINITY, false);
                }
            }
            "clamp_max" => {
                clamp(info, None, second);
                if second.is_none() {
                    (info.bounds.0, info.is_nonzero) = (f64::NEG_INFINITY, false);
                }
            }
            "ceil" => info.bounds = (low.ceil(), high.ceil()),
            "floor" => {
                info.bounds = (low.floor(), high.floor());
                info.is_nonzero = low >= 1.0;
            }
            "round" => {
                let step = second.unwrap_or(1.0).abs();
                info.bounds = (low - step / 2.0, high + step / 2.0);
                if low >= 0.0 {
                    info.bounds.0 = 0.0;
                }
                info.is_nonzero = low >= step;
            }
            "exp" if high > 700.0 => {
                info.nan.get_or_insert(Reason::new(call.name_span, "`exp` grows beyond all numbers"));
                (info.unit, info.bounds, info.is_nonzero) = (None, POSITIVE, false);
            }
            "exp" => (info.unit, info.bounds, info.is_nonzero) = (None, POSITIVE, false),
            "sqrt" => {
                info.unit = None;
                if low < 0.0 && info.nan.is_none() {
                    info.nan = Some(Reason::new(call.name_span, "the root of a negative number is NaN"));
                }
                info.bounds = (low.max(0.0).sqrt(), high.max(0.0).sqrt());
            }
            "ln" | "log2" | "log10" => {
                if low <= 0.0 && info.nan.is_none() {
                    info.nan = Some(Reason::new(call.name_span, "the logarithm of 0 is infinite"));
                }
                (info.unit, info.bounds, info.is_nonzero) = (None, ANY, false);
            }
            "sgn" | "sin" | "cos" | "tanh" => {
                (info.unit, info.bounds) = (None, (-1.0, 1.0));
                info.is_nonzero &= name == "sgn";
            }
            "deg" | "rad" | "tan" | "sinh" | "cosh" | "asin" | "acos" | "atan" | "asinh" | "acosh"
            | "atanh" => {
                (info.unit, info.bounds, info.is_nonzero) = (None, ANY, false);
            }
            _ => {
                if let Some(bounds) = calendar(name) {
                    (info.unit, info.bounds, info.is_nonzero) = (None, bounds, bounds.0 > 0.0);
                }
            }
        }
    }
}

/// Bounds of what has grown: a counter never falls, a gauge below 0 does.
fn grown(low: f64) -> (f64, f64) {
    if low >= 0.0 { POSITIVE } else { ANY }
}

fn count(info: &mut Info<'_>) {
    (info.unit, info.bounds) = (Some(Unit::level(Base::Events)), (1.0, f64::INFINITY));
    (info.is_nonzero, info.nan) = (true, None);
}

fn clamp(info: &mut Info<'_>, least: Option<f64>, most: Option<f64>) {
    let (least, most) = (least.filter(|least| !least.is_nan()), most.filter(|most| !most.is_nan()));
    if let Some(least) = least {
        info.bounds = (info.bounds.0.max(least), info.bounds.1.max(least));
    }
    if let Some(most) = most {
        info.bounds = (info.bounds.0.min(most), info.bounds.1.min(most));
    }
    info.is_nonzero = info.bounds.0 > 0.0 || info.bounds.1 < 0.0;
}

/// Lowest and highest value of the functions of the calendar.
fn calendar(name: &str) -> Option<(f64, f64)> {
    Some(match name {
        "minute" => (0.0, 59.0),
        "hour" => (0.0, 23.0),
        "day_of_week" => (0.0, 6.0),
        "day_of_month" => (1.0, 31.0),
        "days_in_month" => (28.0, 31.0),
        "day_of_year" => (1.0, 366.0),
        "month" => (1.0, 12.0),
        "year" => (1970.0, f64::INFINITY),
        _ => return None,
    })
}

/// The kind of what stands in a range, or of the node itself.
fn selector_of(node: &Node) -> &Kind {
    match &node.bare().kind {
        Kind::Range(inner, _) => &inner.bare().kind,
        kind => kind,
    }
}

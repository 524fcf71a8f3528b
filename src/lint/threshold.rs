//! The value against its threshold.

use super::{Lint, Linter, Scaler, rules};
use crate::finding::Severity;
use crate::model::MetricType;
use crate::promql::ast::*;
use crate::promql::{Base, Expression, Unit};

/// Parts of the names of gauges that say how much there is in all.
const TOTALS: [&str; 20] = [
    "queue",
    "backlog",
    "pending",
    "lag",
    "messages",
    "jobs",
    "tasks",
    "waiting",
    "length",
    "depth",
    "size",
    "count",
    "total",
    "replicas",
    "desired",
    "connections",
    "sessions",
    "requests",
    "in_flight",
    "inflight",
];

/// `avg(rate(…))`: the load of one pod, where the load of all was to be divided.
fn mean_of_rates(expression: &Expression) -> bool {
    let Kind::Aggregate(aggregate) = &expression.root.bare().kind else { return false };
    let Kind::Call(call) = &aggregate.expression.bare().kind else { return false };
    aggregate.operator == "avg" && matches!(call.function.name, "rate" | "irate" | "increase")
}

fn word(operator: &str) -> &'static str {
    match operator {
        "max" => "maximum",
        "min" => "minimum",
        _ => "quantile",
    }
}

impl Linter<'_> {
    /// Everything about the value that is compared with the threshold of a trigger.
    pub(super) fn threshold(&mut self, expression: &Expression) {
        self.idle_and_gone();
        let Some(scaler) = self.context.scaler() else { return };
        if self.analysis.root().value_type != ValueType::Vector {
            return;
        }
        self.metric_type(expression, scaler);
        let Some(threshold) = scaler.threshold.filter(|threshold| threshold.is_finite()) else {
            return self.units(scaler, None);
        };
        self.resolution(threshold);
        let before = self.found.len();
        self.units(scaler, Some(threshold));
        if self.found.len() == before {
            self.unreachable(threshold);
        }
    }

    /// A level divided by pods, or a total that is not.
    fn metric_type(&mut self, expression: &Expression, scaler: &Scaler) {
        let Some(metric_type) = scaler.metric_type else { return };
        let Some(shape) = expression.shape() else {
            if metric_type == MetricType::AverageValue {
                self.extreme(expression);
            }
            return;
        };
        let lint = match (shape.is_level, metric_type) {
            (true, MetricType::AverageValue) => {
                let high = self.analysis.root().bounds.1;
                let mut severity = Severity::Warning;
                let why = match scaler.threshold {
                    // Source: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go,
                    // GetExternalPerPodMetricReplicas: the value by the target, rounded up.
                    Some(threshold) if high.is_finite() && threshold > 0.0 && threshold < high => {
                        severity = Severity::Error;
                        format!(
                            "the HPA divides the value by the number of pods: it is at most {high}, so that with a threshold of {threshold} never more than {} pods are asked for, whatever the maximum",
                            (high / threshold - 1e-9).ceil()
                        )
                    }
                    Some(threshold) => format!(
                        "the HPA divides the value by the number of pods: a value above {threshold} asks for 2 pods, above {} for 3, and so on, and as it falls they go again: they do not bring it to the threshold",
                        multiple(threshold, 2.0)
                    ),
                    None => "the HPA divides the value by the number of pods: the more pods there are, the better it looks".to_string(),
                };
                Lint::new(&rules::LEVEL_DIVIDED, shape.fragment, "a level is divided by the number of pods")
                    .severity(severity)
                    .label(shape.reason)
                    .why(why)
                    .help(match mean_of_rates(expression) {
                        true => "write `sum` instead of `avg`: with AverageValue, KEDA's default, the HPA divides by the number of pods; or `metricType: Value`",
                        false => "write `metricType: Value`; KEDA's default is AverageValue",
                    })
            }
            (false, MetricType::Value) => {
                Lint::new(&rules::TOTAL_NOT_DIVIDED, shape.fragment, "a total is compared as it is")
                    .label(shape.reason)
                    .why("more pods do not bring it down: while it is above the threshold the number of pods is multiplied at every sync, up to the maximum")
                    .help("write `metricType: AverageValue`, and the threshold for one pod")
            }
            _ => return,
        };
        self.push(lint.about_threshold());
    }

    /// The highest or lowest of all pods, which more pods do not add to.
    fn extreme(&mut self, expression: &Expression) {
        // As percent it is the same.
        let mut root = expression.root.bare();
        while let Kind::Binary(binary) = &root.kind
            && binary.operator == Operator::Multiply
        {
            let is_number = |node: &Node| matches!(node.bare().kind, Kind::Number(_));
            root = match (is_number(&binary.left), is_number(&binary.right)) {
                (false, true) => binary.left.bare(),
                (true, false) => binary.right.bare(),
                _ => return,
            };
        }
        let Kind::Aggregate(aggregate) = &root.kind else { return };
        if !matches!(aggregate.operator, "max" | "min" | "quantile") {
            return;
        }
        let inner = aggregate.expression.bare();
        // What every exporter tells alike, such as the length of a queue, is a total of its own.
        let is_told_by_all = |selector: &Selector| {
            let name = selector.name.as_deref().unwrap_or_default();
            name.is_empty() || TOTALS.iter().any(|word| name.contains(word))
        };
        let is_own = match &inner.kind {
            Kind::Selector(selector) => !is_told_by_all(selector),
            Kind::Call(call) => matches!(call.function.name, "rate" | "irate" | "increase"),
            Kind::Binary(binary) => {
                binary.operator == Operator::Divide && !matches!(binary.right.bare().kind, Kind::Number(_))
            }
            // The busiest pod.
            Kind::Aggregate(pods) => {
                let is_pod = |name: &String| ["pod", "instance"].contains(&name.as_str());
                pods.operator == "sum" && !pods.without && pods.grouping.iter().any(is_pod)
            }
            _ => false,
        };
        if is_own {
            let lint = Lint::new(
                &rules::LEVEL_DIVIDED,
                aggregate.operator_span,
                format!("the {} of all pods is divided by the number of pods", word(aggregate.operator)),
            )
            .severity(Severity::Warning)
            .label("more pods do not add to it")
            .why("the HPA divides the value by the number of pods: twice the pods and the same value count as half the load, and they are scaled in again")
            .help("write `metricType: Value`, or `sum` if it is the load of all pods that counts");
            self.push(lint.about_threshold());
        }
    }

    /// Source: kedacore/keda pkg/scalers/scaler.go, GenerateMetricInMili and GetMetricTargetMili: three decimals.
    fn resolution(&mut self, threshold: f64) {
        let span = self.analysis.root().node.span;
        let thousandths = threshold * 1_000.0;
        let lint = if threshold < 0.000_5 {
            let text = if threshold <= 0.0 {
                "a threshold of 0 or less".to_string()
            } else {
                format!("a threshold of {threshold} is 0 for KEDA")
            };
            Lint::new(&rules::BELOW_RESOLUTION, span, text)
                .severity(Severity::Error)
                .why("KEDA keeps three decimals, and an HPA refuses a target that is not positive")
        } else if (thousandths - thousandths.round()).abs() > 1e-6 * thousandths.max(1.0) {
            Lint::new(
                &rules::BELOW_RESOLUTION,
                span,
                format!("a threshold of {threshold} loses its last decimals"),
            )
            .why(format!("KEDA keeps three: the autoscaler compares with {}", thousandths.round() / 1_000.0))
        } else {
            return;
        };
        self.push(lint.about_threshold().help("multiply the query and the threshold by 100 or 1000"));
    }

    fn unreachable(&mut self, threshold: f64) {
        let root = self.analysis.root();
        let (_, high) = root.bounds;
        // The HPA asks for more pods only above the threshold.
        if high > threshold || root.empty.always.is_some() {
            return;
        }
        let quantile = self.bucket_quantile(0);
        let lint = match quantile {
            Some(span) => Lint::new(&rules::ABOVE_LAST_BUCKET, span, format!("a threshold of {threshold} is out of reach"))
                .label(format!("the last finite bucket ends at {high}"))
                .why(format!("a quantile never exceeds the last finite bucket: however slow it is, the answer is {high}, and nothing scales up"))
                .help("lower the threshold below the last bucket, or give the histogram larger buckets"),
            None => {
                let constant = root.constant.is_some();
                let message = if constant {
                    format!("the value is always {high}, and the threshold {threshold}")
                } else {
                    format!("the value is never above {high}, and the threshold is {threshold}")
                };
                Lint::new(&rules::UNREACHABLE, root.node.span, message)
                    .why("the HPA asks for more pods only above the threshold: nothing ever scales up")
                    .help("lower the threshold, or compare with another value")
            }
        };
        self.push(lint.about_threshold());
    }

    /// The name of the quantile whose buckets bound the value.
    fn bucket_quantile(&self, index: usize) -> Option<crate::source::Span> {
        self.analysis.below(index).find_map(|at| match &self.analysis.nodes[at].node.kind {
            Kind::Call(call)
                if call.function.name == "histogram_quantile"
                    && self.analysis.nodes[at].bounds.1.is_finite() =>
            {
                Some(call.name_span)
            }
            _ => None,
        })
    }

    /// A comparison that no value passes, whatever happens.
    pub(super) fn never_holds(&mut self, index: usize, binary: &Binary) {
        let info = &self.analysis.nodes[index];
        if !binary.operator.is_comparison() || binary.returns_bool {
            return;
        }
        let (left, right) = (&self.analysis.nodes[info.children[0]], &self.analysis.nodes[info.children[1]]);
        let Some(reason) = &info.empty.always else { return };
        let own = reason.span == binary.operator_span && reason.text.starts_with("the comparison");
        if !own || left.constant.is_some() && right.constant.is_some() || left.empty.always.is_some() {
            return;
        }
        let Some(limit) = right.constant else { return };
        let (low, high) = left.bounds;
        let why = self.reads_nothing();
        let span = binary.operator_span.to(binary.right.span);
        let lint = if let Some(quantile) = self.bucket_quantile(info.children[0]).filter(|_| limit >= high) {
            Lint::new(
                &rules::ABOVE_LAST_BUCKET,
                span,
                format!("{limit} is at or above the last finite bucket, {high}"),
            )
            .related(quantile, "it never exceeds the last finite bucket")
            .help("compare with less, or give the histogram larger buckets")
        } else if left.unit == Some(Unit::level(Base::Ratio)) && limit > 1.0 {
            Lint::new(
                &rules::RATIO_PERCENT,
                span,
                format!("a ratio is never above 1, and is compared with {limit}"),
            )
            .severity(Severity::Error)
            .help(format!("write {}, or multiply the ratio by 100", limit / 100.0))
        } else {
            let range = if high.is_infinite() {
                format!("never below {low}")
            } else if low.is_infinite() {
                format!("never above {high}")
            } else {
                format!("between {low} and {high}")
            };
            Lint::new(&rules::UNREACHABLE, span, format!("the comparison never holds: the value is {range}"))
                .help("compare with a value that can occur")
        };
        self.push(lint.why(why));
    }
}

/// So many times a threshold, without the last digits of a product in binary.
fn multiple(threshold: f64, times: f64) -> f64 {
    (threshold * times * 1e9).round() / 1e9
}

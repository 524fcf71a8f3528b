//! What the whole query gives: type, series, filter.

use super::repair::{replace, wrap};
use super::{Lint, Linter, Scaler, rules};
use crate::finding::Severity;
use crate::promql::ast::*;
use crate::promql::{Series, Unit};
use crate::source::Span;

/// Whether a selector names one object, of which kube-state-metrics makes one series.
///
/// Source: kubernetes/kube-state-metrics docs/metrics/workload: numbers of replicas carry the namespace and the name.
fn is_one_object(selector: &Selector) -> bool {
    let Some(metric) = selector.metric().and_then(|name| name.strip_prefix("kube_")) else { return false };
    let kinds = ["deployment", "statefulset", "replicaset", "horizontalpodautoscaler"];
    let Some(kind) = kinds.into_iter().find(|kind| metric.starts_with(kind)) else { return false };
    let is_named = |label: &str| {
        let mut all = selector.matchers.iter();
        all.any(|matcher| {
            matcher.name == label && matcher.operator == MatchOperator::Equal && !matcher.value.is_empty()
        })
    };
    let counts = metric.ends_with("_replicas") || metric.contains("_replicas_");
    counts && is_named("namespace") && is_named(kind)
}

/// A metric of Google Cloud of the one resource that is named.
///
/// Source: Google Cloud metrics list, Pub/Sub: one series for each subscription.
fn is_one_resource(selector: &Selector) -> bool {
    let is_of_subscriptions =
        selector.metric().is_some_and(|name| super::is_of_google(name) && name.contains(":subscription_"));
    let is_named = |matcher: &Matcher| {
        matcher.name == "subscription_id"
            && matcher.operator == MatchOperator::Equal
            && !matcher.value.is_empty()
    };
    is_of_subscriptions && selector.matchers.iter().any(is_named)
}

/// The labels that an aggregation keeps, in the words of the reason, where none of them is that of a pod.
fn kept_by_name(reason: &str) -> Option<&str> {
    let names = reason.strip_prefix("one series per value of ")?;
    (!["`pod`", "`instance`"].iter().any(|pod| names.contains(pod))).then_some(names)
}

impl<'a> Linter<'a> {
    pub(super) fn shape(&mut self) {
        let root = self.analysis.root();
        match root.value_type {
            ValueType::Scalar | ValueType::String => self.scalar_result(),
            ValueType::Matrix => self.range_result(),
            ValueType::Vector => {
                if let Some(scaler) = self.context.scaler() {
                    self.many_series(scaler);
                    self.root_comparison(scaler);
                } else if self.context.is_alert() {
                    self.always_fires();
                }
            }
        }
    }

    fn scalar_result(&mut self) {
        let root = self.analysis.root();
        let is_text = root.value_type == ValueType::String;
        let what = if is_text { "a text" } else { "a scalar" };
        let lint = Lint::new(&rules::SCALAR_RESULT, root.node.span, format!("the query gives {what}"));
        let lint = match (self.context.scaler(), is_text) {
            // Source: kedacore/keda pkg/scalers/prometheus_scaler.go, ExecutePromQuery: the result has to be a list.
            (Some(_), _) => lint
                .why(format!("KEDA cannot decode {what}: every poll is an error, and nothing scales on it")),
            // Source: prometheus/prometheus rules/manager.go, EngineQueryFunc: "rule result is not a vector or scalar".
            (None, true) => lint.why("Prometheus refuses it at every evaluation: a rule needs a vector"),
            (None, false) if self.context.is_alert() => lint
                .severity(Severity::Warning)
                .why("a scalar is always there: the alert fires whatever its value"),
            (None, false) => return,
        };
        if is_text {
            return self.push(lint.help("write a query that gives a number"));
        }
        let bare = root.node.bare();
        let lint = match &bare.kind {
            Kind::Call(call) if call.function.name == "scalar" => {
                let inner = self.text[call.arguments[0].span.range()].to_string();
                lint.help("leave `scalar(…)` out").repair(
                    true,
                    "leave `scalar` out",
                    replace(bare.span, inner),
                )
            }
            _ => lint.help("write `vector(…)` around it").repair(
                true,
                "write `vector(…)` around it",
                wrap(root.node.span, "vector(", ")"),
            ),
        };
        self.push(lint);
    }

    fn range_result(&mut self) {
        let root = self.analysis.root();
        let lint = Lint::new(&rules::RANGE_RESULT, root.node.span, "the query gives a range of values");
        let lint = match self.context.scaler() {
            // Source: kedacore/keda pkg/scalers/prometheus_scaler.go: the field is `value`; a range has `values`.
            Some(scaler) if scaler.ignores_null_values() => lint.why(
                "KEDA finds no value in a range of one series and reads 0, without a word; several series are an error",
            ),
            Some(_) => lint.why("KEDA finds no value in a range: every poll is an error"),
            None => lint.why("Prometheus refuses it at every evaluation: a rule needs a vector"),
        };
        self.push(lint.help("write a function around it, such as `sum(rate(…[5m]))` or `max_over_time(…)`"));
    }

    fn many_series(&mut self, scaler: &Scaler) {
        let root = self.analysis.root();
        let mixes = self.mixing_or();
        if let Some(binary) = mixes {
            self.or_mixes_labels(binary);
        }
        let Some(reason) = root.series.reason() else { return };
        if mixes.is_some_and(|binary| binary.operator_span == reason.span) {
            return;
        }
        let culprit = self.analysis.nodes.iter().find_map(|info| match &info.node.kind {
            Kind::Selector(selector) if info.node.span == reason.span => Some(selector),
            _ => None,
        });
        if culprit.is_some_and(|selector| is_one_object(selector) || is_one_resource(selector)) {
            return;
        }
        // What a recording rule leaves of the labels is not known here.
        let is_recorded = culprit.and_then(|selector| selector.metric()).is_some_and(super::is_recorded);
        let of_google = culprit.and_then(|selector| selector.metric()).is_some_and(super::is_of_google);
        let sure = matches!(root.series, Series::Many(_)) && !is_recorded && !of_google;
        let by_without = self.text[reason.span.range()].starts_with("without");
        let message = if sure {
            "the query can give more than one series"
        } else {
            "nothing proves that the query gives one series"
        };
        let severity = if sure && !by_without { Severity::Error } else { Severity::Warning };
        let lint = Lint::new(&rules::MANY_SERIES, reason.span, message)
            .severity(severity)
            .label(if is_recorded {
                "a recording rule makes it: one series for each set of labels that the rule leaves".into()
            } else if of_google {
                "one series for each resource of the project, and for every value of its labels".into()
            } else {
                reason.text.clone()
            })
            // Source: kedacore/keda pkg/scalers/prometheus_scaler.go: "returned multiple elements".
            .why(if scaler.has_fallback {
                "KEDA refuses more than one: with the second series the trigger fails, and the fallback decides".to_string()
            } else if of_google {
                "KEDA refuses more than one: the trigger fails as soon as there is a second".to_string()
            } else if let Some(names) = kept_by_name(&reason.text) {
                format!("KEDA refuses more than one: the trigger fails with the second value of {names}")
            } else {
                "KEDA refuses more than one: it works with one pod, and fails with the second".to_string()
            })
            .help("aggregate on the outside: `sum(…)` for a total, `max(…)` for a level, without `by`");
        let outside = if root.unit.is_some_and(|unit: Unit| unit.per_second) || self.is_total() {
            "sum"
        } else {
            "max"
        };
        let title = format!("write `{outside}(…)` around it");
        self.push(lint.repair(false, title, wrap(root.node.span, format!("{outside}("), ")")));
    }

    /// Whether the outermost operation is a sum, or a rate of counts.
    fn is_total(&self) -> bool {
        matches!(&self.analysis.root().node.bare().kind, Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "count"))
    }

    /// An `or` on the way from the root to the value, whose sides both stay.
    fn mixing_or(&self) -> Option<&'a Binary> {
        let analysis = self.analysis;
        let mut index = 0;
        loop {
            index = analysis.bare(index);
            let info = &analysis.nodes[index];
            match &info.node.kind {
                Kind::Binary(binary) if binary.operator == Operator::Or => {
                    let one = |which: usize| &self.analysis.nodes[info.children[which]];
                    let differ = match info.series.reason() {
                        Some(reason) if reason.span == binary.operator_span => true,
                        // `sum by (x) (…) or vector(0)`: several already, and one more.
                        Some(_) => {
                            one(1).labels.complete().is_some_and(|labels| labels.is_empty())
                                && !self.is_on(binary)
                        }
                        None => false,
                    };
                    if differ {
                        return Some(binary);
                    }
                    index = info.children[0];
                }
                Kind::Binary(binary) if !binary.operator.is_set() => {
                    let vector = |at: usize| self.analysis.nodes[at].value_type == ValueType::Vector;
                    match (vector(info.children[0]), vector(info.children[1])) {
                        (true, false) => index = info.children[0],
                        (false, true) => index = info.children[1],
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    fn is_on(&self, binary: &Binary) -> bool {
        binary.matching.as_ref().is_some_and(|matching| matching.on)
    }

    fn or_mixes_labels(&mut self, binary: &Binary) {
        let (left, right) = (&self.text[binary.left.span.range()], &self.text[binary.right.span.range()]);
        let shown = |text: &str| if text.chars().count() > 24 { "…".to_string() } else { text.to_string() };
        let lint = Lint::new(
            &rules::OR_MIXES_LABELS,
            binary.operator_span,
            "both sides of `or` stay, because their labels differ",
        )
        .label("`or` only drops what has the same labels")
        .why("while the left side has a series, the right one is added to it: KEDA refuses two series")
        .help(format!(
            "write `{} or on () {}`: the right side then only stands in for an empty left one",
            shown(left),
            shown(right)
        ));
        let lint = lint.related(binary.right.span, "this stays beside it");
        let at = Span::at(binary.operator_span.end as usize);
        let lint = if binary.matching.is_none() {
            lint.repair(true, "write `or on ()`", vec![(at, " on ()".to_string())])
        } else {
            lint
        };
        self.push(lint);
    }

    fn root_comparison(&mut self, scaler: &Scaler) {
        let index = self.analysis.bare(0);
        let info = &self.analysis.nodes[index];
        let Kind::Binary(binary) = &info.node.kind else { return self.inner_filter(scaler) };
        if !binary.operator.is_comparison() {
            return self.inner_filter(scaler);
        }
        if binary.returns_bool {
            if scaler.threshold.is_some_and(|threshold| threshold >= 1.0) {
                // Then it is out of reach, which another rule tells.
                return;
            }
            return self.push(
                Lint::new(&rules::BOOL_VALUE, binary.operator_span, "the query gives 0 or 1")
                    .label("`bool` turns the comparison into the value")
                    .why("the autoscaler sees no more than yes or no: while it is 1, it asks for the same number of pods however bad it is, or for ever more of them")
                    .help("give KEDA the value itself, and what it is compared with as the threshold"),
            );
        }
        let limit = self.analysis.nodes[info.children[1]].constant;
        let drops_nan =
            limit == Some(0.0) && matches!(binary.operator, Operator::Greater | Operator::GreaterEqual);
        if drops_nan && scaler.ignores_null_values() {
            return;
        }
        let why = if scaler.ignores_null_values() {
            "where the comparison does not hold there is no series, and KEDA reads 0: the autoscaler never sees the values in between"
        } else {
            "where the comparison does not hold there is no series, and KEDA takes that for an error"
        };
        let lint = Lint::new(
            &rules::ROOT_FILTER,
            binary.operator_span,
            "the query gives nothing while the comparison does not hold",
        )
        .why(why)
        .help("leave the comparison out: the threshold of the trigger decides when to scale");
        let lint = if info.children.len() == 2 && limit.is_some() {
            let rest = Span::new(binary.left.span.end as usize, binary.right.span.end as usize);
            lint.repair(false, "leave the comparison out", replace(rest, ""))
        } else {
            lint
        };
        self.push(lint);
    }
}

//! What happens while Prometheus cannot be asked, or has nothing to say.
//!
//! Sources: kedacore/keda pkg/fallback/fallback.go; pkg/scalers/prometheus_scaler.go (ignoreNullValues is true by
//! default); apis/keda/v1alpha1/scaledobject_webhook.go, verifyFallback.

use super::cards::*;
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Severity};
use crate::manifest::{Entry, Node};
use crate::promql::{Facts, Target, ValueType, analyse, parse};

/// Whether the answer to a query can be empty at all; one that ends in `or vector(0)` cannot, and is told as such.
fn can_be_empty(trigger: &Trigger<'_>) -> bool {
    let Some(text) = trigger.value("query").filter(|text| is_known(text)) else { return true };
    let Ok(expression) = parse(&text, &Target::default()) else { return true };
    let facts = Facts::default();
    let analysis = analyse(&expression, &facts);
    let root = analysis.root();
    root.value_type != ValueType::Vector || root.empty.can_be()
}

impl Checker<'_> {
    pub(super) fn fallback(&mut self, view: &View<'_>) {
        let prometheus: Vec<&Trigger<'_>> =
            view.triggers.iter().filter(|trigger| trigger.kind == "prometheus").collect();
        let fallback = view.entry("fallback");
        let silent =
            |trigger: &&&Trigger<'_>| trigger.ignores_null_values() == Some(true) && can_be_empty(trigger);
        let first = prometheus.iter().find(silent);
        let all_ignore = prometheus.iter().all(|trigger| trigger.ignores_null_values() == Some(true));
        match (fallback, first) {
            (Some(entry), _)
                if !view.triggers.is_empty() && view.triggers.iter().all(Trigger::is_resource) =>
            {
                self.push(
                    Finding::new(&FALLBACK_ON_RESOURCES, self.key(entry), "a fallback for cpu and memory alone")
                        .why("these metrics come from the metrics server, not through KEDA: it refuses the ScaledObject")
                        .help("leave `fallback` out"),
                );
            }
            // To ask for the minimum when a metric is gone changes nothing.
            (Some(entry), Some(_)) if all_ignore && self.fallback_low(view, entry, true) => {}
            (Some(entry), Some(trigger)) if all_ignore => {
                let place = trigger.metadata.map_or(self.place(trigger.node), |node| self.place(node));
                self.push(
                    Finding::new(&DEAD_FALLBACK, self.key(entry), "the fallback does not see a metric that is gone")
                        .related(place, "`ignoreNullValues` is true by default")
                        .why(if view.triggers.iter().all(|trigger| trigger.is_resource() || matches!(trigger.kind, "prometheus" | "cron")) {
                            "an empty answer counts as 0 and not as a failure: the workload is scaled to its minimum; only a Prometheus that cannot be reached brings the fallback"
                        } else {
                            "an empty answer counts as 0 and not as a failure, and Prometheus asks for no pod; only what cannot be reached brings the fallback"
                        })
                        .help("write `ignoreNullValues: \"false\"` in the metadata of the trigger"),
                );
            }
            (None, Some(trigger)) => {
                let place = trigger.entry("query").map_or(self.place(trigger.node), |entry| self.key(entry));
                let min = view.min.map_or("0 pods".to_string(), |min| {
                    format!("{min} pod{}", if min == 1 { "" } else { "s" })
                });
                self.push(
                    Finding::new(&EMPTY_IS_ZERO, place, "a metric that nobody scrapes reads as 0")
                        .why(format!("no series, and no error either: under full load the workload is scaled to its minimum, {min}, and nothing tells"))
                        .help("write `ignoreNullValues: \"false\"` in the metadata, and a `fallback` beside the triggers"),
                );
            }
            (Some(entry), _) => {
                self.fallback_low(view, entry, false);
            }
            (None, None) => self.no_fallback(&prometheus),
        }
        if let Some(entry) = fallback {
            self.fallback_range(view, &entry.node);
            self.fallback_of_formula(view, &entry.node);
            self.fallback_from_zero(view, entry);
            self.fallback_and_cache(view);
            self.fallback_of_version(view, entry);
        }
    }

    /// An error, and nothing that stands in for the metric.
    fn no_fallback(&mut self, prometheus: &[&Trigger<'_>]) {
        let loud = |trigger: &&&Trigger<'_>| trigger.ignores_null_values() == Some(false);
        let Some(entry) = prometheus.iter().find(loud).and_then(|trigger| trigger.entry("ignoreNullValues"))
        else {
            return;
        };
        self.push(
            Finding::new(&NO_FALLBACK, self.key(entry), "a metric that is gone is an error, and nothing stands in for it")
                .why("while the answer is empty the HPA scales by the other triggers alone, and never in; from 0 pods nothing wakes")
                .help("write a `fallback` beside the triggers: how many pods are enough while nobody knows the load"),
        );
    }

    /// Source: kedacore/keda pkg/fallback/fallback.go and pkg/scaling/scale_handler.go: the substitute is cached as a
    /// success, which sets the count of failures back.
    fn fallback_and_cache(&mut self, view: &View<'_>) {
        let Some(node) = view
            .triggers
            .iter()
            .find(|trigger| trigger.is_cached())
            .and_then(|trigger| trigger.node.get("useCachedMetrics"))
        else {
            return;
        };
        let mut finding = Finding::new(&DEAD_FALLBACK, self.place(node), "with cached metrics the fallback comes and goes")
            .why("KEDA keeps the fallback's value like any other: the HPA reads it without an error, and the failures are counted from 0 again")
            .help("leave `useCachedMetrics` out where a fallback matters");
        finding.severity = Severity::Note;
        self.push(finding);
    }

    /// Source: kedacore/keda CHANGELOG.md, 2.17, 2.18 and 2.20.
    fn fallback_of_version(&mut self, view: &View<'_>, fallback: &Entry) {
        let keda = self.versions.keda;
        if let Some(node) = fallback.node.get("behavior")
            && !keda.at_least(2, 17)
            && node.as_str() != Some("static")
        {
            let mut finding = Finding::new(
                &DEAD_FALLBACK,
                self.place(node),
                format!("KEDA {keda} has no `behavior` of a fallback"),
            )
            .why("it came with 2.17: the API server drops it, and the fallback is always `replicas`")
            .help("update KEDA, or leave it out");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
        if let Some(node) = fallback.node.get("behavior")
            && keda.at_least(2, 17)
            && !keda.at_least(2, 20)
            && node.as_str() == Some("scalingModifiers")
        {
            let message = format!("KEDA {keda} has no fallback by the formula");
            let mut finding = Finding::new(&DEAD_FALLBACK, self.place(node), message)
                .why("it came with 2.20: before, the API server refuses the word, and a trigger that fails takes the whole formula with it")
                .help("update KEDA, or write `behavior: static`");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
        let is_level = |trigger: &&Trigger<'_>| {
            trigger.kind == "prometheus"
                && view.metric_type_of(trigger).and_then(Node::as_str) == Some("Value")
        };
        if !keda.at_least(2, 18)
            && let Some(trigger) = view.triggers.iter().find(is_level)
        {
            let place =
                view.metric_type_of(trigger).map_or(self.place(trigger.node), |node| self.place(node));
            let mut finding =
                Finding::new(&DEAD_FALLBACK, place, format!("KEDA {keda} has no fallback for a Value"))
                    .related(self.key(fallback), "this one is passed over")
                    .why("since 2.18 there is one; before, a trigger that fails stays an error")
                    .help("update KEDA, or scale by a total (AverageValue)");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
    }

    fn fallback_range(&mut self, view: &View<'_>, fallback: &Node) {
        let Some(node) = fallback.get("replicas") else { return };
        let Some(replicas) = node.as_written().and_then(|text| text.parse::<i64>().ok()) else { return };
        let (min, max) = (view.min.unwrap_or(0), view.max.unwrap_or(100));
        let behavior = fallback.get("behavior").and_then(Node::as_str).unwrap_or("static");
        // A number that is only a lower or an upper limit does no harm beyond the other end.
        let never_taken = match behavior {
            "static" | "scalingModifiers" => false,
            "currentReplicasIfHigher" => replicas < min,
            "currentReplicasIfLower" => replicas > max,
            _ => true,
        };
        if view.is_open || min > max || never_taken || (min..=max).contains(&replicas) {
            return;
        }
        self.push(
            Finding::new(
                &FALLBACK_RANGE,
                self.place(node),
                format!("a fallback of {replicas} pods is not between {min} and {max}"),
            )
            .why(format!("the HPA keeps its own limits: it becomes {}", replicas.clamp(min, max)))
            .help(format!("write a number from {min} to {max}")),
        );
    }

    /// Sources: kedacore/keda pkg/fallback/fallback.go (the target is read as an integer there);
    /// pkg/scaling/modifiers/formula.go (a trigger that fails is nil in the formula).
    fn fallback_of_formula(&mut self, view: &View<'_>, fallback: &Node) {
        let Some(modifiers) = view.modifiers().filter(|node| !node.entries().is_empty()) else {
            if let Some(node) = fallback.get("behavior")
                && node.as_str() == Some("scalingModifiers")
            {
                let mut finding = Finding::new(
                    &DEAD_FALLBACK,
                    self.place(node),
                    "a fallback by a formula that is not there",
                )
                .why("KEDA refuses the ScaledObject: this behavior needs `advanced.scalingModifiers.formula`")
                .help("write a formula, or `behavior: static`");
                finding.severity = Severity::Error;
                self.push(finding);
            }
            return;
        };
        let target = modifiers.get("target");
        if let Some(node) = target
            && let Some(text) = node.as_written().filter(|text| is_known(text))
            && text.parse::<f64>().is_ok_and(|value| value > 0.0)
            && !text.bytes().all(|byte| byte.is_ascii_digit())
        {
            let mut finding =
                Finding::new(&DEAD_FALLBACK, self.place(node), format!("with the target `{text}` there is no fallback"))
                    .why("KEDA reads the target of a fallback as a whole number, and leaves the fallback out without a word")
                    .help("scale formula and target by 10 or 100, until the target is a whole number");
            finding.severity = Severity::Error;
            self.push(finding);
        }
        let behavior = fallback.get("behavior");
        let formula = modifiers.get("formula").and_then(Node::as_str).unwrap_or_default();
        if let Some(node) = behavior
            && node.as_str() == Some("scalingModifiers")
            && is_known(formula)
            && !formula.is_empty()
            && !formula.contains("??")
        {
            let mut finding =
                Finding::new(&DEAD_FALLBACK, self.place(node), "the formula has no value for a trigger that fails")
                    .why("a trigger that fails is nil there: without `??` the formula fails as well, and there is no fallback")
                    .help(super::formula::guards(formula));
            finding.severity = Severity::Error;
            self.push(finding);
        }
    }

    /// Source: kedacore/keda pkg/fallback/fallback.go: with Value the fallback is divided by the pods that are ready.
    fn fallback_from_zero(&mut self, view: &View<'_>, fallback: &Entry) {
        let is_level = |trigger: &&Trigger<'_>| {
            !trigger.is_resource() && view.metric_type_of(trigger).and_then(Node::as_str) == Some("Value")
        };
        let Some(trigger) = view.triggers.iter().find(is_level).filter(|_| view.sleeps() && !view.is_open)
        else {
            return;
        };
        let place = view.metric_type_of(trigger).map_or(self.place(trigger.node), |node| self.place(node));
        let mut finding = Finding::new(
            &DEAD_FALLBACK,
            self.key(fallback),
            "from 0 pods there is no fallback for a Value",
        )
        .related(place, "a level, not a total")
        .why("KEDA divides by the pods that are ready: while there are none, the failure stays a failure")
        .help("keep one pod, or wake the workload by a total (AverageValue)");
        finding.severity = Severity::Note;
        self.push(finding);
    }
}

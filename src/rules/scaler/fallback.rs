//! What happens while Prometheus cannot be asked, or has nothing to say.
//!
//! Sources: kedacore/keda pkg/fallback/fallback.go; pkg/scalers/prometheus_scaler.go (ignoreNullValues is true by
//! default); apis/keda/v1alpha1/scaledobject_webhook.go, verifyFallback.

use super::cards::*;
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Severity};
use crate::manifest::{Entry, Node};

fn ignores_null_values(trigger: &Trigger<'_>) -> bool {
    trigger.value("ignoreNullValues").as_deref() != Some("false")
}

impl Checker<'_> {
    pub(super) fn fallback(&mut self, view: &View<'_>) {
        let prometheus: Vec<&Trigger<'_>> =
            view.triggers.iter().filter(|trigger| trigger.kind == "prometheus").collect();
        let fallback = view.entry("fallback");
        let silent = prometheus.iter().filter(|trigger| ignores_null_values(trigger)).count();
        match fallback {
            Some(entry)
                if !view.triggers.is_empty() && view.triggers.iter().all(|trigger| trigger.is_resource()) =>
            {
                self.push(
                    Finding::new(&FALLBACK_ON_RESOURCES, self.key(entry), "a fallback for cpu and memory alone")
                        .why("these metrics come from the metrics server, not through KEDA: it refuses the ScaledObject")
                        .help("leave `fallback` out"),
                );
            }
            Some(entry) if !prometheus.is_empty() && silent == prometheus.len() => {
                let first =
                    prometheus[0].metadata.map_or(self.place(prometheus[0].node), |node| self.place(node));
                self.push(
                    Finding::new(&DEAD_FALLBACK, self.key(entry), "the fallback does not see a metric that is gone")
                        .related(first, "`ignoreNullValues` is true by default")
                        .why("no answer counts as 0 and not as a failure: the workload is scaled to its minimum, and the fallback never comes")
                        .help("write `ignoreNullValues: \"false\"` in the metadata of the trigger"),
                );
            }
            None if silent > 0 => {
                let trigger = prometheus.iter().find(|trigger| ignores_null_values(trigger));
                let Some(trigger) = trigger else { return };
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
            _ => {}
        }
        if let Some(entry) = fallback {
            self.fallback_range(view, &entry.node);
            self.fallback_of_formula(view, &entry.node);
            self.fallback_from_zero(view, entry);
        }
    }

    fn fallback_range(&mut self, view: &View<'_>, fallback: &Node) {
        let Some(node) = fallback.get("replicas") else { return };
        let Some(replicas) = node.as_written().and_then(|text| text.parse::<i64>().ok()) else { return };
        let (min, max) = (view.min.unwrap_or(0), view.max.unwrap_or(100));
        let behavior = fallback.get("behavior").and_then(Node::as_str).unwrap_or("static");
        if view.is_open || min > max || behavior == "currentReplicas" || (min..=max).contains(&replicas) {
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
        let Some(modifiers) = view.modifiers().filter(|node| !node.entries().is_empty()) else { return };
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
            && !formula.contains("??")
        {
            let mut finding =
                Finding::new(&DEAD_FALLBACK, self.place(node), "the formula has no value for a trigger that fails")
                    .why("a trigger that fails is nil there: without `??` the formula fails as well, and there is no fallback")
                    .help("write `(load ?? 0)` for each trigger in the formula");
            finding.severity = Severity::Error;
            self.push(finding);
        }
    }

    /// Source: kedacore/keda pkg/fallback/fallback.go: with Value the fallback is divided by the pods that are ready.
    fn fallback_from_zero(&mut self, view: &View<'_>, fallback: &Entry) {
        let is_level = |trigger: &&Trigger<'_>| trigger.metric_type == Some("Value");
        let Some(trigger) = view.triggers.iter().find(is_level).filter(|_| view.sleeps() && !view.is_open)
        else {
            return;
        };
        let place = trigger.node.get("metricType").map_or(self.place(trigger.node), |node| self.place(node));
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

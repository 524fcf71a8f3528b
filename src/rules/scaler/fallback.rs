//! What happens while Prometheus cannot be asked, or has nothing to say.
//!
//! Sources: kedacore/keda pkg/fallback/fallback.go; pkg/scalers/prometheus_scaler.go (ignoreNullValues is true by
//! default); apis/keda/v1alpha1/scaledobject_webhook.go, verifyFallback.

use super::cards::*;
use super::{Checker, Trigger, View};
use crate::finding::Finding;
use crate::manifest::Node;

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
                let min = view.min.map_or("0 pods".to_string(), |min| format!("{min} pods"));
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
}

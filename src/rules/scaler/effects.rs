//! Settings that do nothing here.
//!
//! Sources: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go; pkg/scaling/scale_handler.go.

use super::cards::{ACTIVATION, NO_EFFECT};
use super::{Checker, View};
use crate::finding::Finding;
use crate::manifest::Entry;

impl Checker<'_> {
    pub(super) fn effects(&mut self, view: &View<'_>) {
        if view.is_open {
            return;
        }
        if view.sleeps() {
            return self.activation(view);
        }
        let min = view.min.unwrap_or(0);
        for key in ["cooldownPeriod", "initialCooldownPeriod"] {
            if let Some(entry) = view.entry(key) {
                let why = format!(
                    "it delays the step from 1 to 0 pods alone, and the minimum is {min}; the HPA waits for `scaleDown.stabilizationWindowSeconds`, 300 s by default"
                );
                self.no_effect(entry, key, why);
            }
        }
        let cached = view.triggers.iter().any(|trigger| {
            trigger.node.get("useCachedMetrics").and_then(crate::manifest::Node::as_written).as_deref()
                == Some("true")
        });
        if let (Some(entry), false) = (view.entry("pollingInterval"), cached || view.has_formula()) {
            let why = format!(
                "with a minimum of {min} the HPA asks by itself, every 15 s; only `useCachedMetrics: true` makes the interval count"
            );
            self.no_effect(entry, "pollingInterval", why);
        }
        for trigger in &view.triggers {
            let keys = trigger.metadata.map(crate::manifest::Node::entries).unwrap_or_default();
            for entry in keys.iter().filter(|entry| entry.key.starts_with("activation") && is_set(entry)) {
                let why = format!("it decides between 0 and 1 pods alone, and the minimum is {min}");
                self.no_effect(entry, &entry.key, why);
            }
        }
    }

    fn no_effect(&mut self, entry: &Entry, key: &str, why: String) {
        let mut finding = Finding::new(&NO_EFFECT, self.key(entry), format!("`{key}` does nothing here"))
            .why(why)
            .help("leave it out");
        finding.fix = self.remove(format!("remove `{key}`"), entry);
        self.push(finding);
    }

    /// Source: kedacore/keda-docs content/docs/concepts/scaling-deployments.md, "Activating and Scaling thresholds".
    fn activation(&mut self, view: &View<'_>) {
        for trigger in view.triggers.iter().filter(|trigger| trigger.kind == "prometheus") {
            let (Some(activation), Some(threshold)) =
                (trigger.number("activationThreshold"), trigger.number("threshold"))
            else {
                continue;
            };
            if activation > threshold
                && trigger.metric_type != Some("Value")
                && let (Some(entry), Some(other)) =
                    (trigger.entry("activationThreshold"), trigger.entry("threshold"))
            {
                let other = self.place(&other.node);
                self.push(
                    Finding::new(
                        &ACTIVATION,
                        self.place(&entry.node),
                        format!(
                            "the workload wakes only above {activation}, and wants {} pods there",
                            (activation / threshold).ceil()
                        ),
                    )
                    .related(other, "the load of one pod")
                    .why(format!("between {threshold} and {activation} there is work for a pod, and none"))
                    .help(format!("write an activationThreshold below {threshold}")),
                );
            }
        }
    }
}

fn is_set(entry: &Entry) -> bool {
    entry.node.as_written().is_some_and(|text| text.trim().parse::<f64>().is_ok_and(|value| value != 0.0))
}

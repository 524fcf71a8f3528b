//! Settings that do nothing here.
//!
//! Sources: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go; pkg/scaling/scale_handler.go.

use super::cards::{ACTIVATION, NO_EFFECT};
use super::{Checker, Trigger, View};
use crate::finding::Finding;
use crate::manifest::Entry;

impl Checker<'_> {
    pub(super) fn effects(&mut self, view: &View<'_>) {
        // A formula has thresholds of its own, whatever the numbers of pods.
        if view.has_formula() {
            for trigger in &view.triggers {
                for entry in activations(trigger) {
                    let why = "with `scalingModifiers` the formula alone decides when the workload wakes"
                        .to_string();
                    self.no_effect(entry, &entry.key, why, "write `activationTarget` beside the formula");
                }
            }
        }
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
                self.no_effect(entry, key, why, "leave it out");
            }
        }
        // Failures are counted at this interval as well, until the fallback comes.
        let cached = view.triggers.iter().any(Trigger::is_cached);
        let counts = cached || view.has_formula() || view.has_fallback();
        if let (Some(entry), false) = (view.entry("pollingInterval"), counts) {
            let resources = !view.triggers.is_empty() && view.triggers.iter().all(Trigger::is_resource);
            let why = if resources {
                "the HPA asks for cpu and memory by itself, every 15 s; KEDA does not ask at all".to_string()
            } else {
                format!(
                    "with a minimum of {min} the HPA asks by itself, every 15 s; only `useCachedMetrics: true` makes the interval count"
                )
            };
            self.no_effect(entry, "pollingInterval", why, "leave it out");
        }
        if view.has_formula() {
            let target = view.modifiers().and_then(|node| super::view::entry(node, "activationTarget"));
            if let Some(entry) = target.filter(|entry| is_set(entry)) {
                let why = format!("it decides between 0 and 1 pods alone, and the minimum is {min}");
                self.no_effect(entry, &entry.key, why, "leave it out");
            }
            return;
        }
        for trigger in &view.triggers {
            for entry in activations(trigger) {
                let why = format!("it decides between 0 and 1 pods alone, and the minimum is {min}");
                self.no_effect(entry, &entry.key, why, "leave it out");
            }
        }
    }

    pub(super) fn no_effect(&mut self, entry: &Entry, key: &str, why: String, help: &str) {
        let mut finding = Finding::new(&NO_EFFECT, self.key(entry), format!("`{key}` does nothing here"))
            .why(why)
            .help(help);
        finding.fix = self.remove(format!("remove `{key}`"), entry);
        self.push(finding);
    }

    /// Source: kedacore/keda-docs content/docs/concepts/scaling-deployments.md, "Activating and Scaling thresholds".
    fn activation(&mut self, view: &View<'_>) {
        let compared = |trigger: &&Trigger<'_>| trigger.kind == "prometheus" && !view.has_formula();
        for trigger in view.triggers.iter().filter(compared) {
            let (Some(activation), Some(threshold)) =
                (trigger.number("activationThreshold"), trigger.number("threshold"))
            else {
                continue;
            };
            if threshold > 0.0
                && activation > threshold
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

/// Keys of a trigger that say when a workload wakes. What is misspelled is told as such.
fn activations<'d>(trigger: &Trigger<'d>) -> impl Iterator<Item = &'d Entry> {
    let kind = trigger.kind;
    let keys = trigger.metadata.map(crate::manifest::Node::entries).unwrap_or_default();
    keys.iter().filter(move |entry| {
        entry.key.starts_with("activation") && is_set(entry) && super::metadata::reads(kind, &entry.key)
    })
}

fn is_set(entry: &Entry) -> bool {
    entry.node.as_written().is_some_and(|text| text.trim().parse::<f64>().is_ok_and(|value| value != 0.0))
}

//! Settings that do nothing here.
//!
//! Sources: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go; pkg/scaling/scale_handler.go.

use super::cards::{ACTIVATION, NO_EFFECT};
use super::{Checker, Trigger, View};
use crate::finding::{Finding, Severity};
use crate::manifest::{Entry, Node};

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
        if let Some(entry) = view.entry("idleReplicaCount")
            && view.idle == Some(0)
            && view.min.unwrap_or(0) == 0
        {
            let why = "with a minimum of 0 the workload goes to 0 pods without it, and back to 1".to_string();
            self.no_effect(
                entry,
                "idleReplicaCount",
                why,
                "leave it out, or write the least number of busy pods as `minReplicaCount`",
            );
        }
        let resources = !view.triggers.is_empty() && view.triggers.iter().all(Trigger::is_resource);
        if view.idle.is_some() && resources {
            return self.never_idle(view);
        }
        if view.sleeps() {
            self.one_pod(view);
            return self.activation(view);
        }
        let min = view.min.unwrap_or(0);
        let window = [
            "advanced",
            "horizontalPodAutoscalerConfig",
            "behavior",
            "scaleDown",
            "stabilizationWindowSeconds",
        ];
        let waits = match view.spec.at(&window).and_then(Node::as_written) {
            Some(own) => format!("{own} s here"),
            None => "300 s by default".to_string(),
        };
        for key in ["cooldownPeriod", "initialCooldownPeriod"] {
            if let Some(entry) = view.entry(key) {
                let why = format!(
                    "it delays the step from 1 to 0 pods alone, and the minimum is {min}; the HPA waits for `scaleDown.stabilizationWindowSeconds`, {waits}"
                );
                self.no_effect(entry, key, why, "leave it out");
            }
        }
        // Failures are counted at this interval as well, until the fallback comes.
        let cached = view.triggers.iter().any(Trigger::is_cached);
        let counts = cached || view.has_formula() || view.has_fallback();
        if let (Some(entry), false) = (view.entry("pollingInterval"), counts) {
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
    /// Source: kedacore/keda pkg/scaling/scale_handler.go, getScaledObjectState: with cpu and memory alone it is active.
    fn never_idle(&mut self, view: &View<'_>) {
        for key in ["idleReplicaCount", "cooldownPeriod", "initialCooldownPeriod", "pollingInterval"] {
            if let Some(entry) = view.entry(key) {
                let why = "cpu and memory count as work always: with no other trigger the workload is never idle, and KEDA asks for nothing".to_string();
                self.no_effect(entry, key, why, "leave it out, or add a trigger that sees the work");
            }
        }
    }

    /// Between 0 and 1 pod the HPA has nothing to decide.
    fn one_pod(&mut self, view: &View<'_>) {
        if view.max != Some(1) || view.min.unwrap_or(0) != 0 || view.has_formula() {
            return;
        }
        for trigger in &view.triggers {
            let Some(entry) = super::values::target(trigger) else { continue };
            let why = "with at most 1 pod only what wakes counts: each value above the activation of the trigger, which is 0 where none is written".to_string();
            self.no_effect(
                entry,
                &entry.key,
                why,
                "write the value from which a pod is worth it as the activation of this trigger",
            );
        }
    }

    fn activation(&mut self, view: &View<'_>) {
        if view.has_formula() {
            return;
        }
        for trigger in view.triggers.iter().filter(|trigger| trigger.metric_type != Some("Value")) {
            let (entry, activation, other, threshold) = if trigger.kind == "prometheus" {
                let (Some(entry), Some(other)) =
                    (trigger.entry("activationThreshold"), trigger.entry("threshold"))
                else {
                    continue;
                };
                let (Some(activation), Some(threshold)) =
                    (trigger.number("activationThreshold"), trigger.number("threshold"))
                else {
                    continue;
                };
                (entry, activation, Some(other), threshold)
            } else {
                let Some((target, wake)) = super::values::measures(trigger) else { continue };
                let Some(entry) = wake.entry else { continue };
                (entry, wake.value, target.entry, target.value)
            };
            let place = self.place(&entry.node);
            if threshold > 0.0 && activation > threshold {
                let mut finding = Finding::new(
                    &ACTIVATION,
                    place,
                    format!(
                        "the workload wakes only above {activation}, and wants {} pods there",
                        (activation / threshold).ceil()
                    ),
                );
                let mut default = "";
                match other {
                    Some(other) => finding = finding.related(self.place(&other.node), "the load of one pod"),
                    None => default = ", KEDA's default,",
                }
                self.push(
                    finding
                        .why(format!(
                            "between {threshold}{default} and {activation} there is work for a pod, and none"
                        ))
                        .help(format!("write an {} below {threshold}", entry.key)),
                );
            } else if activation == 1.0 && QUEUES.contains(&trigger.kind) {
                let mut finding = Finding::new(&ACTIVATION, place, "one item alone wakes nobody")
                    .why("KEDA wakes the workload above this value, not at it: a single item waits until a second one comes")
                    .help(format!("leave `{}` out: with 0, the default, the first item wakes a pod", entry.key));
                finding.severity = Severity::Note;
                self.push(finding);
            }
        }
    }
}

/// Scalers whose value counts what waits to be done.
const QUEUES: [&str; 19] = [
    "activemq",
    "apache-kafka",
    "artemis-queue",
    "aws-sqs-queue",
    "azure-blob",
    "azure-eventhub",
    "azure-pipelines",
    "azure-queue",
    "azure-servicebus",
    "beanstalkd",
    "gcp-pubsub",
    "kafka",
    "nats-jetstream",
    "nsq",
    "pulsar",
    "rabbitmq",
    "redis",
    "redis-cluster",
    "redis-streams",
];

/// Whether a scaler counts what waits to be done.
pub fn counts_waiting(kind: &str) -> bool {
    QUEUES.contains(&kind)
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

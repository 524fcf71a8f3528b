//! What the numbers of a ScaledObject come to: nothing wrong with any of them, and yet not what was meant.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go (a maximum of 100 by default);
//! kubernetes/kubernetes pkg/apis/autoscaling/v2/defaults.go (scaling rules), pkg/controller/podautoscaler/horizontal.go.

use super::cards::{DEFAULT_BEHAVIOR, MEMORY_HOLDS, NO_EFFECT, OPEN_MAXIMUM, RESTLESS};
use super::{Checker, Trigger, View};
use crate::finding::{Finding, Severity};
use crate::manifest::Node;

impl Checker<'_> {
    pub(super) fn limits(&mut self, view: &View<'_>) {
        self.open_maximum(view);
        self.memory(view);
        self.behavior(view);
        self.cooldown(view);
    }

    fn open_maximum(&mut self, view: &View<'_>) {
        let target = view.spec.get("scaleTargetRef").filter(|_| !view.is_open);
        let Some(target) = target else { return };
        match view.max {
            None => self.push(
                Finding::new(&OPEN_MAXIMUM, self.place(target), "no maximum: up to 100 pods")
                    .why("a query that goes wrong asks for all of them, and so does the bill")
                    .help("write `maxReplicaCount`: what the service is known to need at its peak"),
            ),
            Some(max) if max >= 1_000 => {
                let Some(entry) = view.entry("maxReplicaCount") else { return };
                self.push(
                    Finding::new(&OPEN_MAXIMUM, self.place(&entry.node), format!("up to {max} pods"))
                        .why("a query that goes wrong asks for all of them, and so does the bill")
                        .help("write what the service is known to need at its peak"),
                );
            }
            Some(_) => {}
        }
    }

    fn memory(&mut self, view: &View<'_>) {
        // A policy has said so, and slogen has answered there.
        let decided = self.sources.get(self.object.document.file).is_generated();
        let memory = view.triggers.iter().find(|trigger| trigger.kind == "memory" && !decided);
        let Some(trigger) = memory.filter(|_| view.triggers.len() > 1) else { return };
        let place = self.place(trigger.node.get("type").unwrap_or(trigger.node));
        self.push(
            Finding::new(&MEMORY_HOLDS, place, "memory may keep the number of pods up")
                .why("the highest trigger decides, and the memory of most runtimes, caches and model servers does not fall when the load does: the other triggers never scale in")
                .help("look at the memory of idle pods; if it does not fall, leave this trigger to the limits of the container"),
        );
    }

    fn behavior(&mut self, view: &View<'_>) {
        let behavior = view.spec.at(&["advanced", "horizontalPodAutoscalerConfig", "behavior"]);
        let Some(behavior) = behavior else {
            let min = view.min.unwrap_or(0).max(1);
            let max = view.max.unwrap_or(100);
            let (Some(entry), false) = (view.entry("maxReplicaCount"), view.is_open || max <= min) else {
                return;
            };
            let steps = doublings(min, max);
            let asked = view.triggers.iter().any(|trigger| trigger.entry("query").is_some());
            let asked = if asked { "if the query says so" } else { "if a trigger says so" };
            return self.push(
                Finding::new(&DEFAULT_BEHAVIOR, self.key(entry), "scales as fast as Kubernetes allows by default")
                    .why(format!(
                        "from {min} to {max} pods within {} s {asked}, and after five quiet minutes back at once",
                        steps * 15
                    ))
                    .help("write `advanced.horizontalPodAutoscalerConfig.behavior` with how many pods may come and go per period"),
            );
        };
        for direction in ["scaleUp", "scaleDown"] {
            if let Some(rules) = behavior.get(direction) {
                self.tolerance(rules);
            }
        }
        self.findings.extend(super::restless::check(self.object, behavior, 60));
        if !view.is_open {
            let range = (view.min.unwrap_or(0).max(1), view.max.unwrap_or(100));
            self.findings.extend(super::restless::disabled(self.object, behavior, range));
        }
    }

    /// Source: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go, scaleToZeroOrIdle: the time counts from the last
    /// look that found the trigger active.
    fn cooldown(&mut self, view: &View<'_>) {
        let Some(entry) = view.entry("cooldownPeriod").filter(|_| view.sleeps() && !view.is_open) else {
            return;
        };
        let number = |node: &Node| node.as_written().and_then(|text| text.parse::<i64>().ok());
        let interval = match view.entry("pollingInterval") {
            Some(entry) => number(&entry.node),
            None => Some(30),
        };
        let (Some(seconds), Some(interval)) = (number(&entry.node), interval) else { return };
        // A schedule ends when it ends, and what is pushed waits for no look.
        let is_asked = |trigger: &Trigger<'_>| {
            trigger.kind != "cron" && !trigger.kind.contains("push") && !trigger.kind.contains("http")
        };
        if (0..=interval).contains(&seconds) && view.triggers.iter().any(is_asked) {
            let idle = view.idle.unwrap_or(0);
            let what = match idle {
                0 => "takes the last pods away".to_string(),
                1 => "takes all pods but one away".to_string(),
                _ => format!("takes all pods but {idle} away"),
            };
            let is_queue = view.triggers.iter().any(|trigger| super::counts_waiting(trigger.kind));
            let (effect, help) = if is_queue {
                (
                    "work that was taken from a queue and is still being done is cut off, and the next item waits for a new pod",
                    "write several times the `pollingInterval`, and more than the longest piece of work; 300 is the default",
                )
            } else {
                (
                    "one quiet moment, and the pods are gone that the next wave waits for; what they are at is cut off",
                    "write several times the `pollingInterval`; 300 is the default",
                )
            };
            self.push(
                Finding::new(
                    &RESTLESS,
                    self.key(entry),
                    format!("the first look that finds nothing {what}, {seconds} s being over by then"),
                )
                .why(format!("KEDA looks every {interval} s; {effect}"))
                .help(help),
            );
        }
    }

    /// Sources: kedacore/keda CHANGELOG.md 2.18; kubernetes/kubernetes pkg/features/kube_features.go,
    /// HPAConfigurableTolerance (1.33).
    fn tolerance(&mut self, rules: &Node) {
        let Some(entry) = super::view::entry(rules, "tolerance") else { return };
        let versions = self.versions;
        let old = if !versions.keda.at_least(2, 18) {
            format!("KEDA {}", versions.keda)
        } else if !versions.kubernetes.at_least(1, 33) {
            format!("Kubernetes {}", versions.kubernetes)
        } else {
            return;
        };
        let mut finding = Finding::new(&NO_EFFECT, self.key(entry), "`tolerance` does nothing here")
            .why(format!("{old} does not know it and drops it: the HPA ignores differences up to 10 %, as it always did"))
            .help("leave it out, or update: it needs KEDA 2.18 and Kubernetes 1.33");
        finding.severity = Severity::Warning;
        self.push(finding);
    }
}

/// Steps in which the default rules go from one number of pods to another: twice as many, or four more.
fn doublings(from: i64, to: i64) -> i64 {
    let (mut pods, mut steps) = (from.max(1), 0);
    while pods < to && steps < 64 {
        pods = (pods * 2).max(pods + 4);
        steps += 1;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::doublings;

    #[test]
    fn the_default_rules_double_or_add_four() {
        assert_eq!(doublings(1, 5), 1);
        assert_eq!(doublings(2, 20), 3);
        assert_eq!(doublings(10, 10), 0);
    }
}

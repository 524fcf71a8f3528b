//! What the numbers of a ScaledObject come to: nothing wrong with any of them, and yet not what was meant.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go (a maximum of 100 by default);
//! kubernetes/kubernetes pkg/apis/autoscaling/v2/defaults.go (scaling rules), pkg/controller/podautoscaler/horizontal.go.

use super::cards::{DEFAULT_BEHAVIOR, MEMORY_HOLDS, NEVER_WAKES, NO_EFFECT, OPEN_MAXIMUM, RESTLESS};
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Severity};
use crate::manifest::Node;
use crate::promql::{MatchOperator, Target, parse};

/// Labels by which the pods of a workload are named.
const OWN_LABELS: [&str; 10] = [
    "pod",
    "app",
    "job",
    "service",
    "deployment",
    "container",
    "app_kubernetes_io_name",
    "statefulset",
    "kubernetes_name",
    "app_name",
];

impl Checker<'_> {
    pub(super) fn limits(&mut self, view: &View<'_>) {
        self.open_maximum(view);
        self.memory(view);
        self.behavior(view);
        self.cooldown(view);
        self.never_wakes(view);
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
        for (direction, least) in [("scaleUp", 0), ("scaleDown", 60)] {
            let Some(rules) = behavior.get(direction) else { continue };
            self.tolerance(rules);
            if let Some(node) = rules.get("stabilizationWindowSeconds")
                && let Some(seconds) = node.as_written().and_then(|text| text.parse::<i64>().ok())
                && seconds < least
            {
                self.push(
                    Finding::new(&RESTLESS, self.place(node), format!("scales in after {seconds} s of quiet"))
                        .why("one scrape that is late, or one lull between two waves, and the pods are gone that the next wave needs")
                        .help("write at least 60; 300 is the default of Kubernetes"),
                );
            }
            for policy in rules.get("policies").map(Node::items).unwrap_or_default() {
                if let Some(node) = policy.get("periodSeconds")
                    && let Some(seconds) = node.as_written().and_then(|text| text.parse::<i64>().ok())
                    && (1..15).contains(&seconds)
                {
                    self.push(
                        Finding::new(&RESTLESS, self.place(node), format!("a period of {seconds} s"))
                            .why("the HPA looks every 15 s: each look is a period of its own, and the policy limits nothing")
                            .help("write at least 15"),
                    );
                }
            }
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
            self.push(
                Finding::new(
                    &RESTLESS,
                    self.key(entry),
                    format!("the first look that finds nothing takes the last pods away, {seconds} s being over by then"),
                )
                .why(format!(
                    "KEDA looks every {interval} s; work that was taken from a queue and is still being done is cut off, and the next item waits for a new pod"
                ))
                .help("write several times the `pollingInterval`, and more than the longest piece of work; 300 is the default"),
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

    /// Without pods there is nobody who exposes the metric that would wake them.
    fn never_wakes(&mut self, view: &View<'_>) {
        if view.is_open
            || !view.sleeps()
            || view.triggers.is_empty()
            || view.entry("idleReplicaCount").is_none() && view.min.is_none() && view.max.is_none()
        {
            return;
        }
        let Some(name) = view.spec.at(&["scaleTargetRef", "name"]).and_then(Node::as_str) else { return };
        let own = |trigger: &Trigger<'_>| match trigger.kind {
            "cpu" | "memory" => true,
            "prometheus" => is_own(trigger, name),
            _ => false,
        };
        // Cpu and memory alone are told elsewhere.
        let first = view.triggers.iter().find(|trigger| trigger.kind == "prometheus");
        let Some(first) = first.filter(|_| view.triggers.iter().all(own)) else { return };
        let Some(entry) = first.entry("query") else { return };
        let zero = view.entry("idleReplicaCount").or_else(|| view.entry("minReplicaCount"));
        let is_error = first.ignores_null_values() == Some(false);
        // A fallback counts as work since 2.19. Source: kedacore/keda CHANGELOG.md 2.19.
        let is_woken = is_error && view.has_fallback() && self.versions.keda.at_least(2, 19);
        let help = "keep one pod (`minReplicaCount: 1`), or add a trigger that sees the work from outside: the queue, the ingress";
        let mut finding = if is_woken {
            let message = "at 0 pods nobody exposes this metric, and the fallback wakes the workload";
            let mut finding = Finding::new(&NEVER_WAKES, self.key(entry), message)
                .why("without pods the answer is empty, which is an error here: after `failureThreshold` polls KEDA starts pods again, whether anybody waits or not, and no sleep lasts")
                .help(help);
            finding.severity = Severity::Note;
            finding
        } else {
            Finding::new(&NEVER_WAKES, self.key(entry), "at 0 pods nobody exposes this metric")
                .why(if is_error {
                    "the query counts what the pods themselves tell: without pods it is empty, that is an error at every poll, and the workload sleeps for ever"
                } else {
                    "the query counts what the pods themselves tell: without pods it is empty, that is 0, and the workload sleeps for ever"
                })
                .help(help)
        };
        if let Some(zero) = zero {
            finding = finding.related(self.place(&zero.node), "scaled to zero");
        }
        self.push(finding);
    }
}

/// Whether every series of a query is one of the workload's own pods.
fn is_own(trigger: &Trigger<'_>, name: &str) -> bool {
    let Some(text) =
        trigger.entry("query").and_then(|entry| entry.node.as_str()).filter(|text| is_known(text))
    else {
        return false;
    };
    let Ok(expression) = parse(text, &Target::default()) else { return false };
    let selectors = expression.selectors();
    !selectors.is_empty()
        && !text.contains("absent")
        && !text.contains("vector(")
        && selectors.iter().all(|selector| {
            let metric = selector.name.as_deref().unwrap_or_default();
            !crate::scrape::is_of_the_platform(metric)
                && !metric.contains(':')
                && selector.matchers.iter().any(|matcher| {
                    OWN_LABELS.contains(&matcher.name.as_str())
                        && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
                        && matcher.value.trim_end_matches(['*', '.', '+', '-', '$']).trim_start_matches('^')
                            == name
                })
        })
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

//! Numbers of pods, names, annotations.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, CheckReplicaCountBoundsAreValid;
//! apis/keda/v1alpha1/scaledobject_webhook.go; pkg/scaling/executor/scale_scaledobjects.go.

use super::cards::*;
use super::{Checker, View};
use crate::finding::{Finding, Severity};
use crate::manifest::Node;

impl Checker<'_> {
    pub(super) fn replicas(&mut self, view: &View<'_>) {
        self.order(view);
        self.resources_alone(view);
        self.names(view);
        self.annotations(view);
        self.custom_kind(view);
    }

    fn order(&mut self, view: &View<'_>) {
        if view.is_open {
            return;
        }
        let (min, max) = (view.min.unwrap_or(0), view.max.unwrap_or(100));
        if min > max
            && let Some(entry) = view.entry("minReplicaCount").or_else(|| view.entry("maxReplicaCount"))
        {
            let default = if view.max.is_none() { ", KEDA's default" } else { "" };
            self.push(
                Finding::new(
                    &REPLICA_ORDER,
                    self.place(&entry.node),
                    format!("the minimum {min} is above the maximum {max}{default}"),
                )
                .why("KEDA refuses the ScaledObject")
                .help("write minReplicaCount <= maxReplicaCount"),
            );
        }
        let Some(idle) = view.idle else { return };
        let Some(entry) = view.entry("idleReplicaCount") else { return };
        if idle >= min.max(i64::from(view.min.is_some())) {
            let place = self.place(&entry.node);
            self.push(
                Finding::new(
                    &REPLICA_ORDER,
                    place,
                    format!("the idle count {idle} is not below the minimum {min}"),
                )
                .why("KEDA refuses the ScaledObject")
                .help("write idleReplicaCount: 0, and a minReplicaCount of at least 1"),
            );
        } else if idle != 0 {
            let place = self.place(&entry.node);
            self.push(
                Finding::new(&IDLE_NOT_ZERO, place, format!("an idle count of {idle}"))
                    .why("the HPA stands down at exactly 0 pods only: at any other count it raises the workload to its minimum again, and the number flaps")
                    .help("write idleReplicaCount: 0, or leave it out"),
            );
        }
    }

    fn resources_alone(&mut self, view: &View<'_>) {
        let all = !view.triggers.is_empty() && view.triggers.iter().all(|trigger| trigger.is_resource());
        if !all || view.is_open || view.min.unwrap_or(0) > 0 || view.has_formula() {
            return;
        }
        let place = view
            .entry("minReplicaCount")
            .map_or(self.place(view.triggers[0].node), |entry| self.place(&entry.node));
        self.push(
            Finding::new(&RESOURCE_ONLY_ZERO, place, "scaled to zero by cpu and memory alone")
                .why("a workload without pods uses neither: nothing would ever wake it, and KEDA refuses the ScaledObject")
                .help("write minReplicaCount: 1, or add a trigger that sees the work from outside"),
        );
    }

    fn names(&mut self, view: &View<'_>) {
        let name = &self.object.name;
        let derived = format!("keda-hpa-{name}");
        let own = view.spec.at(&["advanced", "horizontalPodAutoscalerConfig", "name"]);
        let (text, place) = match own.and_then(|node| Some((node.as_str()?, self.place(node)))) {
            Some((text, place)) => (text.to_string(), place),
            None => (derived, self.object.name_place()),
        };
        if text.len() > 63 && super::is_known(&text) {
            self.push(
                Finding::new(
                    &NAME_TOO_LONG,
                    place,
                    format!("the HPA would be called `{text}`, which has {} characters", text.len()),
                )
                .why("a name has at most 63: KEDA cannot make the HPA, and nothing scales")
                .help("write a shorter `advanced.horizontalPodAutoscalerConfig.name`"),
            );
        }
        for (at, trigger) in view.triggers.iter().enumerate() {
            let Some(name) = trigger.name else { continue };
            let earlier = view.triggers[..at].iter().find(|other| other.name == Some(name));
            if let (Some(other), Some(node)) = (earlier, trigger.node.get("name")) {
                let first = other.node.get("name").map_or(self.place(other.node), |node| self.place(node));
                self.push(
                    Finding::new(&DUPLICATE_TRIGGER, self.place(node), format!("a second trigger `{name}`"))
                        .related(first, "the first")
                        .why("KEDA refuses the ScaledObject")
                        .help("give each trigger a name of its own"),
                );
            }
        }
    }

    fn annotations(&mut self, view: &View<'_>) {
        let annotations = self.object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
        let hpa_name = view.spec.at(&["advanced", "horizontalPodAutoscalerConfig", "name"]);
        for entry in annotations {
            let value = entry.node.as_written().unwrap_or_default();
            let place = self.key(entry);
            let finding = match entry.key.as_str() {
                "validations.keda.sh/hpa-ownership" => Finding::new(
                    &OWNERSHIP,
                    place,
                    "this annotation belongs on the HPA",
                )
                .why("KEDA never reads it here: the conflict it is meant to excuse is refused all the same")
                .help("write `validations.keda.sh/hpa-ownership: \"false\"` on the HorizontalPodAutoscaler"),
                "scaledobject.keda.sh/transfer-hpa-ownership" if value != "true" => {
                    Finding::new(&OWNERSHIP, place, "the ownership of the HPA is not taken over")
                        .why("KEDA compares with exactly \"true\"")
                        .help("write \"true\", or leave the annotation out")
                }
                "scaledobject.keda.sh/transfer-hpa-ownership" if hpa_name.is_none() => {
                    let mut finding = Finding::new(&OWNERSHIP, place, "nothing says which HPA is taken over")
                        .why("KEDA takes over the HPA of that name only, and refuses the ScaledObject beside any other")
                        .help("write `advanced.horizontalPodAutoscalerConfig.name: <name of the HPA>`");
                    finding.severity = Severity::Error;
                    finding
                }
                "autoscaling.keda.sh/paused-replicas"
                    if value.parse::<i32>().is_err() && super::is_known(&value) =>
                {
                    let mut finding =
                        Finding::new(&PAUSED, place, format!("`{value}` is not a number of pods"))
                            .why("KEDA fails at every reconcile")
                            .help("write a number in quotes");
                    finding.severity = Severity::Error;
                    finding
                }
                "autoscaling.keda.sh/paused"
                    if !matches!(value.as_str(), "true" | "false") && super::is_known(&value) =>
                {
                    Finding::new(&PAUSED, place, format!("`{value}` pauses the autoscaler"))
                        .why("KEDA takes everything but \"false\" for true, and deletes the HPA")
                        .help("write \"true\" or \"false\"")
                }
                _ => continue,
            };
            self.push(finding);
        }
    }

    /// Source: kedacore/keda apis/keda/v1alpha1/gvkr.go, ParseGVKR.
    fn custom_kind(&mut self, view: &View<'_>) {
        let Some(target) = view.spec.get("scaleTargetRef") else { return };
        let Some(kind) = target.get("kind") else { return };
        let Some(name) = kind.as_str().filter(|kind| super::is_known(kind)) else { return };
        if matches!(name, "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet")
            || target.get("apiVersion").is_some()
        {
            if name == "DaemonSet" {
                self.push(
                    Finding::new(&CUSTOM_KIND, self.place(kind), "a DaemonSet cannot be scaled")
                        .why("it has one pod per node and no scale: KEDA reports an error for ever")
                        .help("scale a Deployment"),
                );
            }
            return;
        }
        let example = if name == "Rollout" { "argoproj.io/v1alpha1" } else { "example.com/v1" };
        self.push(
            Finding::new(
                &CUSTOM_KIND,
                self.place(kind),
                format!("the kind `{name}` without its `apiVersion`"),
            )
            .why("KEDA looks for it in apps/v1, does not find it, and nothing scales")
            .help(format!("write `apiVersion: {example}`")),
        );
    }
}

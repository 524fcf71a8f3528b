//! Numbers of pods, names, the kind of the target.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, CheckReplicaCountBoundsAreValid;
//! apis/keda/v1alpha1/scaledobject_webhook.go; pkg/scaling/executor/scale_scaledobjects.go.

use super::cards::*;
use super::{Checker, View};
use crate::finding::{Finding, Severity, nearest};
use crate::manifest::Node;

impl Checker<'_> {
    pub(super) fn replicas(&mut self, view: &View<'_>) {
        self.order(view);
        self.resources_alone(view);
        self.names(view);
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
        if min == max
            && view.idle.is_none()
            && let Some(entry) = view.entry("maxReplicaCount")
        {
            let mut finding = Finding::new(
                &REPLICA_ORDER,
                self.place(&entry.node),
                format!("from {min} to {max} pods there is nothing to decide"),
            )
            .why("the triggers are asked, and the number of pods stays, whatever the load")
            .help("raise maxReplicaCount, or leave the ScaledObject out");
            finding.severity = Severity::Note;
            self.push(finding);
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
        // KEDA looks at no other kinds.
        let kind = view.spec.at(&["scaleTargetRef", "kind"]).and_then(Node::as_str).unwrap_or("Deployment");
        let is_looked_at = matches!(kind, "" | "Deployment" | "StatefulSet");
        if !all || !is_looked_at || view.is_open || view.min.unwrap_or(0) > 0 || view.has_formula() {
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
        // Source: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, since 2.20.
        if name.len() > 63 && super::is_known(name) {
            self.push(
                Finding::new(
                    &NAME_TOO_LONG,
                    self.object.name_place(),
                    format!("the name has {} characters", name.len()),
                )
                .why("KEDA writes it into a label, which has at most 63: the ScaledObject is refused, or never ready")
                .help("write a name of at most 54 characters: the HPA is called `keda-hpa-<name>`"),
            );
            return self.trigger_names(view);
        }
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
        self.trigger_names(view);
    }

    pub(super) fn trigger_names(&mut self, view: &View<'_>) {
        for (at, trigger) in view.triggers.iter().enumerate() {
            let Some(name) = trigger.name.filter(|name| super::is_known(name)) else { continue };
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

    /// Source: kedacore/keda apis/keda/v1alpha1/gvkr.go, ParseGVKR.
    fn custom_kind(&mut self, view: &View<'_>) {
        let Some(target) = view.spec.get("scaleTargetRef") else { return };
        let Some(kind) = target.get("kind") else { return };
        let Some(name) = kind.as_str().filter(|kind| super::is_known(kind)) else { return };
        if name == "DaemonSet" {
            return self.push(
                Finding::new(&CUSTOM_KIND, self.place(kind), "a DaemonSet cannot be scaled")
                    .why("it has one pod per node and no scale: KEDA reports an error for ever")
                    .help("scale a Deployment"),
            );
        }
        const OF_APPS: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];
        let version =
            target.get("apiVersion").and_then(Node::as_written).filter(|text| !text.trim().is_empty());
        if name.is_empty()
            || OF_APPS.contains(&name)
            || version.as_deref().is_some_and(|text| text != "apps/v1")
        {
            return;
        }
        // Kinds are words of their own: `deployment` is another one, which nobody has.
        if let Some(word) =
            nearest(name, OF_APPS).filter(|word| version.is_some() || word.eq_ignore_ascii_case(name))
        {
            return self.push(
                Finding::new(
                    &CUSTOM_KIND,
                    self.place(kind),
                    format!("there is no kind `{}` in apps/v1", name.escape_debug()),
                )
                .why("KEDA does not find the workload: the ScaledObject is never ready, and nothing scales")
                .help(format!("did you mean {word}?"))
                .replace(true, format!("write {word}"), self.place(kind), word),
            );
        }
        if version.is_some() {
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

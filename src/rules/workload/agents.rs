//! Build agents that run as a Deployment: a scale-in takes away any of them, whatever it is doing.
//!
//! Sources: kedacore/keda-docs content/docs (azure-pipelines: agents run best as ScaledJobs); kubernetes/kubernetes
//! pkg/controller/controller_utils.go, ActivePodsWithRanks (which pods go first: none asks what a pod is doing).

use super::{AGENTS, Scaled};
use crate::finding::Finding;
use crate::manifest::Node;

/// Seconds within which most builds have ended.
const LONG: i64 = 600;

pub(super) fn check(scaled: &[Scaled<'_>], findings: &mut Vec<Finding>) {
    for one in scaled.iter().filter(|one| one.autoscaler.kind() == "ScaledObject") {
        let triggers = one.autoscaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
        let of_builds = triggers.iter().find_map(|trigger| {
            let node = trigger.get("type")?;
            matches!(node.as_str()?, "azure-pipelines" | "github-runner").then_some(node)
        });
        let Some(node) = of_builds else { continue };
        let workload = one.workload;
        let is_changed = |path: &Vec<String>| {
            path.iter().any(|key| matches!(key.as_str(), "terminationGracePeriodSeconds" | "lifecycle"))
        };
        let spec = workload.pod_template().and_then(|template| template.get("spec"));
        let grace = spec.and_then(|spec| spec.get("terminationGracePeriodSeconds"));
        // What is not a number yet may be any.
        let seconds = grace.map_or(Some(30), |node| node.as_written()?.parse::<i64>().ok()).unwrap_or(LONG);
        let waits =
            workload.containers().iter().any(|container| container.at(&["lifecycle", "preStop"]).is_some());
        if spec.is_none() || seconds >= LONG || waits || workload.patched.iter().any(is_changed) {
            continue;
        }
        findings.push(
            Finding::new(
                &AGENTS,
                one.autoscaler.place(node),
                format!("a scale-in ends agents in the middle of a build, after {seconds} s"),
            )
            .related(workload.name_place(), format!("the agents are the pods of this {}", workload.kind()))
            .why("Kubernetes takes away any pod, not the idle one, and the count of waiting builds falls as soon as agents have taken them: the build on that agent fails")
            .help("write a ScaledJob, whose pods end by themselves after one build; or `terminationGracePeriodSeconds` as long as the longest build, and an agent that finishes its work at SIGTERM"),
        );
    }
}

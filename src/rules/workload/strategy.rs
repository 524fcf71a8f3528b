//! How a workload is brought up to date, in words that Kubernetes refuses.
//!
//! Sources: kubernetes/kubernetes pkg/apis/apps/validation/validation.go, ValidateDeploymentStrategy and
//! ValidateRollingUpdateDeployment; argoproj/argo-rollouts pkg/apis/rollouts/validation/validation.go,
//! InvalidMaxSurgeMaxUnavailable.

use super::UPDATE_STRATEGY;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    for workload in ["Deployment", "Rollout"].into_iter().flat_map(|kind| inventory.kind(kind)) {
        let is_changed = |path: &Vec<String>| path.get(1).is_some_and(|key| key == "strategy");
        if !workload.patched.iter().any(is_changed) {
            findings.extend(recreated(workload).or_else(|| stuck(workload)));
        }
    }
}

fn refused(workload: &Object<'_>, finding: Finding) -> Finding {
    match workload.kind() {
        "Rollout" => finding.why("Argo Rollouts takes the object for invalid: no pod is started or replaced"),
        _ => finding.why("the API server refuses the object: there is no workload to scale"),
    }
}

/// Neither a pod more nor a pod less: no step is possible.
fn stuck(workload: &Object<'_>) -> Option<Finding> {
    let at: &[&str] = match workload.kind() {
        "Rollout" => &["spec", "strategy", "canary"],
        _ => &["spec", "strategy", "rollingUpdate"],
    };
    let update = workload.at(at)?;
    let zero =
        |key: &str| update.get(key).filter(|node| matches!(node.as_written().as_deref(), Some("0" | "0%")));
    let (surge, unavailable) = (zero("maxSurge")?, zero("maxUnavailable")?);
    let finding = Finding::new(
        &UPDATE_STRATEGY,
        workload.place(unavailable),
        "`maxSurge` and `maxUnavailable` are both 0",
    )
    .related(workload.place(surge), "no pod more")
    .help("write `maxSurge: 1`, so that a new pod is ready before an old one goes");
    Some(refused(workload, finding))
}

fn recreated(workload: &Object<'_>) -> Option<Finding> {
    let kind = workload.at(&["spec", "strategy", "type"]).filter(|node| node.as_str() == Some("Recreate"))?;
    let update = workload.at(&["spec", "strategy", "rollingUpdate"])?;
    let finding =
        Finding::new(&UPDATE_STRATEGY, workload.place(update), "`rollingUpdate` beside `type: Recreate`")
            .related(workload.place(kind), "all pods are stopped before new ones start")
            .help("take `rollingUpdate` out, or write `type: RollingUpdate`");
    Some(refused(workload, finding)).filter(|_| workload.kind() == "Deployment" && !is_empty(update))
}

fn is_empty(node: &Node) -> bool {
    node.entries().is_empty()
}

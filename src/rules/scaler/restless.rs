//! Windows and periods that are shorter than the HPA looks, and a direction that is switched off, of ScaledObjects and of
//! plain HPAs.
//!
//! Sources: kubernetes/kubernetes cmd/kube-controller-manager/app/options/hpacontroller.go (it looks every 15 s);
//! pkg/apis/autoscaling/v2/defaults.go (windows of 0 s before scaling out and of 300 s before scaling in);
//! pkg/controller/podautoscaler/horizontal.go, calculateScaleUpLimitWithScalingRules (with `Disabled` the limit is what is
//! there).

use super::cards::{DISABLED, RESTLESS};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::Node;

/// How often the HPA looks, in seconds.
const LOOK: i64 = 15;

/// `least`: the shortest quiet before scaling in of which nothing is said.
pub(super) fn check(object: &Object<'_>, behavior: &Node, least: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let number = |node: &Node| node.as_written().and_then(|text| text.parse::<i64>().ok());
    for direction in ["scaleUp", "scaleDown"] {
        let Some(rules) = behavior.get(direction) else { continue };
        if let Some(node) = rules.get("stabilizationWindowSeconds")
            && let Some(seconds) = number(node)
        {
            let place = object.place(node);
            if direction == "scaleDown" && seconds < least {
                findings.push(
                    Finding::new(&RESTLESS, place, format!("scales in after {seconds} s of quiet"))
                        .why("one scrape that is late, or one lull between two waves, and the pods are gone that the next wave needs")
                        .help("write at least 60; 300 is the default of Kubernetes"),
                );
            } else if direction == "scaleUp" && (1..LOOK).contains(&seconds) {
                findings.push(
                    Finding::new(&RESTLESS, place, format!("a window of {seconds} s"))
                        .why("the HPA looks every 15 s: a shorter window holds one look alone, and waits for nothing")
                        .help("leave it out, which is 0 and the same; against short peaks write 30 or more"),
                );
            }
        }
        for policy in rules.get("policies").map(Node::items).unwrap_or_default() {
            if let Some(node) = policy.get("periodSeconds")
                && let Some(seconds) = number(node)
                && (1..LOOK).contains(&seconds)
            {
                findings.push(
                    Finding::new(&RESTLESS, object.place(node), format!("a period of {seconds} s"))
                        .why("the HPA looks every 15 s: each look is a period of its own, and the policy limits nothing")
                        .help("write at least 15"),
                );
            }
        }
    }
    findings
}

/// A maximum that nothing leads to. `range`: the numbers of pods between which the HPA decides.
pub(super) fn disabled(object: &Object<'_>, behavior: &Node, range: (i64, i64)) -> Option<Finding> {
    let node = behavior.at(&["scaleUp", "selectPolicy"]).filter(|node| node.as_str() == Some("Disabled"))?;
    let (min, max) = range;
    (min < max).then(|| {
        Finding::new(&DISABLED, object.place(node), "scaling out is switched off")
            .why(format!("with `Disabled` the HPA adds no pod, whatever the load: from {min} nothing leads to {max}, and pods that were taken away never come back"))
            .help("write `Max` or `Min`, or leave `selectPolicy` out, and limit the pace by `policies`")
    })
}

/// The behavior of a plain HPA. Whoever writes a window there has looked the default up.
pub fn of_hpa(object: &Object<'_>) -> Vec<Finding> {
    let Some(behavior) = object.at(&["spec", "behavior"]) else { return Vec::new() };
    let mut findings = check(object, behavior, LOOK);
    let min = object.integer(&["spec", "minReplicas"]).unwrap_or(1);
    let max = object.integer(&["spec", "maxReplicas"]);
    findings.extend(max.and_then(|max| disabled(object, behavior, (min, max))));
    findings
}

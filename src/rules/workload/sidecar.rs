//! Sidecars that are put into pods as they start, without a request for what the autoscaler compares with.
//!
//! Sources: dapr/docs reference/arguments-annotations-overview.md (no cpu request by default);
//! linkerd/website reference/proxy-configuration.md (likewise); kubernetes/kubernetes
//! pkg/controller/podautoscaler/replica_calculator.go, calculateRequests: one container without is enough.

use super::{INJECTED_SIDECAR, Scaled};
use crate::finding::Finding;
use crate::manifest::Node;

/// Annotation that puts the sidecar in, its value, and the annotation for its cpu request.
const INJECTED: [(&str, &str, &str, &str); 2] = [
    ("dapr.io/enabled", "true", "dapr.io/sidecar-cpu-request", "daprd"),
    ("linkerd.io/inject", "enabled", "config.linkerd.io/proxy-cpu-request", "linkerd-proxy"),
];

pub(super) fn check(one: &Scaled<'_>, findings: &mut Vec<Finding>) {
    let Some(place) = compared_with_requests(one) else { return };
    let annotations = one.workload.at(&["spec", "template", "metadata", "annotations"]);
    let Some(annotations) = annotations else { return };
    let value = |key: &str| annotations.get(key).and_then(Node::as_written);
    for (switch, on, request, container) in INJECTED {
        if value(switch).as_deref() != Some(on) || value(request).is_some() {
            continue;
        }
        let Some(entry) = annotations.entries().iter().find(|entry| entry.key == switch) else { continue };
        findings.push(
            Finding::new(
                &INJECTED_SIDECAR,
                crate::source::Place::new(one.workload.document.file, entry.key_span),
                format!("the sidecar `{container}` requests no cpu"),
            )
            .related(one.autoscaler.place(place), "compared with the requests of all containers")
            .why("one container without a request and the share of the whole pod is unknown: the HPA shows <unknown>, and does not scale by it")
            .help(format!("write the annotation `{request}: 100m`, or let only your own container count (`containerName`)")),
        );
    }
}

/// The metric by which cpu is compared with the requests of the whole pod.
fn compared_with_requests<'i>(one: &Scaled<'i>) -> Option<&'i Node> {
    let list = |path: &[&str]| one.autoscaler.at(path).map(Node::items).unwrap_or_default();
    let text = |node: &Node, path: &[&str]| node.at(path).and_then(Node::as_written);
    let trigger = list(&["spec", "triggers"]).iter().find(|trigger| {
        text(trigger, &["type"]).as_deref() == Some("cpu")
            && text(trigger, &["metricType"]).as_deref() == Some("Utilization")
            && text(trigger, &["metadata", "containerName"]).is_none()
    });
    trigger.or_else(|| {
        list(&["spec", "metrics"]).iter().find(|metric| {
            text(metric, &["type"]).as_deref() == Some("Resource")
                && text(metric, &["resource", "name"]).as_deref() == Some("cpu")
                && text(metric, &["resource", "target", "type"]).as_deref() == Some("Utilization")
        })
    })
}

//! What cpu and memory are compared with.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, verifyCPUMemoryScalers;
//! kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, calculateRequests.

use super::cards::{CONTAINER_MISSING, REQUEST_MISSING};
use super::{Expected, ResourceUse, pod_spec};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::Node;

pub(super) fn check(
    expected: &Expected,
    workload: &Object<'_>,
    documents: &[Object<'_>],
    findings: &mut Vec<Finding>,
) {
    let Some(spec) = pod_spec(workload) else { return };
    let containers = spec.get("containers").map(Node::items).unwrap_or_default();
    // A sidecar that starts before the others counts as well.
    let sidecars = spec.get("initContainers").map(Node::items).unwrap_or_default();
    let sidecars = sidecars
        .iter()
        .filter(|container| container.get("restartPolicy").and_then(Node::as_str) == Some("Always"));
    let all: Vec<&Node> = containers.iter().chain(sidecars).collect();
    for usage in &expected.resources {
        if has_default(expected, usage.resource, documents) {
            continue;
        }
        match &usage.container {
            None => {
                for container in &all {
                    request(expected, usage, workload, container, findings);
                }
            }
            Some(name) => match all.iter().find(|container| container_name(container) == name) {
                Some(container) => request(expected, usage, workload, container, findings),
                None => {
                    let names: Vec<&str> = all.iter().map(|container| container_name(container)).collect();
                    findings.push(
                        Finding::new(
                            &CONTAINER_MISSING,
                            usage.place,
                            format!("the pod template has no container `{name}`"),
                        )
                        .related(workload.name_place(), "the workload")
                        .why("KEDA accepts it, and the HPA reports the metric as unknown for ever")
                        .help(format!("the containers are `{}`", names.join("`, `"))),
                    );
                }
            },
        }
    }
}

fn container_name(container: &Node) -> &str {
    container.get("name").and_then(Node::as_str).unwrap_or_default()
}

fn request(
    expected: &Expected,
    usage: &ResourceUse,
    workload: &Object<'_>,
    container: &Node,
    findings: &mut Vec<Finding>,
) {
    let set = |kind: &str| {
        let value = container.at(&["resources", kind, usage.resource]).and_then(Node::as_written);
        value.is_some_and(|value| {
            value
                .trim_start_matches(['0', '.'])
                .starts_with(|c: char| c.is_ascii_digit() || c == '$' || c == '{')
        })
    };
    // A limit alone is enough: the API server copies it into the request.
    if set("requests") || set("limits") {
        return;
    }
    let place = container.get("name").unwrap_or(container);
    findings.push(
        Finding::new(
            &REQUEST_MISSING,
            workload.place(place),
            format!("the container `{}` requests no {}", container_name(container), usage.resource),
        )
        .related(usage.place, "the signal that is compared with the request")
        .why(match (expected.asker, usage.is_checked_by_keda(&expected.workload.value.kind)) {
            (super::HPA, _) | (_, false) => {
                "one container without a request and the share of the whole pod is unknown: the HPA shows <unknown>, and does not scale by it"
            }
            _ => "one container without a request and the share of the whole pod is unknown: KEDA refuses the ScaledObject",
        })
        .help(format!(
            "write `resources: {{ requests: {{ {}: … }} }}`, or name the container that counts: `{}`",
            usage.resource,
            match expected.asker {
                "the policy" => "container = \"…\"",
                super::HPA => "type: ContainerResource",
                _ => "containerName",
            },
        )),
    );
}

/// A LimitRange of the namespace that fills requests in.
fn has_default(expected: &Expected, resource: &str, documents: &[Object<'_>]) -> bool {
    let namespace = &expected.workload.value.namespace;
    documents
        .iter()
        .filter(|document| document.kind() == "LimitRange" && document.may_be_in(namespace))
        .flat_map(|document| document.at(&["spec", "limits"]).map(Node::items).unwrap_or_default())
        .filter(|limit| limit.get("type").and_then(Node::as_str) == Some("Container"))
        // Kubernetes fills `default` in from `max`.
        .any(|limit| {
            ["default", "defaultRequest", "max"].iter().any(|kind| limit.at(&[kind, resource]).is_some())
        })
}

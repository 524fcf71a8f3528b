//! Sidecars that are put into pods as they start: without a request for what the autoscaler compares with, or with one
//! that counts beside that of the pod's own containers.
//!
//! Sources: dapr/docs reference/arguments-annotations-overview.md (no request by default); linkerd/website
//! reference/proxy-configuration.md (likewise); istio/istio manifests/charts/istio-control/istio-discovery/values.yaml
//! (100m and 128Mi) and pkg/kube/inject/inject.go (who gets one); kubernetes/kubernetes
//! pkg/controller/podautoscaler/replica_calculator.go, calculateRequests: one container without is enough.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::usage::{Usage, sum};
use super::{INJECTED_SIDECAR, Scaled};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node};
use crate::model::{plain, quantity_value};
use crate::source::Place;

/// What puts a sidecar in.
struct Injector {
    /// The label or annotation of the pods, and its value.
    switch: (&'static str, &'static str),
    /// That of their namespace.
    of_namespace: Option<(&'static str, &'static str)>,
    container: &'static str,
    /// For each resource the annotation for its request, and what it is without.
    requests: [(&'static str, &'static str, Option<&'static str>); 2],
}

const INJECTORS: [Injector; 3] = [
    Injector {
        switch: ("dapr.io/enabled", "true"),
        of_namespace: None,
        container: "daprd",
        requests: [
            ("cpu", "dapr.io/sidecar-cpu-request", None),
            ("memory", "dapr.io/sidecar-memory-request", None),
        ],
    },
    Injector {
        switch: ("linkerd.io/inject", "enabled"),
        of_namespace: Some(("linkerd.io/inject", "enabled")),
        container: "linkerd-proxy",
        requests: [
            ("cpu", "config.linkerd.io/proxy-cpu-request", None),
            ("memory", "config.linkerd.io/proxy-memory-request", None),
        ],
    },
    Injector {
        switch: ("sidecar.istio.io/inject", "true"),
        of_namespace: Some(("istio-injection", "enabled")),
        container: "istio-proxy",
        requests: [
            ("cpu", "sidecar.istio.io/proxyCPU", Some("100m")),
            ("memory", "sidecar.istio.io/proxyMemory", Some("128Mi")),
        ],
    },
];

/// A sidecar, and the line that puts it in.
struct Injected<'i> {
    injector: &'static Injector,
    place: Place,
    /// The labels and annotations around it: of the pods, and of the namespace.
    around: Vec<&'i Entry>,
}

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>, findings: &mut Vec<Finding>) {
    let shares = Usage::all(one.autoscaler);
    let shares: Vec<_> =
        shares.into_iter().filter(|usage| usage.is_share && usage.container.is_none()).collect();
    if shares.is_empty() {
        return;
    }
    for sidecar in injected(inventory, one.workload) {
        let mut found = shares.iter().find_map(|usage| told(one, usage, &sidecar));
        if let Some(finding) = found.as_mut().filter(|_| is_proven(inventory, one, &sidecar)) {
            finding.severity = Severity::Error;
        }
        findings.extend(found);
    }
}

/// Whether Dapr, of which objects are here, puts in a sidecar without any request, and an HPA has nothing else to go by.
///
/// Source: dapr/dapr pkg/injector/patcher/sidecar_container.go, getResourceRequirements: without annotations there are none.
fn is_proven(inventory: &Inventory<'_>, one: &Scaled<'_>, sidecar: &Injected<'_>) -> bool {
    let metrics = one.autoscaler.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
    sidecar.injector.container == "daprd"
        && one.autoscaler.kind() == "HorizontalPodAutoscaler"
        && metrics.len() <= 1
        && one.workload.patched.is_empty()
        && one.autoscaler.patched.is_empty()
        && one.workload.belongs_to(one.autoscaler)
        && inventory.objects.iter().any(|object| object.group() == "dapr.io")
        && inventory.kind("LimitRange").next().is_none()
}

/// Whether the pods have more containers than their template.
pub(super) fn is_injected<'i>(inventory: &'i Inventory<'i>, workload: &Object<'i>) -> bool {
    !injected(inventory, workload).is_empty()
}

fn injected<'i>(inventory: &'i Inventory<'i>, workload: &Object<'i>) -> Vec<Injected<'i>> {
    fn marks(metadata: Option<&Node>) -> Vec<&Entry> {
        let all = metadata.into_iter().flat_map(|node| {
            ["labels", "annotations"].into_iter().filter_map(|key| node.get(key)).flat_map(Node::entries)
        });
        all.collect()
    }
    let own = marks(workload.pod_template().and_then(|template| template.get("metadata")));
    let space = workload.namespace.as_deref().and_then(|name| {
        let mut all = inventory.named("Namespace", name);
        all.next().filter(|_| all.next().is_none())
    });
    let of_space = marks(space.and_then(|space| space.at(&["metadata"])));
    let find = |all: &[&'i Entry], key: &str| all.iter().find(|entry| entry.key == key).copied();
    let is_on = |entry: &Entry, on: &str| entry.node.as_written().as_deref() == Some(on);
    let found = INJECTORS.iter().filter_map(|injector| {
        let (key, on) = injector.switch;
        let (file, entry) = match (find(&own, key), injector.of_namespace, space) {
            // What the pods say counts before what their namespace does.
            (Some(entry), _, _) => (workload.document.file, Some(entry).filter(|entry| is_on(entry, on))?),
            (None, Some((key, on)), Some(space)) => {
                (space.document.file, find(&of_space, key).filter(|entry| is_on(entry, on))?)
            }
            _ => return None,
        };
        // Of a pod in both hands the names of the containers tell: one that is written is not put in.
        let is_written = |node: &Node| node.get("name").and_then(Node::as_str) == Some(injector.container);
        (!workload.containers().iter().any(is_written)).then(|| Injected {
            injector,
            place: Place::new(file, entry.key_span),
            around: own.iter().chain(&of_space).copied().collect(),
        })
    });
    found.collect()
}

fn told(one: &Scaled<'_>, usage: &Usage<'_>, sidecar: &Injected<'_>) -> Option<Finding> {
    let container = sidecar.injector.container;
    let requests = sidecar.injector.requests.iter();
    let (resource, key, default) = requests.copied().find(|(resource, _, _)| *resource == usage.resource)?;
    // Who writes it has thought of it; the API server copies a limit into the request.
    let limit = key.replace("-request", "-limit");
    let is_it = |entry: &&Entry| entry.key == key || default.is_none() && entry.key == limit;
    if sidecar.around.iter().any(is_it) {
        return None;
    }
    let own = one.workload.containers().first()?.get("name").and_then(Node::as_str).unwrap_or("app");
    let alone = match one.autoscaler.kind() {
        "ScaledObject" => format!("`containerName: {own}` in the metadata of the trigger"),
        _ => format!("`type: ContainerResource` with `container: {own}`, in autoscaling/v2"),
    };
    let Some(default) = default else {
        let example = if resource == "cpu" { "100m" } else { "64Mi" };
        return Some(
            Finding::new(
                &INJECTED_SIDECAR,
                sidecar.place,
                format!("the sidecar `{container}` requests no {resource}"),
            )
            .related(one.autoscaler.place(usage.node), "compared with the requests of all containers")
            .why("one container without a request and the share of the whole pod is unknown: the HPA shows <unknown>, and does not scale by it")
            .help(format!("write the annotation `{key}: {example}`, or let only your own container count: {alone}")),
        );
    };
    let mut finding = Finding::new(
        &INJECTED_SIDECAR,
        one.autoscaler.place(usage.target),
        format!("the {resource} of the sidecar `{container}` counts too"),
    )
    .related(sidecar.place, "puts it into the pods")
    .why(format!(
        "the HPA divides what all containers use by what all of them request, the sidecar with {default} unless it is told otherwise{}",
        shifted(one, usage, default).unwrap_or_default()
    ))
    .help(format!("let only your own container count: {alone}"));
    finding.severity = Severity::Note;
    Some(finding)
}

/// At which share of its own request the container reaches the target, while the sidecar idles.
fn shifted(one: &Scaled<'_>, usage: &Usage<'_>, default: &str) -> Option<String> {
    let target = quantity_value(&usage.target.as_written()?)?;
    let own = sum(one.workload, (&["requests", "limits"], &usage.resource), None)?;
    let both = own.checked_add(quantity_value(default)?)?;
    let reached = target.checked_mul(both)?.checked_div(own)?.round().to_i64()?;
    (Decimal::from(reached) > target).then(|| {
        format!(": while it idles, a pod is added when your own containers use {reached} % of their request, not {} %", plain(target))
    })
}

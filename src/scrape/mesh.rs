//! Monitors that ask in plain text pods whose sidecar takes mutual TLS only.
//!
//! Sources: istio/istio.io content/en/docs/ops/integrations/prometheus (with STRICT a scrape of the application's own port
//! needs the certificates of Istio, or the merging of metrics at 15020, which is open) and
//! content/en/docs/reference/config/security/peer_authentication (the nearest policy counts: workload, namespace, mesh;
//! ports by `portLevelMtls`); istio/istio pkg/kube/inject/inject.go, injectRequired.

use super::monitor::{endpoints, selected};
use super::rules::STRICT_MTLS;
use super::target::Pods;
use super::way::Scraped;
use super::world::World;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// Where a policy holds for the whole mesh.
const ROOT: &str = "istio-system";

/// All workloads against the policies of the mesh.
pub fn check(world: &World<'_>, inventory: &Inventory<'_>) -> Vec<Finding> {
    let policies: Vec<&Object<'_>> =
        inventory.kind("PeerAuthentication").filter(|one| is_istio(one)).collect();
    if policies.is_empty() {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = Vec::new();
    for pods in world.index.workloads() {
        let Some(sidecar) = sidecar(pods, inventory) else { continue };
        let Some(policy) = strict(pods, &policies) else { continue };
        for way in world.passages(pods).iter().filter_map(|passage| passage.scraped()) {
            let Some((monitor, node)) = plain(way, world) else { continue };
            let open: Vec<&str> = way
                .endpoints
                .iter()
                .map(|(port, _)| port.as_str())
                .filter(|port| port.parse::<u32>().is_ok() && !is_let_in(pods, port))
                .collect();
            let Some(port) = open.first() else { continue };
            let place = monitor.place(node);
            if findings.iter().any(|other| other.place == place) {
                continue;
            }
            findings.push(told(pods, policy, sidecar, (way, place, port)));
        }
    }
    findings
}

fn is_istio(object: &Object<'_>) -> bool {
    object.group() == "security.istio.io"
}

fn told(
    pods: &Pods<'_>,
    policy: &Object<'_>,
    sidecar: Place,
    (way, place, port): (&Scraped, Place, &str),
) -> Finding {
    let (kind, name) = (pods.object.kind(), &pods.object.name);
    Finding::new(
        &STRICT_MTLS,
        place,
        format!("{} asks in plain text, and the pods of {kind} `{name}` take mutual TLS only", way.what),
    )
    .related(policy.name_place(), "this policy is STRICT")
    .related(sidecar, "this gives the pods a sidecar")
    .why(format!(
        "the sidecar closes each connection at {port} that brings no certificate of the mesh: the target is down, and no series of it comes"
    ))
    .help(format!(
        "annotate the pods with `traffic.sidecar.istio.io/excludeInboundPorts: \"{port}\"`, or write `portLevelMtls: {{{port}: {{mode: PERMISSIVE}}}}` into a PeerAuthentication that selects them; with the certificates of Istio mounted into Prometheus, `scheme: https` and a `tlsConfig` do it as well"
    ))
}

/// The monitor behind a way, and its endpoint without TLS; what follows annotations is led to the merged metrics.
fn plain<'i>(way: &Scraped, world: &World<'i>) -> Option<(&'i Object<'i>, &'i Node)> {
    let monitor = world.index.monitors.iter().copied().find(|monitor| {
        let span = monitor.document.node.span;
        monitor.document.file == way.by.file && span.start <= way.by.span.start && way.by.span.end <= span.end
    })?;
    let all = endpoints(monitor);
    let is_plain = |endpoint: &Node| {
        let scheme = endpoint.get("scheme").and_then(Node::as_written).unwrap_or_default();
        !scheme.eq_ignore_ascii_case("https")
            && !has_variable(&scheme)
            && endpoint.get("tlsConfig").is_none()
            && !has_merged_port(endpoint)
    };
    let first = all.first().filter(|_| all.iter().all(is_plain))?;
    Some((monitor, first.get("port").unwrap_or(first)))
}

/// A port of the sidecar itself.
fn has_merged_port(endpoint: &Node) -> bool {
    let port =
        ["port", "targetPort"].iter().find_map(|key| endpoint.get(key)?.as_written()).unwrap_or_default();
    port.contains("envoy") || is_of_the_sidecar(&port) || endpoint.get("relabelings").is_some()
}

fn is_of_the_sidecar(port: &str) -> bool {
    port.len() == 5 && port.starts_with("150")
}

/// What gives the pods a sidecar, if they have one.
fn sidecar(pods: &Pods<'_>, inventory: &Inventory<'_>) -> Option<Place> {
    const INJECT: &str = "sidecar.istio.io/inject";
    let own = pods.labels.get(INJECT).or_else(|| pods.annotations.get(INJECT));
    let host = pods.object.at(&["spec", "template", "spec", "hostNetwork"]).and_then(Node::as_written);
    if own.is_some_and(|value| value != "true") || host.is_some_and(|value| value != "false") {
        return None;
    }
    if own.is_some() {
        let template = ["spec", "template", "metadata"];
        return pods.object.at(&template).map(|node| {
            let node =
                ["labels", "annotations"].iter().find_map(|key| node.at(&[key, INJECT])).unwrap_or(node);
            pods.object.place(node)
        });
    }
    let home = home(pods.object)?;
    let namespace = inventory.named("Namespace", home).next()?;
    let labels = namespace.labels();
    let enables = |(name, value): &(String, String)| {
        name == "istio-injection" && value == "enabled" || name == "istio.io/rev" && !has_variable(value)
    };
    labels.iter().any(enables).then(|| namespace.name_place())
}

/// The namespace that an object is in, in every overlay.
fn home<'o>(object: &'o Object<'_>) -> Option<&'o str> {
    let mut all = object.names.iter().map(|(namespace, _)| namespace.as_deref());
    let agreed = || {
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    };
    object.namespace.as_deref().or_else(agreed)
}

/// The policy that asks these pods for mutual TLS; None where none does, or where it cannot be told.
fn strict<'p, 'i>(pods: &Pods<'_>, policies: &[&'p Object<'i>]) -> Option<&'p Object<'i>> {
    let home = home(pods.object)?;
    // What a policy of the pods' own namespace says of some of them counts before what it says of all.
    let mut levels: [Vec<&'p Object<'i>>; 3] = Default::default();
    for policy in policies.iter().copied() {
        let theirs = self::home(policy)?;
        match policy.at(&["spec", "selector"]).filter(|node| !node.entries().is_empty()) {
            Some(selector) if theirs == home => match selected(selector, &pods.labels) {
                Some(true) => levels[0].push(policy),
                Some(false) => {}
                None => return None,
            },
            None if theirs == home => levels[1].push(policy),
            None if theirs == ROOT => levels[2].push(policy),
            _ => {}
        }
    }
    let level = levels.into_iter().find(|level| !level.is_empty())?;
    let is_strict = |policy: &&Object<'_>| {
        policy.text(&["spec", "mtls", "mode"]) == Some("STRICT")
            && policy.at(&["spec", "portLevelMtls"]).is_none()
            && !policy.patched.iter().any(|path| path.iter().any(|key| key == "mtls"))
    };
    level.iter().all(is_strict).then(|| level[0])
}

/// Whether the sidecar leaves a port alone.
fn is_let_in(pods: &Pods<'_>, port: &str) -> bool {
    const EXCLUDED: &str = "traffic.sidecar.istio.io/excludeInboundPorts";
    const INCLUDED: &str = "traffic.sidecar.istio.io/includeInboundPorts";
    let excluded = pods
        .annotations
        .get(EXCLUDED)
        .is_some_and(|list| has_variable(list) || list.split(',').any(|one| one.trim() == port));
    let is_left_out = pods
        .annotations
        .get(INCLUDED)
        .is_some_and(|list| list != "*" && !list.split(',').any(|one| one.trim() == port));
    excluded || is_left_out || is_of_the_sidecar(port)
}

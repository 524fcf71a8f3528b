//! Workloads that sleep while nothing waits in their queue, and to which requests from outside lead.
//!
//! Sources: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go (only a trigger wakes); kubernetes/ingress-nginx
//! docs/user-guide/nginx-configuration (503 for a Service without endpoints); kubernetes-sigs/gateway-api
//! apis/v1/httproute_types.go (a backend without endpoints is a 503).

use super::ASLEEP;
use super::Scaled;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object, selects};
use crate::manifest::Node;
use crate::rules::scaler::{View, counts_waiting};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    for one in scaled.iter().filter(|one| one.autoscaler.kind() == "ScaledObject") {
        findings.extend(unanswered(inventory, one));
    }
}

fn unanswered<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>) -> Option<Finding> {
    let view = View::of(one.autoscaler)?;
    let sleeps = view.idle.map_or(view.min.unwrap_or(0) == 0, |idle| idle == 0);
    let is_changed = one
        .autoscaler
        .bounds
        .iter()
        .flatten()
        .any(|(key, _)| matches!(*key, "minReplicaCount" | "idleReplicaCount"));
    let mut others = view.triggers.iter().filter(|trigger| !trigger.is_resource()).peekable();
    if view.is_open
        || !sleeps
        || is_changed
        || others.peek().is_none()
        || !others.all(|trigger| counts_waiting(trigger.kind))
    {
        return None;
    }
    // Another one behind the same Service may answer.
    let is_own = |service: &&&Object<'i>| {
        !["Deployment", "StatefulSet", "Rollout", "DaemonSet"]
            .into_iter()
            .flat_map(|kind| inventory.kind(kind))
            .any(|other| other.name != one.workload.name && selects(service, &other.pod_labels()))
    };
    let services = inventory.services_of(one.workload);
    let mut own = services.iter().filter(is_own);
    let (service, (way, node)) =
        own.find_map(|service| Some((service, way_to(inventory, service).or_else(|| open(service))?)))?;
    let (place, keep) = match view.entry("idleReplicaCount").or_else(|| view.entry("minReplicaCount")) {
        Some(entry) if view.idle.is_some() => (&entry.node, "leave `idleReplicaCount` out"),
        Some(entry) => (&entry.node, "write `minReplicaCount: 1`"),
        None => (view.spec.get("scaleTargetRef")?, "write `minReplicaCount: 1`"),
    };
    let answer = match way.kind() {
        "Service" => "nobody takes a connection",
        _ => "every request is answered with 503",
    };
    Some(
        Finding::new(
            &ASLEEP,
            one.autoscaler.place(place),
            format!("`{}` sleeps while its queue is empty, and requests lead to it", one.workload.name),
        )
        .related(way.place(node), if way.kind() == "Service" {
            format!("the Service `{}` lets requests in from outside", service.name)
        } else {
            format!("{} `{}` leads to the Service `{}`", way.kind(), way.name, service.name)
        })
        .why(format!("at 0 pods {answer}, and no request wakes a pod: only what waits in the queue does"))
        .help(format!("{keep}, or let another Deployment answer the requests; pods that requests wake need KEDA's HTTP add-on")),
    )
}

/// A Service that is itself a way from outside.
fn open<'i>(service: &&'i Object<'i>) -> Option<(&'i Object<'i>, &'i Node)> {
    let kind = service.at(&["spec", "type"])?;
    matches!(kind.as_str(), Some("LoadBalancer" | "NodePort")).then_some((*service, kind))
}

/// The way from outside to a Service, and where it names it.
fn way_to<'i>(inventory: &'i Inventory<'i>, service: &Object<'i>) -> Option<(&'i Object<'i>, &'i Node)> {
    let ways = ["Ingress", "HTTPRoute", "GRPCRoute", "VirtualService", "IngressRoute"];
    ways.into_iter().flat_map(|kind| inventory.kind(kind)).find_map(|way| {
        let names = backends(way);
        let is_it = |(name, namespace): (&str, Option<&str>)| {
            let is_there = match namespace {
                Some(namespace) => service.may_be_in(namespace),
                None => service.meets(way),
            };
            service.is_called(name) && is_there
        };
        names
            .into_iter()
            .find(|node| meaning(way, node).is_some_and(is_it))
            .map(|node| (way, name_of(way, node)))
    })
}

/// The parts that name Services.
fn backends<'i>(way: &'i Object<'i>) -> Vec<&'i Node> {
    let list = |node: &'i Node, path: &[&str]| node.at(path).map(Node::items).unwrap_or_default().iter();
    let Some(spec) = way.at(&["spec"]) else { return Vec::new() };
    let from = |lists: [&[&'static str]; 2]| -> Vec<&'i Node> {
        list(spec, lists[0]).flat_map(|rule| list(rule, lists[1])).collect()
    };
    match way.kind() {
        "Ingress" => {
            let paths = from([&["rules"], &["http", "paths"]]);
            let own = paths.into_iter().filter_map(|path| path.get("backend"));
            own.chain(spec.get("defaultBackend")).chain(spec.get("backend")).collect()
        }
        "VirtualService" => {
            let gateways = spec.get("gateways").map(Node::items).unwrap_or_default();
            // Without a gateway it is for those inside of the mesh.
            let is_outside = gateways.iter().any(|node| node.as_str().is_some_and(|name| name != "mesh"));
            let routes = from([&["http"], &["route"]]);
            routes.into_iter().filter(|_| is_outside).filter_map(|route| route.get("destination")).collect()
        }
        "IngressRoute" => from([&["routes"], &["services"]]),
        _ => from([&["rules"], &["backendRefs"]]),
    }
}

fn name_of<'i>(way: &Object<'_>, node: &'i Node) -> &'i Node {
    let name = match way.kind() {
        "Ingress" => node.at(&["service", "name"]).or_else(|| node.get("serviceName")),
        "VirtualService" => node.get("host"),
        _ => node.get("name"),
    };
    name.unwrap_or(node)
}

/// Name and namespace of the Service that a backend means.
fn meaning<'i>(way: &Object<'_>, node: &'i Node) -> Option<(&'i str, Option<&'i str>)> {
    let text = name_of(way, node).as_str()?;
    if way.kind() == "VirtualService" {
        let mut parts = text.split('.');
        return Some((parts.next()?, parts.next()));
    }
    let is_service =
        way.kind() == "Ingress" || matches!(node.get("kind").and_then(Node::as_str), None | Some("Service"));
    is_service.then(|| (text, node.get("namespace").and_then(Node::as_str)))
}

//! Workloads that sleep while nothing waits in their queue, or until a request comes through KEDA's interceptor, and to
//! which requests from outside lead all the same.
//!
//! Sources: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go (only a trigger wakes); kubernetes/ingress-nginx
//! docs/user-guide/nginx-configuration (503 for a Service without endpoints); kubernetes-sigs/gateway-api
//! apis/v1/httproute_types.go (a backend without endpoints is a 503); kedacore/keda-docs content/http-add-on/0.15/concepts/routing.md (requests go
//! to the interceptor, which counts them).

use super::ASLEEP;
use super::Scaled;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, selects};
use crate::manifest::Node;
use crate::rules::http;
use crate::rules::scaler::{View, counts_waiting};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    for one in scaled.iter().filter(|one| one.autoscaler.kind() == "ScaledObject") {
        findings.extend(unanswered(inventory, one));
    }
    for object in inventory.objects.iter().filter(|object| !object.is_fragment && http::is_scaler(object)) {
        findings.extend(uncounted(inventory, object));
    }
}

/// Ways that lead to the Service itself, past the interceptor that counts requests and holds them until a pod is there.
fn uncounted<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>) -> Option<Finding> {
    let node = object.at(&["spec", "scaleTargetRef", "service"])?;
    let service = inventory.meant("Service", node.as_str()?, object)?;
    let min = match object.at(&["spec", "replicas", "min"]) {
        Some(_) => object.integer(&["spec", "replicas", "min"])?,
        None => 0,
    };
    // Behind a Service without a selector the interceptor itself may be.
    let leads_on = service.at(&["spec", "selector"]).is_none_or(|node| node.entries().is_empty());
    let (way, backend) = way_to(inventory, service).filter(|_| !leads_on)?;
    // Another way through the interceptor, for the same hosts.
    let is_counted = WAYS.into_iter().flat_map(|kind| inventory.kind(kind)).any(|way| {
        let all = backends(way).into_iter().filter_map(|node| meaning(way, node));
        all.into_iter().any(|(name, _)| is_interceptor(inventory, way, name))
    });
    if is_counted || object.patched.iter().any(|path| path.iter().any(|key| key == "replicas")) {
        return None;
    }
    let (message, why) = match min {
        0 => (
            format!(
                "`{}` sleeps until a request comes through the interceptor, and requests are led past it",
                service.name
            ),
            "at 0 pods every request on that way is answered with 503, and none of them wakes a pod: the add-on counts only what goes through its interceptor",
        ),
        _ => (
            format!("requests reach `{}` past the interceptor, which counts them", service.name),
            "the add-on counts only what goes through its interceptor: whatever the load, the number of pods stays at the minimum",
        ),
    };
    let mut finding = Finding::new(&ASLEEP, object.place(node), message)
        .related(way.place(backend), format!("{} `{}` leads to the Service itself", way.kind(), way.name))
        .why(why)
        .help("lead it to the Service `keda-add-ons-http-interceptor-proxy` on port 8080 of KEDA's namespace; an Ingress reaches that by a Service of type ExternalName beside it");
    finding.severity = Severity::Error;
    Some(finding)
}

/// Whether a backend is the interceptor, or a Service that stands for it.
fn is_interceptor<'i>(inventory: &'i Inventory<'i>, way: &Object<'i>, name: &str) -> bool {
    let outside = || inventory.meant("Service", name, way)?.text(&["spec", "externalName"]);
    name.contains("interceptor") || outside().is_some_and(|host| host.contains("interceptor"))
}

/// Kinds that lead requests to Services.
const WAYS: [&str; 5] = ["Ingress", "HTTPRoute", "GRPCRoute", "VirtualService", "IngressRoute"];

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
    WAYS.into_iter().flat_map(|kind| inventory.kind(kind)).find_map(|way| {
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

//! HTTPScaledObjects and InterceptorRoutes of KEDA's HTTP add-on.
//!
//! Sources: kedacore/http-add-on operator/apis/http/v1alpha1/httpscaledobject_types.go (either `port` or `portName`),
//! CHANGELOG.md 0.9 (`scaleTargetRef.deployment` was dropped), pkg/k8s/scaledobject.go (the ScaledObject that is made of
//! it), pkg/routing (requests are forwarded to the Service by its name and port).

use crate::finding::{Finding, Severity, cards};
use crate::inventory::{Inventory, Object, selects};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

cards! {
    "http":
    TARGET Error "target" "an HTTPScaledObject that does not find what it scales, or where requests go";
    REPLICA_ORDER Error "replica-order" "an HTTPScaledObject whose minimum is above its maximum";
}

/// The group of the HTTP add-on.
const GROUP: &str = "http.keda.sh";

/// Whether this is an HTTPScaledObject.
pub fn is_scaler(object: &Object<'_>) -> bool {
    object.kind() == "HTTPScaledObject" && object.group() == GROUP
}

/// Whether the operator makes a ScaledObject of it.
///
/// Source: kedacore/http-add-on operator/controllers/http/app.go.
pub fn makes_scaled_object(object: &Object<'_>) -> bool {
    let skip = object.at(&["metadata", "annotations", "httpscaledobject.keda.sh/skip-scaledobject-creation"]);
    skip.and_then(Node::as_written).as_deref() != Some("true")
}

/// Everything that is wrong with the objects of the add-on.
pub fn check<'i>(inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment && object.group() == GROUP) {
        let reference = match object.kind() {
            "HTTPScaledObject" => object.at(&["spec", "scaleTargetRef"]),
            "InterceptorRoute" => object.at(&["spec", "target"]),
            _ => None,
        };
        let Some(reference) = reference else { continue };
        if is_scaler(object) {
            findings.extend(unnamed(object, reference));
            findings.extend(replicas(object));
        }
        let way = ports(object, reference).or_else(|| service(inventory, object, reference));
        findings.extend(way);
    }
    findings
}

fn entry<'i>(node: &'i Node, key: &str) -> Option<&'i crate::manifest::Entry> {
    node.entries().iter().find(|entry| entry.key == key)
}

/// A target as it was written before 0.9.
fn unnamed(object: &Object<'_>, reference: &Node) -> Option<Finding> {
    if reference.get("name").is_some() || !makes_scaled_object(object) {
        return None;
    }
    let old = entry(reference, "deployment");
    let place = old.map_or(object.place(reference), |old| Place::new(object.document.file, old.key_span));
    let name = old.and_then(|old| old.node.as_str()).unwrap_or("<name>");
    let message = match old {
        Some(_) => "`deployment` is read by no HTTP add-on since 0.9",
        None => "`scaleTargetRef` does not name the workload",
    };
    Some(
        Finding::new(&TARGET, place, message)
            .why("the ScaledObject that the add-on makes of it has no target: nothing wakes and nothing scales")
            .help(format!(
                "write `name: {}`, `kind: Deployment` and `apiVersion: apps/v1`",
                name.escape_debug()
            )),
    )
}

/// Source: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, CheckReplicaCountBoundsAreValid: 0 and 100 by default.
fn replicas(object: &Object<'_>) -> Option<Finding> {
    let number = |key: &str, default: i64| match object.at(&["spec", "replicas", key]) {
        Some(_) => object.integer(&["spec", "replicas", key]),
        None => Some(default),
    };
    let (min, max) = (number("min", 0)?, number("max", 100)?);
    let place =
        object.at(&["spec", "replicas", "min"]).or_else(|| object.at(&["spec", "replicas", "max"]))?;
    if min <= max || object.patched.iter().any(|path| path.iter().any(|key| key == "replicas")) {
        return None;
    }
    let default =
        if object.at(&["spec", "replicas", "max"]).is_none() { ", the default of KEDA" } else { "" };
    Some(
        Finding::new(
            &REPLICA_ORDER,
            object.place(place),
            format!("the minimum {min} is above the maximum {max}{default}"),
        )
        .why("KEDA refuses the ScaledObject that the add-on makes of it, and nothing scales")
        .help("write min <= max"),
    )
}

/// Of `port` and `portName` the API server wants exactly one.
fn ports(object: &Object<'_>, reference: &Node) -> Option<Finding> {
    let (port, name) = (entry(reference, "port"), entry(reference, "portName"));
    let why = "the API server refuses the object: it wants exactly one of `port` and `portName`";
    match (port, name) {
        (Some(port), Some(name)) => {
            let place = Place::new(object.document.file, name.key_span);
            let related = Place::new(object.document.file, port.key_span);
            Some(
                Finding::new(&TARGET, place, "`portName` beside `port`")
                    .related(related, "the other one")
                    .why(why)
                    .help("keep one of them"),
            )
        }
        (None, None) => Some(
            Finding::new(&TARGET, object.place(reference), "no port of the Service is named")
                .why(why)
                .help("write `port` with a port of the Service, or `portName` with its name"),
        ),
        _ => None,
    }
}

/// The Service to which the interceptor hands the requests on.
fn service<'i>(inventory: &'i Inventory<'i>, object: &Object<'i>, reference: &Node) -> Option<Finding> {
    let node = reference.get("service")?;
    let name = node.as_str().filter(|name| !has_variable(name) && !name.contains("{{"))?;
    let found = inventory.meant("Service", name, object);
    match found.filter(|service| service.document.api_version() == "v1") {
        Some(service) => no_port(object, reference, service),
        None => no_service(inventory, object, node, name),
    }
}

fn no_service<'i>(
    inventory: &'i Inventory<'i>,
    object: &Object<'i>,
    node: &Node,
    name: &str,
) -> Option<Finding> {
    let target = |key: &str| object.text(&["spec", "scaleTargetRef", key]);
    let workload = inventory.meant(
        target("kind").unwrap_or("Deployment"),
        target("name").or_else(|| target("deployment"))?,
        object,
    )?;
    if !workload.is_beside(object) || inventory.named("Service", name).next().is_some() {
        return None;
    }
    let labels = workload.pod_labels();
    let other = inventory.kind("Service").find(|service| service.meets(object) && selects(service, &labels));
    let mut finding = Finding::new(
        &TARGET,
        object.place(node),
        format!("there is no Service `{}` in these files", name.escape_debug()),
    )
    .why("the interceptor has nowhere to hand the requests on to: they are answered with an error, whether pods run or not");
    Some(match other {
        Some(other) => finding
            .related(other.name_place(), "the Service of these pods")
            .help(format!("write `service: {}`", other.name)),
        None => {
            finding.severity = Severity::Warning;
            finding
                .related(workload.name_place(), "the workload, which is here")
                .help("add the Service, or correct the name")
        }
    })
}

fn no_port(object: &Object<'_>, reference: &Node, service: &Object<'_>) -> Option<Finding> {
    let ports = service.at(&["spec", "ports"]).map(Node::items).filter(|ports| !ports.is_empty())?;
    // The name of a headless Service is that of its pods, whose ports count.
    let is_open = service.text(&["spec", "clusterIP"]) == Some("None")
        || service.text(&["spec", "type"]) == Some("ExternalName")
        || service.patched.iter().any(|path| path.iter().any(|key| key == "ports"));
    let (key, of_service) = match reference.get("portName") {
        Some(_) => ("portName", "name"),
        None => ("port", "port"),
    };
    let node = reference.get(key)?;
    let wanted = node.as_written().filter(|text| !has_variable(text) && !text.contains("{{"))?;
    let own: Vec<String> =
        ports.iter().filter_map(|port| port.get(of_service).and_then(Node::as_written)).collect();
    if is_open || own.contains(&wanted) || own.iter().any(|text| has_variable(text) || text.contains("{{")) {
        return None;
    }
    let list = if own.is_empty() { "names none".to_string() } else { format!("has {}", own.join(", ")) };
    let help = match own.as_slice() {
        [] => {
            format!("write `port: {}`", ports[0].get("port").and_then(Node::as_written).unwrap_or_default())
        }
        [one, ..] => format!("write `{key}: {one}`"),
    };
    let is_of_pods = ports.iter().any(|port| {
        port.get("targetPort").and_then(Node::as_written).as_deref() == Some(&wanted) && key == "port"
    });
    let besides = if is_of_pods { "; it is the port of the pods, and the Service is asked" } else { "" };
    Some(
        Finding::new(
            &TARGET,
            object.place(node),
            format!("the Service `{}` has no port {}", service.name, shown(key, &wanted)),
        )
        .related(service.name_place(), list)
        .why(format!(
            "the interceptor hands the requests on to a port at which nobody answers: every one ends in an error{besides}"
        ))
        .help(help),
    )
}

fn shown(key: &str, wanted: &str) -> String {
    if key == "port" { wanted.to_string() } else { format!("called `{}`", wanted.escape_debug()) }
}

//! Addresses of triggers to which no Service answers: the name of a workload whose Service is called otherwise, a Service
//! of another namespace, a short name that counts in KEDA's own namespace.
//!
//! Source: kubernetes/website content/en/docs/concepts/services-networking/dns-pod-service.md: names in a cluster are
//! those of Services.

use super::given::{Given, given};
use super::{SERVICE_NAME, carries, pod_labels, rabbit_address};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::gap;
use crate::source::Place;

/// Keys of the metadata, and parameters of a TriggerAuthentication, that hold addresses.
const KEYS: [&str; 13] = [
    "serverAddress",
    "address",
    "addresses",
    "host",
    "url",
    "serverURL",
    "bootstrapServers",
    "endpoint",
    "endpoints",
    "scalerAddress",
    "monitoringEndpoint",
    "natsServerMonitoringEndpoint",
    "managementEndpoint",
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        // What is asked through a proxy names hosts of its own.
        let kind = trigger.get("type").and_then(Node::as_str).unwrap_or_default();
        if kind.contains("http") || kind.starts_with("kedify-") {
            continue;
        }
        for given in given(inventory, object, trigger, &KEYS) {
            let told = given.text.split(',').find_map(|one| {
                // Of the short names of a Prometheus the rules for its trigger speak.
                let is_told = kind == "prometheus" && given.behind.is_none();
                // What is no URI is refused before any name is looked up.
                let is_refused = kind == "rabbitmq" && given.behind.is_none() && !one.contains("://");
                // What the metadata say themselves is told where they are looked at.
                with_scheme(kind, &given, one)
                    .filter(|_| given.behind.is_some())
                    .or_else(|| rabbit_address::check(trigger, &given))
                    .or_else(|| misnamed(inventory, &given, one))
                    .or_else(|| short(inventory, object, &given, one).filter(|_| !is_told && !is_refused))
                    .or_else(|| closed(inventory, &given, one).filter(|_| !is_told))
            });
            // Two triggers may share one TriggerAuthentication.
            let is_again = |told: &Finding| {
                findings.iter().any(|other| other.rule == told.rule && other.place == told.place)
            };
            let told = told.filter(|told| !is_again(told));
            findings.extend(told);
        }
    }
}

impl Given<'_> {
    pub(super) fn finding(&self, message: String) -> Finding {
        let finding = Finding::new(&SERVICE_NAME, self.place, message);
        match &self.behind {
            // A secret is not shown again.
            Some(behind) if behind.object.kind() == "Secret" => {
                finding.related(behind.object.name_place(), "the address that KEDA gets is in here")
            }
            Some(behind) => finding.related(behind.object.place(behind.node), "the address that KEDA gets"),
            None => finding,
        }
    }

    /// What to write instead of `old` in this address.
    fn help(&self, address: &str, old: &str, new: &str) -> String {
        // A secret is not shown again.
        let shown = if address.contains('@') {
            new.to_string()
        } else {
            // The scheme may have the same name.
            let (scheme, rest) = address.trim().split_once("://").unwrap_or(("", address.trim()));
            let mark = if scheme.is_empty() { "" } else { "://" };
            format!("{scheme}{mark}{}", rest.replacen(old, new, 1))
        };
        match &self.behind {
            Some(_) => format!("write `{shown}` there, which is right for the pods too"),
            None => format!("write `{shown}`"),
        }
    }
}

fn misnamed<'i>(inventory: &'i Inventory<'i>, given: &Given<'_>, address: &str) -> Option<Finding> {
    let mut parts = host(address).filter(|host| !has_variable(host))?.split('.');
    let (name, namespace) = (parts.next()?, parts.next()?);
    if parts.next().is_some_and(|third| third != "svc") {
        return None;
    }
    let is_here = |object: &&Object<'_>| object.may_be_in(namespace);
    if inventory.named("Service", name).any(|service| is_here(&service)) {
        return None;
    }
    // One of that name in another namespace, and none whose namespace is open.
    let named: Vec<&Object<'_>> =
        inventory.named("Service", name).filter(|service| service.document.api_version() == "v1").collect();
    if let Some(service) = named.first()
        && named.iter().all(|service| service.namespace == named[0].namespace)
    {
        let own = service.namespace_text();
        return Some(
            given
                .finding(format!("there is no Service `{name}` in `{namespace}`"))
                .related(service.name_place(), format!("it is in `{own}`"))
                .why("the name cannot be resolved: KEDA reports an error at every poll, and nothing scales by this trigger")
                .help(given.help(address, &format!("{name}.{namespace}"), &format!("{name}.{own}"))),
        );
    }
    let workload = ["Deployment", "StatefulSet"]
        .into_iter()
        .find_map(|kind| inventory.named(kind, name).find(|workload| workload.may_be_in(namespace)))?;
    let labels = pod_labels(workload);
    let service = inventory.kind("Service").filter(is_here).find(|service| {
        let selector: Vec<(String, String)> = service
            .at(&["spec", "selector"])
            .map(Node::pairs)
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        service.document.api_version() == "v1" && !selector.is_empty() && carries(&labels, &selector)
    })?;
    Some(
        given
            .finding(format!("there is no Service `{name}` in `{namespace}`"))
            .related(workload.name_place(), format!("a {} is called so", workload.kind()))
            .related(service.name_place(), "its Service")
            .why("the name cannot be resolved: KEDA reports an error at every poll, and nothing scales by this trigger")
            .help(given.help(address, name, &service.name)),
    )
}

/// The host of an address, of whatever scheme.
fn host(address: &str) -> Option<&str> {
    let rest = address.trim().split_once("://").map_or(address.trim(), |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next()?;
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).split(':').next()
}

/// A Service without its namespace: KEDA, which asks, lives in another one.
fn short<'i>(
    inventory: &'i Inventory<'i>,
    object: &Object<'_>,
    given: &Given<'_>,
    address: &str,
) -> Option<Finding> {
    let name = host(address).filter(|host| is_name(host) && gap(host).is_none())?;
    if matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0") {
        return Some(
            given
                .finding(format!("`{name}` is KEDA's own pod"))
                .why(
                    "KEDA asks from where it runs, and nothing listens there: nothing scales by this trigger",
                )
                .help("write the address of a Service, such as `redis.<namespace>.svc:6379`"),
        );
    }
    if name.contains('.') {
        return None;
    }
    let service =
        inventory.meant("Service", name, object).filter(|service| service.document.api_version() == "v1");
    let namespace = service.and_then(|service| service.namespace.as_deref()).or(object.namespace.as_deref());
    // KEDA beside the workload, as in a demonstration.
    if namespace == Some("keda") {
        return None;
    }
    let finding = given.finding(format!("`{name}` is looked up in KEDA's namespace"));
    let finding = match service {
        Some(service) => finding.related(service.name_place(), "the Service that is meant"),
        None => match (of_compose(inventory, name), of_the_pods(inventory, name)) {
            (Some(_), Some(place)) => finding.related(place, "the pods look it up in their own namespace"),
            (Some(place), None) => {
                let message =
                    format!("`{name}` is a name of Docker Compose, and KEDA looks it up in the cluster");
                return Some(
                    given
                        .finding(message)
                        .related(place, "a service of Docker Compose is called so")
                        .why("KEDA asks from where it runs, not from the namespace of this object, and no Service of these files is called so: the name is not found, and nothing scales by this trigger")
                        .help("write the address that it has in the cluster, `<service>.<namespace>.svc`, and the port of that Service"),
                );
            }
            (None, _) => finding,
        },
    };
    Some(
        finding
            .why("KEDA asks from where it runs, not from the namespace of this object: the name is not found, and nothing scales by this trigger")
            .help(given.help(address, name, &format!("{name}.{}.svc", namespace.unwrap_or("<namespace>")))),
    )
}

/// The service of Docker Compose of that name.
fn of_compose(inventory: &Inventory<'_>, name: &str) -> Option<Place> {
    let files = inventory.objects.iter().filter(|object| {
        object.kind().is_empty()
            && object.path.rsplit('/').next().is_some_and(|file| file.contains("compose"))
    });
    files.into_iter().find_map(|object| {
        let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
        let entry = services.iter().find(|entry| entry.key == name)?;
        Some(Place::new(object.document.file, entry.key_span))
    })
}

/// A port that the Service does not have.
fn closed<'i>(inventory: &'i Inventory<'i>, given: &Given<'_>, address: &str) -> Option<Finding> {
    let host = host(address).filter(|host| is_name(host))?;
    let port = address.split_once(&format!("{host}:"))?.1;
    let port = &port[..port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len())];
    let mut parts = host.split('.');
    let (name, namespace) = (parts.next()?, parts.next()?);
    if port.is_empty() || parts.next().is_some_and(|third| third != "svc") {
        return None;
    }
    let service =
        inventory.named("Service", name).find(|service| service.namespace.as_deref() == Some(namespace))?;
    let ports = service.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
    let ports: Vec<String> =
        ports.iter().filter_map(|port| port.get("port").and_then(Node::as_written)).collect();
    // The name of a headless Service is that of its pods, whose ports count.
    let is_headless = service.text(&["spec", "clusterIP"]) == Some("None");
    if service.document.api_version() != "v1" || ports.iter().any(|own| own == port) || is_headless {
        return None;
    }
    let right = ports.first()?;
    Some(
        given
            .finding(format!("the Service `{name}` has no port {port}"))
            .related(service.name_place(), format!("has {}", ports.join(", ")))
            .why("nothing answers there: KEDA's question runs into its timeout at every poll, and nothing scales by this trigger")
            .help(given.help(address, &format!("{host}:{port}"), &format!("{host}:{right}"))),
    )
}

/// Redis is asked by host and port.
///
/// Source: kedacore/keda pkg/scalers/redis_scaler.go: the address is handed to the client as it stands.
fn with_scheme(kind: &str, given: &Given<'_>, address: &str) -> Option<Finding> {
    let (scheme, rest) = address.trim().split_once("://").filter(|_| kind.starts_with("redis"))?;
    let bare = rest.rsplit_once('@').map_or(rest, |(_, host)| host).split('/').next()?;
    // A short name would be the next thing that KEDA does not find.
    let bare = match bare.split_once(':') {
        Some((host, port)) if is_name(host) && !host.contains('.') => {
            format!("{host}.<namespace>.svc:{port}")
        }
        _ => bare.to_string(),
    };
    let mut finding = given
        .finding(format!("what KEDA gets is a URL, `{scheme}://…`"))
        .why("KEDA wants host and port alone, does not reach Redis, and nothing scales, by no trigger")
        .help(format!("give KEDA a variable or a key of its own that holds `{}`", bare.escape_debug()));
    finding.severity = Severity::Error;
    Some(finding)
}

/// Whether this can be the name of a host, and is no variable or placeholder.
fn is_name(host: &str) -> bool {
    host.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

/// Where the pods of these files are given the same short name.
fn of_the_pods<'i>(inventory: &'i Inventory<'i>, name: &str) -> Option<Place> {
    let kinds = ["ConfigMap", "Deployment", "StatefulSet"].into_iter();
    let mut all = kinds.flat_map(|kind| inventory.kind(kind)).flat_map(|object| {
        let mut texts = vec![&object.document.node];
        let mut found = Vec::new();
        while let Some(node) = texts.pop() {
            found.extend(node.as_str().map(|text| (object, node, text)));
            texts.extend(node.items());
            texts.extend(node.entries().iter().map(|entry| &entry.node));
        }
        found
    });
    all.find(|(_, _, text)| text.contains("://") && host(text) == Some(name))
        .map(|(object, node, _)| object.place(node))
}

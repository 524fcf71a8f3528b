//! NetworkPolicies that keep KEDA from what its triggers ask.
//!
//! Sources: kubernetes/api networking/v1/types.go (a `podSelector` alone means pods of the policy's own namespace);
//! kedacore/charts keda/README.md (KEDA is installed into a namespace of its own).

use std::collections::HashSet;

use super::KEDA_KEPT_OUT;
use super::given::given;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, hosts};
use crate::manifest::Node;
use crate::rules::scaler::in_words_of_jobs;
use crate::scrape::{Gate, Gates};
use crate::source::Place;

/// Scalers that ask a server, and the keys with its address.
const ASKING: [(&str, &[&str]); 14] = [
    ("redis", &["address", "addresses", "host", "hosts"]),
    ("rabbitmq", &["host"]),
    ("kafka", &["bootstrapServers"]),
    ("apache-kafka", &["bootstrapServers"]),
    ("nats-jetstream", &["natsServerMonitoringEndpoint"]),
    ("stan", &["natsServerMonitoringEndpoint"]),
    ("postgresql", &["host", "connection"]),
    ("mysql", &["host", "connectionString"]),
    ("mongodb", &["host", "connectionString"]),
    ("prometheus", &["serverAddress"]),
    ("metrics-api", &["url"]),
    ("activemq", &["managementEndpoint"]),
    ("artemis-queue", &["managementEndpoint"]),
    ("elasticsearch", &["addresses"]),
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let is_of_keda = |object: &&&'i Object<'i>| object.group() == "keda.sh" && !object.is_fragment;
    let kinds = ["ScaledObject", "ScaledJob"].into_iter();
    let scalers: Vec<&'i Object<'i>> =
        kinds.flat_map(|kind| inventory.kind(kind)).filter(|object| is_of_keda(&object)).collect();
    if scalers.is_empty() {
        return;
    }
    let Some(gates) = Gates::new(inventory) else { return };
    // Of one Service it is told once.
    let mut told: HashSet<Place> = HashSet::new();
    for object in scalers {
        for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
            let kind = trigger.get("type").and_then(Node::as_str).unwrap_or_default();
            let is_it = |(name, _): &&(&str, _)| kind == *name || kind.starts_with(&format!("{name}-"));
            let Some((_, keys)) = ASKING.iter().find(is_it) else { continue };
            for given in given(inventory, object, trigger, keys) {
                for host in hosts(&given.text) {
                    let Some(service) = inventory.service_at(host, object) else { continue };
                    let port = given.text.split_once(host).map_or("", |(_, rest)| rest);
                    let port = port.strip_prefix(':').map(|rest| {
                        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
                        &rest[..end]
                    });
                    let Some(gate) = gates.before(service, port) else { continue };
                    if told.insert(service.name_place()) {
                        let at = findings.len();
                        findings.push(finding(given.place, service, &gate));
                        if object.kind() == "ScaledJob" {
                            in_words_of_jobs(&mut findings[at..]);
                        }
                    }
                }
            }
        }
    }
}

fn finding(place: Place, service: &Object<'_>, gate: &Gate<'_>) -> Finding {
    let message = format!("KEDA does not reach the pods of the Service `{}`", service.name);
    let lets = if gate.is_sure {
        format!("this lets only {} in", gate.admits)
    } else {
        "this lets nobody in".to_string()
    };
    let mut finding = Finding::new(&KEDA_KEPT_OUT, place, message)
        .related(gate.policy.name_place(), lets)
        .related(service.name_place(), "the Service")
        .why("KEDA asks from its own namespace: where NetworkPolicies are enforced, every poll runs into its timeout, the trigger has no value, and nothing scales")
        .help("add to the policy: `{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: keda}}}]}`, with the namespace of KEDA, and the port");
    if !gate.is_sure {
        finding.severity = Severity::Warning;
        finding = finding.help("add a policy that selects these pods and lets in who needs them, among them KEDA: `{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: keda}}}]}`");
    }
    finding
}

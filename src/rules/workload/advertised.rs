//! The names under which brokers of Kafka tell their clients to come back, and which KEDA cannot look up.
//!
//! Sources: apache/kafka docs (`advertised.listeners`: what a client is told after its first contact); redpanda-data/redpanda
//! docs (`--advertise-kafka-addr`); kubernetes/website content/en/docs/concepts/services-networking/dns-pod-service.md (a
//! short name is looked up in the namespace of the pod that asks).

use super::SERVICE_NAME;
use super::given::given;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, hosts, selects};
use crate::manifest::Node;
use crate::source::Place;

const VARIABLES: [&str; 3] =
    ["KAFKA_ADVERTISED_LISTENERS", "KAFKA_CFG_ADVERTISED_LISTENERS", "KAFKA_ADVERTISED_HOST_NAME"];
const FLAG: &str = "--advertise-kafka-addr";

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let kind = trigger.get("type").and_then(Node::as_str);
        if !matches!(kind, Some("kafka" | "apache-kafka")) {
            continue;
        }
        for given in given(inventory, object, trigger, &["bootstrapServers"]) {
            for host in hosts(&given.text) {
                let Some(service) = inventory.service_at(host, object) else { continue };
                let port = given.text.split_once(host).map_or("", |(_, rest)| rest);
                let port: String =
                    port.chars().skip_while(|c| *c == ':').take_while(char::is_ascii_digit).collect();
                let told = brokers(inventory, service)
                    .find_map(|broker| of_broker(broker, service, &port, given.place));
                findings.extend(told.filter(|told| !findings.iter().any(|other| other.place == told.place)));
            }
        }
    }
}

/// The workloads behind the Service.
fn brokers<'i>(
    inventory: &'i Inventory<'i>,
    service: &'i Object<'i>,
) -> impl Iterator<Item = &'i Object<'i>> {
    let kinds = ["StatefulSet", "Deployment"].into_iter();
    let all = kinds.flat_map(|kind| inventory.kind(kind));
    all.filter(|workload| service.meets(workload) && selects(service, &workload.pod_labels()))
}

fn of_broker(broker: &Object<'_>, service: &Object<'_>, port: &str, by: Place) -> Option<Finding> {
    let listeners: Vec<(&Node, String, String)> = broker
        .containers()
        .iter()
        .flat_map(advertised)
        .flat_map(|(node, text)| {
            let each = text.split(',').filter_map(|one| {
                let address = one.trim().rsplit_once("://").map_or(one.trim(), |(_, address)| address);
                let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
                Some((node, host.to_string(), port.to_string())).filter(|(_, host, _)| !host.is_empty())
            });
            each.collect::<Vec<_>>()
        })
        .collect();
    // The listener that is asked is the one that tells where to come back.
    let (node, host, _) = match listeners.as_slice() {
        [only] => only,
        all => all.iter().find(|(_, _, own)| own == port)?,
    };
    let is_short = host.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && host.starts_with(|c: char| c.is_ascii_alphabetic());
    let namespace = service.namespace_text();
    if !is_short || namespace == "keda" {
        return None;
    }
    let mut finding = Finding::new(
        &SERVICE_NAME,
        broker.place(node),
        format!("the brokers send KEDA on to `{host}`, which it looks up in its own namespace"),
    )
    .related(by, "the trigger asks these brokers")
    .why("a client of Kafka goes on with the address that the first answer names, whatever it was given: from KEDA's namespace this name is not found, the lag stays unknown, and nothing scales by this trigger");
    finding = if host == "localhost" {
        finding.help(format!(
            "advertise a name that other pods can reach, such as `{}.{namespace}.svc`",
            service.name
        ))
    } else {
        finding.help(format!("advertise `{host}.{namespace}.svc` instead of `{host}`"))
    };
    finding.severity = Severity::Warning;
    Some(finding)
}

/// What a container of a broker advertises.
fn advertised(container: &Node) -> Vec<(&Node, String)> {
    let variables = container.get("env").map(Node::items).unwrap_or_default().iter().filter_map(|entry| {
        let name = entry.get("name").and_then(Node::as_str)?;
        let node = entry.get("value").filter(|_| VARIABLES.contains(&name))?;
        Some((node, node.as_str()?.to_string()))
    });
    let lists = ["command", "args"].into_iter().flat_map(|key| container.get(key)).flat_map(Node::items);
    let words: Vec<(&Node, &str)> = lists
        .filter_map(|node| Some((node, node.as_str()?)))
        .flat_map(|(node, text)| text.split_whitespace().map(move |word| (node, word)))
        .collect();
    let flags = words.iter().enumerate().filter_map(|(at, (node, word))| {
        let value = match word.strip_prefix(FLAG)? {
            "" => words.get(at + 1).map(|(_, next)| *next)?,
            rest => rest.strip_prefix('=')?,
        };
        Some((*node, value.trim_matches(['"', '\'', '\\']).to_string()))
    });
    variables.chain(flags).collect()
}

//! Kafka with fewer brokers than copies of the topic in which it keeps the offsets of consumer groups.
//!
//! Sources: apache/kafka group-coordinator GroupCoordinatorConfig.java (`offsets.topic.replication.factor` is 3 by default, and
//! the topic is not made while there are fewer brokers); docker/examples/README.md (with variables the configuration that comes
//! with the image does not count); confluentinc/kafka-images kafka.properties.template (what the variables say, and nothing
//! else).

use super::OFFSETS_TOPIC;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object, hosts, selects};
use crate::manifest::{Node, has_variable};

/// Images that are configured by variables alone.
const IMAGES: [&str; 3] = ["apache/kafka", "apache/kafka-native", "confluentinc/cp-kafka"];

const VARIABLE: &str = "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR";

/// How many copies there are to be, unless it is said.
const COPIES: i64 = 3;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let brokers: Vec<(&Object<'i>, &Node)> = ["StatefulSet", "Deployment"]
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .filter_map(|workload| Some((workload, broker(workload)?)))
        .collect();
    for (workload, container) in &brokers {
        // Several of them may be one cluster.
        let is_alone =
            !brokers.iter().any(|(other, _)| !std::ptr::eq(*other, *workload) && other.meets(workload));
        let asked = || asking(inventory, workload);
        if is_alone
            && let Some((few, copies, at)) = too_few(inventory, workload, container)
            && let Some((object, node)) = asked()
        {
            let pods = if few == 1 { "one broker" } else { "two brokers" };
            let mut finding = Finding::new(
                &OFFSETS_TOPIC,
                workload.place(at),
                format!("{pods}, and {copies} copies of the topic that keeps the offsets"),
            )
            .related(object.place(node), "KEDA asks here for the offsets of a consumer group")
            .why("Kafka does not make `__consumer_offsets` while it has fewer brokers than copies: no consumer group ever works, KEDA finds no offset, and nothing scales")
            .help(format!("write the variable `{VARIABLE}` with \"{few}\""));
            if container.get("image").is_some_and(|image| std::ptr::eq(image, at)) {
                finding = finding.label(format!("no `{VARIABLE}`: the default is {COPIES}"));
            }
            findings.push(finding);
        }
    }
}

/// The container in which Kafka runs.
fn broker<'i>(workload: &'i Object<'_>) -> Option<&'i Node> {
    workload.containers().iter().find(|container| {
        let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
        let name = image.split(['@']).next().unwrap_or_default();
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        IMAGES
            .iter()
            .any(|known| name.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('/')))
    })
}

/// How many brokers there are, how many copies are wanted, and where that is said.
fn too_few<'i>(
    inventory: &'i Inventory<'i>,
    workload: &'i Object<'i>,
    container: &'i Node,
) -> Option<(i64, i64, &'i Node)> {
    let is_changed = !workload.patched.is_empty()
        || workload.replicas.iter().any(Option::is_some)
        || inventory.named(workload.kind(), &workload.name).count() != 1;
    // A configuration of its own, or another start.
    let mounts = container.get("volumeMounts").map(Node::items).unwrap_or_default();
    let is_config = |mount: &Node| {
        let path = mount.get("mountPath").and_then(Node::as_str).unwrap_or_default();
        path.contains("config") || path.starts_with("/etc/") || path.contains("confluent")
    };
    if is_changed
        || ["command", "args"].iter().any(|key| container.get(key).is_some())
        || mounts.iter().any(is_config)
    {
        return None;
    }
    let environment = inventory.environment(workload);
    let has = |name: &str| environment.variables.iter().any(|variable| variable.name == name);
    let is_open = environment.variables.iter().any(|variable| has_variable(&variable.name));
    let is_configured = ["KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS"].into_iter().any(has);
    if environment.is_open || is_open || !is_configured || workload.containers().len() != 1 {
        return None;
    }
    let few = match workload.at(&["spec", "replicas"]) {
        Some(_) => workload.integer(&["spec", "replicas"])?,
        None => 1,
    };
    let (copies, at) = match environment.variables.iter().find(|variable| variable.name == VARIABLE) {
        Some(variable) => {
            let held = variable.held.as_ref().filter(|held| std::ptr::eq(held.object, workload))?;
            (held.text.parse().ok()?, held.node)
        }
        None => (COPIES, container.get("image")?),
    };
    (matches!(few, 1 | 2) && copies > few).then_some((few, copies, at))
}

/// A trigger that asks these brokers for offsets.
fn asking<'i>(inventory: &'i Inventory<'i>, workload: &Object<'_>) -> Option<(&'i Object<'i>, &'i Node)> {
    let labels = workload.pod_labels();
    let scalers = ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    scalers.into_iter().filter(|object| object.group() == "keda.sh").find_map(|object| {
        let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
        triggers.iter().find_map(|trigger| {
            let kind = trigger.get("type").and_then(Node::as_str)?;
            let node = trigger.at(&["metadata", "bootstrapServers"])?;
            let text = node.as_str().filter(|text| !has_variable(text))?;
            let is_its = |host: &str| {
                let service = inventory.service_at(host, object);
                service.is_some_and(|service| service.meets(workload) && selects(service, &labels))
            };
            let is_asked = matches!(kind, "kafka" | "apache-kafka") && hosts(text).into_iter().any(is_its);
            is_asked.then_some((object, node))
        })
    })
}

//! A TriggerAuthentication to which nobody refers, beside a trigger that could use it.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, resolveAuthRef: without `authenticationRef` a scaler gets
//! no parameters and no identity.

use super::CREDENTIALS;
use super::authentication::parameters;
use super::environment::{source_container, whole};
use super::given::target;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::reads;

/// What the names of credentials for a kind of trigger speak of.
const WORDS: [(&str, &[&str]); 18] = [
    ("redis", &["redis", "valkey"]),
    ("rabbitmq", &["rabbit", "amqp"]),
    ("kafka", &["kafka", "msk"]),
    ("apache-kafka", &["kafka", "msk"]),
    ("prometheus", &["prometheus", "thanos", "mimir", "cortex"]),
    ("aws-", &["aws", "sqs", "kinesis", "cloudwatch"]),
    ("azure-", &["azure", "servicebus", "eventhub"]),
    ("gcp-", &["gcp", "pubsub", "google"]),
    ("postgresql", &["postgres", "pgsql"]),
    ("mysql", &["mysql", "mariadb"]),
    ("mssql", &["mssql", "sqlserver"]),
    ("mongodb", &["mongo"]),
    ("nats-jetstream", &["nats", "jetstream"]),
    ("elasticsearch", &["elastic"]),
    ("influxdb", &["influx"]),
    ("datadog", &["datadog"]),
    ("loki", &["loki"]),
    ("pulsar", &["pulsar"]),
];

/// A trigger, and who has it.
type Asking<'i> = (&'i Object<'i>, &'i Node);

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let scalers = || {
        let all = inventory.objects.iter().filter(|object| object.group() == "keda.sh");
        all.filter(|object| matches!(object.kind(), "ScaledObject" | "ScaledJob"))
    };
    let triggers =
        |object: &'i Object<'i>| object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default().iter();
    // Patches refer as well.
    let referred: Vec<&str> = scalers()
        .flat_map(triggers)
        .filter_map(|trigger| trigger.at(&["authenticationRef", "name"])?.as_str())
        .collect();
    if referred.iter().any(|name| has_variable(name) || name.contains("{{")) {
        return;
    }
    let asking: Vec<Asking<'i>> = scalers()
        .filter(|object| !object.is_fragment && object.patched.is_empty())
        .flat_map(|object| triggers(object).map(move |trigger| (object, trigger)))
        .filter(|(_, trigger)| trigger.get("authenticationRef").is_none())
        .collect();
    for given in inventory.kind("TriggerAuthentication") {
        if referred.iter().any(|name| given.is_called(name)) {
            continue;
        }
        let own = asking.iter().filter(|(object, _)| object.meets(given) && object.belongs_to(given));
        let Some((object, trigger)) =
            own.into_iter().find(|(object, trigger)| may_use(inventory, object, trigger, given))
        else {
            let is_beside = scalers().any(|object| object.is_beside(given) && !object.is_fragment);
            findings.extend(is_beside.then(|| nobody(given)));
            continue;
        };
        let place = object.place(trigger.get("type").unwrap_or(trigger));
        let mut finding = Finding::new(
            &CREDENTIALS,
            place,
            format!("the TriggerAuthentication `{}` is for nobody: this trigger does not refer to it", given.name),
        )
        .related(given.name_place(), "no trigger of these files refers to it")
        .why("KEDA asks without it: where credentials are wanted every poll is an error, and nothing scales by this trigger")
        .help(format!("write `authenticationRef: {{ name: {} }}` beside `type`, or delete it", given.document.name()));
        finding.severity = Severity::Warning;
        findings.push(finding);
    }
}

/// Nothing here has a use for it.
fn nobody(given: &Object<'_>) -> Finding {
    let mut finding = Finding::new(
        &CREDENTIALS,
        given.name_place(),
        format!("no trigger of these files refers to the TriggerAuthentication `{}`", given.name),
    )
    .why("what it holds reaches no scaler, and whoever changes it changes nothing")
    .help("write `authenticationRef` into the trigger that it is for, or delete it");
    finding.severity = Severity::Note;
    finding
}

/// Whether credentials are surely meant for a trigger of this kind, which does not have them by another way.
fn may_use<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    trigger: &Node,
    given: &Object<'_>,
) -> bool {
    let kind = trigger.get("type").and_then(Node::as_str).unwrap_or_default();
    let Some((_, words)) = WORDS.iter().find(|(known, _)| {
        kind == *known
            || known.ends_with('-') && kind.starts_with(known)
            || kind.starts_with(&format!("{known}-"))
    }) else {
        return false;
    };
    let entries = trigger.get("metadata").map(Node::entries).unwrap_or_default();
    // A variable that the container does not have gives nothing.
    let workload = target(inventory, object);
    let container = workload.and_then(|workload| source_container(object, workload));
    let environment =
        workload.zip(container).and_then(|(workload, container)| whole(inventory, workload, container));
    let is_empty = |node: &Node| {
        environment
            .as_ref()
            .zip(node.as_str())
            .is_some_and(|(own, name)| !has_variable(name) && !own.has(name))
    };
    let has = |key: &str| {
        entries.iter().any(|entry| {
            entry.key == key || entry.key.strip_suffix("FromEnv") == Some(key) && !is_empty(&entry.node)
        })
    };
    let parameters = parameters(given);
    let provider = given.text(&["spec", "podIdentity", "provider"]).filter(|provider| *provider != "none");
    let is_of_kind = {
        let mut said = given.name.to_lowercase();
        said.push_str(&format!(" {}", provider.unwrap_or_default()));
        for list in ["secretTargetRef", "configMapTargetRef"] {
            for item in given.at(&["spec", list]).map(Node::items).unwrap_or_default() {
                said.push_str(&format!(
                    " {}",
                    item.get("name").and_then(Node::as_str).unwrap_or_default().to_lowercase()
                ));
            }
        }
        words.iter().any(|word| said.contains(word))
    };
    let fits = parameters.iter().all(|parameter| reads(kind, parameter))
        && !parameters.iter().any(|parameter| has(parameter));
    // The identity of KEDA's own pod, or keys of the container.
    let by_other = has("identityOwner") || has("awsAccessKeyID") || has("host") && kind == "rabbitmq";
    is_of_kind && fits && !by_other && (provider.is_some() || !parameters.is_empty())
}

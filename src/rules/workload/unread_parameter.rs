//! A parameter of a TriggerAuthentication that no scaler reads which refers to it.
//!
//! Sources: kedacore/keda pkg/scalers/scalersconfig/typed_config.go, configParamValue (a parameter is taken by its name
//! alone), the tags with `authParams` in pkg/scalers/*_scaler.go, and what is read beside them in
//! pkg/scalers/authentication/authentication_types.go, aws/aws_common.go and gcp/gcp_common.go.

use super::CREDENTIALS;
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::{keys_of, reads};

/// Scalers all of whose parameters are known; with the one that is most likely meant.
const KNOWN: [(&str, &str); 26] = [
    ("activemq", "password"),
    ("aws-cloudwatch", "awsAccessKeyID"),
    ("aws-kinesis-stream", "awsAccessKeyID"),
    ("aws-sqs-queue", "awsAccessKeyID"),
    ("azure-blob", "connection"),
    ("azure-pipelines", "personalAccessToken"),
    ("azure-queue", "connection"),
    ("azure-servicebus", "connection"),
    ("elasticsearch", "password"),
    ("gcp-pubsub", "GoogleApplicationCredentials"),
    ("github-runner", "personalAccessToken"),
    ("influxdb", "authToken"),
    ("kafka", "password"),
    ("mongodb", "connectionString"),
    ("mssql", "connectionString"),
    ("mysql", "connectionString"),
    ("nats-jetstream", "account"),
    ("postgresql", "connection"),
    ("prometheus", "bearerToken"),
    ("rabbitmq", "host"),
    ("redis", "password"),
    ("redis-cluster", "password"),
    ("redis-sentinel", "password"),
    ("redis-cluster-streams", "password"),
    ("redis-sentinel-streams", "password"),
    ("redis-streams", "password"),
];

/// What several scalers read beside their own parameters.
const SHARED: [&str; 10] = [
    "GoogleApplicationCredentials",
    "oauthTokenURI",
    "scope",
    "clientID",
    "clientSecret",
    "endpointParams",
    "method",
    "keyParamName",
    "customAuthHeader",
    "customAuthValue",
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let Some(references) = references(inventory) else { return };
    for given in inventory.kind("TriggerAuthentication") {
        if given.is_fragment || !given.patched.is_empty() {
            continue;
        }
        let Some(asking) = asking(&references, given) else { continue };
        let Some((kind, meant)) = asking.first().copied() else { continue };
        for (node, name) in parameters(given) {
            let is_read = asking.iter().any(|(kind, _)| reads(kind, name));
            if is_read || SHARED.contains(&name) || name.starts_with("aws") || has_variable(name) {
                continue;
            }
            let mut finding = Finding::new(
                &CREDENTIALS,
                given.place(node),
                format!("the {kind} scaler reads no parameter `{}`", name.escape_debug()),
            )
            .why("a parameter has the name of a key of the scaler: KEDA takes this one for nothing, and asks without it");
            let near = nearest(name, keys_of(kind).into_iter().flatten());
            finding = match near {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding
                    .help(format!("write the name that the scaler reads, such as `parameter: {meant}`")),
            };
            finding.severity = Severity::Warning;
            // It works without, where the variable is there.
            if has_variables(&references, given, meant) {
                finding.why = Some(format!(
                    "the trigger takes `{meant}` from a variable of the container, and this parameter gives it nothing"
                ));
                finding.severity = Severity::Note;
            }
            findings.push(finding);
        }
    }
}

/// A trigger that refers to a TriggerAuthentication.
struct Reference<'i> {
    name: &'i str,
    trigger: &'i Node,
}

/// All of them; None where one may refer to anything.
fn references<'i>(inventory: &'i Inventory<'i>) -> Option<Vec<Reference<'i>>> {
    let scalers = ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    let scalers = scalers.filter(|object| object.group() == "keda.sh");
    let triggers = scalers.filter_map(|object| object.at(&["spec", "triggers"])).flat_map(Node::items);
    let named = triggers.filter_map(|trigger| {
        let name = trigger.at(&["authenticationRef", "name"]).and_then(Node::as_str)?;
        Some(Reference { name, trigger })
    });
    let all: Vec<Reference<'_>> = named.collect();
    let is_open = |one: &Reference<'_>| has_variable(one.name) || one.name.contains("{{");
    (!all.iter().any(is_open)).then_some(all)
}

/// The kinds of the triggers that refer to it; None where one of them may read anything.
fn asking(references: &[Reference<'_>], given: &Object<'_>) -> Option<Vec<(&'static str, &'static str)>> {
    let its = references.iter().filter(|one| given.is_called(one.name));
    let known = its.map(|one| {
        let kind = one.trigger.get("type").and_then(Node::as_str)?;
        KNOWN.iter().copied().find(|(known, _)| *known == kind)
    });
    known.collect()
}

/// Whether the triggers that refer to it take what is meant from variables.
fn has_variables(references: &[Reference<'_>], given: &Object<'_>, meant: &str) -> bool {
    let key = format!("{meant}FromEnv");
    let mut its = references.iter().filter(|one| given.is_called(one.name));
    its.all(|one| one.trigger.at(&["metadata", &key]).is_some())
}

/// The parameters that are taken from Secrets, ConfigMaps and variables, with their places.
fn parameters<'i>(given: &'i Object<'_>) -> Vec<(&'i Node, &'i str)> {
    let lists = ["secretTargetRef", "configMapTargetRef", "env"].into_iter();
    let items = lists.flat_map(|list| given.at(&["spec", list]).map(Node::items).unwrap_or_default());
    items.filter_map(|item| item.get("parameter").and_then(|node| Some((node, node.as_str()?)))).collect()
}

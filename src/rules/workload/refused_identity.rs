//! Identities of a TriggerAuthentication whose parts do not go together.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/triggerauthentication_webhook.go, validateSpec; apis/keda/v1alpha1/
//! triggerauthentication_types.go, AuthPodIdentity; pkg/scaling/resolver/scale_resolvers.go,
//! ResolveAuthRefAndPodIdentity (each provider reads fields of its own).

use super::CREDENTIALS;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node};
use crate::source::Place;

/// The fields that one cloud alone reads.
const OF_AZURE: [&str; 3] = ["identityId", "identityTenantId", "identityAuthorityHost"];
const OF_AWS: [&str; 3] = ["roleArn", "externalID", "identityOwner"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let all = ["TriggerAuthentication", "ClusterTriggerAuthentication"];
    for given in all.into_iter().flat_map(|kind| inventory.kind(kind)) {
        if given.group() == "keda.sh" && given.patched.is_empty() {
            let identity = given.at(&["spec", "podIdentity"]);
            findings.extend(identity.and_then(|node| refused(given, node).or_else(|| unread(given, node))));
        }
    }
}

fn refused(given: &Object<'_>, identity: &Node) -> Option<Finding> {
    let entry = |key: &str| -> Option<&Entry> { identity.entries().iter().find(|entry| entry.key == key) };
    let text = |key: &str| entry(key).and_then(|entry| entry.node.as_str());
    let told = |key: &str, message: &str, help: &str| {
        let place = crate::source::Place::new(given.document.file, entry(key)?.key_span);
        Some(
            Finding::new(&CREDENTIALS, place, message.to_string())
                .why("KEDA refuses the object, or cannot build a scaler that refers to it: nothing scales")
                .help(help.to_string()),
        )
    };
    let has = |key: &str| text(key).is_some_and(|text| !text.is_empty());
    match identity.get("provider")?.as_str()? {
        "aws" if has("roleArn") && text("identityOwner") == Some("workload") => told(
            "roleArn",
            "`roleArn` beside `identityOwner: workload`",
            "keep `roleArn`, which KEDA takes on itself, or `identityOwner: workload`, with which it takes on the role of the target's ServiceAccount",
        ),
        "aws" if has("externalID") && !has("roleArn") => {
            told("externalID", "`externalID` without `roleArn`", "write the `roleArn` that it is for")
        }
        "azure-workload" if text("identityId") == Some("") => told(
            "identityId",
            "`identityId` is empty",
            "leave it out, or write the client id of the identity",
        ),
        "azure-workload" if has("identityAuthorityHost") && !has("identityTenantId") => told(
            "identityAuthorityHost",
            "`identityAuthorityHost` without `identityTenantId`",
            "write the `identityTenantId` beside it",
        ),
        _ => None,
    }
}

/// A field of another provider, which nobody reads.
fn unread(given: &Object<'_>, identity: &Node) -> Option<Finding> {
    let provider = identity.get("provider")?.as_str()?;
    let own = match provider {
        "azure-workload" => &OF_AZURE[..],
        "aws" => &OF_AWS[..],
        "gcp" | "aws-eks" | "none" => &[],
        _ => return None,
    };
    let is_unread = |entry: &&Entry| {
        let key = entry.key.as_str();
        let is_set = entry.node.as_str().is_some_and(|text| !text.is_empty());
        is_set && !own.contains(&key) && (OF_AZURE.contains(&key) || OF_AWS.contains(&key))
    };
    let entry = identity.entries().iter().find(is_unread)?;
    let key = &entry.key;
    let help = match (provider, key.as_str()) {
        ("aws", _) => "write the role as `roleArn`, or `identityOwner: workload` for that of the target's ServiceAccount".to_string(),
        ("aws-eks", "roleArn" | "externalID" | "identityOwner") => "write `provider: aws`, which reads it".to_string(),
        ("azure-workload", _) => "write the client id of the identity as `identityId`".to_string(),
        (_, other) if OF_AZURE.contains(&other) => "write `provider: azure-workload`, or leave it out".to_string(),
        _ => "write `provider: aws`, or leave it out".to_string(),
    };
    let mut finding = Finding::new(
        &CREDENTIALS,
        Place::new(given.document.file, entry.key_span),
        format!("nobody reads `{key}` with the provider `{provider}`"),
    )
    .why("KEDA asks with the identity that it has without this field, and may not be allowed to: then nothing scales")
    .help(help);
    finding.severity = Severity::Warning;
    Some(finding)
}

//! Identities of a TriggerAuthentication whose parts do not go together.
//!
//! Source: kedacore/keda apis/keda/v1alpha1/triggerauthentication_webhook.go, validateSpec; pkg/scaling/resolver/
//! scale_resolvers.go, ResolveAuthRefAndPodIdentity.

use super::CREDENTIALS;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let all = ["TriggerAuthentication", "ClusterTriggerAuthentication"];
    for given in all.into_iter().flat_map(|kind| inventory.kind(kind)) {
        if given.group() == "keda.sh" && given.patched.is_empty() {
            findings.extend(given.at(&["spec", "podIdentity"]).and_then(|node| refused(given, node)));
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

//! Vaults of clouds that KEDA cannot log in to: each has an identity of its own.
//!
//! Sources: kedacore/keda pkg/scaling/resolver/aws_secretmanager_handler.go, azure_keyvault_handler.go and
//! gcp_secretmanager_handler.go, Initialize; pkg/scaling/resolver/scale_resolvers.go, resolveAuthRef (the error is logged, and
//! the scaler built without).

use super::CREDENTIALS;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// Vaults, the provider whose identity they take, and what they take instead.
const VAULTS: [(&str, &str, &str); 3] = [
    ("awsSecretManager", "aws", "`accessKey` and `accessSecretKey`"),
    ("azureKeyVault", "azure-workload", "`clientId`, `tenantId` and `clientSecret`"),
    ("gcpSecretManager", "gcp", "`clientSecret`"),
];

const WHY: &str = "KEDA only logs it, and what stands in the vault is missing to the scaler: it cannot be built, or asks without it, and nothing scales";

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let all = ["TriggerAuthentication", "ClusterTriggerAuthentication"];
    for given in all.into_iter().flat_map(|kind| inventory.kind(kind)) {
        if given.group() == "keda.sh" && given.patched.is_empty() {
            findings.extend(VAULTS.iter().filter_map(|vault| locked_out(given, vault)));
        }
    }
}

fn locked_out(given: &Object<'_>, (key, wanted, instead): &(&str, &str, &str)) -> Option<Finding> {
    let spec = given.at(&["spec"])?;
    let entry = spec.entries().iter().find(|entry| entry.key == *key)?;
    let vault = &entry.node;
    let is_empty = vault.get("secrets").is_none_or(|list| list.items().is_empty());
    let provider = vault.at(&["podIdentity", "provider"]);
    let text = provider.and_then(Node::as_str).unwrap_or_default();
    if is_empty || has_variable(text) || text == *wanted {
        return None;
    }
    let help = format!("write `podIdentity: {{provider: {wanted}}}` into `{key}`");
    let Some(node) = provider.filter(|_| !matches!(text, "" | "none")) else {
        if vault.get("credentials").is_some() {
            return None;
        }
        let place = Place::new(given.document.file, entry.key_span);
        let message = format!("`{key}` has neither a `podIdentity` nor `credentials`");
        let finding = Finding::new(&CREDENTIALS, place, message).why(WHY);
        return Some(match spec.get("podIdentity") {
            Some(other) => finding
                .related(given.place(other), "this one is for what the trigger asks, not for the vault")
                .help(help),
            None => finding.help(format!("{help}, or `credentials` with {instead}")),
        });
    };
    // Others the API server does not take at all.
    if !matches!(text, "aws" | "aws-eks" | "azure-workload" | "gcp") {
        return None;
    }
    Some(
        Finding::new(&CREDENTIALS, given.place(node), format!("`{key}` takes no identity of `{text}`"))
            .why(WHY)
            .help(format!("write `provider: {wanted}`, or `credentials` with {instead}")),
    )
}

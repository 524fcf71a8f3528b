//! What a trigger needs, leaves to its TriggerAuthentication, and does not get from there.
//!
//! Sources: kedacore/keda pkg/scalers/scalersconfig/typed_config.go, configParamValue (an empty text counts as not given);
//! pkg/scalers/azure_queue_scaler.go, azure_servicebus_scaler.go (an identity stands for the connection string).

use super::authentication::parameters;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::{View, left_to_authentication, missing};

/// The parts of a TriggerAuthentication that name what they give.
const NAMED: [&str; 9] = [
    "podIdentity",
    "secretTargetRef",
    "configMapTargetRef",
    "env",
    "hashiCorpVault",
    "azureKeyVault",
    "gcpSecretManager",
    "awsSecretManager",
    "boundServiceAccountToken",
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    let Some(view) = View::of(object).filter(|_| !object.is_fragment && object.patched.is_empty()) else {
        return;
    };
    for trigger in &view.triggers {
        let reference = |key: &str| trigger.node.at(&["authenticationRef", key]).and_then(Node::as_str);
        let Some(name) = reference("name").filter(|name| !has_variable(name)) else { continue };
        let kind = reference("kind").unwrap_or("TriggerAuthentication");
        let all: Vec<&Object<'_>> = inventory.named(kind, name).collect();
        let Some(given) = all.first() else { continue };
        if !all.iter().all(|given| is_whole(given)) {
            continue;
        }
        let parameters: Vec<String> = all.iter().flat_map(|given| parameters(given)).collect();
        let has_identity = all.iter().any(|given| given.at(&["spec", "podIdentity"]).is_some());
        for names in left_to_authentication(trigger) {
            let by_identity = has_identity && names.contains(&"connection");
            if by_identity || parameters.iter().any(|own| names.contains(&own.as_str()) || has_variable(own))
            {
                continue;
            }
            let metadata = trigger.metadata.unwrap_or(trigger.node);
            let written = names.iter().find_map(|key| trigger.entry(key));
            let place = object.place(written.map_or(metadata, |entry| &entry.node));
            findings
                .push(missing(place, trigger, &names).related(given.name_place(), "does not give it either"));
        }
    }
}

/// Whether everything that it gives is known by name.
fn is_whole(given: &Object<'_>) -> bool {
    let spec = given.at(&["spec"]).map(Node::entries).unwrap_or_default();
    !given.is_fragment
        && given.patched.is_empty()
        && !spec.is_empty()
        && spec.iter().all(|entry| NAMED.contains(&entry.key.as_str()))
}

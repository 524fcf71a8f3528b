//! What a trigger is given: written out in its metadata, by a variable of the target's container, or by its
//! TriggerAuthentication.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, ResolveContainerEnv and ResolveAuthRefAndPodIdentity.

use super::Scaled;
use super::environment::source_container;
use crate::inventory::{Behind, Inventory, Object};
use crate::manifest::Node;
use crate::source::Place;

/// A value that KEDA is given: written out, or behind a reference.
pub(super) struct Given<'i> {
    pub text: String,
    pub place: Place,
    pub behind: Option<Behind<'i>>,
}

/// The values of these keys, as far as the files tell.
pub(super) fn given<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    trigger: &'i Node,
    keys: &[&str],
) -> Vec<Given<'i>> {
    let mut all = written(inventory, object, trigger, keys);
    all.extend(authenticated(inventory, object, trigger, keys));
    all
}

/// The workload whose pods a scaler starts; a ScaledJob holds their template itself.
pub(super) fn target<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>) -> Option<&'i Object<'i>> {
    match object.kind() {
        "ScaledJob" => Some(object),
        _ => Scaled::of(inventory, object).map(|scaled| scaled.workload),
    }
}

/// What the metadata give, also by a variable of the target's container.
fn written<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    trigger: &'i Node,
    keys: &[&str],
) -> Vec<Given<'i>> {
    let workload = target(inventory, object);
    let container = workload.and_then(|workload| source_container(object, workload));
    let entries = trigger.get("metadata").map(Node::entries).unwrap_or_default();
    let given = entries.iter().filter_map(|entry| {
        let place = object.place(&entry.node);
        if keys.contains(&entry.key.as_str()) {
            return Some(Given { text: entry.node.as_str()?.to_string(), place, behind: None });
        }
        entry.key.strip_suffix("FromEnv").filter(|key| keys.contains(key))?;
        let behind = inventory.variable(workload?, container?, entry.node.as_str()?)?;
        Some(Given { text: behind.text.clone(), place, behind: Some(behind) })
    });
    given.collect()
}

/// What the TriggerAuthentication gives.
fn authenticated<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    trigger: &'i Node,
    keys: &[&str],
) -> Vec<Given<'i>> {
    let name = trigger.at(&["authenticationRef", "name"]).and_then(Node::as_str);
    let Some(authentication) = name.and_then(|name| inventory.meant("TriggerAuthentication", name, object))
    else {
        return Vec::new();
    };
    let lists = [("Secret", "secretTargetRef"), ("ConfigMap", "configMapTargetRef")];
    let references = lists.into_iter().flat_map(|(kind, list)| {
        let items = authentication.at(&["spec", list]).map(Node::items).unwrap_or_default();
        items.iter().map(move |item| (kind, item))
    });
    references
        .filter_map(|(kind, item)| {
            let text = |key: &str| item.get(key).and_then(Node::as_str);
            text("parameter").filter(|parameter| keys.contains(parameter))?;
            let behind = inventory.held(kind, text("name")?, text("key")?, authentication)?;
            let place = authentication.place(item.get("key")?);
            Some(Given { text: behind.text.clone(), place, behind: Some(behind) })
        })
        .collect()
}

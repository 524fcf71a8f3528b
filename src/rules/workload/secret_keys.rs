//! What a TriggerAuthentication takes from Secrets and ConfigMaps that are among the files.
//!
//! Sources: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, resolveAuthSecret: a key that is not there is an empty
//! text; pkg/scalers/kafka_scaler.go, the words of `tls` and `sasl`.

use super::CREDENTIALS;
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// Parameters of Kafka's scaler that take one of a few words.
const WORDS: [(&str, &[&str]); 2] = [
    ("tls", &["enable", "disable"]),
    ("sasl", &["none", "plaintext", "scram_sha256", "scram_sha512", "oauthbearer", "gssapi"]),
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let all = ["TriggerAuthentication", "ClusterTriggerAuthentication"];
    for given in all.into_iter().flat_map(|kind| inventory.kind(kind)) {
        for (kind, list) in [("Secret", "secretTargetRef"), ("ConfigMap", "configMapTargetRef")] {
            for item in given.at(&["spec", list]).map(Node::items).unwrap_or_default() {
                findings.extend(
                    missing(inventory, given, item, kind)
                        .or_else(|| elsewhere(inventory, given, item, kind))
                        .or_else(|| beside_keda(inventory, given, item, kind)),
                );
                findings.extend(wrong_word(inventory, given, item, kind));
            }
        }
    }
}

/// A key that the object does not have.
fn missing<'i>(
    inventory: &'i Inventory<'i>,
    given: &Object<'_>,
    item: &Node,
    kind: &'static str,
) -> Option<Finding> {
    let node = item.get("key")?;
    let key = node.as_str().filter(|key| !has_variable(key))?;
    let name = item.get("name")?.as_str()?;
    let makers = source(inventory, given, kind, name);
    let holder = makers.first()?;
    // What a patch or somebody else puts in is not known.
    let lacks = |maker: &&Object<'_>| {
        let keys = maker.keys();
        let is_open = keys.is_empty() || keys.iter().any(|own| *own == key || has_variable(own));
        maker.patched.is_empty() && !is_open
    };
    if !makers.iter().all(lacks) || inventory.is_generated(kind, name) {
        return None;
    }
    let keys = holder.keys();
    let parameter = item.get("parameter").and_then(Node::as_str).unwrap_or_default();
    let mut finding = Finding::new(
        &CREDENTIALS,
        given.place(node),
        format!("the {kind} `{name}` has no key `{}`", key.escape_debug()),
    )
    .related(holder.name_place(), format!("has {}", list(&keys)))
    .why(format!(
        "`{parameter}` is empty: KEDA cannot build the scaler, or asks without it, and nothing scales"
    ));
    finding = match nearest(key, keys.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(format!("write one of its keys, or add `{}`", key.escape_debug())),
    };
    // Somebody may add the key in the cluster.
    finding.severity = Severity::Warning;
    Some(finding)
}

/// A Secret or ConfigMap that is here in other namespaces alone: KEDA looks into that of the TriggerAuthentication.
fn elsewhere<'i>(
    inventory: &'i Inventory<'i>,
    given: &Object<'_>,
    item: &Node,
    kind: &'static str,
) -> Option<Finding> {
    let node = item.get("name")?;
    let name = node.as_str().filter(|name| !has_variable(name))?;
    let own = given.namespace.as_deref().filter(|_| given.kind() == "TriggerAuthentication")?;
    if !inventory.makers(kind, name, given).is_empty() {
        return None;
    }
    let mut all = inventory.named(kind, name).peekable();
    let first = *all.peek()?;
    let theirs = first.namespace.as_deref()?;
    let is_apart = |other: &Object<'_>| {
        let is_copied = other.at(&["metadata", "annotations"]).is_some();
        !is_copied && other.namespace.as_deref().is_some_and(|space| space != own && !has_variable(space))
    };
    if has_variable(own) || !all.all(is_apart) {
        return None;
    }
    let mut finding = Finding::new(
        &CREDENTIALS,
        given.place(node),
        format!("the {kind} `{name}` is looked up in `{own}`, and the one that is here is in `{theirs}`"),
    )
    .related(first.name_place(), format!("in `{theirs}`"))
    .why("what KEDA does not find it takes for an empty text: it cannot build the scaler, or asks without it, and nothing scales")
    .help(format!("put a {kind} of that name into `{own}` too, or use a ClusterTriggerAuthentication with the {kind} in KEDA's namespace"));
    // Somebody may have made it there by hand.
    finding.severity = Severity::Warning;
    Some(finding)
}

/// A Secret of a ClusterTriggerAuthentication in the namespace of what is scaled.
///
/// Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, getTriggerAuthSpec: for one of the cluster it is
/// KEDA's own namespace, unless `KEDA_CLUSTER_OBJECT_NAMESPACE` says otherwise.
fn beside_keda<'i>(
    inventory: &'i Inventory<'i>,
    given: &Object<'_>,
    item: &Node,
    kind: &'static str,
) -> Option<Finding> {
    let node = item.get("name").filter(|_| given.kind() == "ClusterTriggerAuthentication")?;
    let name = node.as_str().filter(|name| !has_variable(name))?;
    let all: Vec<&Object<'_>> = inventory.named(kind, name).collect();
    let first = *all.first()?;
    let is_scaled = |space: &str| {
        let scalers = ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
        scalers.into_iter().any(|scaler| scaler.namespace.as_deref() == Some(space))
    };
    let is_apart = |other: &&Object<'_>| {
        let is_copied = other.at(&["metadata", "annotations"]).is_some();
        !is_copied
            && other
                .namespace
                .as_deref()
                .is_some_and(|space| !space.contains("keda") && !has_variable(space) && is_scaled(space))
    };
    // KEDA may be installed beside what it scales.
    let has_operator = ["Deployment", "HelmRelease", "Application"].into_iter().any(|kind| {
        inventory.kind(kind).any(|other| {
            other.name.contains("keda") && other.namespace == first.namespace && kind != "Application"
        })
    });
    let is_made = inventory.named("ExternalSecret", name).next().is_some();
    if !all.iter().all(is_apart) || has_operator || is_made {
        return None;
    }
    // Of several keys the first tells.
    let lists =
        ["secretTargetRef", "configMapTargetRef"].into_iter().filter_map(|list| given.at(&["spec", list]));
    let mut same = lists
        .flat_map(Node::items)
        .filter_map(|other| other.get("name"))
        .filter(|other| other.as_str() == Some(name));
    if same.next().is_some_and(|other| !std::ptr::eq(other, node)) {
        return None;
    }
    let theirs = first.namespace_text();
    let mut finding = Finding::new(
        &CREDENTIALS,
        given.place(node),
        format!("the {kind} `{name}` is looked up in KEDA's namespace, and the one that is here is in `{theirs}`"),
    )
    .related(first.name_place(), format!("in `{theirs}`"))
    .why("what KEDA does not find it takes for an empty text: it cannot build the scaler, or asks without it, and nothing scales")
    .help(format!("put the {kind} into KEDA's namespace, `keda` by default, or write a TriggerAuthentication in `{theirs}`"));
    // KEDA may be told of another namespace.
    finding.severity = Severity::Warning;
    Some(finding)
}

fn list(keys: &[&str]) -> String {
    let mut shown: Vec<String> = keys.iter().take(5).map(|key| format!("`{key}`")).collect();
    if keys.len() > shown.len() {
        shown.push(format!("{} more", keys.len() - shown.len()));
    }
    shown.join(", ")
}

/// What makes the Secret or ConfigMap, the nearest first; that of a ClusterTriggerAuthentication is in KEDA's namespace.
fn source<'i>(
    inventory: &'i Inventory<'i>,
    given: &Object<'_>,
    kind: &'static str,
    name: &str,
) -> Vec<&'i Object<'i>> {
    if given.kind() == "TriggerAuthentication" {
        let mut all = inventory.makers(kind, name, given);
        // One that is meant is enough: others of its kind are those of other environments.
        if let Some(meant) = inventory.meant(kind, name, given) {
            all.retain(|maker| maker.kind() != kind || std::ptr::eq(*maker, meant));
        }
        all.sort_by_key(|maker| std::cmp::Reverse(maker.nearness(given)));
        return all;
    }
    inventory.named(kind, name).filter(|_| inventory.named(kind, name).count() == 1).collect()
}

/// A word that Kafka's scaler does not take. The parameters have these names for Kafka alone.
fn wrong_word<'i>(
    inventory: &'i Inventory<'i>,
    given: &Object<'_>,
    item: &Node,
    kind: &'static str,
) -> Option<Finding> {
    let parameter = item.get("parameter")?.as_str()?;
    let (_, words) = WORDS.iter().find(|(name, _)| *name == parameter)?;
    let asks = |object: &Object<'_>| {
        object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default().iter().any(|trigger| {
            trigger.get("type").and_then(Node::as_str) == Some("kafka")
                && trigger.at(&["authenticationRef", "name"]).and_then(Node::as_str)
                    == Some(given.name.as_str())
        })
    };
    if !inventory.kind("ScaledObject").any(asks) {
        return None;
    }
    let key = item.get("key")?;
    let held = inventory.held(kind, item.get("name")?.as_str()?, key.as_str()?, given)?;
    // An empty text counts as not given.
    if held.text.is_empty()
        || has_variable(&held.text)
        || held.text.contains('<')
        || words.contains(&held.text.as_str())
    {
        return None;
    }
    let shown = if held.text.len() > 20 { "…".to_string() } else { held.text.escape_debug().to_string() };
    Some(
        Finding::new(
            &CREDENTIALS,
            held.object.place(held.node),
            format!("`{parameter}` cannot be `{shown}`"),
        )
        .related(given.place(key), "KEDA takes it from there")
        .why("KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales")
        .help(format!("write one of {}", words.join(", "))),
    )
}

//! A patch with `volumeClaimTemplates` of a StatefulSet: the list takes the place of that of the base.
//!
//! Sources: kubernetes/api apps/v1/types.go (StatefulSetSpec.volumeClaimTemplates has no patchMergeKey);
//! kubernetes/kubernetes pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaimSpec (accessModes and
//! resources.requests.storage are required); pkg/controller/statefulset/stateful_pod_control.go (no claim, no pod).

use super::LIST_REPLACED;
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::source::Place;

const CLAIMS: [&str; 2] = ["spec", "volumeClaimTemplates"];

/// What a claim has to say, by the path in it.
const NEEDED: [(&str, &[&str]); 2] = [
    ("accessModes", &["spec", "accessModes"]),
    ("resources.requests.storage", &["spec", "resources", "requests", "storage"]),
];

pub(super) fn check(base: &Object<'_>, patch: &Node, place: &dyn Fn(&Node) -> Place) -> Option<Finding> {
    let (old, new) = (base.at(&CLAIMS)?, patch.at(&CLAIMS)?);
    let (olds, news) = (old.items(), new.items());
    let is_open = |claim: &Node| claim.get("$patch").is_some() || name(claim).is_none_or(has_variable);
    if olds.is_empty() || news.is_empty() || news.iter().chain(olds).any(is_open) {
        return None;
    }
    let same = |one: &Node, other: &Node| name(one) == name(other);
    let mut lost: Vec<String> = Vec::new();
    for claim in news {
        let Some(before) = olds.iter().find(|old| same(old, claim)) else { continue };
        let is_lost =
            |path: &[&str]| before.at(path).is_some() && claim.at(path).is_none() && !is_filled(claim);
        let keys: Vec<String> =
            NEEDED.iter().filter(|(_, path)| is_lost(path)).map(|(key, _)| format!("`{key}`")).collect();
        if !keys.is_empty() {
            lost.push(format!("the claim `{}` loses {}", name(claim)?, keys.join(" and ")));
        }
    }
    let gone: Vec<String> = olds
        .iter()
        .filter(|old| !news.iter().any(|new| same(old, new)))
        .filter_map(name)
        .filter(|name| is_mounted(base, name) && !is_given(base, patch, name))
        .map(|name| format!("`{name}`"))
        .collect();
    if !gone.is_empty() {
        let are = if gone.len() == 1 { "is" } else { "are" };
        lost.push(format!("{}, which a container mounts, {are} gone", gone.join(", ")));
    }
    if lost.is_empty() {
        return None;
    }
    let message = format!("this list replaces that of the base: {}", lost.join("; "));
    Some(
        Finding::new(&LIST_REPLACED, place(new), message)
            .related(base.place(old), "what is replaced")
            .why("kustomize has no key by which to merge claims: what the patch does not repeat is gone, a claim without it or a mount without its volume is refused, and no pod is made")
            .help("repeat all claims in the patch, or patch the one value: `- {op: replace, path: /spec/volumeClaimTemplates/0/spec/resources/requests/storage, value: …}`"),
    )
}

fn name(claim: &Node) -> Option<&str> {
    claim.at(&["metadata", "name"]).and_then(Node::as_str)
}

/// Whether something else makes the text of a claim.
fn is_filled(claim: &Node) -> bool {
    claim.get("spec").and_then(Node::as_str).is_some()
}

fn lists<'n>(node: &'n Node, keys: &'n [&'n str]) -> impl Iterator<Item = &'n Node> {
    let pod = node.at(&["spec", "template", "spec"]);
    keys.iter().filter_map(move |key| pod?.get(key)).flat_map(Node::items)
}

fn is_mounted(base: &Object<'_>, name: &str) -> bool {
    lists(&base.document.node, &["containers", "initContainers"])
        .filter_map(|container| container.get("volumeMounts"))
        .flat_map(Node::items)
        .any(|mount| mount.get("name").and_then(Node::as_str) == Some(name))
}

/// Whether a volume of the pod has the name, or a patch may change volumes or take the mount out.
fn is_given(base: &Object<'_>, patch: &Node, name: &str) -> bool {
    let is_it = |volume: &Node| volume.get("name").and_then(Node::as_str) == Some(name);
    let takes_out = |container: &Node| {
        let mounts = container.get("volumeMounts").map(Node::items).unwrap_or_default();
        container.get("$patch").is_some() || mounts.iter().any(|mount| mount.get("$patch").is_some())
    };
    lists(&base.document.node, &["volumes"]).any(is_it)
        || lists(patch, &["volumes"]).next().is_some()
        || lists(patch, &["containers", "initContainers"]).any(takes_out)
        || base.patched.iter().any(|path| path.iter().any(|key| key == "volumes"))
}

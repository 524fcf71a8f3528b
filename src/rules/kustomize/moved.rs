//! A kustomization that moves objects of several namespaces into one.
//!
//! Source: kubernetes-sigs/kustomize api/internal/builtins/NamespaceTransformer.go: it writes `metadata.namespace` of
//! every object, whatever stands there. Where two of one name meet the build ends, which `workload/applied-twice` tells.

use std::collections::BTreeMap;

use super::{NAMESPACES_MERGED, folder, references};
use crate::finding::Finding;
use crate::inventory::{Object, join};
use crate::manifest::{Node, has_variable};

/// Kinds that are in no namespace, of those that are read.
const CLUSTER_SCOPED: [&str; 11] = [
    "APIService",
    "ClusterPodMonitoring",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTriggerAuthentication",
    "CustomResourceDefinition",
    "MutatingWebhookConfiguration",
    "Namespace",
    "PersistentVolume",
    "StorageClass",
    "ValidatingWebhookConfiguration",
];

/// More places than these say nothing new.
const MOST_PLACES: usize = 3;

/// `by_path`: whole objects that stand in a file.
pub(super) fn check(
    kustomization: &Object<'_>,
    by_path: &dyn Fn(&str) -> Vec<usize>,
    objects: &[Object<'_>],
) -> Option<Finding> {
    let node = kustomization.at(&["namespace"])?;
    let into =
        node.as_str().filter(|name| !name.is_empty() && !has_variable(name) && !name.contains("{{"))?;
    // What runs after it may set the namespaces again.
    let is_mended = ["transformers", "replacements"]
        .iter()
        .any(|key| kustomization.at(&[key]).is_some_and(|list| !list.items().is_empty()));
    if is_mended {
        return None;
    }
    let own = references(kustomization).filter(|reference| reference.may_be_folder);
    let moved: Vec<&Object<'_>> = own
        .flat_map(|reference| by_path(&join(folder(kustomization.path), reference.path)))
        .map(|number| &objects[number])
        .filter(|object| !object.is_fragment && !CLUSTER_SCOPED.contains(&object.kind()))
        .filter(|object| !object.document.namespace().is_some_and(has_variable))
        .collect();
    let mut namespaces: BTreeMap<&str, &Object<'_>> = BTreeMap::new();
    for object in &moved {
        if let Some(namespace) = object.document.namespace().filter(|namespace| !namespace.is_empty()) {
            namespaces.entry(namespace).or_insert(object);
        }
    }
    if namespaces.len() < 2 {
        return None;
    }
    namespaces.remove(into);
    let place_of = |object: &Object<'_>| {
        let node = object.at(&["metadata", "namespace"]);
        node.map_or(object.name_place(), |node: &Node| object.place(node))
    };
    let names: Vec<String> = namespaces.keys().map(|name| format!("`{name}`")).collect();
    let list = match names.as_slice() {
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
        [] => return None,
    };
    let mut finding = Finding::new(
        &NAMESPACES_MERGED,
        kustomization.place(node),
        format!("what is written for {list} is moved into `{into}`"),
    )
    .help(format!("leave `namespace` out here, or write a kustomization of its own for each namespace: only what belongs into `{into}` stays in this one"));
    for (namespace, object) in namespaces.iter().take(MOST_PLACES) {
        finding = finding.related(
            place_of(object),
            format!("{} `{}` says `{namespace}`", object.kind(), object.document.name()),
        );
    }
    Some(finding.why(
        "kustomize writes it over every `metadata.namespace`: what names the old one, as an address, a `namespaceSelector` or `kubectl -n` does, finds nothing there",
    ))
}

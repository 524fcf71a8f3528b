//! A kustomization that moves objects of several namespaces into one.
//!
//! Source: kubernetes-sigs/kustomize api/internal/builtins/NamespaceTransformer.go: it writes `metadata.namespace` of
//! every object, whatever stands there. Where two of one name meet the build ends, which `workload/applied-twice` tells.

use std::collections::BTreeMap;

use super::built::Builder;
use super::{NAMESPACES_MERGED, folder, references};
use crate::finding::{Finding, Severity};
use crate::inventory::{Object, join};
use crate::manifest::{Node, has_variable};

/// Kinds that are in no namespace, of those that are read: a namespace that is written over them changes nothing.
const CLUSTER_SCOPED: [&str; 17] = [
    "APIService",
    "CSIDriver",
    "CustomResourceDefinition",
    "GatewayClass",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "NodePool",
    "PersistentVolume",
    "PodSecurityPolicy",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// `Cluster…` of nearly every operator means the whole cluster: ClusterRole, ClusterSecretStore, ClusterIssuer. Those that
/// mean a cluster of something (`Cluster` itself) are in a namespace.
fn is_cluster_scoped(kind: &str) -> bool {
    CLUSTER_SCOPED.contains(&kind) || kind.strip_prefix("Cluster").is_some_and(|rest| !rest.is_empty())
}

/// Namespaces that are built into one name: kustomize renames each to the `namespace` of the overlay.
///
/// Source: kubernetes-sigs/kustomize api/internal/konfig/builtinpluginconsts/namespace.go (metadata/name of a Namespace),
/// api/internal/builtins/NamespaceTransformer.go: "namespace transformation produces ID conflict".
pub(super) fn renamed<'o>(kustomization: &'o Object<'o>, builder: &Builder<'o, '_>) -> Option<Finding> {
    let node = kustomization.at(&["namespace"])?;
    let into = node.as_str().filter(|name| !name.is_empty() && !has_variable(name))?;
    let built = builder.build(kustomization);
    let is_namespace = |object: &&&Object<'_>| object.kind() == "Namespace" && !object.is_fragment;
    let mut all = built.objects.iter().filter(is_namespace);
    let (first, second) = (all.next()?, all.next()?);
    // The build of one of its parts ends there already, where it is told.
    let ends_before = |one: &&Object<'_>| {
        let names = one.at(&["namespace"]).and_then(Node::as_str).is_some_and(|name| !name.is_empty());
        names && builder.build(one).objects.iter().filter(is_namespace).count() > 1
    };
    if built.kustomizations.iter().skip(1).any(ends_before) {
        return None;
    }
    // A patch may take one out again.
    if built.kustomizations.iter().any(|one| patches_namespaces(one, builder)) {
        return None;
    }
    let is_own = |object: &&&Object<'_>| object.document.name() == into;
    let other = [first, second].into_iter().find(|object| !is_own(object)).unwrap_or(second);
    let message = match other.document.name() == into {
        true => format!("two files here make the Namespace `{into}`"),
        false => format!("two Namespaces become `{into}` here"),
    };
    let mut finding = Finding::new(&NAMESPACES_MERGED, kustomization.place(node), message);
    for object in [first, second] {
        finding = finding.related(object.name_place(), format!("the Namespace `{}`", object.document.name()));
    }
    finding.severity = Severity::Error;
    Some(
        finding
            .why("kustomize gives every Namespace the name of the overlay's `namespace`, and ends at the second: \"namespace transformation produces ID conflict\", and nothing is applied")
            .help("keep one of them: leave the other one out of `resources`, or build it in a kustomization of its own"),
    )
}

/// Whether a patch of a kustomization is, or may be, for a Namespace.
fn patches_namespaces<'o>(kustomization: &'o Object<'o>, builder: &Builder<'o, '_>) -> bool {
    let lists = ["patches", "patchesStrategicMerge"].into_iter().filter_map(|key| kustomization.at(&[key]));
    lists.flat_map(Node::items).any(|entry| {
        let patch = entry.get("patch").or_else(|| entry.get("path")).unwrap_or(entry);
        let Some(text) = patch.as_str() else { return true };
        if entry.at(&["target", "kind"]).and_then(Node::as_str).is_some_and(|kind| kind != "Namespace") {
            return false;
        }
        if text.contains('\n') {
            return text.contains("Namespace") && text.contains("delete") || entry.get("target").is_some();
        }
        let path = join(folder(kustomization.path), text);
        let mut parts = builder.in_file(&path).peekable();
        match parts.peek() {
            Some(_) => parts.any(|part| part.kind() == "Namespace"),
            None => !builder.is_passed_over(&path),
        }
    })
}

/// More places than these say nothing new.
const MOST_PLACES: usize = 3;

pub(super) fn check<'o>(kustomization: &'o Object<'o>, builder: &Builder<'o, '_>) -> Option<Finding> {
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
        .flat_map(|reference| builder.in_file(&join(folder(kustomization.path), reference.path)))
        .filter(|object| !object.is_fragment && !is_cluster_scoped(object.kind()))
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
    // An overlay around it sets the namespace that is written: there it is where it is meant to be.
    if !namespaces.is_empty() {
        for around in builder.around(kustomization) {
            namespaces.retain(|name, _| around.text(&["namespace"]) != Some(*name));
        }
    }
    // What acts on all of a namespace says best what is moved.
    for (namespace, shown) in &mut namespaces {
        let own = moved.iter().filter(|object| object.document.namespace() == Some(*namespace));
        if let Some(wide) = own.copied().find(|object| acts_on_all(object)) {
            *shown = wide;
        }
    }
    // One other name that nothing here relies on is replaced by the right one: that is what `namespace` is for.
    if let [one] = namespaces.keys().copied().collect::<Vec<&str>>().as_slice()
        && !moved.iter().any(|object| relies(object, one))
    {
        return None;
    }
    let wide = namespaces.values().find(|object| acts_on_all(object)).copied();
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
    Some(finding.why(match wide {
        Some(object) => format!(
            "kustomize writes it over every `metadata.namespace`: the {} `{}` is then for all of `{into}`, and what names the old one finds nothing there",
            object.kind(),
            object.document.name()
        ),
        None => "kustomize writes it over every `metadata.namespace`: what names the old one, as an address, a `namespaceSelector` or `kubectl -n` does, finds nothing there".to_string(),
    }))
}

/// Whether it is for all pods of the namespace in which it is.
fn acts_on_all(object: &Object<'_>) -> bool {
    match object.kind() {
        "ResourceQuota" | "LimitRange" => true,
        "NetworkPolicy" => {
            object.at(&["spec", "podSelector"]).is_some_and(|selector| selector.entries().is_empty())
        }
        "PeerAuthentication" | "AuthorizationPolicy" => object.at(&["spec", "selector"]).is_none(),
        _ => false,
    }
}

/// Kinds that are in a namespace for what is there: rights, and what others look for in it.
const BELONGS_THERE: [&str; 6] =
    ["Role", "RoleBinding", "ServiceMonitor", "PodMonitor", "PrometheusRule", "AlertmanagerConfig"];

/// Whether an object needs the namespace that is written over, by what it is or by what it says.
fn relies(object: &Object<'_>, namespace: &str) -> bool {
    let is_of_it = object.document.namespace() == Some(namespace);
    let needs = acts_on_all(object) || BELONGS_THERE.contains(&object.kind());
    is_of_it && needs || names(&object.document.node, namespace, 0)
}

/// Whether a text names a namespace, as a word of its own; `metadata.namespace` is not asked.
fn names(node: &Node, namespace: &str, depth: usize) -> bool {
    const MOST_DEPTH: usize = 32;
    let is_word = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_')).any(|word| word == namespace)
    };
    depth < MOST_DEPTH
        && (node.as_str().is_some_and(is_word)
            || node.items().iter().any(|item| names(item, namespace, depth + 1))
            || node.entries().iter().any(|entry| {
                let is_own = depth == 1 && ["namespace", "labels"].contains(&entry.key.as_str());
                !is_own && names(&entry.node, namespace, depth + 1)
            }))
}

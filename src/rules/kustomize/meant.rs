//! What the patches and the `replicas` of a kustomization mean, and whether it is there.

use super::built::{Builder, Built};
use super::{NAMESPACED, PATCH_TARGET, REFUSED, folder, is_local, operations, replaced, written};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inline, Inventory, Object, group, join};
use crate::manifest::{Node, has_variable};
use crate::source::{Place, Sources};

/// Whether every object of a kind is read, whoever refers to it; of Ingresses, where there are patches.
pub(super) fn is_always_read(kind: &str) -> bool {
    NAMESPACED.contains(&kind) && kind != "ConfigMap"
}

/// Kinds whose number of pods an entry of `replicas` may set.
const COUNTED: [&str; 4] = ["Deployment", "ReplicaSet", "Rollout", "StatefulSet"];

/// A part of an object that says by itself which one it is for.
struct Patch<'p> {
    node: &'p Node,
    name: &'p str,
    name_at: Place,
    namespace_at: Option<Place>,
    /// The entry of the kustomization; None: it is the patch itself.
    named_at: Option<Place>,
    path: &'p str,
}

impl<'p> Patch<'p> {
    fn new(
        node: &'p Node,
        place: impl Fn(&Node) -> Place,
        named_at: Option<Place>,
        path: &'p str,
    ) -> Option<Self> {
        let name = node.at(&["metadata", "name"])?;
        Some(Patch {
            node,
            name: name.as_str().filter(|name| !has_variable(name))?,
            name_at: place(name),
            namespace_at: node.at(&["metadata", "namespace"]).map(place),
            named_at,
            path,
        })
    }

    fn text(&self, key: &str) -> &'p str {
        self.node.get(key).and_then(Node::as_str).unwrap_or_default()
    }

    fn namespace(&self) -> &'p str {
        self.node.at(&["metadata", "namespace"]).and_then(Node::as_str).unwrap_or("default")
    }

    fn finding(&self, place: Place, message: String) -> Finding {
        let finding = Finding::new(&PATCH_TARGET, place, message);
        match self.named_at {
            Some(at) => finding.related(at, "the overlay that applies the patch"),
            None => finding,
        }
    }
}

pub(super) fn check<'o>(
    sources: &Sources,
    inventory: &Inventory<'_>,
    builder: &Builder<'o, '_>,
    kustomization: &'o Object<'o>,
    namespaces: &[(&str, &str)],
) -> Vec<Finding> {
    let list = |key: &str| kustomization.at(&[key]).map(Node::items).unwrap_or_default();
    let entries = || ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter().flat_map(list);
    // A component changes what stands around it.
    if kustomization.kind() == "Component" || entries().next().is_none() && list("replicas").is_empty() {
        return Vec::new();
    }
    let built = builder.build(kustomization);
    let judge = |patch: &Patch<'_>| {
        absent(inventory, &built, patch)
            .or_else(|| no_namespace(sources, &built, patch))
            .or_else(|| elsewhere(inventory, kustomization, patch, namespaces))
    };
    let mut findings = Vec::new();
    for entry in entries() {
        let target = entry.get("target");
        if let Some(target) = target {
            findings.extend(
                unreached(&built, kustomization, target)
                    .or_else(|| operations::check(sources, &built, kustomization, entry)),
            );
        }
        let patch = entry.get("patch").unwrap_or(entry);
        if let Some(inline) = Inline::read(sources, kustomization.document.file, patch) {
            let place = |node: &Node| inline.place(node.span);
            for part in &inline.documents {
                findings.extend(replaced::check(&built, &part.node, target, &place));
            }
            if target.is_some() {
                continue;
            }
            let parts = inline.documents.iter().filter(|document| !document.kind().is_empty());
            let patches = parts.filter_map(|part| Patch::new(&part.node, place, None, kustomization.path));
            findings.extend(patches.filter_map(|patch| judge(&patch)));
        } else if let Some(node) = entry.get("path").or(Some(entry)).filter(|node| node.as_str().is_some()) {
            let Some(path) = node.as_str().filter(|path| is_local(path)) else { continue };
            let path = join(folder(kustomization.path), path);
            let parts: Vec<&Object<'_>> = builder.in_file(&path).collect();
            let at = kustomization.place(node);
            for part in &parts {
                let place = |node: &Node| part.place(node);
                let lost = replaced::check(&built, &part.document.node, target, &place);
                findings.extend(lost.map(|lost| lost.related(at, "the overlay that applies the patch")));
            }
            if target.is_some() {
                continue;
            }
            let patches = parts.iter().filter_map(|part| {
                Patch::new(&part.document.node, |node| part.place(node), Some(at), part.path)
            });
            // A file is told of once.
            findings.extend(patches.into_iter().find_map(|patch| judge(&patch)));
        }
    }
    findings.extend(list("replicas").iter().filter_map(|entry| uncounted(&built, kustomization, entry)));
    findings
}

/// A patch whose object the kustomization does not build, or builds in another version.
fn absent(inventory: &Inventory<'_>, built: &Built<'_, '_>, patch: &Patch<'_>) -> Option<Finding> {
    let kind = patch.text("kind");
    let version = patch.text("apiVersion");
    if !built.is_complete || !is_always_read(kind) || version.is_empty() || has_variable(version) {
        return None;
    }
    let all = built.called(kind, patch.name);
    if all.is_empty() {
        let names = names(built, &[kind]);
        let message = format!("this patch is for {kind} `{}`, which is not built here", patch.name);
        let help = match names.is_empty() {
            true => format!("add the file with the {kind} to `resources`, or take the patch out"),
            false => format!("the {kind}s that are built here are {names}"),
        };
        let finding = patch.finding(patch.name_at, message).why(REFUSED).help(help);
        let mut here = inventory.named(kind, patch.name).filter(|object| !object.is_fragment);
        return Some(match here.next() {
            Some(object) => finding.related(object.name_place(), "it is here, and not built by this overlay"),
            None => finding,
        });
    }
    let versions = |object: &&Object<'_>| object.document.api_version() == version;
    let other = all.first().filter(|_| !all.iter().any(versions))?;
    let theirs = other.document.api_version();
    // Where the group differs too it is another kind.
    if group(theirs) != group(version) || has_variable(theirs) {
        return None;
    }
    let message = format!("this patch is for a {kind} of `{version}`, and `{}` is of `{theirs}`", patch.name);
    Some(
        patch
            .finding(patch.name_at, message)
            .related(other.name_place(), "the one that is built here")
            .why(format!(
                "kustomize finds an object by apiVersion, kind, name and namespace together: {REFUSED}"
            ))
            .help(format!("write `apiVersion: {theirs}` into the patch")),
    )
}

/// A patch for a Namespace that is not built, or is not called so yet.
fn no_namespace(sources: &Sources, built: &Built<'_, '_>, patch: &Patch<'_>) -> Option<Finding> {
    if patch.text("kind") != "Namespace" || patch.text("apiVersion") != "v1" {
        return None;
    }
    let names = built.namespaces(sources)?;
    if names.iter().any(|name| *name == patch.name || has_variable(name) || name.contains("{{")) {
        return None;
    }
    let message = format!("this patch is for Namespace `{}`, which is not built here", patch.name);
    let mut namespaces = built.objects.iter().filter(|object| object.kind() == "Namespace");
    let only = namespaces.next().filter(|_| namespaces.next().is_none());
    let finding = patch.finding(patch.name_at, message).why(REFUSED);
    Some(match only {
        Some(only) => finding.related(only.name_place(), "the one that is built here").help(format!(
            "write `name: {}`: patches come before `namespace`, which gives the Namespace its name too",
            only.document.name()
        )),
        None => finding.help("add the file with the Namespace to `resources`, or take the patch out"),
    })
}

/// A patch whose object exists under another namespace alone.
fn elsewhere(
    inventory: &Inventory<'_>,
    kustomization: &Object<'_>,
    patch: &Patch<'_>,
    namespaces: &[(&str, &str)],
) -> Option<Finding> {
    let (kind, name, own) = (patch.text("kind"), patch.name, patch.namespace());
    if !NAMESPACED.contains(&kind) || has_variable(own) {
        return None;
    }
    let meant: Vec<&Object<'_>> = inventory
        .named(kind, name)
        .filter(|other| other.document.name() == name && other.path != patch.path)
        .collect();
    // Another kustomization may have moved it there before.
    let moved = namespaces.iter().any(|(at, namespace)| *namespace == own && *at != kustomization.path);
    let first = meant.first()?;
    if meant.iter().any(|other| written(other) == own || has_variable(&written(other))) || moved {
        return None;
    }
    let theirs = written(first);
    let said = match patch.namespace_at {
        Some(_) => format!("this patch is for {kind} `{name}` in `{own}`"),
        None => format!("this patch names no namespace, and {kind} `{name}` has one"),
    };
    let help = match first.at(&["metadata", "namespace"]) {
        None => "leave `namespace` out of the patch".to_string(),
        Some(_) => format!(
            "write `namespace: {theirs}` into the patch: it is applied before the namespace of the overlay"
        ),
    };
    Some(
        patch
            .finding(patch.namespace_at.unwrap_or(patch.name_at), said)
            .related(first.name_place(), format!("the one that is here is in `{theirs}`"))
            .why(format!("kustomize finds an object by kind, name and namespace together: {REFUSED}"))
            .help(help),
    )
}

/// A `target` that fits nothing: kustomize goes on in silence.
///
/// Source: kubernetes-sigs/kustomize api/internal/builtins/PatchTransformer.go: it goes over what the target selects.
fn unreached(built: &Built<'_, '_>, kustomization: &Object<'_>, target: &Node) -> Option<Finding> {
    let text = |key: &str| target.get(key).and_then(Node::as_str);
    let kind = text("kind").filter(|kind| is_always_read(kind))?;
    let name = text("name");
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !built.is_complete || !name.is_none_or(is_plain) {
        return None;
    }
    let is_reached = match name {
        Some(name) => !built.called(kind, name).is_empty(),
        None => built.objects.iter().any(|object| object.kind() == kind),
    };
    if is_reached {
        return None;
    }
    let node = target.get("name").or_else(|| target.get("kind"))?;
    let wanted = name.map_or_else(String::new, |name| format!(" `{name}`"));
    let names = names(built, &[kind]);
    let help = match names.is_empty() {
        true => "add the file with it to `resources`, or take the patch out".to_string(),
        false => format!("the {kind}s that are built here are {names}"),
    };
    let message = format!("this patch reaches nothing: no {kind}{wanted} is built here");
    let mut finding = Finding::new(&PATCH_TARGET, kustomization.place(node), message)
        .why(
            "a `target` that fits no object is no error to kustomize: what the patch says never takes effect",
        )
        .help(help);
    finding.severity = Severity::Warning;
    Some(finding)
}

/// An entry of `replicas` for a workload that is not built.
///
/// Source: kubernetes-sigs/kustomize api/internal/builtins/ReplicaCountTransformer.go.
fn uncounted(built: &Built<'_, '_>, kustomization: &Object<'_>, entry: &Node) -> Option<Finding> {
    let node = entry.get("name")?;
    let name = node.as_str().filter(|name| !has_variable(name))?;
    let is_there = COUNTED.iter().any(|kind| !built.called(kind, name).is_empty());
    // What else has `spec.replicas` may be told to kustomize.
    let is_configured = built.kustomizations.iter().any(|one| one.at(&["configurations"]).is_some());
    if !built.is_complete || is_there || is_configured {
        return None;
    }
    let names = names(built, &COUNTED);
    let help = match names.is_empty() {
        true => "add the file of the workload to `resources`, or take the entry out".to_string(),
        false => format!("the workloads that are built here are {names}"),
    };
    let message = format!("`replicas` names `{name}`, and no such workload is built here");
    Some(Finding::new(&PATCH_TARGET, kustomization.place(node), message).why(REFUSED).help(help))
}

/// The names of what is built of some kinds, a few.
pub(super) fn names(built: &Built<'_, '_>, kinds: &[&str]) -> String {
    const MOST: usize = 4;
    let mut names: Vec<&str> = built
        .objects
        .iter()
        .filter(|object| kinds.contains(&object.kind()) && !object.document.name().is_empty())
        .map(|object| object.document.name())
        .collect();
    names.sort_unstable();
    names.dedup();
    let more = if names.len() > MOST { " and others" } else { "" };
    let names: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    format!("{}{more}", names.join(", "))
}

//! A generator that makes what a file of the same kustomization brings in already.
//!
//! Sources: kubernetes-sigs/kustomize api/resmap/reswrangler.go, appendReplaceOrMerge ("exists; behavior must be merge or
//! replace"); api/internal/builtins/NamespaceTransformer.go ("namespace transformation produces ID conflict").

use super::built::Builder;
use super::{BUILT_TWICE, REFUSED, folder, references, written};
use crate::finding::Finding;
use crate::inventory::{Object, join};
use crate::manifest::{Node, has_variable};

pub(super) fn check<'o>(builder: &Builder<'o, '_>, kustomization: &'o Object<'o>) -> Vec<Finding> {
    let lists = [("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")];
    let entries = lists.into_iter().flat_map(|(kind, list)| {
        let entries = kustomization.at(&[list]).map(Node::items).unwrap_or_default();
        entries.iter().map(move |entry| (kind, entry))
    });
    entries.filter_map(|(kind, entry)| again(builder, kustomization, kind, entry)).collect()
}

fn again<'o>(
    builder: &Builder<'o, '_>,
    kustomization: &'o Object<'o>,
    kind: &str,
    entry: &Node,
) -> Option<Finding> {
    let node = entry.get("name")?;
    let name = node.as_str().filter(|name| !has_variable(name))?;
    if matches!(entry.get("behavior").and_then(Node::as_str), Some("merge" | "replace")) {
        return None;
    }
    let own = entry.get("namespace").and_then(Node::as_str).unwrap_or("default");
    let moved = kustomization.text(&["namespace"]).is_some();
    let of_files = references(kustomization)
        .filter(|one| one.may_be_folder)
        .flat_map(|one| builder.in_file(&join(folder(kustomization.path), one.path)));
    // The namespace of the kustomization brings together what stood apart.
    let first = of_files.into_iter().find(|other| {
        !other.is_fragment
            && other.kind() == kind
            && other.document.api_version() == "v1"
            && other.document.name() == name
            && (moved || written(other) == own)
    })?;
    Some(
        Finding::new(
            &BUILT_TWICE,
            kustomization.place(node),
            format!("the generator makes a second {kind} `{name}`"),
        )
        .related(first.name_place(), "a file of this kustomization brings it in already")
        .why(format!("kustomize takes each object once: {REFUSED}"))
        .help("leave one of the two out; to add to the one of the file, write `behavior: merge`, with the namespace that the file writes"),
    )
}

//! What kustomizations do to numbers of replicas: `replicas`, and patches inline or in files.

use crate::manifest::{Document, Node, raw_offset, read};
use crate::source::{FileId, Place, Sources, Span};

/// One change of `spec.replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaChange {
    /// None: any.
    kind: Option<String>,
    name: Option<String>,
    /// The number as it is written; None: the field is removed.
    pub number: Option<String>,
    pub place: Place,
}

impl ReplicaChange {
    pub(super) fn is_about(&self, kind: &str, name: &str) -> bool {
        let fits = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|wanted| wanted == own);
        fits(&self.kind, kind) && fits(&self.name, name)
    }
}

/// All changes that one kustomization makes. `file` gives the documents of a file that it names.
pub(super) fn changes<'d>(
    sources: &Sources,
    kustomization: &Document,
    file: impl Fn(&str) -> Option<&'d [&'d Document]>,
) -> Vec<ReplicaChange> {
    let list = |key: &str| kustomization.node.get(key).map(Node::items).unwrap_or_default();
    let mut found = Vec::new();
    let patches = ["patches", "patchesJson6902", "patchesStrategicMerge"].into_iter().flat_map(list);
    for patch in patches {
        let target = patch.get("target");
        let text = patch
            .get("patch")
            .or(Some(patch))
            .filter(|node| node.as_str().is_some_and(|text| text.contains('\n')));
        if let Some((node, text)) = text.and_then(|node| Some((node, node.as_str()?))) {
            let raw = sources.get(kustomization.file).text.get(node.span.range()).unwrap_or_default();
            for inner in read(kustomization.file, text).documents {
                let at = |span: Span| {
                    let start = node.span.start as usize + raw_offset(raw, text, span.start as usize);
                    let end = node.span.start as usize + raw_offset(raw, text, span.end as usize);
                    Place::new(kustomization.file, Span::new(start, end.max(start)))
                };
                found.extend(change(&inner.node, target, at));
            }
        } else if let Some(path) = patch.as_str().or_else(|| patch.get("path").and_then(Node::as_str)) {
            for document in file(path).unwrap_or_default() {
                found.extend(change(&document.node, target, |span| Place::new(document.file, span)));
            }
        }
    }
    let named = list("replicas").iter().filter_map(|entry| counted(kustomization.file, entry));
    found.extend(named);
    found
}

/// An entry of `replicas`.
fn counted(file: FileId, entry: &Node) -> Option<ReplicaChange> {
    let count = entry.get("count")?;
    Some(ReplicaChange {
        kind: None,
        name: Some(entry.get("name")?.as_str()?.to_string()),
        number: count.as_written(),
        place: Place::new(file, count.span),
    })
}

/// What one patch does, a list of JSON operations or a part of an object.
fn change(patch: &Node, target: Option<&Node>, place: impl Fn(Span) -> Place) -> Option<ReplicaChange> {
    let of = |node: Option<&Node>, path: &[&str]| {
        let text = node.and_then(|node| node.at(path)).and_then(Node::as_str)?;
        // Names of targets are patterns.
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            .then(|| text.to_string())
    };
    let (kind, name) = match target {
        Some(target) => (of(Some(target), &["kind"]), of(Some(target), &["name"])),
        None => (of(Some(patch), &["kind"]), of(Some(patch), &["metadata", "name"])),
    };
    // A pattern, or labels: it cannot be told whom it is for.
    let is_vague = target.is_some_and(|target| {
        target.get("labelSelector").is_some()
            || target.get("annotationSelector").is_some()
            || name.is_none() && target.get("name").is_some()
    });
    if is_vague {
        return None;
    }
    let operation = patch
        .items()
        .iter()
        .rev()
        .find(|operation| operation.get("path").and_then(Node::as_str) == Some("/spec/replicas"));
    if let Some(operation) = operation {
        let is_removed = operation.get("op").and_then(Node::as_str) == Some("remove");
        let number = operation.get("value").filter(|_| !is_removed);
        let node = number.unwrap_or(operation);
        return Some(ReplicaChange {
            kind,
            name,
            number: number.and_then(Node::as_written),
            place: place(node.span),
        });
    }
    // `get` takes a `null` for absent, and here it removes.
    let spec = patch.get("spec")?;
    let entry = spec.entries().iter().find(|entry| entry.key == "replicas")?;
    Some(ReplicaChange { kind, name, number: entry.node.as_written(), place: place(entry.node.span) })
}

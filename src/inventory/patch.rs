//! What kustomizations change in objects: `replicas`, and patches inline or in files. Patches are not applied: it is known
//! which paths they reach, what they make of the number of replicas, and what they take out.

use crate::manifest::{Document, Node, Value, raw_offset, read};
use crate::source::{FileId, Place, Sources, Span};

/// One change of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// None: any.
    kind: Option<String>,
    name: Option<String>,
    pub(super) replicas: Option<ReplicaChange>,
    /// Changes of the range of an autoscaler, or of what a budget keeps.
    pub(super) bounds: Vec<(&'static str, ReplicaChange)>,
    /// Paths of keys, without the numbers of items.
    pub(super) paths: Vec<Vec<String>>,
    pub(super) is_deletion: bool,
    /// It is told by a pattern or by labels whom it is for.
    pub(super) is_vague: bool,
    /// What is added to the object's labels, its pods' labels, and their annotations.
    pub(super) added: [Vec<(String, String)>; 3],
}

/// Where labels and annotations stand by which others find an object.
const FOUND_BY: [&[&str]; 3] = [
    &["metadata", "labels"],
    &["spec", "template", "metadata", "labels"],
    &["spec", "template", "metadata", "annotations"],
];

/// Keys of `spec` that say between which numbers an autoscaler decides, and how many pods a budget keeps.
const BOUNDS: [&str; 7] = [
    "minReplicas",
    "maxReplicas",
    "minReplicaCount",
    "maxReplicaCount",
    "idleReplicaCount",
    "minAvailable",
    "maxUnavailable",
];

/// A change of `spec.replicas`, or of a bound of an autoscaler or budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaChange {
    /// The number as it is written; None: the field is removed.
    pub number: Option<String>,
    pub place: Place,
}

impl Change {
    pub(super) fn is_about(&self, kind: &str, name: &str) -> bool {
        let fits = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|wanted| wanted == own);
        fits(&self.kind, kind) && fits(&self.name, name)
    }
}

/// The documents of a patch that stands as a text in a kustomization.
pub struct Inline<'s> {
    pub documents: Vec<Document>,
    file: FileId,
    start: u32,
    text: &'s str,
    /// The text as it stands in the file.
    raw: &'s str,
}

impl<'s> Inline<'s> {
    /// None: this is a path.
    pub fn read(sources: &'s Sources, file: FileId, node: &'s Node) -> Option<Self> {
        let text = node.as_str().filter(|text| text.contains('\n'))?;
        let raw = sources.get(file).text.get(node.span.range()).unwrap_or_default();
        Some(Inline { documents: read(file, text).documents, file, start: node.span.start, text, raw })
    }

    /// Where something of these documents stands in the file.
    pub fn place(&self, span: Span) -> Place {
        let place = |offset: u32| self.start as usize + raw_offset(self.raw, self.text, offset as usize);
        let (start, end) = (place(span.start), place(span.end));
        Place::new(self.file, Span::new(start, end.max(start)))
    }
}

/// All changes that one kustomization makes. `file` gives the documents of a file that it names.
pub(super) fn changes<'d>(
    sources: &Sources,
    kustomization: &Document,
    file: impl Fn(&str) -> Option<&'d [&'d Document]>,
) -> Vec<Change> {
    let list = |key: &str| kustomization.node.get(key).map(Node::items).unwrap_or_default();
    let mut found = Vec::new();
    for patch in ["patches", "patchesJson6902", "patchesStrategicMerge"].into_iter().flat_map(list) {
        let target = patch.get("target");
        let inline = patch.get("patch").unwrap_or(patch);
        if let Some(inline) = Inline::read(sources, kustomization.file, inline) {
            for inner in &inline.documents {
                found.extend(change(&inner.node, target, |span| inline.place(span)));
            }
        } else if let Some(path) = patch.as_str().or_else(|| patch.get("path").and_then(Node::as_str)) {
            for document in file(path).unwrap_or_default() {
                found.extend(change(&document.node, target, |span| Place::new(document.file, span)));
            }
        }
    }
    found.extend(list("replicas").iter().filter_map(|entry| counted(kustomization.file, entry)));
    found
}

/// An entry of `replicas`.
fn counted(file: FileId, entry: &Node) -> Option<Change> {
    let count = entry.get("count")?;
    Some(Change {
        kind: None,
        name: Some(entry.get("name")?.as_str()?.to_string()),
        replicas: Some(ReplicaChange { number: count.as_written(), place: Place::new(file, count.span) }),
        bounds: Vec::new(),
        paths: Vec::new(),
        is_deletion: false,
        is_vague: false,
        added: Default::default(),
    })
}

/// What one patch does, a list of JSON operations or a part of an object.
fn change(patch: &Node, target: Option<&Node>, place: impl Fn(Span) -> Place) -> Option<Change> {
    let of = |node: &Node, path: &[&str]| {
        let text = node.at(path).and_then(Node::as_str)?;
        // Names of targets are patterns.
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        is_plain.then(|| text.to_string())
    };
    let (kind, name) = match target {
        Some(target) => (of(target, &["kind"]), of(target, &["name"])),
        None => (of(patch, &["kind"]), of(patch, &["metadata", "name"])),
    };
    let mut change = Change {
        kind,
        name,
        replicas: None,
        bounds: Vec::new(),
        paths: Vec::new(),
        is_deletion: false,
        is_vague: false,
        added: Default::default(),
    };
    match &patch.value {
        Value::Sequence(operations) => {
            for operation in operations {
                let Some(path) = operation.get("path").and_then(Node::as_str) else { continue };
                let is_number = |part: &&str| *part == "-" || part.bytes().all(|byte| byte.is_ascii_digit());
                let parts = path.split('/').filter(|part| !part.is_empty() && !is_number(part));
                let parts: Vec<String> =
                    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
                for (place, added) in FOUND_BY.iter().zip(&mut change.added) {
                    let value = operation.get("value");
                    match parts
                        .strip_prefix(place.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice())
                    {
                        Some([name]) => {
                            added.extend(value.and_then(Node::as_written).map(|value| (name.clone(), value)))
                        }
                        Some([]) => added.extend(pairs(value)),
                        _ => {}
                    }
                }
                change.paths.push(parts);
                let is_removed = operation.get("op").and_then(Node::as_str) == Some("remove");
                let number = operation.get("value").filter(|_| !is_removed);
                let changed = ReplicaChange {
                    number: number.and_then(Node::as_written),
                    place: place(number.unwrap_or(operation).span),
                };
                let key = path.strip_prefix("/spec/").unwrap_or_default();
                if key == "replicas" {
                    change.replicas = Some(changed);
                } else if let Some(bound) = BOUNDS.iter().find(|bound| **bound == key) {
                    change.bounds.push((bound, changed));
                }
            }
        }
        _ => {
            change.is_deletion = patch.get("$patch").and_then(Node::as_str) == Some("delete");
            for (place, added) in FOUND_BY.iter().zip(&mut change.added) {
                added.extend(pairs(patch.at(place)));
            }
            leaves(patch, false, &mut Vec::new(), &mut change.paths);
            // `get` takes a `null` for absent, and here it removes.
            let spec = patch.get("spec").map(Node::entries).unwrap_or_default();
            let changed = |key: &str| {
                let entry = spec.iter().find(|entry| entry.key == key)?;
                Some(ReplicaChange { number: entry.node.as_written(), place: place(entry.node.span) })
            };
            change.replicas = changed("replicas");
            change.bounds = BOUNDS.iter().filter_map(|bound| Some((*bound, changed(bound)?))).collect();
        }
    }
    // A pattern, or labels: it cannot be told whom it is for, and no number is told of it.
    change.is_vague = target.is_some_and(|target| {
        target.get("labelSelector").is_some()
            || target.get("annotationSelector").is_some()
            || change.name.is_none() && target.get("name").is_some()
    });
    if change.is_vague {
        change.replicas = None;
        change.bounds.clear();
        change.is_deletion = false;
        change.added = Default::default();
    }
    Some(change)
}

/// The paths of all values of a patch, but for those that only say what it is for.
fn leaves(node: &Node, is_item: bool, at: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    if node.items().is_empty() && node.entries().is_empty() {
        let is_address = matches!(at.as_slice(), [one] if one == "apiVersion" || one == "kind")
            || matches!(at.as_slice(), [one, two] if one == "metadata" && (two == "name" || two == "namespace"));
        if !is_address {
            paths.push(at.clone());
        }
    }
    for item in node.items() {
        leaves(item, true, at, paths);
    }
    for entry in node.entries() {
        // The name of an item says which one is meant.
        if is_item && entry.key == "name" && node.entries().len() > 1 {
            continue;
        }
        at.push(entry.key.clone());
        leaves(&entry.node, false, at, paths);
        at.pop();
    }
}

fn pairs(node: Option<&Node>) -> Vec<(String, String)> {
    let pairs = node.map(Node::pairs).into_iter().flatten();
    pairs.map(|(name, value)| (name.to_string(), value)).collect()
}

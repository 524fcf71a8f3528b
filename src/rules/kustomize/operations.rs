//! JSON patches whose path is not in the object that they are for.
//!
//! Source: evanphx/json-patch v5/patch.go, add, remove and replace ("doc is missing path"), as
//! kubernetes-sigs/kustomize api/filters/patchjson6902 calls it.

use super::built::Built;
use super::meant::is_always_read;
use super::{PATCH_PATH, REFUSED};
use crate::finding::Finding;
use crate::inventory::{Inline, Object};
use crate::manifest::{Document, Node, Value, has_variable};
use crate::source::Sources;

/// One step of a path: a key, the number of an item, or `-`.
fn steps(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// How far a path leads; None: to where it cannot be told.
fn depth(object: &Node, path: &[String]) -> Option<usize> {
    let mut at = object;
    for (deep, step) in path.iter().enumerate() {
        let next = match &at.value {
            Value::Mapping(_) => at.get(step),
            Value::Sequence(items) => step.parse::<usize>().ok().and_then(|number| items.get(number)),
            Value::Null => return None,
            _ => None,
        };
        match next {
            Some(next) if next.as_str().is_some_and(has_variable) => return None,
            Some(next) => at = next,
            None => return Some(deep),
        }
    }
    Some(path.len())
}

/// The part of a path that has to be there and is not: its length.
fn missing(object: &Node, operation: &str, path: &[String]) -> Option<usize> {
    let (last, parent) = path.split_last()?;
    let found = depth(object, path)?;
    let is_there = found == path.len();
    let is_in_list = || {
        let at = parent.iter().try_fold(object, |at, step| match &at.value {
            Value::Sequence(items) => items.get(step.parse::<usize>().ok()?),
            _ => at.get(step),
        });
        at.is_some_and(|node| matches!(node.value, Value::Sequence(_)))
    };
    let is_wrong = match operation {
        "remove" => !is_there,
        // A key that is not there is made; an item is not.
        "replace" => !is_there && (found < parent.len() || is_in_list()),
        "add" => found < parent.len(),
        _ => false,
    };
    let shown = if last == "-" { found.min(parent.len()) } else { found };
    is_wrong.then_some((shown + 1).min(path.len()))
}

/// Whether a patch may put there what another one needs.
fn may_make(patch: &Node, wanted: &[String]) -> bool {
    let plain = |path: &[String]| -> Vec<String> {
        path.iter().filter(|step| step.parse::<usize>().is_err() && *step != "-").cloned().collect()
    };
    let wanted = plain(wanted);
    match &patch.value {
        Value::Sequence(operations) => operations.iter().any(|operation| {
            let is_made = operation.get("op").and_then(Node::as_str) != Some("remove");
            let path = operation.get("path").and_then(Node::as_str).map(steps).unwrap_or_default();
            is_made && wanted.starts_with(&plain(&path)) && plain(&path).len() <= wanted.len()
        }),
        // A part of an object: what holds the last key anywhere may be it.
        _ => wanted.last().is_some_and(|key| holds(patch, key)),
    }
}

fn holds(node: &Node, key: &str) -> bool {
    match &node.value {
        Value::Mapping(entries) => entries.iter().any(|entry| entry.key == key || holds(&entry.node, key)),
        Value::Sequence(items) => items.iter().any(|item| holds(item, key)),
        _ => false,
    }
}

/// The operations of one entry of `patches` against the objects that its target names.
pub(super) fn check(
    sources: &Sources,
    built: &Built<'_, '_>,
    kustomization: &Object<'_>,
    entry: &Node,
) -> Option<Finding> {
    let target = entry.get("target")?;
    let text = |key: &str| target.get(key).and_then(Node::as_str);
    let kind = text("kind").filter(|kind| is_always_read(kind))?;
    let name = text("name")?;
    let node = entry.get("patch")?;
    let inline = Inline::read(sources, kustomization.document.file, node)?;
    let [document] = inline.documents.as_slice() else { return None };
    let Value::Sequence(operations) = &document.node.value else { return None };
    let all = built.called(kind, name);
    let [object] = all.as_slice() else { return None };
    if object.is_fragment || object.document.name() != name {
        return None;
    }
    operations.iter().enumerate().find_map(|(number, operation)| {
        let path_node = operation.get("path")?;
        if let Some(path) = path_node.as_str().filter(|path| path.contains('/') && !path.starts_with(['/', '$'])) {
            return Some(
                Finding::new(&PATCH_PATH, inline.place(path_node.span), format!("`{}` is no JSON pointer", path.escape_debug()))
                    .related(object.name_place(), "the object as it is written")
                    .why("without the `/` before it only the last key counts, at the top of the object: what is meant keeps its value")
                    .help(format!("write `/{path}`")),
            );
        }
        let path = steps(path_node.as_str().filter(|path| path.starts_with('/') && !has_variable(path))?);
        let what = operation.get("op").and_then(Node::as_str)?;
        // Kustomize itself keeps some annotations, and other fields of it make labels.
        if path.first().is_some_and(|step| step == "metadata" || step == "status") {
            return None;
        }
        let length = missing(&object.document.node, what, &path)?;
        let wanted = &path[..length];
        let before = &operations[..number];
        let is_made_before = before.iter().any(|earlier| {
            let list = Node { value: Value::Sequence(vec![earlier.clone()]), span: earlier.span };
            may_make(&list, wanted)
        });
        if is_made_before || is_made(sources, built, Some(node), wanted) {
            return None;
        }
        let shown = format!("/{}", wanted.join("/"));
        let help = match what {
            "remove" => "take the operation out".to_string(),
            "add" => format!("add `{shown}` first, with all that belongs into it, or patch with a part of the object instead"),
            _ => "write `op: add` where the parent is there, or patch with a part of the object, which makes what is missing".to_string(),
        };
        Some(
            Finding::new(
                &PATCH_PATH,
                inline.place(path_node.span),
                format!("{kind} `{name}` has no `{shown}` to {what}{}", into(what)),
            )
            .related(object.name_place(), "the object as it is written")
            .why(format!("a JSON patch changes only what is there: {REFUSED}"))
            .help(help),
        )
    })
}

fn into(operation: &str) -> &'static str {
    if operation == "add" { " to" } else { "" }
}

/// Whether any other patch of the build may make it; what cannot be read may.
pub(super) fn is_made(
    sources: &Sources,
    built: &Built<'_, '_>,
    own: Option<&Node>,
    wanted: &[String],
) -> bool {
    built.kustomizations.iter().any(|one| {
        let list = |key: &str| one.at(&[key]).map(Node::items).unwrap_or_default();
        let counts = wanted == ["spec", "replicas"] && !list("replicas").is_empty();
        let entries = ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter().flat_map(list);
        counts
            || entries
                .filter(|entry| {
                    entry.get("patch").is_none_or(|patch| own.is_none_or(|own| patch.span != own.span))
                })
                .any(|entry| {
                    let patch = entry.get("patch").unwrap_or(entry);
                    match Inline::read(sources, one.document.file, patch) {
                        Some(inline) => {
                            let makes = |document: &Document| may_make(&document.node, wanted);
                            inline.documents.iter().any(makes)
                        }
                        None => true,
                    }
                })
    })
}

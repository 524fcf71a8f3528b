//! Folders that lead back to those that name them.
//!
//! Source: kubernetes-sigs/kustomize api/internal/loader/fileloader.go, errIfArgEqualOrHigher: a folder that holds one of
//! those on the way to it is refused, before its own kustomization is read.

use std::collections::{HashMap, HashSet};

use super::{CYCLE, REFUSED, Reference, folder, references};
use crate::finding::Finding;
use crate::inventory::{Object, join};
use crate::source::Place;

/// The kustomizations by their folders.
pub(super) type Folders<'o, 'd> = HashMap<&'o str, &'o Object<'d>>;

/// The first folder of a kustomization that holds the kustomization itself, or leads to one that does.
pub(super) fn check(object: &Object<'_>, folders: &Folders<'_, '_>) -> Option<Finding> {
    let own = folder(object.path);
    references(object).filter(|reference| reference.may_be_folder).find_map(|reference| {
        let path = join(own, reference.path);
        // What has none of its own is told as missing.
        let other = folders.get(path.as_str())?;
        if holds(&path, own) {
            let (what, help) = if path == own {
                ("is this folder itself", "name the files of this folder")
            } else {
                (
                    "is a folder around this one",
                    "move what is shared into a folder of its own that holds no overlay, such as `base`, and name that one",
                )
            };
            return Some(told(object, &reference, what).help(help));
        }
        let place = back(other, own, folders)?;
        let finding = told(object, &reference, "leads back to this folder");
        Some(finding.related(place, "back from here").help("take one of the two out"))
    })
}

/// Where a kustomization, or one that it names, names a folder that holds this one.
fn back(from: &Object<'_>, own: &str, folders: &Folders<'_, '_>) -> Option<Place> {
    let mut seen = HashSet::from([from.document.file]);
    let mut left = vec![from];
    while let Some(one) = left.pop() {
        let at = folder(one.path);
        for reference in references(one).filter(|reference| reference.may_be_folder) {
            let path = join(at, reference.path);
            let Some(inner) = folders.get(path.as_str()) else { continue };
            // What holds its own folder is told there.
            if holds(&path, at) {
                continue;
            }
            if holds(&path, own) {
                return Some(one.place(reference.node));
            }
            if seen.insert(inner.document.file) {
                left.push(inner);
            }
        }
    }
    None
}

/// Whether a folder is this one, or one around it.
fn holds(outer: &str, inner: &str) -> bool {
    let is_above = || inner.strip_prefix(outer).is_some_and(|rest| outer.is_empty() || rest.starts_with('/'));
    outer == inner || !inner.starts_with("..") && is_above()
}

fn told(object: &Object<'_>, reference: &Reference<'_>, what: &str) -> Finding {
    let message = format!("`{}` {what}", reference.path.escape_debug());
    Finding::new(&CYCLE, object.place(reference.node), message)
        .why(format!("a folder that holds the one which names it is refused (\"cycle detected\"): {REFUSED}"))
}

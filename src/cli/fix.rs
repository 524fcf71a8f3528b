//! `--fix` and `--diff`: safe fixes, written only where the file stays what it is in everything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{disk, drift};
use crate::finding::{Finding, fix};
use crate::manifest::{self, Node};
use crate::source::{FileId, Sources};

/// What standard input is called.
pub const STDIN: &str = "<stdin>";

/// What the fixes of these findings change, and how many they are.
pub struct Fixes {
    pub changes: disk::Changes,
    pub count: usize,
}

impl Fixes {
    pub fn diff(&self) -> String {
        drift::diff(&self.changes)
    }
}

/// All safe fixes. Files that are not on the disk as they were read are left alone: what cannot be read as text, what has
/// a name that is no text.
pub fn collect(sources: &Sources, findings: &[Finding], with_stdin: bool) -> Fixes {
    let mut by_file: BTreeMap<FileId, Vec<Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.fix.as_ref().is_some_and(|fix| fix.safe)) {
        by_file.entry(finding.place.file).or_default().push(finding.clone());
    }
    let mut fixes = Fixes { changes: disk::Changes::default(), count: 0 };
    for (file, own) in by_file {
        let source = sources.get(file);
        let path = match source.name.as_str() {
            STDIN if with_stdin => PathBuf::from(STDIN),
            STDIN => continue,
            name => match real(Path::new(name), &source.text) {
                Some(path) => path,
                None => continue,
            },
        };
        let (text, count) = fix::apply(file, &source.text, &own, |before, after, removed| {
            is_sound(file, before, after, removed)
        });
        if count > 0 {
            fixes.changes.written.push((path, Some(source.text.clone()), text));
            fixes.count += count;
        }
    }
    fixes
}

/// The file behind links, if it holds this text.
fn real(path: &Path, text: &str) -> Option<PathBuf> {
    let is_same = std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes());
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    match (is_same, is_link) {
        (false, _) => None,
        (true, false) => Some(path.to_path_buf()),
        (true, true) => path.canonicalize().ok(),
    }
}

/// Whether a text can still be read after a change, and has lost no key but those on the lines that were taken out.
fn is_sound(file: FileId, before: &str, after: &str, removed: usize) -> bool {
    let (old, new) = (manifest::read(file, before), manifest::read(file, after));
    if new.findings.len() > old.findings.len() || new.documents.len() != old.documents.len() {
        return false;
    }
    let inner = |reading: &manifest::Reading, text: &str| -> Vec<manifest::Document> {
        reading.documents.iter().flat_map(|document| manifest::embedded(document, text).documents).collect()
    };
    let (old_inner, new_inner) = (inner(&old, before), inner(&new, after));
    let keys = |documents: &[manifest::Document], inner: &[manifest::Document]| {
        let mut all = BTreeMap::new();
        documents.iter().chain(inner).for_each(|document| count(&document.node, &mut all));
        all
    };
    let (old, new) = (keys(&old.documents, &old_inner), keys(&new.documents, &new_inner));
    let lost: usize =
        old.iter().map(|(key, times)| times.saturating_sub(new.get(key).copied().unwrap_or_default())).sum();
    old_inner.len() == new_inner.len() && lost <= removed
}

fn count(node: &Node, all: &mut BTreeMap<String, usize>) {
    for entry in node.entries() {
        *all.entry(entry.key.clone()).or_default() += 1;
        count(&entry.node, all);
    }
    node.items().iter().for_each(|item| count(item, all));
}

//! What overlays do to the objects of other files: namespace, prefix, suffix, labels; and which files are patches.

use std::collections::{BTreeMap, HashMap};

use super::follow::{Around, Found, Reader, Way};
use super::patch::{Change, ReplicaChange};
use super::render::Render;
use crate::manifest::Document;
use crate::source::{FileId, Sources};

/// What the overlays around a file do to its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlay {
    pub(super) namespace: Option<String>,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) labels: Vec<Label>,
    /// Annotations that all objects get, and the templates of pods.
    pub(super) annotations: Vec<(String, String)>,
    pub(super) is_patch: bool,
}

/// A label that an overlay adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) pair: (String, String),
    /// Pod templates get it as well.
    pub(super) is_for_pods: bool,
}

/// Overlays by file.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    files: HashMap<FileId, Overlay>,
    /// For each overlay that a file is in, everything that is changed in it, from the inside out.
    changes: HashMap<FileId, Vec<Vec<Change>>>,
    /// The kustomizations that name a file.
    builders: HashMap<FileId, Vec<FileId>>,
    /// Namespace, prefix and suffix in each overlay that a file is in, in the order of the changes.
    names: HashMap<FileId, Vec<(Option<String>, String, String)>>,
    /// How each overlay comes to a file, in the order of the changes.
    ways: HashMap<FileId, Vec<Way>>,
    none: Overlay,
}

impl Overlays {
    pub(super) fn read(sources: &Sources, documents: &[Document]) -> Self {
        let is_kustomization = |document: &&Document| {
            matches!(document.kind(), "Kustomization" | "Component")
                && document.api_version().starts_with("kustomize.config")
                || is_kustomization_file(&sources.get(document.file).name)
        };
        let all: Vec<&Document> = documents.iter().filter(is_kustomization).collect();
        if all.is_empty() {
            return Overlays::default();
        }
        let names: HashMap<&str, FileId> =
            sources.iter().map(|(file, source)| (source.name.as_str(), file)).collect();
        let folders: BTreeMap<String, &Document> = all
            .iter()
            .map(|document| (folder(&sources.get(document.file).name).to_string(), *document))
            .collect();
        let mut of_files: HashMap<FileId, Vec<&Document>> = HashMap::new();
        for document in documents {
            of_files.entry(document.file).or_default().push(document);
        }
        let reader = Reader { sources, names, folders, of_files };
        let mut found = Found::default();
        let included = reader.included();
        for (at, document) in &reader.folders {
            // Only from the outside in: what another one includes is reached from there.
            if !included.contains(at) {
                let outside = Around { overlay: &Overlay::default(), changes: &[], way: &Way::default() };
                reader.follow(at, document, outside, 0, &mut found);
            }
        }
        let name =
            |overlay: &Overlay| (overlay.namespace.clone(), overlay.prefix.clone(), overlay.suffix.clone());
        let names =
            found.overlays.iter().map(|(file, all)| (*file, all.iter().map(name).collect())).collect();
        let files = found
            .overlays
            .into_iter()
            .map(|(file, overlays)| {
                let first = overlays[0].clone();
                // Several overlays that disagree: the namespace is open, the names are the plain ones, and the labels those
                // that all of them add.
                let agreed = overlays.iter().all(|overlay| *overlay == first);
                let is_patch = overlays.iter().any(|overlay| overlay.is_patch);
                if agreed {
                    return (file, first);
                }
                // An annotation of one of them may be meant where it is looked for.
                let mut annotations: Vec<_> =
                    overlays.iter().flat_map(|overlay| overlay.annotations.iter().cloned()).collect();
                annotations.sort();
                annotations.dedup();
                let mut labels = first.labels;
                labels.retain(|label| overlays.iter().all(|overlay| overlay.labels.contains(label)));
                (file, Overlay { is_patch, labels, annotations, ..Overlay::default() })
            })
            .collect();
        let Found { changes, builders, ways, .. } = found;
        Overlays { files, changes, builders, names, ways, none: Overlay::default() }
    }

    pub(super) fn of(&self, file: FileId) -> &Overlay {
        self.files.get(&file).unwrap_or(&self.none)
    }

    /// The namespace and the name that each overlay gives an object.
    pub(super) fn names(&self, document: &Document, name: &str) -> Vec<(Option<String>, String)> {
        let all = self.names.get(&document.file).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .map(|(namespace, prefix, suffix)| (namespace.clone(), format!("{prefix}{name}{suffix}")))
            .collect()
    }

    pub(super) fn builders(&self, file: FileId) -> Vec<FileId> {
        self.builders.get(&file).cloned().unwrap_or_default()
    }

    fn changes_of<'o>(
        &'o self,
        document: &'o Document,
        name: &'o str,
    ) -> impl Iterator<Item = Vec<&'o Change>> {
        let all = self.changes.get(&document.file).map(Vec::as_slice).unwrap_or_default();
        all.iter().map(move |overlay| {
            overlay.iter().filter(|change| change.is_about(document.kind(), name)).collect()
        })
    }

    /// What each overlay makes of the number of replicas of an object.
    pub(super) fn replicas(&self, document: &Document, name: &str) -> Vec<Option<ReplicaChange>> {
        let last = |overlay: Vec<&Change>| overlay.iter().rev().find_map(|change| change.replicas.clone());
        self.changes_of(document, name).map(last).collect()
    }

    /// What each overlay makes of the range of an autoscaler; the last change of a bound counts.
    pub(super) fn bounds(&self, document: &Document, name: &str) -> Vec<Vec<(&'static str, ReplicaChange)>> {
        let last = |overlay: Vec<&Change>| {
            let mut all: Vec<(&'static str, ReplicaChange)> = Vec::new();
            for (key, change) in overlay.iter().rev().flat_map(|change| change.bounds.iter().rev()) {
                if !all.iter().any(|(known, _)| known == key) {
                    all.push((key, change.clone()));
                }
            }
            all
        };
        self.changes_of(document, name).map(last).collect()
    }

    /// The overlays that an object is in, in the order of their changes.
    pub(super) fn renders(&self, document: &Document, name: &str) -> Vec<Render> {
        let ways = self.ways.get(&document.file).map(Vec::as_slice).unwrap_or_default();
        let renders = ways.iter().zip(self.changes_of(document, name)).map(|(way, changes)| {
            let vague = changes.iter().filter(|change| change.is_vague);
            Render {
                way: way.kustomizations.clone(),
                is_open: way.is_open,
                is_deleted: changes.iter().any(|change| change.is_deletion),
                hidden: vague.flat_map(|change| change.paths.clone()).collect(),
            }
        });
        renders.collect()
    }

    /// Whether every overlay takes an object out.
    pub(super) fn deletes(&self, document: &Document, name: &str) -> bool {
        let mut all = self.changes_of(document, name).peekable();
        all.peek().is_some() && all.all(|overlay| overlay.iter().any(|change| change.is_deletion))
    }

    /// What some overlay adds to an object's labels, its pods' labels and their annotations.
    pub(super) fn added(&self, document: &Document, name: &str) -> [Vec<(String, String)>; 3] {
        let mut all: [Vec<(String, String)>; 3] = Default::default();
        for change in self.changes_of(document, name).flatten() {
            for (all, added) in all.iter_mut().zip(&change.added) {
                all.extend(added.iter().cloned());
            }
        }
        all
    }

    /// Paths at which some overlay changes an object.
    pub(super) fn patched(&self, document: &Document, name: &str) -> Vec<Vec<String>> {
        let mut paths: Vec<Vec<String>> =
            self.changes_of(document, name).flatten().flat_map(|change| change.paths.clone()).collect();
        paths.sort();
        paths.dedup();
        paths
    }
}

fn is_kustomization_file(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("kustomization.yaml" | "kustomization.yml" | "Kustomization"))
}

/// The folder of a path; that of a name alone is empty.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `base` and `path` as one path without `.` and `..`.
pub fn join(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = if path.starts_with('/') { Vec::new() } else { base.split('/').collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let absolute = path.starts_with('/');
    let joined =
        parts.into_iter().filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/");
    if absolute || base.starts_with('/') { format!("/{joined}") } else { joined }
}

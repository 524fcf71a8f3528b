//! The way through kustomizations, from the outermost one to each file.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::kustomize::{Label, Overlay, join};
use super::patch::{self, Change};
use crate::manifest::{Document, Node};
use crate::source::{FileId, Sources};

/// Overlays of overlays that are followed.
const MOST_DEPTH: usize = 16;

/// What is found on the way through the overlays.
#[derive(Default)]
pub(super) struct Found {
    pub(super) overlays: HashMap<FileId, Vec<Overlay>>,
    pub(super) changes: HashMap<FileId, Vec<Vec<Change>>>,
    pub(super) builders: HashMap<FileId, Vec<FileId>>,
    pub(super) ways: HashMap<FileId, Vec<Way>>,
}

/// The kustomizations that lead to a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// The outermost first.
    pub(super) kustomizations: Vec<FileId>,
    /// One of them changes objects by means that are not followed, or by a file that is not here.
    pub(super) is_open: bool,
}

/// What surrounds a kustomization.
pub(super) struct Around<'a> {
    pub(super) overlay: &'a Overlay,
    pub(super) changes: &'a [Change],
    pub(super) way: &'a Way,
}

pub(super) struct Reader<'d> {
    pub(super) sources: &'d Sources,
    pub(super) of_files: HashMap<FileId, Vec<&'d Document>>,
    pub(super) names: HashMap<&'d str, FileId>,
    pub(super) folders: BTreeMap<String, &'d Document>,
}

impl Reader<'_> {
    /// The folders that another kustomization includes.
    pub(super) fn included(&self) -> HashSet<String> {
        let of = |(at, document): (&String, &&Document)| {
            let at = at.clone();
            let inner = references(document).map(move |(path, _)| join(&at, &path));
            inner.collect::<Vec<_>>()
        };
        // One that names itself is still reached from the outside.
        let others = self
            .folders
            .iter()
            .flat_map(|(at, document)| of((at, document)).into_iter().filter(move |inner| inner != at));
        others.collect()
    }

    pub(super) fn follow(
        &self,
        at: &str,
        document: &Document,
        Around { overlay: around, changes: after, way }: Around<'_>,
        depth: usize,
        found: &mut Found,
    ) {
        if depth > MOST_DEPTH {
            return;
        }
        let text = |key: &str| document.node.get(key).and_then(Node::as_str).unwrap_or_default();
        let mut own = around.clone();
        if own.namespace.is_none() && !text("namespace").is_empty() {
            own.namespace = Some(text("namespace").to_string());
        }
        own.prefix = format!("{}{}", around.prefix, text("namePrefix"));
        own.suffix = format!("{}{}", text("nameSuffix"), around.suffix);
        let mut add = |node: Option<&Node>, is_for_pods: bool| {
            let pairs = node.map(Node::pairs).into_iter().flatten();
            own.labels
                .extend(pairs.map(|(name, value)| Label { pair: (name.to_string(), value), is_for_pods }));
        };
        add(document.node.get("commonLabels"), true);
        for labels in document.node.get("labels").map(Node::items).unwrap_or_default() {
            let is_true = |key: &str| labels.get(key).and_then(Node::as_written).as_deref() == Some("true");
            add(labels.get("pairs"), is_true("includeSelectors") || is_true("includeTemplates"));
        }
        // Source: kubernetes-sigs/kustomize api/internal/konfig/builtinpluginconsts/commonannotations.go.
        let annotations = document.node.get("commonAnnotations").map(Node::pairs).into_iter().flatten();
        own.annotations.extend(annotations.map(|(name, value)| (name.to_string(), value)));
        // What is inside is done before what is around it.
        let mut changes = Vec::new();
        let is_open = self.own_changes(at, document, depth, &mut changes) || way.is_open;
        changes.extend(after.iter().cloned());
        let kustomizations = way.kustomizations.iter().copied().chain([document.file]).collect();
        let way = Way { kustomizations, is_open };
        for (path, is_patch) in references(document) {
            let path = join(at, &path);
            if let Some(file) = self.names.get(path.as_str()) {
                found.overlays.entry(*file).or_default().push(Overlay { is_patch, ..own.clone() });
                found.changes.entry(*file).or_default().push(changes.clone());
                found.builders.entry(*file).or_default().push(document.file);
                found.ways.entry(*file).or_default().push(way.clone());
            } else if let Some(inner) = self.folders.get(&path) {
                let around = Around { overlay: &own, changes: &changes, way: &way };
                self.follow(&path, inner, around, depth + 1, found);
            }
        }
    }

    /// What a kustomization changes in all that it holds; its components come first. Whether there is more to it.
    ///
    /// Source: kubernetes-sigs/kustomize api/internal/target/kusttarget.go, accumulateTarget.
    fn own_changes(&self, at: &str, document: &Document, depth: usize, changes: &mut Vec<Change>) -> bool {
        let list = |key: &str| document.node.get(key).map(Node::items).unwrap_or_default();
        let mut is_open =
            ["transformers", "replacements", "vars"].into_iter().any(|key| !list(key).is_empty());
        for path in list("components").iter().filter_map(Node::as_str) {
            let path = join(at, path);
            match self.folders.get(&path).filter(|_| depth < MOST_DEPTH) {
                Some(inner) => is_open |= self.own_changes(&path, inner, depth + 1, changes),
                None => is_open = true,
            }
        }
        let file = |path: &str| {
            let file = self.names.get(join(at, path).as_str())?;
            self.of_files.get(file).map(Vec::as_slice)
        };
        let mut patches = references(document).filter(|(_, is_patch)| *is_patch);
        // A patch within the kustomization has lines; the path of a file has one.
        is_open |= patches.any(|(path, _)| !path.contains('\n') && file(&path).is_none());
        changes.extend(patch::changes(self.sources, document, file));
        is_open
    }
}

/// Paths that a kustomization names, and whether they are patches.
fn references(document: &Document) -> impl Iterator<Item = (String, bool)> {
    let list = |key: &'static str| document.node.get(key).map(Node::items).unwrap_or_default().iter();
    let plain = ["resources", "bases", "components"].into_iter().flat_map(list);
    let plain = plain.filter_map(|node| node.as_str().map(|path| (path.to_string(), false)));
    let patches = ["patches", "patchesJson6902", "patchesStrategicMerge"].into_iter().flat_map(list);
    let patches = patches.filter_map(|node| {
        let path = node.as_str().or_else(|| node.get("path").and_then(Node::as_str))?;
        Some((path.to_string(), true))
    });
    plain.chain(patches)
}

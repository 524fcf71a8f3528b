//! What a kustomization builds: the objects of the files and folders that it names, and whether these are all.
//!
//! Source: kubernetes-sigs/kustomize api/internal/target/kusttarget.go, accumulateResources and accumulateComponents.

use std::collections::{HashMap, HashSet};

use super::{folder, is_local};
use crate::inventory::{Inventory, Object, join};
use crate::manifest::Node;
use crate::source::{FileId, Sources};

/// Keys that make objects of what is in no file.
const GENERATING: [&str; 4] = ["generators", "helmCharts", "helmChartInflationGenerator", "transformers"];

/// The objects of one build, as they are written.
pub(super) struct Built<'o, 'd> {
    pub objects: Vec<&'o Object<'d>>,
    /// The kustomizations that take part, the outermost first.
    pub kustomizations: Vec<&'o Object<'d>>,
    /// Whether every file was read, and nothing comes from elsewhere.
    pub is_complete: bool,
    /// Whether all of it comes from files that it names, read or not.
    is_closed: bool,
    /// Files that could not be read, or are not there.
    unread: Vec<String>,
    /// Whether there is no file among them of whose kinds nobody here speaks.
    pub is_all_read: bool,
}

impl<'o, 'd> Built<'o, 'd> {
    /// The names by which a patch may mean a Namespace of this build. None: there may be more.
    ///
    /// Sources: kubernetes-sigs/kustomize api/internal/builtins/PrefixTransformer.go (Namespaces are passed over);
    /// NamespaceTransformer.go (they get the `namespace` of each kustomization that they come through).
    pub fn namespaces(&self, sources: &Sources) -> Option<Vec<&'o str>> {
        let is_kind = |line: &str| line.contains("kind") && line.contains("Namespace");
        let holds_none = |path: &String| {
            let mut texts = sources.iter().filter(|(_, source)| source.name == *path);
            let name = path.rsplit('/').next().unwrap_or_default();
            match texts.next() {
                // Texts of alerts have braces too, so that these alone say nothing.
                Some((_, source)) => !source.text.lines().any(is_kind) && !source.text.contains("{{ include"),
                // It is told of, and its name tells what is in it.
                None => name.ends_with("maps.yaml") || name.ends_with("map.yaml"),
            }
        };
        if !self.is_closed || !self.unread.iter().all(holds_none) {
            return None;
        }
        let own = self.objects.iter().filter(|object| object.kind() == "Namespace");
        let own = own.map(|object| object.document.name());
        // That of the outermost comes after its patches.
        let given = self.kustomizations.iter().skip(1).filter_map(|one| one.text(&["namespace"]));
        Some(own.chain(given).collect())
    }

    /// Objects of a kind that are, or may be after a prefix of an overlay, called so.
    pub fn called(&self, kind: &str, name: &str) -> Vec<&'o Object<'d>> {
        let fits = |object: &&&Object<'_>| {
            let own = object.document.name();
            object.kind() == kind && !own.is_empty() && (name.contains(own) || own.contains(['$', '{']))
        };
        self.objects.iter().filter(fits).copied().collect()
    }
}

/// Looks up what kustomizations name.
pub(super) struct Builder<'o, 'd> {
    sources: &'o Sources,
    objects: &'o [Object<'d>],
    in_file: HashMap<&'o str, Vec<usize>>,
    /// Kustomizations by their folders.
    folders: HashMap<&'o str, &'o Object<'d>>,
}

impl<'o, 'd> Builder<'o, 'd> {
    pub fn new(sources: &'o Sources, inventory: &'o Inventory<'d>, all: &[&'o Object<'d>]) -> Self {
        let mut in_file: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, object) in inventory.objects.iter().enumerate() {
            in_file.entry(object.path).or_default().push(number);
        }
        let folders = all.iter().map(|object| (folder(object.path), *object)).collect();
        Builder { sources, objects: &inventory.objects, in_file, folders }
    }

    /// The objects of a file.
    pub fn in_file(&self, path: &str) -> impl Iterator<Item = &'o Object<'d>> + use<'o, 'd> {
        let numbers = self.in_file.get(path).cloned().unwrap_or_default();
        let objects = self.objects;
        numbers.into_iter().map(move |number| &objects[number])
    }

    /// Whether it is a file that was read, with nothing in it of which anybody here speaks.
    pub fn is_passed_over(&self, path: &str) -> bool {
        self.sources.is_passed_over(path)
    }

    /// The kustomizations that build this one too.
    pub fn around(&self, inner: &'o Object<'d>) -> impl Iterator<Item = &'o Object<'d>> {
        let is_other = |one: &&&Object<'_>| one.document.file != inner.document.file;
        self.folders.values().filter(is_other).copied().filter(|outer| {
            let built = self.build(outer);
            built.kustomizations.iter().any(|one| one.document.file == inner.document.file)
        })
    }

    pub fn build(&self, kustomization: &'o Object<'d>) -> Built<'o, 'd> {
        let mut built = Built {
            objects: Vec::new(),
            kustomizations: Vec::new(),
            is_complete: true,
            is_closed: true,
            unread: Vec::new(),
            is_all_read: true,
        };
        let mut seen = HashSet::new();
        self.add(kustomization, &mut seen, &mut built);
        built
    }

    fn add(&self, kustomization: &'o Object<'d>, seen: &mut HashSet<FileId>, built: &mut Built<'o, 'd>) {
        if !seen.insert(kustomization.document.file) {
            return;
        }
        built.kustomizations.push(kustomization);
        if GENERATING.iter().any(|key| kustomization.at(&[key]).is_some()) {
            built.is_complete = false;
            built.is_closed = false;
        }
        let items = |key: &str| kustomization.at(&[key]).map(Node::items).unwrap_or_default();
        for node in ["resources", "bases", "components"].into_iter().flat_map(items) {
            let Some(path) = node.as_str().filter(|path| is_local(path)) else {
                built.is_complete = false;
                built.is_closed = false;
                continue;
            };
            let path = join(folder(kustomization.path), path);
            if let Some(inner) = self.folders.get(path.as_str()) {
                self.add(inner, seen, built);
                continue;
            }
            let before = built.objects.len();
            built.objects.extend(self.in_file(&path));
            let is_read = built.objects[before..]
                .first()
                .is_some_and(|object| !self.sources.get(object.document.file).text.contains("{{"));
            if !is_read && !self.is_passed_over(&path) {
                built.is_complete = false;
                built.unread.push(path);
            }
            built.is_all_read &= is_read;
        }
    }
}

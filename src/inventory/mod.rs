//! Documents come in; the objects of a repository go out, as they will be applied: Kustomize understood without
//! rendering, fragments known as such.

mod choice;
mod follow;
mod installed;
mod kustomize;
mod object;
mod patch;
mod releases;
mod render;
mod secrets;
mod services;
mod values;

pub use kustomize::{folder, join};
pub use object::{Object, group};
pub use patch::{Inline, ReplicaChange};
pub use releases::Release;
pub use render::{Number, Render};
pub use services::{hosts, selects};
pub use values::{Behind, Environment, Variable};

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::manifest::Document;
use crate::source::Sources;

/// All objects of one run.
#[derive(Debug)]
pub struct Inventory<'d> {
    pub objects: Vec<Object<'d>>,
    /// Numbers of whole objects by name.
    named: HashMap<String, Vec<usize>>,
    /// Numbers of whole objects by kind, in the order of the files.
    kinds: HashMap<&'d str, Vec<usize>>,
    /// Looked for once, and only where somebody asks.
    releases: OnceLock<Vec<Release>>,
}

impl<'d> Inventory<'d> {
    pub fn new(sources: &'d Sources, documents: &'d [Document]) -> Self {
        let kustomize = kustomize::Overlays::read(sources, documents);
        let objects: Vec<Object<'d>> =
            documents.iter().map(|document| Object::new(sources, document, &kustomize)).collect();
        let mut named: HashMap<_, Vec<usize>> = HashMap::new();
        let mut kinds: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, object) in objects.iter().enumerate().filter(|(_, object)| !object.is_fragment) {
            kinds.entry(object.kind()).or_default().push(number);
            named.entry(object.name.clone()).or_default().push(number);
            // References are written before prefixes are added.
            if object.document.name() != object.name {
                named.entry(object.document.name().to_string()).or_default().push(number);
            }
            // Nobody refers to an ExternalSecret, but to the Secret that it makes.
            let target = object.target_name().filter(|target| !object.is_called(target));
            if let Some(target) = target {
                named.entry(target.to_string()).or_default().push(number);
            }
        }
        Inventory { objects, named, kinds, releases: OnceLock::new() }
    }

    /// Whole objects of this kind that are, or were before an overlay, called so.
    pub fn named<'s>(&'s self, kind: &str, name: &str) -> impl Iterator<Item = &'s Object<'d>> {
        let numbers = self.named.get(name).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().map(|number| &self.objects[*number]).filter(move |object| object.kind() == kind)
    }

    /// Whole objects of a kind, in the order of the files.
    pub fn kind(&self, kind: &'static str) -> impl Iterator<Item = &Object<'d>> {
        let numbers = self.kinds.get(kind).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().map(|number| &self.objects[*number])
    }

    /// The one of this kind and name that an object most likely means: it can live beside it, and of several the one
    /// whose file is nearest.
    pub fn meant(&self, kind: &str, name: &str, by: &Object<'_>) -> Option<&Object<'d>> {
        let all =
            self.named(kind, name).filter(|object| object.meets(by) && !object.is_for_tests_without(by));
        let all: Vec<&Object<'d>> = all.collect();
        // In the same folder it is meant; farther away a namespace that is written beats one that is left open.
        let sure = |object: &Object<'_>| object.namespace.is_some() && object.namespace == by.namespace;
        // What one kustomization builds with it beats what only lies nearer.
        let roots = |object: &Object<'_>| object.renders.iter().filter_map(Render::root).collect::<Vec<_>>();
        let own = if all.len() > 1 { roots(by) } else { Vec::new() };
        let with =
            |object: &Object<'_>| !own.is_empty() && roots(object).iter().any(|root| own.contains(root));
        // The first of equals: `max_by_key` would give the last.
        all.into_iter()
            .rev()
            .max_by_key(|object| (object.is_beside(by), with(object), sure(object), object.nearness(by)))
    }
}

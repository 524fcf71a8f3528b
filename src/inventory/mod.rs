//! Documents come in; the objects of a repository go out, as they will be applied: Kustomize understood without
//! rendering, fragments known as such.

mod kustomize;
mod object;

pub use object::{Object, group};

use crate::manifest::Document;
use crate::source::Sources;

/// All objects of one run.
#[derive(Debug)]
pub struct Inventory<'d> {
    pub objects: Vec<Object<'d>>,
}

impl<'d> Inventory<'d> {
    pub fn new(sources: &Sources, documents: &'d [Document]) -> Self {
        let kustomize = kustomize::Overlays::read(sources, documents);
        let objects = documents.iter().map(|document| Object::new(document, &kustomize)).collect();
        Inventory { objects }
    }

    /// Whole objects of a kind, in the order of the files.
    pub fn kind(&self, kind: &'static str) -> impl Iterator<Item = &Object<'d>> {
        self.objects.iter().filter(move |object| object.kind() == kind && !object.is_fragment)
    }
}

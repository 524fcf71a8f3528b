//! Files that lie outside of the folder of the kustomization that names them.
//!
//! Sources: kubernetes-sigs/kustomize api/internal/loader/loadrestrictions.go, RestrictionRootOnly, the default; Flux builds
//! without it (fluxcd/pkg kustomize/kustomize_generator.go, LoadRestrictionsNone).
//!
//! A warning: who builds with `--load-restrictor LoadRestrictionsNone` says so in a script, a pipeline or Argo CD's own
//! configuration (`kustomize.buildOptions`), and none of these is read.

use super::{OUTSIDE, Reference, folder};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object, join};

/// Whether somebody here builds with Flux, which reads files anywhere.
pub(super) fn is_open(inventory: &Inventory<'_>) -> bool {
    let of_flux = |object: &&Object<'_>| object.group().ends_with("toolkit.fluxcd.io");
    inventory.objects.iter().any(|object| of_flux(&object))
}

/// The first file of a kustomization that is not below its folder; what is built as a kustomization of its own may be
/// anywhere. Data are never folders, and refused before it is known whether they are there.
pub(super) fn check<'d>(
    kustomization: &Object<'_>,
    references: impl Iterator<Item = Reference<'d>>,
    is_there: impl Fn(&str) -> bool,
) -> Option<Finding> {
    let own = folder(kustomization.path);
    let inside = |path: &str| {
        own.is_empty() && !path.starts_with("..")
            || path.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'))
    };
    let outside: Vec<Reference<'d>> = references
        .filter(|reference| {
            let path = join(own, reference.path);
            let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
            !inside(&path) && is_file && (reference.is_data || is_there(&path))
        })
        .collect();
    let first = outside.first()?;
    let mut finding = Finding::new(
        &OUTSIDE,
        kustomization.place(first.node),
        format!("`{}` lies outside of this folder", first.path.escape_debug()),
    );
    if outside.len() > 1 {
        finding = finding.label(format!("and {} more", outside.len() - 1));
    }
    Some(
        finding
            .why("kustomize reads files only below the kustomization: `kubectl apply -k` and Argo CD end with \"security; file is not in or below\", and nothing is applied")
            .help("name the folder of the base, with a kustomization.yaml of its own, instead of its files; or build with `--load-restrictor LoadRestrictionsNone`"),
    )
}

//! A TriggerAuthentication and the one that refers to it, of which one says where it lives.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, getTriggerAuthSpec: it is looked for in the namespace of
//! the ScaledObject.

use super::{CREDENTIALS, given};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::has_variable;

pub(super) fn check<'i>(
    inventory: &'i Inventory<'i>,
    scaler: &Object<'i>,
    given: &Object<'_>,
) -> Option<Finding> {
    let own = |object: &Object<'_>| object.namespace.clone();
    let (without, with) = match (own(scaler), own(given)) {
        (None, Some(_)) => (scaler, given),
        (Some(_), None) => (given, scaler),
        _ => return None,
    };
    let namespace = with.namespace.as_deref().filter(|name| *name != "default" && !has_variable(name))?;
    // A kustomization or a chart may give both the same one.
    if without.is_built || with.is_built || !scaler.is_beside(given) {
        return None;
    }
    // It is told of the target already.
    let target = given::target(inventory, scaler).filter(|_| std::ptr::eq(without, scaler));
    if target.is_some_and(|target| target.is_beside(scaler) && target.namespace == with.namespace) {
        return None;
    }
    let mut finding = Finding::new(
        &CREDENTIALS,
        without.name_place(),
        format!("no namespace is written here, and the {} `{}` lives in `{namespace}`", with.kind(), with.name),
    )
    .related(with.name_place(), "the other one")
    .why(format!(
        "applied without `-n {namespace}` the two are in different namespaces: KEDA looks in that of the {}, finds no TriggerAuthentication, and asks without credentials",
        scaler.kind()
    ))
    .help(format!("write `namespace: {namespace}` into its metadata"));
    finding.severity = Severity::Note;
    Some(finding)
}

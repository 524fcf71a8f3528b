//! Two objects in the overlays that hold them both.

use crate::inventory::Object;

/// The number of the overlay in either object; None: as it is written.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// The overlays in which two objects meet, `third` with them; where no kustomization leads to both, the two as they are
/// written. What cannot be followed is left out.
pub(super) fn together(one: &Object<'_>, other: &Object<'_>, third: &Object<'_>) -> Vec<Pair> {
    let holds = |object: &Object<'_>, root| object.renders.iter().any(|render| render.root() == Some(root));
    let mut roots: Vec<_> = one.renders.iter().filter_map(|render| render.root()).collect();
    roots.retain(|root| holds(other, *root));
    roots.sort();
    roots.dedup();
    if roots.is_empty() {
        let is_changed = |object: &Object<'_>| {
            object.bounds.iter().any(|all| !all.is_empty()) || object.replicas.iter().any(Option::is_some)
        };
        return if is_changed(one) || is_changed(other) { Vec::new() } else { vec![(None, None)] };
    }
    let is_there = |root| third.renders.is_empty() || third.rendered_by(root).is_some();
    let roots = roots.into_iter().filter(|root| is_there(*root));
    roots.filter_map(|root| Some((Some(one.rendered_by(root)?), Some(other.rendered_by(root)?)))).collect()
}

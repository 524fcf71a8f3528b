//! A patch that raises a request above the limit of the base, or lowers a limit below the request.
//!
//! Source: kubernetes/kubernetes pkg/apis/core/validation/validation.go, ValidateContainerResourceRequirements.

use super::built::Built;
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::model::quantity_value;
use crate::rules::workload::RESOURCE_AMOUNT;
use crate::source::Place;

pub(super) fn check(
    built: &Built<'_, '_>,
    base: &Object<'_>,
    patch: &Node,
    place: &dyn Fn(&Node) -> Place,
) -> Option<Finding> {
    // Another patch, of this overlay or of one around it, may set the other amount.
    let patches = |one: &&Object<'_>| -> usize {
        let lists = ["patches", "patchesStrategicMerge", "patchesJson6902", "components"].into_iter();
        lists.map(|key| one.at(&[key]).map_or(0, |list| list.items().len())).sum()
    };
    let own = built.kustomizations.first()?;
    let is_root =
        base.renders.iter().any(|render| render.root() == Some(own.document.file) && !render.is_open);
    if !is_root || built.kustomizations.iter().map(patches).sum::<usize>() != 1 {
        return None;
    }
    let path = ["spec", "template", "spec", "containers"];
    let containers = patch.at(&path).map(Node::items).unwrap_or_default();
    containers.iter().find_map(|new| {
        let name = new.get("name").and_then(Node::as_str)?;
        let olds = base.containers().iter();
        let old = olds.clone().find(|old| old.get("name").and_then(Node::as_str) == Some(name))?;
        ["cpu", "memory"].into_iter().find_map(|resource| {
            let side = |kind: &str| {
                let at = ["resources", kind, resource];
                let patched = new.at(&at).map(|node| (node, true));
                let (node, is_new) = patched.or_else(|| Some((old.at(&at)?, false)))?;
                let text = node.as_written().filter(|text| !has_variable(text))?;
                Some((node, is_new, quantity_value(&text)?, text))
            };
            let (request, limit) = (side("requests")?, side("limits")?);
            // What both the base or the patch say is told there.
            if request.2 <= limit.2 || request.1 == limit.1 {
                return None;
            }
            let (own, other) = if request.1 { (request.0, limit.0) } else { (limit.0, request.0) };
            let said = if request.1 { "the limit of the base" } else { "the request of the base" };
            let message = format!(
                "with this patch the container `{}` requests {} of {resource}, and its limit is {}",
                name.escape_debug(),
                request.3,
                limit.3
            );
            Some(
                Finding::new(&RESOURCE_AMOUNT, place(own), message)
                    .related(base.place(other), said)
                    .why("the API server refuses what this overlay makes of the object: there is no workload to scale")
                    .help("write both in the patch, the limit at least as high as the request"),
            )
        })
    })
}

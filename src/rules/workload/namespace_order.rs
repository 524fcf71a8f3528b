//! A folder in which the Namespace comes after what lives in it.
//!
//! Source: kubernetes/cli-runtime pkg/resource/visitor.go, ExpandPathsToFileVisitors: the files of a folder are applied in
//! the order of their names, and documents in that of their file. Kustomize, Helm and Argo CD sort by kind.

use std::collections::{BTreeMap, HashMap};

use super::NAMESPACE_ORDER;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object, folder};

/// What slogen speaks of among that which lives in a namespace.
const KINDS: [&str; 9] = [
    "ScaledObject",
    "ScaledJob",
    "HorizontalPodAutoscaler",
    "TriggerAuthentication",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
    "Probe",
    "ScrapeConfig",
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    // Somebody who applies folders in an order of his own.
    let is_synced = |object: &&Object<'i>| {
        matches!(object.kind(), "Application" | "ApplicationSet")
            || object.kind() == "Kustomization" && object.group() == "kustomize.toolkit.fluxcd.io"
    };
    if inventory.objects.iter().any(|object| is_synced(&object)) {
        return;
    }
    // The first Namespace of a name in each folder.
    let mut spaces: HashMap<(&str, &str), &Object<'i>> = HashMap::new();
    let built: Vec<&str> = inventory
        .objects
        .iter()
        .filter(|object| {
            matches!(object.kind(), "Kustomization" | "Component") || is_kustomization(object.path)
        })
        .map(|object| folder(object.path))
        .collect();
    let is_applied =
        |space: &&Object<'i>| !space.is_built && is_plain(space.path) && !built.contains(&folder(space.path));
    for space in inventory.kind("Namespace").filter(is_applied) {
        let first = spaces.entry((folder(space.path), space.name.as_str())).or_insert(space);
        if order(space) < order(first) {
            *first = space;
        }
    }
    let mut early: BTreeMap<&str, (&Object<'i>, Vec<&Object<'i>>)> = BTreeMap::new();
    let objects =
        inventory.objects.iter().filter(|object| !object.is_fragment && KINDS.contains(&object.kind()));
    for object in objects {
        let Some(namespace) = object.document.namespace() else { continue };
        if let Some(space) =
            spaces.get(&(folder(object.path), namespace)).filter(|space| order(object) < order(space))
        {
            early.entry(folder(object.path)).or_insert((space, Vec::new())).1.push(object);
        }
    }
    for (folder, (space, mut objects)) in early {
        objects.sort_by_key(|object| order(object));
        let first = objects[0];
        let many = match objects.len() {
            1 => format!("the {} `{}`, which lives in it", first.kind(), first.name),
            count => format!("{count} objects that live in it"),
        };
        let folder = if folder.is_empty() { "." } else { folder };
        findings.push(
            Finding::new(
                &NAMESPACE_ORDER,
                space.name_place(),
                format!("`kubectl apply -f {folder}` comes to the Namespace `{}` after {many}", space.name),
            )
            .related(first.name_place(), "comes before it")
            .why(format!(
                "files are applied in the order of their names: the first time the API server answers `namespaces \"{}\" not found`, and there is no {} until somebody applies the folder again",
                space.name, first.kind()
            ))
            .help("call the file `00-namespace.yaml`, or add a kustomization.yaml and apply with `-k`"),
        );
    }
}

/// Whether files of a folder are applied as they are, by nobody who sorts them.
fn is_plain(path: &str) -> bool {
    !path.split('/').any(|part| matches!(part, "templates" | "charts" | "crds"))
}

fn is_kustomization(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("kustomization.yaml" | "kustomization.yml" | "Kustomization"))
}

/// Where kubectl comes to an object, among those of one folder.
fn order<'o>(object: &Object<'o>) -> (&'o str, u32) {
    (object.path.rsplit('/').next().unwrap_or(object.path), object.document.node.span.start)
}

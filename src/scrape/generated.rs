//! Files that a kustomization puts into a ConfigMap, which a workload mounts.
//!
//! Source: kubernetes-sigs/kustomize api/types/kvpairsources.go: an entry of `files` is a path, or a key and a path.

use std::collections::HashMap;

use crate::inventory::{Inventory, Object, join};
use crate::manifest::Node;

/// Where a file ends up.
pub struct Generated {
    /// The ConfigMap, as it is called before its hash is added.
    pub name: String,
    /// The namespace of the workload that mounts it.
    pub namespace: Option<String>,
}

/// The files of all generators whose ConfigMap a workload of the same kustomization mounts, by their paths.
pub fn find(inventory: &Inventory<'_>) -> HashMap<String, Generated> {
    let mut all = HashMap::new();
    for object in &inventory.objects {
        let Some(generators) = object.at(&["configMapGenerator"]) else { continue };
        let folder = object.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for generator in generators.items() {
            let Some(name) = generator.get("name").and_then(Node::as_str) else { continue };
            let Some(workload) = mounting(inventory, object, name) else { continue };
            for file in generator.get("files").map(Node::items).unwrap_or_default() {
                let Some(file) = file.as_str() else { continue };
                let path = file.split_once('=').map_or(file, |(_, path)| path);
                let (name, namespace) = (name.to_string(), workload.namespace.clone());
                all.insert(join(folder, path), Generated { name, namespace });
            }
        }
    }
    all
}

/// The workload that a kustomization builds and that mounts a ConfigMap.
fn mounting<'s, 'i>(
    inventory: &'s Inventory<'i>,
    kustomization: &Object<'_>,
    name: &str,
) -> Option<&'s Object<'i>> {
    let mounts = |object: &Object<'_>| {
        let volumes = object.at(&["spec", "template", "spec", "volumes"]).map(Node::items);
        let of_volume =
            |volume: &Node| volume.at(&["configMap", "name"]).and_then(Node::as_str) == Some(name);
        volumes.unwrap_or_default().iter().any(of_volume)
    };
    ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .find(|object| object.built_by.contains(&kustomization.document.file) && mounts(object))
}

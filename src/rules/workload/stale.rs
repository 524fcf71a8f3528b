//! A configuration that is mounted as a single file, under a server that is told to read it anew: it never changes there.
//!
//! Sources: kubernetes/website content/en/docs/concepts/configuration/configmap.md (a ConfigMap mounted by `subPath` is not
//! updated); prometheus/prometheus web/web.go (`/-/reload` reads the file that is there).

use super::STALE_MOUNT;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

const IMAGES: [&str; 2] = ["prom/prometheus", "prometheus/prometheus"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    for kind in ["Deployment", "StatefulSet"] {
        let objects = inventory.kind(kind).filter(|object| !object.is_fragment);
        findings.extend(objects.filter_map(|object| of_workload(inventory, object)));
    }
}

fn of_workload<'i>(inventory: &'i Inventory<'i>, object: &Object<'i>) -> Option<Finding> {
    let is_patched = |key: &str| object.patched.iter().any(|path| path.iter().any(|part| part == key));
    if ["volumes", "args", "volumeMounts"].into_iter().any(is_patched) || rolls(object) {
        return None;
    }
    let volumes = object.at(&["spec", "template", "spec", "volumes"])?.items();
    object.containers().iter().find_map(|container| {
        let image = container.get("image")?.as_str()?;
        let bare = image.split(['@', ':']).next().unwrap_or(image);
        if !IMAGES.iter().any(|one| bare.ends_with(one)) {
            return None;
        }
        let words = ["command", "args"].into_iter().filter_map(|key| container.get(key));
        let flag = words
            .flat_map(Node::items)
            .find(|word| word.as_str().is_some_and(|word| word.contains("web.enable-lifecycle")))?;
        let (node, map) = container.get("volumeMounts")?.items().iter().find_map(|mount| {
            let node = mount.get("subPath")?;
            let volume = mount.get("name")?.as_str()?;
            let volume =
                volumes.iter().find(|one| one.get("name").and_then(Node::as_str) == Some(volume))?;
            Some((node, volume.at(&["configMap", "name"])?.as_str()?))
        })?;
        // A generated name changes with its content, and brings new pods.
        let held = inventory.meant("ConfigMap", map, object)?;
        Some(
            Finding::new(
                &STALE_MOUNT,
                object.place(node),
                "Prometheus never sees a change of this file, however often it is told to reload",
            )
            .related(object.place(flag), "for `/-/reload`")
            .related(held.name_place(), "what is mounted")
            .why("what is mounted by `subPath` is a copy from the start of the pod: the ConfigMap changes, the file in the pod does not, and `/-/reload` answers 200 and reads the old file again")
            .help("mount the ConfigMap as a folder, without `subPath`, or restart the pods at each change"),
        )
    })
}

/// Whether somebody sees to it that the pods are made anew.
fn rolls(object: &Object<'_>) -> bool {
    let of_pods = object.at(&["spec", "template", "metadata", "annotations"]);
    let own = object.at(&["metadata", "annotations"]);
    let annotations = of_pods.into_iter().chain(own).flat_map(Node::entries);
    let words = ["checksum", "hash", "reloader", "configmap"];
    annotations.map(|entry| entry.key.to_lowercase()).any(|key| words.iter().any(|word| key.contains(word)))
}

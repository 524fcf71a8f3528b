//! A volume that one node, or one pod, may have, under a workload that is to have several pods.
//!
//! Sources: kubernetes/kubernetes pkg/controller/volume/attachdetach/reconciler/reconciler.go (a volume whose modes are
//! all ReadWriteOnce is attached to one node: Multi-Attach error);
//! pkg/scheduler/framework/plugins/volumerestrictions/volume_restrictions.go (ReadWriteOncePod: one pod in the cluster).

use std::collections::HashSet;

use super::{ONE_NODE_VOLUME, Scaled, database};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::Place;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for one in scaled {
        let has_own = matches!(one.workload.kind(), "Deployment" | "Rollout");
        if has_own
            && one.workload.belongs_to(one.autoscaler)
            && one.maximum() > 1
            && !is_patched(one.autoscaler, &["maxReplicaCount", "maxReplicas"])
            && seen.insert(std::ptr::from_ref(one.workload.document))
        {
            findings.extend(alone(inventory, one));
        }
    }
}

fn alone<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>) -> Option<Finding> {
    let workload = one.workload;
    if is_patched(workload, &["volumes"]) {
        return None;
    }
    let spec = workload.pod_template()?.get("spec")?;
    let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
    let (node, name, claim, (modes, is_folder)) = volumes.iter().find_map(|volume| {
        let node = volume.at(&["persistentVolumeClaim", "claimName"])?;
        let name = node.as_str()?;
        let (claim, modes) = claim(inventory, name, workload)?;
        Some((node, name, claim, modes))
    })?;
    let of_one_pod = modes == "ReadWriteOncePod";
    // All pods on one node may share what that node has.
    if !of_one_pod && stays_on_one_node(spec) || database::alone(inventory, one).is_some() {
        return None;
    }
    let most = one.maximum();
    let message = format!(
        "up to {most} pods of `{}` mount the volume `{}`, which {} may have",
        workload.name,
        name.escape_debug(),
        if of_one_pod { "one pod" } else { "one node" }
    );
    let why = if of_one_pod {
        "the second pod is never scheduled: whatever the load, one pod works"
    } else {
        "a pod on a second node waits for the volume for ever, in ContainerCreating (Multi-Attach error): it counts as a replica and does no work"
    };
    if is_folder {
        return Some(on_its_node(one, workload.place(node), (name, claim)));
    }
    let place = claim.at(&["spec", "accessModes"]).map_or(claim.name_place(), |node| claim.place(node));
    let mut finding = Finding::new(&ONE_NODE_VOLUME, workload.place(node), message)
        .related(place, format!("`{modes}` alone"))
        .related(one.autoscaler.name_place(), format!("scaled up to {most} pods"))
        .why(why)
        .help("take a storage that gives ReadWriteMany, or an `emptyDir` if each pod may have its own; otherwise keep one pod");
    if of_one_pod {
        finding.severity = Severity::Error;
    }
    Some(finding)
}

/// A folder of one node, where all pods have to be that mount it.
///
/// Source: rancher/local-path-provisioner provisioner.go: a volume has the affinity of the node on which its folder is.
fn on_its_node(one: &Scaled<'_>, place: Place, (name, claim): (&str, &Object<'_>)) -> Finding {
    let most = one.maximum();
    let class = claim.at(&["spec", "storageClassName"]);
    let mut finding = Finding::new(
        &ONE_NODE_VOLUME,
        place,
        format!("up to {most} pods of `{}` have to be on one node, that of the volume `{}`", one.workload.name, name.escape_debug()),
    )
    .related(class.map_or(claim.name_place(), |node| claim.place(node)), "a folder of one node")
    .related(one.autoscaler.name_place(), format!("scaled up to {most} pods"))
    .why("what does not fit there stays Pending while other nodes are idle, and with that node all pods are gone")
    .help("take a storage that gives ReadWriteMany, or an `emptyDir` if each pod may have its own; otherwise keep as many pods as one node can hold");
    // Clusters with such a class have one node, as a rule.
    if class.and_then(Node::as_str).is_some_and(|class| class.to_lowercase().contains("hostpath")) {
        finding.severity = Severity::Note;
    }
    finding
}

/// The claim that a workload means, and its mode, where it is one of those for one node alone.
fn claim<'i>(
    inventory: &'i Inventory<'i>,
    name: &str,
    workload: &Object<'_>,
) -> Option<(&'i Object<'i>, (&'static str, bool))> {
    let claim = inventory.meant("PersistentVolumeClaim", name, workload)?;
    // Another environment may have another storage.
    let modes = inventory
        .named("PersistentVolumeClaim", name)
        .filter(|other| other.meets(workload))
        .map(mode)
        .collect::<Option<HashSet<_>>>()?;
    (modes.len() == 1).then_some((claim, mode(claim)?))
}

/// The mode, and whether the volume is a folder of a node.
fn mode(claim: &Object<'_>) -> Option<(&'static str, bool)> {
    // Nothing is attached there, so nothing looks at the modes.
    const SHARED: [&str; 8] =
        ["nfs", "efs", "azurefile", "azure-file", "cephfs", "filestore", "gluster", "longhorn-rwx"];
    let class = claim.text(&["spec", "storageClassName"]).unwrap_or_default().to_lowercase();
    // A folder of one node draws all pods to that node.
    let is_folder = class.contains("local") || class.contains("hostpath");
    if is_patched(claim, &["accessModes", "storageClassName"])
        || SHARED.iter().any(|word| class.contains(word))
    {
        return None;
    }
    let modes = claim.at(&["spec", "accessModes"])?.items();
    // A cluster on somebody's machine has one node, and a comment says so.
    if claim.at(&["spec", "accessModes"]).is_some_and(|node| is_for_one_node(claim, node)) {
        return None;
    }
    let is_all = |wanted: &str| !modes.is_empty() && modes.iter().all(|node| node.as_str() == Some(wanted));
    if is_all("ReadWriteOncePod") {
        Some(("ReadWriteOncePod", false))
    } else {
        is_all("ReadWriteOnce").then_some(("ReadWriteOnce", is_folder))
    }
}

/// Whether the comment in a line names a cluster of one node.
fn is_for_one_node(claim: &Object<'_>, node: &Node) -> bool {
    const CLUSTERS: [&str; 7] =
        ["kind", "minikube", "k3s", "k3d", "microk8s", "docker-desktop", "single-node"];
    let inner = node.items().iter().chain([node]);
    inner.map(|node| claim.line_of(node)).any(|line| {
        let comment = line.split_once('#').map_or("", |(_, comment)| comment).to_lowercase();
        comment.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| CLUSTERS.contains(&word))
    })
}

/// Whether the pods are told to be on one node.
fn stays_on_one_node(spec: &Node) -> bool {
    let by_name =
        spec.get("nodeName").is_some() || spec.at(&["nodeSelector", "kubernetes.io/hostname"]).is_some();
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let together = spec.at(&["affinity", "podAffinity", required]).map(Node::items).unwrap_or_default();
    let topology =
        |term: &Node| term.get("topologyKey").and_then(Node::as_str) == Some("kubernetes.io/hostname");
    // A rule about nodes may name one.
    by_name || together.iter().any(topology) || spec.at(&["affinity", "nodeAffinity", required]).is_some()
}

fn is_patched(object: &Object<'_>, keys: &[&str]) -> bool {
    object.patched.iter().any(|path| path.iter().any(|key| keys.contains(&key.as_str())))
}

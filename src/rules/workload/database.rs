//! A database in a file of each pod, under a workload that has several.
//!
//! Sources: sqlite.org, "Appropriate Uses For SQLite" (one file on one machine); kubernetes/website
//! content/en/docs/concepts/storage/persistent-volumes.md, access modes.

use std::collections::HashSet;

use super::{OWN_DATABASE, Scaled};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for one in scaled {
        let is_meant = one.workload.belongs_to(one.autoscaler) && one.workload.kind() != "StatefulSet";
        if is_meant && one.maximum() > 1 && seen.insert(std::ptr::from_ref(one.workload.document)) {
            findings.extend(alone(inventory, one));
        }
    }
}

/// What is wrong with the database of one workload.
pub(super) fn alone<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>) -> Option<Finding> {
    let environment = inventory.environment(one.workload);
    if environment.is_open || is_replicated(one.workload) {
        return None;
    }
    let mut variables = environment.variables.iter();
    let (variable, held) = variables.find_map(|variable| {
        let held = variable.held.as_ref()?;
        is_file(&variable.name, &held.text).then_some((variable, held))
    })?;
    let path = path(&held.text);
    let volume = volume_of(one.workload, path);
    let (message, why) = match volume.map(|volume| modes(inventory, one.workload, volume)) {
        // A volume of each pod, or none: the file goes with the pod.
        None | Some(Modes::OfThePod) => (
            format!("each pod of `{}` has a database of its own, in a file", one.workload.name),
            "what one pod has written the others do not see, and when a pod goes its data go with it",
        ),
        Some(Modes::OfOneNode) => (
            format!(
                "the pods of `{}` share one file as their database, on a volume of one node",
                one.workload.name
            ),
            "pods on other nodes cannot mount a ReadWriteOnce volume and never start; those on the same node wait for each other at every write",
        ),
        Some(Modes::Shared | Modes::Unknown) => return None,
    };
    let place = match held.object.kind() {
        "Secret" => held.object.name_place(),
        _ => held.object.place(held.node),
    };
    Some(
        Finding::new(&OWN_DATABASE, place, message)
            .label(format!("`{}`", variable.name))
            .related(one.autoscaler.name_place(), format!("scaled up to {} pods", one.maximum()))
            .why(why)
            .help("give them a database server, such as PostgreSQL, or keep one pod"),
    )
}

/// Whether a variable says that the database is a file.
fn is_file(name: &str, text: &str) -> bool {
    let small = text.trim().to_lowercase();
    let scheme = small.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_address = small.starts_with("jdbc:sqlite:")
        || scheme.split('+').any(|word| matches!(word, "sqlite" | "sqlite3"));
    if name.to_uppercase().contains("TEST") {
        return false;
    }
    let speaks = ["DB", "DATABASE"].iter().any(|word| name.to_uppercase().split('_').any(|own| own == *word));
    is_address || speaks && matches!(small.as_str(), "sqlite" | "sqlite3")
}

/// The path of the file, where it is written from the root.
fn path(text: &str) -> Option<&str> {
    let rest = text.split_once("sqlite").map_or(text, |(_, rest)| rest);
    let rest = rest.split_once(':').map_or(rest, |(_, rest)| rest);
    // Three slashes begin a path from where the program runs, four one from the root; JDBC writes it as it is.
    let rest = rest.strip_prefix("///").unwrap_or(rest);
    rest.starts_with('/').then(|| rest.split('?').next().unwrap_or(rest))
}

/// The volume on which a file lies; where its path is not known, any volume that is not only a configuration.
fn volume_of<'i>(workload: &Object<'i>, path: Option<&str>) -> Option<&'i Node> {
    let spec = workload.pod_template()?.get("spec")?;
    let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
    let mut mounts = workload
        .containers()
        .iter()
        .flat_map(|container| container.get("volumeMounts").map(Node::items).unwrap_or_default());
    let volume = |mount: &Node| {
        let name = mount.get("name")?.as_str()?;
        volumes.iter().find(|volume| volume.get("name").and_then(Node::as_str) == Some(name))
    };
    match path {
        Some(path) => mounts
            .filter(|mount| {
                let at =
                    mount.get("mountPath").and_then(Node::as_str).unwrap_or_default().trim_end_matches('/');
                path.strip_prefix(at).is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
            })
            .find_map(volume),
        None => mounts.find_map(|mount| {
            volume(mount).filter(|volume| {
                !["configMap", "secret", "emptyDir", "projected", "downwardAPI"]
                    .iter()
                    .any(|kind| volume.entries().iter().any(|entry| entry.key == *kind))
            })
        }),
    }
}

/// Who may write to a volume.
enum Modes {
    OfThePod,
    OfOneNode,
    Shared,
    Unknown,
}

fn modes(inventory: &Inventory<'_>, workload: &Object<'_>, volume: &Node) -> Modes {
    if volume.entries().iter().any(|entry| entry.key == "emptyDir") {
        return Modes::OfThePod;
    }
    let claim = volume.at(&["persistentVolumeClaim", "claimName"]).and_then(Node::as_str);
    let Some(claim) = claim.and_then(|name| inventory.meant("PersistentVolumeClaim", name, workload)) else {
        return Modes::Unknown;
    };
    let modes: Vec<&str> = claim
        .at(&["spec", "accessModes"])
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::as_str)
        .collect();
    match modes.as_slice() {
        [] => Modes::Unknown,
        all if all.contains(&"ReadWriteMany") => Modes::Shared,
        _ => Modes::OfOneNode,
    }
}

/// Whether something beside the application carries the file from pod to pod.
fn is_replicated(workload: &Object<'_>) -> bool {
    let init = workload.pod_template().and_then(|template| template.at(&["spec", "initContainers"]));
    let init = init.map(Node::items).unwrap_or_default();
    init.iter().chain(workload.containers()).any(|container| {
        let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
        ["litefs", "litestream", "rqlite", "marmot"].iter().any(|word| image.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::{is_file, path};

    #[test]
    fn knows_files_and_where_they_are() {
        for (text, expected) in [
            ("sqlite:////data/app.db", Some("/data/app.db")),
            ("sqlite:///app.db", None),
            ("sqlite:///./app.db", None),
            ("sqlite+aiosqlite:////var/lib/app.db?mode=rwc", Some("/var/lib/app.db")),
            ("jdbc:sqlite:/data/app.db", Some("/data/app.db")),
            ("db+sqlite:///results.db", None),
            ("sqlite::memory:", None),
        ] {
            assert!(is_file("DATABASE_URL", text), "{text}");
            assert_eq!(path(text), expected, "{text}");
        }
        assert!(is_file("DB_CONNECTION", "sqlite") && !is_file("CACHE", "sqlite"));
        assert!(!is_file("DATABASE_URL", "postgres://db:5432/sqlite"));
    }
}

//! A Prometheus that is updated pod by pod on one volume: the new pod waits for what the old one holds.
//!
//! Sources: kubernetes/kubernetes pkg/apis/apps/v1/defaults.go, SetDefaults_Deployment (25 % and 25 %: of one pod that is
//! one more and none less); prometheus/prometheus tsdb/tsdbutil/dir_locker.go (a second server in the directory gives up);
//! VictoriaMetrics lib/fs/fs.go, MustCreateFlockFile.

use super::LOCKED_DATA;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// A program that locks the directory of its data.
struct Locker {
    name: &'static str,
    images: &'static [&'static str],
    flag: &'static str,
    /// Where the data are, if no argument says so: with arguments, and without any.
    default: [&'static str; 2],
}

const LOCKERS: [Locker; 2] = [
    Locker {
        name: "Prometheus",
        images: &["prom/prometheus", "prometheus/prometheus"],
        flag: "storage.tsdb.path",
        default: ["/prometheus/data", "/prometheus"],
    },
    Locker {
        name: "VictoriaMetrics",
        images: &["victoriametrics/victoria-metrics"],
        flag: "storageDataPath",
        default: ["/victoria-metrics-data", "/victoria-metrics-data"],
    },
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let deployments = inventory.kind("Deployment").filter(|object| !object.is_fragment);
    findings.extend(deployments.filter_map(of_deployment));
}

fn of_deployment(object: &Object<'_>) -> Option<Finding> {
    let is_patched = |key: &str| object.patched.iter().any(|path| path.iter().any(|part| part == key));
    let one = object.at(&["spec", "replicas"]).is_none_or(|node| node.as_written().as_deref() == Some("1"));
    if !one || ["strategy", "volumes", "args", "volumeMounts"].into_iter().any(is_patched) {
        return None;
    }
    if !goes_ahead(object.at(&["spec", "strategy"])) {
        return None;
    }
    let volumes = object.at(&["spec", "template", "spec", "volumes"])?.items();
    let (locker, claim) = object.containers().iter().find_map(|container| {
        let locker = locker(container)?;
        let path = path(container, locker)?;
        let mounts = container.get("volumeMounts")?.items();
        let mount = mounts.iter().find(|mount| {
            let at = mount.get("mountPath").and_then(Node::as_str).unwrap_or_default();
            let at = at.trim_end_matches('/');
            at == path.trim_end_matches('/')
                || path.strip_prefix(at).is_some_and(|rest| !at.is_empty() && rest.starts_with('/'))
        })?;
        let name = mount.get("name")?.as_str()?;
        let volume = volumes.iter().find(|volume| volume.get("name").and_then(Node::as_str) == Some(name))?;
        Some((locker, volume.at(&["persistentVolumeClaim", "claimName"])?))
    })?;
    let finding = Finding::new(
        &LOCKED_DATA,
        object.place(claim),
        format!("an update starts a second {} on the data of the first", locker.name),
    )
    .label("one volume for the old pod and the new one")
    .why(format!("a Deployment of one pod starts the new one before the old one ends: beside it {} finds the data locked and gives up, on another node a ReadWriteOnce volume is not attached; the update never ends, and what it was to change does not apply", locker.name))
    .help("write `strategy: {type: Recreate}`, or a StatefulSet");
    Some(match object.at(&["spec", "strategy"]) {
        Some(node) => finding.related(object.place(node), "the old pod stays until the new one is ready"),
        None => finding
            .related(object.name_place(), "no `strategy`: the old pod stays until the new one is ready"),
    })
}

/// Whether the new pod is started while the old one stays.
fn goes_ahead(strategy: Option<&Node>) -> bool {
    let Some(strategy) = strategy else { return true };
    if strategy.get("type").and_then(Node::as_str).is_some_and(|kind| kind != "RollingUpdate") {
        return false;
    }
    let amount = |key: &str| strategy.at(&["rollingUpdate", key]).and_then(Node::as_written);
    let is_none = |text: &str| matches!(text, "0" | "0%");
    // A share of one pod is rounded down for what may be missing.
    let stays = amount("maxUnavailable").is_none_or(|text| {
        let share = text.strip_suffix('%').and_then(|share| share.parse::<u32>().ok());
        is_none(&text) || share.is_some_and(|share| share < 100)
    });
    stays && !amount("maxSurge").is_some_and(|text| is_none(&text) || has_variable(&text))
}

fn locker(container: &Node) -> Option<&'static Locker> {
    let image = container.get("image")?.as_str()?;
    let bare = image.split('@').next().unwrap_or(image);
    let bare = bare.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(bare, |(bare, _)| bare);
    LOCKERS.iter().find(|locker| locker.images.iter().any(|name| bare.ends_with(name)))
}

/// The directory of the data; None: it is not locked, or not known.
fn path<'c>(container: &'c Node, locker: &Locker) -> Option<&'c str> {
    let words = || ["command", "args"].into_iter().filter_map(|key| container.get(key)).flat_map(Node::items);
    let texts = || words().filter_map(Node::as_str);
    if texts().any(|text| {
        text.contains("no-lockfile") || text.contains("enable-feature=agent") || text.contains("--agent")
    }) {
        return None;
    }
    let [with, without] = locker.default;
    let written = texts().enumerate().find_map(|(index, text)| {
        let rest = text.trim_start_matches('-').strip_prefix(locker.flag)?;
        match rest.strip_prefix('=') {
            Some(path) => Some(path),
            None => rest.is_empty().then(|| texts().nth(index + 1)).flatten(),
        }
    });
    let default = if words().next().is_some() { with } else { without };
    Some(written.unwrap_or(default)).filter(|path| path.starts_with('/') && !has_variable(path))
}

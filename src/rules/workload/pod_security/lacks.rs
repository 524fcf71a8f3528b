//! What a pod has, or lacks, that a level of the pod security refuses.
//!
//! Source: kubernetes/pod-security-admission policy/check_*.go.

use super::Level;
use crate::manifest::{Node, has_variable};

/// Something that is refused, and what to write instead.
pub(super) struct Lack {
    pub what: String,
    pub help: &'static str,
}

/// Capabilities that baseline lets a container add.
const ADDABLE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kinds of volumes that a restricted pod may have.
const VOLUMES: [&str; 9] = [
    "name",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// A switch or a word: None where it is filled in later.
fn word(node: Option<&Node>) -> Option<String> {
    match node {
        None => Some(String::new()),
        Some(node) => node.as_written().filter(|text| !has_variable(text)),
    }
}

fn is(node: Option<&Node>, wanted: &str) -> bool {
    word(node).is_some_and(|text| text == wanted)
}

fn is_not(node: Option<&Node>, wanted: &str) -> bool {
    word(node).is_some_and(|text| text != wanted)
}

pub(super) fn of(spec: &Node, level: Level) -> Vec<Lack> {
    // Windows has no such settings, a user namespace of its own relaxes some, and a cluster may exempt a runtime class.
    let is_special = ["os", "runtimeClassName"].into_iter().any(|key| spec.get(key).is_some());
    if is_special || is(spec.get("hostUsers"), "false") {
        return Vec::new();
    }
    let mut all = Vec::new();
    let mut push = |what: String, help: &'static str| all.push(Lack { what, help });
    let containers: Vec<&Node> = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|list| spec.get(list).map(Node::items).unwrap_or_default())
        .collect();
    // The containers of which something is true, in words.
    let named = |is_so: &dyn Fn(&Node) -> bool| {
        let names: Vec<String> = containers
            .iter()
            .filter(|container| is_so(container))
            .map(|container| {
                format!("`{}`", container.get("name").and_then(Node::as_str).unwrap_or("?").escape_debug())
            })
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        if is(spec.get(key), "true") {
            push(format!("`{key}: true`"), "no namespace of the node");
        }
    }
    let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
    if let Some(volume) = volumes.iter().find(|volume| volume.get("hostPath").is_some()) {
        let name = volume.get("name").and_then(Node::as_str).unwrap_or("?");
        push(format!("the volume `{}` is a hostPath", name.escape_debug()), "a volume of another kind");
    }
    let own = |container: &Node, key: &str| container.at(&["securityContext", key]).cloned();
    if let Some(names) = named(&|one| is(own(one, "privileged").as_ref(), "true")) {
        push(format!("{names} is privileged"), "no `privileged: true`");
    }
    let has_host_port = |one: &Node| {
        let ports = one.get("ports").map(Node::items).unwrap_or_default();
        ports.iter().any(|port| is_not(port.get("hostPort"), "") && is_not(port.get("hostPort"), "0"))
    };
    if let Some(names) = named(&has_host_port) {
        push(format!("{names} has a `hostPort`"), "no `hostPort`");
    }
    let added = |one: &Node| -> Vec<String> {
        let list = one.at(&["securityContext", "capabilities", "add"]).map(Node::items).unwrap_or_default();
        list.iter().filter_map(Node::as_str).filter(|name| !has_variable(name)).map(str::to_string).collect()
    };
    let allowed: &[&str] = if level == Level::Restricted { &["NET_BIND_SERVICE"] } else { &ADDABLE };
    if let Some(names) = named(&|one| added(one).iter().any(|name| !allowed.contains(&name.as_str()))) {
        push(format!("{names} adds capabilities"), "no such `capabilities.add`");
    }
    if level == Level::Baseline {
        return all;
    }
    let is_other = |volume: &&Node| {
        volume.get("hostPath").is_none()
            && volume.entries().iter().any(|entry| !VOLUMES.contains(&entry.key.as_str()))
    };
    if let Some(volume) = volumes.iter().find(is_other) {
        let name = volume.get("name").and_then(Node::as_str).unwrap_or("?");
        push(
            format!("the volume `{}` is of a kind that is not let in", name.escape_debug()),
            "a PersistentVolumeClaim",
        );
    }
    let of_pod = spec.get("securityContext");
    let pod_profile = of_pod.and_then(|context| context.at(&["seccompProfile", "type"]));
    let has_profile =
        |node: Option<&Node>| word(node).is_none_or(|text| text == "RuntimeDefault" || text == "Localhost");
    let without_profile = |one: &Node| match one.at(&["securityContext", "seccompProfile", "type"]) {
        Some(node) => !has_profile(Some(node)),
        None => !has_profile(pod_profile),
    };
    if let Some(names) = named(&without_profile) {
        push(format!("{names} has no `seccompProfile`"), "`seccompProfile: {type: RuntimeDefault}`");
    }
    if let Some(names) = named(&|one| is_not(own(one, "allowPrivilegeEscalation").as_ref(), "false")) {
        push(
            format!("{names} may gain privileges (`allowPrivilegeEscalation` is not false)"),
            "`allowPrivilegeEscalation: false`",
        );
    }
    let pod_user = of_pod.and_then(|context| context.get("runAsNonRoot"));
    let may_be_root = |one: &Node| match own(one, "runAsNonRoot") {
        Some(node) => is(Some(&node), "false"),
        None => is_not(pod_user, "true"),
    };
    if let Some(names) = named(&may_be_root) {
        push(format!("{names} may be root (`runAsNonRoot` is not true)"), "`runAsNonRoot: true`");
    }
    let is_root = |one: &Node| match own(one, "runAsUser") {
        Some(node) => is(Some(&node), "0"),
        None => is(of_pod.and_then(|context| context.get("runAsUser")), "0"),
    };
    if let Some(names) = named(&is_root) {
        push(format!("{names} is user 0"), "another `runAsUser`");
    }
    let keeps = |one: &Node| {
        let list = one.at(&["securityContext", "capabilities", "drop"]);
        // A list that is filled in later.
        if list.is_some_and(|node| node.as_str().is_some()) {
            return false;
        }
        let items = list.map(Node::items).unwrap_or_default();
        !items.iter().filter_map(Node::as_str).any(|name| name == "ALL" || has_variable(name))
    };
    if let Some(names) = named(&keeps) {
        push(format!("{names} does not drop all capabilities"), "`capabilities: {drop: [ALL]}`");
    }
    all
}

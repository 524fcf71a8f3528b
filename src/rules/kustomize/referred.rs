//! References by name of which kustomize knows nothing.

use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

/// A reference of an object to another one.
pub(super) struct Reference<'d> {
    pub node: &'d Node,
    pub kind: &'d str,
    pub name: &'d str,
}

const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "Rollout"];

/// All that an object of a custom kind refers to, and what a HorizontalPodAutoscaler scales of a custom kind.
pub(super) fn references<'d>(object: &Object<'d>) -> Vec<Reference<'d>> {
    let mut all = Vec::new();
    let mut add = |kind: &'d str, node: Option<&'d Node>| {
        if let Some(node) = node
            && let Some(name) = node.as_str().filter(|name| !name.is_empty() && !has_variable(name))
        {
            all.push(Reference { node, kind, name });
        }
    };
    let items = |path: &[&str]| object.at(path).map(Node::items).unwrap_or_default();
    let triggers = |add: &mut dyn FnMut(&'d str, Option<&'d Node>)| {
        for trigger in items(&["spec", "triggers"]) {
            let kind = trigger.at(&["authenticationRef", "kind"]).and_then(Node::as_str);
            add(kind.unwrap_or("TriggerAuthentication"), trigger.at(&["authenticationRef", "name"]));
        }
    };
    let target = |key: &str| {
        let kind = object.text(&["spec", key, "kind"]).unwrap_or("Deployment");
        (kind, object.at(&["spec", key, "name"]))
    };
    match (object.kind(), object.group()) {
        ("ScaledObject", "keda.sh") => {
            let (kind, name) = target("scaleTargetRef");
            add(kind, name.filter(|_| WORKLOADS.contains(&kind)));
            triggers(&mut add);
        }
        ("ScaledJob", "keda.sh") => {
            triggers(&mut add);
            of_pods(object.at(&["spec", "jobTargetRef", "template", "spec"]), &mut add);
        }
        ("TriggerAuthentication" | "ClusterTriggerAuthentication", "keda.sh") => {
            for (kind, list) in [("Secret", "secretTargetRef"), ("ConfigMap", "configMapTargetRef")] {
                items(&["spec", list]).iter().for_each(|item| add(kind, item.get("name")));
            }
        }
        // Of Kubernetes' own kinds it is known.
        ("HorizontalPodAutoscaler", _) => {
            let (kind, name) = target("scaleTargetRef");
            add(kind, name.filter(|_| kind == "Rollout"));
        }
        ("VerticalPodAutoscaler", _) => {
            let (kind, name) = target("targetRef");
            add(kind, name.filter(|_| WORKLOADS.contains(&kind)));
        }
        ("HTTPScaledObject", "http.keda.sh") => {
            let (kind, name) = target("scaleTargetRef");
            add(kind, name.filter(|_| WORKLOADS.contains(&kind)));
            add("Service", object.at(&["spec", "scaleTargetRef", "service"]));
        }
        ("Rollout", "argoproj.io") => {
            for (strategy, keys) in [
                ("canary", ["canaryService", "stableService"]),
                ("blueGreen", ["activeService", "previewService"]),
            ] {
                keys.iter().for_each(|key| add("Service", object.at(&["spec", "strategy", strategy, key])));
            }
            of_pods(object.at(&["spec", "template", "spec"]), &mut add);
        }
        _ => {}
    }
    all
}

/// What the pods take from ConfigMaps and Secrets.
fn of_pods<'d>(spec: Option<&'d Node>, add: &mut dyn FnMut(&'d str, Option<&'d Node>)) {
    let Some(spec) = spec else { return };
    let is_optional =
        |node: &Node| node.get("optional").and_then(Node::as_written).as_deref() == Some("true");
    let list = |node: &'d Node, key: &str| node.get(key).map(Node::items).unwrap_or_default();
    for container in list(spec, "containers").iter().chain(list(spec, "initContainers")) {
        let from = list(container, "envFrom").iter();
        let single = list(container, "env").iter().filter_map(|one| one.get("valueFrom"));
        for source in from.chain(single) {
            for (kind, key) in [
                ("ConfigMap", "configMapRef"),
                ("Secret", "secretRef"),
                ("ConfigMap", "configMapKeyRef"),
                ("Secret", "secretKeyRef"),
            ] {
                if let Some(node) = source.get(key).filter(|node| !is_optional(node)) {
                    add(kind, node.get("name"));
                }
            }
        }
    }
    for volume in list(spec, "volumes") {
        let plain = |key: &str| volume.get(key).filter(|node| !is_optional(node));
        add("ConfigMap", plain("configMap").and_then(|node| node.get("name")));
        add("Secret", plain("secret").and_then(|node| node.get("secretName")));
    }
    add("ServiceAccount", spec.get("serviceAccountName"));
}

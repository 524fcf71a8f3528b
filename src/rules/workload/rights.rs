//! A Prometheus that discovers pods without the right to list them.
//!
//! Source: prometheus/prometheus documentation/examples/rbac-setup.yml; discovery/kubernetes/kubernetes.go lists and
//! watches with the rights of the pod's ServiceAccount.

use super::DISCOVERY_RIGHTS;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let discovering: Vec<&Object<'_>> = inventory
        .kind("ConfigMap")
        .filter(|object| {
            let texts = object.at(&["data"]).map(Node::entries).unwrap_or_default();
            texts.iter().any(|entry| {
                entry.node.as_str().is_some_and(|text| {
                    text.contains("scrape_configs:") && text.contains("kubernetes_sd_configs:")
                })
            })
        })
        .collect();
    if discovering.is_empty() {
        return;
    }
    let bindings: Vec<&Object<'_>> =
        inventory.kind("ClusterRoleBinding").chain(inventory.kind("RoleBinding")).collect();
    for workload in inventory.kind("Deployment").chain(inventory.kind("StatefulSet")) {
        let Some(spec) = workload.at(&["spec", "template", "spec"]) else { continue };
        let containers = spec.get("containers").map(Node::items).unwrap_or_default();
        let is_prometheus = containers.iter().any(|container| {
            let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
            image.split([':', '@']).next().is_some_and(|image| {
                image.ends_with("prom/prometheus") || image.ends_with("/prometheus/prometheus")
            })
        });
        let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
        let mounted = volumes.iter().filter_map(|volume| volume.at(&["configMap", "name"])?.as_str());
        let Some(config) = mounted
            .filter_map(|name| {
                discovering.iter().find(|object| object.is_called(name) && object.meets(workload))
            })
            .next()
            .filter(|_| is_prometheus)
        else {
            continue;
        };
        let account = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount"));
        let name = account.and_then(Node::as_str).unwrap_or("default");
        let bound = |wanted: Option<&str>| {
            bindings.iter().find(|binding| {
                binding.at(&["subjects"]).map(Node::items).unwrap_or_default().iter().any(|subject| {
                    let text = |key: &str| subject.get(key).and_then(Node::as_str);
                    let here = text("namespace").is_none_or(|namespace| workload.may_be_in(namespace));
                    text("kind") == Some("ServiceAccount")
                        && here
                        && wanted.is_none_or(|wanted| text("name") == Some(wanted))
                })
            })
        };
        // Without any binding here, rights are given elsewhere.
        let (None, Some(other)) = (bound(Some(name)), bound(None)) else { continue };
        let place = account.map_or(workload.name_place(), |node| workload.place(node));
        findings.push(
            Finding::new(&DISCOVERY_RIGHTS, place, format!("this Prometheus runs as the ServiceAccount `{name}`, which no binding here gives rights"))
                .related(config.name_place(), "its configuration discovers pods")
                .related(other.name_place(), "rights are given to another account")
                .why("the API server answers `forbidden` to every list of pods and endpoints: not one target is found")
                .help("write the `serviceAccountName` that the binding names"),
        );
    }
}

//! Only one may answer for external metrics in a cluster.
//!
//! Source: kedacore/keda config/metrics-server/api_service.yaml; Kubernetes has one APIService of a name.

use super::METRICS_API;
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::manifest::Node;

pub(super) fn check(inventory: &Inventory<'_>, findings: &mut Vec<Finding>) {
    let first = inventory.kind("ScaledObject").find(|object| object.group() == "keda.sh");
    let Some(first) = first else { return };
    for object in inventory.named("APIService", "v1beta1.external.metrics.k8s.io") {
        let service = object.at(&["spec", "service", "name"]);
        let name = service.and_then(Node::as_str).unwrap_or_default();
        if name.starts_with("keda") || name.is_empty() {
            continue;
        }
        let place = service.map_or(object.name_place(), |node| object.place(node));
        findings.push(
            Finding::new(&METRICS_API, place, format!("external metrics are answered by `{name}`, not by KEDA"))
                .related(first.name_place(), "this ScaledObject needs KEDA's")
                .why("a cluster has one such API: every HPA of KEDA gets no metric, or the other adapter loses its own")
                .help("take this APIService out, or move the metrics of the other adapter into KEDA triggers"),
        );
    }
}

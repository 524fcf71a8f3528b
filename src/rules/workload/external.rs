//! HPAs written by hand that ask for external metrics, where KEDA answers for these.
//!
//! Source: kedacore/keda pkg/metricsservice and pkg/provider/provider.go, GetExternalMetric: KEDA finds a metric by the
//! label `scaledobject.keda.sh/name` of the selector; the API has one owner in a cluster.

use super::EXTERNAL_METRIC;
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::manifest::Node;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let Some(keda) = inventory.kind("ScaledObject").find(|object| object.group() == "keda.sh") else {
        return;
    };
    // Somebody else answers, or may.
    let is_adapter = |object: &&crate::inventory::Object<'_>| {
        let chart = object
            .text(&["spec", "chart", "spec", "chart"])
            .or_else(|| object.text(&["spec", "source", "chart"]));
        ["prometheus-adapter", "datadog"]
            .iter()
            .any(|word| chart.is_some_and(|chart| chart.contains(word)) || object.name.contains(word))
            || object.kind() == "APIService"
    };
    if inventory.objects.iter().any(|object| is_adapter(&object)) {
        return;
    }
    for hpa in inventory.kind("HorizontalPodAutoscaler") {
        // An alternative to KEDA is for a cluster without it.
        if hpa.is_a_choice || keda.is_a_choice {
            continue;
        }
        // Those that KEDA makes are its own.
        let owned =
            hpa.text(&["metadata", "labels", "app.kubernetes.io/managed-by"]) == Some("keda-operator");
        for metric in hpa.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default() {
            let Some(name) = metric.at(&["external", "metric", "name"]) else { continue };
            let labels = metric.at(&["external", "metric", "selector", "matchLabels"]);
            if owned || labels.is_some_and(|labels| labels.get("scaledobject.keda.sh/name").is_some()) {
                continue;
            }
            findings.push(
                Finding::new(
                    &EXTERNAL_METRIC,
                    hpa.place(name),
                    format!("nobody here answers for the external metric `{}`", name.as_str().unwrap_or_default().escape_debug()),
                )
                .related(keda.name_place(), "KEDA owns external metrics, and knows only those of its ScaledObjects")
                .why("the HPA shows <unknown> for it and does not scale by it: external metrics have one owner in a cluster")
                .help("write a ScaledObject with that trigger instead of this HPA"),
            );
        }
    }
}

//! Only one may answer for external metrics in a cluster.
//!
//! Sources: kedacore/keda config/metrics-server/api_service.yaml; Kubernetes has one APIService of a name;
//! prometheus-community/helm-charts charts/prometheus-adapter/templates/external-metrics-apiservice.yaml (made as soon as
//! there are `rules.external`); DataDog/helm-charts charts/datadog/templates/agent-apiservice.yaml.

use super::METRICS_API;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node};
use crate::source::Place;

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
    for object in &inventory.objects {
        let Some((name, entry)) = installed(object) else { continue };
        let mut finding =
            Finding::new(
                &METRICS_API,
                Place::new(object.document.file, entry.key_span),
                format!("with this, external metrics are answered by {name}, not by KEDA"),
            )
            .related(first.name_place(), "this ScaledObject needs KEDA's")
            .why("the chart brings the APIService `v1beta1.external.metrics.k8s.io`, and a cluster has one: every HPA of KEDA gets no metric, or the other adapter loses its own")
            .help("leave it out, and move its metrics into KEDA triggers");
        // Values may be for another cluster.
        finding.severity = Severity::Warning;
        findings.push(finding);
    }
}

/// An adapter that a release, or values beside one, install for external metrics; and the key that says so.
fn installed<'d>(object: &Object<'d>) -> Option<(&'static str, &'d Entry)> {
    let chart = object.text(&["spec", "chart", "spec", "chart"]);
    let chart = chart.or_else(|| object.text(&["spec", "source", "chart"])).unwrap_or_default();
    let values = match object.kind() {
        "" => Some(&object.document.node),
        _ => {
            object.at(&["spec", "values"]).or_else(|| object.at(&["spec", "source", "helm", "valuesObject"]))
        }
    }?;
    let entry = |node: &'d Node, key: &str| node.entries().iter().find(|entry| entry.key == key);
    let is_true = |node: Option<&Node>| node.and_then(Node::as_written).as_deref() == Some("true");
    if object.kind().is_empty() || chart == "prometheus-adapter" {
        let external = values.get("rules").and_then(|rules| entry(rules, "external"));
        let is_rule = |rule: &Node| rule.get("seriesQuery").is_some() && rule.get("metricsQuery").is_some();
        if let Some(external) = external.filter(|entry| entry.node.items().iter().any(is_rule)) {
            return Some(("prometheus-adapter", external));
        }
    }
    if object.kind().is_empty() || chart == "datadog" {
        let provider = values.get("clusterAgent").and_then(|agent| entry(agent, "metricsProvider"));
        if let Some(provider) = provider
            && is_true(provider.node.get("enabled"))
            && provider.node.get("registerAPIService").is_none_or(|node| is_true(Some(node)))
        {
            return Some(("Datadog", provider));
        }
    }
    None
}

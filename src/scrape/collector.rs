//! OpenTelemetry collectors that are to give their metrics to a Prometheus, and do not.
//!
//! Sources: open-telemetry/opentelemetry-collector docs (an exporter that no pipeline names is not started);
//! open-telemetry/opentelemetry-collector-contrib exporter/prometheusexporter/README.md (`endpoint`).

use super::rules::COLLECTOR_CLOSED;
use super::world::World;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node, has_variable};
use crate::source::Place;

pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in &inventory.objects {
        let root = match object.kind() {
            "" => Some(&object.document.node),
            "OpenTelemetryCollector" => object.at(&["spec", "config"]),
            _ => None,
        };
        let Some(root) = root.filter(|root| root.at(&["service", "pipelines"]).is_some()) else { continue };
        for entry in root.get("exporters").map(Node::entries).unwrap_or_default() {
            if entry.key == "prometheus" || entry.key.starts_with("prometheus/") {
                findings.extend(unused(world, object, root, entry).or_else(|| within(world, object, entry)));
            }
        }
    }
    findings
}

/// The port at which an exporter listens, and its host.
fn endpoint(exporter: &Node) -> Option<(&Node, &str, &str)> {
    let node = exporter.get("endpoint")?;
    let text =
        node.as_str().filter(|text| !has_variable(text) && !text.contains("${") && !text.contains("{{"))?;
    let (host, port) = text.rsplit_once(':')?;
    Some((node, host, port))
}

/// The job that asks for what listens at a port, if one does.
fn asked(world: &World<'_>, port: &str) -> Option<Place> {
    world.configs.jobs.iter().find_map(|job| {
        let mut all = job.addresses();
        all.find(|(.., address)| {
            let is_otel =
                address.contains("otel") || address.contains("collector") || job.name.contains("otel");
            is_otel && address.rsplit_once(':').is_some_and(|(_, own)| own == port)
        })
        .map(|(_, node, _)| job.place(node))
    })
}

fn unused(world: &World<'_>, object: &Object<'_>, root: &Node, exporter: &Entry) -> Option<Finding> {
    let pipelines = root.at(&["service", "pipelines"])?.entries();
    let names = |pipeline: &Entry| {
        let all = pipeline.node.get("exporters").map(Node::items).unwrap_or_default();
        all.iter().any(|name| name.as_str() == Some(exporter.key.as_str()))
    };
    // Another file may bring more of them, as the values of a chart do.
    let metrics = pipelines.iter().find(|pipeline| pipeline.key.split('/').next() == Some("metrics"))?;
    if pipelines.iter().any(names) || metrics.node.get("exporters")?.items().is_empty() {
        return None;
    }
    let place = Place::new(object.document.file, exporter.key_span);
    let mut finding = Finding::new(
        &COLLECTOR_CLOSED,
        place,
        format!("no pipeline names the exporter `{}`", exporter.key),
    )
    .related(Place::new(object.document.file, metrics.key_span), "this pipeline has the metrics")
    .why("what no pipeline names is not started: nothing listens at its port, and no metric comes to Prometheus this way")
    .help(format!("write `{}` among the `exporters` of the pipeline", exporter.key));
    match endpoint(&exporter.node).and_then(|(_, _, port)| asked(world, port)) {
        Some(job) => finding = finding.related(job, "this job asks for it"),
        None => finding.severity = Severity::Warning,
    }
    Some(finding)
}

/// An exporter that listens inside of its own container or pod only.
fn within(world: &World<'_>, object: &Object<'_>, exporter: &Entry) -> Option<Finding> {
    let (node, host, port) = endpoint(&exporter.node)?;
    if !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return None;
    }
    let mut finding = Finding::new(
        &COLLECTOR_CLOSED,
        object.place(node),
        format!("`{host}` is the collector's own container: nobody else reaches port {port}"),
    )
    .why("Prometheus asks from another pod or container, and is refused: `up` stays 0, and no metric comes this way")
    .help(format!("write `0.0.0.0:{port}`"));
    let annotated = world.index.workloads().iter().find(|pods| {
        pods.annotations.get("prometheus.io/port").is_some_and(|own| own == port)
            && pods.images().any(|image| image.contains("collector"))
    });
    let by = asked(world, port).or_else(|| annotated.map(|pods| pods.object.name_place()));
    match by {
        Some(by) => finding = finding.related(by, "this port is scraped"),
        None => finding.severity = Severity::Warning,
    }
    Some(finding)
}

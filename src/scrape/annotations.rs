//! `prometheus.io/*`, which a usual configuration reads from pods.

use super::rules;
use super::target::Pods;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::source::Place;

/// `prometheus.io/*` where nobody looks, or with a port that is not there.
pub fn check(object: &Object<'_>) -> Vec<Finding> {
    let Some(pods) = Pods::of(object) else { return Vec::new() };
    let mut findings = Vec::new();
    let own = object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let misplaced = own.iter().find(|entry| entry.key == "prometheus.io/scrape");
    if let (Some(entry), false) = (misplaced, pods.annotations.contains_key("prometheus.io/scrape")) {
        findings.push(
            Finding::new(
                &rules::MISPLACED_ANNOTATION,
                Place::new(object.document.file, entry.key_span),
                format!("`prometheus.io/scrape` stands on the {}", object.kind()),
            )
            .why("discovery reads the annotations of pods: these are not on them, and nothing is scraped")
            .help("write it under `spec.template.metadata.annotations`"),
        );
    }
    let template =
        object.at(&["spec", "template", "metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let scrapes = pods.annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
    for entry in template.iter().filter(|entry| entry.key == "prometheus.io/port" && scrapes) {
        let port = entry.node.as_written().unwrap_or_default();
        let declared = pods.ports.iter().any(|other| other.is_number(&port));
        if !declared && !pods.ports.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
            let mut finding = Finding::new(&rules::ANNOTATION_PORT, object.place(&entry.node), format!("no container declares the port {port}"))
                .why("the usual configuration replaces the port of each declared one by this: it works only if something listens there, and scrapes the pod once per declared port")
                .help("declare the port, or write one that is declared");
            finding.severity = Severity::Note;
            findings.push(finding);
        }
    }
    findings
}

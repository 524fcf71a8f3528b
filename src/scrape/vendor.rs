//! Managed services of Prometheus, whose collectors take up monitors of their own kinds.
//!
//! Sources: Azure/prometheus-collector otelcollector/deploy (monitors of `azmonitoring.coreos.com`);
//! GoogleCloudPlatform/prometheus-engine doc/api.md (`PodMonitoring` of `monitoring.googleapis.com`).

use super::address;
use super::rules::NOT_SELECTED;
use super::way::Passage;
use super::world::World;
use crate::finding::{Finding, Severity};

/// A part of the host, whose collector, and what it takes up.
const VENDORS: [(&str, &str, &str); 2] = [
    (
        ".prometheus.monitor.azure.com",
        "Azure's collector takes up monitors of `azmonitoring.coreos.com/v1`",
        "write `apiVersion: azmonitoring.coreos.com/v1`",
    ),
    (
        "monitoring.googleapis.com",
        "Google's collector takes up `PodMonitoring` of `monitoring.googleapis.com/v1`",
        "write a PodMonitoring with the same selector, port and interval",
    ),
];

impl World<'_> {
    /// Monitors of the operator's own kinds, where the query goes to a managed service, and no Prometheus is here that
    /// could hand on to it what it scrapes.
    pub fn of_a_vendor(&self, server: &str, passages: &[Passage]) -> Vec<Finding> {
        let host = address::host(server);
        let frontend = host.starts_with("frontend.") && host.contains("gmp");
        let vendor =
            VENDORS.iter().find(|(part, ..)| host.contains(part) || frontend && part.contains("googleapis"));
        let Some((_, who, help)) = vendor else { return Vec::new() };
        let is_other = |passage: &Passage| !passage.scraped().is_none_or(|way| way.is_monitor);
        let hands_on = self.configs.pushes.is_some() || !self.configs.seen.is_empty();
        if !self.operators.is_empty() || hands_on || passages.iter().any(is_other) {
            return Vec::new();
        }
        let ways = passages.iter().filter_map(Passage::scraped).filter(|way| way.is_monitor);
        ways.map(|way| {
            let message = format!("{} is not one that the managed service takes up", way.what);
            let mut finding = Finding::new(&NOT_SELECTED, way.by, message)
                .why(format!("{who}: unless a Prometheus of your own writes into it, nothing is scraped, and no error tells"))
                .help(*help);
            finding.severity = Severity::Warning;
            finding
        })
        .collect()
    }
}

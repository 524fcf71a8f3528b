//! How the pods are found: one decision for all discoveries.

use std::collections::BTreeMap;

use super::{Queries, Scrape};
use crate::policy::written::{Discovery, Scheme, Source};
use crate::policy::{Policy, SignalKind};

pub(super) fn scrape(policy: &Policy) -> Option<Scrape> {
    let metrics = policy.metrics.as_ref()?;
    let pairs = |labels: &BTreeMap<String, String>| -> Vec<(String, String)> {
        labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let service = if metrics.service.is_empty() { &policy.pods } else { &metrics.service };
    let mut names: Vec<String> = Vec::new();
    for signal in policy.signals.iter().filter(|signal| signal.source == Source::Pods) {
        for metric in signal.kind.metrics() {
            let name = match signal.kind {
                SignalKind::Latency { .. } => format!("{}_bucket", metric.name),
                _ => metric.name.clone(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Some(Scrape {
        job: Queries::job(&policy.workload.value),
        service_monitor: metrics.discovery.contains(&Discovery::ServiceMonitor),
        pod_monitor: metrics.discovery.contains(&Discovery::PodMonitor),
        scrape_config: metrics.discovery.contains(&Discovery::ScrapeConfig),
        monitor_labels: pairs(&policy.prometheus.monitor_labels),
        service_labels: pairs(service),
        pod_labels: pairs(&policy.pods),
        port_name: metrics.port_name.clone(),
        port_number: metrics.port_number,
        path: metrics.path.clone(),
        scheme: match metrics.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        },
        interval: metrics.interval.value,
        // Prometheus' default, but never longer than the interval: it refuses that.
        timeout: metrics.interval.value.min(10),
        metrics: names,
    })
}

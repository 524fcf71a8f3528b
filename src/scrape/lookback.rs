//! Scrapes that are further apart than Prometheus looks back for a sample.
//!
//! Source: prometheus/prometheus promql/engine.go, defaultLookbackDelta (5m), and cmd/prometheus/main.go
//! (`--query.lookback-delta`).

use super::monitor::endpoints;
use super::rules::STALE_BETWEEN;
use super::world::World;
use crate::finding::Finding;
use crate::manifest::{Node, has_variable};
use crate::promql::seconds;
use crate::source::Place;

const LOOKBACK: f64 = 300.0;

pub fn check(world: &World<'_>) -> Vec<Finding> {
    // Another span, or another database with rules of its own.
    let others = [
        "lookback-delta",
        "lookbackDelta",
        "lookback_delta",
        "maxStalenessInterval",
        "VMServiceScrape",
        "VMAgent",
    ];
    let of_monitors = world.index.monitors.iter().flat_map(|monitor| {
        endpoints(monitor)
            .iter()
            .filter_map(|endpoint| endpoint.get("interval"))
            .map(|node| (monitor.place(node), node))
    });
    let of_jobs = world.configs.jobs.iter().filter_map(|job| {
        let node = job.node.get("scrape_interval").or_else(|| job.node.get("scrapeInterval"))?;
        Some((job.place(node), node))
    });
    let mut found: Vec<(Place, &Node)> =
        of_monitors.chain(of_jobs).filter(|(_, node)| is_long(node)).collect();
    found.dedup_by_key(|(place, _)| *place);
    if found.is_empty() || others.iter().any(|word| world.sources.speak_of(word)) {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (place, node) in found {
        let written = node.as_written().unwrap_or_default();
        if findings.iter().any(|other| other.place == place) {
            continue;
        }
        findings.push(
            Finding::new(&STALE_BETWEEN, place, format!("a scrape every {written}, and Prometheus looks back for 5 min"))
                .why("five minutes after each scrape its samples are forgotten: in between there is no series, an alert with `for` begins anew each time, `absent` fires, and a scaler reads nothing")
                .help("write `2m` at most, so that one failed scrape leaves no gap; what is slow to answer can keep its last answer and measure less often"),
        );
    }
    findings
}

fn is_long(node: &Node) -> bool {
    node.as_written()
        .filter(|text| !has_variable(text) && !text.contains("{{"))
        .and_then(|text| seconds(&text))
        .is_some_and(|interval| interval > LOOKBACK)
}

//! Queries that name no workload, where Prometheus knows one namespace alone.
//!
//! Source: prometheus/prometheus discovery/kubernetes/kubernetes.go: `namespaces.names` is all that is watched.

use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::lint::rules::UNSCOPED;
use crate::manifest::Node;

/// `max(backlog)` of one namespace: nobody else's series are there. A sum may well add up several workloads of it.
pub fn leave_out_alone(inventory: &Inventory<'_>, findings: &mut Vec<Finding>) {
    if !findings.iter().any(|finding| finding.rule == &UNSCOPED) {
        return;
    }
    let Some(only) = only_namespace(inventory) else { return };
    findings.retain(|finding| {
        let is_asker = |object: &&Object<'_>| {
            object.document.file == finding.place.file
                && object.document.node.span.range().contains(&finding.place.span.range().start)
        };
        finding.rule != &UNSCOPED
            || !inventory.objects.iter().find(is_asker).is_some_and(|asker| {
                asker.text(&["metadata", "namespace"]) == Some(only) && is_of_one(asker, finding)
            })
    });
}

/// Whether the query in which something was found takes one series out of all.
fn is_of_one(asker: &Object<'_>, finding: &Finding) -> bool {
    let triggers = asker.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
    let mut queries = triggers.iter().filter_map(|trigger| trigger.at(&["metadata", "query"]));
    queries.any(|query| {
        let is_it = query.span.range().contains(&finding.place.span.range().start);
        let text = query.as_str().unwrap_or_default().trim_start();
        is_it && ["max(", "max (", "min(", "min ("].iter().any(|start| text.starts_with(start))
    })
}

/// The namespace that every job of every configuration here names, where no operator adds others.
fn only_namespace<'i>(inventory: &'i Inventory<'i>) -> Option<&'i str> {
    const OF_OPERATORS: [&str; 5] =
        ["Prometheus", "PrometheusAgent", "ServiceMonitor", "PodMonitor", "ScrapeConfig"];
    if OF_OPERATORS.iter().any(|kind| inventory.kind(kind).next().is_some()) {
        return None;
    }
    let jobs = inventory
        .objects
        .iter()
        .flat_map(|object| object.at(&["scrape_configs"]).map(Node::items).unwrap_or_default());
    let discoveries = jobs.filter_map(|job| job.get("kubernetes_sd_configs")).flat_map(Node::items);
    let mut only = None;
    for discovery in discoveries {
        let names = discovery.at(&["namespaces", "names"]).map(Node::items).unwrap_or_default();
        let [name] = names else { return None };
        let name = name.as_str().filter(|name| only.is_none_or(|other| other == *name))?;
        only = Some(name);
    }
    only
}

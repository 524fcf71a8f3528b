//! Programs whose metrics come only when they are told so, and that nobody told.
//!
//! Source: mlflow/mlflow mlflow/cli.py, server (`--expose-prometheus`, or `MLFLOW_EXPOSE_PROMETHEUS`; without it there is
//! no `/metrics`).

use super::compose::Compose;
use super::config::Job;
use super::job::is_probe;
use super::rules::OTHER_PROTOCOL;
use super::target::Pods;
use super::world::World;
use super::{address, relabel};
use crate::finding::Finding;
use crate::manifest::Node;
use crate::source::Place;

/// Jobs that list the address of such a program.
pub fn check(world: &World<'_>, compose: &Compose<'_>) -> Vec<Finding> {
    let jobs = world.configs.jobs.iter().filter(|job| !is_probe(job));
    jobs.filter_map(|job| of_job(job, world, compose)).collect()
}

/// The addresses that are called like it.
fn names(job: &Job) -> impl Iterator<Item = (&Node, String)> {
    let all = job.addresses().map(|(_, node, address)| (node, address));
    all.filter(|(_, address)| address.contains("mlflow") && !address.contains("exporter"))
}

fn of_job(job: &Job, world: &World<'_>, compose: &Compose<'_>) -> Option<Finding> {
    let mut labels = job.list("relabel_configs", "relabelings").iter();
    let rewrites = labels.any(|rule| {
        let label = relabel::field(rule, "target_label", "targetLabel").and_then(Node::as_str);
        label == Some("__address__")
    });
    let has_path = job.node.get("metrics_path").is_some_and(|path| path.as_str() != Some("/metrics"));
    if rewrites || has_path {
        return None;
    }
    names(job).find_map(|(node, address)| {
        let host = address::host(&address);
        let first = host.split('.').next().unwrap_or(host);
        let of_compose = compose.service(host).filter(|_| job.is_local && !job.is_without_containers);
        let by = match of_compose {
            Some((object, entry)) => {
                is_silent(&entry.node).then(|| Place::new(object.document.file, entry.key_span))?
            }
            None => {
                let leads = |pods: &&Pods<'_>| {
                    world.index.services_of(pods).iter().any(|service| service.object.name == first)
                };
                let pods = world.index.workloads().iter().find(leads)?;
                let container = pods.object.containers().iter().find(|container| is_silent(container))?;
                pods.object.place(container.get("name").unwrap_or(container))
            }
        };
        Some(
            Finding::new(
                &OTHER_PROTOCOL,
                job.place(node),
                format!("`{address}` is an MLflow that has no metrics: it runs without `--expose-prometheus`"),
            )
            .related(by, "the server")
            .why("each scrape is answered with 404: `up` stays 0, no series comes, and an alert on `up` fires for ever")
            .help("start it with `--expose-prometheus /tmp/metrics`, a folder that it may write, in an image with prometheus-flask-exporter: that of MLflow is without, and would not start"),
        )
    })
}

/// Whether a container starts the server, and nothing about it speaks of metrics.
fn is_silent(container: &Node) -> bool {
    let mut words = Vec::new();
    for key in ["command", "args", "entrypoint"] {
        let Some(node) = container.get(key) else { continue };
        words.extend(node.as_str());
        words.extend(node.items().iter().filter_map(Node::as_str));
    }
    let text = words.join(" ");
    let starts = text.contains("mlflow server") || text.contains("mlflow ui");
    // What a file gives is not seen.
    let is_open = ["envFrom", "env_file", "extends"].iter().any(|key| container.get(key).is_some());
    let environment = [container.get("env"), container.get("environment")];
    let speaks = environment.into_iter().flatten().any(|node| {
        let names = node.entries().iter().map(|entry| entry.key.as_str());
        let listed = node.items().iter().filter_map(|item| item.get("name").unwrap_or(item).as_str());
        names.chain(listed).any(|name| name.contains("EXPOSE_PROMETHEUS"))
    });
    starts && !is_open && !speaks && !text.contains("expose-prometheus")
}

//! Scrapes that are refused without a token.
//!
//! Source: minio/minio docs/metrics/prometheus/README.md: the metrics ask for a token, unless `MINIO_PROMETHEUS_AUTH_TYPE` is
//! `public`.

use super::address::host;
use super::compose::Compose;
use super::config::Job;
use super::rules::NO_TOKEN;
use super::world::World;
use crate::finding::Finding;
use crate::manifest::{Node, has_variable};
use crate::source::Place;

const PATHS: [&str; 3] = ["/minio/v2/metrics", "/minio/metrics/v3", "/minio/prometheus/metrics"];

/// What a job sends to say who asks.
const PROOFS: [&str; 6] =
    ["authorization", "bearer_token", "bearer_token_file", "basic_auth", "oauth2", "http_headers"];

pub fn check(world: &World<'_>, compose: &Compose<'_>) -> Vec<Finding> {
    let of_minio = |job: &&Job| {
        let path = job.node.get("metrics_path").and_then(Node::as_str).unwrap_or_default();
        PATHS.iter().any(|start| path.starts_with(start))
            && !job.node.entries().iter().any(|entry| {
                PROOFS.contains(&entry.key.as_str())
                    || entry.key.starts_with("authorization")
                    || entry.key == "<<"
            })
    };
    let jobs: Vec<&Job> = world.configs.jobs.iter().filter(of_minio).collect();
    if jobs.is_empty()
        || world.sources.iter().any(|(_, file)| file.text.contains("MINIO_PROMETHEUS_AUTH_TYPE"))
    {
        return Vec::new();
    }
    jobs.into_iter().filter_map(|job| refused(world, job).or_else(|| of_compose(compose, job))).collect()
}

/// A MinIO in Docker Compose, all of whose variables are written there.
fn of_compose(compose: &Compose<'_>, job: &Job) -> Option<Finding> {
    let (_, _, address) = job.addresses().next().filter(|_| job.is_local && !job.is_without_containers)?;
    let (object, entry) = compose.service(host(&address))?;
    let image = entry.node.get("image").and_then(Node::as_str)?;
    let is_open = ["env_file", "extends", "build"].iter().any(|key| entry.node.get(key).is_some());
    let environment =
        entry.node.get("environment").map(|node| node.to_json().to_string()).unwrap_or_default();
    if !is_minio(image) || is_open || environment.contains("<<") {
        return None;
    }
    let path = job.node.get("metrics_path")?;
    Some(told(job.place(path), Place::new(object.document.file, entry.key_span)))
}

fn is_minio(image: &str) -> bool {
    let path = image.split([':', '@']).next().unwrap_or_default();
    path == "minio/minio" || path.ends_with("/minio/minio")
}

fn told(place: Place, server: Place) -> Finding {
    Finding::new(&NO_TOKEN, place, "MinIO does not answer a scrape without a token")
        .related(server, "this MinIO")
        .why("it asks for a token unless it is told that its metrics are public: every scrape is refused with 403, and `up` is 0 for ever")
        .help("set `MINIO_PROMETHEUS_AUTH_TYPE: public` on MinIO, or give the job a `bearer_token_file` (`mc admin prometheus generate`)")
}

/// A job whose target is a MinIO of these files, all of whose variables are written there.
fn refused(world: &World<'_>, job: &Job) -> Option<Finding> {
    let addresses: Vec<String> = job.addresses().map(|(.., address)| address).collect();
    if addresses.is_empty() || addresses.iter().any(|address| has_variable(address)) {
        return None;
    }
    let first = host(addresses.first()?).split('.').next()?.to_string();
    let service = world.index.services_named(&first).next()?;
    let pods =
        world.index.workloads().iter().find(|pods| service.selects(pods) && pods.images().any(is_minio))?;
    let containers = pods.object.at(&["spec", "template", "spec", "containers"]).map(Node::items)?;
    if containers.iter().any(|container| container.get("envFrom").is_some()) {
        return None;
    }
    let path = job.node.get("metrics_path")?;
    Some(told(job.place(path), pods.object.name_place()))
}

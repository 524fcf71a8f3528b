//! A way by which pods could be scraped, and whether they are.

use super::config::Job;
use super::relabel::{self, Labels, Outcome};
use super::target::{Pods, Service};
use crate::manifest::Node;
use crate::source::{Place, Sources};

/// What a way does with the pods of a workload.
#[derive(Clone, Debug)]
pub enum Passage {
    /// They are scraped; the place that does it, and as which job.
    Scraped { by: Place, what: String, job: String, interval: Option<f64> },
    /// They are nearly scraped: what stands in the way, and where.
    Blocked { by: Place, what: String, why: String },
    /// Each scrape meets a random pod.
    Random { by: Place, what: String },
    /// It has nothing to do with them.
    Apart,
}

/// What a hand-written job does with pods.
pub fn job(sources: &Sources, job: &Job, pods: &Pods<'_>, services: &[&Service<'_>]) -> Passage {
    let by = job.name_place(sources);
    let what = format!("the job `{}`", job.name);
    let mut blocked: Option<Passage> = None;
    for discovery in job.list("kubernetes_sd_configs") {
        if !in_namespaces(discovery, pods) {
            continue;
        }
        let targets: Vec<Labels> = match discovery.get("role").and_then(Node::as_str).unwrap_or_default() {
            "pod" => pods.targets(),
            "endpoints" | "endpointslice" => services.iter().flat_map(|service| service.targets(pods)).collect(),
            "service" => {
                if !services.is_empty()
                    && !job.name.contains("probe")
                    && !job.name.contains("blackbox")
                {
                    return Passage::Apart;
                }
                continue;
            }
            _ => continue,
        };
        match through(job, targets) {
            Some(Ok(labels)) => {
                let name = labels.get("job").cloned().unwrap_or_else(|| job.name.clone());
                let interval =
                    job.node.get("scrape_interval").and_then(Node::as_str).and_then(crate::promql::seconds);
                return Passage::Scraped { by, what, job: name, interval };
            }
            Some(Err(rule)) if is_about(job, rule, pods) => {
                let why = describe(rule);
                blocked = Some(Passage::Blocked { by: job.place(sources, rule), what: what.clone(), why });
            }
            _ => {}
        }
    }
    for fixed in job.list("static_configs") {
        for target in fixed.get("targets").map(Node::items).unwrap_or_default() {
            let address = target.as_written().unwrap_or_default();
            if services.iter().any(|service| names(&address, service)) {
                let headless = services.iter().any(|service| names(&address, service) && service.is_headless);
                if !headless {
                    return Passage::Random { by: job.place(sources, target), what };
                }
            }
        }
    }
    blocked.unwrap_or(Passage::Apart)
}

/// The labels of a target that passes, or the rule that drops the last of them; None where it cannot be told.
fn through(job: &Job, targets: Vec<Labels>) -> Option<Result<Labels, &Node>> {
    let rules = job.list("relabel_configs");
    let mut last = None;
    for mut target in targets {
        target.insert("job".to_string(), job.name.clone());
        match relabel::apply(target, rules) {
            Outcome::Kept(labels) => return Some(Ok(labels)),
            Outcome::Dropped(rule) => last = Some(Err(rule)),
            Outcome::Unknown => return None,
        }
    }
    last
}

/// Whether a rule that drops the pods is about them at all: about annotations, or about a name of theirs.
fn is_about(job: &Job, rule: &Node, pods: &Pods<'_>) -> bool {
    let reads = |rule: &Node| {
        let sources = rule.get("source_labels").map(Node::items).unwrap_or_default();
        sources.iter().filter_map(Node::as_str).any(|name| name.contains("annotation_prometheus_io"))
    };
    let annotated = pods.annotations.keys().any(|name| name.starts_with("prometheus.io/"));
    let by_annotation = annotated && job.list("relabel_configs").iter().any(reads);
    let pattern = rule.get("regex").and_then(Node::as_written).unwrap_or_default();
    reads(rule) || by_annotation || pattern.contains(pods.object.name.as_str())
}

/// A rule in words.
fn describe(rule: &Node) -> String {
    let list = |key: &str| {
        let items = rule.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(Node::as_str).collect::<Vec<_>>().join(", ")
    };
    let text = |key: &str| rule.get(key).and_then(Node::as_written).unwrap_or_default();
    match text("action").as_str() {
        "drop" => format!("drops what has `{}` like `{}`", list("source_labels"), text("regex")),
        _ => format!("keeps only what has `{}` like `{}`", list("source_labels"), text("regex")),
    }
}

fn in_namespaces(discovery: &Node, pods: &Pods<'_>) -> bool {
    let names = discovery.at(&["namespaces", "names"]).map(Node::items).unwrap_or_default();
    names.is_empty() || names.iter().any(|name| name.as_str() == Some(pods.object.namespace_text()))
}

/// Whether an address is that of a Service.
fn names(address: &str, service: &Service<'_>) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let mut parts = host.split('.');
    let name = parts.next().unwrap_or_default();
    let namespace = parts.next();
    name == service.object.name
        && namespace
            .is_none_or(|namespace| service.object.namespace.as_deref().is_none_or(|own| own == namespace))
}

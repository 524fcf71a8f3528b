//! A way by which pods could be scraped, and whether they are.

use super::config::Job;
use super::relabel::{self, Labels, Outcome};
use super::target::{Pods, Service};
use crate::manifest::Node;
use crate::source::Place;

/// What a way does with the pods of a workload.
#[derive(Clone, Debug)]
pub enum Passage {
    /// They are scraped.
    Scraped(Box<Scraped>),
    /// They are nearly scraped: what stands in the way, and where.
    /// `is_sure`: all that decides is here.
    Blocked { by: Place, what: String, why: String, is_sure: bool },
    /// Each scrape meets a random pod.
    Random { by: Place, what: String },
    /// Its targets come from somewhere else: they may be among them.
    Open { what: String, why: String },
    /// It has nothing to do with them.
    Apart,
}

impl Passage {
    pub fn scraped(&self) -> Option<&Scraped> {
        match self {
            Passage::Scraped(scraped) => Some(scraped),
            _ => None,
        }
    }
}

/// How pods are scraped.
#[derive(Clone, Debug)]
pub struct Scraped {
    /// The place that does it, and its name in words.
    pub by: Place,
    pub what: String,
    /// Seconds between two scrapes, where it is written.
    pub interval: Option<f64>,
    /// Labels of the target, without those that begin with `__`.
    pub labels: Labels,
    /// Labels of the metric win over those of the target.
    pub honors_labels: bool,
    /// What is done to each series, and the place of each rule.
    pub metric_rules: Vec<(Node, Place)>,
    /// A second Service that makes targets of the same pods for the same way.
    pub again: Option<(Place, String)>,
}

impl Scraped {
    /// The job under which the series stand.
    pub fn job(&self) -> &str {
        self.labels.get("job").map_or("", String::as_str)
    }

    /// The rule that drops a metric, if one surely does.
    pub fn drops(&self, metric: &str) -> Option<Place> {
        let mut labels = self.labels.clone();
        labels.insert("__name__".to_string(), metric.to_string());
        for (rule, place) in &self.metric_rules {
            let sources = rule.get("source_labels").or_else(|| rule.get("sourceLabels")).map(Node::items);
            // What else the series carries is not known here.
            if sources.unwrap_or_default().iter().any(|name| name.as_str() != Some("__name__")) {
                continue;
            }
            match relabel::apply(labels.clone(), std::slice::from_ref(rule)) {
                Outcome::Kept(kept) => labels = kept,
                Outcome::Dropped(_) => return Some(*place),
                Outcome::Unknown(_) => return None,
            }
        }
        None
    }
}

/// Labels that stay on the series.
pub fn visible(mut labels: Labels) -> Labels {
    labels.retain(|name, _| !name.starts_with("__"));
    labels
}

/// What a hand-written job does with pods.
pub fn job(job: &Job, pods: &Pods<'_>, services: &[&Service<'_>]) -> Passage {
    let what = format!("the job `{}`", job.name);
    let mut blocked: Option<Passage> = None;
    for discovery in job.list("kubernetes_sd_configs", "kubernetesSDConfigs") {
        if !in_namespaces(discovery, pods) {
            continue;
        }
        let targets: Vec<Labels> = match role(discovery).as_str() {
            "pod" => pods.targets(),
            "endpoints" | "endpointslice" => {
                services.iter().flat_map(|service| service.targets(pods)).collect()
            }
            "service" => {
                if !services.is_empty() && !job.name.contains("probe") && !job.name.contains("blackbox") {
                    return Passage::Apart;
                }
                continue;
            }
            _ => continue,
        };
        match through(job, targets) {
            Some(Ok(labels)) => return Passage::Scraped(Box::new(scraped(job, labels))),
            Some(Err(rule)) if is_about(job, rule, pods) => {
                let why = describe(rule);
                blocked =
                    Some(Passage::Blocked { by: job.place(rule), what: what.clone(), why, is_sure: true });
            }
            _ => {}
        }
    }
    for fixed in job.list("static_configs", "staticConfigs") {
        for target in fixed.get("targets").map(Node::items).unwrap_or_default() {
            let address = target.as_written().unwrap_or_default();
            if services.iter().any(|service| names(&address, service)) {
                let headless = services.iter().any(|service| names(&address, service) && service.is_headless);
                if headless {
                    let mut labels: Labels = super::target::pairs(fixed.get("labels"));
                    labels.entry("job".to_string()).or_insert_with(|| job.name.clone());
                    return Passage::Scraped(Box::new(scraped(job, labels)));
                } else {
                    return Passage::Random { by: job.place(target), what };
                }
            }
        }
    }
    blocked.or_else(|| elsewhere(job)).unwrap_or(Passage::Apart)
}

/// A job whose targets stand in no file of this repository.
fn elsewhere(job: &Job) -> Option<Passage> {
    let what = format!("the job `{}`", job.name);
    if job.node.get("metrics_path").and_then(Node::as_str) == Some("/federate") {
        return Some(Passage::Open { what, why: "it takes series over from another Prometheus".to_string() });
    }
    let is_open = |key: &str| key.ends_with("_sd_configs") && key != "kubernetes_sd_configs";
    let key = job.node.entries().iter().map(|entry| &entry.key).find(|key| is_open(key))?;
    Some(Passage::Open { what, why: format!("it finds its targets with `{key}`") })
}

fn role(discovery: &Node) -> String {
    discovery.get("role").and_then(Node::as_str).unwrap_or_default().to_lowercase()
}

fn scraped(job: &Job, labels: Labels) -> Scraped {
    let field = |plain: &str, camel: &str| job.node.get(plain).or_else(|| job.node.get(camel));
    let rules = job.list("metric_relabel_configs", "metricRelabelings");
    Scraped {
        by: job.name_place(),
        what: format!("the job `{}`", job.name),
        interval: field("scrape_interval", "scrapeInterval")
            .and_then(Node::as_str)
            .and_then(crate::promql::seconds)
            .or(job.default_interval),
        labels: visible(labels),
        honors_labels: field("honor_labels", "honorLabels").and_then(Node::as_written).as_deref()
            == Some("true"),
        metric_rules: rules.iter().map(|rule| (rule.clone(), job.place(rule))).collect(),
        again: None,
    }
}

/// The labels of a target that passes, or the rule that drops the last of them; None where there is none.
fn through(job: &Job, targets: Vec<Labels>) -> Option<Result<Labels, &Node>> {
    let rules = job.list("relabel_configs", "relabelings");
    let mut last = None;
    for mut target in targets {
        target.insert("job".to_string(), job.name.clone());
        match relabel::apply(target, rules) {
            Outcome::Kept(labels) => return Some(Ok(labels)),
            Outcome::Dropped(rule) => last = Some(Err(rule)),
            // What cannot be followed, such as sharding, is taken to keep it.
            Outcome::Unknown(labels) => return Some(Ok(labels)),
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
    // An earlier rule has picked these pods, by a label of theirs.
    let rules = job.list("relabel_configs", "relabelings");
    let earlier = rules.iter().take_while(|other| !std::ptr::eq(*other, rule));
    let picks = |rule: &Node| {
        let sources = rule
            .get("source_labels")
            .or_else(|| rule.get("sourceLabels"))
            .map(Node::items)
            .unwrap_or_default();
        rule.get("action").and_then(Node::as_str) == Some("keep")
            && sources.iter().filter_map(Node::as_str).any(|name| {
                name.starts_with("__meta_kubernetes_pod_label_")
                    || name.starts_with("__meta_kubernetes_service_")
            })
    };
    if earlier.into_iter().any(picks) {
        return true;
    }
    let annotated = pods.annotations.keys().any(|name| name.starts_with("prometheus.io/"));
    let by_annotation = annotated && job.list("relabel_configs", "relabelings").iter().any(reads);
    let pattern = rule.get("regex").and_then(Node::as_written).unwrap_or_default();
    reads(rule) || by_annotation || pattern.contains(pods.object.name.as_str())
}

/// A rule in words.
pub fn describe(rule: &Node) -> String {
    let list = |key: &str| {
        let items = rule.get(key).or_else(|| rule.get("sourceLabels")).map(Node::items).unwrap_or_default();
        items.iter().filter_map(Node::as_str).collect::<Vec<_>>().join(", ")
    };
    let text = |key: &str| rule.get(key).and_then(Node::as_written).unwrap_or_default();
    match text("action").as_str() {
        "drop" => format!("this rule drops what has `{}` like `{}`", list("source_labels"), text("regex")),
        _ => format!("this rule keeps only what has `{}` like `{}`", list("source_labels"), text("regex")),
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

//! Scrape configurations, wherever they stand: a plain `prometheus.yml`, a text inside of a ConfigMap or Secret, the
//! values of a Helm chart.

use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, Value};
use crate::source::{FileId, Place};

/// One entry of `scrape_configs`.
#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    pub node: Node,
    pub file: FileId,
    /// Seconds between two scrapes, where the configuration says so for all jobs.
    pub default_interval: Option<f64>,
}

impl Job {
    /// A node of the job, in the file.
    pub fn place(&self, node: &Node) -> Place {
        Place::new(self.file, node.span)
    }

    pub fn name_place(&self) -> Place {
        let name = self.node.get("job_name").or_else(|| self.node.get("jobName"));
        self.place(name.unwrap_or(&self.node))
    }

    /// A list, under the spelling of Prometheus or under that of its operator.
    pub fn list(&self, plain: &str, camel: &str) -> &[Node] {
        self.node.get(plain).or_else(|| self.node.get(camel)).map(Node::items).unwrap_or_default()
    }
}

/// Everything that configures a Prometheus by hand.
#[derive(Debug, Default)]
pub struct Configs {
    pub jobs: Vec<Job>,
    /// Places at which a Prometheus is configured, with or without jobs.
    pub seen: Vec<Place>,
    /// A place at which somebody pushes series instead, and what it is.
    pub pushes: Option<(Place, &'static str)>,
}

pub fn find(inventory: &Inventory<'_>) -> Configs {
    let mut configs = Configs::default();
    for object in &inventory.objects {
        if configs.pushes.is_none() {
            configs.pushes = pushes(object);
        }
        match object.kind() {
            "" => plain(object, &mut configs),
            "ScrapeConfig" if !object.is_fragment => custom(object, &mut configs),
            "HelmRelease" | "Application" | "HelmChart" | "HelmChartConfig" | "OpenTelemetryCollector" => {
                values(&object.document.node, object.document.file, 0, &mut configs);
            }
            _ => {}
        }
    }
    configs
}

/// Words by which those who push are known, and what they are.
const PUSHERS: [(&str, &str); 4] = [
    ("prometheus.scrape \"", "Grafana Alloy scrapes by a configuration of its own, and pushes"),
    ("prometheusremotewrite", "an OpenTelemetry collector pushes"),
    ("remote-write-receiver", "this Prometheus takes what is pushed to it"),
    ("otlp-write-receiver", "this Prometheus takes what is pushed to it"),
];

/// Whether an object shows that series come to Prometheus without a scrape of its own.
fn pushes(object: &Object<'_>) -> Option<(Place, &'static str)> {
    let mut stack = vec![match object.kind() {
        "ConfigMap" | "Secret" => object.at(&["data"])?,
        "OpenTelemetryCollector" | "Deployment" | "StatefulSet" | "DaemonSet" | "Prometheus" => {
            object.at(&["spec"])?
        }
        "" => &object.document.node,
        _ => return None,
    }];
    while let Some(node) = stack.pop() {
        if let Some(text) = node.as_str()
            && let Some((_, what)) = PUSHERS.iter().find(|(word, _)| text.contains(word))
        {
            return Some((Place::new(object.document.file, node.span), what));
        }
        for entry in node.entries() {
            if let Some((_, what)) = PUSHERS.iter().find(|(word, _)| entry.key.starts_with(word)) {
                return Some((Place::new(object.document.file, entry.key_span), what));
            }
            stack.push(&entry.node);
        }
        stack.extend(node.items());
    }
    let receives = object.kind() == "Prometheus"
        && object.at(&["spec", "enableRemoteWriteReceiver"]).and_then(Node::as_written).as_deref()
            == Some("true");
    receives.then(|| (object.name_place(), "this Prometheus takes what is pushed to it"))
}

fn plain(object: &Object<'_>, configs: &mut Configs) {
    let file = object.document.file;
    let root = &object.document.node;
    if root.is_for_logs() {
        return;
    }
    if let Some(node) = root.get("scrape_configs") {
        configs.seen.push(Place::new(file, node.span));
        jobs(node.items(), file, interval(root), configs);
    } else if root.get("global").is_some_and(|node| node.get("scrape_interval").is_some()) {
        configs.seen.push(Place::new(file, root.span));
    }
    // Additional jobs stand in a file of their own.
    jobs(root.items(), file, None, configs);
    values(root, file, 0, configs);
}

/// Keys under which Helm values and collectors hold scrape configurations.
const LISTS: [&str; 3] = ["additionalScrapeConfigs", "extraScrapeConfigs", "scrape_configs"];

/// Scrape configurations inside of something larger: Helm values, releases, collectors.
fn values(node: &Node, file: FileId, depth: usize, configs: &mut Configs) {
    if depth > 10 {
        return;
    }
    for item in node.items() {
        values(item, file, depth + 1, configs);
    }
    for entry in node.entries() {
        let key = entry.key.as_str();
        match &entry.node.value {
            // The one of a plain file has been read.
            Value::Sequence(_) if depth == 0 && key == "scrape_configs" => {}
            Value::Sequence(items) if LISTS.contains(&key) => {
                if key == "scrape_configs" {
                    configs.seen.push(Place::new(file, entry.key_span));
                }
                jobs(items, file, interval(node), configs);
            }
            _ => values(&entry.node, file, depth + 1, configs),
        }
    }
}

/// The operator's own way to write a job.
fn custom(object: &Object<'_>, configs: &mut Configs) {
    if let Some(spec) = object.at(&["spec"]) {
        let name = format!("scrapeConfig/{}/{}", object.namespace_text(), object.name);
        let name = spec.get("jobName").and_then(Node::as_written).unwrap_or(name);
        let file = object.document.file;
        configs.jobs.push(Job { name, node: spec.clone(), file, default_interval: None });
    }
}

/// The interval of all jobs beside it.
fn interval(root: &Node) -> Option<f64> {
    root.at(&["global", "scrape_interval"]).and_then(Node::as_str).and_then(crate::promql::seconds)
}

fn jobs(items: &[Node], file: FileId, default_interval: Option<f64>, configs: &mut Configs) {
    for node in items {
        if let Some(name) = node.get("job_name").and_then(Node::as_written) {
            configs.jobs.push(Job { name, node: node.clone(), file, default_interval });
        }
    }
}

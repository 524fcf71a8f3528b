//! Scrape configurations, wherever they stand: a plain `prometheus.yml`, a text inside of a ConfigMap or Secret, the
//! values of a Helm chart.

use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, Value, raw_offset, read};
use crate::source::{FileId, Place, Sources, Span};

/// One entry of `scrape_configs`.
#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    pub node: Node,
    pub at: At,
    /// Seconds between two scrapes, where the configuration says so for all jobs.
    pub default_interval: Option<f64>,
}

/// Where the YAML of a job stands.
#[derive(Clone, Debug)]
pub enum At {
    File(FileId),
    /// Inside of a text of a file: the text's stretch, and its value.
    Text(FileId, Span, String),
}

impl Job {
    /// A node of the job, in the file.
    pub fn place(&self, sources: &Sources, node: &Node) -> Place {
        match &self.at {
            At::File(file) => Place::new(*file, node.span),
            At::Text(file, span, value) => {
                let raw = sources.get(*file).text.get(span.range()).unwrap_or_default();
                let at = |offset: u32| span.start as usize + raw_offset(raw, value, offset as usize);
                let (start, end) = (at(node.span.start), at(node.span.end));
                Place::new(*file, Span::new(start, end.max(start)))
            }
        }
    }

    pub fn name_place(&self, sources: &Sources) -> Place {
        let name = self.node.get("job_name").or_else(|| self.node.get("jobName"));
        self.place(sources, name.unwrap_or(&self.node))
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
}

pub fn find(inventory: &Inventory<'_>) -> Configs {
    let mut configs = Configs::default();
    for object in &inventory.objects {
        match object.kind() {
            "" => plain(object, &mut configs),
            "ConfigMap" | "Secret" => texts(object, &mut configs),
            "ScrapeConfig" if !object.is_fragment => custom(object, &mut configs),
            "HelmRelease" | "Application" | "HelmChart" | "HelmChartConfig" | "OpenTelemetryCollector" => {
                values(&object.document.node, object.document.file, 0, &mut configs);
            }
            _ => {}
        }
    }
    configs
}

fn plain(object: &Object<'_>, configs: &mut Configs) {
    let file = object.document.file;
    let root = &object.document.node;
    if let Some(node) = root.get("scrape_configs") {
        configs.seen.push(Place::new(file, node.span));
        jobs(node.items(), &At::File(file), interval(root), configs);
    } else if root.get("global").is_some_and(|node| node.get("scrape_interval").is_some()) {
        configs.seen.push(Place::new(file, root.span));
    }
    values(root, file, 0, configs);
}

/// Keys under which Helm values and collectors hold scrape configurations.
const LISTS: [&str; 3] = ["additionalScrapeConfigs", "extraScrapeConfigs", "scrape_configs"];
/// Keys under which YAML holds the text of other YAML.
const TEXTS: [&str; 3] = ["values", "valuesContent", "config"];

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
                jobs(items, &At::File(file), interval(node), configs);
            }
            Value::Text(text) if LISTS.contains(&key) => embedded(text, &entry.node, file, configs),
            Value::Text(text)
                if TEXTS.contains(&key)
                    && (text.contains("scrape_configs:") || text.contains("ScrapeConfigs:")) =>
            {
                embedded(text, &entry.node, file, configs);
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
        let at = At::File(object.document.file);
        configs.jobs.push(Job { name, node: spec.clone(), at, default_interval: None });
    }
}

fn texts(object: &Object<'_>, configs: &mut Configs) {
    let file = object.document.file;
    for key in ["data", "stringData"] {
        for entry in object.at(&[key]).map(Node::entries).unwrap_or_default() {
            if let Some(text) = entry.node.as_str().filter(|text| {
                text.contains("scrape_configs:")
                    || text.contains("job_name:")
                    || text.contains("scrape_interval:")
            }) {
                embedded(text, &entry.node, file, configs);
            }
        }
    }
}

fn embedded(text: &str, node: &Node, file: FileId, configs: &mut Configs) {
    let reading = read(file, text);
    let at = At::Text(file, node.span, text.to_string());
    for document in &reading.documents {
        match document.node.get("scrape_configs") {
            Some(list) => {
                configs.seen.push(Place::new(file, node.span));
                jobs(list.items(), &at, interval(&document.node), configs);
            }
            None if document.node.get("global").is_some() => configs.seen.push(Place::new(file, node.span)),
            None if document.node.items().is_empty() => nested(&document.node, node, &at, 0, configs),
            None => jobs(document.node.items(), &at, None, configs),
        }
    }
}

/// The interval of all jobs beside it.
fn interval(root: &Node) -> Option<f64> {
    root.at(&["global", "scrape_interval"]).and_then(Node::as_str).and_then(crate::promql::seconds)
}

/// Jobs deeper inside of a text: those of a collector's receiver, those of Helm values.
fn nested(node: &Node, text: &Node, at: &At, depth: usize, configs: &mut Configs) {
    if depth > 10 {
        return;
    }
    for entry in node.entries() {
        match &entry.node.value {
            Value::Sequence(items) if LISTS.contains(&entry.key.as_str()) => {
                let (At::File(file) | At::Text(file, ..)) = at;
                configs.seen.push(Place::new(*file, text.span));
                jobs(items, at, interval(node), configs);
            }
            _ => nested(&entry.node, text, at, depth + 1, configs),
        }
    }
}

fn jobs(items: &[Node], at: &At, default_interval: Option<f64>, configs: &mut Configs) {
    for node in items {
        if let Some(name) = node.get("job_name").and_then(Node::as_written) {
            configs.jobs.push(Job { name, node: node.clone(), at: at.clone(), default_interval });
        }
    }
}

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
        self.place(sources, self.node.get("job_name").unwrap_or(&self.node))
    }

    pub fn list(&self, key: &str) -> &[Node] {
        self.node.get(key).map(Node::items).unwrap_or_default()
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
        jobs(node.items(), &At::File(file), configs);
    } else if root.get("global").is_some_and(|node| node.get("scrape_interval").is_some()) {
        configs.seen.push(Place::new(file, root.span));
    }
    values(root, file, 0, configs);
}

/// `additionalScrapeConfigs` and `extraScrapeConfigs` of Helm values.
fn values(node: &Node, file: FileId, depth: usize, configs: &mut Configs) {
    if depth > 8 {
        return;
    }
    for entry in node.entries() {
        if matches!(entry.key.as_str(), "additionalScrapeConfigs" | "extraScrapeConfigs") {
            match &entry.node.value {
                Value::Sequence(items) => jobs(items, &At::File(file), configs),
                Value::Text(text) => embedded(text, &entry.node, file, configs),
                _ => {}
            }
        } else {
            values(&entry.node, file, depth + 1, configs);
        }
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
                jobs(list.items(), &at, configs);
            }
            None if document.node.get("global").is_some() => configs.seen.push(Place::new(file, node.span)),
            None => jobs(document.node.items(), &at, configs),
        }
    }
}

fn jobs(items: &[Node], at: &At, configs: &mut Configs) {
    for node in items {
        if let Some(name) = node.get("job_name").and_then(Node::as_written) {
            configs.jobs.push(Job { name, node: node.clone(), at: at.clone() });
        }
    }
}

//! YAML inside of the texts of YAML: a `prometheus.yml` in a ConfigMap, scrape configurations in Helm values, rule files.
//! It becomes documents of its own, whose every value knows its place in the outer file. So do the monitors that a chart
//! makes of its values.

use super::inside::Places;
use super::{Document, Entry, Node, Reading, Value, read, rules};
use crate::finding::Finding;
use crate::source::Span;

/// Texts in texts that are followed.
const MOST_DEPTH: usize = 3;

/// Kinds whose texts may hold a configuration; a file without a kind may be Helm values.
const HOSTS: [&str; 8] = [
    "",
    "ConfigMap",
    "Secret",
    "HelmRelease",
    "Application",
    "HelmChart",
    "HelmChartConfig",
    "OpenTelemetryCollector",
];

/// The documents inside of a document, and what is broken in those that a ConfigMap has as files. `text` is the file that
/// it stands in.
pub fn embedded(document: &Document, text: &str) -> Reading {
    let mut found = Reading::default();
    if HOSTS.contains(&document.kind()) {
        walk(&document.node, document, (text, false), 0, &mut found);
        let of_texts: Vec<Document> =
            found.documents.iter().flat_map(|inner| monitors(&inner.node, inner, 0)).collect();
        found.documents.extend(monitors(&document.node, document, 0));
        found.documents.extend(of_texts);
        found.documents.extend(groups(&document.node, document, 0));
    }
    found
}

/// Keys of values below which charts have groups of rules.
///
/// Sources: prometheus-community/helm-charts charts/kube-prometheus-stack/values.yaml and charts/prometheus/values.yaml.
const OF_RULES: [&str; 4] = [
    "additionalPrometheusRulesMap",
    "additionalPrometheusRules",
    "alerting_rules.yml",
    "recording_rules.yml",
];

/// The rules that a chart takes from its values, each list of groups like a rule file.
fn groups(node: &Node, document: &Document, depth: usize) -> Vec<Document> {
    const MOST_LEVELS: usize = 8;
    let mut found = Vec::new();
    if depth > MOST_LEVELS {
        return found;
    }
    for entry in node.entries() {
        if !OF_RULES.contains(&entry.key.as_str()) {
            found.extend(groups(&entry.node, document, depth + 1));
            continue;
        }
        let below = entry.node.entries().iter().map(|entry| &entry.node);
        for holder in below.chain(entry.node.items()).chain([&entry.node]) {
            let lists = holder.entries().iter().filter(|entry| entry.key == "groups");
            found.extend(lists.map(|list| {
                let value = Value::Mapping(vec![list.clone()]);
                let span = Span::new(list.key_span.start as usize, list.node.span.end as usize);
                Document { file: document.file, node: Node { value, span } }
            }));
        }
    }
    for item in node.items() {
        found.extend(groups(item, document, depth + 1));
    }
    found
}

/// Keys of the values of kube-prometheus-stack, and the kind that the chart makes of what stands below them.
const MONITORS: [(&str, &str); 2] =
    [("additionalServiceMonitors", "ServiceMonitor"), ("additionalPodMonitors", "PodMonitor")];

/// The monitors that kube-prometheus-stack makes of its values.
///
/// Source: prometheus-community/helm-charts charts/kube-prometheus-stack/templates/prometheus/servicemonitors.yaml: the
/// entry is the `spec` but for its name and labels, and the label `release` is that of the release.
fn monitors(node: &Node, document: &Document, depth: usize) -> Vec<Document> {
    const MOST_LEVELS: usize = 8;
    let mut found = Vec::new();
    if depth > MOST_LEVELS {
        return found;
    }
    for entry in node.entries() {
        match MONITORS.iter().find(|(key, _)| *key == entry.key) {
            Some((_, kind)) => {
                found.extend(entry.node.items().iter().filter_map(|item| monitor(item, kind, document)))
            }
            None => found.extend(monitors(&entry.node, document, depth + 1)),
        }
    }
    for item in node.items() {
        found.extend(monitors(item, document, depth + 1));
    }
    found
}

fn monitor(item: &Node, kind: &str, document: &Document) -> Option<Document> {
    let name = item.get("name")?;
    let at = Span::at(item.span.start as usize);
    let node = |value: Value| Node { value, span: at };
    let entry = |key: &str, node: Node| Entry { key: key.to_string(), key_span: at, node };
    let text = |value: &str| node(Value::Text(value.to_string()));
    // Which release it is, is told elsewhere.
    let mut labels = vec![entry("release", text("${RELEASE}"))];
    labels.extend(item.get("additionalLabels").map(Node::entries).unwrap_or_default().iter().cloned());
    let metadata = vec![entry("name", name.clone()), entry("labels", node(Value::Mapping(labels)))];
    let is_spec = |entry: &&Entry| !["name", "additionalLabels"].contains(&entry.key.as_str());
    let spec: Vec<Entry> = item.entries().iter().filter(is_spec).cloned().collect();
    let whole = vec![
        entry("apiVersion", text("monitoring.coreos.com/v1")),
        entry("kind", text(kind)),
        entry("metadata", node(Value::Mapping(metadata))),
        entry("spec", Node { value: Value::Mapping(spec), span: item.span }),
    ];
    Some(Document { file: document.file, node: Node { value: Value::Mapping(whole), span: item.span } })
}

/// `is_file` says that the node is what a ConfigMap has under the name of a YAML file.
fn walk(node: &Node, document: &Document, (text, is_file): (&str, bool), depth: usize, found: &mut Reading) {
    match &node.value {
        Value::Text(value) if depth < MOST_DEPTH && is_configuration(value) => {
            let raw = text.get(node.span.range()).unwrap_or_default();
            let places = Places::new(raw, value);
            let shifted = |span: Span| {
                let at = |offset: u32| node.span.start as usize + places.raw(offset as usize);
                let (start, end) = (at(span.start), at(span.end));
                Span::new(start, end.max(start))
            };
            let inner = read(document.file, value);
            // A reader of the mounted file sees nothing of the YAML around it.
            let is_broken =
                |finding: &&Finding| finding.rule == &rules::SYNTAX || finding.rule == &rules::DUPLICATE_KEY;
            for finding in inner.findings.iter().filter(is_broken).filter(|_| is_file) {
                let mut finding = finding.clone();
                finding.place.span = shifted(finding.place.span);
                finding.related.clear();
                finding.fix = None;
                found.findings.push(
                    finding
                        .why("Prometheus refuses the file: it does not start, or keeps what it had before"),
                );
            }
            for mut inner in inner.documents {
                if inner.node.items().is_empty() && inner.node.entries().is_empty() {
                    continue;
                }
                shift(&mut inner.node, &shifted);
                walk(&inner.node, &inner, (text, false), depth + 1, found);
                found.documents.push(inner);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                walk(item, document, (text, false), depth, found);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                let is_yaml = entry.key.ends_with(".yml") || entry.key.ends_with(".yaml");
                let is_file = document.kind() == "ConfigMap" && is_yaml;
                walk(&entry.node, document, (text, is_file), depth, found);
            }
        }
        _ => {}
    }
}

/// Whether a text speaks of scraping, holds rules, tells where alerts go, or configures a collector that gives metrics to
/// Prometheus.
fn is_configuration(text: &str) -> bool {
    const SCRAPING: [&str; 5] =
        ["seriesQuery:", "scrape_configs:", "job_name:", "scrape_interval:", "ScrapeConfigs:"];
    text.contains('\n')
        && (SCRAPING.iter().any(|word| text.contains(word))
            || ["groups:", "rules:", "expr:"].iter().all(|word| text.contains(word))
            || ["route:", "receiver:", "receivers:"].iter().all(|word| text.contains(word))
            || ["receivers:", "exporters:", "pipelines:", "prometheus"]
                .iter()
                .all(|word| text.contains(word)))
}

fn shift(node: &mut Node, place: &impl Fn(Span) -> Span) {
    node.span = place(node.span);
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(|item| shift(item, place)),
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key_span = place(entry.key_span);
                shift(&mut entry.node, place);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn every_value_knows_its_place_in_the_outer_file() {
        for text in [
            "kind: ConfigMap\ndata:\n  prometheus.yml: |\n    scrape_configs:\n      - job_name: web\n        scheme: https\n",
            "kind: ConfigMap\ndata: {\"a.yml\": \"scrape_configs:\\n- job_name: web\\n  scheme: https\\n\"}\n",
            "kind: HelmRelease\nspec:\n  values: |\n    extraScrapeConfigs: |\n      - job_name: web\n        scheme: https\n",
        ] {
            let outer = read(FileId(0), text).documents.remove(0);
            let inner = embedded(&outer, text).documents;
            let job = inner
                .iter()
                .find_map(|document| {
                    let list = document.node.get("scrape_configs").unwrap_or(&document.node);
                    list.items().first()
                })
                .expect("a job");
            for (key, value) in [("job_name", "web"), ("scheme", "https")] {
                let entry = job.entries().iter().find(|entry| entry.key == key).expect("a key");
                assert_eq!(&text[entry.key_span.range()], key, "{text}");
                assert_eq!(&text[entry.node.span.range()], value, "{text}");
            }
        }
    }
}

//! Templates in quotes: YAML to everybody, and so applied as they stand where nothing renders them first.
//!
//! Source: helm/helm docs, chart_template_guide: only files in `templates/` of a chart are rendered.

use super::read::is_of_prometheus;
use super::{Document, Node, Value, rules};
use crate::finding::Finding;

/// Folders whose files somebody renders: Helm, Ansible, cookiecutter.
const RENDERED: [&str; 9] =
    ["template", "chart", "helm", "role", "ansible", "cookiecutter", "jinja", "skeleton", "scaffold"];

/// Fields of a `spec` that hold plain names and numbers.
const FIELDS: [&str; 8] = [
    "replicas",
    "minReplicas",
    "maxReplicas",
    "minReplicaCount",
    "maxReplicaCount",
    "idleReplicaCount",
    "scaleTargetRef",
    "selector",
];

/// The first value of an object that is a template, where none belongs. `path`: of the file.
pub fn quoted_template(document: &Document, path: &str) -> Option<Finding> {
    let is_rendered = |part: &str| RENDERED.iter().any(|word| part.to_lowercase().contains(word));
    // A folder that is called by a template is one itself.
    if path.split('/').any(is_rendered) || path.contains("{{") {
        return None;
    }
    let spec = document.node.get("spec");
    let fields = FIELDS.iter().filter_map(|key| spec?.get(key));
    let triggers = spec.and_then(|spec| spec.get("triggers")).map(Node::items).unwrap_or_default();
    let metadata =
        ["name", "namespace", "labels"].iter().filter_map(|key| document.node.at(&["metadata", key]));
    let node = metadata.chain(fields).chain(triggers.iter().flat_map(plain_values)).find_map(template)?;
    let text = node.as_str().unwrap_or_default();
    Some(
        Finding::new(
            &rules::QUOTED_TEMPLATE,
            document.place(node),
            format!("`{}` in quotes is a text like any other", text.escape_debug()),
        )
        .why("nothing in a plain file renders it: kubectl applies it as it stands, or refuses it as a name or a number")
        .help("write the value, or render the file first"),
    )
}

/// Values of a trigger's metadata; some scalers take templates of their own, and only the query of Prometheus none.
fn plain_values(trigger: &Node) -> impl Iterator<Item = &Node> {
    let is_prometheus = trigger.get("type").and_then(Node::as_str) == Some("prometheus");
    let entries = trigger.get("metadata").map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(move |entry| {
        let key = entry.key.to_lowercase();
        let is_own = key.contains("template") || key.contains("query") && !is_prometheus;
        (!is_own).then_some(&entry.node)
    })
}

fn template(node: &Node) -> Option<&Node> {
    match &node.value {
        Value::Text(text) => {
            let at = text.find("{{")?;
            // `${{ … }}` is a variable of a pipeline.
            let is_variable = text[..at].ends_with('$');
            (!is_variable && text[at..].contains("}}") && !is_of_prometheus(&text[at + 2..])).then_some(node)
        }
        Value::Mapping(entries) => entries.iter().find_map(|entry| template(&entry.node)),
        Value::Sequence(items) => items.iter().find_map(template),
        _ => None,
    }
}

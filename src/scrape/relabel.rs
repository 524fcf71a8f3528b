//! Relabelling, as Prometheus does it.
//!
//! Source: prometheus/prometheus model/relabel/relabel.go.
//!
//! What only the cluster knows (the end of a pod's name, its node) stands in a value as [`UNKNOWN`]. A rule that goes by
//! it is undecided, and an undecided rule is taken to keep the target.

use std::collections::BTreeMap;

use super::pattern::{Fit, compiled, fit};
use crate::manifest::{Node, has_variable};

pub type Labels = BTreeMap<String, String>;

/// What is not known before there is a cluster. No value in a file holds this character.
pub const UNKNOWN: &str = "\u{0}";

/// Labels that discovery takes from the cluster and not from the object itself.
const OF_THE_CLUSTER: [&str; 5] = [
    "__meta_kubernetes_node_",
    "__meta_kubernetes_namespace_",
    "__meta_kubernetes_pod_uid",
    "__meta_kubernetes_endpoint_node_name",
    "__meta_kubernetes_endpointslice_endpoint_",
];

/// What became of a target.
#[derive(Debug)]
pub enum Outcome<'n> {
    Kept(Labels),
    /// The rule that dropped it, and the value that it looked at.
    Dropped(&'n Node, String),
}

/// A value, or that it is not known where something fills it in later.
pub fn known(value: &str) -> &str {
    let is_open = has_variable(value) || value.contains("{{") || value.contains("$(");
    if is_open { UNKNOWN } else { value }
}

pub fn is_unknown(value: &str) -> bool {
    value.contains(UNKNOWN)
}

/// Passes a target through rules.
pub fn apply(mut labels: Labels, rules: &[Node]) -> Outcome<'_> {
    for rule in rules {
        let value = value(&labels, rule);
        match step(&mut labels, rule, &value) {
            Some(true) => {}
            Some(false) => return Outcome::Dropped(rule, value),
            // What cannot be followed may have set its label to anything.
            None => unsettle(&mut labels, rule),
        }
    }
    Outcome::Kept(labels)
}

/// After a rule that cannot be followed, its label may be anything.
pub fn unsettle(labels: &mut Labels, rule: &Node) {
    if let Some(name) = field(rule, "target_label", "targetLabel").and_then(Node::as_str) {
        labels.insert(name.to_string(), UNKNOWN.to_string());
    }
}

/// A field under the spelling of Prometheus, or under that of its operator.
pub fn field<'n>(rule: &'n Node, plain: &str, camel: &str) -> Option<&'n Node> {
    rule.get(plain).or_else(|| rule.get(camel))
}

/// The names of the labels that a rule looks at.
pub fn sources(rule: &Node) -> impl Iterator<Item = &str> {
    let list = field(rule, "source_labels", "sourceLabels").map(Node::items).unwrap_or_default();
    list.iter().filter_map(Node::as_str)
}

/// What a rule looks at.
fn value(labels: &Labels, rule: &Node) -> String {
    let separator = field(rule, "separator", "separator").and_then(Node::as_written);
    let one = |name: &str| match labels.get(name) {
        Some(value) => value.clone(),
        None if OF_THE_CLUSTER.iter().any(|start| name.starts_with(start)) => UNKNOWN.to_string(),
        None => String::new(),
    };
    sources(rule).map(one).collect::<Vec<_>>().join(separator.as_deref().unwrap_or(";"))
}

/// Whether the target stays; None where the rule cannot be followed.
pub fn step_alone(labels: &mut Labels, rule: &Node) -> Option<bool> {
    let value = value(labels, rule);
    step(labels, rule, &value)
}

fn step(labels: &mut Labels, rule: &Node, value: &str) -> Option<bool> {
    // VictoriaMetrics' rules may have conditions.
    if rule.get("if").is_some() {
        return None;
    }
    let text = |plain: &str, camel: &str, default: &str| {
        field(rule, plain, camel).and_then(Node::as_written).unwrap_or_else(|| default.to_string())
    };
    let pattern = text("regex", "regex", "(.*)");
    let regex = compiled(&pattern)?;
    let fits = fit(&pattern, value)?;
    let target = text("target_label", "targetLabel", "");
    let action = text("action", "action", "replace").to_lowercase();
    let own = |labels: &Labels| labels.get(&target).cloned().unwrap_or_default();
    match action.as_str() {
        "keep" => return Some(fits != Fit::No),
        "drop" => return Some(fits != Fit::Yes),
        "keepequal" => return Some(own(labels) == value || is_unknown(value) || is_unknown(&own(labels))),
        "dropequal" => return Some(own(labels) != value || is_unknown(value)),
        "replace" => {
            let replacement = text("replacement", "replacement", "$1");
            match regex.captures(value) {
                Some(captures) => {
                    let (mut name, mut result) = (String::new(), String::new());
                    captures.expand(&target, &mut name);
                    captures.expand(&replacement, &mut result);
                    if result.is_empty() {
                        labels.remove(&name);
                    } else {
                        labels.insert(name, known(&result).to_string());
                    }
                }
                None if fits == Fit::No => {}
                None => {
                    labels.insert(target, UNKNOWN.to_string());
                }
            }
        }
        "lowercase" => {
            labels.insert(target, value.to_lowercase());
        }
        "uppercase" => {
            labels.insert(target, value.to_uppercase());
        }
        // Shards are dealt by the hash of something that only the cluster knows.
        "hashmod" => {
            labels.insert(target, UNKNOWN.to_string());
        }
        "labelmap" => {
            let replacement = text("replacement", "replacement", "$1");
            let mapped: Vec<(String, String)> = labels
                .iter()
                .filter_map(|(name, value)| {
                    let captures = regex.captures(name)?;
                    let mut to = String::new();
                    captures.expand(&replacement, &mut to);
                    Some((to, value.clone()))
                })
                .collect();
            labels.extend(mapped);
        }
        "labeldrop" => labels.retain(|name, _| !regex.is_match(name)),
        "labelkeep" => labels.retain(|name, _| regex.is_match(name)),
        _ => return None,
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;
    use crate::source::FileId;

    fn run(rules: &str, labels: &[(&str, &str)]) -> String {
        let reading = read(FileId(0), rules);
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        match apply(labels, reading.documents[0].node.items()) {
            Outcome::Kept(labels) => {
                let shown =
                    labels.iter().map(|(name, value)| format!("{name}={}", value.replace(UNKNOWN, "?")));
                shown.collect::<Vec<_>>().join(" ")
            }
            Outcome::Dropped(..) => "dropped".to_string(),
        }
    }

    #[test]
    fn does_what_prometheus_does() {
        let keep = "- {source_labels: [a], action: keep, regex: 'true'}\n";
        assert_eq!(run(keep, &[("a", "true")]), "a=true");
        assert_eq!(run(keep, &[("a", "truely")]), "dropped");
        assert_eq!(run(keep, &[]), "dropped");
        let port = "- {source_labels: [__address__, p], action: replace, regex: '([^:]+)(?::\\d+)?;(\\d+)', replacement: '$1:$2', target_label: __address__}\n";
        assert_eq!(
            run(port, &[("__address__", "10.0.0.1:80"), ("p", "9000")]),
            "__address__=10.0.0.1:9000 p=9000"
        );
        assert_eq!(run("- {action: labelmap, regex: l_(.+)}\n", &[("l_app", "x")]), "app=x l_app=x");
        assert_eq!(run("- {action: labeldrop, regex: l_.+}\n", &[("l_app", "x"), ("b", "y")]), "b=y");
        assert_eq!(run("- {sourceLabels: [a], targetLabel: b}\n", &[("a", "x")]), "a=x b=x");
        let shard = "- {action: hashmod, source_labels: [a], modulus: 2, target_label: s}\n- {action: keep, source_labels: [s], regex: '1'}\n";
        assert_eq!(run(shard, &[]), "s=?");
    }

    #[test]
    fn what_only_the_cluster_knows_drops_nothing() {
        let node = "- {action: keep, source_labels: [__meta_kubernetes_node_label_pool], regex: big}\n";
        assert_eq!(run(node, &[("a", "x")]), "a=x");
    }
}

//! Relabelling, as Prometheus does it.
//!
//! Source: prometheus/prometheus model/relabel/relabel.go.

use std::collections::BTreeMap;

use regex::Regex;

use crate::manifest::Node;

pub type Labels = BTreeMap<String, String>;

/// What became of a target.
#[derive(Debug)]
pub enum Outcome<'n> {
    Kept(Labels),
    /// The rule that dropped it.
    Dropped(&'n Node),
    /// A rule that cannot be followed here, and the labels before it.
    Unknown(Labels),
}

/// Passes a target through rules.
pub fn apply<'n>(mut labels: Labels, rules: &'n [Node]) -> Outcome<'n> {
    for rule in rules {
        match step(&mut labels, rule) {
            Some(true) => {}
            Some(false) => return Outcome::Dropped(rule),
            None => return Outcome::Unknown(labels),
        }
    }
    Outcome::Kept(labels)
}

/// A field under the spelling of Prometheus, or under that of its operator.
fn field<'n>(rule: &'n Node, plain: &str, camel: &str) -> Option<&'n Node> {
    rule.get(plain).or_else(|| rule.get(camel))
}

/// Whether the target stays; None where the rule cannot be followed.
fn step(labels: &mut Labels, rule: &Node) -> Option<bool> {
    let text = |plain: &str, camel: &str, default: &str| {
        field(rule, plain, camel).and_then(Node::as_written).unwrap_or_else(|| default.to_string())
    };
    let sources = field(rule, "source_labels", "sourceLabels").map(Node::items).unwrap_or_default();
    let separator = text("separator", "separator", ";");
    let value = sources
        .iter()
        .map(|name| name.as_str().and_then(|name| labels.get(name)).cloned().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(&separator);
    let pattern = text("regex", "regex", "(.*)");
    let regex = Regex::new(&format!("^(?s:{pattern})$")).ok()?;
    let target = text("target_label", "targetLabel", "");
    let action = text("action", "action", "replace").to_lowercase();
    match action.as_str() {
        "keep" => return Some(regex.is_match(&value)),
        "drop" => return Some(!regex.is_match(&value)),
        "keepequal" => return Some(labels.get(&target).cloned().unwrap_or_default() == value),
        "dropequal" => return Some(labels.get(&target).cloned().unwrap_or_default() != value),
        "replace" => {
            if let Some(captures) = regex.captures(&value) {
                let replacement = text("replacement", "replacement", "$1");
                let (mut name, mut result) = (String::new(), String::new());
                captures.expand(&target, &mut name);
                captures.expand(&replacement, &mut result);
                if result.is_empty() {
                    labels.remove(&name);
                } else {
                    labels.insert(name, result);
                }
            }
        }
        "lowercase" => {
            labels.insert(target, value.to_lowercase());
        }
        "uppercase" => {
            labels.insert(target, value.to_uppercase());
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
                labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Outcome::Dropped(_) => "dropped".to_string(),
            Outcome::Unknown(_) => "unknown".to_string(),
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
        assert_eq!(run("- {action: hashmod, source_labels: [a]}\n", &[("a", "x")]), "unknown");
    }
}

//! What both a trigger and its TriggerAuthentication give: one of the two counts.
//!
//! Source: kedacore/keda pkg/scalers/scalersconfig/typed_config.go, configParamValue: the first source of the tag `order`
//! that has a value counts; the tags of pkg/scalers/*_scaler.go (`sources.txt` beside this file: M the metadata, A the
//! TriggerAuthentication, E a variable of the container).

use super::CREDENTIALS;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::{Entry, Node};
use crate::source::Place;

const SOURCES: &str = include_str!("sources.txt");

pub(super) fn check(
    object: &Object<'_>,
    trigger: &Node,
    given: &Object<'_>,
    parameters: &[String],
) -> Vec<Finding> {
    let kind = trigger.get("type").and_then(Node::as_str).unwrap_or_default();
    let entries = trigger.get("metadata").map(Node::entries).unwrap_or_default();
    let line = SOURCES.lines().find(|line| line.split(' ').next() == Some(kind)).unwrap_or_default();
    let words = line.split(' ').skip(1).filter_map(|word| word.split_once('='));
    words
        .filter(|(name, _)| parameters.iter().any(|parameter| parameter == name))
        .filter_map(|(name, order)| {
            let written = |key: &str| entries.iter().find(|entry| entry.key == key && is_set(entry));
            let sources = [
                ('M', written(name), "the value of the metadata"),
                ('E', written(&format!("{name}FromEnv")), "the variable of the container"),
            ];
            let there =
                sources.iter().find(|(source, entry, _)| entry.is_some() && order.contains(*source))?;
            let (source, Some(entry), what) = there else { return None };
            let is_first = order.find(*source) < order.find('A');
            let (taken, other) = if is_first {
                (*what, "what the TriggerAuthentication gives")
            } else {
                ("what the TriggerAuthentication gives", *what)
            };
            let place = Place::new(object.document.file, entry.key_span);
            let mut finding =
                Finding::new(&CREDENTIALS, place, format!("`{name}` is given twice: KEDA takes {taken}"))
                    .related(given.name_place(), "it is given here too")
                    .why(format!("{other} counts for nothing: whoever changes it there changes nothing"))
                    .help("keep one of the two");
            finding.severity = Severity::Note;
            Some(finding)
        })
        .collect()
}

fn is_set(entry: &Entry) -> bool {
    entry.node.as_written().is_some_and(|text| !text.trim().is_empty())
}

//! The alerts of a repository, each with its query.

use super::is_of_loki;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable, raw_offset};
use crate::promql::ast::{Binary, Kind, Operator};
use crate::promql::{Expression, Target, parse};
use crate::source::{Place, Sources, Span};

/// One alert, or a rule that stores, whose query can be read.
pub(super) struct Alert<'i> {
    pub object: &'i Object<'i>,
    /// The whole entry, with its texts and labels.
    pub rule: &'i Node,
    pub expression: Expression,
    node: &'i Node,
    raw: &'i str,
}

impl Alert<'_> {
    /// A stretch of the query, in the file.
    pub fn place(&self, span: Span) -> Place {
        let text = &self.expression.text;
        let at = |offset: u32| self.node.span.start as usize + raw_offset(self.raw, text, offset as usize);
        let (start, end) = (at(span.start), at(span.end));
        Place::new(self.object.document.file, Span::new(start, end.max(start)))
    }

    /// The comparison, where one event is enough for it: `> 0`, or, of what `counts_whole` events, `>= 1`.
    pub fn met_by_one(&self, counts_whole: bool) -> Option<&Binary> {
        let Kind::Binary(binary) = &self.expression.root.bare().kind else { return None };
        let Kind::Number(limit) = binary.right.bare().kind else { return None };
        let is_met = match binary.operator {
            Operator::Greater | Operator::NotEqual => limit.value == 0.0,
            Operator::GreaterEqual => limit.value > 0.0 && limit.value <= 1.0 && counts_whole,
            _ => false,
        };
        is_met.then_some(binary)
    }

    pub fn name(&self) -> &str {
        self.rule.get("alert").and_then(Node::as_str).unwrap_or_default()
    }

    /// How bad it is, in the words of whoever wrote it.
    pub fn severity(&self) -> &str {
        self.rule.at(&["labels", "severity"]).and_then(Node::as_str).unwrap_or_default()
    }

    /// Seconds for which it has to hold before it fires.
    pub fn waits(&self) -> Option<f64> {
        match self.rule.get("for") {
            Some(node) => crate::promql::seconds(&node.as_written()?),
            None => Some(0.0),
        }
    }
}

/// All alerts, of objects and of plain files.
pub(super) fn alerts<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Vec<Alert<'i>> {
    entries(sources, inventory, "alert")
}

/// What stands beside the alerts and is stored.
pub(super) fn records<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Vec<Alert<'i>> {
    entries(sources, inventory, "record")
}

/// The queries of scalers, each with the metadata of its trigger.
pub(super) fn scalers<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Vec<Alert<'i>> {
    let scaled =
        inventory.objects.iter().filter(|object| matches!(object.kind(), "ScaledObject" | "ScaledJob"));
    let mut all = Vec::new();
    for object in scaled.filter(|object| !object.is_fragment) {
        for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
            let is_it = trigger.get("type").and_then(Node::as_str) == Some("prometheus");
            let Some(rule) = trigger.get("metadata").filter(|_| is_it) else { continue };
            all.extend(rule.get("query").and_then(|node| query(sources, object, rule, node)));
        }
    }
    all
}

fn query<'i>(
    sources: &'i Sources,
    object: &'i Object<'i>,
    rule: &'i Node,
    node: &'i Node,
) -> Option<Alert<'i>> {
    let text = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"))?;
    let expression = parse(text, &Target::default()).ok()?;
    let raw = sources.get(object.document.file).text.get(node.span.range()).unwrap_or_default();
    Some(Alert { object, rule, expression, node, raw })
}

fn entries<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>, key: &str) -> Vec<Alert<'i>> {
    let is_of_rules = |object: &&'i Object<'i>| match object.kind() {
        "PrometheusRule" => !object.is_fragment,
        "" => object.at(&["groups"]).is_some(),
        _ => false,
    };
    let objects = inventory.objects.iter().filter(is_of_rules).filter(|object| !object.is_sample());
    let mut all = Vec::new();
    for object in objects {
        for rule in object.rules().filter(|rule| rule.get(key).is_some()) {
            if object.kind().is_empty() && is_of_loki(rule) {
                break;
            }
            all.extend(rule.get("expr").and_then(|node| query(sources, object, rule, node)));
        }
    }
    all
}

/// The containers of a workload, or the services of a file of Docker Compose.
pub(super) fn containers<'i>(object: &'i Object<'i>) -> impl Iterator<Item = &'i Node> {
    let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
    let composed = services.iter().filter(|_| object.kind().is_empty()).map(|entry| &entry.node);
    object.containers().iter().chain(composed)
}

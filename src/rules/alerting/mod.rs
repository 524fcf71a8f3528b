//! PrometheusRule objects and plain rule files: the queries of alerts and records under the eyes of the rules for them.

mod asleep;
mod keda;
mod limit;
mod position;
mod restarts;
mod share;
mod template;
mod walk;

use crate::finding::{Finding, cards};
use crate::inventory::{Inventory, Object};
use crate::lint::{Context, Role, lint, syntax};
use crate::manifest::{Node, has_variable, raw_offset};
use crate::model::Versions;
use crate::promql::{Target, parse};
use crate::source::{Place, Sources, Span};

cards! {
    "alerting":
    REMOVED_METRIC Error "removed-metric" "a metric that KEDA has under another name";
    LABEL_GONE Warning "label-gone" "a text that names a label which the alert does not have";
    PERCENT_TWICE Warning "percent-twice" "a percentage of a percentage in a text";
    TRIGGER_INDEX Note "trigger-index" "a trigger that is named by its position";
    FIRES_ASLEEP Warning "fires-asleep" "an alert that takes a sleeping workload for a dead one";
    NO_LIMIT Warning "no-limit" "a share of a limit that not every container has";
    NO_SHARE Warning "no-share" "a rate per second that the text calls a percentage";
    ONE_RESTART Note "one-restart" "a single restart that is told as many";
}

/// Alerts against the ScaledObjects that they speak of.
pub fn across<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = position::check(sources, inventory);
    let alerts = walk::alerts(sources, inventory);
    let sleepers = asleep::sleepers(inventory);
    for alert in &alerts {
        findings.extend(asleep::check(alert, &sleepers, inventory));
        findings.extend(limit::check(alert, inventory));
        findings.extend(share::check(alert));
        findings.extend(restarts::check(alert));
    }
    findings
}

/// A time in words.
fn minutes(seconds: f64) -> String {
    match seconds {
        short if short < 60.0 => format!("{short} s"),
        long => format!("{} min", (long / 6.0).round() / 10.0),
    }
}

/// What is wrong with the queries of one PrometheusRule or rule file.
pub fn check(sources: &Sources, object: &Object<'_>, versions: &Versions) -> Vec<Finding> {
    let groups = object.at(&["spec", "groups"]).or_else(|| object.at(&["groups"]));
    let rules: Vec<&Node> = groups
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .flat_map(|group| group.get("rules").map(Node::items).unwrap_or_default())
        .collect();
    let mut findings = Vec::new();
    if object.kind().is_empty() && rules.iter().any(|rule| is_of_loki(rule)) {
        return findings;
    }
    for rule in rules {
        let role = if rule.get("alert").is_some() { Role::Alert } else { Role::Record };
        if let Some(node) = rule.get("expr") {
            findings.extend(query(sources, object, (rule, node), role, versions));
        }
    }
    findings
}

/// Loki's rules stand in files of the same shape, in a language of their own.
fn is_of_loki(rule: &Node) -> bool {
    let text = rule.get("expr").and_then(Node::as_str).unwrap_or_default();
    ["|=", "|~", "| json", "| logfmt", "| pattern", "| regexp", "| unwrap"]
        .iter()
        .any(|word| text.contains(word))
}

fn query(
    sources: &Sources,
    object: &Object<'_>,
    (rule, node): (&Node, &Node),
    role: Role,
    versions: &Versions,
) -> Vec<Finding> {
    let file = object.document.file;
    // A number is a query as well.
    let Some(text) = node.as_written().filter(|text| !has_variable(text) && !text.contains("{{")) else {
        return Vec::new();
    };
    let raw = sources.get(file).text.get(node.span.range()).unwrap_or_default();
    let place = |span: Span| {
        let at = |offset: u32| node.span.start as usize + raw_offset(raw, &text, offset as usize);
        let (start, end) = (at(span.start), at(span.end));
        Place::new(file, Span::new(start, end.max(start)))
    };
    let mut own = Vec::new();
    let lints = match parse(&text, &Target::version(versions.prometheus.major, versions.prometheus.minor)) {
        Ok(expression) => {
            let is_alert = matches!(role, Role::Alert);
            own = keda::check(&expression, versions, is_alert, place);
            if is_alert {
                own.extend(template::check(&sources.get(file).text, rule, &expression, place));
            }
            lint(&expression, &Context { role, ..Context::default() })
        }
        Err(errors) => syntax(&errors, &role),
    };
    let quoted = raw.starts_with(['"', '\'']);
    lints
        .iter()
        .map(|lint| {
            let mut finding = lint.finding(place);
            if quoted
                && finding.fix.as_ref().is_some_and(|fix| {
                    fix.edits.iter().any(|edit| edit.replacement.contains(['"', '\'', '\\']))
                })
            {
                finding.fix = None;
            }
            finding
        })
        .chain(own)
        .collect()
}

//! Inhibitions that never happen.
//!
//! Source: prometheus/alertmanager inhibit/inhibit.go: an alert is silenced by one whose labels in `equal` are the same; a
//! label that both lack is the same.

use super::routes::brings_rules;
use super::tree::{self, Matcher};
use super::{Configuration, INHIBITS_NOTHING};
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::manifest::Node;
use crate::rules::alerting::Sent;

pub(super) fn check(
    configuration: &Configuration<'_>,
    alerts: &[Sent<'_>],
    inventory: &Inventory<'_>,
) -> Vec<Finding> {
    if alerts.is_empty() || brings_rules(inventory) {
        return Vec::new();
    }
    let rules = configuration.root.get("inhibit_rules").map(Node::items).unwrap_or_default();
    rules.iter().filter_map(|rule| nothing(configuration, rule, alerts)).collect()
}

/// `equal: [alertname]` between severities that no alert name has both of.
fn nothing(configuration: &Configuration<'_>, rule: &Node, alerts: &[Sent<'_>]) -> Option<Finding> {
    let equal = rule.get("equal")?;
    let node = equal.items().iter().find(|item| item.as_str() == Some("alertname"))?;
    let source = tree::matchers(configuration, rule, "source")?;
    let target = tree::matchers(configuration, rule, "target")?;
    // What other labels say is known of no alert.
    let known = |matchers: &[Matcher]| {
        !matchers.is_empty()
            && matchers.iter().all(|matcher| ["severity", "alertname"].contains(&matcher.label.as_str()))
    };
    if !known(&source)
        || !known(&target)
        || alerts.iter().any(|alert| alert.label("severity").is_none_or(|text| text.contains("{{")))
    {
        return None;
    }
    let takes = |matchers: &[Matcher], alert: &Sent<'_>| {
        matchers.iter().all(|matcher| {
            let value = if matcher.label == "alertname" {
                alert.name()
            } else {
                alert.label("severity").unwrap_or_default()
            };
            matcher.takes(value) != Some(false)
        })
    };
    let sources: Vec<&Sent<'_>> = alerts.iter().filter(|alert| takes(&source, alert)).collect();
    let targets: Vec<&Sent<'_>> = alerts.iter().filter(|alert| takes(&target, alert)).collect();
    if targets.iter().any(|target| sources.iter().any(|source| source.name() == target.name())) {
        return None;
    }
    // Of several sets of rules the nearest is that of this Alertmanager.
    let near = |alert: &&Sent<'_>| alert.object().nearness(configuration.object);
    let mut pairs: Vec<(&Sent<'_>, &Sent<'_>)> = targets
        .iter()
        .filter_map(|target| {
            let asked = metrics(target);
            let mut twins: Vec<&&Sent<'_>> = sources
                .iter()
                .filter(|source| !asked.is_empty() && metrics(source) == asked)
                .filter(|source| source.object().path == target.object().path)
                .collect();
            twins.sort_by_key(|source| source.name() != target.name());
            Some((**twins.first()?, *target))
        })
        .collect();
    pairs.sort_by_key(|(_, target)| std::cmp::Reverse(near(target)));
    // Where no two are about one thing there is nothing to silence.
    let (first, second) = pairs.first()?;
    let count = alerts.iter().filter(|alert| alert.object().path == first.object().path).count();
    let (loud, quiet) = (first.name(), second.name());
    let rest: Vec<&str> =
        equal.items().iter().filter_map(Node::as_str).filter(|label| *label != "alertname").collect();
    let rest = match rest.as_slice() {
        [] => "and `equal: []`".to_string(),
        all => format!("and `equal: [{}]`", all.join(", ")),
    };
    Some(
        Finding::new(
            &INHIBITS_NOTHING,
            configuration.place(node),
            "no alert has a namesake that could silence it",
        )
        .related(first.place(), format!("`{loud}` is one that was to silence others"))
        .related(second.place(), format!("`{quiet}` asks for the same metric, and is called otherwise"))
        .why(format!(
            "`equal: [alertname]` asks for two alerts of the same name, and none of the {count} here has both severities: `{loud}` does not silence `{quiet}`, and one problem is told twice",
        ))
        .help(format!(
            "give both one name, with a severity each; or write `source_matchers: ['alertname=\"{loud}\"']`, `target_matchers: ['alertname=\"{quiet}\"']` {rest}"
        )),
    )
}

/// The metrics that an alert asks for.
fn metrics(alert: &Sent<'_>) -> Vec<String> {
    let mut all: Vec<String> =
        alert.expression().selectors().into_iter().filter_map(|selector| selector.name).collect();
    all.sort();
    all.dedup();
    all
}

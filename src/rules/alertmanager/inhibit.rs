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
    let (first, second) = (sources.first()?, targets.first()?);
    if targets.iter().any(|target| sources.iter().any(|source| source.name() == target.name())) {
        return None;
    }
    Some(
        Finding::new(
            &INHIBITS_NOTHING,
            configuration.place(node),
            "no alert has a namesake that could silence it",
        )
        .related(first.place(), format!("`{}` is one that was to silence others", first.name()))
        .related(second.place(), format!("`{}` is one that was to be silenced, and is called otherwise", second.name()))
        .why(format!(
            "`equal: [alertname]` asks for two alerts of the same name, and none of the {} here has both severities: every problem is told twice",
            alerts.len()
        ))
        .help("take `alertname` out of `equal`, and name what both alerts have, such as `instance` or `namespace`"),
    )
}

//! A trigger that an alert names by its position, beside the ScaledObject that has the triggers.
//!
//! Source: kedacore/keda pkg/scalers/prometheus_scaler.go: `s<position>-prometheus`, and all triggers are counted.

use super::TRIGGER_INDEX;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, raw_offset};
use crate::promql::{MatchOperator, SelectorView, Target, parse};
use crate::source::{Place, Sources, Span};

pub(super) fn check<'i>(sources: &Sources, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for alerts in inventory.kind("PrometheusRule") {
        let groups = alerts.at(&["spec", "groups"]).map(Node::items).unwrap_or_default();
        for rule in groups.iter().flat_map(|group| group.get("rules").map(Node::items).unwrap_or_default()) {
            let Some(node) = rule.get("expr") else { continue };
            let Some(text) = node.as_str() else { continue };
            let Ok(expression) = parse(text, &Target::default()) else { continue };
            for selector in expression.selectors() {
                let Some((span, message, scaled)) = wrong(&selector, alerts, inventory) else { continue };
                let file = alerts.document.file;
                let raw = sources.get(file).text.get(node.span.range()).unwrap_or_default();
                let at = |offset: u32| node.span.start as usize + raw_offset(raw, text, offset as usize);
                let (start, end) = (at(span.start), at(span.end));
                let mut finding =
                    Finding::new(&TRIGGER_INDEX, Place::new(file, Span::new(start, end.max(start))), message)
                        .related(scaled.name_place(), "its triggers are counted from 0, all of them")
                        .why("KEDA has no such series: the query is always empty")
                        .help("give the trigger a `name`, and ask by `scaler=\"<name>\"`");
                finding.severity = Severity::Warning;
                findings.push(finding);
            }
        }
    }
    findings
}

/// What is wrong with the position that a selector names, and the ScaledObject that says so.
fn wrong<'i>(
    selector: &SelectorView,
    alerts: &Object<'_>,
    inventory: &'i Inventory<'i>,
) -> Option<(Span, String, &'i Object<'i>)> {
    selector.name.as_deref().filter(|name| name.starts_with("keda_"))?;
    let exactly = |label: &str| {
        selector
            .matchers
            .iter()
            .find(|matcher| matcher.name == label && matcher.operator == MatchOperator::Equal)
    };
    let metric = exactly("metric")?;
    let position: usize = metric.value.strip_prefix('s')?.strip_suffix("-prometheus")?.parse().ok()?;
    let named = exactly("scaledObject")?;
    // Elsewhere there may be another of that name.
    let scaled = inventory.kind("ScaledObject").find(|object| {
        object.name == named.value && object.document.file == alerts.document.file && !object.is_fragment
    })?;
    let composite = scaled.at(&["spec", "advanced", "scalingModifiers"]);
    if composite.is_some_and(|node| !node.entries().is_empty()) {
        return None;
    }
    let triggers = scaled.at(&["spec", "triggers"])?.items();
    let message = match triggers.get(position) {
        None => format!(
            "`{}` has {} trigger{}, and none at position {position}",
            scaled.name,
            triggers.len(),
            if triggers.len() == 1 { "" } else { "s" }
        ),
        Some(trigger) => {
            let kind = trigger.get("type").and_then(Node::as_str).filter(|kind| *kind != "prometheus")?;
            format!("the trigger of `{}` at position {position} is {kind}, not prometheus", scaled.name)
        }
    };
    Some((metric.span, message, scaled))
}

//! The labels that a query asks for, against those that the scrape path sets.
//!
//! Source: prometheus/prometheus scrape/scrape.go, mutateSampleLabels: without `honor_labels` a label of the target
//! replaces the metric's own, which becomes `exported_…`.

use regex::Regex;

use super::rules::LABEL_MISMATCH;
use super::target::Pods;
use super::way::Scraped;
use crate::finding::{Finding, Severity};
use crate::manifest::has_variable;
use crate::promql::{MatchOperator, MatcherView, SelectorView};
use crate::source::{Place, Span};

/// Labels of which only the shape is known before there are pods.
const OPEN: [&str; 4] = ["pod", "instance", "container", "node"];

/// Labels that come from discovery and hardly ever from an application.
const OF_DISCOVERY: [&str; 9] = [
    "namespace",
    "pod",
    "app",
    "kubernetes_namespace",
    "kubernetes_pod_name",
    "kubernetes_name",
    "kubernetes_node",
    "app_kubernetes_io_name",
    "app_kubernetes_io_instance",
];

/// What is wrong with the matchers of one selector, whose metric these ways scrape.
pub fn check(
    selector: &SelectorView,
    pods: &Pods<'_>,
    ways: &[&Scraped],
    place: impl Fn(Span) -> Place,
) -> Option<Finding> {
    if ways.is_empty() || ways.iter().any(|way| way.honors_labels) {
        return None;
    }
    let values = |matcher: &MatcherView| -> Vec<Option<&String>> {
        ways.iter().map(|way| way.labels.get(&matcher.name)).collect()
    };
    // What surely matches nothing comes before what may.
    let contradicted = selector.matchers.iter().find_map(|matcher| {
        let pattern = asked(matcher)?;
        let is_open = OPEN.contains(&matcher.name.as_str())
            || matcher.name == "namespace" && pods.object.namespace.is_none();
        let values = values(matcher);
        let differ =
            |value: &Option<&String>| value.is_some_and(|value| !is_open && !pattern.is_match(value));
        values.iter().all(differ).then(|| (matcher, values[0].map_or("", String::as_str)))
    });
    if let Some((matcher, value)) = contradicted {
        return Some(differs(matcher, value, ways[0], &place));
    }
    let absent = selector.matchers.iter().find(|matcher| {
        values(matcher).iter().all(Option::is_none)
            && OF_DISCOVERY.contains(&matcher.name.as_str())
            && asked(matcher).is_some_and(|pattern| !pattern.is_match(""))
    });
    absent.map(|matcher| missing(matcher, ways[0], &place))
}

fn differs(matcher: &MatcherView, value: &str, way: &Scraped, place: &impl Fn(Span) -> Place) -> Finding {
    Finding::new(
        &LABEL_MISMATCH,
        place(matcher.span),
        format!("`{}` is `{value}` on this path", matcher.name),
    )
    .related(way.by, format!("{} scrapes the pods", way.what))
    .why("no series matches: the query is always empty, KEDA reads 0, and under full load nothing scales")
    .help(format!("write `{}=\"{value}\"`", matcher.name))
}

fn missing(matcher: &MatcherView, way: &Scraped, place: &impl Fn(Span) -> Place) -> Finding {
    let named: Vec<&str> = way.labels.keys().map(String::as_str).collect();
    let mut finding = Finding::new(
        &LABEL_MISMATCH,
        place(matcher.span),
        format!("nothing on this path sets `{}`", matcher.name),
    )
    .related(way.by, format!("{} scrapes the pods", way.what))
    .why("unless the application writes this label itself, no series matches: KEDA reads 0, and under full load nothing scales")
    .help(match named.as_slice() {
        [] => "ask by a label that the path sets".to_string(),
        _ => format!("the path sets {}; a monitor copies labels with `podTargetLabels`", named.join(", ")),
    });
    finding.severity = Severity::Warning;
    finding
}

/// What a matcher asks for; None where it excludes, or is filled in later.
fn asked(matcher: &MatcherView) -> Option<Regex> {
    if has_variable(&matcher.value) || matcher.value.contains("{{") || matcher.value.is_empty() {
        return None;
    }
    match matcher.operator {
        MatchOperator::Equal => Regex::new(&format!("^{}$", regex::escape(&matcher.value))).ok(),
        MatchOperator::RegexMatch => Regex::new(&format!("^(?s:{})$", matcher.value)).ok(),
        MatchOperator::NotEqual | MatchOperator::RegexNotMatch => None,
    }
}

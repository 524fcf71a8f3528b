//! The labels that a query asks for, against those that the scrape path sets.
//!
//! Source: prometheus/prometheus scrape/scrape.go, mutateSampleLabels: without `honor_labels` a label of the target
//! replaces the metric's own, which becomes `exported_…`.

use super::consequence::Empty;
use super::pattern::{Fit, fit};
use super::relabel::{Labels, UNKNOWN, is_unknown, known};
use super::rules::LABEL_MISMATCH;
use super::target::Pods;
use super::way::{Scraped, shown};
use crate::finding::{Finding, Severity};
use crate::promql::{MatchOperator, MatcherView, SelectorView};
use crate::source::{Place, Span};

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
    (ways, empty): (&[&Scraped], Empty),
    place: impl Fn(Span) -> Place,
) -> Option<Finding> {
    if ways.is_empty() || ways.iter().any(|way| way.honors_labels) {
        return None;
    }
    let metric = selector.name.as_deref().unwrap_or_default();
    let labels: Vec<Labels> = ways.iter().map(|way| way.labels_of(metric)).collect();
    let values = |matcher: &MatcherView| -> Vec<Option<&String>> {
        labels.iter().map(|labels| labels.get(&matcher.name)).collect()
    };
    // What surely matches nothing comes before what may.
    let contradicted = selector.matchers.iter().find_map(|matcher| {
        let pattern = asked(matcher)?;
        let values = values(matcher);
        let differ = |value: &Option<&String>| {
            value.is_some_and(|value| {
                candidates(matcher, value, pods).iter().all(|one| fit(&pattern, one) == Some(Fit::No))
            })
        };
        values.iter().all(differ).then(|| (matcher, values[0].map_or("", String::as_str)))
    });
    if let Some((matcher, value)) = contradicted {
        return Some(differs(matcher, value, pods, (ways[0], empty), &place));
    }
    let excluding = selector.matchers.iter().find(|matcher| {
        let is_excluding = matches!(matcher.operator, MatchOperator::NotEqual | MatchOperator::RegexNotMatch);
        is_excluding && is_of_a_route(matcher) && values(matcher).iter().all(Option::is_some)
    });
    if let Some(matcher) = excluding {
        let value = values(matcher)[0].map_or("", String::as_str);
        return Some(excludes_nothing(matcher, value, ways[0], &place));
    }
    let absent = selector.matchers.iter().find(|matcher| {
        values(matcher).iter().all(Option::is_none)
            && OF_DISCOVERY.contains(&matcher.name.as_str())
            && asked(matcher).is_some_and(|pattern| fit(&pattern, "") == Some(Fit::No))
    });
    absent.map(|matcher| missing(matcher, &labels[0], (ways[0], empty), &place))
}

/// `endpoint="/books"`: the application has a label of this name for the routes that it answers.
fn is_of_a_route(matcher: &MatcherView) -> bool {
    matcher.name == "endpoint" && matcher.value.trim_start_matches(['^', '(', '.', '*']).starts_with('/')
}

fn excludes_nothing(
    matcher: &MatcherView,
    value: &str,
    way: &Scraped,
    place: &impl Fn(Span) -> Place,
) -> Finding {
    let name = &matcher.name;
    let message = format!("this excludes nothing: `{name}` is `{}` in what is scraped here", shown(value));
    let help = format!(
        "write `exported_{name}{}\"{}\"`: so the application's own label is called here; or `honorLabels: true` on the monitor",
        matcher.operator.text(),
        matcher.value
    );
    let mut finding = Finding::new(&LABEL_MISMATCH, place(matcher.span), message)
        .related(way.by, format!("{} scrapes the pods", way.what))
        .why("the monitor gives every series the name of its port under this label: what was to be left out counts as load")
        .help(help);
    finding.severity = Severity::Warning;
    finding
}

/// What a label may hold: a way that scrapes one container may scrape another as well.
fn candidates(matcher: &MatcherView, value: &str, pods: &Pods<'_>) -> Vec<String> {
    match matcher.name.as_str() {
        // Address and port are those of a pod.
        "instance" | "node" => vec![UNKNOWN.to_string()],
        "container" => pods.containers().map(str::to_string).chain([value.to_string()]).collect(),
        _ => vec![value.to_string()],
    }
}

fn differs(
    matcher: &MatcherView,
    value: &str,
    pods: &Pods<'_>,
    (way, empty): (&Scraped, Empty),
    place: &impl Fn(Span) -> Place,
) -> Finding {
    let name = &matcher.name;
    let containers: Vec<String> = pods.containers().map(|one| format!("`{one}`")).collect();
    let (message, help) = match name.as_str() {
        "container" if containers.len() > 1 => (
            format!("`container` is one of {} in what is scraped here", containers.join(", ")),
            format!("write the name of one of them; it says `{}`", matcher.value),
        ),
        _ if is_of_a_route(matcher) => (
            format!("`{name}` is `{}` in what is scraped here", shown(value)),
            format!(
                "write `exported_{name}{}\"{}\"`: so the application's own label is called here; or `honorLabels: true` on the monitor",
                matcher.operator.text(),
                matcher.value
            ),
        ),
        _ if is_unknown(value) => {
            let start = value.split(UNKNOWN).next().unwrap_or_default();
            (
                format!("`{name}` is `{}` in what is scraped here", shown(value)),
                format!("write `{name}=~\"{start}.*\"`"),
            )
        }
        _ => {
            (format!("`{name}` is `{value}` in what is scraped here"), format!("write `{name}=\"{value}\"`"))
        }
    };
    Finding::new(&LABEL_MISMATCH, place(matcher.span), message)
        .related(way.by, format!("{} scrapes the pods", way.what))
        .why(format!("no series matches, the query is always empty: {}", empty.told()))
        .help(help)
}

fn missing(
    matcher: &MatcherView,
    labels: &Labels,
    (way, empty): (&Scraped, Empty),
    place: &impl Fn(Span) -> Place,
) -> Finding {
    let mut finding = Finding::new(
        &LABEL_MISMATCH,
        place(matcher.span),
        format!("nothing on the way of this scrape sets `{}`", matcher.name),
    )
    .related(way.by, format!("{} scrapes the pods", way.what))
    .why(format!("unless the application writes this label itself, no series matches: {}", empty.told()))
    .help(instead(matcher, labels, way));
    finding.severity = Severity::Warning;
    finding
}

/// What to ask for instead of a label that is not there: the same under the name that the path gives it, or a label that
/// is to be copied.
fn instead(matcher: &MatcherView, labels: &Labels, way: &Scraped) -> String {
    const SAME: [&[&str]; 3] = [
        &["namespace", "kubernetes_namespace", "kube_namespace"],
        &["pod", "kubernetes_pod_name", "pod_name", "kubernetes_pod"],
        &["service", "kubernetes_name", "kubernetes_service_name"],
    ];
    let names = SAME.iter().find(|names| names.contains(&matcher.name.as_str()));
    let other = names.and_then(|names| names.iter().find(|name| labels.contains_key(**name)));
    if let Some(other) = other {
        let (operator, value) = (matcher.operator.text(), &matcher.value);
        return format!("write `{other}{operator}\"{value}\"`: so this path calls it");
    }
    let named: Vec<&str> = labels.keys().map(String::as_str).collect();
    let copy = if way.is_monitor {
        format!("a monitor copies labels of the pods with `podTargetLabels: [{}]`", matcher.name)
    } else {
        "a job copies labels of the pods with a rule of `relabel_configs`".to_string()
    };
    match named.as_slice() {
        [] => format!("ask by a label that the path sets; {copy}"),
        _ => format!("the path sets {}; {copy}", named.join(", ")),
    }
}

/// The pattern that a matcher asks for; None where it excludes, or is filled in later.
pub fn asked(matcher: &MatcherView) -> Option<String> {
    if is_unknown(known(&matcher.value)) || matcher.value.is_empty() {
        return None;
    }
    match matcher.operator {
        MatchOperator::Equal => Some(regex::escape(&matcher.value)),
        MatchOperator::RegexMatch => Some(matcher.value.clone()),
        MatchOperator::NotEqual | MatchOperator::RegexNotMatch => None,
    }
}

//! Series that rules record, and queries that ask for them: names, labels, and how long they are there.
//!
//! Sources: prometheus/prometheus rules/recording.go; promql/engine.go, DefaultLookbackDelta: a sample is seen for five
//! minutes; model/rulefmt/rulefmt.go (names).

use std::collections::HashMap;

use super::NOT_RECORDED;
use super::walk::Alert;
use crate::finding::{Finding, Severity, nearest};
use crate::lint::is_recorded;
use crate::manifest::Node;
use crate::promql::{Facts, Presence, analyse, is_metric_name, seconds};
use crate::source::{Place, Span};

/// Seconds for which a sample is seen.
const LOOKBACK: f64 = 300.0;

/// Labels that a Prometheus gives all its series on their way out.
const OF_SERVERS: [&str; 10] = [
    "cluster",
    "prometheus",
    "prometheus_replica",
    "replica",
    "region",
    "env",
    "environment",
    "tenant",
    "datacenter",
    "stage",
];

pub(super) fn check(alerts: &[Alert<'_>], records: &[Alert<'_>], scalers: &[Alert<'_>]) -> Vec<Finding> {
    let names: Vec<&str> = records.iter().map(name).collect();
    let mut by_name: HashMap<&str, Vec<&Alert<'_>>> = HashMap::new();
    for record in records {
        by_name.entry(name(record)).or_default().push(record);
    }
    let mut findings: Vec<Finding> = records.iter().filter_map(unwritable).collect();
    for query in alerts.iter().chain(records).chain(scalers) {
        for selector in query.expression.selectors() {
            let Some(metric) = selector.name.as_deref() else { continue };
            let own = by_name.get(metric).map(Vec::as_slice).unwrap_or_default();
            let start = selector.span.start as usize;
            let span = Span::new(start, start + metric.len());
            if own.is_empty() {
                findings.extend(near(query, (metric, span), &names));
                continue;
            }
            let lacking = selector.matchers.iter().find(|matcher| {
                matcher.excludes_empty() && own.iter().all(|record| !gives(record, &matcher.name))
            });
            if let (Some(matcher), Some(record)) = (lacking, own.first()) {
                let mut finding = Finding::new(
                    &NOT_RECORDED,
                    query.place(matcher.span),
                    format!("`{metric}` is recorded without the label `{}`", matcher.name),
                )
                .related(record.place(record.expression.root.span), "this is all that is recorded")
                .why("no series matches: an alert on it never fires, a scaler reads 0, and no error tells")
                .help(format!(
                    "keep it in the recorded query, as in `sum by (…, {}) (…)`, or leave the matcher out",
                    matcher.name
                ));
                // What a ruler above several Prometheus servers sees beside it, and what others may give under the name.
                if OF_SERVERS.contains(&matcher.name.as_str()) || !is_recorded(metric) {
                    finding.severity = Severity::Warning;
                }
                findings.push(finding);
            }
        }
        findings.extend(gaps(query, &by_name));
    }
    findings
}

fn name<'i>(record: &Alert<'i>) -> &'i str {
    record.rule.get("record").and_then(Node::as_str).unwrap_or_default()
}

/// A name that nothing here records, and that looks like one that is.
fn near(query: &Alert<'_>, (metric, span): (&str, Span), names: &[&str]) -> Option<Finding> {
    if !is_recorded(metric) || metric.contains("$") {
        return None;
    }
    let of_same_level = |known: &&str| known.split(':').next() == metric.split(':').next();
    let near = nearest(metric, names.iter().copied().filter(of_same_level))?;
    // `rate5m` and `rate1h` are two windows, of which one may be recorded elsewhere.
    let letters = |name: &str| name.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let is_window = letters(metric).trim_end_matches(['s', 'm', 'h', 'd'])
        == letters(near).trim_end_matches(['s', 'm', 'h', 'd']);
    if is_window {
        return None;
    }
    let mut finding =
        Finding::new(&NOT_RECORDED, query.place(span), format!("no rule here records `{metric}`"))
            .why("no series matches: an alert on it never fires, a scaler reads 0, and no error tells")
            .help(format!("did you mean `{near}`?"));
    finding.severity = Severity::Warning;
    Some(finding)
}

/// Whether recorded series can have a label.
fn gives(record: &Alert<'_>, label: &str) -> bool {
    if record.rule.at(&["labels", label]).is_some() || label == "__name__" {
        return true;
    }
    let facts = Facts::default();
    let analysis = analyse(&record.expression, &facts);
    analysis.root().labels.get(label).presence != Presence::Cannot
}

/// A name that a query cannot write.
fn unwritable(record: &Alert<'_>) -> Option<Finding> {
    let node = record.rule.get("record")?;
    let name = node
        .as_str()
        .filter(|name| !is_metric_name(name) && !name.is_empty() && !name.contains(['{', '$']))?;
    let what = if name.contains('-') {
        "in a query `-` subtracts: three series that are not there"
    } else {
        "a query cannot write it as it stands"
    };
    Some(
        Finding::new(
            &NOT_RECORDED,
            Place::new(record.object.document.file, node.span),
            format!("`{name}` is no name of a metric"),
        )
        .why(format!("Prometheus before 3 refuses the whole file, and since then {what}"))
        .help(format!("write `{}`", name.replace(['-', '.', ' '], "_"))),
    )
}

/// An alert with `for` on a series that is recorded more seldom than a sample is seen.
fn gaps(query: &Alert<'_>, by_name: &HashMap<&str, Vec<&Alert<'_>>>) -> Option<Finding> {
    let waits = query.waits().filter(|waits| *waits > 0.0 && query.rule.get("alert").is_some())?;
    query.expression.selectors().into_iter().find_map(|selector| {
        let metric = selector.name.as_deref()?;
        let record = by_name.get(metric)?.first()?;
        let node = interval(record)?;
        let every = seconds(&node.as_written()?).filter(|every| *every > LOOKBACK && waits > LOOKBACK)?;
        // Over a range it is seen for as long as the range is.
        let end = selector.span.end as usize;
        if query.expression.text.get(end..).is_some_and(|rest| rest.trim_start().starts_with('[')) {
            return None;
        }
        let (every, waits) = (super::minutes(every), super::minutes(waits));
        let start = selector.span.start as usize;
        Some(
            Finding::new(
                &NOT_RECORDED,
                query.place(Span::new(start, start + metric.len())),
                format!("`{metric}` is recorded every {every}, and seen for 5 min"),
            )
            .related(Place::new(record.object.document.file, node.span), "the interval of its group")
            .why(format!("between two samples the series is gone, and `for` begins anew: {waits} without a gap never pass, and the alert never fires"))
            .help("evaluate the group at least every 4 minutes, or ask for `last_over_time(…[15m])`"),
        )
    })
}

/// The interval of the group that a rule stands in.
fn interval<'i>(record: &Alert<'i>) -> Option<&'i Node> {
    let groups = record.object.at(&["spec", "groups"]).or_else(|| record.object.at(&["groups"]))?;
    let is_in = |group: &&Node| {
        group
            .get("rules")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .any(|rule| std::ptr::eq(rule, record.rule))
    };
    groups.items().iter().find(is_in)?.get("interval")
}

//! Alerts on the age of the last run of a CronJob, against how often it runs.
//!
//! Sources: kubernetes/kube-state-metrics docs/metrics/workload/cronjob-metrics.md; kubernetes/kubernetes
//! pkg/controller/cronjob/utils.go (the schedule is read by robfig/cron, with `@daily` and the like).

use super::BETWEEN_RUNS;
use super::pods::{fits, is_positive};
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::has_variable;
use crate::model::cron::Schedule;
use crate::promql::ast::*;
use crate::promql::{Analysis, Facts, analyse};
use crate::source::Span;

const AGES: [&str; 2] =
    ["kube_cronjob_status_last_successful_time", "kube_cronjob_status_last_schedule_time"];

/// Runs do not begin at the second, and take their time.
const MINUTE: f64 = 60.0;

/// An age that is compared with a number.
struct Compared<'e> {
    selector: &'e Selector,
    /// Seconds.
    limit: f64,
    span: Span,
    /// Whether the youngest of several counts.
    is_pooled: bool,
    /// Whether nothing else is asked for.
    is_alone: bool,
}

pub(super) fn check(alert: &Alert<'_>, inventory: &Inventory<'_>) -> Option<Finding> {
    let facts = Facts::default();
    let analysis = analyse(&alert.expression, &facts);
    let waits = alert.waits()?;
    compared(&analysis).iter().find_map(|compared| early(alert, compared, waits, inventory))
}

fn early(
    alert: &Alert<'_>,
    compared: &Compared<'_>,
    waits: f64,
    inventory: &Inventory<'_>,
) -> Option<Finding> {
    let matchers = &compared.selector.matchers;
    let is_meant = |object: &&Object<'_>| {
        matchers.iter().all(|matcher| match (matcher.name.as_str(), &object.namespace) {
            ("cronjob", _) => fits(matcher, &object.name) == Some(true),
            ("namespace", Some(own)) => fits(matcher, own) == Some(true),
            ("namespace", None) => true,
            // Where it is scraped from; other labels choose among them.
            (name, _) => matches!(name, "job" | "instance" | "cluster" | "container" | "service"),
        })
    };
    // The youngest of several says nothing of one.
    let is_named = matchers.iter().any(|matcher| {
        matcher.name == "cronjob" && is_positive(matcher) && fits(matcher, "zzqx") == Some(false)
    });
    if compared.is_pooled && !is_named {
        return None;
    }
    let fires_after = compared.limit + waits;
    let gap = |object: &Object<'_>| gap(object).filter(|gap| fires_after < gap + MINUTE);
    let all: Vec<&Object<'_>> =
        inventory.kind("CronJob").filter(|object| !object.is_fragment).filter(is_meant).collect();
    // Of copies for several environments all have to run so seldom.
    let of_all_copies = |object: &&Object<'_>| {
        all.iter().filter(|other| other.name == object.name).all(|other| gap(other).is_some())
    };
    let (object, longest) =
        all.iter().filter(|object| of_all_copies(object)).find_map(|object| Some((*object, gap(object)?)))?;
    let (period, old) = (hours(longest), hours(compared.limit));
    let schedule = object.at(&["spec", "schedule"])?;
    let mut finding = Finding::new(
        &BETWEEN_RUNS,
        alert.place(compared.span),
        format!("up to {period} pass between two runs of `{}`, and the alert fires after {}", object.name, hours(fires_after)),
    )
    .related(object.place(schedule), "its schedule")
    .why(format!(
        "the last run is up to {period} old while all is well: above {old} the alert fires between two regular runs, and people learn to look away"
    ))
    .help(format!("compare with more than a period, such as {} seconds for one and a half", (longest * 1.5).round()));
    if !is_named || !compared.is_alone || fires_after > longest * 0.9 {
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

/// Seconds between two runs, at most.
fn gap(object: &Object<'_>) -> Option<f64> {
    let is_patched = object
        .patched
        .iter()
        .any(|path| path.last().is_none_or(|key| ["spec", "schedule", "suspend"].contains(&key.as_str())));
    let is_suspended =
        object.at(&["spec", "suspend"]).is_some_and(|node| node.as_written().as_deref() != Some("false"));
    let text =
        object.text(&["spec", "schedule"]).filter(|text| !has_variable(text) && !text.contains("{{"))?;
    if is_patched || is_suspended {
        return None;
    }
    let fields = match text.trim() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        other => other,
    };
    Schedule::read(fields)?.longest_gap().map(|minutes| f64::from(minutes) * MINUTE)
}

fn compared<'e>(analysis: &Analysis<'e>) -> Vec<Compared<'e>> {
    let mut found = Vec::new();
    let mut stack = vec![(0, true)];
    while let Some((index, is_alone)) = stack.pop() {
        let info = &analysis.nodes[index];
        match &info.node.kind {
            Kind::Paren(_) => stack.push((info.children[0], is_alone)),
            Kind::Binary(binary) => match binary.operator {
                Operator::Or => stack.extend(info.children.iter().map(|child| (*child, is_alone))),
                Operator::And => stack.extend(info.children.iter().map(|child| (*child, false))),
                Operator::Unless => stack.push((info.children[0], false)),
                Operator::Greater | Operator::GreaterEqual if !binary.returns_bool => {
                    let Some(limit) = analysis.nodes[info.children[1]].constant else { continue };
                    let Some((selector, factor, is_pooled)) = age(analysis, info.children[0]) else {
                        continue;
                    };
                    let span = binary.operator_span.to(binary.right.span);
                    found.push(Compared { selector, limit: limit * factor, span, is_pooled, is_alone });
                }
                _ => {}
            },
            _ => {}
        }
    }
    found
}

/// The series whose age a node gives, how many seconds its unit has, and whether it is that of the youngest.
fn age<'e>(analysis: &Analysis<'e>, index: usize) -> Option<(&'e Selector, f64, bool)> {
    let index = analysis.bare(index);
    let info = &analysis.nodes[index];
    match &info.node.kind {
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "max" | "min") => {
            let is_youngest = aggregate.operator == "min";
            age(analysis, info.children[0])
                .map(|(selector, unit, is_pooled)| (selector, unit, is_pooled || is_youngest))
        }
        Kind::Binary(binary) if binary.operator == Operator::Divide => {
            let unit = analysis.nodes[info.children[1]].constant.filter(|unit| *unit > 0.0)?;
            age(analysis, info.children[0])
                .map(|(selector, factor, is_pooled)| (selector, factor * unit, is_pooled))
        }
        Kind::Binary(binary) if binary.operator == Operator::Subtract => {
            let is_now = matches!(&binary.left.bare().kind, Kind::Call(call) if call.function.name == "time");
            let (mut moment, mut is_pooled) = (binary.right.bare(), false);
            if let Kind::Aggregate(aggregate) = &moment.kind
                && aggregate.operator == "max"
            {
                (moment, is_pooled) = (aggregate.expression.bare(), true);
            }
            let Kind::Selector(selector) = &moment.kind else { return None };
            let is_of_runs = selector.metric().is_some_and(|name| AGES.contains(&name));
            (is_now && is_of_runs && selector.modifiers.offset.is_none())
                .then_some((selector, 1.0, is_pooled))
        }
        _ => None,
    }
}

fn hours(seconds: f64) -> String {
    match seconds {
        short if short < 7_200.0 => super::minutes(short),
        long if long < 172_800.0 => format!("{} hours", (long / 360.0).round() / 10.0),
        long => format!("{} days", (long / 8_640.0).round() / 10.0),
    }
}

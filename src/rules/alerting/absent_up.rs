//! Alerts on a target that is gone, with a text about one that does not answer.
//!
//! Source: prometheus/prometheus scrape/scrape.go, report: `up` is written for every target, 0 where the scrape failed.

use super::ABSENT_UP;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;

/// Words for a target that is there and does not answer.
const FAILS: [&str; 12] = [
    "is down",
    "are down",
    "unreachable",
    "not reachable",
    "not responding",
    "does not respond",
    "unavailable",
    "not available",
    "crash",
    "scrape fail",
    "fail their scrape",
    "unhealthy",
];

pub(super) fn check(alert: &Alert<'_>, is_asked: bool, inventory: &Inventory<'_>) -> Option<Finding> {
    let Kind::Call(call) = &alert.expression.root.bare().kind else { return None };
    if call.function.name != "absent" {
        return None;
    }
    let argument = call.arguments.first()?;
    let Kind::Selector(selector) = &argument.bare().kind else { return None };
    if selector.metric() != Some("up") || !means_failing(alert) || is_asked {
        return None;
    }
    let of_jobs = selector.matchers.iter().find(|matcher| matcher.name == "job");
    let job = selector
        .matchers
        .iter()
        .find(|matcher| matcher.name == "job" && matcher.operator == MatchOperator::Equal);
    // That a job is called otherwise is told elsewhere.
    if of_jobs.is_some_and(|job| is_of_nobody(inventory, job)) {
        return None;
    }
    let fixed = job.and_then(|job| written(inventory, &job.value));
    let text = &alert.expression.text[argument.span.range()];
    let finding = Finding::new(
        &ABSENT_UP,
        alert.place(call.name_span),
        "a target that does not answer has `up` 0, and is not absent",
    )
    .help(format!("write `absent({text} == 1)`, or add an alert on `{text} == 0`"));
    Some(match fixed {
        Some((place, address)) => {
            let mut finding = finding
                .related(place, format!("`{address}` is written here: its `up` is there as long as this is"))
                .why("the alert never fires: the targets of this job are always there, up or down");
            finding.severity = Severity::Error;
            finding
        }
        None => finding.why("the alert fires only when discovery finds no target any more: pods that crash, hang or answer with errors stay targets, and no alert here asks for `up == 0`"),
    })
}

fn means_failing(alert: &Alert<'_>) -> bool {
    let told = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let name = alert.name();
    name.ends_with("Down")
        || name.ends_with("Unreachable")
        || told.iter().filter_map(|entry| entry.node.as_str()).any(|text| {
            let text = text.to_lowercase();
            FAILS.iter().any(|word| text.contains(word))
        })
}

/// Whether an alert asks for targets that do not answer; if one does, the others may well ask for missing ones.
pub(super) fn asks_for_zero(alert: &Alert<'_>) -> bool {
    let of_up = alert.expression.selectors().iter().any(|selector| selector.name.as_deref() == Some("up"));
    let compares = ["==", "<", "!="].iter().any(|operator| alert.expression.text.contains(operator));
    of_up && compares
}

/// Whether there are jobs that are written out, and none is called so.
fn is_of_nobody(inventory: &Inventory<'_>, matcher: &Matcher) -> bool {
    let mut jobs = inventory
        .objects
        .iter()
        .flat_map(|object| object.at(&["scrape_configs"]).map(Yaml::items).unwrap_or_default().iter());
    let names: Vec<Option<&str>> =
        jobs.by_ref().map(|job| job.get("job_name").and_then(Yaml::as_str)).collect();
    if names.is_empty() {
        return false;
    }
    match matcher.operator {
        MatchOperator::Equal => !names.contains(&Some(matcher.value.as_str())),
        MatchOperator::RegexMatch => {
            let pattern = regex::Regex::new(&format!("^(?:{})$", matcher.value));
            pattern.is_ok_and(|pattern| names.iter().flatten().all(|own| !pattern.is_match(own)))
        }
        _ => false,
    }
}

/// The first address of a job whose targets are all written out.
fn written(inventory: &Inventory<'_>, name: &str) -> Option<(crate::source::Place, String)> {
    inventory.objects.iter().find_map(|object| {
        let jobs = object.at(&["scrape_configs"]).map(Yaml::items).unwrap_or_default();
        let job = jobs.iter().find(|job| job.get("job_name").and_then(Yaml::as_str) == Some(name))?;
        let found = job.entries().iter().any(|entry| entry.key.ends_with("_sd_configs"));
        let fixed = job.get("static_configs").filter(|_| !found)?.items().first()?;
        let target = fixed.get("targets")?.items().first()?;
        Some((object.place(target), target.as_str()?.to_string()))
    })
}

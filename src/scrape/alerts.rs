//! Labels that alerts and records ask for, against those that the scrape path of the workload which they name sets.

use super::coverage::World;
use super::exporter::is_of_the_platform;
use super::labels;
use super::way::Passage;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::lint::is_recorded;
use crate::manifest::has_variable;
use crate::promql::{MatcherView, Target, parse};

/// Rules of the operator and rule files.
pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let of_rules = inventory.objects.iter().filter(|object| {
        object.kind() == "PrometheusRule" || object.kind().is_empty() && object.at(&["groups"]).is_some()
    });
    of_rules.flat_map(|object| of(world, object)).collect()
}

fn of<'i>(world: &World<'i>, object: &'i Object<'i>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for rule in object.rules() {
        let Some(node) = rule.get("expr") else { continue };
        let Some(text) = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{")) else {
            continue;
        };
        let Ok(expression) = parse(text, &Target::default()) else { continue };
        for selector in expression.selectors() {
            let metric = selector.name.as_deref().unwrap_or_default();
            if metric.is_empty()
                || is_recorded(metric)
                || is_of_the_platform(metric)
                || !world.index.recorded(metric).is_empty()
            {
                continue;
            }
            // A job that is written out somewhere may be meant.
            let is_written = |matcher: &&MatcherView| {
                matcher.name == "job" && world.configs.jobs.iter().any(|job| job.name == matcher.value)
            };
            if selector.matchers.iter().any(|matcher| is_written(&matcher)) {
                continue;
            }
            let Some(pods) = world.named(object, &selector, (None, &[])) else { continue };
            let passages = world.passages(&pods);
            let ways: Vec<_> = passages.iter().filter_map(Passage::scraped).collect();
            let found = labels::check(&selector, &pods, &ways, |span| world.inside(object, node, text, span));
            // What an application, or an exporter for it, may set itself is no proof; `up` has the target's labels alone.
            let Some(mut finding) = found.filter(|finding| finding.is_error()) else { continue };
            if metric != "up" || text.contains(" or ") {
                finding.severity = Severity::Warning;
            }
            let is_absent = text.contains("absent(");
            finding.why = Some(
                if is_absent {
                    "no series matches: `absent` always holds, and the alert fires for ever"
                } else {
                    "no series matches: the rule stays empty, an alert never fires, and no error tells"
                }
                .to_string(),
            );
            let message = &finding.message;
            if !findings
                .iter()
                .any(|other| other.message == *message && other.place.file == finding.place.file)
            {
                findings.push(finding);
            }
        }
    }
    findings
}

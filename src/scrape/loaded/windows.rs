//! Windows of rules against how often the configuration that loads them scrapes.
//!
//! Source: prometheus/prometheus config/config.go, DefaultGlobalConfig: scrape_interval 1m.

use super::jobs::is_open;
use super::{Configuration, RuleFile};
use crate::finding::Finding;
use crate::lint::{Context, Role, lint};
use crate::manifest::{Node, has_variable, raw_offset};
use crate::promql::{Target, parse, seconds};
use crate::scrape::world::World;
use crate::source::{Place, Span};

/// Where nothing is said.
const DEFAULT: f64 = 60.0;

/// Windows that hold no two scrapes of the job that is scraped most often.
pub fn check(world: &World<'_>, file: &RuleFile<'_>, loading: &[&Configuration<'_>]) -> Vec<Finding> {
    // What is pushed comes as often as the pusher likes.
    if world.configs.pushes.is_some() || loading.iter().any(|one| is_open(one)) {
        return Vec::new();
    }
    let known: Option<Vec<(f64, Place)>> = loading.iter().map(|one| shortest(one)).collect();
    let Some((interval, place)) =
        known.and_then(|known| known.into_iter().min_by(|one, other| one.0.total_cmp(&other.0)))
    else {
        return Vec::new();
    };
    file.root.rules().flat_map(|rule| of_rule(world, file, rule, (interval, place))).collect()
}

fn of_rule(
    world: &World<'_>,
    file: &RuleFile<'_>,
    rule: &Node,
    (interval, by): (f64, Place),
) -> Vec<Finding> {
    let Some(node) = rule.get("expr") else { return Vec::new() };
    let text = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"));
    let Some((text, Ok(expression))) = text.map(|text| (text, parse(text, &Target::default()))) else {
        return Vec::new();
    };
    let raw = world.sources.get(file.root.document.file).text.get(node.span.range()).unwrap_or_default();
    let place = |span: Span| {
        let at = |offset: u32| node.span.start as usize + raw_offset(raw, text, offset as usize);
        let (start, end) = (at(span.start), at(span.end));
        Place::new(file.root.document.file, Span::new(start, end.max(start)))
    };
    let role = if rule.get("alert").is_some() { Role::Alert } else { Role::Record };
    let mut context = Context { role, ..Context::default() };
    context.facts.scrape_interval = Some(interval);
    lint(&expression, &context)
        .iter()
        .filter(|lint| lint.rule.code == "C204")
        .map(|lint| {
            let mut finding = lint.finding(place);
            finding.fix = None;
            finding.related(by, "no job is scraped more often than this says")
        })
        .collect()
}

/// The shortest interval of a configuration, and where it is said; None where one cannot be read.
fn shortest(configuration: &Configuration<'_>) -> Option<(f64, Place)> {
    let root = configuration.root;
    let read = |node: &Node| {
        let text = node.as_written().filter(|text| !has_variable(text))?;
        Some((seconds(&text)?, root.place(node)))
    };
    let global = match root.at(&["global", "scrape_interval"]) {
        Some(node) => read(node)?,
        None => (DEFAULT, configuration.place()),
    };
    let mut best: Option<(f64, Place)> = None;
    for job in configuration.jobs() {
        let own = match job.get("scrape_interval") {
            Some(node) => read(node)?,
            None => global,
        };
        if best.is_none_or(|best| own.0 < best.0) {
            best = Some(own);
        }
    }
    best
}

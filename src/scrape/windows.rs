//! Windows of queries against the interval at which what they ask for is scraped.

use super::way;
use super::world::World;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::lint::{Context, Role, lint};
use crate::manifest::{Node, has_variable};
use crate::promql::{MatchOperator, SelectorView, Target, parse, seconds};
use crate::source::{Place, Span};

/// Windows of scalers and PrometheusRules that name a job which is written out, against its interval.
pub fn of_jobs(world: &World<'_>, inventory: &Inventory<'_>, told: &[Finding]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment) {
        let queries: Vec<(&Node, Role)> = match object.kind() {
            "PrometheusRule" => {
                let role = |rule: &Node| if rule.get("alert").is_some() { Role::Alert } else { Role::Record };
                object.rules().filter_map(|rule| Some((rule.get("expr")?, role(rule)))).collect()
            }
            "ScaledObject" | "ScaledJob" => {
                let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
                let query =
                    |trigger: &'_ Node| trigger.get("type").and_then(Node::as_str) == Some("prometheus");
                let queries = triggers.iter().filter(|trigger| query(trigger));
                queries
                    .filter_map(|trigger| Some((trigger.at(&["metadata", "query"])?, Role::default())))
                    .collect()
            }
            _ => continue,
        };
        for (node, role) in queries {
            findings.extend(of_query(world, object, (node, role), told));
        }
    }
    findings
}

fn of_query(
    world: &World<'_>,
    object: &Object<'_>,
    (node, role): (&Node, Role),
    told: &[Finding],
) -> Vec<Finding> {
    let text = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"));
    let Some((text, Ok(expression))) = text.map(|text| (text, parse(text, &Target::default()))) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for selector in expression.selectors() {
        let named = selector
            .matchers
            .iter()
            .find(|matcher| matcher.name == "job" && matcher.operator == MatchOperator::Equal);
        let Some(name) = named.map(|matcher| matcher.value.as_str()) else { continue };
        let jobs: Vec<_> = world.configs.jobs.iter().filter(|job| job.name == name).collect();
        let [job] = jobs.as_slice() else { continue };
        let written = job.node.get("scrape_interval");
        let own = written.map(|node| node.as_written().and_then(|text| seconds(&text)));
        let Some(interval) = own.unwrap_or(job.default_interval) else { continue };
        let by = job.place(written.unwrap_or(&job.node));
        let mut context = Context { role: role.clone(), ..Context::default() };
        context.facts.scrape_interval = Some(interval);
        let is_around = |span: Span| (selector.span.end..=selector.span.end + 2).contains(&span.start);
        for lint in
            lint(&expression, &context).iter().filter(|lint| lint.rule.code == "C204" && is_around(lint.span))
        {
            let mut finding = lint.finding(|span| world.inside(object, node, text, span));
            finding.fix = None;
            if !told.iter().any(|other| other.rule == finding.rule && other.place == finding.place) {
                findings.push(finding.related(by, "this job is scraped as often as this says"));
            }
        }
    }
    findings
}

impl World<'_> {
    /// The window around a selector of a rule against the shortest interval of the ways that scrape what it asks for.
    pub fn window_of_rule(
        &self,
        object: &Object<'_>,
        (node, text): (&Node, &str),
        selector: &SelectorView,
        ways: &[&way::Scraped],
    ) -> Vec<Finding> {
        let of = |way: &&way::Scraped| match way.interval {
            Some(interval) => Some((interval, way.interval_place.unwrap_or(way.by))),
            None => {
                let default = self.operators.interval();
                default.by.filter(|_| way.is_monitor).map(|by| (default.seconds, by))
            }
        };
        let known: Option<Vec<(f64, Place)>> = ways.iter().map(of).collect();
        let shortest = known.into_iter().flatten().min_by(|one, other| one.0.total_cmp(&other.0));
        let Some((interval, by)) = shortest.filter(|_| self.configs.pushes.is_none()) else {
            return Vec::new();
        };
        let Ok(expression) = parse(text, &Target::default()) else { return Vec::new() };
        let mut context = Context { role: Role::Alert, ..Context::default() };
        context.facts.scrape_interval = Some(interval);
        let is_around = |span: Span| (selector.span.end..=selector.span.end + 2).contains(&span.start);
        lint(&expression, &context)
            .iter()
            .filter(|lint| lint.rule.code == "C204" && is_around(lint.span))
            .map(|lint| {
                let mut finding = lint.finding(|span| self.inside(object, node, text, span));
                finding.fix = None;
                finding.related(by, format!("it is scraped every {interval} s"))
            })
            .collect()
    }
}

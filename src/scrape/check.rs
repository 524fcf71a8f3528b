//! All rules of this room, in one walk: findings, and the report as lines.

use std::collections::HashSet;

use rayon::prelude::*;

use super::compose::{self, Compose};
use super::config::Job;
use super::coverage::Row;
use super::listed::Listed;
use super::way::Passage;
use super::world::World;
use super::{
    addressed, again, alerts, alone, annotations, blind, chart, collector, collectors, dangling, dropped,
    exposed, flaws, idle, loaded, lookback, mesh, named_jobs, numbered, programs, roles, rules, speaks,
    spelled, started, stock, token, windows, written,
};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::{Place, Sources};

/// Findings, and the report as lines.
pub fn check<'i>(
    sources: &'i Sources,
    inventory: &'i Inventory<'i>,
    exists: fn(&str) -> bool,
) -> (Vec<Finding>, Vec<Row>, Vec<Listed>) {
    let world = World::new(sources, inventory);
    let mut findings: Vec<Finding> =
        world.index.monitors.iter().flat_map(|object| alone::check(object)).collect();
    let numbered = |object: &&Object<'_>| numbered::check(object, &world.index);
    findings.extend(world.index.monitors.iter().flat_map(numbered));
    let dangling = |object: &&'i Object<'i>| dangling::check(object, &world.index, &world.operators);
    findings.extend(world.index.monitors.iter().flat_map(dangling));
    let others =
        ["ScrapeConfig", "Probe", "PrometheusRule"].into_iter().flat_map(|kind| inventory.kind(kind));
    findings.extend(others.filter_map(|object| dangling::not_selected(object, &world.operators)));
    findings.extend(inventory.objects.iter().flat_map(annotations::check));
    findings.extend(flaws::of_jobs(&world.configs));
    findings.extend(lookback::check(&world));
    findings.extend(world.configs.jobs.iter().filter_map(roles::check));
    findings.extend(spelled::check(&world, inventory));
    findings.extend(speaks::check(&world));
    findings.extend(alerts::check(&world, inventory));
    findings.extend(dropped::check(&world, inventory));
    let told = findings.iter().map(|finding| finding.place).collect();
    findings.extend(named_jobs::check(&world, inventory, &told));
    let compose = Compose::new(inventory);
    findings.extend(programs::check(&world, &compose));
    findings.extend(token::check(&world, &compose));
    findings.extend(compose::check(&world, &compose, inventory, exists));
    findings.extend(loaded::check(&world, inventory, &compose, exists));
    findings.extend(loaded::values::check(sources, inventory));
    findings.extend(chart::check(&world, inventory));
    findings.extend(started::check(&world, inventory));
    findings.extend(written::check(&world, inventory, &compose));
    let of_ports = findings.iter().filter(|finding| finding.rule == &rules::OTHER_PROTOCOL);
    let places: Vec<Place> = of_ports.map(|finding| finding.place).collect();
    findings.extend(stock::check(&world, &places));
    findings.extend(exposed::check(&world, inventory));
    findings.extend(collectors::check(&world, inventory));
    findings.extend(collector::check(&world, inventory));
    findings.extend(blind::check(&world, inventory));
    findings.extend(mesh::check(&world, inventory));
    findings.extend(world.index.monitors.iter().flat_map(|object| flaws::of_monitor(object)));
    let asked_at = world.asked.as_ref().map(|asked| asked.namespace.as_str());
    let addressed = |job: &Job| addressed::check(job, &world.index, sources, asked_at);
    findings.extend(world.configs.jobs.iter().flat_map(addressed));
    findings.extend(world.unread_monitors());
    let services = world.index.services().iter();
    findings.extend(
        services.filter_map(|service| annotations::of_service(service, &world.configs, &world.index)),
    );
    let with_path =
        world.index.workloads().iter().filter(|pods| pods.annotations.contains_key("prometheus.io/path"));
    findings.extend(with_path.flat_map(|pods| {
        let passages = world.passages(pods);
        passages
            .iter()
            .filter_map(Passage::scraped)
            .filter_map(|way| annotations::path(pods, way))
            .collect::<Vec<_>>()
    }));
    findings.extend(inventory.kind("HorizontalPodAutoscaler").flat_map(|object| world.autoscaled(object)));
    let told: HashSet<Place> = findings.iter().map(|finding| finding.place).collect();
    findings.extend(world.several().into_iter().filter(|finding| !told.contains(&finding.place)));
    let scalers: Vec<&Object<'_>> = ["ScaledObject", "ScaledJob"]
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .filter(|object| object.group() == "keda.sh")
        .collect();
    let listed: Vec<Listed> = scalers.iter().flat_map(|object| world.asked_of_lists(object)).collect();
    let told: Vec<(Vec<Finding>, Vec<Row>)> = scalers
        .par_iter()
        .map(|object| {
            let (mut findings, mut rows) = (Vec::new(), Vec::new());
            world.scaler(object, &mut findings, &mut rows);
            (findings, rows)
        })
        .collect();
    let mut rows = Vec::new();
    // Workloads whose scalers have told that they are not scraped.
    let mut missed = Vec::new();
    let asks = |object: &&&Object<'_>| {
        let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
        triggers.iter().any(|trigger| trigger.get("type").and_then(Node::as_str) == Some("prometheus"))
    };
    let asking = scalers.iter().filter(asks).filter_map(|object| world.target(object));
    let asked: Vec<Place> = asking.map(|pods| pods.object.name_place()).collect();
    for (object, (own, lines)) in scalers.into_iter().zip(told) {
        if own.iter().any(|finding| finding.rule == &rules::NOT_SCRAPED) {
            missed.extend(world.target(object).map(|pods| pods.object.name_place()));
        }
        findings.extend(own);
        rows.extend(lines);
    }
    findings.extend(world.unread_annotations(&missed));
    let of_jobs = windows::of_jobs(&world, inventory, &findings);
    findings.extend(of_jobs);
    findings.extend(again::check(&world, &findings, &asked));
    let told = told_with_metrics(&findings);
    findings.extend(world.kept_apart(&told));
    let is_new = |finding: &Finding| !told.contains(&finding.place);
    let is_told_of = |finding: &Finding| !finding.related.iter().any(|by| told.contains(&by.place));
    let outside: Vec<Finding> = annotations::out_of_reach(&world).into_iter().filter(is_told_of).collect();
    findings.extend(outside);
    findings.extend(idle::check(&world).into_iter().filter(is_new));
    leave_out_reasons(&mut findings, &told);
    (findings, rows, listed)
}

/// Places that are told along with a metric which they keep from being scraped.
fn told_with_metrics(findings: &[Finding]) -> HashSet<Place> {
    let of_metrics = findings.iter().filter(|finding| finding.rule == &rules::NOT_SCRAPED);
    of_metrics.flat_map(|finding| finding.related.iter().map(|related| related.place)).collect()
}

/// What stands in the way of a metric is told with the metric.
fn leave_out_reasons(findings: &mut Vec<Finding>, told: &HashSet<Place>) {
    let with_reasons = [&rules::OTHER_PROTOCOL, &rules::NO_SUCH_SERVICE];
    findings.retain(|finding| !with_reasons.contains(&finding.rule) || !told.contains(&finding.place));
}

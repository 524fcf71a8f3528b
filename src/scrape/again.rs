//! Pods that one Prometheus scrapes in two ways, where no query of a scaler was told of it.

use super::config::Job;
use super::relabel::is_unknown;
use super::rules::SCRAPED_TWICE;
use super::way::{Passage, Scraped};
use super::world::World;
use crate::finding::Finding;
use crate::source::Place;

/// So many pairs of ways and workloads are tried.
const MOST: usize = 20_000;

/// One finding for each pair of ways.
///
/// `asked`: workloads whose scalers ask Prometheus; their queries decide.
pub fn check(world: &World<'_>, told: &[Finding], asked: &[Place]) -> Vec<Finding> {
    let all = world.index.workloads();
    let ways = world.configs.jobs.len() + world.index.monitors.len();
    if ways < 2 || ways * all.len() > MOST {
        return Vec::new();
    }
    let is_told = |place: Place| {
        let of_it = told.iter().filter(|finding| finding.rule == &SCRAPED_TWICE);
        of_it
            .into_iter()
            .any(|one| one.place == place || one.related.iter().any(|other| other.place == place))
    };
    let mut findings: Vec<(Finding, Place, usize)> = Vec::new();
    for pods in all.iter().filter(|pods| !asked.contains(&pods.object.name_place())) {
        let passages = world.passages(pods);
        let ways: Vec<&Scraped> = passages.iter().filter_map(Passage::scraped).collect();
        for (at, way) in ways.iter().enumerate() {
            let is_first = |first: &&&Scraped| is_surely_again(way, first) && world.are_of_one(way, first);
            let Some(first) = ways[..at].iter().find(is_first) else { continue };
            if let Some((.., more)) =
                findings.iter_mut().find(|(told, by, _)| told.place == way.by && *by == first.by)
            {
                *more += 1;
                continue;
            }
            // slogen writes several ways to choose from, and says so in the files.
            let generated = |place: Place| world.sources.get(place.file).is_generated();
            if is_told(way.by) || generated(way.by) && generated(first.by) {
                continue;
            }
            let message = format!(
                "{} scrapes the pods of `{}`, which {} scrapes already",
                way.what, pods.object.name, first.what
            );
            let finding = Finding::new(&SCRAPED_TWICE, way.by, message)
                .related(first.by, "the first way")
                .related(pods.object.name_place(), "the pods")
                .why("each of their samples is there twice, under two jobs: every sum over both is twice as large, in dashboards, alerts and triggers, and the pods are asked twice as often")
                .help(if way.is_monitor && first.is_monitor {
                    "keep one of the two"
                } else {
                    "keep one of the two: take the annotation off, or drop these pods in one of the jobs"
                });
            findings.push((finding, first.by, 0));
        }
    }
    let with_more = |(finding, _, more): (Finding, Place, usize)| match more {
        0 => finding,
        1 => finding.label("and those of one more workload"),
        more => finding.label(format!("and those of {more} more workloads")),
    };
    findings.into_iter().map(with_more).collect()
}

/// Whether port and path of both are known, and the same.
fn is_surely_again(way: &Scraped, first: &Scraped) -> bool {
    let is_known =
        |(port, path): &&(String, String)| !port.is_empty() && !is_unknown(port) && !is_unknown(path);
    way.is_again(first) && way.endpoints.iter().filter(is_known).any(|one| first.endpoints.contains(one))
}

impl World<'_> {
    /// Whether one Prometheus surely goes both ways: two monitors, two jobs of one list, or a monitor and a job in the
    /// values of the release that takes up monitors.
    fn are_of_one(&self, one: &Scraped, other: &Scraped) -> bool {
        let job = |way: &Scraped| self.configs.jobs.iter().position(|job| job.name_place() == way.by);
        match (job(one), job(other)) {
            (Some(one), Some(other)) => {
                self.configs.lists.iter().any(|list| list.contains(&one) && list.contains(&other))
            }
            (Some(job), None) => other.is_monitor && self.is_beside_release(&self.configs.jobs[job]),
            (None, Some(job)) => one.is_monitor && self.is_beside_release(&self.configs.jobs[job]),
            (None, None) => one.is_monitor && other.is_monitor,
        }
    }

    fn is_beside_release(&self, job: &Job) -> bool {
        self.operators.releases().any(|(object, _)| object.document.file == job.file)
    }
}

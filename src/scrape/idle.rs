//! Jobs that look for pods in the cluster, and let none of those that are here through.

use super::index::are_environments;
use super::rules::SELECTS_NOTHING;
use super::way::Passage;
use super::world::World;
use super::{dns, job};
use crate::finding::Finding;

/// So many pairs of jobs and workloads are tried.
const MOST: usize = 20_000;

/// Jobs of which a rule drops pods that it was written for, while no pods of the repository pass.
pub fn check(world: &World<'_>) -> Vec<Finding> {
    let all = world.index.workloads();
    let jobs = world.configs.jobs.iter().filter(|job| {
        !job.list("kubernetes_sd_configs", "kubernetesSDConfigs").is_empty() && job.refusal.is_none()
    });
    let jobs: Vec<_> = jobs.collect();
    if jobs.len() * all.len() > MOST {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for one in jobs {
        let path = &world.sources.get(one.file).name;
        let is_told = dns::is_told(one, &world.index);
        let mut blocked = None;
        let near = all.iter().filter(|pods| !are_environments(path, pods.object.path));
        let passes =
            near.into_iter().any(|pods| match job::job(one, pods, &world.index.services_of(pods), is_told) {
                // What goes by annotations is for pods that are not here as well.
                Passage::Blocked { by, why, help, is_sure: true, .. } if !why.contains("annotation") => {
                    blocked.get_or_insert((by, why, help, pods.object.name_place()));
                    false
                }
                Passage::Apart | Passage::Near { .. } | Passage::Blocked { .. } => false,
                _ => true,
            });
        let Some((by, why, help, workload)) = blocked.filter(|_| !passes) else { continue };
        let finding =
            Finding::new(&SELECTS_NOTHING, by, format!("{} finds none of the pods here", one.what()))
                .label(why)
                .related(workload, "it was written for these, by its other rules")
                .why("the job exists and has no target, and no error tells");
        findings.push(match help {
            Some(help) => finding.help(help),
            None => finding.help("let the rule keep what the pods have"),
        });
    }
    findings
}

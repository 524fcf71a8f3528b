//! Service addresses behind which there are several pods: each scrape meets one of them.

use std::collections::HashSet;

use super::target::Pods;
use super::way::Passage;
use super::world::World;
use super::{address, twice};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::source::Place;

impl<'i> World<'i> {
    /// Service addresses that stand for pods which a HorizontalPodAutoscaler scales.
    pub fn autoscaled(&self, object: &'i Object<'i>) -> Vec<Finding> {
        self.target(object).map(|pods| self.picked_at_random(&pods)).unwrap_or_default()
    }

    /// Service addresses that stand for workloads of a fixed number of pods, above one.
    pub fn several(&self) -> Vec<Finding> {
        let jobs = self.configs.jobs.iter().flat_map(|job| job.addresses());
        let hosts: HashSet<String> = jobs
            .map(|(_, _, address)| address::host(&address).split('.').next().unwrap_or_default().to_string())
            .collect();
        if hosts.is_empty() {
            return Vec::new();
        }
        let is_named = |pods: &&Pods<'i>| {
            self.index.services_of(pods).iter().any(|service| hosts.contains(&service.object.name))
        };
        let named = self.index.workloads().iter().filter(is_named);
        named
            .flat_map(|pods| {
                let all = self.picked_at_random(pods);
                all.into_iter().filter(|finding| self.pods_beside(pods.object, finding.place) > 1)
            })
            .collect()
    }

    /// The pods that a workload has where a place is deployed: an overlay has its own number.
    fn pods_beside(&self, object: &Object<'_>, place: Place) -> i64 {
        let path = &self.sources.get(place.file).name;
        let own = object.replicas.iter().flatten().find_map(|change| {
            let overlay = &self.sources.get(change.place.file).name;
            let folder = &overlay[..overlay.rfind('/').map_or(0, |at| at + 1)];
            path.starts_with(folder).then(|| change.number.as_deref()?.parse::<i64>().ok())?
        });
        own.or_else(|| object.integer(&["spec", "replicas"])).unwrap_or(1)
    }

    fn picked_at_random(&self, pods: &Pods<'i>) -> Vec<Finding> {
        let services = self.index.services_of(pods);
        let random = |job| match address::fixed(job, pods, &services)? {
            Passage::Random { by, what } => Some(twice::random(by, &what, pods)),
            _ => None,
        };
        self.jobs(pods).into_iter().filter_map(random).collect()
    }
}

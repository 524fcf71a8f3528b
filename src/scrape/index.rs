//! What a large repository needs so that scalers, pods, Services and monitors find each other without asking each other.

use std::collections::HashMap;

use super::monitor::{OF_PODS, OF_SERVICES};
use super::relabel::Labels;
use super::target::{Pods, Service, pairs};
use crate::inventory::{Inventory, Object};
use crate::source::Place;

/// A label and its value.
type Pair = (String, String);

/// Numbers of things by the first label that they ask for; those that ask for none stand apart.
#[derive(Debug, Default)]
struct ByLabel {
    asking: HashMap<Pair, Vec<usize>>,
    any: Vec<usize>,
}

impl ByLabel {
    fn insert(&mut self, wanted: &Labels, number: usize) {
        match wanted.first_key_value() {
            Some((name, value)) => self.asking.entry((name.clone(), value.clone())).or_default().push(number),
            None => self.any.push(number),
        }
    }

    /// Those of which at least the first wish is met, in their order.
    fn near<'l>(&self, labels: impl Iterator<Item = (&'l String, &'l String)>) -> Vec<usize> {
        let mut all = self.any.clone();
        for (name, value) in labels {
            all.extend(self.asking.get(&(name.clone(), value.clone())).into_iter().flatten());
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// At most so many of a kind are looked at for one workload.
const MOST: usize = 32;

/// How near two files are: the number of folders that they share; files of one folder are nearer, one file is nearest.
pub fn nearness(one: &str, other: &str) -> usize {
    if one == other {
        return usize::MAX;
    }
    let folder = |path: &str| path.rfind('/').unwrap_or(0);
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    if folder(one) == folder(other) && same >= folder(one) {
        return usize::MAX - 1;
    }
    one.bytes().take(same).filter(|byte| *byte == b'/').count()
}

/// Leaves out copies that are meant for somebody else: of objects of one name those whose files are nearest, and none of
/// another environment.
fn nearest<'o, T>(all: Vec<T>, object: impl Fn(&T) -> &'o Object<'o>, to: &Object<'_>) -> Vec<T> {
    if all.len() < 2 {
        return all;
    }
    let ranks: Vec<usize> = all.iter().map(|one| nearness(object(one).path, to.path)).collect();
    let mut best: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    let key = |one: &T| (object(one).name.as_str(), object(one).namespace.as_deref());
    for (one, rank) in all.iter().zip(&ranks) {
        let (name, namespace) = key(one);
        for group in [(name, namespace), (name, None)] {
            let best = best.entry(group).or_default();
            *best = (*best).max(*rank);
        }
    }
    let is_other = |one: &T| {
        let both = object(one).namespace.is_some() && to.namespace.is_some();
        !both && are_environments(object(one).path, to.path)
    };
    let has_own = !all.iter().all(&is_other);
    let stays = |one: &T, rank: usize| best[&key(one)] == rank && !(has_own && is_other(one));
    let mut chosen: Vec<bool> = all.iter().zip(&ranks).map(|(one, rank)| stays(one, *rank)).collect();
    if chosen.iter().filter(|is_chosen| **is_chosen).count() > MOST {
        let mut order: Vec<usize> = (0..all.len()).filter(|number| chosen[*number]).collect();
        order.sort_by_key(|number| std::cmp::Reverse(ranks[*number]));
        order.iter().skip(MOST).for_each(|number| chosen[*number] = false);
    }
    all.into_iter().zip(chosen).filter(|(_, is_chosen)| *is_chosen).map(|(one, _)| one).collect()
}

/// Whether two files part at folders that are environments: what is in one of them is not for the other.
pub fn are_environments(one: &str, other: &str) -> bool {
    const NAMES: [&str; 16] = [
        "dev",
        "development",
        "test",
        "testing",
        "qa",
        "uat",
        "stage",
        "staging",
        "preprod",
        "prod",
        "production",
        "local",
        "minikube",
        "kind",
        "sandbox",
        "live",
    ];
    const PARENTS: [&str; 6] = ["overlays", "environments", "envs", "env", "clusters", "stages"];
    let folders = |path| str::rsplit_once(path, '/').map_or("", |(folder, _)| folder).split('/');
    let (mut mine, mut theirs) = (folders(one), folders(other));
    let mut above = None;
    // The first folders in which the paths part.
    let (mine_next, theirs_next) = loop {
        match (mine.next(), theirs.next()) {
            (Some(one), Some(two)) if one == two => above = Some(one),
            (Some(one), Some(two)) => break (one, two),
            _ => return false,
        }
    };
    let is_environment = |folder: &str| folder.split(['-', '_', '.']).any(|word| NAMES.contains(&word));
    let below_parent = above.is_some_and(|folder| PARENTS.contains(&folder));
    below_parent || is_environment(mine_next) && is_environment(theirs_next)
}

/// Objects by what others look for in them.
#[derive(Debug)]
pub struct Index<'i> {
    services: Vec<Service<'i>>,
    services_by_label: ByLabel,
    pub monitors: Vec<&'i Object<'i>>,
    monitors_by_label: ByLabel,
    /// Services by each label that they carry, and workloads by each label of their pods.
    services_carrying: HashMap<Pair, Vec<usize>>,
    pods_carrying: HashMap<Pair, Vec<usize>>,
    /// Services by their names.
    services_named: HashMap<String, Vec<usize>>,
    pods: Vec<Pods<'i>>,
    /// Charts that are installed.
    pub releases: Vec<&'i Object<'i>>,
    inventory: &'i Inventory<'i>,
    recorded: HashMap<&'i str, Vec<(&'i Object<'i>, Place)>>,
}

impl<'i> Index<'i> {
    pub fn new(inventory: &'i Inventory<'i>) -> Self {
        let services: Vec<Service<'i>> = inventory.objects.iter().filter_map(Service::of).collect();
        let mut services_by_label = ByLabel::default();
        for (number, service) in
            services.iter().enumerate().filter(|(_, service)| !service.selector.is_empty())
        {
            services_by_label.insert(&service.selector, number);
        }
        let monitors: Vec<&Object<'_>> = inventory
            .objects
            .iter()
            .filter(|object| {
                let kinds = OF_SERVICES.iter().chain(&OF_PODS);
                !object.is_fragment && kinds.into_iter().any(|kind| *kind == object.kind())
            })
            .collect();
        let mut monitors_by_label = ByLabel::default();
        for (number, monitor) in monitors.iter().enumerate() {
            monitors_by_label.insert(&pairs(monitor.at(&["spec", "selector", "matchLabels"])), number);
        }
        let mut services_carrying: HashMap<Pair, Vec<usize>> = HashMap::new();
        let mut pods_carrying: HashMap<Pair, Vec<usize>> = HashMap::new();
        let pods: Vec<Pods<'i>> = inventory.objects.iter().filter_map(Pods::of).collect();
        let mut services_named: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, service) in services.iter().enumerate() {
            services_named.entry(service.object.name.clone()).or_default().push(number);
        }
        // Only monitors ask.
        if !monitors.is_empty() {
            for (number, service) in services.iter().enumerate() {
                for (name, value) in &service.labels {
                    services_carrying.entry((name.clone(), value.clone())).or_default().push(number);
                }
            }
            for (number, pods) in pods.iter().enumerate() {
                for (name, value) in &pods.labels {
                    pods_carrying.entry((name.clone(), value.clone())).or_default().push(number);
                }
            }
        }
        let mut recorded: HashMap<&str, Vec<(&Object<'_>, Place)>> = HashMap::new();
        for object in &inventory.objects {
            for (metric, place) in recording_rules(object) {
                recorded.entry(metric).or_default().push((object, place));
            }
        }
        Index {
            services,
            services_by_label,
            monitors,
            monitors_by_label,
            services_carrying,
            pods_carrying,
            services_named,
            pods,
            releases: inventory.kind("HelmRelease").chain(inventory.kind("Application")).collect(),
            inventory,
            recorded,
        }
    }

    /// The workload of this kind and name that may live beside an object.
    pub fn workload(&self, kind: &str, name: &str, beside: &Object<'_>) -> Option<&'i Object<'i>> {
        self.inventory.meant(kind, name, beside)
    }

    /// All workloads.
    pub fn workloads(&self) -> &[Pods<'i>] {
        &self.pods
    }

    /// All Services.
    pub fn services(&self) -> &[Service<'i>] {
        &self.services
    }

    /// Whether the Services here are all that there are, for all that these files say.
    pub fn is_all(&self) -> bool {
        super::whole::is_all(self.inventory)
    }

    /// The Services that select these pods.
    pub fn services_of(&self, pods: &Pods<'_>) -> Vec<&Service<'i>> {
        let near = self.services_by_label.near(pods.labels.iter());
        let all = near.into_iter().map(|number| &self.services[number]);
        nearest(all.filter(|service| service.selects(pods)).collect(), |service| service.object, pods.object)
    }

    /// The Services of this name.
    pub fn services_named(&self, name: &str) -> impl Iterator<Item = &Service<'i>> {
        self.services_named.get(name).into_iter().flatten().map(|number| &self.services[*number])
    }

    /// The Services near an object that carry the first of these labels.
    pub fn services_labelled(&self, wanted: &Labels, beside: &Object<'_>) -> Vec<&Service<'i>> {
        let Some((name, value)) = wanted.first_key_value() else { return Vec::new() };
        let numbers = self.services_carrying.get(&(name.clone(), value.clone()));
        let all = numbers.into_iter().flatten().map(|number| &self.services[*number]);
        nearest(all.collect(), |service| service.object, beside)
    }

    /// Whether one Service alone carries the first of these labels, in the whole repository.
    pub fn is_only_service(&self, wanted: &Labels) -> bool {
        let first = wanted.first_key_value();
        let numbers =
            first.and_then(|(name, value)| self.services_carrying.get(&(name.clone(), value.clone())));
        numbers.is_some_and(|numbers| numbers.len() == 1)
    }

    /// The Services near an object that select pods by labels among which these may be.
    pub fn services_asking(&self, wanted: &Labels, beside: &Object<'_>) -> Vec<&Service<'i>> {
        let near = self.services_by_label.near(wanted.iter());
        let all = near.into_iter().map(|number| &self.services[number]);
        nearest(all.collect(), |service| service.object, beside)
    }

    /// The workloads near an object whose pods carry the first of these labels.
    pub fn pods_labelled(&self, wanted: &Labels, beside: &Object<'_>) -> Vec<&Pods<'i>> {
        let first = wanted.first_key_value();
        let numbers = first.and_then(|(name, value)| self.pods_carrying.get(&(name.clone(), value.clone())));
        let all = numbers.into_iter().flatten().map(|number| &self.pods[*number]);
        nearest(all.collect(), |pods| pods.object, beside)
    }

    /// The monitors that may have something to do with these pods and their Services.
    pub fn monitors_of(&self, pods: &Pods<'_>, services: &[&Service<'_>]) -> Vec<&'i Object<'i>> {
        let behind = services.iter().flat_map(|service| service.labels.iter().chain(&service.selector));
        let near = self.monitors_by_label.near(pods.labels.iter().chain(behind));
        let all: Vec<&'i Object<'i>> = near.into_iter().map(|number| self.monitors[number]).collect();
        nearest(all, |object| object, pods.object)
    }

    /// Where recording rules make this metric.
    pub fn recorded(&self, metric: &str) -> &[(&'i Object<'i>, Place)] {
        self.recorded.get(metric).map(Vec::as_slice).unwrap_or_default()
    }
}

fn recording_rules<'i>(object: &'i Object<'i>) -> impl Iterator<Item = (&'i str, Place)> {
    object.rules().filter_map(|rule| {
        let node = rule.get("record")?;
        Some((node.as_str()?, object.place(node)))
    })
}

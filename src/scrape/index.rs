//! What a large repository needs so that scalers, pods, Services and monitors find each other without asking each other.

use std::collections::HashMap;

use super::monitor::{OF_PODS, OF_SERVICES};
use super::relabel::Labels;
use super::target::{Pods, Service, pairs};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
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

/// Objects by what others look for in them.
#[derive(Debug)]
pub struct Index<'i> {
    services: Vec<Service<'i>>,
    services_by_label: ByLabel,
    pub monitors: Vec<&'i Object<'i>>,
    monitors_by_label: ByLabel,
    /// Services by each label that they carry, and workloads by each label of their pods.
    services_carrying: HashMap<Pair, Vec<usize>>,
    pods_carrying: HashMap<Pair, Vec<&'i Object<'i>>>,
    inventory: &'i Inventory<'i>,
    recorded: HashMap<&'i str, Place>,
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
        let mut pods_carrying: HashMap<Pair, Vec<&Object<'_>>> = HashMap::new();
        // Only monitors ask.
        if !monitors.is_empty() {
            for (number, service) in services.iter().enumerate() {
                for (name, value) in &service.labels {
                    services_carrying.entry((name.clone(), value.clone())).or_default().push(number);
                }
            }
            for object in &inventory.objects {
                for pair in Pods::labels_of(object) {
                    pods_carrying.entry(pair).or_default().push(object);
                }
            }
        }
        let mut recorded = HashMap::new();
        for (metric, place) in inventory.objects.iter().flat_map(recording_rules) {
            recorded.entry(metric).or_insert(place);
        }
        Index {
            services,
            services_by_label,
            monitors,
            monitors_by_label,
            services_carrying,
            pods_carrying,
            inventory,
            recorded,
        }
    }

    /// The workload of this kind and name that may live beside an object.
    pub fn workload(&self, kind: &'i str, name: &str, beside: &Object<'_>) -> Option<&'i Object<'i>> {
        self.inventory.meant(kind, name, beside)
    }

    /// The Services that select these pods.
    pub fn services_of(&self, pods: &Pods<'_>) -> Vec<&Service<'i>> {
        let near = self.services_by_label.near(pods.labels.iter());
        near.into_iter()
            .map(|number| &self.services[number])
            .filter(|service| service.selects(pods))
            .collect()
    }

    /// The Services that carry the first of these labels.
    pub fn services_labelled(&self, wanted: &Labels) -> Vec<&Service<'i>> {
        let Some((name, value)) = wanted.first_key_value() else { return Vec::new() };
        let numbers = self.services_carrying.get(&(name.clone(), value.clone()));
        numbers.into_iter().flatten().map(|number| &self.services[*number]).collect()
    }

    /// The Services that select pods by labels among which these may be.
    pub fn services_asking(&self, wanted: &Labels) -> Vec<&Service<'i>> {
        let near = self.services_by_label.near(wanted.iter());
        near.into_iter().map(|number| &self.services[number]).collect()
    }

    /// The workloads whose pods carry the first of these labels.
    pub fn pods_labelled(&self, wanted: &Labels) -> Vec<&'i Object<'i>> {
        let Some((name, value)) = wanted.first_key_value() else { return Vec::new() };
        self.pods_carrying.get(&(name.clone(), value.clone())).cloned().unwrap_or_default()
    }

    /// The monitors that may have something to do with these pods and their Services.
    pub fn monitors_of(&self, pods: &Pods<'_>, services: &[&Service<'_>]) -> Vec<&'i Object<'i>> {
        let behind = services.iter().flat_map(|service| service.labels.iter().chain(&service.selector));
        let near = self.monitors_by_label.near(pods.labels.iter().chain(behind));
        near.into_iter().map(|number| self.monitors[number]).collect()
    }

    /// Where a recording rule makes this metric.
    pub fn recorded(&self, metric: &str) -> Option<Place> {
        self.recorded.get(metric).copied()
    }
}

fn recording_rules<'i>(object: &'i Object<'i>) -> impl Iterator<Item = (&'i str, Place)> {
    let groups = object.at(&["spec", "groups"]).or_else(|| object.at(&["groups"]));
    let rules = groups
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .flat_map(|group| group.get("rules").map(Node::items).unwrap_or_default());
    rules.filter_map(|rule| {
        let node = rule.get("record")?;
        Some((node.as_str()?, object.place(node)))
    })
}

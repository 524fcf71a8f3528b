//! Whether rules let in anybody who could be a Prometheus, or KEDA, where that is in no file.

use super::{is_open, opens};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::scrape::monitor::selected;
use crate::scrape::relabel::Labels;
use crate::scrape::target::{Pods, pairs};

/// Words in names and labels of whoever may scrape, or hand on what others scrape.
pub const WATCHERS: [&str; 25] = [
    "prom",
    "monitor",
    "metric",
    "observ",
    "scrap",
    "telemetry",
    "otel",
    "collector",
    "agent",
    "alloy",
    "grafana",
    "victoria",
    "vmsingle",
    "mimir",
    "thanos",
    "cortex",
    "datadog",
    "newrelic",
    "dynatrace",
    "telegraf",
    "vector",
    "fluent",
    "kube-system",
    "cattle",
    "vmagent",
];

/// Namespaces from which requests of the outside come.
const DOORS: [&str; 8] = ["ingress", "traefik", "istio", "gateway", "kong", "contour", "haproxy", "envoy"];

/// Labels that name a workload, as against those that several share.
const NAMING: [&str; 7] = [
    "app",
    "app.kubernetes.io/name",
    "app.kubernetes.io/component",
    "k8s-app",
    "component",
    "service",
    "io.kompose.service",
];

/// How sure it is that a peer is no Prometheus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sure {
    Likely,
    /// It is a workload of the repository.
    Certain,
}

/// Whoever is looked for among those who are let in.
pub struct Wanted<'a> {
    pub workloads: &'a [Pods<'a>],
    /// Parts of its name, and of the names of what it may be.
    pub words: &'a [&'a str],
    /// The Namespaces of the repository.
    pub namespaces: &'a [&'a Object<'a>],
}

impl Wanted<'_> {
    /// The Namespace that a peer means by a label which it does not carry: nobody in it is let in.
    ///
    /// Source: kubernetes/kubernetes pkg/registry/core/namespace/strategy.go: the API server writes one label of its own,
    /// `kubernetes.io/metadata.name`.
    pub fn unlabelled(&self, peer: &Node) -> Option<&Object<'_>> {
        let selector = peer.get("namespaceSelector").filter(|selector| !is_open(selector))?;
        let labels = pairs(selector.get("matchLabels"));
        let meant = labels.iter().find_map(|(key, value)| {
            let is_of_its_own = key != "kubernetes.io/metadata.name";
            self.namespaces.iter().find(|space| is_of_its_own && space.name == *value)
        })?;
        let lacks = |space: &&&Object<'_>| {
            let mut own: Labels = space.labels().into_iter().collect();
            own.insert("kubernetes.io/metadata.name".to_string(), space.name.clone());
            let is_known = space.patched.is_empty() && !own.values().any(|value| has_variable(value));
            is_known && selected(selector, &own) == Some(false)
        };
        // Neither one of its copies nor another one carries it.
        self.namespaces.iter().all(|space| lacks(&space)).then_some(*meant)
    }

    /// Those of whom a rule lets nobody in, in words.
    pub fn missing_label(&self, rule: &Node) -> Option<String> {
        let peers = rule.get("from").map(Node::items).unwrap_or_default();
        let space = peers.iter().find_map(|peer| self.unlabelled(peer))?;
        Some(format!("the Namespace `{}` of these files carries no such label", space.name))
    }

    fn is_it(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.words.iter().any(|word| text.contains(word))
    }

    /// How sure it is that none of these rules lets it in at these ports; None: one of them may.
    pub fn is_left_out(
        &self,
        rules: &[(&Object<'_>, &Node)],
        ports: &[i64],
        pods: &Pods<'_>,
    ) -> Option<Sure> {
        let mut sure = Sure::Certain;
        for (policy, rule) in rules {
            if is_open(rule) {
                return None;
            }
            if opens(rule, ports, pods) == Some(false) {
                continue;
            }
            let peers = rule.get("from").map(Node::items).unwrap_or_default();
            if peers.is_empty() {
                return None;
            }
            for peer in peers {
                sure = sure.min(self.is_somebody_else(policy, peer)?);
            }
        }
        Some(sure)
    }

    fn is_somebody_else(&self, policy: &Object<'_>, peer: &Node) -> Option<Sure> {
        // Of addresses nothing is known.
        if peer.get("ipBlock").is_some() {
            return None;
        }
        let Some(namespaces) = peer.get("namespaceSelector") else {
            return self.is_named(peer.get("podSelector")?, policy.namespace.as_deref());
        };
        let labels = pairs(namespaces.get("matchLabels"));
        if self.unlabelled(peer).is_some() {
            return Some(Sure::Certain);
        }
        let (_, name) = labels.first_key_value()?;
        let has_more = labels.len() > 1 || namespaces.get("matchExpressions").is_some();
        if has_more || self.is_it(name) {
            return None;
        }
        if DOORS.iter().any(|door| name.contains(door)) {
            return Some(Sure::Likely);
        }
        let is_by_name = labels.contains_key("kubernetes.io/metadata.name");
        let selector = peer.get("podSelector").filter(|_| is_by_name)?;
        self.is_named(selector, Some(name))
    }

    /// Whether a selector means workloads by their names, and none of them scrapes.
    fn is_named(&self, selector: &Node, namespace: Option<&str>) -> Option<Sure> {
        let labels = pairs(selector.get("matchLabels"));
        let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
        let is_in = |one: &Node| one.get("operator").and_then(Node::as_str) == Some("In");
        if labels.is_empty() && expressions.is_empty() || !expressions.iter().all(is_in) {
            return None;
        }
        let values = expressions.iter().filter_map(|one| one.get("values")).flat_map(Node::items);
        let words: Vec<String> = labels
            .iter()
            .flat_map(|(name, value)| [name.clone(), value.clone()])
            .chain(values.filter_map(Node::as_written))
            .collect();
        if words.iter().any(|word| self.is_it(word)) {
            return None;
        }
        let keys = expressions.iter().filter_map(|one| one.get("key").and_then(Node::as_str));
        let is_naming = labels.keys().map(String::as_str).chain(keys).any(|key| NAMING.contains(&key));
        let meant = self.workloads.iter().filter(|pods| {
            namespace.is_none_or(|namespace| pods.object.may_be_in(namespace))
                && selected(selector, &pods.labels) == Some(true)
        });
        let mut is_here = false;
        for pods in meant {
            is_here = true;
            if self.is_it(&pods.object.name) || pods.images().any(|image| self.is_it(image)) {
                return None;
            }
        }
        match (is_here, is_naming) {
            (true, true) => Some(Sure::Certain),
            (false, false) => None,
            _ => Some(Sure::Likely),
        }
    }
}

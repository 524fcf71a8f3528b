//! Who asks: the Prometheus objects, releases and pods of a repository, and whether a rule means them.

use super::is_open;
use crate::inventory::Object;
use crate::manifest::Node;
use crate::scrape::monitor::selected;
use crate::scrape::relabel::Labels;
use crate::scrape::target::{Pods, pairs};
use crate::scrape::world::World;
use crate::source::Place;

/// A Prometheus that may ask.
pub struct Asker {
    pub place: Place,
    pub what: String,
    pub namespace: Option<String>,
    pub labels: Labels,
    /// Whether these are all labels that its pods have.
    pub is_whole: bool,
    /// Whether it stands in the files; else only its address does.
    pub is_here: bool,
}

impl World<'_> {
    /// Everybody of the repository who may scrape by a monitor, or by a job; without them the one that triggers ask.
    pub fn askers(&self, is_monitor: bool) -> Vec<Asker> {
        let mut all: Vec<Asker> = self.operators.all.iter().map(|object| of_operator(object)).collect();
        all.extend(self.operators.releases().map(|(object, namespace)| Asker {
            place: object.name_place(),
            what: "the Prometheus of kube-prometheus-stack".to_string(),
            namespace,
            labels: [("app.kubernetes.io/name".to_string(), "prometheus".to_string())].into(),
            is_whole: false,
            is_here: true,
        }));
        if !is_monitor {
            let is_one = |pods: &&Pods<'_>| {
                pods.images()
                    .any(|image| image.contains("prom/prometheus") || image.contains("prometheus/prometheus"))
            };
            all.extend(self.index.workloads().iter().filter(is_one).map(|pods| Asker {
                place: pods.object.name_place(),
                what: format!("the {} `{}`", pods.object.kind(), pods.object.name),
                namespace: pods.object.namespace.clone(),
                labels: pods.labels.clone(),
                is_whole: pods.object.at(&["spec", "template", "spec", "hostNetwork"]).is_none(),
                is_here: true,
            }));
        }
        if all.is_empty() {
            all.extend(self.asked.as_ref().filter(|asked| asked.is_prometheus).map(|asked| Asker {
                place: asked.place,
                what: "the Prometheus that the triggers ask".to_string(),
                namespace: Some(asked.namespace.clone()),
                labels: Labels::new(),
                is_whole: false,
                is_here: false,
            }));
        }
        all
    }

    /// Whether a rule lets a Prometheus in, at whatever port; None where it cannot be told.
    pub fn lets_in(&self, policy: &Object<'_>, rule: &Node, asker: &Asker) -> Option<bool> {
        if is_open(rule) {
            return None;
        }
        let peers = rule.get("from").map(Node::items).unwrap_or_default();
        if peers.is_empty() {
            return Some(true);
        }
        let mut verdict = Some(false);
        for peer in peers {
            match self.is_meant_by(policy, peer, asker) {
                Some(true) => return Some(true),
                None => verdict = None,
                Some(false) => {}
            }
        }
        verdict
    }

    fn is_meant_by(&self, policy: &Object<'_>, peer: &Node, asker: &Asker) -> Option<bool> {
        // Of addresses nothing is known.
        if peer.get("ipBlock").is_some() {
            return None;
        }
        let (pods, namespaces) = (peer.get("podSelector"), peer.get("namespaceSelector"));
        let by_namespace = match (namespaces, &asker.namespace) {
            (Some(selector), _) if selector.entries().is_empty() => Some(true),
            (Some(selector), Some(namespace)) => self.operators.namespace_selected(selector, namespace),
            (Some(_), None) => None,
            (None, Some(own)) => policy.namespace.as_ref().map(|other| own == other),
            (None, None) => None,
        };
        let by_pod = match pods {
            None => namespaces.map(|_| true),
            Some(selector) => asker.is(selector),
        };
        match (by_namespace, by_pod) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

/// The pods that the operator makes of a Prometheus.
///
/// Source: prometheus-operator/prometheus-operator pkg/prometheus/server/statefulset.go, makeStatefulSetSpec.
fn of_operator(object: &Object<'_>) -> Asker {
    let program = if object.kind() == "PrometheusAgent" { "prometheus-agent" } else { "prometheus" };
    let mut labels = pairs(object.at(&["spec", "podMetadata", "labels"]));
    for (name, value) in [
        ("app.kubernetes.io/name", program),
        ("app.kubernetes.io/managed-by", "prometheus-operator"),
        ("app.kubernetes.io/instance", &object.name),
        ("operator.prometheus.io/name", &object.name),
        ("prometheus", &object.name),
    ] {
        labels.insert(name.to_string(), value.to_string());
    }
    Asker {
        place: object.name_place(),
        what: format!("the {} `{}`", object.kind(), object.name),
        namespace: object.namespace.clone(),
        labels,
        is_whole: false,
        is_here: true,
    }
}

impl Asker {
    /// Whether a selector means its pods.
    fn is(&self, selector: &Node) -> Option<bool> {
        let keys = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
        let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
        let of_expressions = expressions.iter().filter_map(|node| node.get("key").and_then(Node::as_str));
        let mut all = keys.iter().map(|entry| entry.key.as_str()).chain(of_expressions);
        let is_told = self.is_whole || all.all(|key| self.labels.contains_key(key));
        selected(selector, &self.labels).filter(|_| is_told)
    }
}

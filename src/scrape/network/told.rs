//! What is told of policies: pods that are kept apart, and rules in words.

use std::collections::HashSet;

use super::asker::Asker;
use super::nobody::{Sure, WATCHERS, Wanted};
use super::rules_of;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::scrape::rules::NETWORK_POLICY;
use crate::scrape::stock::is_stock;
use crate::scrape::target::Pods;
use crate::scrape::way::Passage;
use crate::scrape::world::World;
use crate::source::Place;

impl World<'_> {
    /// What a Prometheus is instead of what a rule lets in.
    pub fn differs(&self, rule: &Node, asker: &Asker) -> String {
        let peer = rule.get("from").map(Node::items).unwrap_or_default().first();
        let namespaces = peer.and_then(|peer| peer.get("namespaceSelector"));
        let pods = peer.and_then(|peer| peer.get("podSelector"));
        let wanted = pods.and_then(|selector| selector.get("matchLabels")).map(Node::entries);
        let other = wanted.unwrap_or_default().iter().find(|entry| {
            let own = asker.labels.get(&entry.key);
            (own.is_some() || asker.is_whole) && own != entry.node.as_written().as_ref()
        });
        let what = &asker.what;
        match (&asker.namespace, namespaces, other) {
            (Some(namespace), Some(selector), _)
                if self.operators.namespace_selected(selector, namespace) == Some(false) =>
            {
                format!("{what} runs in the namespace `{namespace}`, which carries no such label")
            }
            (_, _, Some(entry)) => match asker.labels.get(&entry.key) {
                Some(value) => format!("the pods of {what} carry `{}={value}`", entry.key),
                None => format!("the pods of {what} have no label `{}`", entry.key),
            },
            (Some(namespace), ..) => format!("{what} runs in the namespace `{namespace}`"),
            (None, ..) => format!("{what} is somebody else"),
        }
    }

    /// Pods that somebody wants to scrape and a policy keeps apart, each namespace once. `told`: policies of which a scaler
    /// tells.
    pub fn kept_apart(&self, told: &HashSet<Place>) -> Vec<Finding> {
        if self.policies.all.is_empty() {
            return Vec::new();
        }
        let mut findings: Vec<(Finding, Option<&str>, usize)> = Vec::new();
        for pods in self.index.workloads() {
            // What has no metrics anyway loses none; to open a database for that would be worse.
            if is_stock(pods) {
                continue;
            }
            let mut passages = self.passages(pods);
            passages.extend(self.annotated(pods, &passages));
            if passages.iter().any(|passage| passage.scraped().is_some()) {
                continue;
            }
            let blocked = passages.iter().find_map(|passage| match passage {
                Passage::Blocked { by, what, why, help, is_sure } => {
                    let policy = self.policies.all.iter().find(|policy| policy.name_place() == *by)?;
                    Some((policy, what, why, help, *is_sure))
                }
                _ => None,
            });
            let Some((policy, what, why, help, is_sure)) = blocked else { continue };
            let by = policy.name_place();
            if told.contains(&by) {
                continue;
            }
            let namespace = pods.object.namespace.as_deref();
            // One rule for the namespace mends all of them.
            if let Some((.., more)) = findings.iter_mut().find(|(_, other, _)| *other == namespace) {
                *more += 1;
                continue;
            }
            let message = format!("Prometheus does not reach the pods of `{}`", pods.object.name);
            let mut finding = Finding::new(&NETWORK_POLICY, by, message)
                .related(pods.object.name_place(), format!("{what} would scrape these pods"))
                .why(format!("{why}: where NetworkPolicies are enforced, the target is down, and its series do not exist"));
            let asker = self.askers(false).into_iter().next();
            if let Some(asker) = &asker {
                let what = if asker.is_here {
                    "the Prometheus of these files"
                } else {
                    "the Prometheus that is asked"
                };
                finding = finding.related(asker.place, what);
            }
            if let Some(help) = help {
                finding = finding.help(help.clone());
            }
            let is_here = asker.as_ref().is_some_and(|asker| asker.is_here);
            let holds_all = policy.at(&["spec", "ingress"]).is_none_or(|node| node.items().is_empty());
            finding.severity = match is_sure {
                true if asker.is_none() || self.is_certain(pods) => Severity::Error,
                // Where all is closed, others often let in what they need.
                false if is_here || holds_all => Severity::Note,
                _ => Severity::Warning,
            };
            findings.push((finding, namespace, 0));
        }
        let with_more = |(finding, _, more): (Finding, Option<&str>, usize)| match more {
            0 => finding,
            more => finding.label(format!("nor those of {more} more workloads of this namespace")),
        };
        findings.into_iter().map(with_more).collect()
    }
}

impl World<'_> {
    /// Whether all who are let in are workloads of the repository, and none of them scrapes.
    fn is_certain(&self, pods: &Pods<'_>) -> bool {
        let rules = self.policies.holding(pods).map(|own| rules_of(&own)).unwrap_or_default();
        !rules.is_empty() && self.watchers().is_left_out(&rules, &[], pods) == Some(Sure::Certain)
    }

    /// Whoever may scrape.
    pub fn watchers(&self) -> Wanted<'_> {
        Wanted {
            workloads: self.index.workloads(),
            words: &WATCHERS,
            namespaces: self.operators.namespaces(),
        }
    }

    /// What policies do with pods that ask to be scraped by an annotation, where whoever reads it is in no file.
    fn annotated(&self, pods: &Pods<'_>, passages: &[Passage]) -> Option<Passage> {
        let asks = pods.annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
        if !asks || !passages.is_empty() || !self.operators.is_empty() || self.configs.pushes.is_some() {
            return None;
        }
        if !self.configs.jobs.is_empty() || self.askers(false).iter().any(|asker| asker.is_here) {
            return None;
        }
        let port = pods.annotations.get("prometheus.io/port").and_then(|port| port.parse().ok());
        let ports: Vec<i64> = port.into_iter().collect();
        let what = "whoever reads `prometheus.io/scrape`".to_string();
        Some(self.closed(pods, &ports, false)?.passage(what))
    }
}

/// The ports of a rule, in words.
pub fn listed(rule: &Node) -> String {
    let ports = rule.get("ports").map(Node::items).unwrap_or_default();
    let one = |node: &Node| {
        let port = node.get("port")?.as_written()?;
        let protocol = node.get("protocol").and_then(Node::as_str).filter(|protocol| *protocol != "TCP");
        Some(protocol.map_or(port.clone(), |protocol| format!("{port}/{protocol}")))
    };
    let all: Vec<String> = ports.iter().filter_map(one).collect();
    match all.as_slice() {
        [] => "ports of another protocol".to_string(),
        [one] => format!("port {one}"),
        _ => format!("ports {}", all.join(", ")),
    }
}

/// Whom a rule lets in, in words.
pub fn admits(rule: &Node, policy: &Object<'_>) -> String {
    /// More are not listed.
    const MOST: usize = 3;
    let shown = |selector: &Node| {
        let labels: Vec<String> = selector
            .get("matchLabels")
            .map(Node::pairs)
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if labels.is_empty() {
            "as its expressions ask".to_string()
        } else {
            format!("`{}`", labels.join(","))
        }
    };
    let one = |peer: &Node| match (peer.get("podSelector"), peer.get("namespaceSelector")) {
        (Some(pods), None) if pods.entries().is_empty() => {
            format!("pods of its own namespace `{}`", policy.namespace_text())
        }
        (Some(pods), None) => {
            format!("pods labelled {} of its own namespace `{}`", shown(pods), policy.namespace_text())
        }
        (Some(pods), Some(namespaces)) if namespaces.entries().is_empty() => {
            format!("pods labelled {} of any namespace", shown(pods))
        }
        (Some(pods), Some(namespaces)) if !pods.entries().is_empty() => {
            format!("pods labelled {} of namespaces labelled {}", shown(pods), shown(namespaces))
        }
        (_, Some(namespaces)) => format!("namespaces labelled {}", shown(namespaces)),
        (None, None) => "addresses".to_string(),
    };
    let peers = rule.get("from").map(Node::items).unwrap_or_default();
    let all: Vec<String> = peers.iter().take(MOST).map(one).collect();
    all.join(" and ")
}

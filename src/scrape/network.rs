//! NetworkPolicies between Prometheus and the pods that it scrapes.
//!
//! Source: kubernetes/api networking/v1/types.go: a policy without `policyTypes` is for what comes in; pods that some
//! policy selects are closed but for what one of those policies lets in; a rule without `from` is for everybody, one
//! without `ports` for every port; a `podSelector` alone means pods of the policy's own namespace.

mod asker;
mod keda;
mod nobody;
mod told;

use super::monitor::selected;
use super::target::Pods;
use super::way::{Endpoint, Passage};
use super::world::World;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use asker::Asker;
pub use keda::{Gate, Gates};
use nobody::{Sure, Wanted};
use told::{admits, listed};

/// The policies of a repository.
#[derive(Debug, Default)]
pub struct Policies<'i> {
    all: Vec<&'i Object<'i>>,
}

/// What keeps Prometheus out.
struct Closed<'i> {
    policy: &'i Object<'i>,
    why: String,
    help: String,
    is_sure: bool,
}

impl Closed<'_> {
    fn passage(self, what: String) -> Passage {
        let (by, help) = (self.policy.name_place(), Some(self.help));
        Passage::Blocked { by, what, why: self.why, help, is_sure: self.is_sure }
    }
}

impl<'i> Policies<'i> {
    pub fn new(inventory: &'i Inventory<'i>) -> Self {
        // Policies of other kinds may let in what these do not.
        let is_other = |object: &Object<'_>| {
            let kind = object.kind();
            kind != "NetworkPolicy" && kind.ends_with("NetworkPolicy")
                || kind == "NetworkPolicy" && object.group() != "networking.k8s.io"
        };
        if inventory.objects.iter().any(is_other) {
            return Policies::default();
        }
        let is_inward = |object: &&'i Object<'i>| {
            let types = object.at(&["spec", "policyTypes"]).map(Node::items);
            types.is_none_or(|types| {
                types.is_empty() || types.iter().any(|node| node.as_str() == Some("Ingress"))
            })
        };
        Policies { all: inventory.kind("NetworkPolicy").filter(is_inward).collect() }
    }

    /// The policies that hold these pods; None: it cannot be told which.
    pub fn holding(&self, pods: &Pods<'_>) -> Option<Vec<&'i Object<'i>>> {
        let host = pods.object.at(&["spec", "template", "spec", "hostNetwork"]).and_then(Node::as_written);
        // What a node does itself is not held back.
        if host.is_some_and(|value| value != "false") {
            return None;
        }
        let mut own = Vec::new();
        for policy in &self.all {
            if is_for(policy, pods)? {
                own.push(*policy);
            }
        }
        Some(own)
    }
}

/// Whether a policy is for these pods; None where it cannot be told.
fn is_for(policy: &Object<'_>, pods: &Pods<'_>) -> Option<bool> {
    if !policy.meets(pods.object) {
        return Some(false);
    }
    let both = policy.namespace.is_some() && pods.object.namespace.is_some();
    if !both && super::are_environments(policy.path, pods.object.path) {
        return Some(false);
    }
    let is_patched = policy.patched.iter().any(|path| path.first().is_none_or(|first| first == "spec"));
    let selector = policy.at(&["spec", "podSelector"]).filter(|_| !is_patched)?;
    if is_open(selector) {
        return None;
    }
    let is_selected = selected(selector, &pods.labels)?;
    if !is_selected {
        return Some(false);
    }
    let is_sure = both || policy.namespace == pods.object.namespace && policy.is_beside(pods.object);
    is_sure.then_some(true)
}

/// Whether something in it is filled in later.
fn is_open(node: &Node) -> bool {
    node.as_str().is_some_and(has_variable)
        || node.entries().iter().any(|entry| has_variable(&entry.key) || is_open(&entry.node))
        || node.items().iter().any(is_open)
}

impl<'i> World<'i> {
    /// The way, unless a policy stands in it.
    pub fn admitted(&self, pods: &Pods<'_>, passage: Passage) -> Passage {
        if self.policies.all.is_empty() {
            return passage;
        }
        let (what, endpoints, is_monitor): (&str, &[Endpoint], bool) = match &passage {
            Passage::Scraped(scraped) => (&scraped.what, &scraped.endpoints, scraped.is_monitor),
            Passage::Random { what, .. } => (what, &[], false),
            _ => return passage,
        };
        // Google's own collectors run on the nodes.
        if what.contains("PodMonitoring") {
            return passage;
        }
        // Through a Service the port may be that of the Service.
        let is_own = |(port, _): &&Endpoint| is_monitor || pods.ports.iter().any(|own| own.is_number(port));
        let ports: Vec<i64> =
            endpoints.iter().filter(is_own).filter_map(|(port, _)| port.parse().ok()).collect();
        match self.closed(pods, &ports, is_monitor) {
            Some(closed) => closed.passage(what.to_string()),
            None => passage,
        }
    }

    /// Why no Prometheus of the repository reaches these pods at these ports.
    fn closed(&self, pods: &Pods<'_>, ports: &[i64], is_monitor: bool) -> Option<Closed<'i>> {
        let own = self.policies.holding(pods)?;
        let policy = *own.first()?;
        let rules = rules_of(&own);
        let askers = self.askers(is_monitor);
        let port = ports.first().map(|port| format!(", ports: [{{port: {port}}}]")).unwrap_or_default();
        let from = |asker: Option<&Asker>| {
            let namespace = asker.and_then(|asker| asker.namespace.as_deref()).unwrap_or("monitoring");
            format!(
                "add to its `ingress`: `{{from: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}]{port}}}`"
            )
        };
        if rules.is_empty() {
            let why = format!("the NetworkPolicy `{}` lets nobody in", policy.name);
            let (help, is_sure) = (from(askers.first()), askers.iter().any(|asker| asker.is_here));
            return Some(Closed { policy, why, help, is_sure });
        }
        let lets_in = |asker: &Asker| {
            rules.iter().any(|(policy, rule)| {
                self.lets_in(policy, rule, asker) != Some(false) && opens(rule, ports, pods) != Some(false)
            })
        };
        let by_peers = || without_asker(&rules, ports, pods, &self.watchers(), from(askers.first()));
        let Some(first) = askers.first() else { return by_peers() };
        if askers.iter().any(lets_in) {
            return if first.is_here { None } else { by_peers() };
        }
        let by_port = rules.iter().find(|(policy, rule)| self.lets_in(policy, rule, first) != Some(false));
        let (policy, why, help) = match by_port {
            Some((policy, rule)) => {
                let port = ports.first().copied().unwrap_or_default();
                let why = format!(
                    "the NetworkPolicy `{}` lets {} in at the {} only, and the metrics are at {port}",
                    policy.name,
                    first.what,
                    listed(rule)
                );
                let help = "a policy counts the ports of the pods, not those of Services";
                (*policy, why, format!("write `port: {port}` into its `ports`: {help}"))
            }
            None => {
                // The one that was meant for it says most.
                let meant = rules.iter().find(|(_, rule)| is_meant(rule)).or(rules.first());
                let (policy, rule) = meant.copied()?;
                let why = format!(
                    "the NetworkPolicy `{}` lets only {} in, and {}",
                    policy.name,
                    admits(rule, policy),
                    self.differs(rule, first)
                );
                (policy, why, from(Some(first)))
            }
        };
        Some(Closed { policy, why, help, is_sure: true })
    }
}

/// The rules of policies, each with its policy.
fn rules_of<'i>(policies: &[&'i Object<'i>]) -> Vec<(&'i Object<'i>, &'i Node)> {
    let one = |policy: &&'i Object<'i>| {
        let policy = *policy;
        let rules = policy.at(&["spec", "ingress"]).map(Node::items).unwrap_or_default();
        rules.iter().map(move |rule| (policy, rule))
    };
    policies.iter().flat_map(one).collect()
}

/// What is told where no Prometheus is here, and none of the peers could be one.
fn without_asker<'i>(
    rules: &[(&'i Object<'i>, &'i Node)],
    ports: &[i64],
    pods: &Pods<'_>,
    watchers: &Wanted<'_>,
    help: String,
) -> Option<Closed<'i>> {
    let sure = watchers.is_left_out(rules, ports, pods)?;
    let is_opening = |(_, rule): &&(&Object<'_>, &Node)| opens(rule, ports, pods) != Some(false);
    let why = match rules.iter().find(is_opening) {
        Some((policy, rule)) => {
            let peers = admits(rule, policy);
            let nobody = "a Prometheus is none of them".to_string();
            let nobody = watchers.missing_label(rule).unwrap_or(nobody);
            format!("the NetworkPolicy `{}` lets only {peers} in, and {nobody}", policy.name)
        }
        None => {
            let (policy, rule) = rules.first()?;
            let port = ports.first()?;
            let open = listed(rule);
            format!(
                "the NetworkPolicy `{}` opens the {open} only, and the metrics are at {port}",
                policy.name
            )
        }
    };
    let (policy, _) = rules.iter().find(is_opening).or(rules.first())?;
    Some(Closed { policy, why, help, is_sure: sure == Sure::Certain })
}

/// Whether a rule opens one of these ports; None where it cannot be told.
fn opens(rule: &Node, ports: &[i64], pods: &Pods<'_>) -> Option<bool> {
    let open = rule.get("ports").map(Node::items).unwrap_or_default();
    if open.is_empty() {
        return Some(true);
    }
    if ports.is_empty() || is_open(rule) {
        return None;
    }
    let is_open = |node: &Node| {
        let protocol = node.get("protocol").and_then(Node::as_str).unwrap_or("TCP");
        if protocol != "TCP" {
            return false;
        }
        let Some(written) = node.get("port").and_then(Node::as_written) else { return true };
        let end = node.get("endPort").and_then(Node::as_written).and_then(|end| end.parse::<i64>().ok());
        match written.parse::<i64>() {
            Ok(start) => ports.iter().any(|port| (start..=end.unwrap_or(start)).contains(port)),
            Err(_) => pods
                .ports
                .iter()
                .any(|own| own.name == written && own.number.is_some_and(|number| ports.contains(&number))),
        }
    };
    Some(open.iter().any(is_open))
}

/// Whether somebody thought of Prometheus when a rule was written.
fn is_meant(rule: &Node) -> bool {
    let says = |text: &str| text.contains("prometheus") || text.contains("monitoring");
    let mut stack = vec![rule];
    while let Some(node) = stack.pop() {
        if node.as_str().is_some_and(says) {
            return true;
        }
        stack.extend(node.items());
        stack.extend(node.entries().iter().map(|entry| &entry.node));
    }
    false
}

//! NetworkPolicies between Prometheus and the pods that it scrapes.
//!
//! Source: kubernetes/api networking/v1/types.go: a policy without `policyTypes` is for what comes in; pods that some
//! policy selects are closed but for what one of those policies lets in; a rule without `from` is for everybody, one
//! without `ports` for every port; a `podSelector` alone means pods of the policy's own namespace.

mod asker;
mod told;

use super::coverage::World;
use super::monitor::selected;
use super::target::Pods;
use super::way::{Endpoint, Passage};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use asker::Asker;
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
        // Through a Service the port may be that of the Service.
        let is_own = |(port, _): &&Endpoint| is_monitor || pods.ports.iter().any(|own| own.is_number(port));
        let ports: Vec<i64> =
            endpoints.iter().filter(is_own).filter_map(|(port, _)| port.parse().ok()).collect();
        match self.closed(pods, &ports, is_monitor) {
            Some(closed) => Passage::Blocked {
                by: closed.policy.name_place(),
                what: what.to_string(),
                why: closed.why,
                help: Some(closed.help),
                is_sure: closed.is_sure,
            },
            None => passage,
        }
    }

    /// Why no Prometheus of the repository reaches these pods at these ports.
    fn closed(&self, pods: &Pods<'_>, ports: &[i64], is_monitor: bool) -> Option<Closed<'i>> {
        let is_of_node = |object: &Object<'_>| {
            let host = object.at(&["spec", "template", "spec", "hostNetwork"]).and_then(Node::as_written);
            host.is_some_and(|value| value != "false")
        };
        // What a node does itself is not held back.
        if is_of_node(pods.object) {
            return None;
        }
        let told: Vec<(&'i Object<'i>, Option<bool>)> =
            self.policies.all.iter().map(|policy| (*policy, is_for(policy, pods))).collect();
        let (policy, _) = *told.iter().find(|(_, is_for)| *is_for == Some(true))?;
        if told.iter().any(|(_, is_for)| is_for.is_none()) {
            return None;
        }
        let own: Vec<&'i Object<'i>> =
            told.iter().filter(|(_, is_for)| *is_for == Some(true)).map(|(policy, _)| *policy).collect();
        let rules: Vec<(&'i Object<'i>, &'i Node)> = own
            .iter()
            .flat_map(|policy| {
                let rules = policy.at(&["spec", "ingress"]).map(Node::items).unwrap_or_default();
                rules.iter().map(move |rule| (*policy, rule))
            })
            .collect();
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
            let (help, is_sure) = (from(askers.first()), !askers.is_empty());
            return Some(Closed { policy, why, help, is_sure });
        }
        let first = askers.first()?;
        let lets_in = |asker: &Asker| {
            rules.iter().any(|(policy, rule)| {
                self.lets_in(policy, rule, asker) != Some(false) && opens(rule, ports, pods) != Some(false)
            })
        };
        if askers.iter().any(lets_in) {
            return None;
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

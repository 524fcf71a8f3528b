//! NetworkPolicies between KEDA and what its triggers ask.

use super::nobody::{Sure, Wanted};
use super::told::admits;
use super::{Policies, opens, rules_of};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::scrape::target::{Pods, carries, pairs};

/// What KEDA is called, and those whose pods it may run among.
const WORDS: [&str; 4] = ["keda", "autoscal", "scaler", "operator"];

/// The policies of a repository, asked whether they let KEDA in.
pub struct Gates<'i> {
    policies: Policies<'i>,
    workloads: Vec<Pods<'i>>,
    namespaces: Vec<&'i Object<'i>>,
}

/// A policy that keeps KEDA out, and whom it lets in.
pub struct Gate<'i> {
    pub policy: &'i Object<'i>,
    pub admits: String,
    /// Whether somebody is let in: where nobody is, what opens the door may stand elsewhere.
    pub is_sure: bool,
}

impl<'i> Gates<'i> {
    /// None: there are no policies.
    pub fn new(inventory: &'i Inventory<'i>) -> Option<Self> {
        let policies = Policies::new(inventory);
        let has_some = !policies.all.is_empty();
        has_some.then(|| Gates {
            policies,
            workloads: inventory.objects.iter().filter_map(Pods::of).collect(),
            namespaces: inventory.kind("Namespace").collect(),
        })
    }

    /// The policy that keeps KEDA from the pods of a Service, where all who are let in are other workloads of the
    /// repository.
    pub fn before(&self, service: &Object<'_>, port: Option<&str>) -> Option<Gate<'i>> {
        let wanted = pairs(service.at(&["spec", "selector"]));
        let is_behind = |pods: &&Pods<'i>| {
            !wanted.is_empty() && service.meets(pods.object) && carries(&pods.labels, &wanted)
        };
        let mut gate = None;
        for pods in self.workloads.iter().filter(is_behind) {
            gate = Some(self.around(pods, service, port)?);
        }
        gate
    }

    fn around(&self, pods: &Pods<'i>, service: &Object<'_>, port: Option<&str>) -> Option<Gate<'i>> {
        let own = self.policies.holding(pods)?;
        let rules = rules_of(&own);
        let ports: Vec<i64> = port.and_then(|port| behind(service, port, pods)).into_iter().collect();
        let keda = Wanted { workloads: &self.workloads, words: &WORDS, namespaces: &self.namespaces };
        if let ([policy, ..], true) = (own.as_slice(), rules.is_empty()) {
            return Some(Gate { policy, admits: "nobody".to_string(), is_sure: false });
        }
        if keda.is_left_out(&rules, &ports, pods)? != Sure::Certain {
            return None;
        }
        let (policy, rule) = rules.iter().find(|(_, rule)| opens(rule, &ports, pods) != Some(false))?;
        let missing = keda.missing_label(rule).map(|missing| format!(" ({missing})")).unwrap_or_default();
        Some(Gate { policy, admits: format!("{}{missing}", admits(rule, policy)), is_sure: true })
    }
}

/// The port of the pods behind one of a Service.
fn behind(service: &Object<'_>, port: &str, pods: &Pods<'_>) -> Option<i64> {
    let ports = service.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
    let own = ports.iter().find(|own| own.get("port").and_then(Node::as_written).as_deref() == Some(port))?;
    let target = own.get("targetPort").and_then(Node::as_written).unwrap_or_else(|| port.to_string());
    target.parse().ok().or_else(|| pods.ports.iter().find(|own| own.name == target)?.number)
}

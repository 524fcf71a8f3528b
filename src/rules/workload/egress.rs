//! NetworkPolicies that let a Prometheus out to the port of a Service, where the pods behind it listen at another.
//!
//! Source: kubernetes/api networking/v1/types.go, NetworkPolicyPort: what is compared is the port of the pod, after the
//! Service has been translated.

use super::{EGRESS_PORT, carries, match_labels, pod_labels};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let policies: Vec<&Object<'i>> =
        inventory.kind("NetworkPolicy").filter(|policy| is_about_egress(policy)).collect();
    if policies.is_empty() {
        return;
    }
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Rollout"];
    let workloads: Vec<&Object<'i>> = kinds.into_iter().flat_map(|kind| inventory.kind(kind)).collect();
    let all: Vec<Vec<Out<'_>>> =
        workloads.iter().filter(|one| is_prometheus(one)).filter_map(|one| ways(one, &policies)).collect();
    for rules in all {
        for pods in workloads.iter().filter(|pods| !is_prometheus(pods) && pods.patched.is_empty()) {
            for service in inventory.services_of(pods).into_iter().filter(|one| one.patched.is_empty()) {
                let ports = service.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
                findings.extend(ports.iter().find_map(|port| taken_for(&rules, pods, service, port)));
            }
        }
    }
}

/// A rule of a policy that holds a Prometheus.
struct Out<'i> {
    policy: &'i Object<'i>,
    prometheus: &'i str,
    rule: &'i Node,
}

fn is_about_egress(policy: &Object<'_>) -> bool {
    let types = policy.at(&["spec", "policyTypes"]).map(Node::items).unwrap_or_default();
    // Left out, a policy with rules for it is about egress as well.
    let is_said = types.iter().any(|kind| kind.as_str() == Some("Egress"));
    policy.group() == "networking.k8s.io"
        && (is_said || types.is_empty() && policy.at(&["spec", "egress"]).is_some())
}

fn is_prometheus(workload: &Object<'_>) -> bool {
    workload.containers().iter().any(|container| {
        let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
        let name = image.rsplit('/').next().unwrap_or_default();
        name.split([':', '@']).next() == Some("prometheus")
    })
}

/// All ways out of a Prometheus; None: nothing holds it, or it cannot be told what does.
fn ways<'i>(prometheus: &'i Object<'i>, policies: &[&'i Object<'i>]) -> Option<Vec<Out<'i>>> {
    let labels = pod_labels(prometheus);
    let mut all = Vec::new();
    for policy in policies.iter().copied().filter(|policy| policy.meets(prometheus)) {
        let selector = policy.at(&["spec", "podSelector"])?;
        let takes_all = selector.entries().is_empty();
        if !takes_all && !carries(&labels, &match_labels(Some(selector))?) {
            continue;
        }
        if !policy.patched.is_empty() || !policy.belongs_to(prometheus) {
            return None;
        }
        let rules = policy.at(&["spec", "egress"]).map(Node::items).unwrap_or_default();
        all.extend(rules.iter().map(|rule| Out { policy, prometheus: &prometheus.name, rule }));
    }
    (!all.is_empty()).then_some(all)
}

/// A rule to these pods that names the port of the Service, where none lets through what it leads to.
fn taken_for(rules: &[Out<'_>], pods: &Object<'_>, service: &Object<'_>, port: &Node) -> Option<Finding> {
    let number: i64 = port.get("port")?.as_written()?.parse().ok()?;
    let asked = port.get("targetPort")?.as_written()?;
    let declared: Vec<(Option<&str>, i64)> = declared(pods).collect();
    let target = asked.parse().ok().or_else(|| {
        declared.iter().find(|(name, _)| *name == Some(asked.as_str())).map(|(_, number)| *number)
    })?;
    let listens_there = declared.iter().any(|(_, other)| *other == number);
    let names_of = |number: i64| declared.iter().filter(move |(_, own)| *own == number);
    let lets_through = |out: &Out<'_>| {
        let ports = out.rule.get("ports").map(Node::items).unwrap_or_default();
        may_mean(out, pods)
            && (ports.is_empty()
                || ports.iter().any(|port| {
                    let Some(written) = port.get("port").and_then(Node::as_written) else { return true };
                    let end = port.get("endPort").and_then(Node::as_written);
                    match written.parse::<i64>() {
                        Ok(first) => {
                            let end = end.and_then(|end| end.parse().ok()).unwrap_or(first);
                            (first..=end).contains(&target)
                        }
                        Err(_) => {
                            has_variable(&written)
                                || names_of(target).any(|(name, _)| *name == Some(written.as_str()))
                        }
                    }
                }))
    };
    if target == number || listens_there || rules.iter().any(lets_through) {
        return None;
    }
    let (out, node) = rules.iter().filter(|out| surely_means(out, pods)).find_map(|out| {
        let ports = out.rule.get("ports")?.items().iter();
        let mut numbers = ports.filter_map(|port| port.get("port"));
        Some((out, numbers.find(|node| node.as_written() == Some(number.to_string()))?))
    })?;
    let place = out.policy.place(node);
    Some(
        Finding::new(
            &EGRESS_PORT,
            place,
            format!("{number} is the port of the Service `{}`, and its pods listen at {target}", service.name),
        )
        .related(service.place(port), "the port of the Service, and where it leads")
        .related(pods.name_place(), "the pods behind it")
        .why(format!(
            "a NetworkPolicy compares the port of the pod, also where the Service is asked: `{}` reaches none of them, and nothing of theirs is scraped",
            out.prometheus
        ))
        .help(format!("write `port: {target}`"))
        .replace(false, format!("write `{target}`"), place, target.to_string()),
    )
}

/// Names and numbers of the ports of the containers.
fn declared<'i>(pods: &Object<'i>) -> impl Iterator<Item = (Option<&'i str>, i64)> {
    let ports = pods.containers().iter().filter_map(|container| container.get("ports"));
    ports.flat_map(Node::items).filter_map(|port| {
        let number = port.get("containerPort")?.as_written()?.parse().ok()?;
        Some((port.get("name").and_then(Node::as_str), number))
    })
}

fn peers<'i>(out: &Out<'i>) -> &'i [Node] {
    out.rule.get("to").map(Node::items).unwrap_or_default()
}

/// Whether a rule may be about these pods: an address may be theirs, and a selector that is not plain may take them.
fn may_mean(out: &Out<'_>, pods: &Object<'_>) -> bool {
    let labels = pod_labels(pods);
    let peers = peers(out);
    peers.is_empty()
        || peers
            .iter()
            .any(|peer| match_labels(peer.get("podSelector")).is_none_or(|wanted| carries(&labels, &wanted)))
}

/// Whether a rule names the labels of these pods.
fn surely_means(out: &Out<'_>, pods: &Object<'_>) -> bool {
    let labels = pod_labels(pods);
    peers(out).iter().any(|peer| {
        let is_there = peer.get("namespaceSelector").is_some() || out.policy.meets(pods);
        is_there && match_labels(peer.get("podSelector")).is_some_and(|wanted| carries(&labels, &wanted))
    })
}

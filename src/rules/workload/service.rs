//! The Services in front of what is scaled or scraped.
//!
//! Source: kubernetes/kubernetes pkg/controller/endpointslice/utils.go and pkg/api/v1/pod/util.go, FindPort: a pod without
//! a port of that name is no endpoint for it.

use std::collections::HashMap;

use super::service_port::no_port;
use super::{SERVICE_NOWHERE, Scaled, carries, pod_labels};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// At most so many Services of one folder are looked at for one workload.
const MOST_BESIDE: usize = 64;

pub(super) const WHY: &str = "the Service has no endpoints: every request to it fails, no scrape goes through it, and no pod that an autoscaler adds gets any of the load";

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let mut by_name: HashMap<&str, Vec<&Object<'i>>> = HashMap::new();
    let mut by_folder: HashMap<&str, Vec<&Object<'i>>> = HashMap::new();
    for service in inventory.kind("Service").filter(|service| service.group().is_empty()) {
        by_name.entry(stem(&service.name)).or_default().push(service);
        by_folder.entry(folder(service)).or_default().push(service);
    }
    let mut workloads_in: HashMap<&str, usize> = HashMap::new();
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Rollout"];
    for workload in kinds.into_iter().flat_map(|kind| inventory.kind(kind)) {
        *workloads_in.entry(folder(workload)).or_default() += 1;
    }
    let mut seen: Vec<&Object<'i>> = Vec::new();
    for one in scaled {
        // Two autoscalers may mean one workload.
        if seen.iter().any(|other| std::ptr::eq(*other, one.workload)) {
            continue;
        }
        seen.push(one.workload);
        for service in by_name.get(stem(&one.workload.name)).into_iter().flatten() {
            if service.is_beside(one.workload) && !service.meets(one.workload) {
                findings.extend(elsewhere(inventory, service, one.workload));
            }
            if service.is_beside(one.workload) && service.meets(one.workload) {
                findings.extend(
                    nowhere(inventory, service, one.workload).or_else(|| no_port(service, one.workload)),
                );
            }
        }
        let beside = by_folder.get(folder(one.workload)).map(Vec::as_slice).unwrap_or_default();
        let is_alone = workloads_in.get(folder(one.workload)) == Some(&1);
        findings.extend(otherwise_called(inventory, beside, one.workload, is_alone));
    }
    // Of others a slip of the pen is enough to tell, where somebody scrapes or wakes them through Services.
    let is_scraped = inventory.kind("ServiceMonitor").next().is_some();
    let woken: Vec<&str> = inventory
        .kind("HTTPScaledObject")
        .filter_map(|object| object.text(&["spec", "scaleTargetRef", "service"]))
        .collect();
    let others = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind));
    for workload in others {
        let is_seen = seen.iter().any(|other| std::ptr::eq(*other, workload));
        if is_scraped && !is_seen {
            let beside = by_folder.get(folder(workload)).map(Vec::as_slice).unwrap_or_default();
            let mut selecting = beside.iter().take(MOST_BESIDE).filter(|service| service.meets(workload));
            findings.extend(selecting.find_map(|service| no_port(service, workload)));
        }
        for service in by_name.get(stem(&workload.name)).into_iter().flatten() {
            let is_meant = service.is_beside(workload) && service.meets(workload);
            if service.is_beside(workload) && !service.meets(workload) && service.name == workload.name {
                findings.extend(elsewhere(inventory, service, workload));
            }
            if !is_meant || is_seen {
                continue;
            }
            let is_woken = woken.iter().any(|name| service.is_called(name));
            let finding = nowhere(inventory, service, workload);
            if is_woken || is_scraped && in_other_letters(service, workload) {
                findings.extend(
                    finding.or_else(|| no_port(service, workload).filter(|_| is_woken && !is_scraped)),
                );
            } else if service.name == workload.name {
                findings.extend(finding.map(|mut finding| {
                    finding.severity = Severity::Warning;
                    finding
                }));
            }
        }
    }
}

fn folder<'i>(object: &Object<'i>) -> &'i str {
    object.path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A Service with a name of its own: it is meant for the workload if it asks for its labels in other letters, or if each
/// is the only one of the folder (`is_alone`) and the Service leads to its port.
fn otherwise_called<'i>(
    inventory: &'i Inventory<'i>,
    beside: &[&Object<'i>],
    workload: &Object<'i>,
    is_alone: bool,
) -> Option<Finding> {
    let meant = |service: &&&Object<'i>| {
        stem(&service.name) != stem(&workload.name)
            && service.namespace == workload.namespace
            && service.meets(workload)
    };
    if let Some(service) =
        beside.iter().take(MOST_BESIDE).filter(meant).find(|service| in_other_letters(service, workload))
    {
        return nowhere(inventory, service, workload);
    }
    let [only] = beside else { return None };
    if !is_alone || !meant(&only) || !leads_to_port(only, workload) {
        return None;
    }
    let mut finding = nowhere(inventory, only, workload)?;
    finding.severity = Severity::Warning;
    Some(finding)
}

/// Whether the Service hands on to a port that a container declares.
fn leads_to_port(service: &Object<'_>, workload: &Object<'_>) -> bool {
    let ports = |node: &Node| node.get("ports").map(Node::items).unwrap_or_default().to_vec();
    let declared: Vec<Node> = workload.containers().iter().flat_map(ports).collect();
    let has = |key: &str, wanted: &str| {
        declared.iter().any(|port| port.get(key).and_then(Node::as_written).is_some_and(|own| own == wanted))
    };
    let of_service = service.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
    of_service.iter().any(|port| {
        let target = port.get("targetPort").or_else(|| port.get("port")).and_then(Node::as_written);
        target.is_some_and(|target| has("containerPort", &target) || has("name", &target))
    })
}

/// `App: web` for `app: web`: a selector that asks for the labels of the pods in other letters.
fn in_other_letters(service: &Object<'_>, workload: &Object<'_>) -> bool {
    let labels = pod_labels(workload);
    let wanted = selector(service);
    let same = |one: &(String, String), other: &(String, String)| {
        one.0.eq_ignore_ascii_case(&other.0) && one.1.eq_ignore_ascii_case(&other.1)
    };
    !wanted.is_empty()
        && !carries(&labels, &wanted)
        && wanted.iter().all(|pair| labels.iter().any(|own| same(pair, own)))
}

/// A name without what says that it is that of a Service or Deployment.
fn stem(name: &str) -> &str {
    const ENDS: [&str; 5] = ["-service", "-svc", "-deployment", "-deploy", "-headless"];
    ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

pub(super) fn selector(service: &Object<'_>) -> Vec<(String, String)> {
    let pairs = service.at(&["spec", "selector"]).map(Node::pairs);
    pairs.into_iter().flatten().map(|(name, value)| (name.to_string(), value)).collect()
}

/// A Service that is written for another namespace than the only workload of its name, beside which it stands.
fn elsewhere<'i>(
    inventory: &'i Inventory<'i>,
    service: &Object<'i>,
    workload: &Object<'i>,
) -> Option<Finding> {
    let wanted = selector(service);
    let (own, theirs) = (service.namespace.as_deref()?, workload.namespace.as_deref()?);
    let is_open = has_variable(own) || has_variable(theirs) || own.contains('{') || theirs.contains('{');
    let is_copied = inventory.named("Service", &service.name).any(|other| other.meets(workload));
    if wanted.is_empty()
        || is_open
        || own == theirs
        || is_copied
        || !carries(&pod_labels(workload), &wanted)
        || may_be_met(inventory, service, &wanted)
        || !service.patched.is_empty()
    {
        return None;
    }
    let node = service.at(&["metadata", "namespace"])?;
    let mut finding = Finding::new(
        &SERVICE_NOWHERE,
        service.place(node),
        format!("the Service is in `{own}`, and the pods of `{}` that it selects are in `{theirs}`", workload.name),
    )
    .related(workload.name_place(), "the workload that it is meant for")
    .why("a Service selects pods of its own namespace only: it has no endpoints, and every request to it fails")
    .help(format!("write `namespace: {theirs}`"));
    finding.severity = Severity::Warning;
    Some(finding)
}

/// Whether some pods of the repository have these labels, or may get them.
pub(super) fn may_be_met<'i>(
    inventory: &'i Inventory<'i>,
    object: &Object<'i>,
    wanted: &[(String, String)],
) -> bool {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Rollout", "ReplicaSet", "Pod", "Job", "CronJob"];
    kinds.iter().flat_map(|kind| inventory.kind(kind)).any(|other| {
        let own = match other.kind() {
            "Pod" => other.labels(),
            _ => pod_labels(other),
        };
        let is_open = own.iter().any(|(_, value)| has_variable(value));
        is_open || object.meets(other) && carries(&own, wanted)
    })
}

/// A selector that no pods of the repository satisfy, beside the workload that the Service is called after.
fn nowhere<'i>(inventory: &'i Inventory<'i>, service: &Object<'i>, workload: &Object<'i>) -> Option<Finding> {
    let wanted = selector(service);
    let is_open = wanted.iter().any(|(name, value)| has_variable(value) || has_variable(name));
    if wanted.is_empty() || is_open || !service.patched.is_empty() || !workload.patched.is_empty() {
        return None;
    }
    // Most Services select what they are called after.
    let labels = pod_labels(workload);
    if carries(&labels, &wanted) || may_be_met(inventory, service, &wanted) {
        return None;
    }
    let (node, entry) = service.at(&["spec", "selector"]).and_then(|node| {
        let differs =
            |name: &str, value: &str| !labels.iter().any(|(own, theirs)| own == name && theirs == value);
        let entry = node
            .entries()
            .iter()
            .find(|entry| differs(&entry.key, &entry.node.as_written().unwrap_or_default()))?;
        Some((node, entry))
    })?;
    let asked = entry.node.as_written().unwrap_or_default();
    let own = labels.iter().find(|(name, _)| *name == entry.key);
    let has =
        own.map_or("do not carry that label".to_string(), |(name, value)| format!("carry `{name}: {value}`"));
    let message = format!("it selects `{}: {asked}`, and the pods of `{}` {has}", entry.key, workload.name);
    let finding = Finding::new(&SERVICE_NOWHERE, service.place(node), message)
        .related(workload.name_place(), "the workload that it is meant for")
        .why(WHY);
    Some(match own {
        Some((name, value)) => finding.help(format!("write `{name}: {value}`")),
        None => finding.help("select by a label of the pod template"),
    })
}

//! ConfigMaps that the pods of a scaled workload, or of a Prometheus, need and that are nowhere among the files. Secrets
//! are kept out of repositories on purpose.
//!
//! Sources: kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go (CreateContainerConfigError) and
//! pkg/volume/configmap/configmap.go; kedacore/keda pkg/scaling/resolver/scale_resolvers.go, resolveEnv: a source of the
//! container's variables that is not there ends the building of every scaler.

use std::collections::HashSet;

use super::environment::source_container;
use super::{CONFIG_MISSING, Scaled};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// ConfigMaps that the cluster itself, or what runs in it, puts into every namespace.
const OF_THE_CLUSTER: [&str; 5] = [
    "kube-root-ca.crt",
    "openshift-service-ca.crt",
    "istio-ca-root-cert",
    "linkerd-identity-trust-roots",
    "aws-auth",
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let known = known(inventory);
    let used = used(inventory);
    let mut seen = HashSet::new();
    for one in scaled.iter().filter(|one| one.workload.belongs_to(one.autoscaler)) {
        if seen.insert(std::ptr::from_ref(one.workload.document)) {
            findings.extend(missing(inventory, one.workload, Some(one.autoscaler), (&known, &used)));
        }
    }
    let own = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind));
    for workload in own.filter(|workload| is_prometheus(workload)) {
        if seen.insert(std::ptr::from_ref(workload.document)) {
            findings.extend(missing(inventory, workload, None, (&known, &used)));
        }
    }
}

/// Whether its pods are those of a Prometheus.
pub(super) fn is_prometheus(workload: &Object<'_>) -> bool {
    workload.containers().iter().any(|container| {
        let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
        let image = image.split([':', '@']).next().unwrap_or_default();
        image.ends_with("prom/prometheus") || image.ends_with("/prometheus/prometheus")
    })
}

/// Names under which a ConfigMap is here, is generated, or is made by something else of that name.
fn known<'i>(inventory: &'i Inventory<'i>) -> HashSet<&'i str> {
    let mut all = HashSet::new();
    for object in &inventory.objects {
        match object.kind() {
            "ConfigMap" | "Bundle" | "ExternalSecret" => {
                all.extend([object.name.as_str(), object.document.name()]);
            }
            "" | "Kustomization" | "Component" => {
                let generators = object.at(&["configMapGenerator"]).map(Node::items).unwrap_or_default();
                all.extend(generators.iter().filter_map(|entry| entry.get("name")?.as_str()));
            }
            _ => {}
        }
    }
    all
}

/// The ConfigMaps that some workload needs.
fn used<'i>(inventory: &'i Inventory<'i>) -> HashSet<&'i str> {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Rollout", "ScaledJob"].into_iter();
    let all = kinds.flat_map(|kind| inventory.kind(kind));
    all.flat_map(|workload| needs(workload).into_iter().map(|need| need.name)).collect()
}

/// Where the pods name a ConfigMap.
struct Need<'i> {
    node: &'i Node,
    name: &'i str,
    /// The container whose variables come from it; None: a volume.
    container: Option<&'i Node>,
}

fn missing<'i>(
    inventory: &'i Inventory<'i>,
    workload: &'i Object<'i>,
    autoscaler: Option<&Object<'_>>,
    (known, used): (&HashSet<&str>, &HashSet<&str>),
) -> Vec<Finding> {
    // Values of a chart, and what an overlay changes, are not known.
    let is_template = workload.path.split('/').any(|folder| folder == "templates");
    let needs = needs(workload);
    let is_here = |need: &Need<'_>| known.contains(need.name);
    // What scales it is here; of a Prometheus at least the Service, or what else it needs.
    let is_whole =
        autoscaler.is_some() || needs.iter().any(is_here) || !inventory.services_of(workload).is_empty();
    if is_template || !is_whole {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut told = HashSet::new();
    for need in &needs {
        let is_open = has_variable(need.name) || need.name.contains(['{', '<']);
        if is_here(need) || is_open || OF_THE_CLUSTER.contains(&need.name) || !told.insert(need.name) {
            continue;
        }
        let by_keda = autoscaler.filter(|scaler| scaler.kind() == "ScaledObject").and_then(|scaler| {
            let source = source_container(scaler, workload)?;
            need.container.filter(|container| std::ptr::eq(*container, source))
        });
        let why = match (need.container, by_keda) {
            (_, Some(_)) => {
                "if nobody makes it in the cluster, new pods stay in CreateContainerConfigError, and KEDA, which reads the variables of this container, builds no scaler at all"
            }
            (Some(_), None) => {
                "if nobody makes it in the cluster, new pods stay in CreateContainerConfigError"
            }
            (None, _) => "if nobody makes it in the cluster, new pods stay in ContainerCreating",
        };
        let finding = Finding::new(
            &CONFIG_MISSING,
            workload.place(need.node),
            format!("no file here has the ConfigMap `{}`", need.name.escape_debug()),
        )
        .why(why);
        let beside =
            inventory.kind("ConfigMap").filter(|other| other.meets(workload) && other.is_beside(workload));
        // What others use is called as it should be.
        let free = beside.map(|other| other.name.as_str()).filter(|name| !used.contains(*name));
        findings.push(match nearest(need.name, free) {
            Some(near) => {
                let mut finding = finding.help(format!("did you mean `{near}`?"));
                finding.severity = Severity::Warning;
                finding
            }
            None => finding.help("add it, or mark the reference `optional: true` if the pods do without"),
        });
    }
    findings
}

/// The ConfigMaps without which the pods do not start.
fn needs<'i>(workload: &'i Object<'i>) -> Vec<Need<'i>> {
    let Some(spec) = workload.pod_template().and_then(|template| template.get("spec")) else {
        return Vec::new();
    };
    let list = |node: &'i Node, key: &str| node.get(key).map(Node::items).unwrap_or_default();
    let mut all = Vec::new();
    let mut add = |reference: Option<&'i Node>, container: Option<&'i Node>| {
        let Some(reference) = reference else { return };
        let is_optional = reference.get("optional").and_then(Node::as_written).as_deref() == Some("true");
        if let Some(node) = reference.get("name").filter(|_| !is_optional)
            && let Some(name) = node.as_str()
        {
            all.push(Need { node, name, container });
        }
    };
    for container in list(spec, "initContainers").iter().chain(list(spec, "containers")) {
        for source in list(container, "envFrom") {
            add(source.get("configMapRef"), Some(container));
        }
        for variable in list(container, "env") {
            add(variable.at(&["valueFrom", "configMapKeyRef"]), Some(container));
        }
    }
    for volume in list(spec, "volumes") {
        add(volume.get("configMap"), None);
        for source in volume.at(&["projected", "sources"]).map(Node::items).unwrap_or_default() {
            add(source.get("configMap"), None);
        }
    }
    all
}

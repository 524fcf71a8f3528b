//! References to variables, `$(NAME)`, that Kubernetes leaves as they stand: the variable comes later in the list, or not
//! at all.
//!
//! Sources: kubernetes/kubernetes pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables (whole ConfigMaps and Secrets come
//! first, then the list in its order; the variables of Services count as well); third_party/forked/golang/expansion/expand.go
//! (what is not known stays, `$$` is a dollar).

use std::collections::HashSet;

use super::given::{given, target};
use super::{Scaled, UNEXPANDED};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, hosts, selects};
use crate::manifest::Node;
use crate::source::Place;

/// Keys of triggers with the address of a broker or a store.
const ADDRESSES: [&str; 8] = [
    "host",
    "hosts",
    "address",
    "addresses",
    "bootstrapServers",
    "connection",
    "connectionString",
    "natsServerMonitoringEndpoint",
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let mut told: HashSet<Place> = HashSet::new();
    let jobs = inventory.kind("ScaledJob").filter(|object| object.group() == "keda.sh");
    let workloads = scaled.iter().map(|one| one.workload).chain(jobs).chain(watched(inventory));
    for workload in workloads {
        let is_changed = |path: &Vec<String>| {
            let ends = |key: &String| matches!(key.as_str(), "containers" | "initContainers");
            path.iter().any(|key| matches!(key.as_str(), "env" | "envFrom")) || path.last().is_some_and(ends)
        };
        if !told.insert(workload.name_place()) || workload.patched.iter().any(is_changed) {
            continue;
        }
        let pods = workload.pod_template().and_then(|template| template.get("spec"));
        for list in ["initContainers", "containers"] {
            for container in pods.and_then(|spec| spec.get(list)).map(Node::items).unwrap_or_default() {
                in_container(inventory, workload, container, findings);
            }
        }
    }
}

/// The workloads behind the addresses that triggers ask.
fn watched<'i>(inventory: &'i Inventory<'i>) -> Vec<&'i Object<'i>> {
    let kinds = ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    let mut services: Vec<&Object<'i>> = Vec::new();
    for object in kinds.filter(|object| object.group() == "keda.sh" && target(inventory, object).is_some()) {
        for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
            for given in given(inventory, object, trigger, &ADDRESSES) {
                services
                    .extend(hosts(&given.text).iter().filter_map(|host| inventory.service_at(host, object)));
            }
        }
    }
    services.sort_unstable_by_key(|service| service.name_place());
    services.dedup_by_key(|service| service.name_place());
    // Nearly always there is none, or one.
    if services.is_empty() {
        return Vec::new();
    }
    let is_behind = |workload: &&Object<'i>| {
        let labels = workload.pod_labels();
        services.iter().any(|service| service.meets(workload) && selects(service, &labels))
    };
    ["Deployment", "StatefulSet"]
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .filter(is_behind)
        .collect()
}

fn in_container<'i>(
    inventory: &'i Inventory<'i>,
    workload: &'i Object<'i>,
    container: &'i Node,
    findings: &mut Vec<Finding>,
) {
    let list = container.get("env").map(Node::items).unwrap_or_default();
    let name_of = |entry: &'i Node| entry.get("name").and_then(Node::as_str);
    let sources = container.get("envFrom").map(Node::items).unwrap_or_default();
    for (at, entry) in list.iter().enumerate() {
        let (Some(own), Some(value)) = (name_of(entry), entry.get("value")) else { continue };
        let Some(text) = value.as_str() else { continue };
        let is_open = |name: &&str| {
            !list[..at].iter().any(|before| name_of(before) == Some(name))
                && !is_of_service(inventory, name)
                && !is_of_kustomize(inventory, name)
                && !sources.iter().any(|source| may_give(inventory, workload, source, name))
        };
        let names: Vec<&str> = references(text).into_iter().filter(is_open).collect();
        let later: Vec<(&str, &Node)> = names
            .iter()
            .filter_map(|name| {
                let after = list[at + 1..].iter().find(|after| name_of(after) == Some(name))?;
                Some((*name, after.get("name")?))
            })
            .collect();
        let place = workload.place(value);
        if let Some((_, first)) = later.first() {
            let names = in_words(&later.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ("`$(", ")`"));
            let bare = in_words(&later.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ("`", "`"));
            findings.push(
                Finding::new(&UNEXPANDED, place, format!("`{own}` holds {names} as it stands here"))
                    .related(workload.place(first), "the variable comes after it")
                    .why("Kubernetes puts in what stands before it in the list, and leaves the rest: the pods get the letters `$(…)` instead of the value, and whatever reads the variable fails, however many pods there are")
                    .help(format!("move {bare} up, before `{own}`")),
            );
            continue;
        }
        // In small letters it may be for a shell.
        let is_named = |name: &&str| !name.bytes().any(|byte| byte.is_ascii_lowercase());
        let nowhere: Vec<&str> = names.into_iter().filter(is_named).collect();
        if !nowhere.is_empty() && sources.is_empty() {
            let names = in_words(&nowhere, ("`$(", ")`"));
            let bare = in_words(&nowhere, ("`", "`"));
            let mut finding =
                Finding::new(&UNEXPANDED, place, format!("`{own}` holds {names} as it stands here"))
                    .related(workload.place(container.get("name").unwrap_or(container)), "has no such variable")
                    .why("Kubernetes puts in the variables of the container alone: the pods get the letters `$(…)` instead of a value")
                    .help(format!("define {bare} before it, or write `$$(…)` if it is meant so"));
            finding.severity = Severity::Warning;
            findings.push(finding);
        }
    }
}

/// Names in words, each between two marks.
fn in_words(names: &[&str], (before, after): (&str, &str)) -> String {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let shown = format!("{before}{}{after}", name.escape_debug());
        if !all.contains(&shown) {
            all.push(shown);
        }
    }
    all.join(" and ")
}

/// The names that a value refers to.
fn references(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix('$') {
            rest = escaped;
            continue;
        }
        rest = after;
        if let Some((name, behind)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            let is_name = |name: &str| {
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            if is_name(name) {
                names.push(name);
            }
            rest = behind;
        }
    }
    names
}

/// Whether it is called like one of the variables that Kubernetes makes of a Service.
fn is_of_service(inventory: &Inventory<'_>, name: &str) -> bool {
    let is_so = |service: &Object<'_>| {
        let start = service.name.to_uppercase().replace('-', "_");
        name.strip_prefix(&start)
            .is_some_and(|rest| rest.starts_with("_PORT") || rest.starts_with("_SERVICE_"))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_TCP_")
        || inventory.kind("Service").any(is_so)
}

/// Whether Kustomize puts it in, before Kubernetes sees it.
fn is_of_kustomize(inventory: &Inventory<'_>, name: &str) -> bool {
    let kustomizations =
        inventory.objects.iter().filter(|object| matches!(object.kind(), "Kustomization" | "Component"));
    kustomizations
        .flat_map(|object| object.at(&["vars"]).map(Node::items).unwrap_or_default())
        .any(|var| var.get("name").and_then(Node::as_str) == Some(name))
}

/// Whether a whole ConfigMap or Secret has it, or is not here.
fn may_give(inventory: &Inventory<'_>, workload: &Object<'_>, source: &Node, name: &str) -> bool {
    let prefix = source.get("prefix").and_then(Node::as_str).unwrap_or_default();
    let (kind, reference) = match (source.get("secretRef"), source.get("configMapRef")) {
        (Some(reference), None) => ("Secret", reference),
        (None, Some(reference)) => ("ConfigMap", reference),
        _ => return true,
    };
    let called = reference.get("name").and_then(Node::as_str).unwrap_or_default();
    let all = inventory.makers(kind, called, workload);
    all.is_empty()
        || all.iter().any(|object| {
            let keys = object.keys();
            !object.patched.is_empty()
                || keys.is_empty()
                || keys.iter().any(|key| name.strip_prefix(prefix) == Some(key))
        })
}

#[cfg(test)]
mod tests {
    use super::references;

    #[test]
    fn finds_what_a_value_refers_to() {
        assert_eq!(references("amqp://$(USER):$(PASSWORD)@rabbit"), ["USER", "PASSWORD"]);
        assert_eq!(references("$$(USER) $(date +%s) $(open $ $"), Vec::<&str>::new());
    }
}

//! A Prometheus that discovers pods without the right to list them.
//!
//! Sources: prometheus/prometheus documentation/examples/rbac-setup.yml; discovery/kubernetes/kubernetes.go lists and
//! watches with the rights of the pod's ServiceAccount; prometheus-operator/kube-prometheus
//! manifests/prometheus-roleSpecificNamespaces.yaml (a Role for each namespace).

use super::DISCOVERY_RIGHTS;
use super::rights_given::Rights;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let rights = Rights::new(inventory);
    of_configurations(inventory, &rights, findings);
    of_operators(inventory, &rights, findings);
}

fn of_configurations<'i>(inventory: &'i Inventory<'i>, rights: &Rights<'i>, findings: &mut Vec<Finding>) {
    let discovering: Vec<&Object<'_>> = inventory
        .kind("ConfigMap")
        .filter(|object| {
            let texts = object.at(&["data"]).map(Node::entries).unwrap_or_default();
            texts.iter().any(|entry| {
                entry.node.as_str().is_some_and(|text| {
                    text.contains("scrape_configs:") && text.contains("kubernetes_sd_configs:")
                })
            })
        })
        .collect();
    if discovering.is_empty() {
        return;
    }
    for workload in inventory.kind("Deployment").chain(inventory.kind("StatefulSet")) {
        let Some(spec) = workload.at(&["spec", "template", "spec"]) else { continue };
        let containers = spec.get("containers").map(Node::items).unwrap_or_default();
        let is_prometheus = containers.iter().any(|container| {
            let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
            image.split([':', '@']).next().is_some_and(|image| {
                image.ends_with("prom/prometheus") || image.ends_with("/prometheus/prometheus")
            })
        });
        let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
        let mounted = volumes.iter().filter_map(|volume| volume.at(&["configMap", "name"])?.as_str());
        let Some(config) = mounted
            .filter_map(|name| {
                // Of several of that name only the nearest is its own.
                let meant = inventory.meant("ConfigMap", name, workload)?;
                discovering.iter().find(|object| std::ptr::eq(object.document, meant.document))
            })
            .next()
            .filter(|_| is_prometheus)
        else {
            continue;
        };
        let account = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount"));
        let name = account.and_then(Node::as_str).unwrap_or("default");
        let place = account.map_or(workload.name_place(), |node| workload.place(node));
        let bound = rights.of(Some(name), workload);
        if !bound.is_empty() {
            findings.extend(too_few(inventory, rights, (workload, name), config, &bound));
            continue;
        }
        // Without any binding here, rights are given elsewhere.
        let Some(other) = rights.of(None, workload).first().copied() else { continue };
        findings.push(
            Finding::new(&DISCOVERY_RIGHTS, place, format!("this Prometheus runs as the ServiceAccount `{name}`, which no binding here gives rights"))
                .related(config.name_place(), "its configuration discovers pods")
                .related(other.name_place(), "rights are given to another account")
                .why("the API server answers `forbidden` to every list of pods and endpoints: not one target is found")
                .help("write the `serviceAccountName` that the binding names"),
        );
    }
}

/// What each role of discovery lists.
///
/// Source: prometheus/prometheus discovery/kubernetes/kubernetes.go, Run.
fn listed(role: &str) -> &'static [&'static str] {
    match role {
        "pod" => &["pods"],
        "service" => &["services"],
        "endpoints" => &["endpoints", "services", "pods"],
        "endpointslice" => &["endpointslices", "services", "pods"],
        "node" => &["nodes"],
        _ => &[],
    }
}

/// The first discovery of a configuration for which the roles of its account give too little.
fn too_few<'i>(
    inventory: &'i Inventory<'i>,
    rights: &Rights<'i>,
    (workload, account): (&Object<'_>, &str),
    config: &Object<'_>,
    bound: &[&'i Object<'i>],
) -> Option<Finding> {
    let span = config.document.node.span;
    let is_inside = |object: &&Object<'i>| {
        object.kind().is_empty()
            && object.document.file == config.document.file
            && span.range().contains(&(object.document.node.span.start as usize))
    };
    for configuration in inventory.objects.iter().filter(is_inside) {
        for job in configuration.at(&["scrape_configs"]).map(Node::items).unwrap_or_default() {
            for discovery in job.get("kubernetes_sd_configs").map(Node::items).unwrap_or_default() {
                // Another cluster has rights of its own.
                if discovery.get("api_server").is_some() || discovery.get("kubeconfig_file").is_some() {
                    continue;
                }
                let role = discovery.get("role")?;
                let names = discovery.at(&["namespaces", "names"]).map(Node::items).unwrap_or_default();
                let mut spaces: Vec<Option<&str>> = names.iter().map(Node::as_str).collect();
                if spaces.is_empty() {
                    let own = discovery.at(&["namespaces", "own_namespace"]).is_some();
                    spaces.push(workload.namespace.as_deref().filter(|_| own));
                }
                let missing = listed(role.as_str()?).iter().find_map(|resource| {
                    let space = spaces.iter().find(|space| !rights.lists(bound, resource, **space))?;
                    Some((*resource, *space))
                });
                let Some((resource, space)) = missing else { continue };
                let given = rights.role(bound).unwrap_or(bound[0]);
                let scope = space
                    .map_or("of all namespaces".to_string(), |space| format!("of the namespace `{space}`"));
                let group = if resource == "endpointslices" { "discovery.k8s.io" } else { "" };
                let kind = if space.is_some() { "Role" } else { "ClusterRole, with a ClusterRoleBinding" };
                return Some(
                    Finding::new(
                        &DISCOVERY_RIGHTS,
                        configuration.place(role),
                        format!("the ServiceAccount `{account}` of this Prometheus may not list the {resource} {scope}"),
                    )
                    .related(given.name_place(), "the rights that it has")
                    .why("the API server answers `forbidden` to this discovery: not one target is found, and only the log of Prometheus tells")
                    .help(format!(
                        "write `{{apiGroups: [\"{group}\"], resources: [{resource}], verbs: [get, list, watch]}}` into the rules of a {kind}"
                    )),
                );
            }
        }
    }
    None
}

/// A Prometheus of the operator looks into the namespaces of its monitors, and needs rights in each of them.
fn of_operators<'i>(inventory: &'i Inventory<'i>, rights: &Rights<'i>, findings: &mut Vec<Finding>) {
    let all: Vec<&Object<'_>> = inventory.kind("Prometheus").filter(|object| !object.is_fragment).collect();
    let [prometheus] = all.as_slice() else { return };
    // Without this selector it takes up nothing from elsewhere, and says so itself.
    if prometheus.at(&["spec", "serviceMonitorNamespaceSelector"]).is_none() {
        return;
    }
    let Some(account) = prometheus.text(&["spec", "serviceAccountName"]) else { return };
    let bound = rights.of(Some(account), prometheus);
    // Source: prometheus-operator/prometheus-operator pkg/prometheus/promcfg.go, generateK8SSDConfig.
    let slices = prometheus.text(&["spec", "serviceDiscoveryRole"]) == Some("EndpointSlice");
    let resource = if slices { "endpointslices" } else { "endpoints" };
    // Somewhere else it may list them: here rights are given by namespace.
    let example = rights.example(&bound, resource);
    let mut told: Vec<&str> = Vec::new();
    for monitor in inventory.kind("ServiceMonitor").filter(|object| !object.is_fragment) {
        let selector = monitor.at(&["spec", "namespaceSelector"]);
        if monitor.group() != "monitoring.coreos.com"
            || selector.is_some_and(|node| node.get("any").is_some())
        {
            continue;
        }
        let names = selector.and_then(|node| node.get("matchNames")).map(Node::items).unwrap_or_default();
        let own = monitor.namespace.as_deref().filter(|_| names.is_empty());
        for space in names.iter().filter_map(Node::as_str).chain(own) {
            let is_known = !space.contains(['$', '{']) && !told.contains(&space);
            if !is_known || rights.lists(&bound, resource, Some(space)) {
                continue;
            }
            let (shown, what, help) = match (rights.too_little(&bound, space), example) {
                (Some(own), _) => (
                    own,
                    "this gives it other rights there".to_string(),
                    "write them into its Role".to_string(),
                ),
                (None, Some(other)) => (
                    other,
                    format!("this gives it the right in `{}`", other.namespace_text()),
                    format!("write a Role and a RoleBinding like these into `{space}`"),
                ),
                (None, None) => continue,
            };
            told.push(space);
            findings.push(
                Finding::new(
                    &DISCOVERY_RIGHTS,
                    monitor.name_place(),
                    format!("the Prometheus `{}` may not list the {resource} of the namespace `{space}`", prometheus.name),
                )
                .related(prometheus.name_place(), format!("it runs as the ServiceAccount `{account}`"))
                .related(shown.name_place(), what)
                .why("the API server answers `forbidden`: the job is there without a target, and only the log of Prometheus tells")
                .help(format!("{help}: `get`, `list` and `watch` of services, {resource} and pods")),
            );
        }
    }
}

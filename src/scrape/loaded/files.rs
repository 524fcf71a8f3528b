//! Patterns of `rule_files` that find nothing, and rules that no pattern finds.

use super::{Configuration, RuleFile, means, operators};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, join};
use crate::manifest::Node;
use crate::promql::{Target, parse};
use crate::scrape::compose::{Compose, Server};
use crate::scrape::index::nearness;
use crate::scrape::rules::RULES_NOT_LOADED;
use crate::scrape::world::World;

const WHY: &str = "Prometheus starts without a word: a pattern that finds nothing is no error, and none of the alerts and records behind it exists";

pub fn check<'i>(
    configuration: &Configuration<'i>,
    files: &[RuleFile<'i>],
    inventory: &'i Inventory<'i>,
    world: &World<'i>,
    (compose, exists): (&Compose<'i>, fn(&str) -> bool),
) -> Vec<Finding> {
    let mut findings = match configuration.host {
        Some(host) => mounted(configuration, host, files, inventory),
        None => {
            let mut found = on_disk(configuration, files, world, (compose, exists));
            found.extend(operators::mounted(configuration, world, compose));
            if let Some(server) = compose.server(configuration.root.path) {
                found.extend(in_container(configuration, files, server));
            }
            found
        }
    };
    findings.extend(left_out(configuration, files));
    findings
}

/// Rules beside the configuration that none of its patterns means.
fn left_out<'i>(configuration: &Configuration<'i>, files: &[RuleFile<'i>]) -> Option<Finding> {
    let is_beside = |file: &&RuleFile<'i>| match (configuration.host, file.host) {
        (Some(mine), Some(theirs)) => std::ptr::eq(mine, theirs),
        _ => false,
    };
    let file = files.iter().filter(is_beside).find(|file| !configuration.loads(file.name))?;
    let has_patterns = configuration.patterns().next().is_some();
    // A pattern that is filled in later may mean it.
    if !has_patterns && configuration.root.at(&["rule_files"]).is_some_and(|node| !node.items().is_empty()) {
        return None;
    }
    let (name, place) = (file.name, file.place());
    let message = format!("no pattern of `rule_files` in `{}` means `{name}`", configuration.name);
    let mut finding = Finding::new(&RULES_NOT_LOADED, place, message)
        .related(configuration.place(), "this configuration stands in the same ConfigMap")
        .why("the rules are mounted and never read: none of these alerts and records exists, and no error tells")
        .help(format!("write `rule_files: [/etc/prometheus/{name}]`, with the folder that the ConfigMap is mounted at"));
    finding.severity = Severity::Error;
    Some(finding)
}

/// Rules that no configuration of the repository loads, while none of them has a word about rules.
pub fn read_by_nobody<'i>(
    file: &RuleFile<'i>,
    all: &[Configuration<'i>],
    world: &World<'_>,
    (inventory, compose): (&Inventory<'_>, &Compose<'_>),
) -> Option<Finding> {
    // Alerts of an operator, of a ruler or of tests are loaded by others.
    const OTHERS: [&str; 8] = ["test", "tests", "testdata", "examples", "loki", "mimir", "cortex", "thanos"];
    let is_of_others = file.root.path.split(['/', '-', '_', '.']).any(|word| OTHERS.contains(&word));
    let has_rules =
        |one: &Configuration<'i>| one.root.at(&["rule_files"]).is_some_and(|node| !node.items().is_empty());
    let near = all.iter().max_by_key(|one| nearness(one.root.path, file.root.path))?;
    let same_host =
        matches!((near.host, file.host), (Some(mine), Some(theirs)) if std::ptr::eq(mine, theirs));
    if is_of_others
        || !is_promql(file)
        || same_host
        || all.iter().any(has_rules)
        || !world.operators.is_empty()
    {
        return None;
    }
    // A Prometheus in Docker Compose is not the one of the cluster.
    let is_for_kubernetes =
        near.root.path.split(['/', '-', '_']).any(|word| ["k8s", "kubernetes"].contains(&word));
    let is_composed = compose.server(near.root.path).is_some() && !is_for_kubernetes;
    if is_composed && (file.host.is_some() || is_of_a_cluster(file)) {
        return None;
    }
    // The same rules may stand in an object of the operator as well.
    if inventory.kind("PrometheusRule").next().is_some() {
        return None;
    }
    let named = match all {
        [_] => "the configuration here has no".to_string(),
        _ => format!("none of the {} configurations here has", all.len()),
    };
    // An empty list is there to be filled.
    let (place, list) = match (near.root.at(&["rule_files"]), all) {
        (Some(node), [_]) => (near.root.place(node), "entry in its `rule_files`"),
        (Some(node), _) => (near.root.place(node), "an entry in its `rule_files`"),
        (None, _) => (near.place(), "`rule_files`"),
    };
    let message = format!("nothing loads these rules: {named} {list}");
    Some(
        Finding::new(&RULES_NOT_LOADED, file.place(), message)
            .related(place, "Prometheus reads rules only where its configuration names them")
            .why("none of these alerts and records exists, and no error tells")
            .help(format!("mount the file, and write `rule_files: [/etc/prometheus/{}]`", file.name)),
    )
}

/// Whether rules ask for what only a Prometheus in a cluster has.
fn is_of_a_cluster(file: &RuleFile<'_>) -> bool {
    file.root.rules().any(|rule| {
        let text = rule.get("expr").and_then(Node::as_written).unwrap_or_default();
        ["kube_", "namespace=", "pod=", "kubernetes_"].iter().any(|word| text.contains(word))
    })
}

/// Whether the rules are Prometheus' own: Loki's stand in files of the same shape.
fn is_promql(file: &RuleFile<'_>) -> bool {
    file.root.rules().all(|rule| {
        let text = rule.get("expr").and_then(Node::as_written).unwrap_or_default();
        parse(&text, &Target::default()).is_ok()
    })
}

/// Files in a container, which come from ConfigMaps.
fn mounted<'i>(
    configuration: &Configuration<'i>,
    host: &'i Object<'i>,
    files: &[RuleFile<'i>],
    inventory: &'i Inventory<'i>,
) -> Vec<Finding> {
    if host.is_fragment || !host.patched.is_empty() {
        return Vec::new();
    }
    let kinds = ["Deployment", "StatefulSet"];
    let pods = kinds.iter().flat_map(|kind| inventory.kind(kind)).filter_map(|workload| {
        let is_meant = workload.belongs_to(host) && workload.patched.is_empty();
        Pod::of(workload, host).filter(|_| is_meant)
    });
    // Of several sets of manifests that of the same folder.
    let pods: Vec<Pod<'i>> = pods.collect();
    let Some(pod) = pods.into_iter().rev().max_by_key(|pod| pod.workload.nearness(host)) else {
        return Vec::new();
    };
    let Some(home) = pod.mounts().find(|mount| pod.config_map(mount) == Some(&host.name)) else {
        return Vec::new();
    };
    let home = home.get("mountPath").and_then(Node::as_str).unwrap_or_default();
    let mut findings = Vec::new();
    for (node, pattern) in configuration.patterns() {
        let path = match pattern.starts_with('/') {
            true => pattern.to_string(),
            false => format!("{}/{pattern}", home.trim_end_matches('/')),
        };
        let Some(missing) = pod.missing(&path, inventory) else { continue };
        let name = |file: &&RuleFile<'i>| {
            file.host.is_some_and(|other| other.belongs_to(host)) && means(pattern, file.name)
        };
        let meant = files.iter().find(name);
        // A place that is kept free for rules to come.
        if meant.is_none() && pattern.contains('*') {
            continue;
        }
        let mut finding = Finding::new(
            &RULES_NOT_LOADED,
            configuration.root.place(node),
            format!("`{pattern}` finds no file in the container: {missing}"),
        )
        .related(pod.workload.name_place(), "this workload mounts the configuration")
        .why(WHY);
        finding = match meant.and_then(|file| Some((file, file.host?))) {
            Some((file, other)) => {
                finding.severity = Severity::Error;
                let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
                finding.related(other.name_place(), format!("this ConfigMap holds `{}`", file.name)).help(
                    format!(
                        "mount the ConfigMap `{}` at `{folder}`, or name the file where it is",
                        other.name
                    ),
                )
            }
            None => finding.help("mount the rules there, or take the line out"),
        };
        findings.push(finding);
    }
    findings
}

/// A pod of Prometheus that mounts a ConfigMap.
struct Pod<'i> {
    workload: &'i Object<'i>,
    container: &'i Node,
}

impl<'i> Pod<'i> {
    fn of(workload: &'i Object<'i>, host: &Object<'_>) -> Option<Self> {
        let containers = workload.at(&["spec", "template", "spec", "containers"]).map(Node::items);
        let is_prometheus = |container: &&Node| {
            let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
            image.contains("prom/prometheus") || image.contains("prometheus/prometheus")
        };
        let container = containers.unwrap_or_default().iter().find(is_prometheus)?;
        let pod = Pod { workload, container };
        let mounts_it = pod.mounts().any(|mount| pod.config_map(mount) == Some(&host.name));
        mounts_it.then_some(pod)
    }

    fn mounts(&self) -> impl Iterator<Item = &'i Node> {
        self.container.get("volumeMounts").map(Node::items).unwrap_or_default().iter()
    }

    fn volume(&self, mount: &Node) -> Option<&'i Node> {
        let name = mount.get("name").and_then(Node::as_str)?;
        let volumes = self.workload.at(&["spec", "template", "spec", "volumes"]).map(Node::items)?;
        volumes.iter().find(|volume| volume.get("name").and_then(Node::as_str) == Some(name))
    }

    /// The name of the ConfigMap behind a mount, as a reference means it.
    fn config_map(&self, mount: &Node) -> Option<&'i str> {
        self.volume(mount)?.at(&["configMap", "name"]).and_then(Node::as_str)
    }

    /// Why no file is found under an absolute pattern; None where there is one, or where it cannot be told.
    fn missing(&self, pattern: &str, inventory: &'i Inventory<'i>) -> Option<String> {
        let (folder, last) = pattern.rsplit_once('/')?;
        if folder.contains(['*', '?', '[']) {
            return None;
        }
        let at = |mount: &Node| {
            mount.get("mountPath").and_then(Node::as_str).map(|at| at.trim_end_matches('/').to_string())
        };
        let is_file = |mount: &&Node| at(mount).as_deref() == Some(pattern);
        if self.mounts().any(|mount| is_file(&mount)) {
            return None;
        }
        // Files that are mounted one by one may be meant as well.
        let one_by_one = self.mounts().filter_map(at).any(|path| {
            path.rsplit_once('/').is_some_and(|(parent, name)| parent == folder && means(last, name))
        });
        if one_by_one {
            return None;
        }
        let around = self
            .mounts()
            .filter(|mount| mount.get("subPath").is_none())
            .filter_map(|mount| Some((at(mount)?, mount)))
            .filter(|(path, _)| folder == path || folder.starts_with(&format!("{path}/")))
            .max_by_key(|(path, _)| path.len());
        let Some((path, mount)) = around else {
            return Some(format!("nothing is mounted at `{folder}`"));
        };
        let volume = self.volume(mount)?.get("configMap")?;
        let name = volume.get("name").and_then(Node::as_str)?;
        let object = inventory.meant("ConfigMap", name, self.workload)?;
        if !object.patched.is_empty() || object.is_fragment {
            return None;
        }
        let items = volume.get("items").map(Node::items).unwrap_or_default();
        let keys: Vec<&str> = if items.is_empty() {
            let data = ["data", "binaryData"].into_iter().filter_map(|key| object.at(&[key]));
            data.flat_map(Node::entries).map(|entry| entry.key.as_str()).collect()
        } else {
            items.iter().filter_map(|item| item.get("path")?.as_str()).collect()
        };
        let inner = folder.strip_prefix(path.as_str()).unwrap_or_default().trim_start_matches('/');
        let is_there = keys.iter().any(|key| match key.rsplit_once('/') {
            Some((parent, name)) => parent == inner && means(last, name),
            None => inner.is_empty() && means(last, key),
        });
        if is_there {
            return None;
        }
        Some(match inner {
            "" => format!("the ConfigMap `{name}` is mounted at `{path}`, and has no such key"),
            _ => format!(
                "the ConfigMap `{name}` is mounted at `{path}`, and its keys are files there, in no folder `{inner}`"
            ),
        })
    }
}

/// The path of a pattern in a container that has its configuration where the image has it.
pub(super) fn in_its_folder(pattern: &str) -> String {
    match pattern.strip_prefix('/') {
        Some(_) => pattern.to_string(),
        None => format!("/etc/prometheus/{}", pattern.trim_start_matches("./")),
    }
}

/// Files in a container of Docker Compose.
fn in_container(
    configuration: &Configuration<'_>,
    files: &[RuleFile<'_>],
    server: &Server<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, pattern) in configuration.patterns() {
        let path = in_its_folder(pattern);
        let meant = files.iter().find(|file| file.host.is_none() && means(pattern, file.name));
        let Some(file) = meant.filter(|_| !server.sees(&path)) else { continue };
        let message = format!("`{pattern}` finds no file in the container: nothing is mounted there");
        let mut finding = Finding::new(&RULES_NOT_LOADED, configuration.root.place(node), message)
            .related(server.place(), "this container reads the configuration")
            .related(file.place(), "these rules are meant")
            .why(WHY)
            .help(format!("mount the file: `{}:{path}:ro`", server.seen_from(file.root.path)));
        finding.severity = Severity::Error;
        findings.push(finding);
    }
    findings
}

/// Files beside a plain `prometheus.yml`.
fn on_disk(
    configuration: &Configuration<'_>,
    files: &[RuleFile<'_>],
    world: &World<'_>,
    (compose, exists): (&Compose<'_>, fn(&str) -> bool),
) -> Vec<Finding> {
    let path = configuration.root.path;
    let folder = path.rfind('/').map_or("", |at| &path[..at]);
    let beside = |file: &&RuleFile<'_>| {
        let own = file.root.path.rfind('/').map_or("", |at| &file.root.path[..at]);
        file.host.is_none() && (own == folder || own.starts_with(&format!("{folder}/")) || folder.is_empty())
    };
    let mut findings = Vec::new();
    for (node, pattern) in configuration.patterns() {
        let name = pattern.rsplit('/').next().unwrap_or(pattern);
        // A file of another name may be mounted there.
        let full = in_its_folder(pattern);
        if compose.servers_of(path).any(|server| server.mounts_at(&full)) {
            continue;
        }
        let is_here = files.iter().any(|file| means(pattern, file.name))
            || world
                .sources
                .iter()
                .any(|(_, source)| means(pattern, source.name.rsplit('/').next().unwrap_or_default()));
        if is_here {
            continue;
        }
        // What the configuration stands beside, where it is written for the machine that it is made on.
        let near = files.iter().filter(beside).find(|file| !configuration.loads(file.name));
        let has_pattern = name.contains(['*', '?', '[']);
        if has_pattern && near.is_none() {
            continue;
        }
        let places = [pattern.trim_start_matches("./"), name].map(|path| join(folder, path));
        if !has_pattern && places.iter().any(|path| exists(path)) {
            continue;
        }
        let finding = Finding::new(
            &RULES_NOT_LOADED,
            configuration.root.place(node),
            format!("no file here is called `{name}`"),
        )
        .why(WHY);
        findings.push(match near {
            Some(file) => finding
                .related(file.place(), "these rules are loaded by nothing")
                .help(format!("did you mean `{}`?", file.name)),
            None => finding.help("write the rules, or take the line out"),
        });
    }
    findings
}

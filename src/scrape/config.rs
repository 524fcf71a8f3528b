//! Scrape configurations, wherever they stand: a plain `prometheus.yml`, a text inside of a ConfigMap or Secret, the
//! values of a Helm chart.

use std::collections::{HashMap, HashSet};

use super::compose::Compose;
use super::generated::{self, Generated};
use super::operator::{Operators, Refusal};
use super::relabel::known;
use super::way;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, Value};
use crate::source::{FileId, Place};

/// One entry of `scrape_configs`.
#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    pub node: Node,
    pub file: FileId,
    /// Seconds between two scrapes, where the configuration says so for all jobs.
    pub default_interval: Option<f64>,
    /// The namespace that its Prometheus most likely lives in.
    pub namespace: Option<String>,
    /// Whether it stands in a plain file that knows nothing of Kubernetes.
    pub is_local: bool,
    /// Whether its addresses, in a plain file, are surely no containers of a compose file here.
    pub is_without_containers: bool,
    /// Why no Prometheus here takes it up, where it is an object of its own.
    pub refusal: Option<Refusal>,
}

impl Job {
    /// A job of which nothing more is known yet than what is written.
    fn new(name: String, node: Node, file: FileId, default_interval: Option<f64>) -> Self {
        Job {
            name,
            node,
            file,
            default_interval,
            namespace: None,
            is_local: false,
            is_without_containers: false,
            refusal: None,
        }
    }

    /// A node of the job, in the file.
    pub fn place(&self, node: &Node) -> Place {
        Place::new(self.file, node.span)
    }

    pub fn name_place(&self) -> Place {
        let name = self.node.get("job_name").or_else(|| self.node.get("jobName"));
        self.place(name.unwrap_or(&self.node))
    }

    /// The job in words.
    pub fn what(&self) -> String {
        format!("the job `{}`", self.name)
    }

    /// The addresses that it lists, each with the entry around it and its place.
    pub fn addresses(&self) -> impl Iterator<Item = (&Node, &Node, String)> {
        let all = self.list("static_configs", "staticConfigs").iter().flat_map(|fixed| {
            fixed
                .get("targets")
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .map(move |target| (fixed, target))
        });
        all.map(|(fixed, target)| (fixed, target, target.as_written().unwrap_or_default()))
    }

    /// A list, under the spelling of Prometheus or under that of its operator.
    pub fn list(&self, plain: &str, camel: &str) -> &[Node] {
        self.node.get(plain).or_else(|| self.node.get(camel)).map(Node::items).unwrap_or_default()
    }
}

/// Everything that configures a Prometheus by hand.
#[derive(Debug, Default)]
pub struct Configs {
    pub jobs: Vec<Job>,
    /// Numbers of the jobs that stand in one list.
    pub lists: Vec<std::ops::Range<usize>>,
    /// Numbers of the jobs by their names: of copies of one configuration the nearest counts.
    by_name: Vec<Vec<usize>>,
    /// Places at which a Prometheus is configured, with or without jobs.
    pub seen: Vec<Place>,
    /// The ConfigMaps, or what else holds one of them, by their names.
    pub hosts: Vec<String>,
    /// Whether one of these is for Kubernetes.
    pub is_of_a_cluster: bool,
    /// Jobs or monitors that are not here, in words.
    pub open: Option<String>,
    /// A place at which somebody pushes series instead, and what it is.
    pub pushes: Option<(Place, &'static str)>,
}

impl Configs {
    /// The jobs that count for what stands in a file; the same job in several files is one.
    pub fn jobs_near(&self, nearness: impl Fn(FileId) -> usize) -> Vec<&Job> {
        let mut all = Vec::new();
        for group in &self.by_name {
            let near = |number: &usize| nearness(self.jobs[*number].file);
            let best = if group.len() == 1 { 0 } else { group.iter().map(near).max().unwrap_or_default() };
            let stays = |number: &&usize| group.len() == 1 || near(number) == best;
            all.extend(group.iter().filter(stays).take(8).map(|number| &self.jobs[*number]));
        }
        all
    }
}

pub fn find(inventory: &Inventory<'_>, operators: &Operators<'_>) -> Configs {
    let mut configs = Configs::default();
    let mut in_file: HashMap<FileId, Vec<&Object<'_>>> = HashMap::new();
    for object in &inventory.objects {
        in_file.entry(object.document.file).or_default().push(object);
    }
    let generated = generated::find(inventory);
    for object in &inventory.objects {
        if configs.pushes.is_none() {
            configs.pushes = pushes(object);
        }
        let beside = in_file.get(&object.document.file).map(Vec::as_slice).unwrap_or_default();
        let before = configs.jobs.len();
        match object.kind() {
            "" => plain(object, beside, generated.get(object.path), &mut configs),
            "ScrapeConfig" if !object.is_fragment => custom(object, operators, &mut configs),
            "HelmRelease" | "Application" | "HelmChart" | "HelmChartConfig" | "OpenTelemetryCollector" => {
                values(&object.document.node, object.document.file, 0, &mut configs);
                configs.is_of_a_cluster |= configs.jobs.len() > before;
                let home = home(object);
                configs.jobs[before..].iter_mut().for_each(|job| job.namespace.clone_from(&home));
            }
            _ => {}
        }
    }
    let containers = Compose::new(inventory).names();
    for job in configs.jobs.iter_mut().filter(|job| job.is_local) {
        let is_none = |names: &HashSet<String>| {
            job.addresses().all(|(.., address)| !names.contains(super::address::host(&address)))
        };
        job.is_without_containers = containers.as_ref().is_some_and(is_none);
    }
    let mut groups: HashMap<&str, usize> = HashMap::new();
    for (number, job) in configs.jobs.iter().enumerate() {
        let group = *groups.entry(job.name.as_str()).or_insert_with(|| {
            configs.by_name.push(Vec::new());
            configs.by_name.len() - 1
        });
        configs.by_name[group].push(number);
    }
    configs
}

/// The object that a document is embedded in.
fn host<'a, 'd>(object: &Object<'_>, beside: &[&'a Object<'d>]) -> Option<&'a Object<'d>> {
    let own = object.document.node.span;
    beside.iter().copied().find(|other| {
        let span = other.document.node.span;
        // A text in a compose file is for a container beside it.
        span != own && span.start <= own.start && own.end <= span.end && !super::compose::is_compose(other)
    })
}

/// The namespace in which whoever reads the configuration inside of an object lives.
///
/// Sources: fluxcd/helm-controller api/v2/helmrelease_types.go, targetNamespace; argoproj/argo-cd
/// pkg/apis/application/v1alpha1/types.go, destination; k3s-io/helm-controller pkg/apis/helm.cattle.io/v1/types.go.
fn home(object: &Object<'_>) -> Option<String> {
    let own = object.namespace.clone();
    let target = |path: &[&str]| object.text(path).map(str::to_string);
    let home = match object.kind() {
        "HelmRelease" | "HelmChart" => target(&["spec", "targetNamespace"]).or(own),
        "Application" => target(&["spec", "destination", "namespace"]),
        // They belong to a HelmChart elsewhere.
        "HelmChartConfig" => None,
        _ => own,
    };
    home.filter(|name| known(name) == name)
}

/// Words by which those who push are known, and what they are.
const PUSHERS: [(&str, &str); 4] = [
    ("prometheus.scrape \"", "Grafana Alloy scrapes by a configuration of its own, and pushes"),
    ("prometheusremotewrite", "an OpenTelemetry collector pushes"),
    ("remote-write-receiver", "this Prometheus takes what is pushed to it"),
    ("otlp-write-receiver", "this Prometheus takes what is pushed to it"),
];

/// Whether an object shows that series come to Prometheus without a scrape of its own.
fn pushes(object: &Object<'_>) -> Option<(Place, &'static str)> {
    let mut stack = vec![match object.kind() {
        "ConfigMap" | "Secret" => object.at(&["data"])?,
        "OpenTelemetryCollector" | "Deployment" | "StatefulSet" | "DaemonSet" | "Prometheus" => {
            object.at(&["spec"])?
        }
        "" => &object.document.node,
        _ => return None,
    }];
    while let Some(node) = stack.pop() {
        if let Some(text) = node.as_str()
            && let Some((_, what)) = PUSHERS.iter().find(|(word, _)| text.contains(word))
        {
            return Some((Place::new(object.document.file, node.span), what));
        }
        for entry in node.entries() {
            if let Some((_, what)) = PUSHERS.iter().find(|(word, _)| entry.key.starts_with(word)) {
                return Some((Place::new(object.document.file, entry.key_span), what));
            }
            stack.push(&entry.node);
        }
        stack.extend(node.items());
    }
    let receives = object.kind() == "Prometheus"
        && object.at(&["spec", "enableRemoteWriteReceiver"]).and_then(Node::as_written).as_deref()
            == Some("true");
    receives.then(|| (object.name_place(), "this Prometheus takes what is pushed to it"))
}

fn plain(object: &Object<'_>, beside: &[&Object<'_>], generated: Option<&Generated>, configs: &mut Configs) {
    let file = object.document.file;
    let root = &object.document.node;
    if root.is_for_logs() {
        return;
    }
    let before = configs.jobs.len();
    let host = host(object, beside);
    let written = interval(root);
    // Source: prometheus/prometheus config/config.go, DefaultGlobalConfig: scrape_interval 1m.
    let of_host = || interval(host?.at(&["server"])?);
    if let Some(entry) = root.entries().iter().find(|entry| entry.key == "scrape_configs") {
        configs.seen.push(Place::new(file, entry.key_span));
        let made = || generated.map(|generated| generated.name.clone()).unwrap_or_default();
        configs.hosts.push(host.map_or_else(made, |host| host.name.clone()));
        jobs(entry.node.items(), file, written.or_else(of_host).or(Some(60.0)), configs);
    } else if let Some(entry) = root.entries().iter().find(|entry| entry.key == "global")
        && entry.node.get("scrape_interval").is_some()
    {
        configs.seen.push(Place::new(file, entry.key_span));
    }
    if root.get("scrape_config_files").is_some_and(|node| !node.items().is_empty()) {
        configs.open.get_or_insert(
            "the `scrape_config_files` of the configuration here hold more jobs, which are not read"
                .to_string(),
        );
    }
    // Additional jobs stand in a file of their own.
    jobs(root.items(), file, of_host(), configs);
    values(root, file, 0, configs);
    let own = &mut configs.jobs[before..];
    let finds = own.iter().any(|job| !job.list("kubernetes_sd_configs", "kubernetesSDConfigs").is_empty());
    let is_local =
        host.is_none() && generated.is_none() && !finds && beside.iter().all(|other| other.kind().is_empty());
    for job in own {
        job.is_local = is_local;
        let made = || generated.and_then(|generated| generated.namespace.clone());
        job.namespace = host.and_then(home).or_else(made);
    }
    configs.is_of_a_cluster |= !is_local;
}

/// Keys under which Helm values and collectors hold scrape configurations.
const LISTS: [&str; 3] = ["additionalScrapeConfigs", "extraScrapeConfigs", "scrape_configs"];

/// Scrape configurations inside of something larger: Helm values, releases, collectors.
fn values(node: &Node, file: FileId, depth: usize, configs: &mut Configs) {
    // What reads logs has jobs of the same shape, and labels that no metric has.
    if depth > 10 || node.is_for_logs() {
        return;
    }
    for item in node.items() {
        values(item, file, depth + 1, configs);
    }
    let seconds = |path: &[&str]| node.at(path).and_then(Node::as_str).and_then(crate::promql::seconds);
    for entry in node.entries() {
        let key = entry.key.as_str();
        match &entry.node.value {
            // The one of a plain file has been read.
            Value::Sequence(_) if depth == 0 && key == "scrape_configs" => {}
            Value::Sequence(items) if LISTS.contains(&key) => {
                if key == "scrape_configs" {
                    configs.seen.push(Place::new(file, entry.key_span));
                }
                // Sources: prometheus-operator pkg/apis/monitoring/v1/prometheus_types.go: scrapeInterval "30s";
                // prometheus-community/helm-charts charts/prometheus/values.yaml: server.global.scrape_interval 1m.
                let default = match key {
                    "additionalScrapeConfigs" => seconds(&["scrapeInterval"]).or(Some(30.0)),
                    "extraScrapeConfigs" => seconds(&["server", "global", "scrape_interval"]).or(Some(60.0)),
                    _ => interval(node).or(Some(60.0)),
                };
                jobs(items, file, default, configs);
            }
            _ if key == "additionalScrapeConfigsSecret"
                && entry.node.get("enabled").and_then(Node::as_written).as_deref() == Some("true") =>
            {
                let secret = entry.node.get("name").and_then(Node::as_written).unwrap_or_default();
                configs.open.get_or_insert(format!(
                    "more jobs stand in the Secret `{secret}`, which is not read here"
                ));
            }
            _ => values(&entry.node, file, depth + 1, configs),
        }
    }
}

/// The operator's own way to write a job.
fn custom(object: &Object<'_>, operators: &Operators<'_>, configs: &mut Configs) {
    if let Some(spec) = object.at(&["spec"]) {
        let name = format!("scrapeConfig/{}/{}", way::shown(&super::target::namespace(object)), object.name);
        let name = spec.get("jobName").and_then(Node::as_written).unwrap_or(name);
        let file = object.document.file;
        let namespace = object.namespace.clone();
        let (node, default_interval) = (spec.clone(), None);
        let refusal = operators.refusal(object);
        configs.jobs.push(Job { namespace, refusal, ..Job::new(name, node, file, default_interval) });
    }
}

/// The interval of all jobs beside it.
fn interval(root: &Node) -> Option<f64> {
    root.at(&["global", "scrape_interval"]).and_then(Node::as_str).and_then(crate::promql::seconds)
}

fn jobs(items: &[Node], file: FileId, default_interval: Option<f64>, configs: &mut Configs) {
    let before = configs.jobs.len();
    for node in items {
        if let Some(name) = node.get("job_name").and_then(Node::as_written) {
            configs.jobs.push(Job::new(name, node.clone(), file, default_interval));
        }
    }
    if configs.jobs.len() > before {
        configs.lists.push(before..configs.jobs.len());
    }
}

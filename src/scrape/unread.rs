//! What is written for a Prometheus of another kind than the one that is here: annotations where nothing looks into the
//! cluster, monitors where no operator reads them.
//!
//! Sources: prometheus/prometheus documentation/examples/prometheus-kubernetes.yml (`prometheus.io/scrape` is a convention
//! of relabelling rules: Prometheus itself knows nothing of it); prometheus-operator/prometheus-operator
//! Documentation/platform/operator.md (monitors are read by the operator, and by nobody else).

use super::monitor::{OF_SERVICES, looks_into, selected};
use super::rules::{NO_OPERATOR, UNREAD_ANNOTATION};
use super::target::Pods;
use super::way::Passage;
use super::world::World;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::{Entry, Node};
use crate::source::Place;

/// Words by which whoever reads monitors is known, from wherever it is installed.
const OPERATORS: [&str; 18] = [
    "prometheus-operator",
    "kube-prometheus",
    "prometheus-operated",
    "kind: Alertmanager",
    "kind: ThanosRuler",
    "victoria-metrics",
    "victoriametrics",
    "VMAgent",
    "alloy",
    "grafana-agent",
    "k8s-monitoring",
    "rancher-monitoring",
    "targetAllocator",
    "openshift",
    "servicemonitors.monitoring.coreos.com",
    "coralogix",
    "sysdig",
    "bitnami/prometheus",
];

/// Words by which whoever reads annotations is known: other collectors, charts that bring a configuration of their own.
const READERS: [&str; 15] = [
    "annotation_prometheus_io",
    "chart: prometheus\n",
    "serverFiles",
    "datadog",
    "newrelic",
    "dynatrace",
    "opentelemetry-collector",
    "OpenTelemetryCollector",
    "otel/opentelemetry",
    "adot",
    "alloy",
    "grafana-agent",
    "k8s-monitoring",
    "vmagent",
    "VMAgent",
];

const SCRAPE: &str = "prometheus.io/scrape";

impl<'i> World<'i> {
    /// A Prometheus with a configuration of this repository in a ConfigMap, which no operator writes.
    fn hand_written(&self) -> Option<&Pods<'i>> {
        let hosts = &self.configs.hosts;
        let mounts = |volume: &Node| {
            let name = volume.at(&["configMap", "name"]).and_then(Node::as_str);
            name.is_some_and(|name| hosts.iter().any(|host| host == name))
        };
        self.index.workloads().iter().find(|pods| {
            let volumes = pods.object.at(&["spec", "template", "spec", "volumes"]).map(Node::items);
            pods.images()
                .any(|image| image.contains("prom/prometheus") || image.contains("prometheus/prometheus"))
                && volumes.unwrap_or_default().iter().any(mounts)
        })
    }

    /// Whether a workload here is a Prometheus.
    fn any_server(&self) -> bool {
        self.index.workloads().iter().any(|pods| pods.images().any(|image| image.contains("/prometheus:")))
    }

    fn speaks_of(&self, words: &[&str]) -> bool {
        self.sources.iter().any(|(_, source)| words.iter().any(|word| source.text.contains(word)))
    }

    /// A Prometheus that reads a file which is not here.
    fn of_a_file_elsewhere(&self) -> Option<Place> {
        let reads_file = |container: &Node| {
            let words = ["command", "args"].into_iter().filter_map(|key| container.get(key));
            words.flat_map(Node::items).filter_map(Node::as_str).any(|word| word.contains("config.file="))
        };
        let own = self.index.workloads().iter().find(|pods| {
            let is_server = |image: &str| image.starts_with("prom/prometheus:") || image == "prom/prometheus";
            pods.images().any(is_server) && pods.object.containers().iter().any(reads_file)
        });
        own.map(|pods| pods.object.name_place())
    }

    /// The Prometheus beside which monitors are read by nobody, as far as the repository knows.
    fn find_reader_of_files(&self, prometheus: impl Fn(&Self) -> Option<Place>) -> Option<Place> {
        let monitors = &self.index.monitors;
        if monitors.is_empty() || !self.operators.is_empty() || self.configs.pushes.is_some() {
            return None;
        }
        let chosen = |object: &&Object<'_>| {
            object.group() != "monitoring.coreos.com"
                || object.labels().iter().any(|(name, _)| name == "release" || name == "prometheus")
        };
        if monitors.iter().any(chosen) {
            return None;
        }
        prometheus(self).filter(|_| !self.speaks_of(&OPERATORS))
    }

    /// The same, looked for once.
    pub fn reader_of_files(&self) -> Option<Place> {
        let prometheus = |world: &Self| {
            let by_hand = world.hand_written().map(|pods| pods.object.name_place());
            by_hand.or_else(|| world.plain_release())
        };
        *self.reader_of_files.get_or_init(|| self.find_reader_of_files(prometheus))
    }

    /// Monitors where nothing reads monitors: told once.
    pub fn unread_monitors(&self) -> Option<Finding> {
        let first = self.index.monitors.first()?;
        let is_known = self.reader_of_files().is_some();
        let elsewhere = || self.find_reader_of_files(Self::of_a_file_elsewhere);
        let prometheus = self.reader_of_files().or_else(elsewhere)?;
        let kind = first.kind();
        let mut finding = Finding::new(
            &NO_OPERATOR,
            first.name_place(),
            format!("nobody here reads {kind}s: the only Prometheus has a configuration of its own"),
        )
        .related(prometheus, "it reads its own file, and nothing else")
        .why(format!("{kind}s are for the Prometheus operator, which makes a configuration of them, and of it there is no trace here: without its definitions the API server refuses them, and with them they are stored and change nothing"))
        .help("write a job for each into `scrape_configs`, or install the operator, and let it run Prometheus");
        // What the file says is not known.
        if !is_known {
            finding.severity = Severity::Note;
        }
        Some(match self.index.monitors.len() - 1 {
            0 => finding,
            more => finding.label(format!("and {more} more")),
        })
    }

    /// Whether nothing here looks for annotations: every configuration can be read, and none asks the cluster for pods.
    fn reads_no_annotations(&self) -> Option<(Place, &'static str)> {
        let configs = &self.configs;
        let looks = |job: &super::config::Job| {
            let mut keys = job.node.entries().iter().map(|entry| entry.key.as_str());
            keys.any(|key| key == "kubernetes_sd_configs" || key == "kubernetesSDConfigs")
        };
        let is_closed = configs.open.is_none()
            && configs.pushes.is_none()
            && self.operators.open.is_none()
            && !configs.jobs.iter().any(looks);
        if !is_closed {
            return None;
        }
        if self.operators.is_empty() {
            let why = "no job of it looks for pods in the cluster";
            if let Some(pods) = self.hand_written() {
                return Some((pods.object.name_place(), why));
            }
        }
        let is_alone = configs.seen.is_empty() && configs.hosts.is_empty();
        let is_told = || self.speaks_of(&["ScrapeConfigs", "scrape_configs"]) || self.any_server();
        let place = match self.operators.anyone() {
            Some((place, _)) => place,
            None => self.stack_in_words().filter(|_| !is_told())?,
        };
        is_alone.then_some((place, "it takes up monitors, and reads no annotations unless a job tells it to"))
    }

    /// A monitor that selects a Service of these pods, and does not scrape them all the same.
    fn monitor_of(&self, pods: &Pods<'i>) -> Option<&'i Object<'i>> {
        let services = self.index.services_of(pods);
        self.index.monitors.iter().copied().find(|monitor| {
            let Some(selector) = monitor.at(&["spec", "selector"]) else { return false };
            OF_SERVICES.contains(&monitor.kind())
                && services.iter().any(|service| {
                    selected(selector, &service.labels) == Some(true) && looks_into(monitor, service.object)
                })
        })
    }

    /// `prometheus.io/scrape` where nobody reads it: told once for pods that nobody scrapes, and once for those that are
    /// scraped in another way. `missed`: workloads of which a scaler tells it.
    pub fn unread_annotations(&self, missed: &[Place]) -> Vec<Finding> {
        let is_told = |pods: &&Pods<'_>| missed.contains(&pods.object.name_place());
        let untold = self.index.workloads().iter().filter(|pods| !is_told(pods));
        let mut annotated = untold.filter_map(|pods| Some((pods, annotation(pods)?))).peekable();
        if annotated.peek().is_none() {
            return Vec::new();
        }
        let Some((prometheus, why)) = self.reads_no_annotations() else { return Vec::new() };
        if self.speaks_of(&READERS) {
            return Vec::new();
        }
        let (mut lost, mut scraped) = (Vec::new(), Vec::new());
        for (pods, entry) in annotated {
            let passages = self.passages(pods);
            let is_scraped =
                |passage: &Passage| matches!(passage, Passage::Scraped(_) | Passage::Random { .. });
            let place = Place::new(pods.object.document.file, entry.key_span);
            if passages.iter().any(is_scraped) {
                scraped.push((place, pods));
            } else if !passages.iter().any(|passage| matches!(passage, Passage::Open { .. })) {
                lost.push((place, pods));
            }
        }
        let finding = |all: &[(Place, &Pods<'_>)]| {
            let (place, _) = all.first()?;
            let finding = Finding::new(&UNREAD_ANNOTATION, *place, format!("nobody here reads `{SCRAPE}`"))
                .related(prometheus, format!("the Prometheus of these files: {why}"));
            Some(match all.len() - 1 {
                0 => finding,
                more => finding.label(format!("and {more} more workloads carry it")),
            })
        };
        let of_lost = finding(&lost).map(|finding| {
            let name = lost.first().map(|(_, pods)| pods.object.name.clone()).unwrap_or_default();
            let by_monitor = lost.first().and_then(|(_, pods)| self.monitor_of(pods));
            if let Some(monitor) = by_monitor {
                return finding
                    .related(monitor.name_place(), "this one is for the same pods")
                    .why("nothing looks for pods by their annotations: they change nothing, whatever is wrong with the monitor")
                    .help("leave them out, and mend the monitor");
            }
            finding
                .why(format!("it is a convention that a job of role `pod` has to follow: without one no pod of `{name}` is scraped, and no error tells"))
                .help(if self.operators.is_empty() && self.hand_written().is_some() {
                    "add a job with `kubernetes_sd_configs: [{role: pod}]` that keeps what has the annotation, or one with the address of the pods"
                } else {
                    "write a PodMonitor or a ServiceMonitor for the pods"
                })
        });
        let of_scraped = finding(&scraped).map(|mut finding| {
            finding.severity = Severity::Note;
            finding
                .why("the pods are scraped in another way: the annotation says the same once more, and where it differs it changes nothing")
                .help("leave it out")
        });
        of_lost.into_iter().chain(of_scraped).collect()
    }
}

/// The annotation on the template of a workload.
fn annotation<'i>(pods: &Pods<'i>) -> Option<&'i Entry> {
    let template = pods.object.at(&["spec", "template", "metadata", "annotations"])?;
    let entry = template.entries().iter().find(|entry| entry.key == SCRAPE)?;
    (entry.node.as_written().as_deref() == Some("true")).then_some(entry)
}

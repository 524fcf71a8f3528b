//! Who takes monitors up: Prometheus objects of the operator, and releases of kube-prometheus-stack.
//!
//! Sources: prometheus-operator/prometheus-operator pkg/prometheus/resource_selector.go (a selector that is not there
//! selects nothing; a namespace selector that is not there means the own namespace); prometheus-community/helm-charts
//! charts/kube-prometheus-stack/templates/prometheus/prometheus.yaml (without a selector in the values: the label
//! `release`, unless `serviceMonitorSelectorNilUsesHelmValues` is false).

use super::chart;
use super::monitor::selected;
use super::relabel::Labels;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable, read};
use crate::source::Place;

/// Whether a Prometheus takes a monitor up.
#[derive(Clone, Debug)]
pub enum Taken {
    Yes,
    No(Refusal),
    /// What decides is not here.
    Unknown,
}

/// Why it does not.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub by: Place,
    /// With the monitor as its subject.
    pub why: String,
    pub help: String,
    /// Whether the Prometheus itself is here, and not only values for it.
    pub is_sure: bool,
}

/// Everything in a repository that takes monitors up.
#[derive(Debug)]
pub struct Operators<'i> {
    pub all: Vec<&'i Object<'i>>,
    /// Jobs of theirs that are not here, in words.
    pub open: Option<String>,
    /// Labels of pods that each of them copies onto every target.
    pub pod_labels: Vec<String>,
    stacks: Vec<Stack<'i>>,
    /// Those who take up rules beside Prometheus.
    rulers: Vec<&'i Object<'i>>,
    namespaces: Vec<&'i Object<'i>>,
}

/// Values of kube-prometheus-stack.
#[derive(Debug)]
struct Stack<'i> {
    object: &'i Object<'i>,
    /// None: the values are a file, and how it is released is told elsewhere.
    release: Option<String>,
    /// `prometheus.prometheusSpec`, as far as it is written.
    spec: Option<Node>,
    /// Parts of the chart that the values switch off.
    off: Vec<&'static str>,
    /// Whether the chart's own list of metrics to drop stands.
    keeps_the_list: bool,
}

const CHART: &str = "kube-prometheus-stack";

/// Parts of kube-prometheus-stack that come with a monitor of their own, by their keys in the values.
///
/// Source: prometheus-community/helm-charts charts/kube-prometheus-stack/values.yaml.
const PARTS: [&str; 7] = [
    "kubeStateMetrics",
    "nodeExporter",
    "kubelet",
    "kubeApiServer",
    "coreDns",
    "kubeEtcd",
    "kubernetesServiceMonitors",
];

/// How often a monitor without an interval is scraped.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    pub seconds: f64,
    /// Where it is set, or what leaves it open; None: whoever takes the monitor up is not here.
    pub by: Option<Place>,
}

/// Source: prometheus-operator/prometheus-operator pkg/apis/monitoring/v1/prometheus_types.go, scrapeInterval.
const DEFAULT_INTERVAL: f64 = 30.0;

impl<'i> Operators<'i> {
    pub fn new(inventory: &'i Inventory<'i>) -> Self {
        let all: Vec<&Object<'_>> =
            inventory.kind("Prometheus").chain(inventory.kind("PrometheusAgent")).collect();
        let stacks: Vec<Stack<'_>> = inventory.objects.iter().filter_map(stack).collect();
        let of_objects = all.iter().filter_map(|object| object.at(&["spec", "podTargetLabels"]));
        let of_stacks = stacks.iter().filter_map(|stack| stack.spec.as_ref()?.get("podTargetLabels"));
        let names = of_objects.chain(of_stacks).flat_map(Node::items).filter_map(Node::as_written);
        Operators {
            open: all.iter().find_map(|object| more_jobs(object, inventory)),
            pod_labels: names.collect(),
            all,
            stacks,
            rulers: inventory.kind("ThanosRuler").collect(),
            namespaces: inventory.kind("Namespace").collect(),
        }
    }

    /// Somebody who takes up monitors and nothing else, unless it is told to.
    pub fn anyone(&self) -> Option<(Place, String)> {
        let of_object = self
            .all
            .first()
            .map(|object| (object.name_place(), format!("the {} `{}`", object.kind(), object.name)));
        of_object.or_else(|| {
            self.stacks.first().map(|stack| (stack.object.name_place(), "kube-prometheus-stack".to_string()))
        })
    }

    /// How often those here scrape a monitor that does not say so itself.
    pub fn interval(&self) -> Interval {
        let seconds = |node: Option<&Node>| node.and_then(Node::as_str).and_then(crate::promql::seconds);
        let of_object = self.all.first().map(|object| {
            let node = object.at(&["spec", "scrapeInterval"]);
            (seconds(node), node.map_or(object.name_place(), |node| object.place(node)))
        });
        let found = of_object.or_else(|| {
            let stack = self.stacks.first()?;
            let node = stack.spec.as_ref().and_then(|spec| spec.get("scrapeInterval"));
            Some((seconds(node), stack.object.name_place()))
        });
        let (seconds, by) = found.map_or((None, None), |(seconds, by)| (seconds, Some(by)));
        Interval { seconds: seconds.unwrap_or(DEFAULT_INTERVAL), by }
    }

    /// A release of kube-prometheus-stack that brings one of its parts; Err: where it is switched off.
    pub fn part(&self, key: &str) -> Option<Result<Place, Place>> {
        let is_on = |stack: &&Stack<'_>| {
            !stack.off.contains(&key) && !stack.off.contains(&"kubernetesServiceMonitors")
        };
        let on = self.stacks.iter().find(is_on).map(|stack| Ok(stack.object.name_place()));
        on.or_else(|| self.stacks.first().map(|stack| Err(stack.object.name_place())))
    }

    /// A release of kube-prometheus-stack that drops what the chart drops; None where another does not, or is no chart.
    pub fn keeping_the_list(&self) -> Option<Place> {
        let all_keep =
            self.stacks.iter().all(|stack| stack.keeps_the_list && !stack.off.contains(&"kubelet"));
        let stack = self.stacks.first().filter(|_| all_keep && self.all.is_empty())?;
        // A file of values has no name: its part about the kubelet, or what it is known by.
        let entries = stack.object.document.node.entries();
        let entry = |key: &str| entries.iter().find(|entry| entry.key == key);
        let known_by = entry("kubelet").or_else(|| entry("prometheus")).or_else(|| entry(CHART));
        let of_values = known_by.filter(|_| stack.object.kind().is_empty());
        Some(of_values.map_or(stack.object.name_place(), |entry| {
            Place::new(stack.object.document.file, entry.key_span)
        }))
    }

    /// Releases of kube-prometheus-stack, and the namespaces that they are installed in.
    pub fn releases(&self) -> impl Iterator<Item = (&'i Object<'i>, Option<String>)> {
        self.stacks.iter().map(|stack| {
            let object = stack.object;
            let namespace = match object.kind() {
                "HelmRelease" => object.text(&["spec", "targetNamespace"]).or(object.namespace.as_deref()),
                "Application" => object.text(&["spec", "destination", "namespace"]),
                "HelmChart" => object.text(&["spec", "targetNamespace"]).or(object.namespace.as_deref()),
                _ => None,
            };
            (object, namespace.filter(|name| !has_variable(name)).map(str::to_string))
        })
    }

    /// Whether anybody here takes monitors up.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.stacks.is_empty()
    }

    /// Why nobody here takes a monitor up; None where somebody does or may, or where nobody is here at all.
    pub fn refusal(&self, monitor: &Object<'_>) -> Option<Refusal> {
        let (selector, namespaces) = match monitor.kind() {
            "ServiceMonitor" => ("serviceMonitorSelector", "serviceMonitorNamespaceSelector"),
            "PodMonitor" => ("podMonitorSelector", "podMonitorNamespaceSelector"),
            "Probe" => ("probeSelector", "probeNamespaceSelector"),
            "ScrapeConfig" => ("scrapeConfigSelector", "scrapeConfigNamespaceSelector"),
            // A ThanosRuler takes rules up as well.
            "PrometheusRule" if self.rulers.is_empty() => ("ruleSelector", "ruleNamespaceSelector"),
            _ => return None,
        };
        let is_rule = monitor.kind() == "PrometheusRule";
        // Azure's monitors are for its own collector.
        if monitor.group() != "monitoring.coreos.com" {
            return None;
        }
        let labels: Labels = monitor.labels().into_iter().collect();
        if labels.values().any(|value| has_variable(value)) {
            return None;
        }
        // Agents evaluate no rules.
        let all = self.all.iter().filter(|operator| !is_rule || operator.kind() == "Prometheus");
        let operators = all.map(|operator| self.taken(operator, monitor, &labels, selector, namespaces));
        let stacks = self.stacks.iter().map(|stack| {
            let taken = stack.taken(monitor, &labels, selector);
            if matches!(taken, Taken::Yes) { self.reached(stack, monitor, namespaces) } else { taken }
        });
        let mut first = None;
        for taken in operators.chain(stacks) {
            match taken {
                Taken::No(refusal) => {
                    first.get_or_insert(refusal);
                }
                Taken::Yes | Taken::Unknown => return None,
            }
        }
        first
    }

    fn taken(
        &self,
        operator: &Object<'_>,
        monitor: &Object<'_>,
        labels: &Labels,
        key: &str,
        namespaces: &str,
    ) -> Taken {
        let called = format!("the {} `{}`", operator.kind(), operator.name);
        let is_patched = operator.patched.iter().any(|path| path.first().is_none_or(|first| first == "spec"));
        let Some(selector) = operator.at(&["spec", key]) else {
            // It selects nothing, unless an overlay fills it in.
            if is_patched || operator.at(&["spec"]).is_none() {
                return Taken::Unknown;
            }
            return Taken::No(Refusal {
                by: operator.name_place(),
                why: format!("{called} has no `{key}`, and without one it takes up no {}", monitor.kind()),
                help: format!(
                    "write `{key}: {{matchLabels: {{…}}}}` into the {}, or `{key}: {{}}` for all",
                    operator.kind()
                ),
                is_sure: true,
            });
        };
        match selected(selector, labels) {
            Some(true) => {}
            Some(false) => {
                return Taken::No(Refusal {
                    by: operator.place(selector),
                    why: format!(
                        "it does not carry the labels by which {called} selects its {}",
                        many(monitor)
                    ),
                    help: format!("label the {} `{}`", one(monitor), shown(selector)),
                    is_sure: true,
                });
            }
            None => return Taken::Unknown,
        }
        let (Some(own), Some(theirs)) = (&operator.namespace, &monitor.namespace) else {
            return Taken::Unknown;
        };
        let reaches = match operator.at(&["spec", namespaces]) {
            None => Some(own == theirs),
            Some(node) if node.entries().is_empty() => Some(true),
            Some(node) => self.namespace_selected(node, theirs),
        };
        match reaches {
            Some(true) => Taken::Yes,
            None => Taken::Unknown,
            Some(false) => Taken::No(Refusal {
                by: operator
                    .at(&["spec", namespaces])
                    .map_or(operator.name_place(), |node| operator.place(node)),
                why: format!("{called} does not look for {} in the namespace `{theirs}`", many(monitor)),
                help: match operator.at(&["spec", namespaces]) {
                    None => format!(
                        "write `{namespaces}: {{}}` into the {}: without it only its own namespace counts",
                        operator.kind()
                    ),
                    Some(node) => by_label(node, theirs, namespaces),
                },
                is_sure: true,
            }),
        }
    }

    /// Whether a release looks into the namespace of a monitor; without a selector the chart writes `{}`, which is all.
    fn reached(&self, stack: &Stack<'_>, monitor: &Object<'_>, key: &str) -> Taken {
        let written = stack.spec.as_ref().and_then(|spec| spec.get(key));
        let Some(selector) = written.filter(|node| !node.entries().is_empty()) else { return Taken::Yes };
        let Some(theirs) = &monitor.namespace else { return Taken::Unknown };
        match self.namespace_selected(selector, theirs) {
            Some(true) => Taken::Yes,
            None => Taken::Unknown,
            Some(false) => Taken::No(Refusal {
                by: stack.object.name_place(),
                why: format!(
                    "kube-prometheus-stack is told not to look for {} in the namespace `{theirs}`",
                    many(monitor)
                ),
                help: by_label(selector, theirs, key),
                is_sure: stack.release.is_some(),
            }),
        }
    }

    /// Whether a label selector selects a namespace; its labels may be here, and one it always has.
    pub fn namespace_selected(&self, selector: &Node, name: &str) -> Option<bool> {
        let all: Vec<_> = self.namespaces.iter().filter(|object| object.name == name).collect();
        let with_labels = |object: Option<&&Object<'i>>| {
            let mut labels: Labels =
                object.map(|object| object.labels().into_iter().collect()).unwrap_or_default();
            labels.insert("kubernetes.io/metadata.name".to_string(), name.to_string());
            selected(selector, &labels)
        };
        if all.is_empty() {
            // What labels the namespace has is not known.
            return with_labels(None).filter(|taken| *taken || asks_only_for_names(selector));
        }
        // Several files may make it, each with labels of its own.
        let first = with_labels(all.first().copied());
        if all.iter().all(|object| with_labels(Some(object)) == first) { first } else { None }
    }

    /// The Namespaces of a repository.
    pub fn namespaces(&self) -> &[&'i Object<'i>] {
        &self.namespaces
    }
}

/// The Secret of more jobs, unless it can be read here.
fn more_jobs(operator: &Object<'_>, inventory: &Inventory<'_>) -> Option<String> {
    let name = operator.text(&["spec", "additionalScrapeConfigs", "name"])?;
    let is_readable = |secret: &Object<'_>| secret.at(&["stringData"]).is_some();
    let is_here = inventory.named("Secret", name).any(is_readable);
    (!is_here).then(|| {
        format!(
            "more jobs of the {} `{}` stand in the Secret `{name}`, which is not read here",
            operator.kind(),
            operator.name
        )
    })
}

/// How a namespace comes to be selected.
fn by_label(selector: &Node, namespace: &str, key: &str) -> String {
    let mut wanted = selector.get("matchLabels").map(Node::pairs).into_iter().flatten();
    // The API server writes this label itself: it cannot be another.
    match wanted.next().filter(|(name, _)| *name != "kubernetes.io/metadata.name") {
        Some((name, value)) => format!(
            "label the namespace `{namespace}` with `{name}: {value}`, or let `{key}` select it by `kubernetes.io/metadata.name: {namespace}`, which every namespace carries"
        ),
        None => format!("let `{key}` select `{namespace}` as well"),
    }
}

/// What an object is to whoever takes it up, in words.
fn one(monitor: &Object<'_>) -> &'static str {
    match monitor.kind() {
        "PrometheusRule" => "rule",
        "ScrapeConfig" => "configuration",
        "Probe" => "probe",
        _ => "monitor",
    }
}

fn many(monitor: &Object<'_>) -> &'static str {
    match monitor.kind() {
        "PrometheusRule" => "rules",
        "ScrapeConfig" => "configurations",
        "Probe" => "probes",
        _ => "monitors",
    }
}

fn asks_only_for_names(selector: &Node) -> bool {
    let named = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    named.iter().all(|entry| entry.key == "kubernetes.io/metadata.name")
        && expressions
            .iter()
            .all(|one| one.get("key").and_then(Node::as_str) == Some("kubernetes.io/metadata.name"))
}

fn shown(selector: &Node) -> String {
    let labels = selector.get("matchLabels").map(Node::pairs).into_iter().flatten();
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}: {value}")).collect();
    if labels.is_empty() { "as its `matchExpressions` ask".to_string() } else { labels.join(", ") }
}

impl Stack<'_> {
    fn taken(&self, monitor: &Object<'_>, labels: &Labels, key: &str) -> Taken {
        let written = self.spec.as_ref().and_then(|spec| spec.get(key));
        if let Some(selector) = written.filter(|node| !node.entries().is_empty()) {
            return match selected(selector, labels) {
                Some(true) => Taken::Yes,
                None => Taken::Unknown,
                Some(false) => Taken::No(Refusal {
                    by: self.object.name_place(),
                    why: format!(
                        "it does not carry the labels by which kube-prometheus-stack is told to select its {}",
                        many(monitor)
                    ),
                    help: format!("label the {} `{}`", one(monitor), shown(selector)),
                    is_sure: false,
                }),
            };
        }
        let nil = format!("{key}NilUsesHelmValues");
        let uses_release = self.spec.as_ref().and_then(|spec| spec.get(&nil)).and_then(Node::as_written);
        if uses_release.is_some_and(|value| value != "true") {
            return Taken::Yes;
        }
        let own = labels.get("release");
        let fits = match (&self.release, own) {
            (Some(release), own) => own == Some(release),
            (None, Some(_)) => return Taken::Unknown,
            (None, None) => false,
        };
        if fits {
            return Taken::Yes;
        }
        let release = self.release.as_deref().unwrap_or("NAME-OF-THE-RELEASE");
        Taken::No(Refusal {
            by: self.object.name_place(),
            why: format!(
                "kube-prometheus-stack takes up {} labelled `release: {release}` only",
                many(monitor)
            ),
            help: format!(
                "label the {} `release: {release}`, or set `prometheus.prometheusSpec.{nil}: false`",
                one(monitor)
            ),
            is_sure: self.release.is_some(),
        })
    }
}

/// Values of kube-prometheus-stack, if an object is that.
fn stack<'i>(object: &'i Object<'i>) -> Option<Stack<'i>> {
    let text = |path: &[&str]| object.text(path);
    let named = |release: Option<&str>| Some(release.unwrap_or(&object.name).to_string());
    let (release, values, raw) = match object.kind() {
        "HelmRelease" if text(&["spec", "chart", "spec", "chart"]) == Some(CHART) => {
            // What comes from elsewhere may say otherwise.
            if object.at(&["spec", "valuesFrom"]).is_some() {
                return None;
            }
            // Source: fluxcd/helm-controller api/v2/helmrelease_types.go, GetReleaseName: the target namespace comes first.
            let target = text(&["spec", "targetNamespace"]);
            let default = target.map_or(object.name.clone(), |target| format!("{target}-{}", object.name));
            let release = text(&["spec", "releaseName"]).map_or(default, str::to_string);
            (Some(release), object.at(&["spec", "values"]), None)
        }
        "Application" => {
            let sources = object.at(&["spec", "sources"]).map(Node::items).unwrap_or_default();
            let all = object.at(&["spec", "source"]).into_iter().chain(sources);
            let source =
                all.into_iter().find(|source| source.get("chart").and_then(Node::as_str) == Some(CHART))?;
            let helm = source.get("helm");
            let of = |key: &str| helm.and_then(|helm| helm.get(key));
            if of("valueFiles").is_some() || of("parameters").is_some() {
                return None;
            }
            (
                named(of("releaseName").and_then(Node::as_str)),
                of("valuesObject"),
                of("values").and_then(Node::as_str),
            )
        }
        "HelmChart" if text(&["spec", "chart"]).is_some_and(|chart| chart.ends_with(CHART)) => {
            (named(None), None, text(&["spec", "valuesContent"]))
        }
        "" if object.at(&["prometheus", "prometheusSpec"]).is_some() => {
            (None, Some(&object.document.node), None)
        }
        // Values of a chart around it.
        "" if object.at(&[CHART, "prometheus", "prometheusSpec"]).is_some() => {
            (None, object.at(&[CHART]), None)
        }
        _ => return None,
    };
    let raw = raw.map(|text| read(object.document.file, text));
    if raw.as_ref().is_some_and(|reading| !reading.findings.is_empty()) {
        return None;
    }
    let inner = raw.as_ref().and_then(|reading| reading.documents.first()).map(|document| &document.node);
    let spec = values.or(inner).and_then(|values| values.at(&["prometheus", "prometheusSpec"])).cloned();
    let release = release.filter(|name| !has_variable(name));
    let values = values.or(inner);
    let is_off = |key: &&str| {
        let enabled = values.and_then(|values| values.at(&[key, "enabled"])).and_then(Node::as_written);
        enabled.is_some_and(|enabled| enabled != "true")
    };
    let off = PARTS.into_iter().filter(is_off).collect();
    let version = match object.kind() {
        "HelmRelease" => text(&["spec", "chart", "spec", "version"]),
        "Application" => text(&["spec", "source", "targetRevision"]),
        _ => text(&["spec", "version"]),
    };
    let keeps_the_list = chart::keeps_the_list(values, version);
    Some(Stack { object, release, spec, off, keeps_the_list })
}

//! What queries ask of exporters that everybody runs, against what those expose as they are started here: names, labels,
//! and labels that the scrape replaces.
//!
//! Sources: kubernetes/kube-state-metrics docs/cli-arguments.md (`--metric-labels-allowlist`); oliver006/redis_exporter README.md
//! (`--check-keys`, `--count-keys`, `--check-streams`); rabbitmq/rabbitmq-server deps/rabbitmq_prometheus/README.md (per
//! object only on request); danielqsj/kafka_exporter kafka_exporter.go; NVIDIA/dcgm-exporter internal/pkg/transformation;
//! prometheus/prometheus scrape/scrape.go, mutateSampleLabels.

use super::labels;
use super::pattern::{Fit, fit};
use super::relabel::is_unknown;
use super::rules::NOT_EXPOSED;
use super::target::Pods;
use super::way::{Passage, Scraped};
use super::world::World;
use crate::finding::{Finding, Severity, nearest, push_once};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::promql::{MatcherView, SelectorView, Target, parse};
use crate::source::{Place, Span};

/// What the files say of exporters, found once.
struct Facts {
    has_allowlist: bool,
    /// Who brings kube-state-metrics, and whether all that it is told is here.
    state_metrics: Option<(Place, bool)>,
    redis: Option<Place>,
    kafka: Option<Place>,
    rabbit: Option<(Place, bool)>,
}

/// Words by which another program than danielqsj's makes metrics of Kafka's groups.
const OTHERS_OF_KAFKA: [&str; 6] = ["kminion", "kafka-lag-exporter", "burrow", "jmx", "seglo", "redpanda"];

/// Words by which RabbitMQ, or somebody for it, tells of each queue.
const OF_EACH_QUEUE: [&str; 7] = [
    "per-object",
    "per_object",
    "/detailed",
    "rabbitmq-exporter",
    "rabbitmq_exporter",
    "perObject",
    "rabbitmq-prometheus-exporter",
];

pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut facts = None;
    for (object, node, text) in queries(inventory) {
        let Ok(expression) = parse(text, &Target::default()) else { continue };
        for selector in expression.selectors() {
            let metric = selector.name.as_deref().unwrap_or_default();
            const STARTS: [&str; 5] = ["kube_", "redis_", "rabbitmq_", "kafka_", "DCGM_"];
            if !STARTS.iter().any(|start| metric.starts_with(start))
                || !world.index.recorded(metric).is_empty()
            {
                continue;
            }
            let facts = facts.get_or_insert_with(|| Facts::of(world, inventory));
            let place = |span: Span| world.inside(object, node, text, span);
            let told = facts
                .labels_of_objects(&selector, &place)
                .or_else(|| facts.keys(&selector, &place))
                .or_else(|| facts.queues(&selector, &place))
                .or_else(|| facts.groups(&selector, &place))
                .or_else(|| replaced(world, &selector, &place));
            let Some(mut finding) = told else { continue };
            // Another side of the query may give something.
            if text.contains(" or ") {
                finding.severity = Severity::Warning;
            }
            push_once(&mut findings, finding);
        }
    }
    findings
}

/// The queries of triggers, alerts and records.
pub(super) fn queries<'i>(
    inventory: &'i Inventory<'i>,
) -> impl Iterator<Item = (&'i Object<'i>, &'i Node, &'i str)> {
    let of = |object: &'i Object<'i>| -> Vec<&'i Node> {
        match object.kind() {
            "ScaledObject" | "ScaledJob" if !object.is_fragment => {
                let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
                triggers.iter().filter_map(|trigger| trigger.at(&["metadata", "query"])).collect()
            }
            "PrometheusRule" => object.rules().filter_map(|rule| rule.get("expr")).collect(),
            "" if object.at(&["groups"]).is_some() => {
                object.rules().filter_map(|rule| rule.get("expr")).collect()
            }
            _ => Vec::new(),
        }
    };
    inventory
        .objects
        .iter()
        .flat_map(move |object| of(object).into_iter().map(move |node| (object, node)))
        .filter_map(|(object, node)| {
            let text = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"))?;
            Some((object, node, text))
        })
}

fn excludes<'s>(selector: &'s SelectorView, names: &[&str]) -> Option<&'s MatcherView> {
    selector
        .matchers
        .iter()
        .find(|matcher| names.contains(&matcher.name.as_str()) && matcher.excludes_empty())
}

pub(super) const NEVER: &str = "no series matches: the query stays empty, an alert never fires, a trigger reads nothing, and no error tells";

impl Facts {
    fn of<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Self {
        let speaks_of = |words: &[&str]| {
            world.sources.iter().any(|(_, source)| words.iter().any(|word| source.text.contains(word)))
        };
        let image = |wanted: &'static [&'static str]| {
            let is_it = |image: &str| {
                wanted.iter().any(|word| image.split(':').next().unwrap_or(image).ends_with(word))
            };
            let of_pods = world.index.workloads().iter().find(|pods| pods.images().any(is_it));
            let of_pods = of_pods.map(|pods| pods.object.name_place());
            of_pods.or_else(|| of_compose(inventory, is_it))
        };
        let redis = image(&["oliver006/redis_exporter", "bitnami/redis-exporter"]);
        let kafka = image(&["danielqsj/kafka-exporter"]);
        let rabbit = image(&["rabbitmq"]).map(|place| (place, true));
        let of_cluster = inventory.kind("RabbitmqCluster").next().map(|object| (object.name_place(), true));
        Facts {
            has_allowlist: speaks_of(&[
                "metricLabelsAllowlist",
                "metric-labels-allowlist",
                "metricAnnotationsAllowList",
                "metric-annotations-allowlist",
            ]),
            state_metrics: state_metrics(world, inventory),
            redis: redis.filter(|_| {
                !speaks_of(&[
                    "check-keys",
                    "check-single-keys",
                    "CHECK_KEYS",
                    "CHECK_SINGLE_KEYS",
                    "count-keys",
                    "COUNT_KEYS",
                    "check-streams",
                    "check-single-streams",
                    "CHECK_STREAMS",
                    "CHECK_SINGLE_STREAMS",
                    "check-key-groups",
                    "CHECK_KEY_GROUPS",
                    "envFrom",
                    "env_file",
                    "check-keys-batch-size",
                ])
            }),
            kafka: kafka.filter(|_| !speaks_of(&OTHERS_OF_KAFKA)),
            rabbit: rabbit.or(of_cluster).filter(|_| !speaks_of(&OF_EACH_QUEUE)),
        }
    }

    /// Labels of Kubernetes' objects that kube-state-metrics shows only where it is told to.
    fn labels_of_objects(&self, selector: &SelectorView, place: &impl Fn(Span) -> Place) -> Option<Finding> {
        let metric = selector.name.as_deref()?;
        let kind = metric.strip_prefix("kube_")?;
        let (kind, start, flag) = match kind.strip_suffix("_labels") {
            Some(kind) => (kind, "label_", "metricLabelsAllowlist"),
            None => (kind.strip_suffix("_annotations")?, "annotation_", "metricAnnotationsAllowList"),
        };
        let (by, is_sure) = self.state_metrics.filter(|_| !self.has_allowlist)?;
        let matcher = selector
            .matchers
            .iter()
            .find(|matcher| matcher.name.starts_with(start) && matcher.excludes_empty())?;
        let label = matcher.name.strip_prefix(start).unwrap_or_default();
        let mut finding = Finding::new(
            &NOT_EXPOSED,
            place(matcher.span),
            format!("`{metric}` has no label `{}` as kube-state-metrics is installed here", matcher.name),
        )
        .related(by, "without a list of labels it shows none")
        .why(format!("since version 2 it shows the labels of objects only where it is told which. {NEVER}"))
        .help(format!("write `{flag}: [{kind}s=[{label}]]` into the values of kube-state-metrics, or `--metric-labels-allowlist={kind}s=[{label}]`"));
        if !is_sure {
            finding.severity = Severity::Warning;
        }
        Some(finding)
    }

    /// Metrics of single keys, which the exporter of Redis makes only of keys that it is told.
    fn keys(&self, selector: &SelectorView, place: &impl Fn(Span) -> Place) -> Option<Finding> {
        let metric = selector.name.as_deref()?;
        let flag = match metric {
            "redis_key_size" | "redis_key_value" | "redis_key_value_as_string" => "check-single-keys",
            "redis_keys_count" => "count-keys",
            _ if metric.starts_with("redis_stream_") => "check-single-streams",
            _ => return None,
        };
        let variable = flag.replace('-', "_").to_uppercase();
        let start = selector.span.start as usize;
        Some(
            Finding::new(
                &NOT_EXPOSED,
                place(Span::new(start, start + metric.len())),
                format!("the exporter of Redis makes no `{metric}` as it is started here"),
            )
            .related(self.redis?, "nothing tells it which keys to look at")
            .why(format!("it looks at single keys only where it is told which. {NEVER}"))
            .help(format!("start it with `--{flag}=db0=<key>`, or with `REDIS_EXPORTER_{variable}`")),
        )
    }

    /// Labels of single queues, which RabbitMQ adds up unless it is asked otherwise.
    fn queues(&self, selector: &SelectorView, place: &impl Fn(Span) -> Place) -> Option<Finding> {
        let metric = selector.name.as_deref()?;
        let of_queues = metric.starts_with("rabbitmq_queue_messages") || metric == "rabbitmq_queue_consumers";
        let (by, is_sure) = self.rabbit.filter(|_| of_queues)?;
        let matcher = excludes(selector, &["queue", "vhost"])?;
        // Source: rabbitmq/rabbitmq-server deps/rabbitmq_prometheus/metrics-detailed.md.
        let family = match metric {
            "rabbitmq_queue_consumers" => "queue_consumer_count",
            _ => "queue_coarse_metrics",
        };
        let mut finding = Finding::new(
            &NOT_EXPOSED,
            place(matcher.span),
            format!("`{metric}` has no label `{}` at RabbitMQ's `/metrics`", matcher.name),
        )
        .related(by, "this RabbitMQ")
        .why(format!("its own plugin adds all queues up unless it is asked for each. {NEVER}"))
        .help(format!("scrape `/metrics/per-object`, or set `prometheus.return_per_object_metrics = true`; for single queues `/metrics/detailed?family={family}`, whose names begin with `rabbitmq_detailed_`"));
        if !is_sure {
            finding.severity = Severity::Warning;
        }
        Some(finding)
    }

    /// Names and labels of consumer groups.
    fn groups(&self, selector: &SelectorView, place: &impl Fn(Span) -> Place) -> Option<Finding> {
        const NAMES: [&str; 6] = [
            "kafka_consumergroup_current_offset",
            "kafka_consumergroup_current_offset_sum",
            "kafka_consumergroup_lag",
            "kafka_consumergroup_lag_sum",
            "kafka_consumergroup_members",
            "kafka_consumergroupzookeeper_lag_zookeeper",
        ];
        const LABELS: [&str; 5] = ["group", "consumer_group", "group_id", "groupid", "consumerGroup"];
        let metric = selector.name.as_deref()?;
        let by = self.kafka?;
        let is_of_groups =
            metric.starts_with("kafka_consumer_group") || metric.starts_with("kafka_consumergroup");
        if !is_of_groups {
            return None;
        }
        if !NAMES.contains(&metric) {
            let start = selector.span.start as usize;
            let better = nearest(metric, NAMES).unwrap_or("kafka_consumergroup_lag");
            return Some(
                Finding::new(
                    &NOT_EXPOSED,
                    place(Span::new(start, start + metric.len())),
                    format!("the exporter of Kafka has no `{metric}`"),
                )
                .related(by, "this exporter")
                .why(format!("the name is that of another exporter, or of none. {NEVER}"))
                .help(format!("write `{better}`")),
            );
        }
        let matcher = excludes(selector, &LABELS)?;
        Some(
            Finding::new(
                &NOT_EXPOSED,
                place(matcher.span),
                format!("`{metric}` has no label `{}`", matcher.name),
            )
            .related(by, "this exporter")
            .why(format!("its labels are `consumergroup`, `topic` and `partition`. {NEVER}"))
            .help("write `consumergroup`"),
        )
    }
}

/// A service of Docker Compose whose image is meant.
fn of_compose<'i>(inventory: &'i Inventory<'i>, is_it: impl Fn(&str) -> bool) -> Option<Place> {
    inventory.objects.iter().filter(|object| super::is_compose(object)).find_map(|object| {
        let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
        let entry = services
            .iter()
            .find(|entry| entry.node.get("image").and_then(Node::as_str).is_some_and(&is_it))?;
        Some(Place::new(object.document.file, entry.key_span))
    })
}

fn state_metrics<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Option<(Place, bool)> {
    let pods = world
        .index
        .workloads()
        .iter()
        .find(|pods| pods.images().any(|image| image.contains("kube-state-metrics")));
    if let Some(pods) = pods {
        return Some((pods.object.name_place(), pods.object.patched.is_empty()));
    }
    const CHARTS: [&str; 3] = ["kube-prometheus-stack", "prometheus", "kube-state-metrics"];
    let releases = inventory.releases();
    let release = releases.iter().find(|release| CHARTS.contains(&release.chart.as_str()))?;
    let key =
        if release.chart == "kube-prometheus-stack" { "kubeStateMetrics" } else { "kube-state-metrics" };
    let is_off = release.value(&[key, "enabled"]).is_some_and(|value| value == "false");
    (!is_off).then_some((release.place, !release.is_open))
}

/// Exporters whose series name objects of the cluster, and the labels by which they do.
const NAMING: [(&str, &str, &[&str]); 2] = [
    ("DCGM_", "dcgm", &["pod", "namespace", "container"]),
    ("kube_", "kube-state-metrics", &["pod", "namespace", "container", "service", "node"]),
];

/// A label of the series that the scrape replaces by that of the exporter's own pod.
fn replaced<'i>(
    world: &World<'i>,
    selector: &SelectorView,
    place: &impl Fn(Span) -> Place,
) -> Option<Finding> {
    let metric = selector.name.as_deref()?;
    let (_, word, own) = NAMING.iter().find(|(start, ..)| metric.starts_with(start))?;
    let is_it = |pods: &&Pods<'i>| pods.images().any(|image| image.contains(word));
    let mut all = world.index.workloads().iter().filter(is_it);
    let pods = all.next().filter(|_| all.next().is_none())?;
    let passages = world.passages(pods);
    let ways: Vec<&Scraped> = passages.iter().filter_map(Passage::scraped).collect();
    // Another way may be open, or leave the labels alone.
    let is_open =
        passages.iter().any(|passage| matches!(passage, Passage::Open { .. } | Passage::Random { .. }));
    if ways.is_empty() || is_open || ways.iter().any(|way| way.honors_labels || !way.metric_rules.is_empty())
    {
        return None;
    }
    selector.matchers.iter().filter(|matcher| own.contains(&matcher.name.as_str())).find_map(|matcher| {
        let pattern = labels::asked(matcher)?;
        let of = |way: &&Scraped| way.labels.get(&matcher.name).cloned();
        let values: Vec<String> = ways.iter().map(of).collect::<Option<_>>()?;
        let never = |value: &String| !(is_unknown(value) && value.len() == 1) && fit(&pattern, value) == Some(Fit::No);
        if !values.iter().all(never) {
            return None;
        }
        let (name, way) = (&matcher.name, ways[0]);
        let honors = if way.is_monitor { "honorLabels: true" } else { "honor_labels: true" };
        Some(
            Finding::new(
                &NOT_EXPOSED,
                place(matcher.span),
                format!("`{name}` is that of the exporter itself on this path"),
            )
            .related(way.by, format!("{} scrapes it, and its labels win", way.what))
            .why(format!("the series has a `{name}` of its own, which becomes `exported_{name}` because the target has one as well. {NEVER}"))
            .help(format!("write `{honors}` there, or ask for `exported_{name}`")),
        )
    })
}

//! Ports that Prometheus is told to scrape, and at which something else than metrics is spoken.
//!
//! Sources: IANA Service Name and Transport Protocol Port Number Registry; kedacore/charts
//! keda/templates/manager/service.yaml (`metricsservice` is gRPC with client certificates); nats-io/nats-server
//! server/monitor.go (paths of 8222).

use super::config::Job;
use super::dangling::services_of;
use super::job::is_probe;
use super::monitor::{OF_SERVICES, endpoints, looks_into};
use super::rules::OTHER_PROTOCOL;
use super::target::{Pods, Service};
use super::world::World;
use super::{address, relabel};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::source::Place;

/// A port at which something else is spoken.
pub struct Spoken {
    port: &'static str,
    pub who: &'static str,
    /// Words one of which the name of the target must have, where the port alone is no proof.
    words: &'static [&'static str],
    pub help: &'static str,
}

const fn spoken(
    port: &'static str,
    who: &'static str,
    words: &'static [&'static str],
    help: &'static str,
) -> Spoken {
    Spoken { port, who, words, help }
}

const KAFKA: &[&str] = &["kafka", "broker", "redpanda"];
const OF_KAFKA: &str = "deploy kafka_exporter (9308) or the JMX exporter, and scrape that";
const RABBITMQ: &[&str] = &["rabbit"];
const OF_RABBITMQ: &str = "scrape port 15692 of the plugin rabbitmq_prometheus";

const SPOKEN: [Spoken; 19] = [
    spoken("5432", "PostgreSQL", &[], "deploy postgres_exporter (9187) and scrape that"),
    spoken("3306", "MySQL", &[], "deploy mysqld_exporter (9104) and scrape that"),
    spoken("27017", "MongoDB", &[], "deploy mongodb_exporter (9216) and scrape that"),
    spoken("6379", "Redis", &[], "deploy redis_exporter (9121) and scrape that"),
    spoken("11211", "memcached", &[], "deploy memcached_exporter (9150) and scrape that"),
    spoken("5672", "AMQP", &[], OF_RABBITMQ),
    spoken("15672", "RabbitMQ's page for people", RABBITMQ, OF_RABBITMQ),
    spoken(
        "9666",
        "gRPC between KEDA's own parts",
        &["keda"],
        "scrape port 8080, and install KEDA with `prometheus.operator.enabled: true`",
    ),
    spoken(
        "8081",
        "the telemetry of kube-state-metrics about itself",
        &["kube-state-metrics"],
        "scrape port 8080, which has the `kube_…` metrics",
    ),
    spoken("1433", "SQL Server", &[], "deploy an exporter of it and scrape that"),
    spoken("1521", "Oracle", &[], "deploy an exporter of it and scrape that"),
    spoken("2181", "ZooKeeper", &[], "switch on its PrometheusMetricsProvider (7000) and scrape that"),
    spoken("9042", "Cassandra", &["cassandra", "scylla"], "scrape its exporter"),
    spoken("9092", "Kafka", KAFKA, OF_KAFKA),
    spoken("9093", "Kafka", KAFKA, OF_KAFKA),
    spoken("9094", "Kafka", KAFKA, OF_KAFKA),
    spoken("4222", "NATS", &["nats"], "deploy prometheus-nats-exporter (7777) and scrape that"),
    spoken(
        "8222",
        "the JSON of NATS, under other paths,",
        &["nats"],
        "deploy prometheus-nats-exporter (7777) and scrape that",
    ),
    spoken(
        "9200",
        "the JSON of Elasticsearch",
        &["elastic", "opensearch"],
        "deploy elasticsearch_exporter (9114) and scrape that",
    ),
];

/// What is spoken at a port of something that is called so.
pub fn at(port: &str, name: &str) -> Option<&'static Spoken> {
    let name = name.to_lowercase();
    SPOKEN.iter().find(|spoken| {
        let is_named = spoken.words.is_empty() || spoken.words.iter().any(|word| name.contains(word));
        spoken.port == port && is_named && !name.contains("exporter") && !name.contains("metrics")
    })
}

fn finding(place: Place, what: &str, spoken: &Spoken) -> Finding {
    Finding::new(&OTHER_PROTOCOL, place, format!("{what} is {}, which has no metrics to scrape", spoken.who))
        .why("each scrape fails: `up` stays 0, no series comes, and an alert on `up` fires for ever")
        .help(spoken.help)
}

/// Addresses, monitors and annotations that lead to such ports.
pub fn check(world: &World<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = world.configs.jobs.iter().filter_map(of_job).collect();
    findings.extend(world.configs.jobs.iter().filter_map(of_nodes));
    findings.extend(world.configs.jobs.iter().filter_map(health));
    findings.extend(world.configs.jobs.iter().filter_map(without_a_question));
    findings.extend(world.index.monitors.iter().flat_map(|monitor| of_monitor(monitor, world)));
    findings.extend(world.index.workloads().iter().filter_map(of_pods));
    findings
}

/// The addresses that one job lists.
fn of_job(job: &Job) -> Option<Finding> {
    // What is asked for others, or rewritten before it is scraped, goes elsewhere.
    let rewrites = job
        .list("relabel_configs", "relabelings")
        .iter()
        .filter_map(|rule| relabel::field(rule, "target_label", "targetLabel")?.as_str())
        .any(|label| label == "__address__");
    let path = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath")).and_then(Node::as_str);
    if is_probe(job) || rewrites || path.is_some_and(|path| path != "/metrics") {
        return None;
    }
    let mut all = job.addresses().filter_map(|(_, node, address)| {
        let (_, port) = address.rsplit_once(':')?;
        let spoken = at(port, address::host(&address))?;
        Some((job.place(node), address.clone(), spoken))
    });
    let (place, address, spoken) = all.next()?;
    let first = finding(place, &format!("`{address}`"), spoken);
    // The others are the same slip: they are told along with it.
    Some(all.fold(first, |told, (place, address, spoken)| {
        told.related(place, format!("and `{address}` is {}: {}", spoken.who, spoken.help))
    }))
}

/// The role `node` gives the port of the kubelet, which speaks HTTPS and asks who is there.
///
/// Source: prometheus/prometheus discovery/kubernetes/node.go: the address is that of the kubelet.
fn of_nodes(job: &Job) -> Option<Finding> {
    let discovery = job.list("kubernetes_sd_configs", "kubernetesSDConfigs").iter().find(|discovery| {
        discovery.get("role").and_then(Node::as_str).is_some_and(|role| role.eq_ignore_ascii_case("node"))
    })?;
    let rules = job.list("relabel_configs", "relabelings");
    let sets = |rule: &Node| relabel::field(rule, "target_label", "targetLabel").and_then(Node::as_written);
    let rewrites = rules.iter().filter_map(sets).any(|label| label == "__address__" || label == "__scheme__");
    if rewrites || job.node.get("scheme").is_some() {
        return None;
    }
    let node = discovery.get("role")?;
    Some(
        Finding::new(&OTHER_PROTOCOL, job.place(node), "the role `node` is the port of the kubelet, which speaks HTTPS")
            .why("each scrape is answered with 400 or not at all: `up` stays 0, and no series of the nodes or their containers comes")
            .help("write `scheme: https`, with the CA and the token of the ServiceAccount, and `metrics_path: /metrics/cadvisor` for containers; or give `__address__` the port of the node exporter"),
    )
}

/// Pages that answer a question, asked without one: the probe of an exporter, and the series of another Prometheus.
///
/// Sources: prometheus/blackbox_exporter README.md (`/probe?target=…`); prometheus/prometheus web/federate.go (`match[]`).
fn without_a_question(job: &Job) -> Option<Finding> {
    let node = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath"))?;
    let path = node.as_str()?.trim_end_matches('/');
    let (parameter, message, why, help) = match path {
        "/probe" => (
            "target",
            "`/probe` is asked of the targets themselves, and not of an exporter about them",
            "the sites have no such page, and an exporter answers 400 without a `target`: nothing is probed, and `up` stays 0",
            "add `relabel_configs`: `__address__` into `__param_target`, `__param_target` into `instance`, and the address of the exporter into `__address__`",
        ),
        "/federate" => (
            "match[]",
            "`/federate` is asked without `match[]`",
            "what matches no selector is not sent: the answer is empty, `up` is 1, and no series comes",
            "write `params: {\"match[]\": ['{__name__=~\"…\"}']}` with the series that are wanted",
        ),
        _ => return None,
    };
    let label = format!("__param_{parameter}");
    let rules = job.list("relabel_configs", "relabelings");
    let sets = |rule: &Node| relabel::field(rule, "target_label", "targetLabel").and_then(Node::as_written);
    // What a labelmap writes is not known before there is a target.
    let writes = rules.iter().any(|rule| {
        let action = rule.get("action").and_then(Node::as_str).unwrap_or_default();
        action.eq_ignore_ascii_case("labelmap") || sets(rule).is_some_and(|own| own == label)
    });
    let is_given = job.node.get("params").is_some_and(|params| params.get(parameter).is_some());
    let of_target = job
        .list("static_configs", "staticConfigs")
        .iter()
        .any(|fixed| fixed.get("labels").is_some_and(|labels| labels.get(&label).is_some()));
    // Files and others may bring labels of their own.
    let brings = job.node.entries().iter().any(|entry| {
        (entry.key.ends_with("_sd_configs") || entry.key.ends_with("SDConfigs"))
            && !["kubernetes_sd_configs", "kubernetesSDConfigs"].contains(&entry.key.as_str())
    });
    (!writes && !is_given && !of_target && !brings)
        .then(|| Finding::new(&OTHER_PROTOCOL, job.place(node), message).why(why).help(help))
}

/// Paths at which a program tells that it lives, and no metrics.
const HEALTH: [&str; 8] =
    ["/health", "/healthz", "/livez", "/readyz", "/ready", "/ping", "/api/health", "/-/healthy"];

/// A job that scrapes a health check.
fn health(job: &Job) -> Option<Finding> {
    let node = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath"))?;
    let path = node.as_str().filter(|path| HEALTH.contains(&path.trim_end_matches('/')))?;
    Some(told_of_health(job.place(node), path))
}

fn told_of_health(place: Place, path: &str) -> Finding {
    let mut finding =
        Finding::new(&OTHER_PROTOCOL, place, format!("`{path}` is a health check, not metrics"))
            .why("what comes back is most likely no exposition format: then each scrape fails, `up` stays 0, and no series comes")
            .help("write the path of the metrics, most often `/metrics`");
    // Only the program knows what it answers there.
    finding.severity = Severity::Warning;
    finding
}

fn of_monitor(monitor: &Object<'_>, world: &World<'_>) -> Vec<Finding> {
    let Some(selector) = monitor.at(&["spec", "selector"]) else { return Vec::new() };
    let labels: String =
        selector.get("matchLabels").map(Node::pairs).into_iter().flatten().map(|(_, value)| value).collect();
    let mut findings = Vec::new();
    for endpoint in endpoints(monitor) {
        if let Some(node) = endpoint.get("path")
            && let Some(path) = node.as_str().filter(|path| HEALTH.contains(&path.trim_end_matches('/')))
        {
            findings.push(told_of_health(monitor.place(node), path));
            continue;
        }
        let Some((node, port)) = endpoint.get("port").and_then(|node| Some((node, node.as_str()?))) else {
            continue;
        };
        // Source: kedacore/keda pkg/metricsservice/server.go: a gRPC server that asks for a client certificate.
        if port == "metricsservice" && (labels.contains("keda") || monitor.name.contains("keda")) {
            findings.push(
                Finding::new(
                    &OTHER_PROTOCOL,
                    monitor.place(node),
                    "`metricsservice` is the port at which KEDA's parts talk to each other, in gRPC",
                )
                .why("each scrape fails: `up` stays 0, and none of KEDA's own metrics comes")
                .help("write `port: metrics`, and install KEDA with `prometheus.operator.enabled: true`"),
            );
            continue;
        }
        if !OF_SERVICES.contains(&monitor.kind())
            || endpoint.get("path").is_some_and(|path| path.as_str() != Some("/metrics"))
        {
            continue;
        }
        let services = services_of(monitor, selector, &world.index);
        let reached: Vec<&Service<'_>> =
            services.into_iter().filter(|service| looks_into(monitor, service.object)).collect();
        findings.extend(reached.first().and_then(|service| grpc((monitor, node), port, service)));
        let spoken = |service: &&Service<'_>| {
            let (_, number, target) = service.ports.iter().find(|(name, ..)| name == port)?;
            let number = number.map(|number| number.to_string()).unwrap_or_default();
            at(&number, &service.object.name).or_else(|| at(target, &service.object.name))
        };
        let all: Vec<Option<&Spoken>> = reached.iter().map(spoken).collect();
        if let (Some(Some(first)), true) = (all.first(), all.iter().all(Option::is_some)) {
            findings.push(
                finding(monitor.place(node), &format!("the port `{port}`"), first)
                    .related(reached[0].object.name_place(), "the Service that it selects"),
            );
        }
    }
    findings
}

/// A port called after gRPC, beside one called after metrics.
///
/// Source: prometheus/prometheus scrape/scrape.go: a scrape is a GET, which a gRPC server answers with an error.
fn grpc((monitor, node): (&Object<'_>, &Node), port: &str, service: &Service<'_>) -> Option<Finding> {
    if !port.split('-').any(|word| word == "grpc") {
        return None;
    }
    let is_meant =
        |name: &&str| ["metrics", "prometheus", "monitoring"].iter().any(|word| name.contains(word));
    let meant = service.ports.iter().map(|(name, ..)| name.as_str()).find(is_meant)?;
    if port.contains(meant) || is_meant(&port) {
        return None;
    }
    let message = format!("`{port}` speaks gRPC by its name, and the Service has a port `{meant}`");
    let mut finding = Finding::new(&OTHER_PROTOCOL, monitor.place(node), message)
        .related(service.object.name_place(), "the Service that it selects")
        .why("a gRPC server does not answer a scrape: each one fails, `up` stays 0, and no series comes")
        .help(format!("write `port: {meant}`"));
    // Only the program knows what it speaks.
    finding.severity = Severity::Warning;
    Some(finding)
}

/// The annotation that tells the port of the pods.
fn of_pods(pods: &Pods<'_>) -> Option<Finding> {
    if pods.annotations.get("prometheus.io/scrape").map(String::as_str) != Some("true") {
        return None;
    }
    let path = ["spec", "template", "metadata", "annotations", "prometheus.io/port"];
    let node = pods.object.at(&path)?;
    let port = node.as_written()?;
    let spoken = at(&port, &pods.object.name)?;
    Some(finding(pods.object.place(node), &format!("port {port}"), spoken))
}

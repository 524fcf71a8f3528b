//! Addresses of Prometheus triggers at which something else answers: another program, an agent, a port for gRPC, plain
//! HTTP where TLS is asked for.
//!
//! Sources: kedacore/keda pkg/scalers/prometheus_scaler.go (GET `<serverAddress>/api/v1/query`); prometheus/prometheus
//! web/web.go (in agent mode the query API answers with an error) and cmd/prometheus/main.go (`--agent`,
//! `--enable-feature=agent`, `--web.config.file`); thanos-io/thanos cmd/thanos (only `query` and `query-frontend` answer
//! PromQL; 10901 is the gRPC of all parts); VictoriaMetrics/VictoriaMetrics docs/Cluster-VictoriaMetrics.md (URL format);
//! grafana/mimir pkg/api/api.go (`-http.prometheus-http-prefix`, `/prometheus` by default).

use super::{NOT_PROMETHEUS, pod_labels};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, selects};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// What stands at an address instead, and what to write.
struct Instead {
    who: String,
    help: &'static str,
}

const HELP: &str =
    "write the address of the Prometheus Service, such as `http://prometheus.monitoring.svc:9090`";

/// Programs without a query API of Prometheus: what their images, or their Services, are called.
const PROGRAMS: [(&str, &str); 20] = [
    ("grafana", "Grafana"),
    ("opentelemetry-collector", "an OpenTelemetry collector"),
    ("opentelemetry-collector-contrib", "an OpenTelemetry collector"),
    ("opentelemetry-collector-k8s", "an OpenTelemetry collector"),
    ("alertmanager", "Alertmanager"),
    ("alertmanager-operated", "Alertmanager"),
    ("pushgateway", "the Pushgateway"),
    ("kube-state-metrics", "kube-state-metrics"),
    ("loki", "Loki"),
    ("tempo", "Tempo"),
    ("promtail", "Promtail"),
    ("alloy", "Grafana Alloy, which collects and hands on"),
    ("agent", "Grafana's agent, which collects and hands on"),
    ("prometheus-adapter", "the adapter, which asks Prometheus itself"),
    ("vminsert", "vminsert, which takes what is written"),
    ("vmstorage", "vmstorage, which only its own cluster asks"),
    ("vmagent", "vmagent, which collects and hands on"),
    ("vmalert", "vmalert, which evaluates rules"),
    ("metrics-server", "the metrics server"),
    ("prometheus-agent-operated", "a Prometheus agent, which hands on and stores nothing"),
];

/// Names of Services that are too common to be told by themselves.
const ONLY_IMAGES: [&str; 4] = ["agent", "tempo", "loki", "alloy"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        if trigger.get("type").and_then(Node::as_str) != Some("prometheus") {
            continue;
        }
        let Some(node) = trigger.at(&["metadata", "serverAddress"]) else { continue };
        let Some(address) = node.as_str().filter(|text| !has_variable(text)).and_then(Address::read) else {
            continue;
        };
        let service = inventory.service_at(address.host, object).filter(|_| address.host.contains('.'));
        let by_path = by_path(&address).map(|(instead, is_sure)| (instead, None, is_sure));
        let told = by_path.or_else(|| match service {
            Some(service) => behind(inventory, service, &address),
            None => by_name(&address).map(|instead| (instead, None, false)),
        });
        let Some((Instead { who, help }, place, is_sure)) = told else { continue };
        let mut finding =
            Finding::new(&NOT_PROMETHEUS, object.place(node), format!("`{}` is {who}", address.shown()))
                .why("KEDA asks `/api/v1/query` there and gets no answer that it understands: the trigger fails at every poll, and nothing scales by it")
                .help(help);
        if let Some(place) = place {
            finding = finding.related(place, "this answers");
        }
        if !is_sure {
            finding.severity = Severity::Warning;
        }
        findings.push(finding);
    }
}

/// An address in its parts.
struct Address<'t> {
    host: &'t str,
    port: &'t str,
    path: &'t str,
    is_tls: bool,
}

impl<'t> Address<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let (rest, is_tls) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (rest, false),
            (_, Some(rest)) => (rest, true),
            _ => return None,
        };
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let (host, port) = place.rsplit_once(':').unwrap_or((place, if is_tls { "443" } else { "80" }));
        Some(Address { host, port, path, is_tls })
    }

    fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Grafana hands questions on to its data sources, and others have PromQL below a path of their own.
    fn is_handed_on(&self) -> bool {
        ["/api/datasources", "/api/prom", "/prometheus", "/loki"].iter().any(|part| self.path.contains(part))
    }
}

/// The last part of an image's name, without its version.
fn program(image: &str) -> &str {
    let last = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last)
}

/// Whether a program makes the metrics of something else, and does nothing besides.
fn is_exporter(name: &str) -> bool {
    name.ends_with("-exporter") || name.ends_with("_exporter")
}

fn known(name: &str) -> Option<Instead> {
    let name = name.strip_suffix("-enterprise").unwrap_or(name);
    if let Some((_, who)) = PROGRAMS.iter().find(|(word, _)| *word == name) {
        return Some(Instead { who: format!("{who}: it answers no PromQL"), help: HELP });
    }
    is_exporter(name).then(|| Instead {
        who: "an exporter, which has metrics to scrape and answers no PromQL".to_string(),
        help: HELP,
    })
}

/// What the pods behind a Service are.
fn behind<'i>(
    inventory: &'i Inventory<'i>,
    service: &'i Object<'i>,
    address: &Address<'_>,
) -> Option<(Instead, Option<Place>, bool)> {
    let ports = service.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
    let is_headless = service.text(&["spec", "clusterIP"]) == Some("None");
    let written = |port: &Node, key: &str| port.get(key).and_then(Node::as_written);
    // The name of a headless Service is that of its pods, whose ports count.
    let target = match ports.iter().find(|port| written(port, "port").as_deref() == Some(address.port)) {
        Some(port) => written(port, "targetPort").unwrap_or_else(|| address.port.to_string()),
        None if is_headless => address.port.to_string(),
        None => return None,
    };
    let kinds = ["Deployment", "StatefulSet", "DaemonSet"];
    let mut told: Option<(Instead, Option<Place>, bool)> = None;
    for workload in kinds.into_iter().flat_map(|kind| inventory.kind(kind)) {
        if !service.meets(workload) || !selects(service, &pod_labels(workload)) {
            continue;
        }
        // All of them, or it cannot be told who answers.
        let container = listener(workload, &target)?;
        let instead = instead(workload, container, &target, address)?;
        let place = container.get("image").map_or(workload.name_place(), |node| workload.place(node));
        told = Some((instead, Some(place), true));
    }
    told
}

/// The container that listens at a port.
fn listener<'i>(workload: &'i Object<'i>, target: &str) -> Option<&'i Node> {
    if let [only] = workload.containers() {
        return Some(only);
    }
    workload.containers().iter().find(|container| port(container, target).is_some())
}

/// The port of a container that is called so, or has this number.
fn port<'n>(container: &'n Node, target: &str) -> Option<&'n Node> {
    let ports = container.get("ports").map(Node::items).unwrap_or_default();
    let is = |port: &Node, key: &str| port.get(key).and_then(Node::as_written).as_deref() == Some(target);
    ports.iter().find(|port| is(port, "containerPort") || is(port, "name"))
}

/// What a container is, where it is no Prometheus that can be asked.
fn instead(workload: &Object<'_>, container: &Node, target: &str, address: &Address<'_>) -> Option<Instead> {
    let image = container.get("image").and_then(Node::as_str).filter(|image| !has_variable(image))?;
    let words: Vec<&str> = ["command", "args"]
        .into_iter()
        .filter_map(|key| container.get(key))
        .flat_map(|node| node.items().iter())
        .filter_map(Node::as_str)
        .flat_map(str::split_whitespace)
        .collect();
    let name = program(image);
    if name == "thanos" {
        return of_thanos(container, &words, target);
    }
    if name != "prometheus" {
        return known(name).filter(|_| !address.is_handed_on());
    }
    let feature = |word: &&str| {
        let listed = word.strip_prefix("--enable-feature=").unwrap_or_default();
        *word == "--agent" || listed.split(',').any(|feature| feature == "agent")
    };
    if words.iter().any(feature) {
        return Some(Instead {
            who: "a Prometheus in agent mode: it hands on what it scrapes, and answers no query".to_string(),
            help: "ask the server to which it writes, the one behind the url of its `remote_write`",
        });
    }
    let is_alone = workload.containers().len() == 1;
    let has_tls = words.iter().any(|word| word.starts_with("--web.config.file"));
    let is_started_plainly = container.get("args").is_some() && container.get("command").is_none();
    let is_patched = !workload.patched.is_empty();
    (address.is_tls && is_alone && is_started_plainly && !has_tls && !is_patched).then(|| Instead {
        who: "plain HTTP, and the address says `https://`".to_string(),
        help: "write `http://`, or start Prometheus with `--web.config.file` and a certificate",
    })
}

fn of_thanos(container: &Node, words: &[&str], target: &str) -> Option<Instead> {
    const SILENT: [&str; 5] = ["sidecar", "store", "compact", "receive", "rule"];
    if let Some(part) = words.iter().find(|word| SILENT.contains(word)) {
        return Some(Instead {
            who: format!("`thanos {part}`, which answers no PromQL"),
            help: "ask `thanos query`, at its HTTP port (10902 unless `--http-address` says otherwise)",
        });
    }
    let is_grpc = |port: &Node| port.get("name").and_then(Node::as_str) == Some("grpc");
    let is_it = target == "10901" || target == "grpc" || port(container, target).is_some_and(is_grpc);
    is_it.then(|| Instead {
        who: "the gRPC port of Thanos, which speaks no HTTP".to_string(),
        help: "write its HTTP port (10902 unless `--http-address` says otherwise)",
    })
}

/// What a host is by its name, where its Service is not here.
fn by_name(address: &Address<'_>) -> Option<Instead> {
    let name = address.host.split('.').next().unwrap_or_default();
    if name.contains("thanos") && address.port == "10901" {
        return Some(Instead {
            who: "the gRPC port of Thanos, which speaks no HTTP".to_string(),
            help: "write the port for HTTP: 10902, or 9090 in most charts",
        });
    }
    // `kps-grafana`, `vminsert-prod`: a release before it, an object of the operator behind it.
    let is_it = |word: &str| {
        name == word
            || name.strip_suffix(word).is_some_and(|rest| rest.ends_with('-'))
            || word.starts_with("vm") && name.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'))
    };
    let word = PROGRAMS.iter().map(|(word, _)| *word).find(|word| is_it(word) && !ONLY_IMAGES.contains(word));
    let word = word.or_else(|| Some(name).filter(|name| is_exporter(name)))?;
    known(word).filter(|_| !address.is_handed_on() || word == "vminsert")
}

/// Paths by which a cluster of several parts is asked: what is to be written behind host and port, and whether it is sure.
fn by_path(address: &Address<'_>) -> Option<(Instead, bool)> {
    let name = address.host.split('.').next().unwrap_or_default();
    if address.path.starts_with("/insert/") {
        let who = "the path at which VictoriaMetrics takes what is written".to_string();
        let help = "ask vmselect: `http://vmselect-<name>.<namespace>.svc:8481/select/0/prometheus`";
        return Some((Instead { who, help }, true));
    }
    if name.contains("vmselect") && !address.path.starts_with("/select/") {
        let who = "vmselect, which answers below `/select/<tenant>/prometheus` only".to_string();
        return Some((Instead { who, help: "write `:8481/select/0/prometheus` behind the host" }, true));
    }
    if name.contains("mimir") && matches!(address.path, "" | "/") {
        let who = "Mimir, which answers PromQL below `/prometheus`".to_string();
        return Some((Instead { who, help: "write `/prometheus` behind host and port" }, false));
    }
    None
}

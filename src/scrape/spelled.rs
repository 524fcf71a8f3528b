//! Addresses that are no host and port: urls where Prometheus wants `host:port`, a port behind another.
//!
//! Sources: prometheus/prometheus config/config.go (checkStaticTargets: without relabelling rules a target with `/` is
//! refused, and the file with it; CheckTargetAddress) and scrape/target.go (PopulateLabels: with rules the target is left
//! out where `/` stays); Go net.SplitHostPort (`too many colons in address`); prometheus-operator/prometheus-operator
//! Documentation/api-reference/api.md (ProberSpec: `url` is an address, `scheme` and `path` stand apart).

use super::config::Job;
use super::relabel::{Labels, field, is_unknown, known, sources, step_alone};
use super::rules::NOT_AN_ADDRESS;
use super::world::World;
use super::{address, job::is_probe, monitor};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = world.configs.jobs.iter().filter_map(of_targets).collect();
    for job in &world.configs.jobs {
        let starts = starts(job);
        let is_sure = !job.list("kubernetes_sd_configs", "kubernetesSDConfigs").iter().any(|one| {
            one.get("role").and_then(Node::as_str).is_some_and(|role| role.eq_ignore_ascii_case("pod"))
        });
        let rules = job.list("relabel_configs", "relabelings");
        findings.extend(joined(rules, &starts, is_sure, |node| job.place(node)));
    }
    for object in &world.index.monitors {
        for endpoint in monitor::endpoints(object) {
            let rules = endpoint.get("relabelings").map(Node::items).unwrap_or_default();
            let start = vec!["10.0.0.1:8080".to_string()];
            findings.extend(joined(rules, &start, true, |node| object.place(node)));
        }
    }
    findings.extend(inventory.kind("Probe").filter_map(of_probe));
    findings.extend(inventory.objects.iter().filter_map(of_adapter));
    findings
}

/// A listed target that is a url.
fn of_targets(job: &Job) -> Option<Finding> {
    let rules = job.list("relabel_configs", "relabelings");
    let rewrites = rules.iter().any(|rule| {
        let target = field(rule, "target_label", "targetLabel").and_then(Node::as_str);
        target == Some("__address__") || target == Some("__param_target")
    });
    // The operator gives each job rules of its own.
    let is_of_operator = job.node.get("staticConfigs").is_some();
    let (_, node, written) = job
        .addresses()
        .find(|(.., text)| text.contains('/') && !has_variable(text) && known(text) == text)?;
    if rewrites {
        return None;
    }
    let host = address::host(&written);
    let bare = written.split_once("://").map_or(written.as_str(), |(_, rest)| rest);
    let (place, path) = bare.split_once('/').unwrap_or((bare, ""));
    let finding = Finding::new(
        &NOT_AN_ADDRESS,
        job.place(node),
        format!("`{written}` is not a host and a port"),
    )
    .why(if rules.is_empty() && !is_of_operator {
        "Prometheus refuses the whole file (`is not a valid hostname`): it does not start, or goes on with the old one"
    } else {
        "Prometheus leaves the target out (`is not a valid hostname`): nothing of it is scraped"
    });
    let mut help = format!("write `{place}`");
    if written.starts_with("https://") {
        help = format!("{help}, and `scheme: https` beside `job_name`");
    }
    let path = path.trim_matches('/');
    if !path.is_empty() && path != "metrics" {
        help = format!("{help}, and `metrics_path: /{path}` beside `job_name`");
    }
    // Sites that a blackbox exporter is to ask.
    if is_probe(job) && !host.is_empty() {
        help = "let rules hand it to the exporter: `__address__` into `__param_target`, and the exporter's own address into `__address__`".to_string();
    }
    Some(finding.help(help))
}

/// The addresses that the discovery of a job gives.
fn starts(job: &Job) -> Vec<String> {
    let listed = job.addresses().map(|(.., address)| address);
    let finds = !job.list("kubernetes_sd_configs", "kubernetesSDConfigs").is_empty();
    let found = finds.then(|| "10.0.0.1:8080".to_string());
    found.into_iter().chain(listed).filter(|address| !has_variable(address)).collect()
}

/// A rule that writes a port behind an address which has one.
fn joined(
    rules: &[Node],
    starts: &[String],
    is_sure: bool,
    place: impl Fn(&Node) -> Place,
) -> Option<Finding> {
    let is_of_address = |rule: &Node| {
        let target = field(rule, "target_label", "targetLabel").and_then(Node::as_str);
        target == Some("__address__") && sources(rule).next().is_some()
    };
    if !rules.iter().any(is_of_address) {
        return None;
    }
    for start in starts.iter().filter(|start| start.matches(':').count() == 1) {
        let mut labels = Labels::from([("__address__".to_string(), start.clone())]);
        for rule in rules {
            // What only this rule looks at is filled in as it most likely is.
            for name in sources(rule) {
                if let Some(value) = likely(name) {
                    labels.entry(name.to_string()).or_insert_with(|| value.to_string());
                }
            }
            let before = labels.get("__address__").cloned().unwrap_or_default();
            if step_alone(&mut labels, rule).is_none() {
                break;
            }
            let after = labels.get("__address__").cloned().unwrap_or_default();
            if is_unknown(&after) {
                break;
            }
            if before == after || !is_of_address(rule) || !has_two_ports(&after) {
                continue;
            }
            let node = field(rule, "replacement", "replacement").unwrap_or(rule);
            let mut finding = Finding::new(
                &NOT_AN_ADDRESS,
                place(node),
                format!("this makes `{after}` of `{before}`, which has a port already"),
            )
            .why("Prometheus cannot connect to an address with two ports (`too many colons in address`): every scrape fails")
            .help(r"take the old port away with the pattern: `regex: ([^:]+)(?::\d+)?`, and with a second label `([^:]+)(?::\d+)?;(\d+)`");
            if !is_sure {
                // Pods that declare no port come without one.
                finding.severity = Severity::Warning;
            }
            return Some(finding);
        }
    }
    None
}

fn likely(name: &str) -> Option<&'static str> {
    match name {
        "__meta_kubernetes_pod_ip" => Some("10.0.0.1"),
        _ if name.ends_with("_port") || name.ends_with("_port_number") => Some("9102"),
        _ => None,
    }
}

/// `10.0.0.1:8080:9102`
fn has_two_ports(address: &str) -> bool {
    let parts: Vec<&str> = address.split(':').collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.as_slice(), [host, one, two] if !host.is_empty() && is_number(one) && is_number(two))
}

/// The address of the exporter that a Probe asks.
fn of_probe(object: &Object<'_>) -> Option<Finding> {
    let node = object.at(&["spec", "prober", "url"])?;
    let text = node.as_str().filter(|text| !has_variable(text) && known(text) == *text)?;
    if object.group() != "monitoring.coreos.com" || !text.contains('/') {
        return None;
    }
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut help = format!("write `url: {place}`");
    if scheme == Some("https") {
        help = format!("{help}, and `scheme: https` beside it");
    }
    if !matches!(path.trim_matches('/'), "" | "probe") {
        help = format!("{help}, and `path: /{path}` beside it");
    }
    Some(
        Finding::new(&NOT_AN_ADDRESS, object.place(node), format!("`{text}` is not a host and a port"))
            .why("the operator writes it into `__address__`: Prometheus leaves every target out (`is not a valid hostname`), and nothing is probed")
            .help(help),
    )
}

/// The address of Prometheus in the values of the adapter, with a port to which the chart appends another.
///
/// Source: prometheus-community/helm-charts charts/prometheus-adapter/templates/deployment.yaml (`prometheus.url`, then
/// `:` and `prometheus.port`, where it is not empty or 0) and values.yaml (9090).
fn of_adapter(object: &Object<'_>) -> Option<Finding> {
    let values = match object.kind() {
        "HelmRelease" if object.text(&["spec", "chart", "spec", "chart"]) == Some("prometheus-adapter") => {
            object.at(&["spec", "values"])?
        }
        "Application" if object.text(&["spec", "source", "chart"]) == Some("prometheus-adapter") => {
            object.at(&["spec", "source", "helm", "valuesObject"])?
        }
        // The values of other charts have no rules beside such an address.
        "" if object.at(&["rules"]).is_some() => &object.document.node,
        _ => return None,
    };
    let node = values.at(&["prometheus", "url"])?;
    let text = node.as_str().filter(|text| !has_variable(text) && known(text) == *text)?;
    let (_, rest) = text.split_once("://")?;
    let place = rest.split('/').next()?;
    let (_, own) = place.split_once(':')?;
    let entries = values.at(&["prometheus"])?.entries();
    let port = entries.iter().find(|entry| entry.key == "port").map(|entry| &entry.node);
    let port = port.map_or(Some("9090".to_string()), Node::as_written)?;
    if matches!(port.as_str(), "" | "0" | "false") || own.is_empty() {
        return None;
    }
    Some(
        Finding::new(
            &NOT_AN_ADDRESS,
            object.place(node),
            format!("the adapter would ask `{place}:{port}`, which has two ports"),
        )
        .why("the chart appends `prometheus.port`, which is 9090 unless it is set: the adapter cannot connect, and no HPA gets a metric of it")
        .help(format!("write `url: {}` and `port: {own}`", text.replacen(&format!(":{own}"), "", 1))),
    )
}

#[cfg(test)]
mod tests {
    use super::has_two_ports;

    #[test]
    fn knows_addresses_with_two_ports() {
        for (address, expected) in [
            ("10.0.0.1:8080:9102", true),
            ("10.0.0.1:8080", false),
            ("fd00::1", false),
            ("[fd00::1]:8080", false),
            ("a:b:c", false),
        ] {
            assert_eq!(has_two_ports(address), expected, "{address}");
        }
    }
}

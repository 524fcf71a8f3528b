//! Services that charts make for Prometheus, against the addresses of triggers.
//!
//! Sources: prometheus-community/helm-charts charts/prometheus/templates/_helpers.tpl (prometheus.server.fullname) and
//! values.yaml (`server.service.servicePort: 80`); charts/kube-prometheus-stack/templates/_helpers.tpl
//! (kube-prometheus-stack.fullname: 26 letters at most) and templates/prometheus/service.yaml (`prometheus.service.port:
//! 9090`).

use super::{PROMETHEUS_PORT, SERVICE_NAME};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, Release};
use crate::manifest::{Node, has_variable};

/// The Service that a release makes.
struct Made {
    name: String,
    port: String,
    /// Whether no value that is not here may call it otherwise.
    is_sure: bool,
}

const STACK: &str = "kube-prometheus-stack";

pub(super) fn check<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    releases: &[Release],
    findings: &mut Vec<Finding>,
) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let Some(node) = trigger.at(&["metadata", "serverAddress"]) else { continue };
        let Some(text) = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{")) else {
            continue;
        };
        let Some(rest) = text.strip_prefix("http://") else { continue };
        let place = rest.split('/').next().unwrap_or_default();
        let (host, port) = place.rsplit_once(':').unwrap_or((place, "80"));
        let mut parts = host.split('.');
        let (Some(name), Some(namespace)) = (parts.next(), parts.next()) else { continue };
        let is_elsewhere = parts.next().is_some_and(|third| third != "svc");
        if is_elsewhere || inventory.named("Service", name).any(|service| service.may_be_in(namespace)) {
            continue;
        }
        let here: Vec<(&Release, Made)> = releases
            .iter()
            .filter(|release| release.namespace.as_deref() == Some(namespace))
            .filter_map(|release| Some((release, made(release)?)))
            .collect();
        if let Some((release, made)) = here.iter().find(|(_, made)| made.name == name) {
            if made.port != port {
                let mut finding = Finding::new(
                    &PROMETHEUS_PORT,
                    object.place(node),
                    format!("the Service `{name}` has no port {port}"),
                )
                .related(
                    release.place,
                    format!("the chart {} makes it, with the port {}", release.chart, made.port),
                )
                .why("KEDA's question runs into its timeout at every poll, and nothing scales")
                .help(format!("write \"{}\"", text.replacen(place, &with_port(host, &made.port), 1)));
                if made.is_sure {
                    finding.severity = Severity::Error;
                }
                findings.push(finding);
            }
            continue;
        }
        // `prometheus-operated` is the operator's own, and what is called quite otherwise may come from elsewhere.
        let looks_made = name.ends_with("-prometheus") || name.ends_with("prometheus-server");
        let [(release, made)] = here.as_slice() else { continue };
        if !looks_made || !made.is_sure || !kind_of(name, &release.chart) {
            continue;
        }
        findings.push(
            Finding::new(
                &SERVICE_NAME,
                object.place(node),
                format!("no Service of the release `{}` is called `{name}`", release.name),
            )
            .related(release.place, format!("this release makes `{}`", made.name))
            .why("the name cannot be resolved: KEDA reports an error at every poll, and nothing scales by this trigger")
            .help(format!("write \"{}\"", text.replacen(name, &made.name, 1))),
        );
    }
}

fn with_port(host: &str, port: &str) -> String {
    if port == "80" { host.to_string() } else { format!("{host}:{port}") }
}

/// Whether a name is what this chart makes of some release.
fn kind_of(name: &str, chart: &str) -> bool {
    match chart {
        STACK => {
            name.ends_with("-kube-prometheus-prometheus")
                || name.ends_with("-kube-prometheus-stack-prometheus")
                || name == "kube-prometheus-stack-prometheus"
        }
        _ => name.ends_with("prometheus-server"),
    }
}

/// The Service before the Prometheus of a release; None where it makes none that is known.
fn made(release: &Release) -> Option<Made> {
    let value = |path: &[&str]| release.value(path);
    let is_sure = !release.is_open;
    let fullname = |chart: &str| {
        let chart = value(&["nameOverride"]).unwrap_or_else(|| chart.to_string());
        match release.name.contains(&chart) {
            true => release.name.clone(),
            false => format!("{}-{chart}", release.name),
        }
    };
    if value(&["namespaceOverride"]).or_else(|| value(&["forceNamespace"])).is_some() {
        return None;
    }
    let cut = |name: &str, most: usize| -> String {
        name.chars().take(most).collect::<String>().trim_end_matches('-').to_string()
    };
    match release.chart.as_str() {
        STACK => {
            let name = cut(&value(&["fullnameOverride"]).unwrap_or_else(|| fullname(STACK)), 26);
            let port = value(&["prometheus", "service", "port"]).unwrap_or_else(|| "9090".to_string());
            let is_off = value(&["prometheus", "enabled"]).is_some_and(|value| value == "false");
            (!is_off).then(|| Made { name: format!("{name}-prometheus"), port, is_sure })
        }
        "prometheus" => {
            let server = value(&["server", "name"]).unwrap_or_else(|| "server".to_string());
            let own = value(&["server", "fullnameOverride"]);
            let name = own.unwrap_or_else(|| {
                // Its helper passes over the `fullnameOverride` of the chart.
                cut(&format!("{}-{server}", fullname("prometheus")), 63)
            });
            let port = value(&["server", "service", "servicePort"]).unwrap_or_else(|| "80".to_string());
            Some(Made { name, port, is_sure })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::made;
    use crate::inventory::Release;
    use crate::source::{FileId, Place, Span};

    #[test]
    fn the_names_are_those_of_the_charts() {
        for (chart, release, name, port) in [
            ("kube-prometheus-stack", "kps", "kps-kube-prometheus-stack-prometheus", "9090"),
            ("kube-prometheus-stack", "prometheus", "prometheus-kube-prometheus-prometheus", "9090"),
            ("kube-prometheus-stack", "kube-prometheus-stack", "kube-prometheus-stack-prometheus", "9090"),
            ("kube-prometheus-stack", "monitoring", "monitoring-kube-prometheus-prometheus", "9090"),
            ("prometheus", "prometheus", "prometheus-server", "80"),
            ("prometheus", "mon", "mon-prometheus-server", "80"),
        ] {
            let release = Release {
                chart: chart.to_string(),
                name: release.to_string(),
                namespace: None,
                values: Vec::new(),
                is_open: false,
                place: Place::new(FileId(0), Span::new(0, 0)),
            };
            let made = made(&release).expect("a Service");
            assert_eq!((made.name.as_str(), made.port.as_str()), (name, port));
        }
    }
}

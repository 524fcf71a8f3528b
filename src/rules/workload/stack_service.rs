//! The Prometheus that a trigger asks, beside monitors that say by which release they are taken up.
//!
//! Sources: prometheus-community/helm-charts charts/kube-prometheus-stack/templates/_helpers.tpl
//! (kube-prometheus-stack.fullname: the release and the chart, 26 letters at most; a release whose name has that of the
//! chart in it gives its own) and templates/prometheus/service.yaml (`<fullname>-prometheus`); values.yaml,
//! `serviceMonitorSelectorNilUsesHelmValues` (monitors are taken up by the label `release`); charts/prometheus/templates/
//! _helpers.tpl (`<release>-server`: that Prometheus reads no monitors).

use super::SERVICE_NAME;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

const STACK: &str = "kube-prometheus-stack";

/// A monitor, its label, and the release that it names.
pub(super) type TakenUp<'i> = (&'i Object<'i>, &'i Node, &'i str);

/// `taken_up`: what all monitors are for, looked for once.
pub(super) fn check<'i>(
    inventory: &'i Inventory<'i>,
    taken_up: Option<TakenUp<'i>>,
    object: &'i Object<'i>,
    findings: &mut Vec<Finding>,
) {
    let Some((monitor, label, release)) = taken_up else { return };
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        if trigger.get("type").and_then(Node::as_str) != Some("prometheus") {
            continue;
        }
        let Some(node) = trigger.at(&["metadata", "serverAddress"]) else { continue };
        let Some(address) = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{")) else {
            continue;
        };
        let Some(name) = asked(address) else { continue };
        let place = object.place(node);
        let service = service_of(release);
        // What is known of Services and releases is told already.
        if service == name
            || inventory.named("Service", name).next().is_some()
            || findings.iter().any(|other| other.place == place)
        {
            continue;
        }
        let theirs = match name {
            "prometheus-server" => {
                "the name is that of the chart `prometheus`, whose server reads no monitors"
            }
            "prometheus" => "no chart calls its Service so",
            _ => "the name is that of another release",
        };
        let mut finding = Finding::new(
            &SERVICE_NAME,
            place,
            format!("the release `{release}`, which the monitors are for, makes no Service `{name}`"),
        )
        .related(monitor.place(label), "the label by which this monitor is taken up")
        .why(format!(
            "its Prometheus is called `{service}`; {theirs}: where that is not there as well nothing is found, and where it is it does not scrape these"
        ))
        .help(format!("write `{}`, or the release that is really installed as the label", address.replacen(name, &service, 1)));
        finding.severity = Severity::Warning;
        findings.push(finding);
    }
}

/// The name of a Service in the cluster, where it is one that a chart makes, or that everybody tries first.
fn asked(address: &str) -> Option<&str> {
    let host = address.split_once("://")?.1.split(['/', ':']).next()?;
    let mut parts = host.split('.');
    let (name, _) = (parts.next()?, parts.next()?);
    if parts.next().is_some_and(|third| third != "svc") {
        return None;
    }
    let is_known = ["prometheus", "prometheus-server"].contains(&name)
        || ["kube-prometheus-prometheus", "kube-prometheus-stack-prometheus"]
            .iter()
            .any(|end| name.ends_with(end));
    is_known.then_some(name)
}

/// A monitor with its label, where all of them are for one release, of which no more is known than its name.
pub(super) fn taken_up<'i>(inventory: &'i Inventory<'i>) -> Option<TakenUp<'i>> {
    let is_named_otherwise = |object: &Object<'_>| {
        let paths: [&[&str]; 4] = [
            &["fullnameOverride"],
            &["nameOverride"],
            &["spec", "values", "fullnameOverride"],
            &[STACK, "fullnameOverride"],
        ];
        paths.into_iter().any(|path| object.at(path).is_some())
    };
    let is_here = inventory.kind("Prometheus").next().is_some()
        || inventory.releases().iter().any(|release| release.chart.contains("prometheus"))
        || inventory.objects.iter().any(is_named_otherwise);
    if is_here {
        return None;
    }
    let monitors = || ["ServiceMonitor", "PodMonitor"].into_iter().flat_map(|kind| inventory.kind(kind));
    let label = |monitor: &'i Object<'i>| monitor.at(&["metadata", "labels", "release"]);
    let first = monitors().next()?;
    let node = label(first)?;
    let release =
        node.as_str().filter(|text| !has_variable(text) && !text.contains("{{") && !text.is_empty())?;
    monitors()
        .all(|monitor| label(monitor).and_then(Node::as_str) == Some(release))
        .then_some((first, node, release))
}

/// The Service of the Prometheus that a release of kube-prometheus-stack makes.
fn service_of(release: &str) -> String {
    let whole = if release.contains(STACK) { release.to_string() } else { format!("{release}-{STACK}") };
    let short: String = whole.chars().take(26).collect();
    format!("{}-prometheus", short.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_cuts_its_names() {
        for (release, service) in [
            ("kube-prometheus-stack", "kube-prometheus-stack-prometheus"),
            ("prometheus", "prometheus-kube-prometheus-prometheus"),
            ("monitoring", "monitoring-kube-prometheus-prometheus"),
            ("kps", "kps-kube-prometheus-stack-prometheus"),
        ] {
            assert_eq!(service_of(release), service);
        }
    }
}

//! Alerts in the values of a chart, at a key that the chart does not read.
//!
//! Sources: prometheus-community/helm-charts charts/prometheus/templates/cm.yaml (`serverFiles` and `ruleFiles` become files,
//! nothing else does); charts/kube-prometheus-stack/templates/prometheus/additionalPrometheusRules.yaml. Helm says nothing of
//! keys that no template asks for.

use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, Release};
use crate::manifest::{Entry, Node, has_variable};
use crate::scrape::rules::RULES_NOT_LOADED;
use crate::source::{Place, Sources};

/// A chart, the keys of its values that hold rules, and how rules are written there.
struct Chart {
    name: &'static str,
    reads: &'static [&'static str],
    help: &'static str,
}

const STACK: Chart = Chart {
    name: "kube-prometheus-stack",
    reads: &["additionalPrometheusRulesMap", "additionalPrometheusRules"],
    help: "move the groups below `additionalPrometheusRulesMap.<name>`, at the top of the values of the chart",
};

const SERVER: Chart = Chart {
    name: "prometheus",
    reads: &["serverFiles", "ruleFiles"],
    help: "move the groups below `serverFiles`, into `alerting_rules.yml`",
};

/// Parts of both that are charts or objects of their own, with rules where these want them.
const APART: [&str; 8] = [
    "extraManifests",
    "extraObjects",
    "grafana",
    "global",
    "kube-state-metrics",
    "prometheus-node-exporter",
    "prometheus-windows-exporter",
    "thanosRuler",
];

pub fn check(sources: &Sources, inventory: &Inventory<'_>) -> Vec<Finding> {
    let of_object = |object: &Object<'_>| {
        if let Some(finding) = jobs_too_deep(object) {
            return Some(finding);
        }
        let (chart, values, is_sure) = values(object, inventory)?;
        unread(sources, object, (chart, values, is_sure)).or_else(|| {
            let finding = misplaced(object, values).filter(|_| chart.name == STACK.name)?;
            Some(Finding { severity: if is_sure { Severity::Error } else { finding.severity }, ..finding })
        })
    };
    inventory.objects.iter().filter_map(of_object).collect()
}

/// Jobs for the chart prometheus below `server`, where no template asks for them.
///
/// Source: prometheus-community/helm-charts charts/prometheus/templates/cm.yaml (`.Values.extraScrapeConfigs`).
fn jobs_too_deep(object: &Object<'_>) -> Option<Finding> {
    let root = Some(&object.document.node).filter(|_| object.kind().is_empty())?;
    let entry = root.get("server")?.entries().iter().find(|entry| entry.key == "extraScrapeConfigs")?;
    entry.node.as_str().filter(|text| text.contains("job_name"))?;
    Some(
        Finding::new(
            &RULES_NOT_LOADED,
            Place::new(object.document.file, entry.key_span),
            "the chart prometheus does not read `server.extraScrapeConfigs`",
        )
        .why("Helm passes over keys that no template asks for: none of these jobs exists, and no error tells")
        .help("write `extraScrapeConfigs` at the top of the values, beside `server`"),
    )
}

/// Keys of kube-prometheus-stack at a place where no template asks for them, and where they belong.
///
/// Source: prometheus-community/helm-charts charts/kube-prometheus-stack/templates/prometheus/servicemonitors.yaml,
/// podmonitors.yaml and additionalScrapeConfigs.yaml.
const MISPLACED: [(&[&str], &str, &str); 7] = [
    (&["additionalServiceMonitors"], "ServiceMonitors", "prometheus.additionalServiceMonitors"),
    (
        &["prometheus", "prometheusSpec", "additionalServiceMonitors"],
        "ServiceMonitors",
        "prometheus.additionalServiceMonitors",
    ),
    (&["additionalPodMonitors"], "PodMonitors", "prometheus.additionalPodMonitors"),
    (
        &["prometheus", "prometheusSpec", "additionalPodMonitors"],
        "PodMonitors",
        "prometheus.additionalPodMonitors",
    ),
    (&["additionalScrapeConfigs"], "jobs", "prometheus.prometheusSpec.additionalScrapeConfigs"),
    (&["prometheus", "additionalScrapeConfigs"], "jobs", "prometheus.prometheusSpec.additionalScrapeConfigs"),
    (&["extraScrapeConfigs"], "jobs", "prometheus.prometheusSpec.additionalScrapeConfigs"),
];

/// Monitors or jobs in the values at the wrong level.
fn misplaced(object: &Object<'_>, values: &Node) -> Option<Finding> {
    MISPLACED.iter().find_map(|(path, what, right)| {
        let (last, above) = path.split_last()?;
        let entry = values.at(above)?.entries().iter().find(|entry| entry.key == *last)?;
        let is_empty = entry.node.items().is_empty() && entry.node.as_str().is_none_or(str::is_empty);
        if is_empty {
            return None;
        }
        Some(
            Finding::new(
                &RULES_NOT_LOADED,
                Place::new(object.document.file, entry.key_span),
                format!("the chart {} does not read `{}`", STACK.name, path.join(".")),
            )
            .why(format!(
                "Helm passes over keys that no template asks for: none of these {what} exists, and no error tells"
            ))
            .help(format!("write them under `{right}`")),
        )
    })
}

/// The values of one of the charts, and whether they are surely that.
fn values<'i>(object: &Object<'i>, inventory: &Inventory<'_>) -> Option<(&'static Chart, &'i Node, bool)> {
    // Others have charts of the same names, which read other keys.
    let of_release = |name: &str, repository: Option<&str>, values: Option<&'i Node>| {
        let chart = [&STACK, &SERVER].into_iter().find(|chart| chart.name == name)?;
        let is_sure = repository.is_some_and(|text| text.contains("prometheus-community"));
        (is_sure || chart.name == STACK.name).then_some((chart, values?, is_sure))
    };
    match object.kind() {
        "HelmRelease" => of_release(
            object.text(&["spec", "chart", "spec", "chart"])?,
            object.text(&["spec", "chart", "spec", "sourceRef", "name"]),
            object.at(&["spec", "values"]),
        ),
        "Application" => {
            let source = object.at(&["spec", "source"])?;
            let repository = source.get("repoURL").and_then(Node::as_str);
            of_release(source.get("chart")?.as_str()?, repository, source.at(&["helm", "valuesObject"]))
        }
        "" => {
            let root = &object.document.node;
            if let Some(nested) =
                root.get(STACK.name).filter(|node| node.at(&["prometheus", "prometheusSpec"]).is_some())
            {
                return Some((&STACK, nested, false));
            }
            // A chart of somebody's own may have templates for it.
            let folder =
                object.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            if inventory.objects.iter().any(|other| other.path == format!("{folder}Chart.yaml")) {
                return None;
            }
            // No other chart has this key.
            let is_server = root.get("serverFiles").is_some()
                || root.get("server").is_some()
                    && ["extraScrapeConfigs", "prometheus-pushgateway", "prometheus-node-exporter"]
                        .iter()
                        .any(|key| root.get(key).is_some());
            // Keys that only this chart has, at whatever level.
            const OF_STACK: [&str; 4] =
                ["prometheusOperator", "kubeStateMetrics", "additionalPrometheusRulesMap", "defaultRules"];
            let is_stack = root.at(&["prometheus", "prometheusSpec"]).is_some()
                || OF_STACK.iter().any(|key| root.get(key).is_some())
                || released_as(object, inventory) == Some(STACK.name);
            match is_stack {
                true => Some((&STACK, root, false)),
                false => is_server.then_some((&SERVER, root, false)),
            }
        }
        _ => None,
    }
}

/// The chart for which a helmfile names this file as its values.
fn released_as(object: &Object<'_>, inventory: &Inventory<'_>) -> Option<&'static str> {
    let is_its = |release: &&Release| release.values.contains(&object.document.node);
    let chart = &inventory.releases().iter().find(is_its)?.chart;
    [STACK.name, SERVER.name].into_iter().find(|name| *name == chart)
}

fn unread(
    sources: &Sources,
    object: &Object<'_>,
    (chart, values, is_sure): (&'static Chart, &Node, bool),
) -> Option<Finding> {
    let text = &sources.get(object.document.file).text;
    let is_read = |key: &str| chart.reads.contains(&key) || APART.contains(&key);
    let (path, entry) = values.entries().iter().filter(|entry| !is_read(&entry.key)).find_map(|entry| {
        // What has an anchor is used elsewhere.
        let whole = entry.key_span.to(entry.node.span);
        let is_shared =
            text.get(whole.range()).is_none_or(|text| text.contains(": &") || text.contains("- &"));
        if is_shared || entry.key.starts_with("x-") || entry.key.starts_with('.') {
            return None;
        }
        holder(entry, entry.key.clone(), 0)
    })?;
    let mut finding = Finding::new(
        &RULES_NOT_LOADED,
        Place::new(object.document.file, entry.key_span),
        format!("the chart {} does not read `{path}`", chart.name),
    )
    .why("Helm passes over keys that no template asks for: none of these alerts exists, and no error tells")
    .help(chart.help);
    if is_sure {
        finding.severity = Severity::Error;
    }
    Some(finding)
}

/// The key that holds alerts, and the path to it.
fn holder(entry: &Entry, path: String, depth: usize) -> Option<(String, &Entry)> {
    const MOST_LEVELS: usize = 6;
    let node = &entry.node;
    let of_text = |text: &str| {
        ["groups:", "alert:", "expr:"].iter().all(|word| text.contains(word)) && !has_variable(text)
    };
    if holds_alerts(node) || node.as_str().is_some_and(of_text) {
        return Some((path, entry));
    }
    // Keys with their own objects below stay whole.
    if depth >= MOST_LEVELS || node.get("kind").is_some() {
        return None;
    }
    node.entries().iter().find_map(|inner| holder(inner, format!("{path}.{}", inner.key), depth + 1))
}

/// Whether groups, or rules, with alerts in them stand here.
fn holds_alerts(node: &Node) -> bool {
    let is_alert = |node: &Node| node.get("alert").is_some() && node.get("expr").is_some();
    let of_group =
        |group: &Node| group.get("rules").map(Node::items).unwrap_or_default().iter().any(is_alert);
    let groups = node.get("groups").unwrap_or(node).items();
    groups.iter().any(|item| is_alert(item) || of_group(item)) || of_group(node)
}

//! Metrics of the kubelet that kube-prometheus-stack drops after the scrape, and the rules that ask for them.
//!
//! Source: prometheus-community/helm-charts charts/kube-prometheus-stack/values.yaml,
//! kubelet.serviceMonitor.cAdvisorMetricRelabelings (since version 37 of the chart).

use super::rules::CHART_DROPS;
use super::world::World;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable, raw_offset};
use crate::promql::{MatchOperator, SelectorView, Target, parse};
use crate::source::{Place, Span};

/// The first version of the chart with the list.
const SINCE: u32 = 37;

/// What is dropped: the beginning of the names, and their ends.
const DROPPED: [(&str, &[&str]); 4] = [
    (
        "container_cpu_",
        &["cfs_throttled_seconds_total", "load_average_10s", "system_seconds_total", "user_seconds_total"],
    ),
    (
        "container_fs_",
        &[
            "io_current",
            "io_time_seconds_total",
            "io_time_weighted_seconds_total",
            "reads_merged_total",
            "sector_reads_total",
            "sector_writes_total",
            "writes_merged_total",
        ],
    ),
    ("container_memory_", &["mapped_file", "swap"]),
    ("container_", &["file_descriptors", "tasks_state", "threads_max"]),
];

/// Whether the chart drops a metric, as long as its values say nothing else.
pub fn is_dropped(metric: &str) -> bool {
    let ends_so =
        |(start, ends): &(&str, &[&str])| metric.strip_prefix(start).is_some_and(|rest| ends.contains(&rest));
    metric.starts_with("container_spec") || DROPPED.iter().any(ends_so)
}

/// Whether only series of cgroups without a pod are asked for: a rule drops `[id, pod]` where the pod is empty.
fn is_of_no_pod(selector: &SelectorView) -> bool {
    let is = |name: &str, value: &str| {
        let mut matchers = selector.matchers.iter();
        matchers.any(|matcher| {
            matcher.name == name && matcher.operator == MatchOperator::Equal && matcher.value == value
        })
    };
    selector.name.as_deref().is_some_and(|name| name.starts_with("container_"))
        && (is("id", "/") || is("pod", ""))
}

/// Whether the values of a release leave the list as it is.
pub fn keeps_the_list(values: Option<&Node>, version: Option<&str>) -> bool {
    let major = |text: &str| {
        text.trim_start_matches(['v', '^', '~', '=', '>', ' ']).split('.').next()?.parse::<u32>().ok()
    };
    let is_old = version.and_then(major).is_some_and(|major| major < SINCE);
    let of_monitor = |key: &str| values.and_then(|values| values.at(&["kubelet", "serviceMonitor", key]));
    let is_off = of_monitor("cAdvisor").and_then(Node::as_written).is_some_and(|value| value != "true");
    !is_old && !is_off && of_monitor("cAdvisorMetricRelabelings").is_none()
}

/// Rules of the chart's Prometheus that ask for what it has dropped.
pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut rules = inventory
        .kind("PrometheusRule")
        .filter(|object| object.group() == "monitoring.coreos.com")
        .peekable();
    if rules.peek().is_none() || world.brings_cadvisor() {
        return Vec::new();
    }
    rules.flat_map(|object| of_rules(world, object)).collect()
}

/// Who says that the chart is at work, and where.
fn chart<'i>(world: &World<'i>, object: &Object<'i>) -> Option<(Place, String)> {
    if !world.operators.is_empty() {
        return world
            .operators
            .keeping_the_list()
            .map(|by| (by, "this release leaves the list of the chart as it is".to_string()));
    }
    let labels = object.at(&["metadata", "labels"])?;
    let entry = labels.entries().iter().find(|entry| entry.key == "release")?;
    let release = entry.node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"))?;
    let text = format!(
        "rules are labelled so for the release `{release}` of kube-prometheus-stack, whose values are not here"
    );
    Some((object.place(&entry.node), text))
}

fn of_rules<'i>(world: &World<'i>, object: &'i Object<'i>) -> Vec<Finding> {
    let Some((by, told)) = chart(world, object) else { return Vec::new() };
    let (mut findings, mut seen): (Vec<Finding>, Vec<String>) = (Vec::new(), Vec::new());
    for node in object.rules().filter_map(|rule| rule.get("expr")) {
        let Some(text) = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{")) else {
            continue;
        };
        let Ok(expression) = parse(text, &Target::default()) else { continue };
        let told_before = seen.len();
        for selector in expression.selectors() {
            let metric = selector.name.as_deref().unwrap_or_default();
            let of_no_pod = is_of_no_pod(&selector);
            let before = text.get(..selector.span.start as usize).unwrap_or_default().trim_end();
            let is_other = !is_dropped(metric) && !of_no_pod || !world.index.recorded(metric).is_empty();
            if is_other || before.ends_with("absent(") || seen.iter().any(|name| name == metric) {
                continue;
            }
            // One of a query is enough: they are mended together.
            let is_told = seen.len() > told_before;
            seen.push(metric.to_string());
            if is_told {
                continue;
            }
            let raw = world.sources.get(object.document.file).text.get(node.span.range()).unwrap_or_default();
            let at = |offset: usize| node.span.start as usize + raw_offset(raw, text, offset);
            let start = selector.span.start as usize;
            let span = Span::new(at(start), at(start + metric.len()));
            let message = if is_dropped(metric) {
                format!("kube-prometheus-stack drops `{metric}` after the scrape")
            } else {
                format!("kube-prometheus-stack drops `{metric}` of what is no pod after the scrape")
            };
            findings.push(
                Finding::new(&CHART_DROPS, Place::new(object.document.file, span), message)
                    .related(by, told.clone())
                    .why("by default the chart drops it after the scrape of the kubelet: the rule stays empty, an alert never fires, and no error tells")
                    .help(instead(metric)),
            );
        }
    }
    findings
}

/// What tells the same.
fn instead(metric: &str) -> String {
    // The labels of kube-state-metrics are others: they meet only where both sides are added up.
    let limit = |resource: &str, unit: &str| {
        format!(
            "`sum by (namespace, pod, container) (kube_pod_container_resource_limits{{resource=\"{resource}\"}})`{unit}, with the same `sum by` on the other side"
        )
    };
    let own = match metric {
        "container_spec_memory_limit_bytes" => &limit("memory", ""),
        _ if metric.starts_with("container_spec_cpu_") => &limit("cpu", " in cores"),
        "container_cpu_cfs_throttled_seconds_total" => {
            "`container_cpu_cfs_throttled_periods_total` divided by `container_cpu_cfs_periods_total`"
        }
        "container_cpu_user_seconds_total" | "container_cpu_system_seconds_total" => "`container_cpu_usage_seconds_total`",
        _ => return "write `kubelet.serviceMonitor.cAdvisorMetricRelabelings` into the values, without the rule that drops it".to_string(),
    };
    format!(
        "ask for {own}, or write `kubelet.serviceMonitor.cAdvisorMetricRelabelings` into the values, without the rule that drops it"
    )
}

impl World<'_> {
    /// Whether somebody else scrapes cAdvisor as well, or may.
    fn brings_cadvisor(&self) -> bool {
        let jobs: Vec<_> = self.configs.jobs.iter().collect();
        let by_job = self.nobody_brings("container_cpu_usage_seconds_total", &jobs, |_| true).is_none();
        let is_path = |endpoint: &Node| {
            endpoint.get("path").and_then(Node::as_str).is_some_and(|path| path.contains("cadvisor"))
        };
        let endpoints = |object: &Object<'_>| {
            let lists = ["endpoints", "podMetricsEndpoints"];
            lists.iter().filter_map(|key| object.at(&["spec", key])).flat_map(Node::items).any(is_path)
        };
        let runs =
            self.index.workloads().iter().any(|pods| pods.images().any(|image| image.contains("cadvisor")));
        by_job
            || runs
            || self.configs.open.is_some()
            || self.configs.pushes.is_some()
            || self.index.monitors.iter().any(|object| endpoints(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_that_of_the_chart() {
        for metric in [
            "container_spec_cpu_quota",
            "container_memory_swap",
            "container_tasks_state",
            "container_fs_io_current",
        ] {
            assert!(is_dropped(metric), "{metric}");
        }
        for metric in [
            "container_cpu_usage_seconds_total",
            "container_fs_usage_bytes",
            "container_memory_rss",
            "container_threads",
        ] {
            assert!(!is_dropped(metric), "{metric}");
        }
        assert!(keeps_the_list(None, Some("65.1.0")) && !keeps_the_list(None, Some("36.6.2")));
    }
}

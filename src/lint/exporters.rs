//! Series of two exporters, or of one that gives them different labels: matched by all labels they never meet.
//!
//! Sources: google/cadvisor metrics/prometheus.go (extraLabels: `cpu`, `device`, `interface` …); kubernetes/kube-state-metrics
//! docs/metrics/workload/pod-metrics.md; prometheus/prometheus documentation of `job` and `instance`.

use super::matching::carries;
use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;

/// Exporters by the beginnings of their metrics, and a label that theirs alone have.
struct Exporter {
    starts: &'static str,
    who: &'static str,
    own: &'static [&'static str],
}

const EXPORTERS: [Exporter; 3] = [
    Exporter { starts: "container_", who: "the kubelet", own: &["id", "image"] },
    Exporter { starts: "kube_", who: "kube-state-metrics", own: &[] },
    Exporter { starts: "node_", who: "the node exporter", own: &[] },
];

/// Labels that some metrics of cAdvisor have beside those of the container, by the beginnings of their names.
const EXTRA: [(&str, &str); 7] = [
    ("container_cpu_usage_seconds_total", "cpu"),
    ("container_fs_", "device"),
    ("container_blkio_", "device"),
    ("container_network_", "interface"),
    ("container_tasks_state", "state"),
    ("container_memory_failures_total", "failure_type"),
    ("container_ulimits_soft", "ulimit"),
];

/// Metrics of the container as a whole, which have no such label.
const PLAIN: [&str; 3] = ["container_spec_", "container_memory_", "container_cpu_cfs_"];

/// In what the series of two sides differ.
struct Difference {
    message: String,
    severity: Severity,
    /// Labels that both have.
    common: &'static str,
}

impl Linter<'_> {
    /// What is matched by all labels, where each side carries the labels of its exporter. Whether something was told.
    pub(super) fn of_two_exporters(&mut self, binary: &Binary) -> bool {
        let Some(Difference { message, severity, common }) = difference(binary) else { return false };
        // What has no partner further inside has been told there.
        if is_torn(&binary.left, 0) || is_torn(&binary.right, 0) {
            return true;
        }
        let operator = binary.operator.text();
        let mut help =
            format!("aggregate both sides: `sum by ({common}) (…) {operator} sum by ({common}) (…)`");
        // kube-prometheus-stack drops these after the scrape, and then an aggregation of them is empty as well.
        if self.text[binary.right.span.range()].contains("container_spec_cpu_") {
            help = format!(
                "write `sum by ({common}) (…) / sum by ({common}) (kube_pod_container_resource_limits{{resource=\"cpu\"}})`: that is the limit in cores, in place of quota and period, and kube-prometheus-stack keeps it, which drops `container_spec_…`"
            );
        }
        let why = self.reads_nothing();
        self.push(
            Lint::new(&rules::LABELS_NEVER_MATCH, binary.operator_span, message)
                .severity(severity)
                .why(why)
                .related(binary.left.span, "matched by all labels, with …")
                .related(binary.right.span, "… these")
                .help(help),
        );
        true
    }
}

/// Whether a side of an operation holds two that never meet.
fn is_torn(node: &Node, depth: usize) -> bool {
    match &node.bare().kind {
        Kind::Binary(binary) if depth < 16 && !matches!(binary.operator, Operator::Or | Operator::Unless) => {
            let is_on = binary.matching.as_ref().is_some_and(|matching| matching.on);
            !is_on && difference(binary).is_some()
                || is_torn(&binary.left, depth + 1)
                || is_torn(&binary.right, depth + 1)
        }
        _ => false,
    }
}

/// Why no series of one side has a partner on the other; None where it may have.
fn difference(binary: &Binary) -> Option<Difference> {
    let ignored: &[String] = binary.matching.as_ref().map_or(&[], |matching| &matching.labels);
    let is_ignored = |name: &str| ignored.iter().any(|label| label == name);
    let (one, other) = (foremost(&binary.left)?.metric()?, foremost(&binary.right)?.metric()?);
    if super::is_recorded(one) || super::is_recorded(other) {
        return None;
    }
    let (first, second) = match (exporter(one), exporter(other)) {
        (Some(first), Some(second)) => (first, second),
        (Some(known), None) if !is_near(other) => return of_an_application((one, known), other, ignored),
        (None, Some(known)) if !is_near(one) => return of_an_application((other, known), one, ignored),
        _ => return None,
    };
    let has_machine = first.starts == "node_" || second.starts == "node_";
    let common = if has_machine { "node" } else { "namespace, pod, container" };
    if first.starts != second.starts {
        let own = first.own.iter().chain(second.own).copied();
        let of_kube = resource(one).or(resource(other));
        let mut differing: Vec<&str> = ["instance", "job"].into_iter().chain(own).chain(of_kube).collect();
        differing.retain(|name| !is_ignored(name));
        // Nobody's relabeling drops two of them and keeps the rest.
        if differing.len() < 2 {
            return None;
        }
        let message = format!(
            "`{one}` comes from {}, `{other}` from {}: they differ in `{}`, and no series has a partner",
            first.who,
            second.who,
            differing.join("`, `")
        );
        // A machine may be called the same in every job.
        let severity = if has_machine { Severity::Warning } else { Severity::Error };
        return Some(Difference { message, severity, common });
    }
    let (label, has, lacks) = match (extra(one), extra(other)) {
        (Some(label), None) if is_plain(other) => (label, one, other),
        (None, Some(label)) if is_plain(one) => (label, other, one),
        _ => return None,
    };
    let message = format!("`{has}` has the label `{label}`, `{lacks}` has not: no series has a partner");
    // A rule after the scrape may drop the label.
    (!is_ignored(label)).then_some(Difference { message, severity: Severity::Warning, common })
}

/// Metrics that may be given by the same program as those of an exporter.
fn is_near(metric: &str) -> bool {
    const STARTS: [&str; 9] =
        ["kubelet_", "machine_", "cadvisor_", "ALERTS", "up", "scrape_", "windows_", "process_", "kube"];
    metric.is_empty() || STARTS.iter().any(|start| metric.starts_with(start))
}

/// A metric of kube-state-metrics, or of containers, beside one that an application gives itself.
fn of_an_application(
    (metric, known): (&str, &'static Exporter),
    other: &str,
    ignored: &[String],
) -> Option<Difference> {
    let is_ignored = |name: &str| ignored.iter().any(|label| label == name);
    if known.starts == "node_" || is_ignored("instance") || is_ignored("job") {
        return None;
    }
    Some(Difference {
        message: format!(
            "`{metric}` comes from {}, `{other}` from another program: they differ in `instance` and `job`, and no series has a partner",
            known.who
        ),
        severity: Severity::Warning,
        common: "namespace, pod",
    })
}

fn exporter(metric: &str) -> Option<&'static Exporter> {
    EXPORTERS.iter().find(|exporter| metric.starts_with(exporter.starts))
}

/// The label that tells what a resource of a container or node is.
fn resource(metric: &str) -> Option<&'static str> {
    let has = ["_resource_limits", "_resource_requests", "_status_allocatable", "_status_capacity"];
    has.iter().any(|suffix| metric.ends_with(suffix)).then_some("resource")
}

fn extra(metric: &str) -> Option<&'static str> {
    EXTRA.iter().find(|(start, _)| metric.starts_with(start)).map(|(_, label)| *label)
}

fn is_plain(metric: &str) -> bool {
    extra(metric).is_none() && PLAIN.iter().any(|start| metric.starts_with(start))
}

/// The selector whose labels a node has: also that of the left side where both sides of an operator have the same.
fn foremost(node: &Node) -> Option<&Selector> {
    match &node.kind {
        Kind::Selector(selector) => Some(selector),
        Kind::Range(inner, _) | Kind::Paren(inner) | Kind::Unary(_, inner) => foremost(inner),
        Kind::Call(call) if carries(call.function.name) => call.arguments.iter().find_map(foremost),
        Kind::Binary(binary) => match (&binary.operator, &binary.matching) {
            (Operator::Or, _) => None,
            (operator, _) if operator.is_set() => foremost(&binary.left),
            (_, Some(_)) => None,
            _ => {
                foremost(&binary.left).or_else(|| foremost(&binary.right).filter(|_| is_number(&binary.left)))
            }
        },
        _ => None,
    }
}

fn is_number(node: &Node) -> bool {
    node.value_type() == ValueType::Scalar
}

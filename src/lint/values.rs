//! Labels whose values are a closed list: another one selects nothing.
//!
//! Sources: kubernetes/kube-state-metrics docs/metrics/workload/pod-metrics.md, docs/metrics/storage/*.md,
//! docs/metrics/cluster/*.md; kubernetes/api core/v1/types.go (phases); prometheus/node_exporter collector/cpu_linux.go;
//! cert-manager/cert-manager pkg/metrics/certificates.go; argoproj/argo-cd pkg/apis/application/v1alpha1/types.go.

use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;

/// The values of a label of some metrics.
struct Closed {
    metric: &'static str,
    label: &'static str,
    values: &'static [&'static str],
}

const PHASES: [&str; 5] = ["Pending", "Running", "Succeeded", "Failed", "Unknown"];
const TRUTH: [&str; 3] = ["true", "false", "unknown"];

const CLOSED: [Closed; 17] = [
    Closed { metric: "kube_pod_status_phase", label: "phase", values: &PHASES },
    Closed { metric: "kube_pod_status_ready", label: "condition", values: &TRUTH },
    Closed { metric: "kube_pod_status_scheduled", label: "condition", values: &TRUTH },
    Closed { metric: "kube_node_status_condition", label: "status", values: &TRUTH },
    Closed { metric: "kube_deployment_status_condition", label: "status", values: &TRUTH },
    Closed {
        metric: "kube_deployment_status_condition",
        label: "condition",
        values: &["Available", "Progressing", "ReplicaFailure"],
    },
    Closed { metric: "kube_horizontalpodautoscaler_status_condition", label: "status", values: &TRUTH },
    Closed {
        metric: "kube_horizontalpodautoscaler_status_condition",
        label: "condition",
        values: &["AbleToScale", "ScalingActive", "ScalingLimited"],
    },
    Closed {
        metric: "kube_persistentvolumeclaim_status_phase",
        label: "phase",
        values: &["Pending", "Bound", "Lost"],
    },
    Closed {
        metric: "kube_persistentvolume_status_phase",
        label: "phase",
        values: &["Pending", "Available", "Bound", "Released", "Failed"],
    },
    Closed { metric: "kube_namespace_status_phase", label: "phase", values: &["Active", "Terminating"] },
    Closed { metric: "kube_job_complete", label: "condition", values: &TRUTH },
    Closed { metric: "kube_job_failed", label: "condition", values: &TRUTH },
    Closed {
        metric: "node_cpu_seconds_total",
        label: "mode",
        values: &[
            "user",
            "nice",
            "system",
            "idle",
            "iowait",
            "irq",
            "softirq",
            "steal",
            "interrupt",
            "kernel",
            "wait",
            "spin",
        ],
    },
    Closed {
        metric: "certmanager_certificate_ready_status",
        label: "condition",
        values: &["True", "False", "Unknown"],
    },
    Closed {
        metric: "argocd_app_info",
        label: "health_status",
        values: &["Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"],
    },
    Closed { metric: "argocd_app_info", label: "sync_status", values: &["Synced", "OutOfSync", "Unknown"] },
];

/// Why a container waits before it runs, and how one has ended.
const WAITS: [&str; 9] = [
    "ContainerCreating",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "PodInitializing",
];
const ENDED: [&str; 5] = ["Completed", "ContainerCannotRun", "DeadlineExceeded", "Error", "OOMKilled"];

/// What there is instead of a value that is none.
struct Wrong {
    label: &'static str,
    value: String,
    help: String,
    /// The value itself, where it is only written in another way.
    good: Option<&'static str>,
}

impl Linter<'_> {
    pub(super) fn no_such_value(&mut self, selector: &Selector) {
        let Some(name) = selector.metric() else { return };
        for matcher in &selector.matchers {
            let alternatives: Vec<&str> = match matcher.operator {
                MatchOperator::Equal => vec![matcher.value.as_str()],
                MatchOperator::RegexMatch if is_plain(&matcher.value) => matcher.value.split('|').collect(),
                _ => continue,
            };
            let alternatives: Vec<&str> =
                alternatives.into_iter().filter(|value| !value.is_empty()).collect();
            let wrong: Vec<Wrong> =
                alternatives.iter().filter_map(|value| wrong(name, &matcher.name, value)).collect();
            let Some(first) = wrong.first() else { continue };
            let is_all = wrong.len() == alternatives.len();
            let nothing = self.reads_nothing();
            let Wrong { label, value, help, good } = first;
            let lint = Lint::new(
                &rules::NO_SUCH_VALUE,
                matcher.value_span,
                format!("`{label}` of `{name}` is never `{value}`"),
            )
            .help(help.clone());
            let lint = if is_all {
                lint.why(format!("no series is selected: {nothing}"))
            } else {
                lint.severity(Severity::Warning)
                    .why("this part of the pattern selects nothing: what it is there for goes unseen")
            };
            self.push(match good {
                Some(good) if alternatives.len() == 1 => lint.repair(
                    false,
                    format!("write \"{good}\""),
                    replace(matcher.value_span, format!("\"{good}\"")),
                ),
                _ => lint,
            });
        }
    }
}

/// Words and `|`, and nothing that is more than itself.
fn is_plain(pattern: &str) -> bool {
    pattern.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '|'))
}

fn wrong(metric: &str, label: &str, value: &str) -> Option<Wrong> {
    // Variables of templates stand for what is not known here.
    if value.contains(['$', '{', '%']) {
        return None;
    }
    let make = |label: &'static str, help: String, good: Option<&'static str>| {
        Some(Wrong { label, value: value.to_string(), help, good })
    };
    if let Some(closed) = CLOSED.iter().find(|closed| closed.metric == metric && closed.label == label) {
        if closed.values.contains(&value) {
            return None;
        }
        let good = closed.values.iter().find(|known| known.eq_ignore_ascii_case(value)).copied();
        let waits = WAITS.contains(&value);
        let help = match good {
            Some(good) => format!("write `{good}`: capitals count"),
            None if metric == "kube_pod_status_phase" && waits => {
                format!("write `kube_pod_container_status_waiting_reason{{reason=\"{value}\"}}`")
            }
            None if metric == "kube_pod_status_phase" && ENDED.contains(&value) => {
                format!("write `kube_pod_container_status_last_terminated_reason{{reason=\"{value}\"}}`")
            }
            None if metric == "kube_pod_status_phase" && value == "Evicted" => {
                "write `kube_pod_status_reason{reason=\"Evicted\"}`".to_string()
            }
            None => format!("the values are {}", closed.values.join(", ")),
        };
        return make(closed.label, help, good);
    }
    if metric == "kube_node_status_condition"
        && label == "condition"
        && value.eq_ignore_ascii_case("NotReady")
    {
        let help = "write `{condition=\"Ready\", status=\"true\"} == 0`".to_string();
        return make("condition", help, None);
    }
    if label != "reason" {
        return None;
    }
    let is_waiting = metric.ends_with("container_status_waiting_reason");
    let is_ended = metric.ends_with("container_status_terminated_reason")
        || metric.ends_with("container_status_last_terminated_reason");
    if is_waiting && ENDED.contains(&value) {
        let instead = "kube_pod_container_status_last_terminated_reason";
        return make(
            "reason",
            format!("a container that has ended is in `{instead}{{reason=\"{value}\"}}`"),
            None,
        );
    }
    if is_ended && WAITS.contains(&value) {
        let instead = "kube_pod_container_status_waiting_reason";
        return make(
            "reason",
            format!("a container that waits is in `{instead}{{reason=\"{value}\"}}`"),
            None,
        );
    }
    let known = if is_waiting {
        &WAITS[..]
    } else if is_ended {
        &ENDED[..]
    } else {
        return None;
    };
    let good = known.iter().find(|known| known.eq_ignore_ascii_case(value) && **known != value).copied()?;
    make("reason", format!("write `{good}`: capitals count"), Some(good))
}

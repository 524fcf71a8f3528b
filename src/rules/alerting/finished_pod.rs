//! Alerts on pods that are not ready, or do not run, where pods of Jobs are among them that have done their work.
//!
//! Sources: kubernetes/kubernetes pkg/kubelet/status/generate.go, GeneratePodReadyConditionForTerminalPhase (`Ready` is
//! `False`, reason `PodCompleted`); kubernetes/kube-state-metrics internal/store/pod.go (a series for each value of the
//! condition, and of the phase); kubernetes/api batch/v1 types.go (successfulJobsHistoryLimit is 3 by default);
//! kedacore/keda pkg/scaling/executor/scale_jobs.go (100 by default).

use super::FINISHED_POD;
use super::asleep::fits;
use super::walk::Alert;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::has_variable;
use crate::promql::ast::*;

/// Words by which a query leaves out what has ended, or asks for pods that are meant.
const LEAVES_OUT: [&str; 6] =
    ["succeeded", "completed", "unless", "kube_pod_owner", "created_by_kind", "kube_pod_info"];

pub(super) fn check(alert: &Alert<'_>, inventory: &Inventory<'_>) -> Option<Finding> {
    let text = alert.expression.text.to_lowercase();
    if !text.contains("kube_pod_status_") || LEAVES_OUT.iter().any(|word| text.contains(word)) {
        return None;
    }
    let waits = alert.waits()?;
    let (selector, what, span) = met(&alert.expression.root, 0)?;
    let finished = ["CronJob", "Job", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    let mut finished = finished.filter(|object| is_meant(object, selector) && stays(object, waits));
    let first = finished.next()?;
    let more = finished.filter(|object| object.name != first.name).count();
    let (kind, name) = (first.kind(), &first.name);
    let others = if more > 0 { format!(" and of {more} more") } else { String::new() };
    let kept = match kind {
        "CronJob" => "a CronJob keeps the pods of its last three runs",
        "ScaledJob" => "a ScaledJob keeps the pods of its last 100 Jobs",
        _ => "the pod is kept until somebody deletes the Job",
    };
    Some(
        Finding::new(
            &FINISHED_POD,
            alert.place(span),
            format!("finished pods of the {kind} `{name}`{others} fire this alert"),
        )
        .related(first.name_place(), "its pods are among those that are asked for")
        .why(format!("{what}, and {kept}: the alert fires for each of them without end, though all is well"))
        .help("leave out what has ended: `… unless on (namespace, pod) kube_pod_status_phase{phase=~\"Succeeded|Failed\"} == 1`"),
    )
}

/// The selector of pods that have ended, the reason, and the comparison.
fn met(node: &Node, depth: usize) -> Option<(&Selector, &'static str, crate::source::Span)> {
    const MOST_DEPTH: usize = 16;
    if depth > MOST_DEPTH {
        return None;
    }
    let Kind::Binary(binary) = &node.bare().kind else { return None };
    if binary.operator == Operator::Or {
        return met(&binary.left, depth + 1).or_else(|| met(&binary.right, depth + 1));
    }
    let Kind::Number(limit) = binary.right.bare().kind else { return None };
    let asks_for_none = match binary.operator {
        Operator::Equal => limit.value == 0.0,
        Operator::Less => limit.value > 0.0 && limit.value <= 1.0,
        Operator::NotEqual => limit.value == 1.0,
        _ => false,
    };
    let asks_for_one = match binary.operator {
        Operator::Equal => limit.value == 1.0,
        Operator::Greater => limit.value == 0.0,
        Operator::GreaterEqual => limit.value > 0.0 && limit.value <= 1.0,
        _ => false,
    };
    if binary.returns_bool || !asks_for_none && !asks_for_one {
        return None;
    }
    let selector = of_each_pod(&binary.left, 0, asks_for_one)?;
    let gives = |label: &str, value: &str| {
        selector.matchers.iter().filter(|matcher| matcher.name == label).all(|matcher| fits(matcher, value))
    };
    let says = |label: &str| selector.matchers.iter().any(|matcher| matcher.name == label);
    let what = match selector.metric()? {
        "kube_pod_status_ready" if says("condition") => {
            let is_met = asks_for_none && gives("condition", "true") && !gives("condition", "false")
                || asks_for_one && gives("condition", "false") && !gives("condition", "true");
            is_met.then_some("a pod that has done its work is not ready any more")?
        }
        "kube_pod_status_phase" if says("phase") => {
            let is_met = asks_for_none && gives("phase", "Running") && !gives("phase", "Succeeded")
                || asks_for_one && gives("phase", "Succeeded") && gives("phase", "Pending");
            is_met.then_some("a pod that has done its work does not run any more")?
        }
        _ => return None,
    };
    Some((selector, what, binary.left.span.to(binary.right.span)))
}

/// The selector, where each of its pods counts: by itself, or in a sum that one is enough for.
fn of_each_pod(node: &Node, depth: usize, is_sum_met: bool) -> Option<&Selector> {
    const MOST_DEPTH: usize = 16;
    if depth > MOST_DEPTH {
        return None;
    }
    match &node.kind {
        Kind::Selector(selector) => Some(selector),
        Kind::Paren(inner) => of_each_pod(inner, depth + 1, is_sum_met),
        Kind::Call(call)
            if matches!(call.function.name, "min_over_time" | "max_over_time" | "avg_over_time") =>
        {
            let Kind::Range(inner, _) = &call.arguments.first()?.bare().kind else { return None };
            of_each_pod(inner, depth + 1, is_sum_met)
        }
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "max" | "min") => {
            let is_by_pod = !aggregate.without && aggregate.grouping.iter().any(|label| label == "pod");
            (is_by_pod || is_sum_met && aggregate.operator != "min")
                .then(|| of_each_pod(&aggregate.expression, depth + 1, is_sum_met))?
        }
        _ => None,
    }
}

/// Whether the pods of a Job are among those that are selected.
fn is_meant(object: &Object<'_>, selector: &Selector) -> bool {
    let pod = match object.kind() {
        "CronJob" => format!("{}-29012345-x7k2p", object.name),
        "ScaledJob" => format!("{}-x7k2p-q9w4z", object.name),
        _ => format!("{}-x7k2p", object.name),
    };
    let is_known = !object.is_fragment && object.group() != "" && !has_variable(&object.name);
    is_known
        && selector.matchers.iter().all(|matcher| match matcher.name.as_str() {
            "pod" => fits(matcher, &pod),
            "namespace" => object.namespace.as_deref().is_some_and(|own| fits(matcher, own)),
            "condition" | "phase" | "job" | "cluster" => true,
            _ => false,
        })
}

/// Whether a pod stays for long enough after its work.
fn stays(object: &Object<'_>, waits: f64) -> bool {
    let at = |path: &[&str]| object.integer(path);
    let (limit, lives) = match object.kind() {
        "CronJob" => (
            at(&["spec", "successfulJobsHistoryLimit"]),
            at(&["spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"]),
        ),
        "ScaledJob" => (
            at(&["spec", "successfulJobsHistoryLimit"]),
            at(&["spec", "jobTargetRef", "ttlSecondsAfterFinished"]),
        ),
        _ => (None, at(&["spec", "ttlSecondsAfterFinished"])),
    };
    // Hooks of Helm and of Argo CD are deleted by those.
    let is_hook = object
        .at(&["metadata", "annotations"])
        .map(crate::manifest::Node::entries)
        .unwrap_or_default()
        .iter()
        .any(|entry| entry.key.contains("hook"));
    let is_off =
        object.at(&["spec", "suspend"]).is_some_and(|node| node.as_written().as_deref() == Some("true"));
    object.patched.is_empty()
        && !is_hook
        && !is_off
        && limit != Some(0)
        && lives.is_none_or(|seconds| seconds as f64 > waits + 60.0)
}

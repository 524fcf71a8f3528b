//! Alerts on failed Jobs, which go on for as long as the Job is kept.
//!
//! Sources: kubernetes/kube-state-metrics docs/metrics/workload/job-metrics.md (a series for each Job that is there);
//! kubernetes/kubernetes pkg/controller/cronjob/cronjob_controllerv2.go, cleanupFinishedJobs, and pkg/apis/batch/v1/defaults.go
//! (of the failed Jobs of a CronJob the last one is kept, until another fails).

use super::FAILED_JOB;
use super::pods::fits;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;

const METRICS: [&str; 2] = ["kube_job_status_failed", "kube_job_failed"];

pub(super) fn check(alert: &Alert<'_>, inventory: &Inventory<'_>) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    let Kind::Number(limit) = binary.right.bare().kind else { return None };
    let fires = match binary.operator {
        Operator::Greater | Operator::NotEqual => limit.value == 0.0,
        Operator::GreaterEqual | Operator::Equal => limit.value == 1.0,
        _ => false,
    };
    let selector = selector(&binary.left, 0)?;
    let name = selector.metric().filter(|name| METRICS.contains(name))?;
    if !fires || binary.returns_bool {
        return None;
    }
    let is_named = selector
        .matchers
        .iter()
        .any(|matcher| matcher.name == "job_name" && fits(matcher, "zzqx") == Some(false));
    let meant: Vec<&Object<'_>> = inventory
        .kind("CronJob")
        .filter(|object| !object.is_fragment && is_meant(object, selector))
        .collect();
    let keeping: Vec<&&Object<'_>> = meant.iter().filter(|object| keeps(object)).collect();
    if !meant.is_empty() && keeping.is_empty() || says_so(alert) {
        return None;
    }
    let twice = match name {
        "kube_job_status_failed" => {
            "; it counts pods, so that a run which succeeds at a later try may be one of them"
        }
        _ => "",
    };
    let finding = Finding::new(
        &FAILED_JOB,
        alert.place(binary.left.span.to(binary.right.span)),
        "one failed Job fires this alert for as long as the Job is kept",
    );
    // A query that keeps `job_name` has a series, and an alert, for each Job.
    let is_each = match &binary.left.bare().kind {
        Kind::Selector(_) => true,
        Kind::Aggregate(all) => all.grouping.iter().any(|label| label == "job_name") != all.without,
        _ => false,
    };
    let help = "let the Job go with `ttlSecondsAfterFinished`, or ask how long ago a CronJob succeeded: `time() - kube_cronjob_status_last_successful_time > …`";
    match keeping.first().filter(|_| is_named) {
        Some(object) => {
            let (kept, told) = match object.integer(&["spec", "failedJobsHistoryLimit"]) {
                Some(many) if many > 1 => (
                    format!("the last {many} failed Jobs are kept until others fail"),
                    format!("this CronJob keeps its last {many} failed Jobs"),
                ),
                _ => (
                    "the last failed Job is kept until another one fails".to_string(),
                    "this CronJob keeps its last failed Job".to_string(),
                ),
            };
            let next = if is_each { "" } else { ", and the next failure is not told" };
            let why = format!("{kept}: runs that succeed later do not end the alert{next}{twice}");
            Some(finding.related(object.name_place(), told).why(why).help(help))
        }
        None => {
            let mut finding = finding
                .why(format!(
                    "a Job stays until somebody deletes it, and of those of a CronJob the last failed one: runs that succeed later do not end the alert{twice}"
                ))
                .help(help);
            finding.severity = Severity::Note;
            Some(finding)
        }
    }
}

fn selector(node: &Node, depth: usize) -> Option<&Selector> {
    const MOST_DEPTH: usize = 16;
    match &node.kind {
        Kind::Selector(selector) => Some(selector),
        Kind::Paren(inner) if depth < MOST_DEPTH => selector(inner, depth + 1),
        Kind::Aggregate(aggregate) if depth < MOST_DEPTH && matches!(aggregate.operator, "sum" | "max") => {
            selector(&aggregate.expression, depth + 1)
        }
        _ => None,
    }
}

fn is_meant(object: &Object<'_>, selector: &Selector) -> bool {
    let job = format!("{}-29012345", object.name);
    selector.matchers.iter().all(|matcher| match (matcher.name.as_str(), &object.namespace) {
        ("job_name", _) => fits(matcher, &job) == Some(true),
        ("namespace", Some(own)) => fits(matcher, own) != Some(false),
        _ => true,
    })
}

/// Whether a CronJob keeps failed Jobs for longer than a day.
fn keeps(object: &Object<'_>) -> bool {
    const DAY: i64 = 86_400;
    let lives = object.integer(&["spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"]);
    object.patched.is_empty()
        && object.integer(&["spec", "failedJobsHistoryLimit"]) != Some(0)
        && lives.is_none_or(|seconds| seconds > DAY)
}

/// Whether a text says what to do about it.
fn says_so(alert: &Alert<'_>) -> bool {
    let told = alert.rule.get("annotations").map(Yaml::entries).unwrap_or_default();
    let mut texts = told.iter().filter_map(|entry| entry.node.as_str()).map(str::to_lowercase);
    texts.any(|text| {
        ["removing failed job", "delete the job", "kubectl delete job"].iter().any(|word| text.contains(word))
    })
}

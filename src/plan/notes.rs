//! The comments in the emitted files: why a number is what it is, and why a field is not there.

use super::scaler::{PODS, metric_type};
use super::{Queries, ScalerNotes, TriggerNotes};
use crate::model::{FallbackBehavior, MetricType, MetricUnit, Scaler, Select, Trigger, TriggerKind, plain};
use crate::policy::written::Source;
use crate::policy::{Policy, Require, Signal, SignalKind, Threshold};

pub(super) fn scaler(policy: &Policy, scaler: &Scaler) -> ScalerNotes {
    ScalerNotes {
        replicas: replicas(scaler),
        polling: polling(policy, scaler),
        cooldown: cooldown(policy, scaler),
        fallback: fallback(scaler),
        up: up(scaler),
        down: down(scaler),
        composite: composite(policy),
        annotations: annotations(policy),
    }
}

fn one(text: impl Into<String>) -> Vec<String> {
    vec![text.into()]
}

fn replicas(scaler: &Scaler) -> Vec<String> {
    match (scaler.min, scaler.idle) {
        (0, _) => one("0: the workload sleeps while nothing is active."),
        (min, Some(idle)) => one(format!("{idle} while nothing is active, else {min} or more.")),
        _ => Vec::new(),
    }
}

fn polling(policy: &Policy, scaler: &Scaler) -> Vec<String> {
    match (&policy.scaling.polling_interval, scaler.sleeps()) {
        (Some(polling), false) => one(format!(
            "pollingInterval ({} s in the policy) is left out: with at least {} pods Kubernetes asks every 15 s, whatever stands here.",
            polling.value, scaler.min
        )),
        (Some(_), true) => one("How often KEDA looks whether to wake the workload."),
        (None, _) => Vec::new(),
    }
}

fn cooldown(policy: &Policy, scaler: &Scaler) -> Vec<String> {
    match (&policy.scaling.cooldown, scaler.sleeps()) {
        (Some(cooldown), false) => one(format!(
            "cooldownPeriod ({} s in the policy) is left out: it delays only the step to zero. Removing pods waits for scaleDown below.",
            cooldown.value
        )),
        (Some(_), true) => one("How long nothing must be active before the workload goes to sleep."),
        (None, _) => Vec::new(),
    }
}

fn fallback(scaler: &Scaler) -> Vec<String> {
    let Some(fallback) = &scaler.fallback else { return Vec::new() };
    one(format!("While Prometheus is silent: {}.", silence(fallback)))
}

/// What the fallback does, in words.
pub(super) fn silence(fallback: &crate::model::Fallback) -> String {
    let number = fallback.replicas;
    let what = match fallback.behavior {
        FallbackBehavior::Static => format!("{number} pods"),
        FallbackBehavior::Current => "the pods that are running".to_string(),
        FallbackBehavior::CurrentIfHigher => format!("the pods that are running, at least {number}"),
        FallbackBehavior::CurrentIfLower => format!("the pods that are running, at most {number}"),
    };
    format!("{what}, after more than {} failed answers", fallback.failures)
}

fn up(scaler: &Scaler) -> Vec<String> {
    if scaler.up.select == Select::Disabled {
        return one("Scaling up is disabled by the policy.");
    }
    let window = scaler.up.stabilization;
    let held = window.div_ceil(15).saturating_sub(1) * 15;
    one(match held {
        0 => "Pods are added at the first proposal.".to_string(),
        _ => format!(
            "Pods are added to the smallest proposal of the last {window} s: the first step comes {held} s after the first high proposal, not {window} s."
        ),
    })
}

fn down(scaler: &Scaler) -> Vec<String> {
    if scaler.down.select == Select::Disabled {
        return one("Scaling down is disabled by the policy.");
    }
    one(format!("Pods are removed to the largest proposal of the last {} s.", scaler.down.stabilization))
}

fn composite(policy: &Policy) -> Vec<String> {
    let Some(require) = &policy.scaling.require else { return Vec::new() };
    match &require.value {
        Require::Count(some) => {
            let all = policy.signals.len();
            let mut lines = one(format!(
                "{some} of {all} signals must ask for more pods: of their demands, the {} counts.",
                ordinal(*some, all)
            ));
            lines.push("The thresholds of the triggers below are not used beside a formula; KEDA wants them all the same.".into());
            lines
        }
        Require::Formula { .. } => {
            one("The formula of the policy decides; the thresholds of the triggers below are not used.")
        }
    }
}

fn ordinal(some: u32, all: usize) -> String {
    match some {
        1 => "largest".to_string(),
        some if some as usize == all => "smallest".to_string(),
        2 => "second largest".to_string(),
        3 => "third largest".to_string(),
        some => format!("{some}th largest"),
    }
}

/// Source: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, verifyHpas.
fn annotations(policy: &Policy) -> Vec<(String, String)> {
    let mut annotations = Vec::new();
    if policy.scaling.take_over.is_some() {
        annotations.push(("scaledobject.keda.sh/transfer-hpa-ownership".to_string(), "true".to_string()));
    }
    annotations
}

/// Parallel to the triggers of the scaler.
pub(super) fn triggers(policy: &Policy, queries: &Queries, scaler: &Scaler) -> Vec<TriggerNotes> {
    scaler
        .triggers
        .iter()
        .enumerate()
        .map(|(at, trigger)| match policy.signals.get(at) {
            Some(signal) => notes(policy, queries, signal, trigger),
            None => pods(queries, trigger),
        })
        .collect()
}

fn pods(queries: &Queries, trigger: &Trigger) -> TriggerNotes {
    TriggerNotes {
        about: one(format!(
            "`{PODS}`: the number of pods, which the formula needs to turn a level into a demand."
        )),
        query: pretty(queries, trigger),
        threshold: "not used beside a formula".to_string(),
        ..TriggerNotes::default()
    }
}

fn pretty(queries: &Queries, trigger: &Trigger) -> String {
    match &trigger.kind {
        TriggerKind::Prometheus { query, .. } => queries.pretty(query),
        _ => String::new(),
    }
}

fn notes(policy: &Policy, queries: &Queries, signal: &Signal, trigger: &Trigger) -> TriggerNotes {
    let per_pod = if signal.kind.is_level() { "" } else { " per pod" };
    let is_query = signal.kind.is_query();
    let metric_type = match metric_type(&signal.kind) {
        _ if !is_query => "",
        MetricType::Value => "a level: it does not divide by pods",
        MetricType::AverageValue => "a total: the pods share it",
    };
    let activation = match &trigger.kind {
        TriggerKind::Prometheus { activation: Some(_), .. } => {
            signal.activate.as_ref().map(|threshold| explained(queries, signal, threshold, ""))
        }
        _ => None,
    };
    TriggerNotes {
        about: about(policy, signal),
        query: pretty(queries, trigger),
        threshold: match &signal.kind {
            SignalKind::Resource { text, .. } if text.ends_with('%') => {
                format!("{text} of what the containers request")
            }
            SignalKind::Resource { text, .. } => format!("{text} per pod"),
            _ => signal
                .scale
                .as_ref()
                .map(|scale| explained(queries, signal, scale, per_pod))
                .unwrap_or_default(),
        },
        activation: activation.unwrap_or_default(),
        metric_type: metric_type.to_string(),
    }
}

fn about(policy: &Policy, signal: &Signal) -> Vec<String> {
    let mut lines = match &signal.kind {
        SignalKind::Latency { quantile, window, histogram, .. } => one(format!(
            "The {} quantile of {} over {window} s; 0 while there are no requests.",
            plain(*quantile),
            histogram.name
        )),
        SignalKind::Gauge { inflight, .. } => one(if *inflight {
            "Work in hand, of all pods together."
        } else {
            "Work that waits, of all pods together."
        }),
        SignalKind::Rate { window, .. } => {
            one(format!("Events per second over {window} s, of all pods together."))
        }
        SignalKind::Ratio { .. } => one("A share, in percent; 0 while nothing happens."),
        SignalKind::Share { .. } => one("A share, the mean of all pods."),
        SignalKind::Resource { resource, .. } => one(format!(
            "{resource}: read by the HPA itself from metrics-server, not from Prometheus; needs requests."
        )),
        SignalKind::Schedule { replicas, .. } => {
            one(format!("At least {replicas} pods between start and end."))
        }
        SignalKind::Query { .. } => one("Written by hand in the policy."),
    };
    if signal.source == Source::Pods && policy.scaling.sleeps() && signal.kind.is_query() {
        lines.push("Asleep, there is no pod to ask: kube-state-metrics says that 0 pods mean 0.".to_string());
    }
    lines
}

/// `500ms: the metric is in seconds`.
fn explained(queries: &Queries, signal: &Signal, threshold: &Threshold, per_pod: &str) -> String {
    let unit = match &signal.kind {
        SignalKind::Latency { unit, .. }
        | SignalKind::Gauge { unit, .. }
        | SignalKind::Share { unit, .. }
        | SignalKind::Query { unit, .. } => *unit,
        SignalKind::Rate { .. } => MetricUnit::RATE,
        _ => MetricUnit::RATIO,
    };
    let factor = plain(queries.multiplier(signal));
    let written = &threshold.text;
    match (factor.as_str(), &signal.kind) {
        ("100", _) => format!("{written}: the query counts in percent"),
        ("1", _) if unit == MetricUnit::COUNT => per_pod.trim_start().to_string(),
        ("1", _) => format!("{written}{per_pod}: the metric is in {}", unit.name),
        _ => format!("{written}{per_pod}: the query is multiplied by {factor}, as KEDA keeps three decimals"),
    }
}

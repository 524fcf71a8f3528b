//! The scaler: triggers, metric types, behavior, fallback.

use super::{AuthenticationReference, PrometheusAccess, Queries};
use crate::model::{
    self, Behavior, Composite, Decimal, Fallback, MetricType, Scaler, Trigger, TriggerKind, plain,
};
use crate::policy::check::variable;
use crate::policy::written::{FallbackBehavior, Meaning, Select};
use crate::policy::{Direction, Policy, Require, Signal, SignalKind};

/// Name of the trigger that tells the formula how many pods there are.
pub(super) const PODS: &str = "pods";

pub(super) fn scaler(policy: &Policy, queries: &Queries) -> Scaler {
    let scaling = &policy.scaling;
    let sleeps = scaling.sleeps();
    let mut triggers: Vec<Trigger> =
        policy.signals.iter().map(|signal| trigger(policy, queries, signal)).collect();
    let composite = composite(policy, queries);
    if needs_pods(policy) {
        triggers.push(pods_trigger(policy, queries));
    }
    Scaler {
        name: policy.workload.value.name.clone(),
        target: policy.workload.value.clone(),
        min: scaling.min.value,
        max: scaling.max.value,
        idle: scaling.idle.as_ref().map(|idle| idle.value),
        // Written only where they do something; the notes say why they are missing.
        polling_interval: scaling.polling_interval.as_ref().filter(|_| sleeps).map(|p| p.value),
        cooldown: scaling.cooldown.as_ref().filter(|_| sleeps).map(|c| c.value),
        up: behavior(&scaling.up),
        down: behavior(&scaling.down),
        fallback: fallback(policy),
        composite,
        hpa_name: scaling.take_over.as_ref().map(|name| name.value.clone()),
        triggers,
    }
}

fn behavior(direction: &Direction) -> Behavior {
    Behavior {
        stabilization: direction.stabilization,
        select: match direction.select {
            Select::Max => model::Select::Max,
            Select::Min => model::Select::Min,
            Select::Disabled => model::Select::Disabled,
        },
        steps: direction.steps.clone(),
        tolerance: direction.tolerance,
    }
}

/// How the HPA is to read a signal. A quantile or a share does not divide by pods; a total does.
pub(super) fn metric_type(kind: &SignalKind) -> MetricType {
    if kind.is_level() { MetricType::Value } else { MetricType::AverageValue }
}

fn trigger(policy: &Policy, queries: &Queries, signal: &Signal) -> Trigger {
    let name = &signal.name.value;
    let kind = match &signal.kind {
        SignalKind::Resource { resource, container, target, .. } => {
            TriggerKind::Resource { resource, container: container.clone(), target: target.clone() }
        }
        SignalKind::Schedule { start, end, timezone, replicas } => TriggerKind::Cron {
            timezone: timezone.clone(),
            start: start.clone(),
            end: end.clone(),
            replicas: *replicas,
        },
        kind => {
            let query = queries.scaling(signal).expect("every other kind is a query");
            let scale = signal.scale.as_ref().map_or(Decimal::ONE, |scale| scale.value);
            let decides = policy.scaling.sleeps() && policy.scaling.require.is_none();
            TriggerKind::Prometheus {
                query: queries.canonical(&query),
                threshold: queries.emitted(signal, scale),
                activation: signal
                    .activate
                    .as_ref()
                    .filter(|_| decides)
                    .map(|activate| queries.emitted(signal, activate.value)),
                metric_type: metric_type(kind),
            }
        }
    };
    Trigger {
        // In a formula the names are variables.
        name: if policy.scaling.require.is_some() { variable(name) } else { name.clone() },
        kind,
    }
}

fn fallback(policy: &Policy) -> Option<Fallback> {
    // Source: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, CheckFallbackValid: refused where nothing is
    // asked for from outside.
    if !policy.signals.iter().any(|signal| signal.kind.is_query()) {
        return None;
    }
    let scaling = &policy.scaling;
    let stated = scaling.fallback.replicas.as_ref().map(|replicas| replicas.value);
    // Before 2.17 KEDA knows only a fixed number; then the middle is safer than the minimum.
    let fixed_only = !policy.keda.at_least(2, 17);
    let (min, max) = (scaling.min.value.max(1), scaling.max.value);
    let default = if fixed_only { min + (max - min) / 2 } else { min };
    let behavior = match scaling.fallback.behavior {
        Some(FallbackBehavior::Static) => model::FallbackBehavior::Static,
        Some(FallbackBehavior::Current) => model::FallbackBehavior::Current,
        Some(FallbackBehavior::CurrentIfHigher) => model::FallbackBehavior::CurrentIfHigher,
        Some(FallbackBehavior::CurrentIfLower) => model::FallbackBehavior::CurrentIfLower,
        None if fixed_only => model::FallbackBehavior::Static,
        None => model::FallbackBehavior::CurrentIfHigher,
    };
    Some(Fallback { failures: scaling.fallback.failures, replicas: stated.unwrap_or(default), behavior })
}

fn composite(policy: &Policy, queries: &Queries) -> Option<Composite> {
    let require = policy.scaling.require.as_ref()?;
    Some(match &require.value {
        Require::Formula { text, target, meaning, activate } => Composite {
            formula: text.clone(),
            target: *target,
            activation: activate.filter(|_| policy.scaling.sleeps()),
            metric_type: match meaning {
                Meaning::Total => MetricType::AverageValue,
                Meaning::Level => MetricType::Value,
            },
        },
        Require::Count(some) => Composite {
            formula: agreement(policy, queries, *some),
            target: Decimal::ONE,
            activation: None,
            metric_type: if all_levels(policy) { MetricType::Value } else { MetricType::AverageValue },
        },
    })
}

/// Whether every signal is a level: then the formula is one as well, and needs no number of pods.
fn all_levels(policy: &Policy) -> bool {
    policy.signals.iter().all(|signal| signal.kind.is_level())
}

/// Whether a level has to be turned into a number of pods beside totals that are one already.
fn needs_pods(policy: &Policy) -> bool {
    let count = matches!(policy.scaling.require.as_ref().map(|r| &r.value), Some(Require::Count(_)));
    count && !all_levels(policy) && policy.signals.iter().any(|signal| signal.kind.is_level())
}

/// The N-th largest demand: at least N signals ask for so many pods. Smooth, so that it does not flap when one signal
/// crosses its threshold.
fn agreement(policy: &Policy, queries: &Queries, some: u32) -> String {
    let levels = all_levels(policy);
    let demands: Vec<String> = policy
        .signals
        .iter()
        .map(|signal| {
            let name = variable(&signal.name.value);
            if let SignalKind::Schedule { .. } = signal.kind {
                return name;
            }
            let scale = signal.scale.as_ref().map_or(Decimal::ONE, |scale| scale.value);
            let threshold = plain(queries.emitted(signal, scale));
            if signal.kind.is_level() && !levels {
                format!("{PODS} * {name} / {threshold}")
            } else {
                format!("{name} / {threshold}")
            }
        })
        .collect();
    let list = demands.join(", ");
    match some as usize {
        1 => format!("max({list})"),
        all if all == demands.len() => format!("min({list})"),
        nth => format!("sort([{list}], \"desc\")[{}]", nth - 1),
    }
}

fn pods_trigger(policy: &Policy, queries: &Queries) -> Trigger {
    let mut query = queries.pods();
    if policy.scaling.sleeps() {
        // Asleep there are none, and that is no error.
        query = format!("{query} or ({} == 0)", queries.replicas());
    }
    Trigger {
        name: PODS.to_string(),
        kind: TriggerKind::Prometheus {
            query: queries.canonical(&query),
            // Ignored beside a formula, but KEDA wants one.
            threshold: Decimal::ONE,
            activation: None,
            metric_type: MetricType::AverageValue,
        },
    }
}

/// How KEDA reaches Prometheus.
pub(super) fn access(policy: &Policy) -> Option<PrometheusAccess> {
    let prometheus = &policy.prometheus;
    let joined = |pairs: &[(String, String)]| {
        let parts: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!parts.is_empty()).then(|| parts.join(","))
    };
    if !policy.signals.iter().any(|signal| signal.kind.is_query()) {
        return None;
    }
    Some(PrometheusAccess {
        address: prometheus.address.as_ref()?.value.clone(),
        headers: joined(&prometheus.headers),
        parameters: joined(&prometheus.parameters),
        // With its unit: a bare number means seconds to KEDA 2.17 and milliseconds to 2.18.
        timeout: prometheus.timeout.map(|milliseconds| format!("{milliseconds}ms")),
        authentication: prometheus.authentication.as_ref().map(|authentication| AuthenticationReference {
            name: authentication.name.clone(),
            kind: if authentication.cluster_wide {
                "ClusterTriggerAuthentication"
            } else {
                "TriggerAuthentication"
            },
            modes: authentication.modes.join(","),
        }),
    })
}

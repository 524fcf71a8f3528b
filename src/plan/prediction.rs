//! The three numbers that matter: time to scale, the first step at the breach, and what silence does.

use super::{Prediction, SignalTime, notes};
use crate::model::{Decimal, Scaler, Select, TOLERANCE, plain};
use crate::policy::check::times;
use crate::policy::{Policy, Signal, SignalKind};

pub(super) fn predict(policy: &Policy, scaler: &Scaler) -> Prediction {
    Prediction {
        times: times(policy).into_iter().map(|(signal, time)| SignalTime { signal, time }).collect(),
        promise: policy.scaling.within.as_ref().map(|within| within.value),
        at_breach: at_breach(policy, scaler),
        when_silent: when_silent(policy, scaler),
    }
}

/// The first signal with an alert, at the value of that alert, from the minimum.
fn at_breach(policy: &Policy, scaler: &Scaler) -> String {
    let start = scaler.min.max(1);
    if scaler.up.select == Select::Disabled {
        return format!("{start} pods: scaling up is disabled");
    }
    let alerting = policy.signals.iter().find(|signal| !signal.alerts.is_empty());
    let Some(signal) = alerting.or_else(|| policy.signals.iter().find(|s| s.scale.is_some())) else {
        return format!("{start} pods at first: no signal has a threshold of its own");
    };
    let (value, text) = breach_value(signal);
    let scale = signal.scale.as_ref().map_or(Decimal::ONE, |scale| scale.value);
    let ratio = if scale.is_zero() { Decimal::ONE } else { value / scale };
    let wanted = if ratio <= Decimal::ONE + TOLERANCE {
        start
    } else {
        // For a level ready pods × ratio; for a total at `above` per pod the same number.
        u32::try_from((ratio * Decimal::from(start)).ceil()).unwrap_or(u32::MAX)
    };
    let wanted = wanted.clamp(start, scaler.max);
    let step = scaler.up.up_limit(start).min(wanted);
    let reached = if step == wanted {
        format!("{start} → {step} pods in the first step")
    } else {
        format!("{start} → {step} pods in the first step, {wanted} in the end")
    };
    let more = if scaler.composite.is_some() { ", if enough other signals agree" } else { "" };
    format!("{reached} (`{}` at {text}{more})", signal.name.value)
}

fn breach_value(signal: &Signal) -> (Decimal, String) {
    let per_pod = if signal.kind.is_level() || matches!(signal.kind, SignalKind::Resource { .. }) {
        ""
    } else {
        " per pod"
    };
    match (signal.alerts.first(), &signal.scale) {
        (Some(alert), _) => (alert.above.value, format!("{}{per_pod}", alert.above.text)),
        (None, Some(scale)) => (scale.value * Decimal::TWO, format!("twice {}{per_pod}", scale.text)),
        (None, None) => (Decimal::ONE, plain(Decimal::ONE)),
    }
}

fn when_silent(policy: &Policy, scaler: &Scaler) -> String {
    match &scaler.fallback {
        None => "nothing: no signal asks Prometheus".to_string(),
        Some(fallback) => {
            let resource = policy.signals.iter().any(|s| matches!(s.kind, SignalKind::Resource { .. }));
            let also = if resource { "; cpu and memory go on counting" } else { "" };
            format!("{}{also}", notes::silence(fallback))
        }
    }
}

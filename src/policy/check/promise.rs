//! `within`: the promise, held against what the settings can do.

use super::{Checker, rules};
use crate::finding::Finding;
use crate::model::{
    Breach, Decimal, SYNC_SECONDS, TOLERANCE, TimeToScale, plain, time_to_scale, time_to_wake,
};
use crate::policy::valid::{Policy, Signal, SignalKind};
use crate::policy::written::Select;

/// How often KEDA looks at a sleeping workload where the policy does not say.
/// Source: kedacore/keda apis/keda/v1alpha1/withtriggers_types.go.
const DEFAULT_POLLING: u32 = 30;

/// Worst time until pods are asked for, per signal that is a query; where the workload can sleep, the slower of
/// waking and growing.
pub fn times(policy: &Policy) -> Vec<(String, TimeToScale)> {
    let interval = policy.metrics.as_ref().map_or(15, |metrics| metrics.interval.value);
    let scaling = &policy.scaling;
    let mut times = Vec::new();
    for signal in &policy.signals {
        let Some(breach) = breach(signal) else { continue };
        let mut time = time_to_scale(&breach, interval, scaling.up.stabilization);
        if scaling.sleeps() {
            let polling = scaling.polling_interval.as_ref().map_or(DEFAULT_POLLING, |p| p.value);
            let wake = time_to_wake(&breach, interval, polling);
            if wake.worst() > time.worst() {
                time = wake;
            }
        }
        times.push((signal.name.value.clone(), time));
    }
    times
}

fn breach(signal: &Signal) -> Option<Breach> {
    let scale = signal.scale.as_ref().map_or(Decimal::ZERO, |scale| scale.value);
    Some(match &signal.kind {
        SignalKind::Latency { quantile, window, .. } => Breach::Quantile {
            quantile: *quantile,
            window: *window,
            latency: scale * (Decimal::ONE + TOLERANCE),
        },
        SignalKind::Rate { window, .. } | SignalKind::Query { window: Some(window), .. } => {
            Breach::Rate { window: *window }
        }
        SignalKind::Ratio { window: Some(window), .. } => Breach::Share { target: scale, window: *window },
        SignalKind::Gauge { .. }
        | SignalKind::Share { .. }
        | SignalKind::Ratio { window: None, .. }
        | SignalKind::Query { window: None, .. } => Breach::Gauge,
        SignalKind::Resource { .. } | SignalKind::Schedule { .. } => return None,
    })
}

impl Checker<'_> {
    pub(super) fn promise(&mut self, policy: &Policy) {
        let Some(within) = &policy.scaling.within else { return };
        if policy.scaling.up.select == Select::Disabled {
            self.push(
                Finding::new(
                    &rules::PROMISE_BROKEN,
                    within.place,
                    "scaling up is disabled, so no promise can be kept",
                )
                .help("leave `within` out, or allow scaling up"),
            );
            return;
        }
        // The signal that needs longest; the first of equals.
        let all = times(policy);
        let Some((name, time)) = all.iter().rev().max_by_key(|(_, time)| time.worst()) else {
            return;
        };
        let worst = time.worst();
        if worst <= within.value.into() {
            return;
        }
        let terms: Vec<String> = time
            .terms
            .iter()
            .filter(|term| !term.seconds.is_zero())
            .map(|term| format!("{} s {}", plain(term.seconds.round_dp(1)), term.name))
            .collect();
        let mut finding = Finding::new(
            &rules::PROMISE_BROKEN,
            within.place,
            format!(
                "the promise of {} s cannot be kept: `{name}` can need {} s",
                within.value,
                plain(worst.round_dp(1))
            ),
        )
        .label(format!("{} s too short", plain((worst - Decimal::from(within.value)).round_dp(1))))
        .why(format!("{} = {} s in the worst case", terms.join(" + "), plain(worst.round_dp(1))));
        if let Some(place) = policy.scaling.up.stabilization_place {
            finding = finding.related(place, "the stabilization window");
        }
        finding.help = Some(advice(policy, worst));
        self.push(finding);
    }
}

/// What would help: the longest stabilization window that still keeps the promise, or a promise that can be kept.
fn advice(policy: &Policy, worst: Decimal) -> String {
    let within = policy.scaling.within.as_ref().map_or(0, |within| within.value);
    let held = policy.scaling.up.stabilization.div_ceil(SYNC_SECONDS).saturating_sub(1) * SYNC_SECONDS;
    let rest = worst - Decimal::from(held);
    let honest = worst.ceil();
    if held > 0 && rest <= within.into() {
        let spare = u32::try_from((Decimal::from(within) - rest).trunc()).unwrap_or(0);
        let window = (spare / SYNC_SECONDS + 1) * SYNC_SECONDS;
        return format!(
            "write `stabilization = \"{window}s\"` in [scaling.up], or `within = \"{}s\"`",
            plain(honest)
        );
    }
    format!("scrape more often, or write `within = \"{}s\"`", plain(honest))
}

//! Time from a breach to the first request for new pods, term by term.

use rust_decimal::Decimal;

/// How often the HPA looks. Source: kubernetes/kubernetes pkg/controller/podautoscaler/config/v1alpha1/defaults.go.
pub const SYNC_SECONDS: u32 = 15;

/// How far a metric may be from its target before the HPA acts; same source.
pub const TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// What the world does at time zero, and how the signal sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Every request is slower than the target from now on; a quantile over a window notices when enough of the
    /// window is slow, and requests are counted when they end.
    Quantile {
        quantile: Decimal,
        /// Seconds.
        window: u32,
        /// Seconds that a slow request takes before it is counted.
        latency: Decimal,
    },
    /// The rate doubles from the target; a rate over a window rises in proportion.
    Rate { window: u32 },
    /// Every event is a bad one from now on; the share over a window rises in proportion.
    Share {
        /// The share to hold.
        target: Decimal,
        window: u32,
    },
    /// A gauge that jumps.
    Gauge,
}

/// One part of the time, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub name: &'static str,
    pub seconds: Decimal,
    /// Where it comes from, in words and numbers.
    pub because: String,
}

/// The worst case, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToScale {
    pub terms: Vec<Term>,
}

impl TimeToScale {
    pub fn worst(&self) -> Decimal {
        self.terms.iter().map(|term| term.seconds).sum()
    }

    /// The term that costs most.
    pub fn largest(&self) -> Option<&Term> {
        // The first of equals, so that the answer does not depend on anything but the policy.
        self.terms.iter().rev().max_by_key(|term| term.seconds)
    }
}

/// Worst time until the HPA writes a larger number, with the live query that KEDA makes for each HPA sync.
///
/// `interval`: seconds between scrapes. `stabilization`: seconds of the scale-up window.
/// Sources: prometheus/prometheus promql/functions.go (extrapolatedRate) for the time that a window needs,
/// kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go (stabilizeRecommendationWithBehaviors: scale-up
/// takes the minimum of the window, and a recommendation as old as the window is outside) for the stabilization.
pub fn time_to_scale(breach: &Breach, interval: u32, stabilization: u32) -> TimeToScale {
    let mut terms = until_scraped(breach, interval);
    terms.push(Term {
        name: "HPA sync",
        seconds: SYNC_SECONDS.into(),
        because: "Kubernetes asks KEDA, and KEDA asks Prometheus, every 15 s".to_string(),
    });
    let syncs = stabilization.div_ceil(SYNC_SECONDS).saturating_sub(1);
    let held = syncs * SYNC_SECONDS;
    terms.push(Term {
        name: "stabilization",
        seconds: held.into(),
        because: format!(
            "a window of {stabilization} s takes the smallest of {} proposals, 15 s apart",
            syncs + 1
        ),
    });
    TimeToScale { terms }
}

/// Worst time until KEDA wakes a sleeping workload: it looks every `polling` seconds, and no window holds it back.
/// Source: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go.
pub fn time_to_wake(breach: &Breach, interval: u32, polling: u32) -> TimeToScale {
    let mut terms = until_scraped(breach, interval);
    terms.push(Term {
        name: "KEDA poll",
        seconds: polling.into(),
        because: format!("while the workload sleeps, KEDA looks every {polling} s"),
    });
    TimeToScale { terms }
}

/// From the breach to the sample that shows it.
fn until_scraped(breach: &Breach, interval: u32) -> Vec<Term> {
    let mut terms = Vec::new();
    match breach {
        Breach::Quantile { quantile, window, latency } => {
            terms.push(Term {
                name: "slow requests end",
                seconds: latency.normalize(),
                because: "a request is counted when it ends".to_string(),
            });
            let span = sampled_span(*window, interval);
            let share = Decimal::ONE - quantile;
            terms.push(Term {
                name: "the quantile notices",
                seconds: (share * Decimal::from(span)).normalize(),
                because: format!(
                    "{}% of the {span} s that a {window} s window really spans, every request being slow",
                    (share * Decimal::ONE_HUNDRED).normalize()
                ),
            });
        }
        Breach::Rate { window } => {
            let span = sampled_span(*window, interval);
            terms.push(Term {
                name: "the rate notices",
                seconds: (TOLERANCE * Decimal::from(span)).normalize(),
                because: format!(
                    "10% of the {span} s that a {window} s window really spans, the rate having doubled"
                ),
            });
        }
        Breach::Share { target, window } => {
            let span = sampled_span(*window, interval);
            let share = (target * (Decimal::ONE + TOLERANCE)).min(Decimal::ONE);
            terms.push(Term {
                name: "the share notices",
                seconds: (share * Decimal::from(span)).normalize(),
                because: format!(
                    "{}% of the {span} s that a {window} s window really spans, every event being bad",
                    (share * Decimal::ONE_HUNDRED).normalize()
                ),
            });
        }
        Breach::Gauge => {}
    }
    terms.push(Term {
        name: "scrape",
        seconds: interval.into(),
        because: "one scrape interval until Prometheus has seen it".to_string(),
    });
    terms
}

/// Seconds between the first and the last sample in a window: the range is left-open, so a window of four intervals
/// holds four samples that are three intervals apart.
fn sampled_span(window: u32, interval: u32) -> u32 {
    window.div_ceil(interval.max(1)).saturating_sub(1) * interval
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(window: u32, stabilization: u32) -> String {
        let breach = Breach::Quantile {
            quantile: "0.95".parse().expect("a decimal"),
            window,
            latency: "0.5".parse().expect("a decimal"),
        };
        time_to_scale(&breach, 15, stabilization).worst().normalize().to_string()
    }

    #[test]
    fn agrees_with_the_exact_state_machine() {
        // Monte Carlo over 3,000 phases gave maxima of 32.5, 77.6, 44.4 and 89.4 s.
        assert_eq!(worst(60, 0), "32.75");
        assert_eq!(worst(60, 60), "77.75");
        assert_eq!(worst(300, 0), "44.75");
        assert_eq!(worst(300, 60), "89.75");
    }
}

//! A policy that is complete and consistent. Quantities are in base units (seconds, bytes, shares of one, events per
//! second); what the user wrote is kept beside them for comments and messages.

use std::collections::BTreeMap;

use super::written::{Discovery, FallbackBehavior, Meaning, Scheme, Select, Source, StandardAlert};
use crate::model::{Decimal, Dimension, MetricUnit, ResourceTarget, Step, Version, WorkloadReference};
use crate::source::{Place, Placed};

#[derive(Clone, Debug)]
pub struct Policy {
    /// File name without its folder.
    pub file_name: String,
    /// The first character of the file, for what concerns all of it.
    pub place: Place,
    pub workload: Placed<WorkloadReference>,
    pub pods: BTreeMap<String, String>,
    pub metrics: Option<Metrics>,
    pub prometheus: Prometheus,
    pub keda: Version,
    pub kubernetes: Version,
    pub scaling: Scaling,
    pub signals: Vec<Signal>,
    pub alerts: Alerts,
    pub capacity: Option<Capacity>,
    pub load_test: Option<Placed<LoadTest>>,
    pub waivers: Vec<Waiver>,
}

#[derive(Clone, Debug)]
pub struct Metrics {
    pub place: Place,
    pub port_name: String,
    pub port_number: Option<u16>,
    pub path: String,
    pub scheme: Scheme,
    /// Seconds.
    pub interval: Placed<u32>,
    pub discovery: Vec<Discovery>,
    pub service: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct Prometheus {
    pub address: Option<Placed<String>>,
    pub version: Version,
    pub monitor_labels: BTreeMap<String, String>,
    pub headers: Vec<(String, String)>,
    pub parameters: Vec<(String, String)>,
    /// Milliseconds.
    pub timeout: Option<u32>,
    pub authentication: Option<Authentication>,
}

#[derive(Clone, Debug)]
pub struct Authentication {
    pub name: String,
    pub cluster_wide: bool,
    /// As KEDA writes them: `bearer`, `basic`, `tls`, `custom`.
    pub modes: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Scaling {
    pub min: Placed<u32>,
    pub max: Placed<u32>,
    pub idle: Option<Placed<u32>>,
    /// Seconds.
    pub polling_interval: Option<Placed<u32>>,
    /// Seconds.
    pub cooldown: Option<Placed<u32>>,
    /// Seconds.
    pub within: Option<Placed<u32>>,
    pub require: Option<Placed<Require>>,
    pub up: Direction,
    pub down: Direction,
    pub fallback: Fallback,
    pub take_over: Option<Placed<String>>,
}

impl Scaling {
    /// Whether the workload can go to zero or to idle.
    pub fn sleeps(&self) -> bool {
        self.min.value == 0 || self.idle.is_some()
    }
}

#[derive(Clone, Debug)]
pub enum Require {
    /// At least so many of the signals must agree.
    Count(u32),
    Formula {
        text: String,
        target: Decimal,
        meaning: Meaning,
        activate: Option<Decimal>,
    },
}

/// One direction; what was left out is Kubernetes' default, and `place` is None if all of it was.
#[derive(Clone, Debug)]
pub struct Direction {
    pub place: Option<Place>,
    /// Seconds.
    pub stabilization: u32,
    pub stabilization_place: Option<Place>,
    pub select: Select,
    pub steps: Vec<Step>,
    pub tolerance: Option<Decimal>,
}

#[derive(Clone, Debug)]
pub struct Fallback {
    pub place: Option<Place>,
    pub failures: u32,
    pub replicas: Option<Placed<u32>>,
    pub behavior: Option<FallbackBehavior>,
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Signal {
    pub name: Placed<String>,
    pub kind: SignalKind,
    /// The value to hold. For `schedule` there is none, for `cpu` and `memory` it stands in the kind.
    pub scale: Option<Threshold>,
    pub activate: Option<Threshold>,
    /// Ascending.
    pub alerts: Vec<Alert>,
    pub source: Source,
    pub appears_late: bool,
}

#[derive(Clone, Debug)]
pub enum SignalKind {
    Latency {
        histogram: MetricSelector,
        quantile: Decimal,
        /// Seconds.
        window: u32,
        unit: MetricUnit,
    },
    /// Queue or work in hand: a gauge, summed.
    Gauge {
        gauge: MetricSelector,
        unit: MetricUnit,
        inflight: bool,
    },
    Rate {
        counter: MetricSelector,
        window: u32,
    },
    /// Two counters (with a window) or two gauges (without).
    Ratio {
        numerator: MetricSelector,
        denominator: MetricSelector,
        window: Option<u32>,
    },
    /// A gauge that is a share already.
    Share {
        gauge: MetricSelector,
        unit: MetricUnit,
    },
    Resource {
        resource: &'static str,
        container: Option<String>,
        target: ResourceTarget,
        /// As written.
        text: String,
    },
    Schedule {
        start: String,
        end: String,
        timezone: String,
        replicas: u32,
    },
    Query {
        /// One line, canonical.
        text: String,
        meaning: Meaning,
        unit: MetricUnit,
        /// Seconds of its longest range, if it has one.
        window: Option<u32>,
    },
}

impl SignalKind {
    /// Whether Prometheus is asked.
    pub fn is_query(&self) -> bool {
        !matches!(self, SignalKind::Resource { .. } | SignalKind::Schedule { .. })
    }

    /// Whether more pods bring the value down, as opposed to sharing it.
    pub fn is_level(&self) -> bool {
        match self {
            SignalKind::Latency { .. } | SignalKind::Ratio { .. } | SignalKind::Share { .. } => true,
            SignalKind::Query { meaning, .. } => *meaning == Meaning::Level,
            _ => false,
        }
    }

    pub fn type_name(&self) -> &'static str {
        match self {
            SignalKind::Latency { .. } => "latency",
            SignalKind::Gauge { inflight: true, .. } => "inflight",
            SignalKind::Gauge { inflight: false, .. } => "queue",
            SignalKind::Rate { .. } => "rate",
            SignalKind::Ratio { .. } | SignalKind::Share { .. } => "ratio",
            SignalKind::Resource { resource, .. } => resource,
            SignalKind::Schedule { .. } => "schedule",
            SignalKind::Query { .. } => "query",
        }
    }

    /// The metrics that are asked for, without doubles of one name.
    pub fn metrics(&self) -> Vec<&MetricSelector> {
        match self {
            SignalKind::Latency { histogram, .. } => vec![histogram],
            SignalKind::Gauge { gauge, .. } | SignalKind::Share { gauge, .. } => vec![gauge],
            SignalKind::Rate { counter, .. } => vec![counter],
            SignalKind::Ratio { numerator, denominator, .. } => {
                if numerator.name == denominator.name {
                    vec![denominator]
                } else {
                    vec![numerator, denominator]
                }
            }
            _ => Vec::new(),
        }
    }
}

/// A metric and the matchers that the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSelector {
    pub name: String,
    /// Without the name: `label`, operator, value.
    pub matchers: Vec<Matcher>,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub operator: String,
    pub value: String,
}

/// A value in base units, and how it was written.
#[derive(Clone, Debug)]
pub struct Threshold {
    pub value: Decimal,
    pub text: String,
    pub place: Place,
}

#[derive(Clone, Debug)]
pub struct Alert {
    pub above: Threshold,
    /// Seconds.
    pub lasting: u32,
    pub severity: String,
}

#[derive(Clone, Debug)]
pub struct Alerts {
    pub labels: BTreeMap<String, String>,
    pub runbook: Option<String>,
    pub severity: String,
    pub omit: Vec<StandardAlert>,
}

#[derive(Clone, Debug)]
pub struct Capacity {
    pub place: Place,
    pub baseline: u32,
    pub typical: u32,
    pub peak: u32,
    /// Seconds.
    pub startup: Option<u32>,
    pub source: Option<String>,
}

#[derive(Clone, Debug)]
pub struct LoadTest {
    pub users: u32,
    /// Seconds.
    pub duration: u32,
    pub date: String,
    pub by: String,
    pub report: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Waiver {
    /// Checklist item.
    pub item: Placed<String>,
    pub reason: String,
    pub owner: String,
    /// ISO day.
    pub expires: Placed<String>,
}

/// What a compiled query is multiplied by, because KEDA keeps only three decimals of metric and threshold: shares
/// become percent, and a time of less than a tenth of its unit becomes thousandths.
///
/// Source: kedacore/keda pkg/scalers/scaler.go, GenerateMetricInMili.
pub fn multiplier(dimension: Dimension, share: bool, unit: MetricUnit, scale: Decimal) -> Decimal {
    let tenth = Decimal::from_i128_with_scale(1, 1);
    if share {
        // A metric that counts in percent needs no help.
        return if unit.factor == Decimal::ONE { Decimal::ONE_HUNDRED } else { Decimal::ONE };
    }
    let small = unit.convert(scale) < tenth && !scale.is_zero();
    match dimension {
        Dimension::Time | Dimension::Rate if small => Decimal::ONE_THOUSAND,
        _ => Decimal::ONE,
    }
}

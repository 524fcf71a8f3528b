use crate::model::MetricType;
use crate::promql::{Facts, Unit};

/// What surrounds a query: what it is for, and what is known of its metrics.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub role: Role,
    pub facts: Facts,
    /// Major and minor version of the Prometheus that will answer.
    pub version: Option<(u16, u16)>,
}

/// What a query is for.
#[derive(Clone, Debug)]
pub enum Role {
    /// KEDA asks it and scales by the answer.
    Scaler(Scaler),
    /// Every series of its answer is an alert.
    Alert,
    /// Its answer is stored under a new name.
    Record,
}

impl Default for Role {
    fn default() -> Self {
        Role::Scaler(Scaler::default())
    }
}

/// What is known of the trigger around a query. Everything may be unknown.
#[derive(Clone, Debug, Default)]
pub struct Scaler {
    /// The value that one pod, or the whole workload, is to have.
    pub threshold: Option<f64>,
    /// Above it, a sleeping workload wakes up.
    pub activation: Option<f64>,
    pub metric_type: Option<MetricType>,
    /// Whether no answer, and NaN, count as 0. KEDA's default is true.
    pub ignore_null_values: Option<bool>,
    pub has_fallback: bool,
    /// The unit of the threshold.
    pub unit: Option<Unit>,
}

impl Scaler {
    /// What KEDA does where nothing is said. Source: kedacore/keda pkg/scalers/prometheus_scaler.go, ignoreNullValues.
    pub fn ignores_null_values(&self) -> bool {
        self.ignore_null_values.unwrap_or(true)
    }
}

impl Context {
    pub fn scaler(&self) -> Option<&Scaler> {
        match &self.role {
            Role::Scaler(scaler) => Some(scaler),
            _ => None,
        }
    }

    pub fn is_alert(&self) -> bool {
        matches!(self.role, Role::Alert)
    }

    pub(super) fn is_at_least(&self, version: (u16, u16)) -> bool {
        self.version.is_none_or(|stated| stated >= version)
    }
}

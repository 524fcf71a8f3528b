use rust_decimal::Decimal;

/// The object whose number of pods changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadReference {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub namespace: String,
}

/// An autoscaler, whichever way it was spelled: what a KEDA ScaledObject (and the HPA that KEDA makes of it) does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaler {
    pub name: String,
    pub target: WorkloadReference,
    pub min: u32,
    pub max: u32,
    /// Pods while nothing is active; below `min`.
    pub idle: Option<u32>,
    /// Seconds; only where it counts.
    pub polling_interval: Option<u32>,
    /// Seconds; only where it counts.
    pub cooldown: Option<u32>,
    pub up: Behavior,
    pub down: Behavior,
    pub fallback: Option<Fallback>,
    pub composite: Option<Composite>,
    /// Name of the HPA, if it is not KEDA's `keda-hpa-<name>`.
    pub hpa_name: Option<String>,
    pub triggers: Vec<Trigger>,
}

impl Scaler {
    /// KEDA takes part in scaling only between zero (or idle) and the minimum; above it the HPA works alone.
    /// Source: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go.
    pub fn sleeps(&self) -> bool {
        self.min == 0 || self.idle.is_some()
    }

    /// Name of the HPA that KEDA makes. Source: kedacore/keda controllers/keda/hpa.go, getHPAName.
    pub fn hpa_name(&self) -> String {
        let default = || format!("keda-hpa-{}", self.name);
        self.hpa_name.clone().unwrap_or_else(default)
    }
}

/// One direction of HPA behavior. Seconds throughout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behavior {
    pub stabilization: u32,
    pub select: Select,
    pub steps: Vec<Step>,
    /// Share of the target; None leaves it to the controller (0.1).
    pub tolerance: Option<Decimal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    Max,
    Min,
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    Pods,
    Percent,
}

/// At most `value` pods or percent per `period` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub kind: StepKind,
    pub value: u32,
    pub period: u32,
}

impl Behavior {
    /// What Kubernetes does where nothing is written: twice the pods or four more, whichever is more, at each look.
    /// Source: kubernetes/kubernetes pkg/apis/autoscaling/v2/defaults.go.
    pub fn default_up() -> Self {
        Behavior {
            stabilization: 0,
            select: Select::Max,
            steps: vec![
                Step { kind: StepKind::Pods, value: 4, period: 15 },
                Step { kind: StepKind::Percent, value: 100, period: 15 },
            ],
            tolerance: None,
        }
    }

    /// Where nothing is written: all at once, after five minutes; same source.
    pub fn default_down() -> Self {
        Behavior {
            stabilization: 300,
            select: Select::Max,
            steps: vec![Step { kind: StepKind::Percent, value: 100, period: 15 }],
            tolerance: None,
        }
    }

    /// Most pods after the first step up from `current`: the limits of all policies, joined by `select`.
    /// Source: kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go,
    /// calculateScaleUpLimitWithScalingRules; binary floating point as there.
    pub fn up_limit(&self, current: u32) -> u32 {
        let limits = self.steps.iter().map(|step| match step.kind {
            StepKind::Pods => current.saturating_add(step.value),
            StepKind::Percent => (f64::from(current) * (1.0 + f64::from(step.value) / 100.0)).ceil() as u32,
        });
        let limit = match self.select {
            Select::Max => limits.max(),
            Select::Min => limits.min(),
            Select::Disabled => None,
        };
        limit.unwrap_or(current).max(current)
    }
}

/// What KEDA serves while a metric cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    pub failures: u32,
    pub replicas: u32,
    pub behavior: FallbackBehavior,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackBehavior {
    Static,
    Current,
    CurrentIfHigher,
    CurrentIfLower,
}

/// KEDA `scalingModifiers`: one formula over all triggers instead of the largest proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composite {
    pub formula: String,
    pub target: Decimal,
    pub activation: Option<Decimal>,
    pub metric_type: MetricType,
}

/// How the HPA reads a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricType {
    /// A total that the pods share: desired = ceil(value / target).
    AverageValue,
    /// A height: desired = ceil(ready pods × value / target).
    Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub name: String,
    pub kind: TriggerKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerKind {
    Prometheus {
        /// One line, canonical.
        query: String,
        threshold: Decimal,
        activation: Option<Decimal>,
        metric_type: MetricType,
    },
    Resource {
        /// `cpu` or `memory`.
        resource: &'static str,
        container: Option<String>,
        target: ResourceTarget,
    },
    Cron {
        timezone: String,
        start: String,
        end: String,
        replicas: u32,
    },
    /// A number against a target: what most of KEDA's scalers measure, and the other metrics of an HPA.
    Measured {
        kind: String,
        /// What the target is called where it is written, such as `lagThreshold`.
        key: String,
        target: Decimal,
        activation: Option<Decimal>,
        metric_type: MetricType,
    },
    /// Of a kind that slogen knows nothing more of: KEDA has some seventy scalers.
    Other {
        kind: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceTarget {
    /// Percent of what the containers request.
    Utilization(u32),
    /// A Kubernetes quantity per pod.
    AverageValue(String),
}

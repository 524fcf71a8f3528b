//! The table `[scaling]`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Field, Quantity};

/// How many pods there may be, and how fast their number may change.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scaling {
    /// The smallest and the largest number of pods.
    #[schemars(required)]
    pub replicas: Field<Replicas>,
    /// How often KEDA looks whether there is anything to do at all, with a unit. Counts only where the workload can
    /// go to zero or to `idle`; between the minimum and the maximum Kubernetes asks every 15 s. KEDA's default is
    /// 30 s.
    #[schemars(example = &"15s")]
    pub polling_interval: Field<Quantity>,
    /// How long nothing must be active before the workload goes to zero or to `idle`, with a unit. Has no effect
    /// above the minimum: that is `down.stabilization`. KEDA's default is 300 s.
    #[schemars(example = &"300s")]
    pub cooldown: Field<Quantity>,
    /// The promise: new pods are asked for at most this long after the breach, with a unit.
    #[schemars(example = &"90s")]
    pub within: Field<Quantity>,
    /// How many signals must agree before pods are added: `"2 of 4"`. Without it one is enough.
    #[schemars(example = &"2 of 4", regex(pattern = r"^\s*[0-9]+\s+of\s+[0-9]+\s*$"))]
    pub require: Field<String>,
    /// A formula of one's own over the signals, for KEDA's `scalingModifiers`.
    pub formula: Field<Formula>,
    /// Adding pods. The default is Kubernetes': at once, 4 pods or 100 % per 15 s, whichever is more.
    pub up: Field<Direction>,
    /// Removing pods. The default is Kubernetes': the highest demand of the last 300 s, then all at once.
    pub down: Field<Direction>,
    /// What to do while a metric cannot be had.
    pub fallback: Field<Fallback>,
    /// An existing HorizontalPodAutoscaler that this policy takes over instead of fighting with it.
    #[schemars(example = &"inference-hpa")]
    pub take_over: Field<String>,
}

/// The smallest and the largest number of pods.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Replicas {
    /// Fewest pods while there is work. 0 lets the workload sleep.
    #[schemars(required, example = 3)]
    pub min: Field<u32>,
    /// Most pods.
    #[schemars(required, example = 20, range(min = 1))]
    pub max: Field<u32>,
    /// Pods while nothing is active, below `min`. Only 0 works.
    #[schemars(example = 0)]
    pub idle: Field<u32>,
}

/// One direction of the HorizontalPodAutoscaler's behavior.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Direction {
    /// Time over which the proposals are compared, from `"0s"` to `"3600s"`: pods are added to the smallest and
    /// removed to the largest proposal of that time.
    #[schemars(example = &"60s")]
    pub stabilization: Field<Quantity>,
    /// Which policy wins: the largest change (`max`), the smallest (`min`), or none (`disabled`).
    pub select: Field<Select>,
    /// Steps: at most so many pods, or so many percent, per period.
    pub policies: Field<Vec<Field<Step>>>,
    /// How far the metric may be from the target before anything changes: `"10%"` is Kubernetes' default. Needs
    /// Kubernetes 1.35.
    #[schemars(example = &"5%")]
    pub tolerance: Field<Quantity>,
}

/// Which policy wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Select {
    Max,
    Min,
    Disabled,
}

/// At most so many pods, or so many percent, per period.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Number of pods.
    #[schemars(example = 2, range(min = 1))]
    pub pods: Field<u32>,
    /// Percent of the pods at the start of the period.
    #[schemars(example = 50, range(min = 1))]
    pub percent: Field<u32>,
    /// Length of the period, from `"1s"` to `"1800s"`.
    #[schemars(required, example = &"30s")]
    pub period: Field<Quantity>,
}

/// What KEDA serves while a metric cannot be had.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fallback {
    /// Failures in a row that are tolerated first. The default is 3.
    #[schemars(example = 3)]
    pub failures: Field<u32>,
    /// Number of pods. The default is the minimum.
    #[schemars(example = 6)]
    pub replicas: Field<u32>,
    /// How the number is meant. The default keeps what is running and goes up to `replicas` if that is more.
    pub behavior: Field<FallbackBehavior>,
}

/// How the fallback number is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum FallbackBehavior {
    /// Exactly `replicas`.
    Static,
    /// What is running now.
    Current,
    /// What is running now, or `replicas` if that is more.
    CurrentIfHigher,
    /// What is running now, or `replicas` if that is less.
    CurrentIfLower,
}

/// A formula over the signals' values, in the expression language of KEDA.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Formula {
    /// The formula. Signals appear under their names, with `-` written as `_`.
    #[schemars(required, example = &"max(queue / 20, rate / 50)")]
    pub text: Field<String>,
    /// What the result is compared with.
    #[schemars(required, example = 1)]
    pub target: Field<Quantity>,
    /// `total`: the result is work that the pods share. `level`: it is a height that more pods bring down.
    #[schemars(required)]
    pub meaning: Field<super::Meaning>,
    /// With a minimum of 0: the result above which the workload wakes.
    #[schemars(example = 0)]
    pub activate: Field<Quantity>,
}

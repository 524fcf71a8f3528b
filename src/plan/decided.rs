//! What is decided. A template prints these values and decides nothing.

use crate::model::{Scaler, TimeToScale, Version};

/// Everything that one policy compiles to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the workload: the folder, the ScaledObject, the monitors.
    pub name: String,
    pub namespace: String,
    /// File name of the policy, without its folder.
    pub policy: String,
    pub versions: Versions,
    /// Labels for every generated object.
    pub labels: Vec<(String, String)>,
    pub scaler: Scaler,
    /// What the templates say beside the fields of the scaler.
    pub notes: ScalerNotes,
    /// How KEDA reaches Prometheus; None where no trigger is a query.
    pub prometheus: Option<PrometheusAccess>,
    /// Parallel to `scaler.triggers`.
    pub triggers: Vec<TriggerNotes>,
    /// None where no metric comes from the pods.
    pub scrape: Option<Scrape>,
    pub rules: Rules,
    pub tests: Vec<RuleTest>,
    pub prediction: Prediction,
}

#[derive(Clone, Copy, Debug)]
pub struct Versions {
    pub keda: Version,
    pub kubernetes: Version,
    pub prometheus: Version,
}

/// Why the numbers of the scaler are what they are. Each is one or more lines, without `#`.
#[derive(Clone, Debug, Default)]
pub struct ScalerNotes {
    /// Lines above `minReplicaCount`.
    pub replicas: Vec<String>,
    /// Lines where polling and cooldown stand, or would stand.
    pub polling: Vec<String>,
    pub cooldown: Vec<String>,
    pub fallback: Vec<String>,
    pub up: Vec<String>,
    pub down: Vec<String>,
    pub composite: Vec<String>,
    /// Annotations of the ScaledObject (ownership transfer), in order.
    pub annotations: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct PrometheusAccess {
    pub address: String,
    /// `customHeaders`, as KEDA wants them: `k=v,k2=v2`.
    pub headers: Option<String>,
    /// `queryParameters`, likewise.
    pub parameters: Option<String>,
    /// Go duration with its unit.
    pub timeout: Option<String>,
    pub authentication: Option<AuthenticationReference>,
}

#[derive(Clone, Debug)]
pub struct AuthenticationReference {
    pub name: String,
    /// `TriggerAuthentication` or `ClusterTriggerAuthentication`.
    pub kind: &'static str,
    /// `authModes`, comma-separated.
    pub modes: String,
}

/// What a template says beside the fields of one trigger.
#[derive(Clone, Debug, Default)]
pub struct TriggerNotes {
    /// Above the trigger: what it measures.
    pub about: Vec<String>,
    /// The query on several lines, for a block scalar; empty where the trigger is no query.
    pub query: String,
    /// Behind the threshold: `500ms: the metric is in seconds`.
    pub threshold: String,
    /// Behind the activation threshold.
    pub activation: String,
    /// Behind the metric type.
    pub metric_type: String,
}

/// How the pods are found and scraped. Every discovery sets the labels `job`, `namespace` and `pod`.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// Value of the label `job`, the same on every path.
    pub job: String,
    /// Whether to write a ServiceMonitor, a PodMonitor, a scrape configuration.
    pub service_monitor: bool,
    pub pod_monitor: bool,
    pub scrape_config: bool,
    /// Labels that the operator's selectors ask for.
    pub monitor_labels: Vec<(String, String)>,
    pub service_labels: Vec<(String, String)>,
    pub pod_labels: Vec<(String, String)>,
    pub port_name: String,
    pub port_number: Option<u16>,
    pub path: String,
    pub scheme: &'static str,
    /// Seconds.
    pub interval: u32,
    /// Seconds; at most the interval.
    pub timeout: u32,
    /// Metric names that the signals need, without doubles.
    pub metrics: Vec<String>,
}

/// The rule file: one group.
#[derive(Clone, Debug)]
pub struct Rules {
    pub group: String,
    pub alerts: Vec<AlertRule>,
}

#[derive(Clone, Debug)]
pub struct AlertRule {
    pub name: String,
    /// Above the rule.
    pub about: Vec<String>,
    /// One line, canonical.
    pub expression: String,
    /// The same on several lines, for a block scalar.
    pub pretty: String,
    /// Prometheus duration.
    pub lasting: String,
    pub labels: Vec<(String, String)>,
    pub annotations: Vec<(String, String)>,
    /// Which signal it belongs to, if any.
    pub signal: Option<String>,
    /// For the checklist.
    pub purpose: AlertPurpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertPurpose {
    Signal,
    TargetDown,
    NotScraped,
    MetricMissing,
    KedaErrors,
    KedaEmpty,
    AtMaximum,
    FallbackActive,
}

/// A promtool unit test of the rules.
#[derive(Clone, Debug)]
pub struct RuleTest {
    pub name: String,
    /// Prometheus duration between two samples.
    pub interval: String,
    /// Series in exposition notation, and values in promtool's notation.
    pub series: Vec<(String, String)>,
    pub checks: Vec<RuleCheck>,
}

/// At `at`, `alert` fires with these labels and annotations, or is silent where there is none.
#[derive(Clone, Debug)]
pub struct RuleCheck {
    pub at: String,
    pub alert: String,
    pub firing: Vec<FiringAlert>,
}

#[derive(Clone, Debug)]
pub struct FiringAlert {
    pub labels: Vec<(String, String)>,
    pub annotations: Vec<(String, String)>,
}

/// The three numbers that matter.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Per signal that is a query, in order.
    pub times: Vec<SignalTime>,
    /// Seconds that were promised.
    pub promise: Option<u32>,
    /// One sentence: what the first step at the breach is.
    pub at_breach: String,
    /// One sentence: what happens while Prometheus is silent.
    pub when_silent: String,
}

#[derive(Clone, Debug)]
pub struct SignalTime {
    pub signal: String,
    pub time: TimeToScale,
}

impl Prediction {
    /// The signal that needs longest.
    pub fn slowest(&self) -> Option<&SignalTime> {
        self.times.iter().rev().max_by_key(|signal| signal.time.worst())
    }
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: &'static str,
    pub text: String,
}

/// Everything that one policy becomes.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Folder below the output folder.
    pub folder: String,
    /// File name of the policy.
    pub policy: String,
    pub files: Vec<File>,
}

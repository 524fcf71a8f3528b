//! A policy as it was written: every key with its place, nothing understood yet.
//!
//! These types are the only list of keys. They read the TOML, they reject what they do not know, and they make the
//! JSON Schema that lets an editor complete and explain.

pub mod field;
mod reader;
mod scaling;
mod signal;

pub use field::{Field, Many, Named, Quantity};
pub use reader::read;
pub use scaling::*;
pub use signal::*;

use schemars::JsonSchema;
use serde::Deserialize;

/// A slogen policy: what one workload promises, and what is measured to keep the promise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "slogen policy", rename = "Policy")]
pub struct Document {
    /// Version of the policy language. Always 1 today.
    #[schemars(required, range(min = 1, max = 1))]
    pub version: Field<u32>,
    /// What is scaled.
    #[schemars(required)]
    pub workload: Field<Workload>,
    /// Where the pods expose metrics, and how Prometheus is to find them. Leave it out if every signal comes from
    /// elsewhere.
    pub metrics: Field<Metrics>,
    /// The Prometheus that KEDA asks.
    pub prometheus: Field<Prometheus>,
    /// The KEDA that the output may rely on.
    pub keda: Field<Software>,
    /// The Kubernetes that the output may rely on.
    pub kubernetes: Field<Software>,
    /// How many pods there may be, and how fast their number may change.
    #[schemars(required)]
    pub scaling: Field<Scaling>,
    /// What is measured. The order of the signals is the order of the KEDA triggers; the name names the trigger.
    #[schemars(required)]
    pub signal: Field<Named<Signal>>,
    /// What all generated alerts have in common.
    pub alerts: Field<Alerts>,
    /// How many pods the service is known to need: the documented baseline of the checklist.
    pub capacity: Field<Capacity>,
    /// The load test that was run against this policy.
    pub load_test: Field<LoadTest>,
    /// Checklist items that do not apply for a stated reason, by item id.
    pub waive: Field<Named<Waiver>>,
}

/// The workload that is scaled.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Workload {
    /// Name of the Deployment, or of the object of another kind.
    #[schemars(required, example = &"inference", length(min = 1, max = 63))]
    pub name: Field<String>,
    /// Kind of the object: Deployment (the default), StatefulSet, or any kind that has a scale subresource.
    #[schemars(example = &"StatefulSet")]
    pub kind: Field<String>,
    /// API version of the object. Needed for kinds other than Deployment and StatefulSet.
    #[schemars(example = &"argoproj.io/v1alpha1")]
    pub api_version: Field<String>,
    /// Namespace of the object, of the ScaledObject and of the monitors. The default is `default`.
    #[schemars(example = &"shop")]
    pub namespace: Field<String>,
    /// Labels of the pods. The default is `{ "app.kubernetes.io/name" = <name> }`.
    #[schemars(example = serde_json::json!({ "app": "inference" }))]
    pub pods: Field<Named<String>>,
}

/// Where the pods expose metrics.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// The port that serves the metrics.
    #[schemars(required)]
    pub port: Field<Port>,
    /// HTTP path of the metrics. The default is `/metrics`.
    #[schemars(example = &"/actuator/prometheus")]
    pub path: Field<String>,
    /// `http` (the default) or `https`.
    pub scheme: Field<Scheme>,
    /// Time between two scrapes, with a unit. The default is `"15s"`.
    #[schemars(example = &"15s")]
    pub interval: Field<Quantity>,
    /// Which ways of finding the pods to write. The default is `["service-monitor", "scrape-config"]`. All of them
    /// set the same labels; deploy one of them per Prometheus.
    pub discovery: Field<Vec<Field<Discovery>>>,
    /// Labels of the Service that a ServiceMonitor selects. The default is the labels of the pods; note that the
    /// operator compares them with the labels of the Service itself, not with its selector.
    #[schemars(example = serde_json::json!({ "app": "inference" }))]
    pub service: Field<Named<String>>,
}

/// A port by name, by number, or both.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Port {
    /// Name of the port on the Service and in the container. Monitors find ports by name, never by number.
    #[schemars(required, example = &"http", length(min = 1, max = 15))]
    pub name: Field<String>,
    /// Number of the container port: what a plain scrape configuration keeps.
    #[schemars(example = 8000, range(min = 1, max = 65535))]
    pub number: Field<u32>,
}

/// Protocol of the metrics endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Scheme {
    Http,
    Https,
}

/// A way in which Prometheus can find the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Discovery {
    /// A ServiceMonitor for the Prometheus Operator: pods behind a Service.
    ServiceMonitor,
    /// A PodMonitor for the Prometheus Operator: pods without a Service.
    PodMonitor,
    /// A scrape configuration for a plain `prometheus.yml`.
    ScrapeConfig,
}

/// The Prometheus that KEDA asks.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prometheus {
    /// Address as KEDA's operator reaches it, from its own namespace: scheme, full host name, port. Needed as soon
    /// as one signal is a query.
    #[schemars(example = &"http://prometheus-server.monitoring.svc.cluster.local:80")]
    pub address: Field<String>,
    /// Version that the queries may rely on. The newest when left out.
    #[schemars(example = &"2.53")]
    pub version: Field<Quantity>,
    /// Labels that the operator's `serviceMonitorSelector` (or `podMonitorSelector`, `ruleSelector`) asks for.
    #[schemars(example = serde_json::json!({ "release": "kube-prometheus-stack" }))]
    pub monitor_labels: Field<Named<String>>,
    /// HTTP headers to send, such as the tenant of Mimir, Cortex or Loki. Credentials belong into
    /// `authentication`.
    #[schemars(example = serde_json::json!({ "X-Scope-OrgID": "shop" }))]
    pub headers: Field<Named<String>>,
    /// Parameters to add to every query, such as `partial_response = "false"` for Thanos.
    #[schemars(example = serde_json::json!({ "partial_response": "false" }))]
    pub parameters: Field<Named<String>>,
    /// Longest time that KEDA waits for an answer. The default of KEDA is 3 s.
    #[schemars(example = &"5s")]
    pub timeout: Field<Quantity>,
    /// How KEDA proves who it is.
    pub authentication: Field<Authentication>,
}

/// Credentials for Prometheus, kept in a Secret and referred to by a TriggerAuthentication.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Authentication {
    /// Name of an existing TriggerAuthentication in the namespace of the workload.
    #[schemars(required, example = &"prometheus-credentials")]
    pub name: Field<String>,
    /// `TriggerAuthentication` (the default) or `ClusterTriggerAuthentication`.
    pub kind: Field<AuthenticationKind>,
    /// Which of its parameters are used. Without a mode KEDA ignores the credentials in silence.
    #[schemars(required)]
    pub mode: Field<Many<AuthenticationMode>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum AuthenticationKind {
    TriggerAuthentication,
    ClusterTriggerAuthentication,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum AuthenticationMode {
    /// `bearerToken`
    Bearer,
    /// `username` and `password`
    Basic,
    /// `cert`, `key` and, if need be, `ca`
    Tls,
    /// `customAuthHeader` and `customAuthValue`
    Custom,
}

/// A piece of software whose version decides what may be written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Software {
    /// Major and minor version in quotes. The newest that slogen knows when left out.
    #[schemars(required, example = &"2.20")]
    pub version: Field<Quantity>,
}

/// What all generated alerts have in common.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Labels to add to every alert, such as the team that is paged.
    #[schemars(example = serde_json::json!({ "team": "shop" }))]
    pub labels: Field<Named<String>>,
    /// Address of the page that tells a person on call what to do.
    #[schemars(example = &"https://runbooks.example.com/inference")]
    pub runbook: Field<String>,
    /// Severity of the alerts that slogen adds by itself (target down, metric gone, KEDA errors, at the maximum,
    /// fallback active). The default is `"ticket"`.
    #[schemars(example = &"warning")]
    pub severity: Field<String>,
    /// Alerts that slogen would add, but shall not.
    pub omit: Field<Vec<Field<StandardAlert>>>,
}

/// The alerts that slogen adds to those of the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum StandardAlert {
    /// A pod is found but cannot be scraped.
    TargetDown,
    /// No pod is scraped at all.
    NotScraped,
    /// The pods are scraped, but a metric is not among what they say.
    MetricMissing,
    /// KEDA cannot get a value.
    KedaErrors,
    /// Prometheus answers KEDA with nothing.
    KedaEmpty,
    /// The autoscaler asks for as many pods as it may, for long.
    AtMaximum,
    /// KEDA serves the fallback instead of the metric.
    FallbackActive,
}

/// How many pods the service is known to need.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Capacity {
    /// Pods needed in the quiet hours.
    #[schemars(required, example = 3)]
    pub baseline: Field<u32>,
    /// Pods needed on a normal day.
    #[schemars(required, example = 6)]
    pub typical: Field<u32>,
    /// Pods needed at the highest load seen or planned.
    #[schemars(required, example = 16)]
    pub peak: Field<u32>,
    /// Time from the decision to a pod that serves, with a unit: image, start, model load, readiness.
    #[schemars(example = &"30s")]
    pub startup: Field<Quantity>,
    /// Where these numbers come from.
    #[schemars(example = &"load test of 2026-10-02 and four weeks of production")]
    pub source: Field<String>,
}

/// A load test that a person vouches for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoadTest {
    /// Users (or clients) at the same time.
    #[schemars(required, example = 150)]
    pub users: Field<u32>,
    /// How long the load lasted, with a unit.
    #[schemars(required, example = &"5m")]
    pub duration: Field<Quantity>,
    /// Day of the test.
    #[schemars(required, example = &"2026-10-02")]
    pub date: Field<String>,
    /// Who vouches for it.
    #[schemars(required, example = &"ada@example.com")]
    pub by: Field<String>,
    /// Where the timeline can be read.
    #[schemars(example = &"docs/load-tests/2026-10-02.md")]
    pub report: Field<String>,
}

/// A checklist item that does not apply, and who says so.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Waiver {
    /// Why the item does not apply.
    #[schemars(required)]
    pub reason: Field<String>,
    /// Who answers for it.
    #[schemars(required, example = &"team-shop")]
    pub owner: Field<String>,
    /// Day after which the waiver counts as failed, when `--date` says that it has passed.
    #[schemars(required, example = &"2027-03-31")]
    pub expires: Field<String>,
}

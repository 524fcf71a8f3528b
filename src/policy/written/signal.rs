//! The tables `[signal.*]`: what is measured.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Field, Many, Quantity};

/// What is measured, and what it asks for. `type` says what kind of thing it is; everything else (query, unit, metric
/// type) follows from that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(tag = "type")]
#[allow(clippy::large_enum_variant)]
pub enum Signal {
    Latency(Latency),
    Queue(Gauge),
    Inflight(Gauge),
    Rate(Rate),
    Ratio(Ratio),
    Cpu(Resource),
    Memory(Resource),
    Schedule(Schedule),
    Query(Query),
}

/// A quantile of a histogram, such as the 95th percentile of the response time. More pods bring it down.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// The histogram, without `_bucket`; matchers may follow: `http_request_duration_seconds{route="/pay"}`.
    #[schemars(required, example = &"inference_latency_seconds")]
    pub histogram: Field<String>,
    /// The share of requests that must be faster: 0.95 is the 95th percentile. The default is 0.95.
    #[schemars(example = 0.95)]
    pub quantile: Field<Quantity>,
    /// Time over which the requests are counted, with a unit; at least four scrapes. The default is `"1m"`, or four
    /// scrapes if that is longer.
    #[schemars(example = &"1m")]
    pub window: Field<Quantity>,
    /// Upper bounds of the histogram's buckets, in the metric's own unit, without `+Inf`. With them slogen proves
    /// that the thresholds can be reached.
    #[schemars(example = serde_json::json!([0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]))]
    pub buckets: Field<Vec<Field<Quantity>>>,
    /// Unit of the metric where its name does not say it: `"s"`, `"ms"`, `"us"`, `"ns"`.
    #[schemars(example = &"ms")]
    pub unit: Field<String>,
    /// Who exposes the metric. The default is `pods`.
    pub source: Field<Source>,
    /// Whether the metric appears only with the first request. The default is false: a metric that is not there is
    /// an error. With true, pods that are up and say nothing are idle.
    pub appears_late: Field<bool>,
    /// With a minimum of 0: the value above which the workload wakes.
    #[schemars(example = &"300ms")]
    pub activate: Field<Quantity>,
    /// The value to hold, with a unit.
    #[schemars(required, example = &"500ms")]
    pub scale: Field<Quantity>,
    /// When to tell a person; one table or a list of them.
    pub alert: Field<Many<Alert>>,
}

/// Work that waits (`queue`) or is in hand (`inflight`): a gauge, summed over all pods, shared by all pods.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gauge {
    /// The gauge; matchers may follow: `rabbitmq_queue_messages_ready{queue="orders"}`.
    #[schemars(required, example = &"inference_queue_len")]
    pub gauge: Field<String>,
    /// Unit of the metric where its name does not say it: `"MiB"`, `"bytes"`. Without a unit it counts things.
    pub unit: Field<String>,
    /// Who exposes the metric. The default is `pods`.
    pub source: Field<Source>,
    /// Whether the metric appears only with the first event. The default is false.
    pub appears_late: Field<bool>,
    /// With a minimum of 0: the total above which the workload wakes.
    #[schemars(example = 10)]
    pub activate: Field<Quantity>,
    /// How much of it one pod shall have.
    #[schemars(required, example = 20)]
    pub scale: Field<Quantity>,
    /// When to tell a person, per pod; one table or a list of them.
    pub alert: Field<Many<Alert>>,
}

/// Events per second: the rate of a counter, summed over all pods, shared by all pods.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// The counter; matchers may follow: `http_requests_total{code!~"5.."}`.
    #[schemars(required, example = &"http_requests_total")]
    pub counter: Field<String>,
    /// Time over which the events are counted, with a unit; at least four scrapes. The default is `"1m"`, or four
    /// scrapes if that is longer.
    #[schemars(example = &"1m")]
    pub window: Field<Quantity>,
    /// Who exposes the metric. The default is `pods`.
    pub source: Field<Source>,
    /// Whether the metric appears only with the first event. The default is false.
    pub appears_late: Field<bool>,
    /// With a minimum of 0: the rate above which the workload wakes.
    #[schemars(example = &"1/s")]
    pub activate: Field<Quantity>,
    /// How much of it one pod shall have: `"20/s"`, `"1200/min"`.
    #[schemars(required, example = &"20/s")]
    pub scale: Field<Quantity>,
    /// When to tell a person, per pod; one table or a list of them.
    pub alert: Field<Many<Alert>>,
}

/// A share: errors of all requests, busy workers of all workers. More pods bring it down.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ratio {
    /// What is counted above the line: a counter or gauge, matchers may follow.
    #[schemars(example = &"http_requests_total{code=~\"5..\"}")]
    pub numerator: Field<String>,
    /// What is counted below the line.
    #[schemars(example = &"http_requests_total")]
    pub denominator: Field<String>,
    /// Instead of the two: a gauge that is a share already; its mean over the pods is taken.
    #[schemars(example = &"vllm:kv_cache_usage_perc")]
    pub gauge: Field<String>,
    /// Whether numerator and denominator are counters (their rates are divided) or gauges (they are divided as they
    /// are). The default is `counter` where the names end in `_total`, `_count`, `_sum` or `_bucket`.
    pub of: Field<RatioOf>,
    /// For counters: time over which the events are counted, with a unit.
    #[schemars(example = &"1m")]
    pub window: Field<Quantity>,
    /// Unit of `gauge` where its name does not say it: `"ratio"` (0 to 1) or `"percent"` (0 to 100).
    pub unit: Field<String>,
    /// Who exposes the metrics. The default is `pods`.
    pub source: Field<Source>,
    /// Whether the metrics appear only with the first event. The default is false.
    pub appears_late: Field<bool>,
    /// With a minimum of 0: the share above which the workload wakes.
    #[schemars(example = &"1%")]
    pub activate: Field<Quantity>,
    /// The share to hold, in percent.
    #[schemars(required, example = &"70%")]
    pub scale: Field<Quantity>,
    /// When to tell a person; one table or a list of them.
    pub alert: Field<Many<Alert>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum RatioOf {
    Counter,
    Gauge,
}

/// CPU or memory against what the containers request. Needs metrics-server and requests, not Prometheus.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resource {
    /// The use to hold: percent of the request (`"85%"`), or an amount per pod (`"500m"` of cpu, `"512MiB"`).
    #[schemars(required, example = &"85%")]
    pub scale: Field<Quantity>,
    /// Count only this container. The default is all containers of the pod.
    #[schemars(example = &"app")]
    pub container: Field<String>,
}

/// Traffic that is known beforehand: a number of pods between two points in time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// When the time begins, as cron: minute, hour, day of month, month, day of week (0 to 6). Must fire once per
    /// window.
    #[schemars(required, example = &"0 8 * * 1-5")]
    pub start: Field<String>,
    /// When it ends.
    #[schemars(required, example = &"0 18 * * 1-5")]
    pub end: Field<String>,
    /// Name of the time zone, exactly as in the IANA list.
    #[schemars(required, example = &"Europe/Berlin")]
    pub timezone: Field<String>,
    /// Fewest pods in that time.
    #[schemars(required, example = 10, range(min = 1))]
    pub replicas: Field<u32>,
}

/// PromQL written by hand. It must give exactly one series; slogen checks that.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// The query, taken as it is written.
    #[schemars(required, example = &"sum(kafka_consumergroup_lag{consumergroup=\"billing\"})")]
    pub query: Field<String>,
    /// `total`: work that the pods share, the threshold is per pod. `level`: a height that more pods bring down.
    #[schemars(required)]
    pub meaning: Field<Meaning>,
    /// Unit of the result, if it has one: `"s"`, `"ms"`, `"bytes"`, `"ratio"`, `"percent"`, `"/s"`.
    #[schemars(example = &"ms")]
    pub unit: Field<String>,
    /// With a minimum of 0: the value above which the workload wakes.
    pub activate: Field<Quantity>,
    /// The value to hold: per pod for a total, as it is for a level.
    #[schemars(required, example = 100)]
    pub scale: Field<Quantity>,
    /// When to tell a person; one table or a list of them.
    pub alert: Field<Many<Alert>>,
}

/// What a number means to the autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Meaning {
    /// Work that the pods share: KEDA `AverageValue`.
    Total,
    /// A height that more pods bring down: KEDA `Value`.
    Level,
}

/// Who exposes a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Source {
    /// The workload's own pods: slogen adds the labels that the emitted scrape path sets.
    Pods,
    /// Somebody else (an ingress, a mesh, a queue): the matchers are taken as written, and scraping it is not this
    /// policy's business.
    Elsewhere,
}

/// When to tell a person.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alert {
    /// The value above which it fires, with the unit of the signal.
    #[schemars(required, example = &"1s")]
    pub above: Field<Quantity>,
    /// How long it must last, with a unit. The default is `"5m"`.
    #[schemars(rename = "for", example = &"5m")]
    #[serde(rename = "for")]
    pub lasting: Field<Quantity>,
    /// How loud: a label on the alert. The default is `"page"`.
    #[schemars(example = &"page")]
    pub severity: Field<String>,
}

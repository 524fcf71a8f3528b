//! The queries. Each gives exactly one series; idle reads 0; a metric that is not there gives nothing, which KEDA is
//! told to take for an error.

use crate::model::{Decimal, WorkloadReference, plain};
use crate::policy::written::Source;
use crate::policy::{MetricSelector, Policy, Signal, SignalKind, multiplier};
use crate::promql;

/// How wide a query may be before it is broken into lines.
const WIDTH: usize = 88;

/// Builds the queries of one policy.
#[derive(Debug)]
pub struct Queries<'p> {
    policy: &'p Policy,
    target: promql::Target,
}

impl<'p> Queries<'p> {
    pub fn new(policy: &'p Policy) -> Self {
        let version = policy.prometheus.version;
        Queries { policy, target: promql::Target::version(version.major, version.minor) }
    }

    /// The label `job`, the same on every scrape path.
    pub fn job(workload: &WorkloadReference) -> String {
        format!("{}/{}", workload.namespace, workload.name)
    }

    /// One line, the way Prometheus itself would print it.
    pub fn canonical(&self, text: &str) -> String {
        self.parsed(text).canonical()
    }

    /// Several lines where one would be too long.
    pub fn pretty(&self, text: &str) -> String {
        self.parsed(text).pretty(WIDTH)
    }

    fn parsed(&self, text: &str) -> promql::Expression {
        promql::parse(text, &self.target)
            .unwrap_or_else(|errors| panic!("slogen writes PromQL that parses: {text}: {errors:?}"))
    }

    /// What KEDA asks, or None where the signal is no query.
    pub fn scaling(&self, signal: &Signal) -> Option<String> {
        let query = match &signal.kind {
            SignalKind::Query { text, .. } => return Some(text.clone()),
            SignalKind::Latency { .. } => {
                let quantile = self.value(signal)?;
                let idle = self.idle(signal)?;
                format!("({quantile} >= 0) or (0 * {idle})")
            }
            SignalKind::Ratio { numerator, denominator, .. } => {
                let (above, below) = self.ratio(signal)?;
                if numerator.name == denominator.name {
                    format!("(({above} or (0 * {below})) / ({below} > 0)) or (0 * {below})")
                } else {
                    format!("({above} / ({below} > 0)) or (0 * ({above} + {below}))")
                }
            }
            _ => self.value(signal)?,
        };
        let query = self.absent(signal, query);
        Some(self.times(self.multiplier(signal), &query))
    }

    /// What stands for a metric that is not there, where that is no error.
    fn absent(&self, signal: &Signal, query: String) -> String {
        let mut parts = vec![query];
        let from_pods = signal.source == Source::Pods;
        if signal.appears_late {
            // Pods that are up and say nothing have had no event yet; without pods it stays an error.
            parts.push(match from_pods {
                true => format!("(0 * sum(up{} == 1))", self.scope()),
                false => "vector(0)".to_string(),
            });
        }
        if from_pods && self.policy.scaling.sleeps() {
            // Asleep there is no pod to expose anything, and an error would wake the workload by its fallback.
            parts.push(format!("({} == 0)", self.replicas()));
        }
        parts.join(" or ")
    }

    /// KEDA keeps three decimals, so that small values are asked for in thousandths and shares in percent.
    pub fn multiplier(&self, signal: &Signal) -> Decimal {
        let Some(scale) = &signal.scale else { return Decimal::ONE };
        let (dimension, share, unit) = match &signal.kind {
            SignalKind::Latency { unit, .. } | SignalKind::Gauge { unit, .. } => {
                (unit.dimension, false, *unit)
            }
            SignalKind::Share { unit, .. } => (unit.dimension, true, *unit),
            SignalKind::Ratio { .. } => {
                (crate::model::Dimension::Ratio, true, crate::model::MetricUnit::RATIO)
            }
            SignalKind::Rate { .. } => (crate::model::Dimension::Rate, false, crate::model::MetricUnit::RATE),
            _ => return Decimal::ONE,
        };
        multiplier(dimension, share, unit, scale.value)
    }

    /// A value in base units, as the scaling query gives it.
    pub fn emitted(&self, signal: &Signal, base: Decimal) -> Decimal {
        (self.metric_value(signal, base) * self.multiplier(signal)).round_dp(3).normalize()
    }

    /// A value in base units, as the metric itself counts.
    pub fn metric_value(&self, signal: &Signal, base: Decimal) -> Decimal {
        match &signal.kind {
            SignalKind::Latency { unit, .. }
            | SignalKind::Gauge { unit, .. }
            | SignalKind::Share { unit, .. }
            | SignalKind::Query { unit, .. } => unit.convert(base),
            _ => base.normalize(),
        }
    }

    fn times(&self, factor: Decimal, query: &str) -> String {
        if factor == Decimal::ONE { query.to_string() } else { format!("{} * ({query})", plain(factor)) }
    }

    /// The bare value of a signal: for alerts, and the heart of the scaling query.
    pub fn value(&self, signal: &Signal) -> Option<String> {
        Some(match &signal.kind {
            SignalKind::Latency { histogram, quantile, window, .. } => {
                let buckets = self.selector(signal, histogram, "_bucket");
                format!("histogram_quantile({}, sum by (le) (rate({buckets}[{window}s])))", plain(*quantile))
            }
            SignalKind::Gauge { gauge, .. } => format!("sum({})", self.selector(signal, gauge, "")),
            SignalKind::Share { gauge, .. } => format!("avg({})", self.selector(signal, gauge, "")),
            SignalKind::Rate { counter, window } => {
                format!("sum(rate({}[{window}s]))", self.selector(signal, counter, ""))
            }
            SignalKind::Ratio { .. } => {
                let (above, below) = self.ratio(signal)?;
                format!("{above} / ({below} > 0)")
            }
            SignalKind::Query { text, .. } => format!("({text})"),
            SignalKind::Resource { .. } | SignalKind::Schedule { .. } => return None,
        })
    }

    fn ratio(&self, signal: &Signal) -> Option<(String, String)> {
        let SignalKind::Ratio { numerator, denominator, window } = &signal.kind else {
            return None;
        };
        let part = |selector| {
            let series = self.selector(signal, selector, "");
            match window {
                Some(window) => format!("sum(rate({series}[{window}s]))"),
                None => format!("sum({series})"),
            }
        };
        Some((part(numerator), part(denominator)))
    }

    /// How many requests there are: there whenever the histogram is, and 0 when nothing happens.
    fn idle(&self, signal: &Signal) -> Option<String> {
        let SignalKind::Latency { histogram, window, .. } = &signal.kind else {
            return None;
        };
        Some(format!("sum(rate({}[{window}s]))", self.selector(signal, histogram, "_count")))
    }

    /// For an alert: a level as it is, a total per pod.
    pub fn alerting(&self, signal: &Signal) -> Option<String> {
        let value = self.value(signal)?;
        Some(if signal.kind.is_level() { value } else { format!("{value} / clamp_min({}, 1)", self.pods()) })
    }

    /// How many pods there are, from the most direct source that the policy knows.
    pub fn pods(&self) -> String {
        if self.policy.metrics.is_some() {
            format!("count(up{} == 1)", self.scope())
        } else {
            self.replicas()
        }
    }

    /// The number of pods as kube-state-metrics tells it: there even while it is 0.
    pub fn replicas(&self) -> String {
        let (metric, label, name) = self.replicas_series();
        let namespace = promql::quote(&self.policy.workload.value.namespace);
        format!("sum({metric}{{namespace={namespace}, {label}={}}})", promql::quote(&name))
    }

    /// Metric, label and value of the series that [`Queries::replicas`] reads.
    pub fn replicas_series(&self) -> (&'static str, &'static str, String) {
        let workload = &self.policy.workload.value;
        match workload.kind.as_str() {
            "Deployment" => ("kube_deployment_status_replicas", "deployment", workload.name.clone()),
            "StatefulSet" => ("kube_statefulset_status_replicas", "statefulset", workload.name.clone()),
            // Other kinds are seen through the HPA that KEDA makes for them.
            _ => (
                "kube_horizontalpodautoscaler_status_current_replicas",
                "horizontalpodautoscaler",
                self.hpa_name(),
            ),
        }
    }

    pub fn namespace(&self) -> String {
        self.policy.workload.value.namespace.clone()
    }

    /// The HPA that KEDA makes, or takes over.
    pub fn hpa_name(&self) -> String {
        match &self.policy.scaling.take_over {
            Some(name) => name.value.clone(),
            None => format!("keda-hpa-{}", self.policy.workload.value.name),
        }
    }

    /// Matchers for the labels that every emitted scrape path sets.
    pub fn scope(&self) -> String {
        format!("{{{}}}", self.scope_matchers())
    }

    fn scope_matchers(&self) -> String {
        let workload = &self.policy.workload.value;
        format!(
            "namespace={}, job={}",
            promql::quote(&workload.namespace),
            promql::quote(&Self::job(workload))
        )
    }

    /// A metric with all its matchers.
    pub fn selector(&self, signal: &Signal, metric: &MetricSelector, suffix: &str) -> String {
        let mut matchers = Vec::new();
        if signal.source == Source::Pods {
            matchers.push(self.scope_matchers());
        }
        for matcher in &metric.matchers {
            let value = promql::quote(&matcher.value);
            matchers.push(format!("{}{}{value}", label(&matcher.label), matcher.operator));
        }
        let name = format!("{}{suffix}", metric.name);
        if promql::is_metric_name(&name) {
            format!("{name}{{{}}}", matchers.join(", "))
        } else {
            matchers.insert(0, promql::quote(&name));
            format!("{{{}}}", matchers.join(", "))
        }
    }
}

fn label(name: &str) -> String {
    if promql::is_label_name(name) { name.to_string() } else { promql::quote(name) }
}

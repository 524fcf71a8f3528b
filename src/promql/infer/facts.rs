//! What is known beside the query: from a policy, or from manifests. Everything may be unknown.

use super::Unit;

#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub metrics: Vec<MetricFacts>,
    /// Seconds between two scrapes.
    pub scrape_interval: Option<f64>,
    /// Seconds between two evaluations of rules, which is the step of a subquery without one.
    pub evaluation_interval: Option<f64>,
    /// All labels that the scrape path and the exporters give; None: any.
    pub labels: Option<Vec<String>>,
    /// The namespace of the workload, where the scrape path sets the label `namespace`.
    pub namespace: Option<String>,
    /// Seconds that Prometheus keeps samples.
    pub retention: Option<f64>,
}

/// What is known of a metric.
#[derive(Clone, Debug)]
pub struct MetricFacts {
    /// Of a histogram without `_bucket`.
    pub name: String,
    pub kind: MetricKind,
    pub unit: Option<Unit>,
    /// Upper bounds of the buckets, ascending, without +Inf; empty: unknown.
    pub buckets: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
    NativeHistogram,
    Summary,
}

impl Facts {
    /// What is known of the metric that a series belongs to.
    pub fn metric(&self, series: &str) -> Option<&MetricFacts> {
        let exact = self.metrics.iter().find(|metric| metric.name == series);
        exact.or_else(|| {
            let family = family(series);
            self.metrics.iter().find(|metric| {
                matches!(metric.kind, MetricKind::Histogram | MetricKind::Summary) && metric.name == family
            })
        })
    }

    /// The upper bounds of the buckets of a series, where they are known.
    pub fn buckets(&self, series: &str) -> Option<&[f64]> {
        self.metric(series).map(|metric| metric.buckets.as_slice()).filter(|buckets| !buckets.is_empty())
    }
}

/// The name of a histogram from one of its series.
pub fn family(series: &str) -> &str {
    ["_bucket", "_count", "_sum"].iter().find_map(|suffix| series.strip_suffix(suffix)).unwrap_or(series)
}

//! Series that make an alert fire, and series that keep it silent.

use super::Queries;
use super::alerts::three_digits;
use super::rule_tests::{STEP, Sample, Series, samples};
use crate::model::{Decimal, plain};
use crate::policy::written::Source;
use crate::policy::{Alert, Matcher, MetricSelector, Policy, Signal, SignalKind};
use crate::promql;

impl Sample {
    /// A target of the workload that is up or down: its series in `firing`, its labels in `labels`.
    pub(super) fn up(policy: &Policy, pod: &str, value: &str) -> Sample {
        let mut labels = scope(policy);
        labels.push(("pod".to_string(), pod.to_string()));
        Sample { firing: vec![constant("up", &labels, value, 900)], labels, ..Sample::default() }
    }

    /// What kube-state-metrics says about the number of pods.
    pub(super) fn replicas(queries: &Queries, value: &str) -> Vec<Series> {
        vec![replicas_series(queries, value)]
    }
}

fn scope(policy: &Policy) -> Vec<(String, String)> {
    let workload = &policy.workload.value;
    vec![("job".to_string(), Queries::job(workload)), ("namespace".to_string(), workload.namespace.clone())]
}

fn replicas_series(queries: &Queries, value: &str) -> Series {
    let (metric, label, name) = queries.replicas_series();
    let labels = vec![("namespace".to_string(), queries.namespace()), (label.to_string(), name)];
    constant(metric, &labels, value, 900)
}

/// `metric{a="b"}`; a name that is not a classic one stands among the labels.
fn series(metric: &str, labels: &[(String, String)]) -> String {
    let mut parts: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={}", promql::quote(value))).collect();
    parts.sort();
    format!("{metric}{{{}}}", parts.join(","))
}

fn constant(metric: &str, labels: &[(String, String)], value: &str, lasting: u32) -> Series {
    (series(metric, labels), format!("{value}x{}", samples(lasting)))
}

fn growing(metric: &str, labels: &[(String, String)], per_second: Decimal, lasting: u32) -> Series {
    let step = plain(per_second * Decimal::from(STEP));
    (series(metric, labels), format!("0+{step}x{}", samples(lasting)))
}

/// An alert of a signal: the value at twice the threshold, or between it and 100 %; and at half of it.
pub(super) fn of_signal(
    policy: &Policy,
    queries: &Queries,
    signal: &Signal,
    alert: &Alert,
    threshold: Decimal,
) -> Option<Sample> {
    let rule = |high: Decimal| describe(signal, alert, high);
    let half = threshold / Decimal::TWO;
    let double = threshold * Decimal::TWO;
    let last = alert.lasting;
    let pods = || match policy.metrics {
        Some(_) => Sample::up(policy, &format!("{}-0", policy.workload.value.name), "1").firing,
        None => vec![replicas_series(queries, "1")],
    };
    let sample = |firing: Vec<Series>, silent: Vec<Series>, high: Decimal| Sample {
        firing,
        silent,
        labels: Vec::new(),
        description: rule(high),
    };
    Some(match &signal.kind {
        SignalKind::Latency { histogram, quantile, .. } => {
            let labels = labels(policy, signal, histogram)?;
            let name = format!("{}_bucket", histogram.name);
            // All requests in the bucket above the threshold, or in the one below it.
            let buckets = |low: &str| {
                let bounds = [(plain(threshold), low), (plain(double), "4"), ("+Inf".into(), "4")];
                bounds.map(|(bound, count)| {
                    let mut labels = labels.clone();
                    labels.push(("le".to_string(), bound));
                    (series(&name, &labels), format!("0+{count}x{}", samples(last)))
                })
            };
            let high = threshold + threshold * quantile;
            sample(buckets("0").to_vec(), buckets("4").to_vec(), high)
        }
        SignalKind::Gauge { gauge, .. } => {
            let labels = labels(policy, signal, gauge)?;
            let with = |value: Decimal| {
                let mut all = pods();
                all.push(constant(&gauge.name, &labels, &plain(value), last));
                all
            };
            sample(with(double), with(half), double)
        }
        SignalKind::Rate { counter, .. } => {
            let labels = labels(policy, signal, counter)?;
            let with = |value: Decimal| {
                let mut all = pods();
                all.push(growing(&counter.name, &labels, value, last));
                all
            };
            sample(with(double), with(half), double)
        }
        SignalKind::Share { gauge, unit } => {
            let labels = labels(policy, signal, gauge)?;
            let full = unit.convert(Decimal::ONE);
            let high = (threshold + full) / Decimal::TWO;
            let with = |value: Decimal| vec![constant(&gauge.name, &labels, &plain(value), last)];
            sample(with(high), with(half), high)
        }
        SignalKind::Ratio { numerator, denominator, window } => {
            let high = (threshold + Decimal::ONE) / Decimal::TWO;
            let with = |share: Decimal| {
                ratio(policy, signal, (numerator, denominator), window.is_some(), share, last)
            };
            sample(with(high)?, with(half)?, high)
        }
        // A query written by hand: slogen does not know what would make it large.
        _ => return None,
    })
}

fn ratio(
    policy: &Policy,
    signal: &Signal,
    (numerator, denominator): (&MetricSelector, &MetricSelector),
    counters: bool,
    share: Decimal,
    last: u32,
) -> Option<Vec<Series>> {
    let thousand = Decimal::ONE_THOUSAND;
    let one = |metric: &str, labels: &[(String, String)], value: Decimal| {
        if counters {
            growing(metric, labels, value, last)
        } else {
            constant(metric, labels, &plain(value), last)
        }
    };
    let below = labels(policy, signal, denominator)?;
    if numerator.name != denominator.name {
        let above = labels(policy, signal, numerator)?;
        return Some(vec![
            one(&numerator.name, &above, share * thousand),
            one(&denominator.name, &below, thousand),
        ]);
    }
    // One metric: a part that the numerator matches, and a rest that it does not.
    let both = MetricSelector {
        matchers: numerator.matchers.iter().chain(&denominator.matchers).cloned().collect(),
        ..numerator.clone()
    };
    let part = labels(policy, signal, &both)?;
    let extra: Vec<&Matcher> =
        numerator.matchers.iter().filter(|matcher| !denominator.matchers.contains(matcher)).collect();
    let mut rest = below;
    for matcher in extra {
        let other = ["200", "ok", "x", "true", ""].into_iter().find(|value| !matches(matcher, value))?;
        if !rest.iter().any(|(name, _)| *name == matcher.label) {
            rest.push((matcher.label.clone(), other.to_string()));
        }
    }
    (part != rest).then(|| {
        vec![
            one(&numerator.name, &part, share * thousand),
            one(&numerator.name, &rest, (Decimal::ONE - share) * thousand),
        ]
    })
}

/// Labels that satisfy every matcher of a metric, and those that the scrape path sets.
fn labels(policy: &Policy, signal: &Signal, metric: &MetricSelector) -> Option<Vec<(String, String)>> {
    if !promql::is_metric_name(&metric.name) {
        return None;
    }
    let mut labels = Vec::new();
    if signal.source == Source::Pods {
        labels.extend(scope(policy));
        labels.push(("pod".to_string(), format!("{}-0", policy.workload.value.name)));
    }
    for matcher in &metric.matchers {
        if !promql::is_label_name(&matcher.label) {
            return None;
        }
        if labels.iter().any(|(name, _)| *name == matcher.label) {
            continue;
        }
        let same = metric.matchers.iter().filter(|other| other.label == matcher.label);
        let all: Vec<&Matcher> = same.collect();
        let value = candidates(&all).into_iter().find(|value| all.iter().all(|m| matches(m, value)))?;
        if !value.is_empty() {
            labels.push((matcher.label.clone(), value));
        }
    }
    Some(labels)
}

/// Values that might satisfy matchers: what they name, and a simple reading of their patterns.
fn candidates(matchers: &[&Matcher]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for matcher in matchers {
        all.push(matcher.value.clone());
        let first = matcher.value.trim_start_matches(['^', '(']).split(['|', ')']).next().unwrap_or("");
        let plain = first.replace("\\.", "\u{0}").replace(".*", "").replace(".+", "x").replace("\\d", "5");
        all.push(plain.replace('.', "0").replace('\u{0}', ".").replace(['^', '$', '?'], ""));
    }
    all.extend(["x", "200", "500", "GET", ""].map(String::from));
    all
}

/// Whether a label value satisfies a matcher. Patterns are anchored, as in Prometheus.
fn matches(matcher: &Matcher, value: &str) -> bool {
    let pattern = || {
        let anchored = format!("^(?s:{})$", matcher.value);
        regex::RegexBuilder::new(&anchored).size_limit(1 << 18).build().ok()
    };
    match matcher.operator.as_str() {
        "=" => matcher.value == value,
        "!=" => matcher.value != value,
        "=~" => pattern().is_some_and(|pattern| pattern.is_match(value)),
        _ => pattern().is_some_and(|pattern| !pattern.is_match(value)),
    }
}

/// The description with the value filled in that Prometheus will print.
fn describe(signal: &Signal, alert: &Alert, value: Decimal) -> String {
    let template = super::alerts::description(signal, alert);
    template.replace("{{ printf \"%.3g\" $value }}", &three_digits(value))
}

/// Pods that are scraped and say everything but one metric.
pub(super) fn missing_metric(policy: &Policy, metric: &str, description: String) -> Option<Sample> {
    if !promql::is_metric_name(metric) {
        return None;
    }
    let pod = format!("{}-0", policy.workload.value.name);
    let up = Sample::up(policy, &pod, "1");
    let mut silent = up.firing.clone();
    let mut labels = up.labels.clone();
    if metric.ends_with("_bucket") {
        labels.push(("le".to_string(), "+Inf".to_string()));
    }
    silent.push(constant(metric, &labels, "1", 900));
    Some(Sample { firing: up.firing, silent, labels: scope(policy), description })
}

/// A counter of KEDA that grows, or stands still.
pub(super) fn counter(
    policy: &Policy,
    metric: &str,
    label: &str,
    more: &[(&str, &str)],
    description: String,
) -> Option<Sample> {
    let workload = &policy.workload.value;
    let labels = |namespace: &str| {
        let mut labels = vec![
            (namespace.to_string(), workload.namespace.clone()),
            (label.to_string(), workload.name.clone()),
        ];
        labels.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        labels
    };
    Some(Sample {
        // With the label as it is where KEDA's own ServiceMonitor does not honour it.
        firing: vec![(series(metric, &labels("exported_namespace")), format!("0+1x{}", samples(900)))],
        silent: vec![constant(metric, &labels("namespace"), "7", 900)],
        labels: Vec::new(),
        description,
    })
}

pub(super) fn at_maximum(policy: &Policy, queries: &Queries, description: String) -> Sample {
    let max = policy.scaling.max.value;
    let labels = vec![
        ("namespace".to_string(), queries.namespace()),
        ("horizontalpodautoscaler".to_string(), queries.hpa_name()),
    ];
    let with = |desired: u32| {
        vec![
            constant(
                "kube_horizontalpodautoscaler_status_desired_replicas",
                &labels,
                &desired.to_string(),
                900,
            ),
            constant("kube_horizontalpodautoscaler_spec_max_replicas", &labels, &max.to_string(), 900),
        ]
    };
    Sample { firing: with(max), silent: with(max - 1), labels: Vec::new(), description }
}

//! The alerts: each signal's own, and those that tell when the autoscaler is blind, stuck or on its own.

use super::rule_tests::Sample;
use super::{AlertPurpose, AlertRule, Queries};
use crate::model::{Decimal, plain};
use crate::policy::written::{Source, StandardAlert};
use crate::policy::{Alert, Policy, Signal, SignalKind};
use crate::promql;

/// A rule, and what its unit test needs to make it fire and stay silent.
#[derive(Debug)]
pub(super) struct PlannedAlert {
    pub(super) rule: AlertRule,
    /// Seconds that it waits.
    pub(super) lasting: u32,
    /// None where the series that would make it fire cannot be made up.
    pub(super) sample: Option<Sample>,
}

/// What a rule says, before labels and addresses are added.
struct Draft {
    name: String,
    purpose: AlertPurpose,
    signal: Option<String>,
    about: Vec<String>,
    expression: String,
    /// Seconds.
    lasting: u32,
    severity: String,
    labels: Vec<(String, String)>,
    summary: String,
    description: String,
    action: String,
    sample: Option<Sample>,
}

pub(super) fn alerts(policy: &Policy, queries: &Queries) -> Vec<PlannedAlert> {
    let mut drafts = Vec::new();
    for signal in &policy.signals {
        for (at, alert) in signal.alerts.iter().enumerate() {
            drafts.push(of_signal(policy, queries, signal, alert, at));
        }
    }
    drafts.extend(standard(policy, queries));
    drafts.into_iter().map(|draft| finish(policy, queries, draft)).collect()
}

fn finish(policy: &Policy, queries: &Queries, draft: Draft) -> PlannedAlert {
    let workload = &policy.workload.value;
    let mut labels = vec![
        ("severity".to_string(), draft.severity),
        ("namespace".to_string(), workload.namespace.clone()),
        ("workload".to_string(), workload.name.clone()),
    ];
    labels.extend(draft.signal.iter().map(|signal| ("signal".to_string(), signal.clone())));
    labels.extend(draft.labels);
    labels.extend(policy.alerts.labels.iter().map(|(name, value)| (name.clone(), template_safe(value))));
    let mut annotations = vec![
        ("summary".to_string(), draft.summary),
        ("description".to_string(), draft.description),
        ("action".to_string(), draft.action),
    ];
    if let Some(runbook) = &policy.alerts.runbook {
        annotations.push(("runbook_url".to_string(), template_safe(runbook)));
    }
    PlannedAlert {
        rule: AlertRule {
            name: draft.name,
            about: draft.about,
            pretty: queries.pretty(&draft.expression),
            expression: queries.canonical(&draft.expression),
            lasting: crate::model::seconds_text(draft.lasting.into()),
            labels,
            annotations,
            signal: draft.signal,
            purpose: draft.purpose,
        },
        lasting: draft.lasting,
        sample: draft.sample,
    }
}

/// Labels and annotations are Go templates: braces of the user's text are not meant as such.
fn template_safe(text: &str) -> String {
    text.replace("{{", "{ {").replace("}}", "} }")
}

/// `latency-p95` as part of a name: `LatencyP95`.
fn camel(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}

fn of_signal(policy: &Policy, queries: &Queries, signal: &Signal, alert: &Alert, at: usize) -> Draft {
    let workload = &policy.workload.value.name;
    let name = &signal.name.value;
    // One alert is High; several are told apart by their severity, and by their number if even that is the same.
    let ending = match signal.alerts.len() {
        1 => String::new(),
        _ => {
            let same = |other: &&Alert| other.severity == alert.severity;
            let before = signal.alerts[..at].iter().filter(same).count();
            let number = if before == 0 { String::new() } else { (before + 1).to_string() };
            format!("{}{number}", camel(&alert.severity))
        }
    };
    let threshold = queries.metric_value(signal, alert.above.value);
    let value = queries.alerting(signal).expect("a signal with alerts is a query");
    let per_pod = if signal.kind.is_level() { "" } else { " per pod" };
    let max = policy.scaling.max.value;
    Draft {
        name: format!("{}{}High{ending}", camel(workload), camel(name)),
        purpose: AlertPurpose::Signal,
        signal: Some(name.clone()),
        about: vec![format!(
            "{}{per_pod} is above what the autoscaler holds ({}): it is too slow, or at its end.",
            alert.above.text,
            signal.scale.as_ref().map_or("", |scale| scale.text.as_str())
        )],
        expression: format!("{value} > {}", plain(threshold)),
        lasting: alert.lasting,
        severity: template_safe(&alert.severity),
        labels: Vec::new(),
        summary: format!("{workload}: `{name}` is above {}{per_pod}", alert.above.text),
        description: description(signal, alert),
        action: format!(
            "Look whether {workload} has reached its maximum of {max} pods, whether new pods become ready, and whether something behind it is slow."
        ),
        sample: super::samples::of_signal(policy, queries, signal, alert, threshold),
    }
}

/// What happened, as a template for the alert.
pub(super) fn description(signal: &Signal, alert: &Alert) -> String {
    let per_pod = if signal.kind.is_level() { "" } else { " per pod" };
    let unit = match &signal.kind {
        SignalKind::Latency { unit, .. } | SignalKind::Query { unit, .. } => format!(" {}", unit.name),
        SignalKind::Rate { .. } => " per second".to_string(),
        _ => String::new(),
    };
    let what = match &signal.kind {
        SignalKind::Latency { quantile, .. } => format!("The {} quantile of the latency", plain(*quantile)),
        SignalKind::Gauge { inflight: true, .. } => "Work in hand".to_string(),
        SignalKind::Gauge { inflight: false, .. } => "Work that waits".to_string(),
        SignalKind::Rate { .. } => "The rate of events".to_string(),
        _ => "The value".to_string(),
    };
    format!(
        "{what}{per_pod} is {{{{ printf \"%.3g\" $value }}}}{unit} and has been above {} for {} s, although the autoscaler adds pods from {} on.",
        alert.above.text,
        alert.lasting,
        signal.scale.as_ref().map_or("", |scale| scale.text.as_str())
    )
}

/// The alerts that slogen adds by itself.
fn standard(policy: &Policy, queries: &Queries) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let wanted = |alert| !policy.alerts.omit.contains(&alert);
    let from_pods = policy.metrics.is_some();
    if from_pods && wanted(StandardAlert::TargetDown) {
        drafts.push(target_down(policy, queries));
    }
    if from_pods && wanted(StandardAlert::NotScraped) {
        drafts.push(not_scraped(policy, queries));
    }
    if from_pods && wanted(StandardAlert::MetricMissing) {
        drafts.extend(metrics_missing(policy, queries));
    }
    if policy.signals.iter().any(|signal| signal.kind.is_query()) {
        drafts.extend(keda(policy).into_iter().filter(|(alert, _)| wanted(*alert)).map(|(_, draft)| draft));
    }
    if wanted(StandardAlert::AtMaximum) && policy.scaling.min.value < policy.scaling.max.value {
        drafts.push(at_maximum(policy, queries));
    }
    drafts
}

fn draft(policy: &Policy, ending: &str, purpose: AlertPurpose, lasting: u32, expression: String) -> Draft {
    Draft {
        name: format!("{}{ending}", camel(&policy.workload.value.name)),
        purpose,
        signal: None,
        about: Vec::new(),
        expression,
        lasting,
        severity: template_safe(&policy.alerts.severity),
        labels: Vec::new(),
        summary: String::new(),
        description: String::new(),
        action: String::new(),
        sample: None,
    }
}

fn target_down(policy: &Policy, queries: &Queries) -> Draft {
    let workload = &policy.workload.value;
    let pod = format!("{}-0", workload.name);
    let up = |value: &str| Sample::up(policy, &pod, value);
    Draft {
        about: vec!["Prometheus finds the pod and gets no answer: its share of every signal is missing.".into()],
        summary: format!("{}: a pod cannot be scraped", workload.name),
        description: format!(
            "Prometheus has not been able to scrape pod {{{{ $labels.pod }}}} of {} for 5 minutes. Its part of the signals is missing, so the autoscaler sees less load than there is.",
            workload.name
        ),
        action: "Open the target's page in Prometheus and read its last error: wrong port or path, a network policy, or a pod that hangs.".into(),
        sample: Some(Sample {
            labels: up("0").labels,
            description: format!(
                "Prometheus has not been able to scrape pod {pod} of {} for 5 minutes. Its part of the signals is missing, so the autoscaler sees less load than there is.",
                workload.name
            ),
            firing: up("0").firing,
            silent: up("1").firing,
        }),
        ..draft(policy, "TargetDown", AlertPurpose::TargetDown, 300, format!("up{} == 0", queries.scope()))
    }
}

fn not_scraped(policy: &Policy, queries: &Queries) -> Draft {
    let workload = &policy.workload.value;
    let scope = queries.scope();
    let (expression, asleep) = if policy.scaling.sleeps() {
        let replicas = queries.replicas();
        (format!("absent(up{scope}) and on () ({replicas} > 0)"), Sample::replicas(queries, "1"))
    } else {
        (format!("absent(up{scope})"), Vec::new())
    };
    let description = format!(
        "Prometheus has no target for {} since 5 minutes. Every signal from its pods is missing: the autoscaler is blind and holds its fallback.",
        workload.name
    );
    Draft {
        about: vec!["Nobody scrapes the pods: the failure that is otherwise silent.".into()],
        summary: format!("{}: no pod is scraped", workload.name),
        sample: Some(Sample {
            labels: vec![
                ("job".into(), Queries::job(workload)),
                ("namespace".into(), workload.namespace.clone()),
            ],
            description: description.clone(),
            silent: Sample::up(policy, &format!("{}-0", workload.name), "1").firing,
            firing: asleep,
        }),
        description,
        action: "Look whether the ServiceMonitor, PodMonitor or scrape configuration is deployed, whether Prometheus selects it, and whether its labels and port still fit the pods.".into(),
        ..draft(policy, "NotScraped", AlertPurpose::NotScraped, 300, expression)
    }
}

fn metrics_missing(policy: &Policy, queries: &Queries) -> Vec<Draft> {
    let workload = &policy.workload.value;
    let mut drafts: Vec<Draft> = Vec::new();
    let expected = |signal: &&Signal| signal.source == Source::Pods && !signal.appears_late;
    for signal in policy.signals.iter().filter(expected) {
        let suffix = if matches!(signal.kind, SignalKind::Latency { .. }) { "_bucket" } else { "" };
        for (at, metric) in signal.kind.metrics().into_iter().enumerate() {
            let name = format!("{}{suffix}", metric.name);
            if drafts.iter().any(|draft| draft.labels[0].1 == name) {
                continue;
            }
            // Without the user's matchers: it is the metric that must be there, not one of its series.
            let bare = crate::policy::MetricSelector { matchers: Vec::new(), ..metric.clone() };
            let series = queries.selector(signal, &bare, suffix);
            let up = format!("sum(up{})", queries.scope());
            let description = format!(
                "The pods of {} are scraped, but none of them has exposed {name} for 10 minutes. The signal `{}` is an error, and KEDA holds its fallback.",
                workload.name, signal.name.value
            );
            let sample = super::samples::missing_metric(policy, &name, description.clone());
            // A name of its own each: one alert can then be silenced and tested without the others.
            let number = if at == 0 { String::new() } else { (at + 1).to_string() };
            let ending = format!("{}MetricMissing{number}", camel(&signal.name.value));
            drafts.push(Draft {
                about: vec![format!("{name} is what `{}` is made of.", signal.name.value)],
                summary: format!("{}: the metric {name} is gone", workload.name),
                description,
                action: "Look whether a release has renamed or removed the metric, and correct the policy or the release.".into(),
                labels: vec![("metric".into(), name)],
                sample,
                ..draft(
                    policy,
                    &ending,
                    AlertPurpose::MetricMissing,
                    600,
                    format!("absent({series}) and on () ({up} > 0)"),
                )
            });
        }
    }
    drafts
}

/// A KEDA counter of this ScaledObject, whether Prometheus kept KEDA's label `namespace` or renamed it.
fn keda_counter(policy: &Policy, metric: &str, label: &str, more: &str, window: &str) -> String {
    let workload = &policy.workload.value;
    let (namespace, name) = (promql::quote(&workload.namespace), promql::quote(&workload.name));
    let series =
        |key: &str| format!("increase({metric}{{{key}={namespace}, {label}={name}{more}}}[{window}])");
    format!("sum({} or {}) > 0", series("namespace"), series("exported_namespace"))
}

/// Names by version: kedacore/keda pkg/metricscollector/prommetrics.go and CHANGELOG.md (2.14, 2.17, 2.20).
fn keda(policy: &Policy) -> Vec<(StandardAlert, Draft)> {
    let workload = &policy.workload.value.name;
    let mut drafts = Vec::new();
    let errors = if policy.keda.at_least(2, 14) {
        "keda_scaled_object_errors_total"
    } else {
        "keda_scaled_object_errors"
    };
    let description = format!(
        "KEDA has not been able to get a value for {workload} in the last 10 minutes. While it lasts, pods are not removed, and added only by the signals that still answer."
    );
    drafts.push((
        StandardAlert::KedaErrors,
        Draft {
            about: vec![format!("{errors} counts failures on both of KEDA's paths; it is silent during a fallback.")],
            summary: format!("{workload}: KEDA cannot get a value"),
            sample: super::samples::counter(policy, errors, "scaledObject", &[], description.clone()),
            description,
            action: format!("Read `kubectl describe scaledobject {workload}` and the log of keda-operator: Prometheus not reachable, more than one series, or an empty answer."),
            ..draft(policy, "KedaErrors", AlertPurpose::KedaErrors, 300, keda_counter(policy, errors, "scaledObject", "", "10m"))
        },
    ));
    if !policy.keda.at_least(2, 20) {
        return drafts;
    }
    let empty = "keda_scaler_empty_upstream_responses_total";
    let description = format!(
        "Prometheus has answered KEDA with nothing for {workload} in the last 10 minutes: a metric was renamed, a target is lost, or the query matches no series."
    );
    drafts.push((
        StandardAlert::KedaEmpty,
        Draft {
            about: vec!["An empty answer is an error for this ScaledObject, never 0.".into()],
            summary: format!("{workload}: Prometheus answers KEDA with nothing"),
            sample: super::samples::counter(policy, empty, "scaledResource", &[], description.clone()),
            description,
            action: "Ask Prometheus with the queries of the ScaledObject and look which one is empty.".into(),
            ..draft(
                policy,
                "KedaEmpty",
                AlertPurpose::KedaEmpty,
                300,
                keda_counter(policy, empty, "scaledResource", "", "10m"),
            )
        },
    ));
    // With a transport of its own for TLS, KEDA does not count requests.
    // Source: kedacore/keda pkg/scalers/authentication/authentication_helpers.go.
    let tls = policy.prometheus.authentication.as_ref().is_some_and(|a| a.modes.contains(&"tls"));
    if !tls {
        let requests = "keda_scaler_http_requests_total";
        let description = format!(
            "KEDA's requests to Prometheus for {workload} have failed for 5 minutes, which is longer than it takes to fall back: the number of pods no longer follows the load."
        );
        drafts.push((
            StandardAlert::FallbackActive,
            Draft {
                about: vec!["KEDA has no metric for the fallback itself; failed requests go on counting during it.".into()],
                summary: format!("{workload}: KEDA serves the fallback"),
                sample: super::samples::counter(policy, requests, "scaled_resource", &[("status_code", "error")], description.clone()),
                description,
                action: format!("Read the condition Fallback in `kubectl get scaledobject {workload} -o yaml`, and bring Prometheus back."),
                ..draft(
                    policy,
                    "FallbackActive",
                    AlertPurpose::FallbackActive,
                    300,
                    keda_counter(policy, requests, "scaled_resource", ", status_code!~\"2..\"", "5m"),
                )
            },
        ));
    }
    drafts
}

fn at_maximum(policy: &Policy, queries: &Queries) -> Draft {
    let workload = &policy.workload.value;
    let max = policy.scaling.max.value;
    let matchers = format!(
        "{{namespace={}, horizontalpodautoscaler={}}}",
        promql::quote(&workload.namespace),
        promql::quote(&queries.hpa_name())
    );
    let desired = format!("max(kube_horizontalpodautoscaler_status_desired_replicas{matchers})");
    let most = format!("max(kube_horizontalpodautoscaler_spec_max_replicas{matchers})");
    let description = format!(
        "The autoscaler has asked for all {max} pods of {} for 15 minutes. More load finds no more pods.",
        workload.name
    );
    Draft {
        about: vec!["Needs kube-state-metrics.".into()],
        summary: format!("{}: at its maximum of {max} pods", workload.name),
        sample: Some(super::samples::at_maximum(policy, queries, description.clone())),
        description,
        action: "Raise `max` in the policy if the cluster has room, find out what the load is, or shed some of it.".into(),
        ..draft(policy, "AtMaximum", AlertPurpose::AtMaximum, 900, format!("{desired} >= {most}"))
    }
}

/// A number as Go's `%.3g` prints it.
pub(super) fn three_digits(value: Decimal) -> String {
    if value.is_zero() {
        return "0".to_string();
    }
    let number: f64 = value.to_string().parse().unwrap_or_default();
    let scientific = format!("{number:.2e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trim = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        } else {
            text.to_string()
        }
    };
    if (-4..3).contains(&exponent) {
        trim(&format!("{number:.*}", (2 - exponent).max(0) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_like_go() {
        let print = |text: &str| three_digits(text.parse().expect("a decimal"));
        assert_eq!(print("1.95"), "1.95");
        assert_eq!(print("60"), "60");
        assert_eq!(print("0.0525"), "0.0525");
        assert_eq!(print("1950"), "1.95e+03");
        assert_eq!(print("0.00001234"), "1.23e-05");
        assert_eq!(print("999.9"), "1e+03");
    }

    #[test]
    fn names_read_well() {
        assert_eq!(camel("latency-p95"), "LatencyP95");
        assert_eq!(camel("web.api_2"), "WebApi2");
    }
}

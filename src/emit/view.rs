//! The plan as the templates see it: words of Kubernetes and KEDA, numbers as they are printed.

use serde_json::Value;

use super::{header, objects};
use crate::model::{
    Behavior, FallbackBehavior, MetricType, ResourceTarget, Select, StepKind, TriggerKind, plain,
};
use crate::plan::{AlertRule, Plan, RuleTest, Scrape, TriggerNotes};

/// An object of the names and values given.
macro_rules! view {
    ($($key:ident => $value:expr),* $(,)?) => {
        serde_json::json!({ $((stringify!($key)): $value),* })
    };
}
pub(super) use view;

pub fn plan(plan: &Plan) -> Value {
    let scaler = &plan.scaler;
    let prometheus = plan.prometheus.as_ref().map(|access| {
        view! {
            address => access.address,
            headers => access.headers,
            parameters => access.parameters,
            timeout => access.timeout,
            authentication => access.authentication.as_ref().map(|a| view! { name => a.name, kind => a.kind, modes => a.modes }),
        }
    });
    let triggers: Vec<Value> = scaler
        .triggers
        .iter()
        .zip(&plan.triggers)
        .map(|(trigger, notes)| self::trigger(trigger, notes))
        .collect();
    let monitor_labels = plan.scrape.as_ref().map(|scrape| pairs(&scrape.monitor_labels)).unwrap_or_default();
    view! {
        header => header(&plan.policy),
        name => plan.name,
        namespace => plan.namespace,
        labels => pairs(&plan.labels),
        annotations => pairs(&plan.notes.annotations),
        target => view! {
            api_version => scaler.target.api_version,
            kind => scaler.target.kind,
            name => scaler.target.name,
        },
        hpa_name => scaler.hpa_name(),
        own_hpa_name => scaler.hpa_name,
        min => scaler.min,
        max => scaler.max,
        idle => scaler.idle,
        polling_interval => scaler.polling_interval,
        cooldown => scaler.cooldown,
        fallback => scaler.fallback.as_ref().map(|fallback| view! {
            failures => fallback.failures,
            replicas => fallback.replicas,
            behavior => fallback_behavior(fallback.behavior),
        }),
        composite => scaler.composite.as_ref().map(|composite| view! {
            formula => composite.formula,
            target => plain(composite.target),
            activation => composite.activation.map(plain),
            metric_type => metric_type(composite.metric_type),
        }),
        ways => [way("scaleUp", &scaler.up, &plan.notes.up), way("scaleDown", &scaler.down, &plan.notes.down)],
        notes => view! {
            replicas => plan.notes.replicas,
            polling => plan.notes.polling,
            cooldown => plan.notes.cooldown,
            fallback => plan.notes.fallback,
            composite => plan.notes.composite,
        },
        prometheus => prometheus,
        triggers => triggers,
        scrape => plan.scrape.as_ref().map(scrape),
        monitor_labels => monitor_labels,
        rules => view! {
            group => plan.rules.group,
            alerts => plan.rules.alerts.iter().map(alert).collect::<Vec<_>>(),
        },
        tests => plan.tests.iter().map(test).collect::<Vec<_>>(),
        resources => objects(plan),
    }
}

/// Keys and values, in order.
pub fn pairs(pairs: &[(String, String)]) -> Vec<Value> {
    pairs.iter().map(|(key, value)| view! { key => key, value => value }).collect()
}

pub fn fallback_behavior(behavior: FallbackBehavior) -> &'static str {
    match behavior {
        FallbackBehavior::Static => "static",
        FallbackBehavior::Current => "currentReplicas",
        FallbackBehavior::CurrentIfHigher => "currentReplicasIfHigher",
        FallbackBehavior::CurrentIfLower => "currentReplicasIfLower",
    }
}

pub fn metric_type(metric_type: MetricType) -> &'static str {
    match metric_type {
        MetricType::AverageValue => "AverageValue",
        MetricType::Value => "Value",
    }
}

pub fn select(select: Select) -> &'static str {
    match select {
        Select::Max => "Max",
        Select::Min => "Min",
        Select::Disabled => "Disabled",
    }
}

pub fn step_type(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Pods => "Pods",
        StepKind::Percent => "Percent",
    }
}

fn way(key: &str, behavior: &Behavior, notes: &[String]) -> Value {
    let steps: Vec<Value> = behavior
        .steps
        .iter()
        .map(|step| view! { type => step_type(step.kind), value => step.value, period => step.period })
        .collect();
    view! {
        key => key,
        notes => notes,
        stabilization => behavior.stabilization,
        select => select(behavior.select),
        tolerance => behavior.tolerance.map(plain),
        steps => steps,
    }
}

fn trigger(trigger: &crate::model::Trigger, notes: &TriggerNotes) -> Value {
    let entry = |key: &str, value: &str, note: &str| view! { key => key, value => value, note => note };
    let mut all = view! {
        about => notes.about,
        name => trigger.name,
        metric_type_note => "",
        query => (),
    };
    let more = match &trigger.kind {
        TriggerKind::Prometheus { threshold, activation, metric_type: how, .. } => view! {
            type => "prometheus",
            metric_type => metric_type(*how),
            metric_type_note => notes.metric_type,
            query => notes.query,
            threshold => plain(*threshold),
            threshold_note => notes.threshold,
            activation => activation.map(plain),
            activation_note => notes.activation,
        },
        TriggerKind::Resource { resource, container, target } => {
            let (how, value) = match target {
                ResourceTarget::Utilization(percent) => ("Utilization", percent.to_string()),
                ResourceTarget::AverageValue(quantity) => ("AverageValue", quantity.clone()),
            };
            let mut metadata = vec![entry("value", &value, &notes.threshold)];
            metadata.extend(container.iter().map(|name| entry("containerName", name, "")));
            view! { type => resource, metric_type => how, metadata => metadata }
        }
        TriggerKind::Cron { timezone, start, end, replicas } => {
            let metadata = [
                entry("timezone", timezone, ""),
                entry("start", start, ""),
                entry("end", end, ""),
                entry("desiredReplicas", &replicas.to_string(), ""),
            ];
            view! { type => "cron", metric_type => (), metadata => metadata }
        }
        TriggerKind::Measured { kind, .. } | TriggerKind::Other { kind } => {
            unreachable!("a policy has no signal of the kind {kind}")
        }
    };
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

fn scrape(scrape: &Scrape) -> Value {
    let keep: Vec<Value> = scrape
        .pod_labels
        .iter()
        .map(|(key, value)| view! { meta => meta_label(key), regex => literal(value) })
        .collect();
    view! {
        job => scrape.job,
        monitor_labels => pairs(&scrape.monitor_labels),
        service_labels => pairs(&scrape.service_labels),
        pod_labels => pairs(&scrape.pod_labels),
        keep_labels => keep,
        port_name => scrape.port_name,
        port_number => scrape.port_number,
        path => scrape.path,
        scheme => scrape.scheme,
        interval => format!("{}s", scrape.interval),
        timeout => format!("{}s", scrape.timeout),
    }
}

/// Source: prometheus/prometheus util/strutil, SanitizeLabelName.
pub fn meta_label(key: &str) -> String {
    let plain: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("__meta_kubernetes_pod_label_{plain}")
}

/// A text as a pattern that matches only it.
fn literal(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let special = "\\.+*?()|[]{}^$".contains(c);
            special.then_some('\\').into_iter().chain([c])
        })
        .collect()
}

fn alert(alert: &AlertRule) -> Value {
    view! {
        name => alert.name,
        about => alert.about,
        pretty => alert.pretty,
        lasting => alert.lasting,
        labels => pairs(&alert.labels),
        annotations => pairs(&alert.annotations),
    }
}

fn test(test: &RuleTest) -> Value {
    let checks: Vec<Value> = test
        .checks
        .iter()
        .map(|check| {
            let firing: Vec<Value> = check
                .firing
                .iter()
                .map(|alert| view! { labels => pairs(&alert.labels), annotations => pairs(&alert.annotations) })
                .collect();
            view! { at => check.at, alert => check.alert, firing => firing }
        })
        .collect();
    view! { name => test.name, interval => test.interval, series => pairs(&test.series), checks => checks }
}

//! What an autoscaler really does, in sentences with numbers.

use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::model::{
    Behavior, Decimal, MetricType, ResourceTarget, SYNC_SECONDS, Scaler, Select, Step, StepKind, Trigger,
    TriggerKind, plain,
};
use crate::promql::{self, Target};
use crate::source::Sources;

/// Everything about one autoscaler. `findings` are those of its file.
pub fn explain(sources: &Sources, object: &Object<'_>, scaler: &Scaler, findings: &[Finding]) -> String {
    let file = sources.get(object.document.file);
    let line = |offset: u32| file.line_column(offset).line;
    let is_keda = object.kind() == "ScaledObject";
    let mut out = format!(
        "{} `{}` ({}:{})\n",
        object.kind(),
        scaler.name,
        file.name,
        line(object.name_place().span.start)
    );
    let mut say = |text: &str| out.push_str(&format!("  {text}\n"));
    let through = if is_keda { format!(", through the HPA `{}`", scaler.hpa_name()) } else { String::new() };
    say(&format!(
        "scales {} `{}` from {} to {} pods{through}",
        scaler.target.kind, scaler.target.name, scaler.min, scaler.max
    ));
    let spec = object.at(&["spec"]).map(Node::entries).unwrap_or_default();
    for entry in spec.iter().filter(|entry| entry.node.as_str().is_some_and(has_variable)) {
        let written = entry.node.as_str().unwrap_or_default();
        say(&format!(
            "`{}` is `{written}`, which is filled in later: it is told as if it were not there",
            entry.key
        ));
    }
    if is_keda {
        say(&who(scaler));
    }
    for (number, trigger) in scaler.triggers.iter().enumerate() {
        for text in describe(scaler, trigger, number + 1) {
            say(&text);
        }
    }
    match &scaler.composite {
        Some(composite) => say(&format!(
            "only the formula counts: {} against {}, as {}; thresholds and types of the triggers do nothing",
            composite.formula,
            plain(composite.target),
            type_name(composite.metric_type)
        )),
        None if scaler.triggers.len() > 1 => say("the trigger that asks for most pods decides"),
        None => {}
    }
    say(&up(scaler));
    say(&down(scaler));
    if is_keda {
        say(&failing(scaler, object));
    }
    let node = &object.document.node;
    let own = |finding: &&Finding| {
        finding.place.file == object.document.file
            && (node.span.start..=node.span.end).contains(&finding.place.span.start)
    };
    for finding in findings.iter().filter(own) {
        let why = finding.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        say(&format!("line {}: {}{why}", line(finding.place.span.start), finding.message));
    }
    out
}

fn pods_text(number: &str) -> String {
    if number == "1" { "1 pod".to_string() } else { format!("{number} pods") }
}

/// Who starts and stops pods.
fn who(scaler: &Scaler) -> String {
    match (scaler.idle, scaler.min) {
        (Some(idle), min) => {
            format!("KEDA takes it from {idle} to {min} pods and back; from {min} on the HPA works alone")
        }
        (None, 0) => format!(
            "KEDA takes it from 0 to 1 pod when a trigger is active, and back after {} s without; from 1 on the HPA works alone",
            scaler.cooldown.unwrap_or(300)
        ),
        (None, min) => format!(
            "the HPA works alone, every {SYNC_SECONDS} s: the minimum is {min}, and KEDA never starts or stops it"
        ),
    }
}

fn type_name(metric_type: MetricType) -> &'static str {
    match metric_type {
        MetricType::AverageValue => "AverageValue",
        MetricType::Value => "Value",
    }
}

/// Pods that a value asks for. Source: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go.
fn asked(value: Decimal, threshold: Decimal, pods: u32, metric_type: MetricType) -> Option<Decimal> {
    let ratio = value.checked_div(threshold)?;
    let pods = Decimal::from(pods);
    Some(match metric_type {
        MetricType::AverageValue => ratio.ceil(),
        MetricType::Value => ratio.checked_mul(pods)?.ceil(),
    })
}

fn describe(scaler: &Scaler, trigger: &Trigger, number: usize) -> Vec<String> {
    let name = if trigger.name.is_empty() { String::new() } else { format!(" `{}`", trigger.name) };
    match &trigger.kind {
        TriggerKind::Prometheus { query, threshold, activation, metric_type } => {
            let mut all = vec![format!(
                "trigger {number}, prometheus{name}: {} against {}",
                type_name(*metric_type),
                plain(*threshold)
            )];
            all.extend(arithmetic(scaler, query, *threshold, *metric_type));
            all.extend(activation.filter(|_| scaler.sleeps()).map(active));
            all
        }
        TriggerKind::Resource { resource, container, target } => {
            let of = container.as_ref().map(|name| format!(" of the container `{name}`")).unwrap_or_default();
            vec![match target {
                ResourceTarget::Utilization(percent) => format!(
                    "trigger {number}, {resource}{name}: the pods' mean {resource}{of} against {percent} % of what they request; {} % over {} asks for {}",
                    percent * 2,
                    pods_text(&scaler.min.max(1).to_string()),
                    scaler.min.max(1) * 2
                ),
                ResourceTarget::AverageValue(quantity) => {
                    format!(
                        "trigger {number}, {resource}{name}: the pods' mean {resource}{of} against {quantity}"
                    )
                }
            }]
        }
        TriggerKind::Cron { timezone, start, end, replicas } => vec![format!(
            "trigger {number}, cron{name}: at least {replicas} pods from `{start}` to `{end}` in {timezone}"
        )],
        TriggerKind::Measured { kind, key, target, activation, metric_type } => {
            let mut all = vec![format!(
                "trigger {number}, {kind}{name}: `{key}` {}, as {}",
                plain(*target),
                type_name(*metric_type)
            )];
            let pods = scaler.min.max(2);
            let value = target.checked_mul(Decimal::TWO).unwrap_or(*target);
            if let Some(wanted) = asked(value, *target, pods, *metric_type) {
                let first = format!("a value of {} asks for {}", plain(value), pods_text(&plain(wanted)));
                let most = target.checked_mul(Decimal::from(scaler.max)).map(plain).unwrap_or_default();
                all.push(match metric_type {
                    MetricType::AverageValue => {
                        format!("  {first}, whatever number there is; {most} and more for all {}", scaler.max)
                    }
                    MetricType::Value => format!("  with {pods} pods, {first}"),
                });
            }
            all.extend(activation.filter(|_| scaler.sleeps()).map(active));
            all
        }
        TriggerKind::Other { kind } => vec![format!("trigger {number}, {kind}{name}")],
    }
}

fn active(activation: Decimal) -> String {
    format!("  it is active above {}", plain(activation))
}

/// What a value comes to, and what it would come to with the other metric type where that is what was meant.
fn arithmetic(scaler: &Scaler, query: &str, threshold: Decimal, metric_type: MetricType) -> Vec<String> {
    let pods = scaler.min.max(2);
    let value = threshold.checked_mul(Decimal::TWO).unwrap_or(threshold);
    let Some(wanted) = asked(value, threshold, pods, metric_type) else { return Vec::new() };
    let shape = promql::parse(query, &Target::default()).ok().and_then(|expression| expression.shape());
    let first = format!("a value of {} asks for {}", plain(value), pods_text(&plain(wanted)));
    let text = match (shape.map(|shape| shape.is_level), metric_type) {
        (Some(true), MetricType::AverageValue) => {
            let meant = asked(value, threshold, pods, MetricType::Value).unwrap_or(wanted);
            let every = plain(threshold * Decimal::from(scaler.max));
            format!(
                "with {pods} pods, {first}, not {}: the query gives a level, and AverageValue takes it for a total; all {} pods are asked for only at {every}",
                plain(meant),
                scaler.max
            )
        }
        (Some(false), MetricType::Value) => format!(
            "with {pods} pods, {first}, and twice as many again at the next look: the query gives a total, which more pods do not bring down"
        ),
        (_, MetricType::AverageValue) => {
            format!("{first}, whatever number there is: each pod is meant to carry {}", plain(threshold))
        }
        (_, MetricType::Value) => format!("with {pods} pods, {first}"),
    };
    vec![format!("  {text}")]
}

fn step(step: &Step) -> String {
    match step.kind {
        StepKind::Pods => format!("{} per {} s", pods_text(&step.value.to_string()), step.period),
        StepKind::Percent => format!("{} % per {} s", step.value, step.period),
    }
}

fn steps(behavior: &Behavior) -> String {
    let all: Vec<String> = behavior.steps.iter().map(step).collect();
    let joined = all.join(if behavior.select == Select::Min { " and " } else { " or " });
    match (behavior.select, all.len()) {
        (_, 1) => format!("at most {joined}"),
        (Select::Min, _) => format!("at most {joined}, whichever is less"),
        _ => format!("at most {joined}, whichever is more"),
    }
}

fn up(scaler: &Scaler) -> String {
    if scaler.up.select == Select::Disabled {
        return "up: never; `selectPolicy: Disabled`".to_string();
    }
    let from = scaler.min.max(1);
    let period =
        scaler.up.steps.iter().map(|step| step.period).max().unwrap_or(SYNC_SECONDS).max(SYNC_SECONDS);
    let (mut pods, mut looks) = (from, 0_u32);
    while pods < scaler.max && looks < 1_000 {
        let next = scaler.up.up_limit(pods);
        if next <= pods {
            break;
        }
        (pods, looks) = (next, looks + 1);
    }
    let wait = match scaler.up.stabilization {
        0 => String::new(),
        seconds => format!("when it was asked for {seconds} s without a pause, "),
    };
    let all = if pods < scaler.max {
        String::new()
    } else {
        let least = scaler.up.stabilization + looks.saturating_sub(1) * period;
        match looks {
            0 => String::new(),
            1 if least == 0 => format!("; from {from} to {} in one step", scaler.max),
            _ => format!("; from {from} to {} in {looks} steps, {least} s at the least", scaler.max),
        }
    };
    format!("up: {wait}{}{all}", steps(&scaler.up))
}

fn down(scaler: &Scaler) -> String {
    if scaler.down.select == Select::Disabled {
        return "down: never; `selectPolicy: Disabled`".to_string();
    }
    let wait = match scaler.down.stabilization {
        0 => "at once".to_string(),
        seconds => format!("to the most that was asked for in the last {seconds} s"),
    };
    format!("down: {wait}, {}", steps(&scaler.down))
}

/// What happens while the metrics cannot be had.
fn failing(scaler: &Scaler, object: &Object<'_>) -> String {
    let triggers = object.at(&["spec", "triggers"]).map(crate::manifest::Node::items).unwrap_or_default();
    let asks = triggers
        .iter()
        .filter(|node| node.get("type").and_then(crate::manifest::Node::as_str) == Some("prometheus"));
    let is_silent = asks.clone().any(|node| {
        node.at(&["metadata", "ignoreNullValues"]).and_then(crate::manifest::Node::as_written).as_deref()
            != Some("false")
    });
    let gone = if is_silent {
        format!("a metric that is gone counts as 0: it shrinks to {}; ", pods_text(&scaler.min.to_string()))
    } else if asks.count() > 0 {
        "a metric that is gone is an error; ".to_string()
    } else {
        String::new()
    };
    match &scaler.fallback {
        Some(fallback) => format!(
            "{gone}while a trigger cannot be asked: {} pods after {} failures",
            fallback.replicas, fallback.failures
        ),
        None => format!("{gone}while a trigger cannot be asked: it stays where it is, without a fallback"),
    }
}

//! A fallback that asks for the minimum, whatever the load was.
//!
//! Sources: kedacore/keda pkg/fallback/fallback.go (with `static`, the default, the HPA is told of a load for exactly
//! `replicas` pods); CHANGELOG.md, 2.17 (behaviors).

use super::cards::FALLBACK_LOW;
use super::{Checker, Trigger, View};
use crate::finding::Finding;
use crate::manifest::{Entry, Node};
use crate::promql::{Target, parse};

impl Checker<'_> {
    /// Whether that has been told; `is_blind`: a metric that is gone is no failure either.
    pub(super) fn fallback_low(&mut self, view: &View<'_>, fallback: &Entry, is_blind: bool) -> bool {
        let behavior = fallback.node.get("behavior").and_then(Node::as_written);
        if behavior.is_some_and(|word| word != "static") || view.is_open {
            return false;
        }
        let Some(node) = fallback.node.get("replicas") else { return false };
        let Some(replicas) = node.as_written().and_then(|text| text.parse::<i64>().ok()) else {
            return false;
        };
        let (min, max) = (view.min.unwrap_or(0), view.max.unwrap_or(100));
        let least = min.max(1);
        // Below the minimum it is told that the HPA does not go there.
        if replicas < min || replicas > least || max <= least {
            return false;
        }
        // What fails together: with cpu beside it, or another source, the HPA still sees the load.
        let keda = self.versions.keda;
        let is_level = |trigger: &Trigger<'_>| {
            view.metric_type_of(trigger).and_then(Node::as_str) == Some("Value") && !keda.at_least(2, 18)
        };
        // A queue is long without any CPU of who waits for it.
        let is_aside = |trigger: &Trigger<'_>| {
            trigger.kind == "cron" || trigger.is_resource() && view.triggers.iter().any(is_queue)
        };
        let mut asked = view.triggers.iter().filter(|trigger| !is_aside(trigger)).peekable();
        let Some(kind) = asked.peek().map(|trigger| trigger.kind) else { return false };
        // The API server, which the HPA needs as well, and what answers for itself.
        let is_near = matches!(kind, "cpu" | "memory" | "kubernetes-workload" | "kubernetes-resource");
        if is_near || !asked.all(|trigger| trigger.kind == kind && !is_level(trigger)) {
            return false;
        }
        // A query without a metric asks for the same number of pods at any time.
        if kind == "prometheus" && view.triggers.iter().all(asks_no_metric) {
            return false;
        }
        let source = source(kind);
        let now = if keda.at_least(2, 17) {
            "write `behavior: currentReplicasIfHigher` in the fallback, so that no pod goes while nobody knows the load"
        } else {
            "write the number of pods that a busy hour needs"
        };
        let help = if is_blind {
            format!(
                "{now}, and `ignoreNullValues: \"false\"` in the metadata, so that a metric that is gone is a failure and not 0"
            )
        } else if keda.at_least(2, 17) {
            format!("{now}, or the number of pods that a busy hour needs")
        } else {
            now.to_string()
        };
        // The HPA knows nothing of 0: KEDA alone takes the last pod.
        let minimum = if min == 0 { "the HPA's minimum of 1" } else { "the minimum" };
        let pods = if replicas == 1 { "1 pod".to_string() } else { format!("{replicas} pods") };
        let mut finding = Finding::new(
            &FALLBACK_LOW,
            self.place(node),
            format!("the fallback asks for {pods}, no more than {minimum}"),
        );
        if let Some(entry) = view.entry("maxReplicaCount") {
            finding = finding.related(self.place(&entry.node), "as many may be at work then");
        }
        let but = match view.triggers.iter().find(|trigger| trigger.is_resource()) {
            Some(trigger) => format!(", unless {} holds them", trigger.kind),
            None => String::new(),
        };
        self.push(
            finding
                .why(format!(
                    "while {source} does not answer, the HPA is told of a load for {pods}: up to {max} that are at work shrink to {least}, whatever the load is{but}"
                ))
                .help(help),
        );
        true
    }
}

/// Whether a trigger tells how much work waits, of which the CPU of the pods says little.
fn is_queue(trigger: &Trigger<'_>) -> bool {
    const QUEUES: [&str; 12] = [
        "apache-kafka",
        "aws-kinesis-stream",
        "aws-sqs-queue",
        "azure-eventhub",
        "azure-queue",
        "azure-servicebus",
        "gcp-pubsub",
        "kafka",
        "nats-jetstream",
        "pulsar",
        "rabbitmq",
        "solace-event-queue",
    ];
    QUEUES.contains(&trigger.kind) || trigger.kind.starts_with("redis")
}

/// What does not answer while the triggers of a scaler fail.
fn source(kind: &str) -> String {
    let name = match kind {
        "prometheus" => "Prometheus",
        "kafka" | "apache-kafka" => "Kafka",
        "mongodb" => "MongoDB",
        "mssql" => "the SQL Server",
        "mysql" => "MySQL",
        "nats-jetstream" => "NATS",
        "postgresql" => "PostgreSQL",
        "rabbitmq" => "RabbitMQ",
        kind if kind.starts_with("redis") => "Redis",
        kind if kind.starts_with("aws-") => "AWS",
        kind if kind.starts_with("azure-") => "Azure",
        kind if kind.starts_with("gcp-") => "Google Cloud",
        kind => return format!("the source of the trigger `{kind}`"),
    };
    name.to_string()
}

fn asks_no_metric(trigger: &Trigger<'_>) -> bool {
    let query = trigger.value("query").and_then(|text| parse(&text, &Target::default()).ok());
    query.is_some_and(|expression| expression.selectors().is_empty())
}

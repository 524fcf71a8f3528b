//! Keys of one trigger that do not go together, and values that contradict each other.
//!
//! Sources: `Validate` and the reading of the metadata in kedacore/keda pkg/scalers/rabbitmq_scaler.go, kafka_scaler.go,
//! azure_servicebus_scaler.go, gcp_pubsub_scaler.go, redis_scaler.go, aws_sqs_queue_scaler.go, postgresql_scaler.go,
//! metrics_api_scaler.go, aws_cloudwatch_scaler.go, nats_jetstream_scaler.go, external_scaler.go.

use super::cards::{ADDRESS, COMBINATION, MISSING_KEY};
use super::values::REFUSED;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;

/// Pairs of which a trigger may have one.
const EXCLUSIVE: [(&str, &str, &str, &str); 9] = [
    (
        "rabbitmq",
        "queueLength",
        "mode",
        "leave `queueLength` out: `mode: QueueLength` and `value` say the same",
    ),
    (
        "rabbitmq",
        "queueLength",
        "value",
        "leave `queueLength` out: `mode: QueueLength` and `value` say the same",
    ),
    ("kafka", "allowIdleConsumers", "limitToPartitionsWithLag", "keep one of them"),
    ("kafka", "limitToPartitionsWithLag", "ensureEvenDistributionOfPartitions", "keep one of them"),
    (
        "azure-servicebus",
        "queueName",
        "topicName",
        "keep one of them: a queue, or a topic with its subscription",
    ),
    (
        "azure-servicebus",
        "queueName",
        "subscriptionName",
        "a queue has no subscription: leave one of them out",
    ),
    ("gcp-pubsub", "subscriptionName", "topicName", "keep one of them"),
    ("elasticsearch", "searchTemplateName", "query", "keep one of them"),
    ("azure-pipelines", "jobsToFetch", "fetchUnfinishedJobsOnly", "keep one of them"),
];

/// What one key needs beside it.
const NEEDS: [(&str, &str, &str); 5] = [
    ("rabbitmq", "mode", "value"),
    ("rabbitmq", "value", "mode"),
    ("azure-servicebus", "topicName", "subscriptionName"),
    ("kafka", "limitToPartitionsWithLag", "topic"),
    ("kafka", "ensureEvenDistributionOfPartitions", "topic"),
];

impl Checker<'_> {
    pub(super) fn combined(&mut self, trigger: &Trigger<'_>) {
        let kind = trigger.kind;
        // Switches that are off say nothing; a 0 counts as not written.
        let is_set = |key: &str| {
            trigger.value(key).is_some_and(|text| {
                is_known(&text)
                    && super::parse_bool(&text) != Some(false)
                    && text.parse::<f64>().ok() != Some(0.0)
            })
        };
        let mut told = Vec::new();
        for (of, one, other, help) in EXCLUSIVE {
            if of != kind || !is_set(one) || !is_set(other) || told.contains(&one) {
                continue;
            }
            if let (Some(first), Some(second)) = (trigger.entry(one), trigger.entry(other)) {
                told.push(one);
                let (place, related) = (self.key(second), self.key(first));
                self.push(
                    Finding::new(&COMBINATION, place, format!("`{other}` beside `{one}`"))
                        .related(related, "the other one")
                        .why(REFUSED)
                        .help(help),
                );
            }
        }
        for (of, key, needed) in NEEDS {
            let is_there =
                trigger.entry(needed).is_some() || trigger.entry(&format!("{needed}FromEnv")).is_some();
            if of == kind && is_set(key) && !is_there && told.is_empty() {
                let Some(entry) = trigger.entry(key) else { continue };
                let place = self.key(entry);
                self.push(
                    Finding::new(&MISSING_KEY, place, format!("`{key}` without `{needed}`"))
                        .why(REFUSED)
                        .help(format!("write `{needed}` beside it")),
                );
            }
        }
        match kind {
            "rabbitmq" => self.management_only(trigger),
            "kafka" | "apache-kafka" => {
                self.sasl_without_credentials(trigger);
                self.brokers(trigger);
            }
            "mongodb" => self.json(trigger, "query"),
            "elasticsearch" | "opensearch" => self.json(trigger, "query"),
            "aws-dynamodb" => {
                self.json(trigger, "expressionAttributeNames");
                self.json(trigger, "expressionAttributeValues");
            }
            "aws-sqs-queue" => self.queue_address(trigger),
            "metrics-api" | "selenium-grid" => self.scheme(trigger, "url"),
            "loki" | "graphite" => self.scheme(trigger, "serverAddress"),
            "pulsar" => self.scheme(trigger, "adminURL"),
            "predictkube" => {
                self.scheme(trigger, "prometheusAddress");
                self.horizons(trigger);
            }
            "aws-cloudwatch" => self.dimensions(trigger),
            "nats-jetstream" => self.monitoring_port(trigger),
            "external" | "external-push" => self.without_scheme(trigger, "scalerAddress"),
            "temporal" => self.without_scheme(trigger, "endpoint"),
            "activemq" | "artemis-queue" => self.host_and_port(trigger, "managementEndpoint"),
            "nsq" => self.host_and_port(trigger, "nsqLookupdHTTPAddresses"),
            kind if kind.starts_with("redis") => {
                self.redis_port(trigger);
                self.streams(trigger);
            }
            "postgresql" => self.connection_parts(trigger),
            _ => {}
        }
    }

    fn sasl_without_credentials(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("sasl") else { return };
        let Some(mode) = trigger.value("sasl") else { return };
        if trigger.node.get("authenticationRef").is_none()
            && ["plaintext", "scram_sha256", "scram_sha512"].contains(&mode.as_str())
        {
            let place = self.place(&entry.node);
            self.push(
                Finding::new(&MISSING_KEY, place, format!("`sasl: {mode}` without credentials"))
                    .why(format!(
                        "`username` and `password` are read from a TriggerAuthentication alone; {REFUSED}"
                    ))
                    .help("write `authenticationRef: { name: … }` beside `type`"),
            );
        }
    }

    fn queue_address(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("queueURL") else { return };
        let Some(url) = trigger.value("queueURL").filter(|text| is_known(text)) else { return };
        let Some((_, rest)) = url.split_once("://") else { return };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let place = self.place(&entry.node);
        if !path.split_once('/').is_some_and(|(_, name)| !name.is_empty() && !name.contains('/')) {
            return self.push(
                Finding::new(&ADDRESS, place, "the address names no queue")
                    .why(REFUSED)
                    .help("write it like `https://sqs.eu-west-1.amazonaws.com/481270395168/orders`"),
            );
        }
        let of_url = host.strip_prefix("sqs.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
        let region = trigger.value("awsRegion").filter(|text| is_known(text));
        if let (Some(of_url), Some(region), Some(key)) = (of_url, region, trigger.entry("awsRegion"))
            && of_url != region
            && trigger.entry("awsEndpoint").is_none()
        {
            let related = self.place(&key.node);
            self.push(
                Finding::new(&COMBINATION, place, format!("a queue in {of_url}, asked for in {region}"))
                    .related(related, "KEDA asks here")
                    .why("Amazon has no such queue in that region: every poll fails, and nothing scales")
                    .help(format!("write `awsRegion: {of_url}`")),
            );
        }
    }

    fn scheme(&mut self, trigger: &Trigger<'_>, key: &str) {
        let Some(entry) = trigger.entry(key) else { return };
        let Some(url) = trigger.value(key).filter(|text| is_known(text)) else { return };
        let is_address = !super::unread::is_variable_name(&url);
        if is_address && !url.starts_with("http://") && !url.starts_with("https://") {
            let place = self.place(&entry.node);
            self.push(
                Finding::new(&ADDRESS, place, "the address has no scheme")
                    .why("KEDA cannot ask it: every poll is an error, and nothing scales on it")
                    .help(format!("write `http://{}`", url.trim_start_matches('/').escape_debug())),
            );
        }
    }

    /// Names and values of dimensions are two lists, apart by `;`.
    ///
    /// Source: kedacore/keda pkg/scalers/aws_cloudwatch_scaler.go, Validate.
    fn dimensions(&mut self, trigger: &Trigger<'_>) {
        let known = |key: &str| trigger.value(key).filter(|text| is_known(text));
        let (Some(entry), Some(names)) = (trigger.entry("dimensionName"), known("dimensionName")) else {
            return;
        };
        let Some(values) = known("dimensionValue") else { return };
        let (names, values) = (names.split(';').count(), values.split(';').count());
        if names == values || trigger.entry("expression").is_some() {
            return;
        }
        let place = self.place(&entry.node);
        let mut finding =
            Finding::new(&COMBINATION, place, format!("dimensions by name: {names}, by value: {values}"))
                .why(REFUSED)
                .help("write as many values as names, in the same order, with `;` between them");
        if let Some(other) = trigger.entry("dimensionValue") {
            finding = finding.related(self.place(&other.node), "the values");
        }
        self.push(finding);
    }

    fn redis_port(&mut self, trigger: &Trigger<'_>) {
        let has =
            |key: &str| trigger.entry(key).is_some() || trigger.entry(&format!("{key}FromEnv")).is_some();
        let address = trigger.value("address").or_else(|| trigger.value("addresses"));
        if let (Some(text), Some(entry)) =
            (address, trigger.entry("address").or_else(|| trigger.entry("addresses")))
        {
            let place = self.place(&entry.node);
            if !is_known(&text) || super::unread::is_variable_name(&text) {
                return;
            }
            if let Some(one) = text.split(',').map(str::trim).find(|one| one.contains("://")) {
                self.push(
                    Finding::new(&ADDRESS, place, format!("`{}` is a URL", one.escape_debug()))
                        .why("KEDA wants host and port alone, does not reach Redis, and nothing scales")
                        .help("write it like `redis.shop.svc:6379`, and `enableTLS: \"true\"` instead of `rediss://`"),
                );
            } else if let Some(one) = text.split(',').map(str::trim).find(|one| !one.contains(':')) {
                self.push(
                    Finding::new(&ADDRESS, place, format!("`{}` has no port", one.escape_debug()))
                        .why("KEDA adds none, does not reach Redis, and nothing scales")
                        .help(format!("write `{}:6379`", one.escape_debug())),
                );
            }
            return;
        }
        let hosts = trigger.entry("host").or_else(|| trigger.entry("hosts"));
        if let Some(entry) = hosts
            && !has("port")
            && !has("ports")
            && !has("address")
            && !has("addresses")
            && trigger.node.get("authenticationRef").is_none()
        {
            let place = self.key(entry);
            self.push(
                Finding::new(&MISSING_KEY, place, format!("`{}` without a port", entry.key))
                    .why(REFUSED)
                    .help("write `port: \"6379\"` beside it, or `address: host:port`"),
            );
        }
    }

    fn connection_parts(&mut self, trigger: &Trigger<'_>) {
        let has =
            |key: &str| trigger.entry(key).is_some() || trigger.entry(&format!("{key}FromEnv")).is_some();
        if has("connection") || trigger.node.get("authenticationRef").is_some() {
            return;
        }
        let Some(host) = trigger.entry("host") else { return };
        let missing: Vec<String> = ["port", "userName", "dbName", "sslmode"]
            .into_iter()
            .filter(|key| !has(key))
            .map(|key| format!("`{key}`"))
            .collect();
        if !missing.is_empty() {
            let place = self.key(host);
            let list = missing.join(", ");
            self.push(
                Finding::new(&MISSING_KEY, place, format!("`host` without {list}"))
                    .why(REFUSED)
                    .help(format!("write {list} beside it")),
            );
        }
    }
}

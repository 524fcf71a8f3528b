//! Endpoints that are host and port alone, times that PredictKube reads, and texts that have to be JSON.

use super::cards::{ADDRESS, NOT_A_NUMBER, NOT_JSON};
use super::values::REFUSED;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};

impl Checker<'_> {
    /// Source: kedacore/keda pkg/scalers/nats_jetstream_scaler.go, getNATSJetStreamMonitoringURL: the scheme is put before
    /// it; nats-io/nats-server server/const.go: 4222 is the port of clients, 8222 that of monitoring.
    pub(super) fn monitoring_port(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("natsServerMonitoringEndpoint") else { return };
        let Some(text) = trigger.value("natsServerMonitoringEndpoint").filter(|text| is_known(text)) else {
            return;
        };
        let place = self.place(&entry.node);
        let bare = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest).trim_end_matches('/');
        let right = match bare.strip_suffix(":4222") {
            Some(host) => format!("{host}:8222"),
            None => bare.to_string(),
        };
        let help = format!("write `{}`", right.escape_debug());
        if text.contains("://") {
            return self.push(
                Finding::new(&ADDRESS, place, format!("`{}` is a URL", text.escape_debug()))
                    .why("KEDA wants host and port alone and puts `http://` before it: no poll reaches NATS, and nothing scales")
                    .help(help),
            );
        }
        if right != bare {
            let mut finding = Finding::new(&ADDRESS, place, "4222 is the port at which clients talk to NATS")
                .why("KEDA asks by HTTP, which nobody answers there: every poll is an error, and nothing scales")
                .help(format!("{help}: the port of the monitoring endpoint, which the server needs switched on"));
            finding.severity = Severity::Warning;
            self.push(finding);
        }
    }

    /// Source: grpc/grpc-go clientconn.go, initParsedTargetAndResolverBuilder: a scheme that nobody has registered is taken
    /// for a part of the host, and `too many colons in address` is the answer.
    pub(super) fn without_scheme(&mut self, trigger: &Trigger<'_>, key: &str) {
        let Some(entry) = trigger.entry(key) else { return };
        let Some(text) = trigger.value(key).filter(|text| is_known(text)) else { return };
        let Some((scheme, rest)) = text.split_once("://") else { return };
        if !["http", "https", "grpc", "grpcs", "tcp"].contains(&scheme) {
            return;
        }
        let place = self.place(&entry.node);
        let tls = if matches!(scheme, "https" | "grpcs") { ", and `enableTLS: \"true\"`" } else { "" };
        self.push(
            Finding::new(&ADDRESS, place, format!("the address begins with `{scheme}://`"))
                .why("KEDA speaks gRPC with a host and a port, and takes the scheme for a part of the host: it reaches nobody, and nothing scales")
                .help(format!("write `{}`{tls}", rest.trim_end_matches('/').escape_debug())),
        );
    }

    /// Source: kedacore/keda pkg/scalers/activemq_scaler.go and artemis_scaler.go (`http://` stands before it in the template);
    /// nsq_scaler.go, getLookup (it is the host of a URL).
    pub(super) fn host_and_port(&mut self, trigger: &Trigger<'_>, key: &str) {
        let Some(entry) = trigger.entry(key) else { return };
        let Some(text) = trigger.value(key).filter(|text| is_known(text)) else { return };
        let bare = |one: &str| {
            let rest = one.split_once("://").map_or(one, |(_, rest)| rest);
            rest.trim_end_matches('/').to_string()
        };
        let Some(one) = text.split(',').map(str::trim).find(|one| one.contains("://")) else { return };
        let right: Vec<String> = text.split(',').map(|one| bare(one.trim())).collect();
        let place = self.place(&entry.node);
        self.push(
            Finding::new(&ADDRESS, place, format!("`{}` is a URL", one.escape_debug()))
                .why("KEDA wants host and port alone and puts the scheme before it: no poll reaches anybody, and nothing scales")
                .help(format!("write `{}`", right.join(",").escape_debug())),
        );
    }

    /// Source: kedacore/keda pkg/scalers/predictkube_scaler.go, Validate; xhit/go-str2duration: days and weeks besides the
    /// units of Go.
    pub(super) fn horizons(&mut self, trigger: &Trigger<'_>) {
        for key in ["predictHorizon", "queryStep", "historyTimeWindow"] {
            let Some(entry) = trigger.entry(key) else { continue };
            let Some(text) = trigger.value(key).filter(|text| is_known(text)) else { continue };
            let is_unit = |c: char| "wdhmsnuµ".contains(c);
            let is_duration = text.starts_with(|c: char| c.is_ascii_digit())
                && text.ends_with(is_unit)
                && text.chars().all(|c| c.is_ascii_digit() || c == '.' || is_unit(c));
            if !is_duration {
                let place = self.place(&entry.node);
                self.push(
                    Finding::new(
                        &NOT_A_NUMBER,
                        place,
                        format!("`{}` is not a duration", text.escape_debug()),
                    )
                    .why(REFUSED)
                    .help("write a number with its unit, such as \"2h\" or \"7d\""),
                );
            }
        }
    }

    /// Source: IBM/sarama broker.go, Open: each is dialled as it stands; `too many colons in address` is the answer to a URL.
    pub(super) fn brokers(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("bootstrapServers") else { return };
        let Some(text) = trigger.value("bootstrapServers").filter(|text| is_known(text)) else { return };
        let Some(one) = text.split(',').map(str::trim).find(|one| one.contains("://")) else { return };
        let rest = one.split_once("://").map_or(one, |(_, rest)| rest).trim_end_matches('/');
        let place = self.place(&entry.node);
        self.push(
            Finding::new(&ADDRESS, place, format!("`{}` is a URL", one.escape_debug()))
                .why("KEDA wants host and port alone, does not reach Kafka, and nothing scales")
                .help(format!("write `{}`", rest.escape_debug())),
        );
    }

    /// Sources: kedacore/keda pkg/scalers/mongo_scaler.go, json2BsonDoc (MongoDB's Extended JSON is JSON);
    /// elasticsearch_scaler.go (the query is the body of the request); aws_dynamodb_scaler.go.
    pub(super) fn json(&mut self, trigger: &Trigger<'_>, key: &str) {
        let Some(entry) = trigger.entry(key) else { return };
        let Some(text) = trigger.value(key).filter(|text| is_known(text) && !text.contains('<')) else {
            return;
        };
        if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
            return;
        }
        let has_single = text.contains('\'') && !text.contains('"');
        let place = self.key(entry);
        self.push(
            Finding::new(&NOT_JSON, place, format!("`{key}` is no JSON"))
                .why("KEDA or the database cannot read it: every poll is an error, and nothing scales by this trigger")
                .help(match has_single {
                    true => "write names and texts in double quotes, and the whole in single ones: '{\"state\": \"queued\"}'",
                    false => "write it as JSON: names and texts in double quotes, dates as {\"$date\": …}, no functions such as ISODate()",
                }),
        );
    }
}

//! Kafka asked without a login, where the pods that read from it log in.
//!
//! Source: kedacore/keda pkg/scalers/kafka_scaler.go: without `sasl` and `tls`, in the metadata or from a
//! TriggerAuthentication, it connects in plain text.

use super::CREDENTIALS;
use crate::finding::{Finding, Severity};
use crate::inventory::{Environment, Object, Variable};
use crate::manifest::{Node, has_variable};

pub(super) fn check(object: &Object<'_>, trigger: &Node, environment: &Environment<'_>) -> Option<Finding> {
    let kind = trigger.get("type").and_then(Node::as_str)?;
    let metadata = trigger.get("metadata")?;
    let entries = metadata.entries();
    let gives = |part: &str| entries.iter().any(|entry| entry.key.to_lowercase().starts_with(part));
    if !matches!(kind, "kafka" | "apache-kafka")
        || trigger.get("authenticationRef").is_some()
        || ["sasl", "tls", "username", "awsregion"].into_iter().any(gives)
        || entries.iter().any(|entry| has_variable(&entry.key) || entry.key == "<<")
    {
        return None;
    }
    let servers = metadata.get("bootstrapServers")?;
    let login = environment.variables.iter().find(|variable| is_login(variable))?;
    // The address of the pods may be another listener, or another cluster.
    let own = environment.variables.iter().filter(|variable| is_address(&variable.name));
    let asked: Vec<&str> = servers.as_str()?.split(',').map(str::trim).collect();
    let is_other = |variable: &Variable<'_>| {
        let text = variable.held.as_ref().map(|held| held.text.as_str()).filter(|text| !has_variable(text));
        text.is_some_and(|text| {
            let bare =
                |one: &str| one.trim().split_once("://").map_or(one.trim(), |(_, rest)| rest).to_string();
            !text.split(',').any(|one| asked.iter().any(|other| bare(other) == bare(one)))
        })
    };
    let own: Vec<&Variable<'_>> = own.collect();
    if own.is_empty() || own.iter().any(|variable| is_other(variable)) {
        return None;
    }
    let mut finding = Finding::new(
        &CREDENTIALS,
        object.place(servers),
        "KEDA asks these brokers without a login, and the pods log in",
    )
    .why(format!(
        "the pods have `{}`: brokers that ask for a login close the connection, every poll is an error, and nothing scales",
        login.name.escape_debug()
    ))
    .help("write an `authenticationRef` to a TriggerAuthentication that gives `sasl`, `username`, `password` and, for TLS, `tls` and `ca`");
    if let Some(held) = &login.held {
        finding = finding.related(held.object.place(held.node), "the pods log in with this");
    }
    finding.severity = Severity::Warning;
    Some(finding)
}

/// `KAFKA_SASL_USERNAME`, `KAFKA_PASSWORD`, `KAFKA_SECURITY_PROTOCOL: SASL_SSL`.
fn is_login(variable: &Variable<'_>) -> bool {
    let name = variable.name.to_uppercase();
    let text = variable.held.as_ref().map(|held| held.text.as_str());
    if text.is_some_and(str::is_empty) {
        return false;
    }
    if name.contains("SECURITY_PROTOCOL") || name.contains("SECURITYPROTOCOL") {
        return text.is_some_and(|text| text.to_uppercase().starts_with("SASL_"));
    }
    let is_of_kafka = name.contains("SASL") || name.contains("KAFKA");
    is_of_kafka
        && !name.contains("REGISTRY")
        && !name.contains("ENABLE")
        && ["USER", "PASS"].into_iter().any(|word| name.contains(word))
}

fn is_address(name: &str) -> bool {
    let name = name.to_uppercase();
    name.contains("BROKER") || name.contains("BOOTSTRAP")
}

//! The address of RabbitMQ behind a variable or in a Secret, against the protocol by which it is asked.
//!
//! Source: kedacore/keda pkg/scalers/rabbitmq_scaler.go, `Validate` and `validateTrigger`; rabbitmq/rabbitmq-website
//! docs/networking.md: 5672 is the port of AMQP, 15672 that of the management API.

use super::given::Given;
use crate::finding::{Finding, Severity};
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::gap;

/// What the management API alone tells.
const RATES: [&str; 4] =
    ["MessageRate", "DeliverGetRate", "PublishedToDeliveredRatio", "ExpectedQueueConsumptionTime"];

pub(super) fn check(trigger: &Node, given: &Given<'_>) -> Option<Finding> {
    let value = |key: &str| trigger.at(&["metadata", key]).and_then(Node::as_written);
    let text = given.text.trim();
    if trigger.get("type")?.as_str()? != "rabbitmq" || text.is_empty() || gap(text).is_some() {
        return None;
    }
    let is_open = |text: &str| has_variable(text) || text.contains("{{") || text.contains('<');
    let protocol = value("protocol").unwrap_or_else(|| "auto".to_string());
    if is_open(text) || is_open(&protocol) {
        return None;
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let spoken = match scheme.as_deref() {
        Some("amqp" | "amqps") => "amqp",
        Some("http" | "https") => "http",
        _ => "",
    };
    let error = |message: &str, why: &str, help: &str| {
        let mut finding = given.finding(message.to_string()).why(why.to_string()).help(help.to_string());
        finding.severity = Severity::Error;
        Some(finding)
    };
    const REFUSED: &str = "KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales";
    const WRITE: &str = "give KEDA `http://user:password@rabbitmq.<namespace>.svc:15672/` under a variable or a key of its own";
    // What the metadata say themselves is told where they are looked at.
    if given.behind.is_some() {
        if spoken.is_empty() {
            let right = if protocol == "http" { "http" } else { "amqp" };
            let port = if right == "http" { 15672 } else { 5672 };
            return error(
                &format!("what KEDA gets for `host` does not begin with `{right}://`"),
                REFUSED,
                &format!(
                    "give it `{right}://user:password@rabbitmq.<namespace>.svc:{port}/`, under a variable or a key of its own"
                ),
            );
        }
        if protocol != "auto" && protocol != spoken {
            return error(
                &format!("what KEDA gets for `host` begins with `{spoken}`, and `protocol` says {protocol}"),
                "KEDA asks by the one with an address of the other: every poll is an error, and nothing scales",
                &format!("write `protocol: {spoken}`, or give an address of `{protocol}`"),
            );
        }
        let mode = value("mode").filter(|mode| RATES.contains(&mode.as_str()));
        let is_on = |key: &str| matches!(value(key).as_deref(), Some("true" | "True" | "TRUE"));
        let by = match mode {
            Some(mode) => Some(format!("`mode: {mode}`")),
            None => ["useRegex", "excludeUnacknowledged"]
                .into_iter()
                .find(|key| is_on(key))
                .map(|key| format!("`{key}`")),
        };
        if let Some(by) = by.filter(|_| spoken == "amqp") {
            return error(
                &format!("{by} over AMQP, by which KEDA asks at this address"),
                &format!("only the management API of RabbitMQ tells it; {REFUSED}"),
                WRITE,
            );
        }
    }
    let authority = text.split_once("://")?.1.split(['/', '?']).next()?;
    let port = authority.rsplit('@').next()?.rsplit_once(':')?.1;
    let (what, right) = match (spoken, port) {
        ("http", "5672" | "5671") => ("AMQP", "15672"),
        ("amqp", "15672" | "15671") => ("the management API", "5672"),
        _ => return None,
    };
    let mut finding = given
        .finding(format!("{port} is the port of {what}, and the address begins with `{spoken}`"))
        .why("what listens there speaks something else: every poll is an error, and nothing scales")
        .help(format!("write the port {right}"));
    finding.severity = Severity::Warning;
    Some(finding)
}

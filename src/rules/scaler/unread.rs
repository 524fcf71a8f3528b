//! Values that never arrive: keys that a scaler reads from elsewhere alone, and names of variables where the value itself
//! is wanted.
//!
//! Source: kedacore/keda schema/generated/scalers-schema.json, the parameters that are not `metadataVariableReadable`
//! (`unread.txt` beside this file; `=env` may come from a variable). datadog is left out: its proxy reads other keys.

use super::cards::{ADDRESS, UNREAD_KEY};
use super::values::REFUSED;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};
use crate::manifest::Node;

const UNREAD: &str = include_str!("unread.txt");

/// Keys without which most scalers cannot be built.
const NEEDED: [&str; 9] = [
    "connection",
    "connectionString",
    "personalAccessToken",
    "apiToken",
    "accessToken",
    "authToken",
    "apiKey",
    "accessKey",
    "accessID",
];

/// Keys whose value is an address or a connection string.
const ADDRESSES: [&str; 7] =
    ["host", "connection", "connectionString", "address", "addresses", "bootstrapServers", "url"];

/// Whether a scaler leaves this key of its metadata unread; with whether a variable may give it.
pub(super) fn unread(kind: &str, key: &str) -> Option<bool> {
    let line = UNREAD.lines().find(|line| line.split(' ').next() == Some(kind))?;
    line.split(' ').skip(1).find_map(|word| match word.strip_suffix("=env") {
        Some(name) => (name == key).then_some(true),
        None => (word == key).then_some(false),
    })
}

/// Whether this is the name of a variable rather than a value: `RABBITMQ_HOST`.
pub(super) fn is_variable_name(text: &str) -> bool {
    text.contains('_')
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

impl Checker<'_> {
    pub(super) fn unread(&mut self, trigger: &Trigger<'_>) {
        for entry in trigger.metadata.map(Node::entries).unwrap_or_default() {
            let key = entry.key.as_str();
            let text = entry.node.as_written().unwrap_or_default();
            if let Some(from_variable) = unread(trigger.kind, key) {
                let place = self.key(entry);
                let message = format!("the scaler does not read `{key}` from its metadata");
                let is_given = trigger.node.get("authenticationRef").is_some();
                // Without an identity nothing else stands for the storage.
                // Source: kedacore/keda pkg/scalers/azure_eventhub_scaler.go, "no storage connection string given".
                let is_needed = NEEDED.contains(&key) || key == "storageConnection";
                let why = if is_needed && !is_given {
                    REFUSED
                } else if key == "tls" || key == "unsafeSsl" {
                    "the value counts for nothing: KEDA connects as if it were not there"
                } else {
                    "the value counts for nothing: KEDA asks without it"
                };
                let mut finding = Finding::new(&UNREAD_KEY, place, message).why(why);
                if !is_needed || is_given {
                    finding.severity = Severity::Warning;
                }
                let by_authentication = "keep it in a Secret, and refer to it with a TriggerAuthentication";
                self.push(finding.help(match (trigger.kind, key) {
                    (kind, "tls") if kind.starts_with("redis") => "write `enableTLS: \"true\"`".to_string(),
                    _ if from_variable && is_variable_name(&text) => format!("write `{key}FromEnv: {text}`"),
                    _ if from_variable => format!("{by_authentication}, or write `{key}FromEnv` with the name of a variable of the container"),
                    _ => by_authentication.to_string(),
                }));
            } else if ADDRESSES.contains(&key) && is_variable_name(&text) && is_known(&text) {
                let place = self.place(&entry.node);
                self.push(
                    Finding::new(&ADDRESS, place, format!("`{text}` is the name of a variable, not its value"))
                        .why("KEDA takes the text itself for the address and reaches nothing: nothing scales by this trigger")
                        .help(format!("write `{key}FromEnv: {text}`, if the target's container has that variable, or give it by a TriggerAuthentication")),
                );
            } else if trigger.kind.starts_with("azure-") && key == "connection" && is_known(&text) {
                self.connection_string(&entry.node, &text);
            } else if trigger.kind == "rabbitmq" && key == "host" && is_known(&text) {
                self.rabbitmq_scheme(trigger, &entry.node, &text);
            }
        }
    }

    /// Source: kedacore/keda pkg/scalers/azure_queue_scaler.go; a connection string is a list of `Key=value`.
    fn connection_string(&mut self, node: &Node, text: &str) {
        if text.is_empty() || text.contains('=') {
            return;
        }
        let help = format!(
            "keep it in a Secret, and refer to it with a TriggerAuthentication; or write `connectionFromEnv: {}`, if the target's container has that variable",
            text.escape_debug()
        );
        self.push(
            Finding::new(
                &ADDRESS,
                self.place(node),
                format!("`{}` is no connection string", text.escape_debug()),
            )
            .why(REFUSED)
            .help(help),
        );
    }

    /// Source: kedacore/keda pkg/scalers/rabbitmq_scaler.go, `Validate`.
    fn rabbitmq_scheme(&mut self, trigger: &Trigger<'_>, node: &Node, text: &str) {
        let schemes: &[&str] = match trigger.value("protocol").as_deref() {
            Some("amqp") => &["amqp://", "amqps://"],
            Some("http") => &["http://", "https://"],
            _ => &["amqp://", "amqps://", "http://", "https://"],
        };
        if text.is_empty() || schemes.iter().any(|scheme| text.starts_with(scheme)) {
            return;
        }
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let right = match trigger.value("protocol").as_deref() {
            Some("http") => "http://user:password@rabbitmq.<namespace>.svc:15672/",
            _ => "amqp://user:password@rabbitmq.<namespace>.svc:5672/",
        };
        // What may hold a password is not shown again.
        let shown = if rest.contains('@') { String::new() } else { format!("`{}`: ", text.escape_debug()) };
        self.push(
            Finding::new(
                &ADDRESS,
                self.place(node),
                format!("{shown}the address does not begin with {}", schemes.join(" or ")),
            )
            .why(REFUSED)
            .help(format!("write `{right}`, in a Secret")),
        );
    }
}

//! Secrets in plain text.
//!
//! Sources: kedacore/keda-docs content/docs/concepts/authentication.md; kedacore/keda
//! pkg/scalers/authentication/authentication_types.go (the Prometheus scaler takes credentials from parameters alone).

use super::cards::PLAIN_SECRET;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;
use crate::manifest::Node;

/// Keys whose values are secrets.
const KEYS: [&str; 17] = [
    "password",
    "bearerToken",
    "token",
    "accessToken",
    "apiToken",
    "authToken",
    "personalAccessToken",
    "apiKey",
    "appKey",
    "accessKey",
    "clientSecret",
    "activeDirectoryClientPassword",
    "appCredentialSecret",
    "sentinelPassword",
    "keyPassword",
    "awsSecretAccessKey",
    "customAuthValue",
];

/// Parts of connection strings.
const PARTS: [&str; 4] = ["sharedaccesskey=", "accountkey=", "password=", "pwd="];

impl Checker<'_> {
    pub(super) fn secrets(&mut self, trigger: &Trigger<'_>) {
        for entry in trigger.metadata.map(Node::entries).unwrap_or_default() {
            let Some(value) = entry.node.as_str().map(str::trim) else { continue };
            if value.is_empty() || !is_known(value) || value.contains(['<', '>']) && !value.contains("://") {
                continue;
            }
            if super::unread::is_variable_name(value) {
                continue;
            }
            // That it is never read is told instead.
            if super::unread::unread(trigger.kind, &entry.key).is_some() {
                continue;
            }
            let is_connection =
                entry.key.to_lowercase().contains("connection") && !entry.key.ends_with("FromEnv");
            let small = value.to_lowercase();
            let message = if KEYS.contains(&entry.key.as_str()) {
                format!("`{}` in plain text", entry.key)
            } else if has_password(value) {
                "a password in an address".to_string()
            } else if is_connection && PARTS.iter().any(|part| small.contains(part)) {
                "a connection string with its secret".to_string()
            } else {
                continue;
            };
            // The value is not shown again.
            let place = self.key(entry);
            let unread = trigger.kind == "prometheus" && KEYS.contains(&entry.key.as_str());
            self.push(
                Finding::new(&PLAIN_SECRET, place, message)
                    .why(if unread {
                        "everybody who may read the ScaledObject, or the repository, may read it; and the Prometheus scaler does not read it here"
                    } else {
                        "everybody who may read the ScaledObject, or the repository, may read it"
                    })
                    .help("keep it in a Secret, and refer to it with a TriggerAuthentication"),
            );
        }
    }
}

/// `amqp://user:password@host`
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let Some((user, _)) = authority.rsplit_once('@') else { return false };
    user.split_once(':').is_some_and(|(_, password)| !password.is_empty() && !password.contains(['<', '>']))
}

#[cfg(test)]
mod tests {
    use super::has_password;

    #[test]
    fn finds_passwords_in_addresses() {
        assert!(has_password("amqp://guest:secret@rabbitmq.shop:5672/vhost"));
        for plain in [
            "http://p.m.svc:9090",
            "http://p/a:b@c",
            "amqp://guest@rabbitmq",
            "a:b@c",
            "http://u:<password>@p",
        ] {
            assert!(!has_password(plain), "{plain}");
        }
    }
}

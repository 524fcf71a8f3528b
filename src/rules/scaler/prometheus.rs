//! Where KEDA asks, and how.
//!
//! Sources: kedacore/keda pkg/scalers/prometheus_scaler.go; pkg/scalers/scalersconfig/typed_config.go.

use super::cards::*;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};
use crate::source::Place;

impl Checker<'_> {
    pub(super) fn prometheus(&mut self, trigger: &Trigger<'_>) {
        self.address(trigger);
        self.pairs(trigger);
        self.timeout(trigger);
        self.unsafe_ssl(trigger);
    }

    /// Place and text of the address, where it is written out.
    pub(super) fn address_of(&self, trigger: &Trigger<'_>) -> Option<(Place, String)> {
        let text = trigger.value("serverAddress").filter(|text| is_known(text))?;
        Some((self.place(&trigger.entry("serverAddress")?.node), text))
    }

    fn address(&mut self, trigger: &Trigger<'_>) {
        let Some((place, text)) = self.address_of(trigger) else { return };
        let refuse = |message: &str| Finding::new(&ADDRESS, place, message.to_string());
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let Some(rest) = rest else {
            let placeholder = text.contains(['<', '>']) || text.to_lowercase().contains("your");
            return self.push(if placeholder {
                refuse("the address is a placeholder")
                    .why("KEDA cannot reach it, and nothing scales")
                    .help("write the address of Prometheus")
            } else {
                refuse("the address does not begin with http:// or https://")
                    .why("KEDA's client answers `unsupported protocol scheme`, and nothing scales")
                    .help(format!("write \"http://{text}\""))
            });
        };
        if rest.contains(['<', '>']) {
            return self.push(
                refuse("the address is a placeholder")
                    .why("KEDA cannot reach it, and nothing scales")
                    .help("write the address of Prometheus"),
            );
        }
        if rest.contains(['?', '#']) {
            return self.push(
                refuse("the address is more than scheme, host, port and path")
                    .why("KEDA appends `/api/v1/query?…` to it as it stands: Prometheus answers 404")
                    .help("parameters belong into `queryParameters`"),
            );
        }
        if let Some(at) = text.find("/api/v1") {
            return self.push(
                refuse("the address ends in the path that KEDA appends")
                    .why("KEDA would ask for `/api/v1/query/api/v1/query`: Prometheus answers 404, and nothing scales")
                    .help(format!("write \"{}\"", &text[..at])),
            );
        }
        let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
        let host_name = host.split(':').next().unwrap_or_default();
        let mut warn = |message: &str, why: String, help: String| {
            let mut finding = refuse(message).why(why).help(help);
            finding.severity = Severity::Warning;
            self.push(finding);
        };
        if matches!(host_name, "localhost" | "127.0.0.1") {
            warn(
                "the address is KEDA's own pod",
                "KEDA asks from its own pod, where no Prometheus listens".to_string(),
                "write the address of the Prometheus Service".to_string(),
            );
        } else if !host_name.is_empty() && !host_name.contains('.') {
            warn(
                "the address has no namespace",
                format!(
                    "KEDA asks from its own namespace, where `{host_name}` is looked up: it is not the namespace of this object"
                ),
                format!("write \"{}\"", text.replacen(host_name, &format!("{host_name}.<namespace>.svc"), 1)),
            );
        } else if path.is_empty() && rest.ends_with('/') {
            warn(
                "the address ends in `/`",
                "KEDA would ask for `//api/v1/query`, which not every server takes".to_string(),
                format!("write \"{}\"", text.trim_end_matches('/')),
            );
        }
    }

    /// `a=b,c=d`.
    fn pairs(&mut self, trigger: &Trigger<'_>) {
        for key in ["customHeaders", "queryParameters"] {
            let (Some(entry), Some(text)) =
                (trigger.entry(key), trigger.value(key).filter(|text| is_known(text)))
            else {
                continue;
            };
            for item in text.split(',') {
                let place = self.place(&entry.node);
                let Some((name, _)) = item.split_once('=').filter(|(_, value)| !value.contains('=')) else {
                    self.push(
                        Finding::new(
                            &HEADER,
                            place,
                            format!("`{}` is not `name=value`", item.trim().escape_debug()),
                        )
                        .why("KEDA takes exactly one `=` in each pair, and refuses the trigger otherwise")
                        .help("write pairs such as `X-Scope-OrgID=shop`, with commas between"),
                    );
                    continue;
                };
                if matches!(name.trim().to_lowercase().as_str(), "authorization" | "x-api-key" | "cookie") {
                    let mut finding = Finding::new(&HEADER, place, "a secret in plain text")
                        .why("everybody who may read the ScaledObject, or the repository, may read it")
                        .help("keep it in a Secret, and refer to it with a TriggerAuthentication and `authModes`");
                    finding.severity = Severity::Warning;
                    self.push(finding);
                }
            }
        }
    }

    fn timeout(&mut self, trigger: &Trigger<'_>) {
        let (Some(entry), Some(text)) =
            (trigger.entry("timeout"), trigger.value("timeout").filter(|text| is_known(text)))
        else {
            return;
        };
        let place = self.place(&entry.node);
        if text.parse::<u64>().is_ok() {
            self.push(
                Finding::new(&TIMEOUT, place, format!("a timeout of `{text}` without a unit"))
                    .why("KEDA 2.17 reads seconds, later ones milliseconds")
                    .help(format!("write \"{text}s\" or \"{text}ms\"")),
            );
        } else if !is_go_duration(&text) {
            let mut finding =
                Finding::new(&TIMEOUT, place, format!("`{}` is not a duration", text.escape_debug()))
                    .why("KEDA refuses the trigger")
                    .help("write it like \"5s\"");
            finding.severity = Severity::Error;
            self.push(finding);
        }
    }

    fn unsafe_ssl(&mut self, trigger: &Trigger<'_>) {
        let modes = trigger.value("authModes").unwrap_or_default();
        if trigger.value("unsafeSsl").as_deref() == Some("true")
            && modes.contains("tls")
            && let Some(entry) = trigger.entry("unsafeSsl")
        {
            let mut finding =
                Finding::new(&AUTHENTICATION, self.key(entry), "`unsafeSsl` beside `tls` does nothing")
                    .why("with certificates of its own KEDA checks the server")
                    .help("leave it out");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
    }
}

/// `1m30s`, `1.5s`, `500ms`. Source: Go's time.ParseDuration.
fn is_go_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .filter(|unit| rest[digits..].starts_with(unit))
            .max_by_key(|unit| unit.len());
        let (Ok(_), Some(unit)) = (rest[..digits].parse::<f64>(), unit) else { return false };
        rest = &rest[digits + unit.len()..];
    }
    true
}

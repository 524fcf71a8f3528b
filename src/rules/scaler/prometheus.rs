//! How KEDA asks Prometheus.
//!
//! Sources: kedacore/keda pkg/scalers/prometheus_scaler.go; pkg/scalers/scalersconfig/typed_config.go.

use super::cards::*;
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Severity};
use crate::manifest::Node;

impl Checker<'_> {
    /// Source: kedacore/keda pkg/scalers/prometheus_scaler.go: v2.9.3 refuses a trigger without, v2.10.0 does not.
    pub(super) fn name_of_metric(&mut self, trigger: &Trigger<'_>, metadata: &crate::manifest::Node) {
        let is_needed = trigger.kind == "prometheus" && !self.versions.keda.at_least(2, 10);
        if is_needed && trigger.entry("metricName").is_none() {
            let message =
                format!("the trigger has no `metricName`, and KEDA {} needs one", self.versions.keda);
            self.push(
                Finding::new(&MISSING_KEY, self.place(metadata), message)
                    .why("KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales")
                    .help("write `metricName` with any name, or update KEDA: since 2.10 it is not needed"),
            );
        }
    }

    pub(super) fn prometheus(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        self.address(trigger);
        self.pairs(trigger);
        self.timeout(view, trigger);
        self.unsafe_ssl(trigger);
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
                        .help(if entry.key == "queryParameters" {
                            "write pairs such as `dedup=true`, with commas between"
                        } else {
                            "write pairs such as `X-Scope-OrgID=shop`, with commas between"
                        }),
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

    fn timeout(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let (Some(entry), Some(text)) =
            (trigger.entry("timeout"), trigger.value("timeout").filter(|text| is_known(text)))
        else {
            return;
        };
        let place = self.place(&entry.node);
        if !self.versions.keda.at_least(2, 17) {
            let text = format!("KEDA {} reads no `timeout` of a trigger", self.versions.keda);
            return self.push(
                Finding::new(&TIMEOUT, self.key(entry), text)
                    .why("it came with 2.17: the operator's own timeout counts, 3 s by default")
                    .help("set KEDA_HTTP_DEFAULT_TIMEOUT on the operator"),
            );
        }
        // 0 is the default, in whatever unit.
        if text.parse::<u64>() == Ok(0) {
            return;
        }
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
        } else if let Some(seconds) = go_seconds(&text) {
            let polls = view.spec.get("pollingInterval").and_then(Node::as_written);
            let interval = polls.and_then(|text| text.parse::<f64>().ok()).unwrap_or(30.0);
            let (limit, what) = if seconds > 15.0 && !self.is_job() {
                (15.0, "the HPA asks again every 15 s")
            } else {
                (interval, "KEDA asks again at each `pollingInterval`")
            };
            if seconds > limit {
                self.push(
                    Finding::new(&TIMEOUT, place, format!("a timeout of {seconds} s is longer than the {limit} s between two polls"))
                        .why(format!("{what}, and tries a failure twice: a slow Prometheus holds KEDA up, and questions pile up on it"))
                        .help("write at most \"10s\", and compute what is slow in a recording rule"),
                );
            }
        }
    }

    fn unsafe_ssl(&mut self, trigger: &Trigger<'_>) {
        let modes = trigger.value("authModes").unwrap_or_default();
        if trigger.value("unsafeSsl").is_some_and(|text| super::parse_bool(&text) == Some(true))
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

fn is_go_duration(text: &str) -> bool {
    go_seconds(text).is_some()
}

/// `1m30s`, `1.5s`, `500ms`, in seconds. Source: Go's time.ParseDuration.
fn go_seconds(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut rest = unsigned;
    if rest == "0" {
        return Some(0.0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        const UNITS: [(&str, f64); 8] = [
            ("ns", 1e-9),
            ("us", 1e-6),
            ("µs", 1e-6),
            ("μs", 1e-6),
            ("ms", 1e-3),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3_600.0),
        ];
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (unit, size) = UNITS
            .into_iter()
            .filter(|(unit, _)| rest[digits..].starts_with(unit))
            .max_by_key(|(unit, _)| unit.len())?;
        seconds += rest[..digits].parse::<f64>().ok()? * size;
        rest = &rest[digits + unit.len()..];
    }
    Some(if text.starts_with('-') { -seconds } else { seconds })
}

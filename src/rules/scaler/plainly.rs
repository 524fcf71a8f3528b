//! Addresses of one moment, and switches for TLS where there is none.
//!
//! Source: RFC 1918 (private addresses); kedacore/keda pkg/util/http.go and tls_config.go (`unsafeSsl` is a part of the
//! TLS configuration alone).

use super::cards::ADDRESS;
use super::{Checker, Trigger, is_known, parse_bool};
use crate::finding::{Finding, Severity};

/// Keys under which scalers are told whom to ask.
const ADDRESSES: [&str; 9] = [
    "serverAddress",
    "host",
    "hosts",
    "address",
    "addresses",
    "url",
    "serverURL",
    "bootstrapServers",
    "scalerAddress",
];

impl Checker<'_> {
    pub(super) fn addresses(&mut self, trigger: &Trigger<'_>) {
        for key in ADDRESSES {
            let (Some(entry), Some(text)) = (trigger.entry(key), trigger.value(key)) else { continue };
            if !is_known(&text) || !super::reads(trigger.kind, key) {
                continue;
            }
            if let Some(ip) = text.split(',').find_map(private) {
                let place = self.place(&entry.node);
                let mut finding = Finding::new(&ADDRESS, place, format!("`{ip}` is the address of one moment"))
                    .why("a Service that is made anew, and a pod that starts again, has another one, and so has every other cluster: KEDA reaches nobody then, and nothing scales by this trigger")
                    .help("write the name of the Service, such as `<service>.<namespace>.svc`, unless the address is a fixed one outside of the cluster");
                finding.severity = Severity::Note;
                self.push(finding);
            }
            let is_plain = text.starts_with("http://") || text.starts_with("amqp://");
            if let Some(switch) = trigger.entry("unsafeSsl").filter(|_| is_plain)
                && trigger.value("unsafeSsl").is_some_and(|text| parse_bool(&text) == Some(true))
            {
                let scheme = text.split("://").next().unwrap_or_default();
                let why = format!("it says not to check certificates, and `{scheme}://` has none");
                self.no_effect(switch, "unsafeSsl", why, "leave it out");
            }
        }
    }
}

/// The private address that a part of a list names.
fn private(text: &str) -> Option<&str> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest).trim();
    let host = rest.split(['/', '?']).next()?.rsplit('@').next()?.split(':').next()?;
    let numbers: Vec<u8> = host.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    matches!(numbers[..], [10, _, _, _] | [172, 16..=31, _, _] | [192, 168, _, _]).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::private;

    #[test]
    fn private_addresses_are_known() {
        assert_eq!(private("amqp://guest:guest@10.109.216.90:5672/"), Some("10.109.216.90"));
        assert_eq!(private(" 172.20.0.1:6379"), Some("172.20.0.1"));
        assert_eq!(private("http://8.8.8.8"), None);
        assert_eq!(private("redis.shop.svc:6379"), None);
        assert_eq!(private("10.0.0"), None);
    }
}

//! The address that KEDA asks.
//!
//! Source: kedacore/keda pkg/scalers/prometheus_scaler.go: `/api/v1/query?…` is appended to it as it stands, and Go's
//! net/url reads the whole.

use super::cards::ADDRESS;
use super::placeholder::gap;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};
use crate::source::Place;

/// An address with `http://` or `https://`, in its parts.
pub(super) struct Address<'t> {
    scheme: &'t str,
    /// `user:password@`
    user: &'t str,
    pub host: &'t str,
    pub port: Option<&'t str>,
    /// What stands behind host and port, with its `/`.
    pub path: &'t str,
}

/// Pages of Prometheus that are copied along with the address.
const PAGES: [&str; 8] =
    ["graph", "targets", "alerts", "rules", "metrics", "classic/graph", "-/healthy", "-/ready"];

impl<'t> Address<'t> {
    pub fn read(text: &'t str) -> Option<Self> {
        let at = text.find("://")?;
        let scheme = &text[..at];
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            return None;
        }
        let rest = &text[at + 3..];
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, place) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        // `[::1]:9090`
        let after = place.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match place[after..].find(':') {
            Some(at) => (&place[..after + at], Some(&place[after + at + 1..])),
            None => (place, None),
        };
        Some(Address { scheme, user, host, port, path })
    }

    /// The same address with other parts.
    pub fn with(&self, host: &str, port: Option<&str>, path: &str) -> String {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{host}{port}{path}", self.scheme, self.user)
    }

    pub fn has_user(&self) -> bool {
        !self.user.is_empty()
    }

    pub fn is_plain(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("http")
    }
}

impl Checker<'_> {
    /// Place and text of the address, where it is written out.
    pub(super) fn address_of(&self, trigger: &Trigger<'_>) -> Option<(Place, String)> {
        let text = trigger.value("serverAddress").filter(|text| is_known(text))?;
        Some((self.place(&trigger.entry("serverAddress")?.node), text))
    }

    pub(super) fn address(&mut self, trigger: &Trigger<'_>) {
        let Some((place, text)) = self.address_of(trigger) else { return };
        let told = |severity: Severity, message: &str, why: &str, help: String| {
            let mut finding =
                Finding::new(&ADDRESS, place, message.to_string()).why(why.to_string()).help(help);
            finding.severity = severity;
            finding
        };
        let help =
            "write the address of the Prometheus Service, such as \"http://prometheus.monitoring.svc:9090\"";
        if let Some(severity) = gap(&text) {
            let why = "nothing answers there: KEDA has no metric, and nothing scales";
            return self.push(told(severity, "the address is a placeholder", why, help.to_string()));
        }
        let finding = match Address::read(&text) {
            None => Some(without_scheme(&text, &told)),
            Some(address) => {
                refused(&text, &address, &told, help).or_else(|| doubtful(&text, &address, &told))
            }
        };
        if let Some(finding) = finding {
            self.push(finding);
        }
    }
}

fn without_scheme(text: &str, told: &impl Fn(Severity, &str, &str, String) -> Finding) -> Finding {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = ["https:", "http:"].iter().find_map(|start| rest.strip_prefix(start)).unwrap_or(rest);
    told(
        Severity::Error,
        "the address does not begin with http:// or https://",
        "KEDA's client answers `unsupported protocol scheme`, and nothing scales",
        format!("write \"http://{}\"", rest.trim_start_matches('/')),
    )
}

/// Addresses by which nothing is ever answered.
fn refused(
    text: &str,
    address: &Address<'_>,
    told: &impl Fn(Severity, &str, &str, String) -> Finding,
    help: &str,
) -> Option<Finding> {
    let error = |message: &str, why: &str, help: String| Some(told(Severity::Error, message, why, help));
    if address.path.contains(['?', '#']) {
        return error(
            "the address is more than scheme, host, port and path",
            "KEDA appends `/api/v1/query?…` to it as it stands: Prometheus answers 404",
            "parameters belong into `queryParameters`".to_string(),
        );
    }
    if address.host.is_empty() {
        return error(
            "the address has no host",
            "KEDA's client answers `no Host in request URL`, and nothing scales",
            help.to_string(),
        );
    }
    if text.contains(char::is_whitespace) {
        return error(
            "the address has a blank in it",
            "KEDA's client cannot read it, and nothing scales",
            help.to_string(),
        );
    }
    if let Some(port) =
        address.port.filter(|port| !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port > 0))
    {
        return error(
            &format!("`{}` is not a port", port.escape_debug()),
            "KEDA's client cannot read the address, and nothing scales",
            format!("write a number, such as \"{}\"", address.with(address.host, Some("9090"), address.path)),
        );
    }
    if let Some(at) = address.path.find("/api/v1") {
        let path = address.path[..at].trim_end_matches('/');
        return error(
            "the address ends in the path that KEDA appends",
            "KEDA would ask for `/api/v1/query/api/v1/query`: Prometheus answers 404, and nothing scales",
            format!("write \"{}\"", address.with(address.host, address.port, path)),
        );
    }
    let path = address.path.trim_end_matches('/');
    if let Some(page) =
        PAGES.iter().find(|page| path.strip_suffix(**page).is_some_and(|before| before.ends_with('/')))
    {
        let before = path[..path.len() - page.len()].trim_end_matches('/');
        // A proxy may have Prometheus below any of the other names.
        let is_sure = page.ends_with("graph") || page.starts_with('-');
        return Some(told(
            if is_sure { Severity::Error } else { Severity::Warning },
            &format!("the address ends in a page, `/{page}`"),
            &format!("KEDA would ask for `/{page}/api/v1/query`: Prometheus answers 404, and nothing scales"),
            format!("write \"{}\"", address.with(address.host, address.port, before)),
        ));
    }
    None
}

/// Addresses that are seldom meant.
fn doubtful(
    text: &str,
    address: &Address<'_>,
    told: &impl Fn(Severity, &str, &str, String) -> Finding,
) -> Option<Finding> {
    let warn = |message: &str, why: &str, help: String| Some(told(Severity::Warning, message, why, help));
    let host = address.host;
    if matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "[::1]") {
        return warn(
            "the address is KEDA's own pod",
            "KEDA asks from its own pod, where no Prometheus listens",
            "write the address of the Prometheus Service".to_string(),
        );
    }
    if !host.contains(['.', ':']) {
        return warn(
            "the address has no namespace",
            &format!(
                "KEDA asks from its own namespace, where `{host}` is looked up: it is not the namespace of this object"
            ),
            format!(
                "write \"{}\"",
                address.with(&format!("{host}.<namespace>.svc"), address.port, address.path)
            ),
        );
    }
    if address.path.ends_with('/') || address.path.contains("//") {
        let parts: Vec<&str> = address.path.split('/').filter(|part| !part.is_empty()).collect();
        let path: String = parts.iter().map(|part| format!("/{part}")).collect();
        let message =
            if text.ends_with('/') { "the address ends in `/`" } else { "the address has `//` in its path" };
        // Prometheus sends KEDA on to the right path, and KEDA's client follows.
        return Some(told(
            Severity::Note,
            message,
            "KEDA asks for a path with `//`: Prometheus redirects each request, and a proxy before it may not",
            format!("write \"{}\"", address.with(host, address.port, &path)),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn takes_addresses_apart() {
        for (text, host, port, path) in [
            ("http://p:9090", "p", Some("9090"), ""),
            ("https://u:s@p.m.svc/x/", "p.m.svc", None, "/x/"),
            ("HTTP://[::1]:9090/", "[::1]", Some("9090"), "/"),
            ("http://p?x=1", "p", None, "?x=1"),
            ("http://", "", None, ""),
        ] {
            let address = Address::read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((address.host, address.port, address.path), (host, port, path), "{text}");
        }
        let address = Address::read("http://p:9090/x").expect("an address");
        assert_eq!(address.with("p.m.svc", address.port, address.path), "http://p.m.svc:9090/x");
        assert!(Address::read("tcp://p:9090").is_none() && Address::read("p:9090").is_none());
    }
}

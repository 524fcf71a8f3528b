//! `[prometheus]`.

use super::names::shown;
use super::{Checker, NEWEST_PROMETHEUS, rules};
use crate::finding::Finding;
use crate::model::{Decimal, Dimension, Version};
use crate::policy::valid::{Authentication, Prometheus};
use crate::policy::written::{self, AuthenticationKind, AuthenticationMode, Document, Field, Named};
use crate::source::{Place, Placed};

impl Checker<'_> {
    pub(super) fn prometheus(&mut self, document: &Document, keda: Version) -> Prometheus {
        let none = written::Prometheus::default();
        let written = document.prometheus.value().unwrap_or(&none);
        let address = written.address.get().and_then(|address| self.address(address));
        let version = self.version(&written.version, "Prometheus", (2, 33), NEWEST_PROMETHEUS);
        let monitor_labels = self.kubernetes_labels(&written.monitor_labels);
        let headers = self.parameters(&written.headers, "header");
        let parameters = self.parameters(&written.parameters, "parameter");
        for (name, _) in written.headers.value().map_or(&[][..], |named| &named.0) {
            let lower = name.value.to_lowercase();
            if ["authorization", "x-api-key", "cookie"].contains(&lower.as_str()) {
                self.push(
                    Finding::new(
                        &rules::CREDENTIALS_IN_HEADER,
                        name.place,
                        format!("{} puts a secret into the ScaledObject in plain text", shown(&name.value)),
                    )
                    .why("everybody who may read the ScaledObject, or the repository, may read it")
                    .help("keep it in a Secret and write `[prometheus.authentication]`"),
                );
            }
        }
        self.needs_keda(keda, (2, 10), "headers", written.headers.place());
        self.needs_keda(keda, (2, 13), "parameters", written.parameters.place());
        self.needs_keda(keda, (2, 17), "timeout", written.timeout.place());
        Prometheus {
            address,
            version,
            monitor_labels,
            headers,
            parameters,
            timeout: self.timeout(&written.timeout),
            authentication: self.authentication(&written.authentication),
        }
    }

    /// Sources: kedacore/keda pkg/scalers/prometheus_scaler.go (the path is appended as it is), and the scaler runs
    /// in KEDA's namespace.
    fn address(&mut self, address: &Placed<String>) -> Option<Placed<String>> {
        let text = address.value.trim().trim_end_matches('/');
        let refuse = |message: String| Finding::new(&rules::INVALID_ADDRESS, address.place, message);
        let example = "write something like \"http://prometheus-server.monitoring.svc.cluster.local:80\"";
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let Some(rest) = rest else {
            self.push(
                refuse(format!("{} does not begin with http:// or https://", shown(text)))
                    .why("KEDA's client answers `unsupported protocol scheme`, and nothing scales")
                    .help(example),
            );
            return None;
        };
        let host = rest.split('/').next().unwrap_or_default();
        let strange =
            |c: char| !c.is_ascii() || c.is_whitespace() || c.is_control() || "<>\"'`{}\\|^".contains(c);
        if host.is_empty() || text.contains(strange) {
            self.push(refuse(format!("{} is not an address", shown(text))).help(example));
            return None;
        }
        if rest.contains(['?', '#', '@']) {
            let why = "KEDA appends `/api/v1/query?…` to the address as it stands";
            self.push(
                refuse(format!("{} is more than scheme, host, port and path", shown(text)))
                    .why(why)
                    .help("parameters belong into `parameters`, credentials into `authentication`"),
            );
            return None;
        }
        if rest.contains("/api/v1") {
            self.push(
                refuse(format!("{} already names the query interface", shown(text)))
                    .why("KEDA appends `/api/v1/query` itself and would get a 404")
                    .help("leave `/api/v1…` out"),
            );
            return None;
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if name == "localhost" || name == "127.0.0.1" {
            self.push(refuse("KEDA would look for Prometheus in its own pod".to_string()).help(example));
            return None;
        }
        if !name.contains('.') {
            self.push_warning(
                refuse(format!("`{name}` is looked up in KEDA's namespace, not in the workload's"))
                    .why("the operator asks from its own namespace, where there is most likely no such Service")
                    .help(format!("write the full name: `{name}.<namespace>.svc.cluster.local`")),
            );
        }
        Some(Placed::new(text.to_string(), address.place))
    }

    /// KEDA splits the list at commas and each item at `=`; a value can hold neither.
    /// Source: kedacore/keda pkg/scalers/scalersconfig/typed_config.go.
    fn parameters(&mut self, field: &Field<Named<String>>, what: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (name, value) in field.value().map_or(&[][..], |named| &named.0) {
            let Some(value) = value.get() else { continue };
            let wrong = |text: &str| {
                text.is_empty() || text.contains([',', '=']) || text.chars().any(char::is_control)
            };
            let place = match (wrong(&name.value), wrong(&value.value)) {
                (true, _) => name.place,
                (false, true) => value.place,
                (false, false) => {
                    pairs.push((name.value.clone(), value.value.clone()));
                    continue;
                }
            };
            self.push(
                Finding::new(
                    &rules::INVALID_HEADER,
                    place,
                    format!("a {what} with a comma, an equals sign or nothing in it"),
                )
                .why("KEDA writes them as `name=value,name=value` and cannot carry these characters")
                .help("credentials that end in `=` belong into `[prometheus.authentication]`"),
            );
        }
        pairs
    }

    fn timeout(&mut self, field: &Field<written::Quantity>) -> Option<u32> {
        let quantity = field.get()?;
        let seconds = self.amount(quantity, Dimension::Time, "a timeout")?;
        let milliseconds = u32::try_from(seconds.saturating_mul(Decimal::ONE_THOUSAND)).ok();
        let valid = milliseconds.filter(|value| (1..=60_000).contains(value));
        if valid.is_none() {
            self.push(
                Finding::new(&rules::OUT_OF_RANGE, quantity.place, "a timeout goes from 1ms to 60s").why(
                    "Kubernetes asks every 15 s; an answer that takes longer than a minute is of no use",
                ),
            );
        }
        valid
    }

    fn authentication(&mut self, field: &Field<written::Authentication>) -> Option<Authentication> {
        let table = field.get()?;
        let written = &table.value;
        let mut modes = Vec::new();
        let given = self.required(&written.mode, "mode", table.place, "mode = \"bearer\"")?;
        for mode in given.value.0.iter().filter_map(|mode| mode.value()) {
            let name = match mode {
                AuthenticationMode::Bearer => "bearer",
                AuthenticationMode::Basic => "basic",
                AuthenticationMode::Tls => "tls",
                AuthenticationMode::Custom => "custom",
            };
            if !modes.contains(&name) {
                modes.push(name);
            }
        }
        if modes.contains(&"bearer") && modes.contains(&"basic") {
            self.push(
                Finding::new(&rules::INVALID_HEADER, given.place, "bearer and basic exclude each other")
                    .why("both would write the header `Authorization`, and KEDA refuses the trigger")
                    .help("choose one of the two"),
            );
        }
        let name = self.required(&written.name, "name", table.place, "name = \"prometheus-credentials\"")?;
        if !self.object_name(name, "a TriggerAuthentication", 253, "Kubernetes refuses it") {
            return None;
        }
        let cluster = AuthenticationKind::ClusterTriggerAuthentication;
        Some(Authentication {
            name: name.value.clone(),
            cluster_wide: written.kind.value() == Some(&cluster),
            modes,
        })
    }

    /// A key that an older KEDA does not have.
    pub(super) fn needs_keda(&mut self, keda: Version, since: (u16, u16), what: &str, place: Option<Place>) {
        if let Some(place) = place
            && !keda.at_least(since.0, since.1)
        {
            self.push(
                Finding::new(
                    &rules::UNSUPPORTED_FEATURE,
                    place,
                    format!("`{what}` needs KEDA {}.{}, and the policy states {keda}", since.0, since.1),
                )
                .why("an older KEDA ignores it in silence or refuses the ScaledObject")
                .help(format!(
                    "leave it out, or state `[keda] version = \"{}.{}\"` once you run that",
                    since.0, since.1
                )),
            );
        }
    }
}

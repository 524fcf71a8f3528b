//! `[metrics]`.

use super::names::shown;
use super::{Checker, rules};
use crate::finding::Finding;
use crate::policy::valid::Metrics;
use crate::policy::written::{Discovery, Document, Scheme};
use crate::source::{Place, Placed};

impl Checker<'_> {
    pub(super) fn metrics(&mut self, document: &Document) -> Option<Metrics> {
        let table = document.metrics.get()?;
        let written = &table.value;
        let interval = self
            .seconds(
                &written.interval,
                "the scrape interval",
                1..=3600,
                "Prometheus forgets a series after 5 minutes without a sample",
            )
            .unwrap_or(Placed::new(15, table.place));
        let path = self.path(written.path.get());
        let mut discovery: Vec<Discovery> = match written.discovery.get() {
            None => vec![Discovery::ServiceMonitor, Discovery::ScrapeConfig],
            Some(list) => list.value.iter().filter_map(|way| way.value().copied()).collect(),
        };
        discovery.sort();
        discovery.dedup();
        if discovery.is_empty()
            && let Some(list) = written.discovery.get()
            && list.value.is_empty()
        {
            self.push(
                Finding::new(&rules::MISSING_KEY, list.place, "no way of finding the pods is left")
                    .why("nobody would scrape them, and every signal from the pods would be missing")
                    .help("write `discovery = [\"service-monitor\"]`, or leave `[metrics]` out altogether"),
            );
        }
        let service = self.kubernetes_labels(&written.service);
        let example = "port = { name = \"http\", number = 8000 }";
        let port = self.required(&written.port, "port", table.place, example)?;
        let (port_name, port_number) = self.port(port)?;
        Some(Metrics {
            place: table.place,
            port_name,
            port_number,
            path,
            scheme: written.scheme.value().copied().unwrap_or(Scheme::Http),
            interval,
            discovery,
            service,
        })
    }

    fn path(&mut self, field: Option<&Placed<String>>) -> String {
        let Some(path) = field else {
            return "/metrics".to_string();
        };
        let text = &path.value;
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && c.is_ascii();
        if !text.starts_with('/') || !text.chars().all(plain) || text.contains(['?', '#']) {
            self.push(
                Finding::new(
                    &rules::INVALID_ADDRESS,
                    path.place,
                    format!("{} is not an HTTP path", shown(text)),
                )
                .why("Prometheus would ask for another page, and the target would be down")
                .help("write a path that begins with `/`, such as \"/metrics\""),
            );
        }
        text.clone()
    }

    fn port(&mut self, port: &Placed<crate::policy::written::Port>) -> Option<(String, Option<u16>)> {
        let number = port.value.number.get().and_then(|number| {
            let valid = u16::try_from(number.value).ok().filter(|number| *number > 0);
            if valid.is_none() {
                self.push(
                    Finding::new(
                        &rules::OUT_OF_RANGE,
                        number.place,
                        format!("{} is not a port", number.value),
                    )
                    .help("ports go from 1 to 65535"),
                );
            }
            valid
        });
        let name = self.required(&port.value.name, "name", port.place, "name = \"http\"")?;
        self.port_name(&name.value, name.place).then(|| (name.value.clone(), number))
    }

    /// Source: kubernetes/apimachinery pkg/util/validation, IsValidPortName.
    fn port_name(&mut self, name: &str, place: Place) -> bool {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = !name.is_empty()
            && name.len() <= 15
            && name.bytes().all(inner)
            && name.bytes().any(|byte| byte.is_ascii_lowercase())
            && !name.starts_with('-')
            && !name.ends_with('-')
            && !name.contains("--");
        if valid {
            return true;
        }
        let finding =
            Finding::new(&rules::INVALID_NAME, place, format!("{} is not the name of a port", shown(name)));
        let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        self.push(if digits {
            finding
                .why("a ServiceMonitor finds a port by its name; a number finds nothing, and nobody says so")
                .help(format!(
                    "name the port on the Service and write `port = {{ name = \"http\", number = {name} }}`"
                ))
        } else {
            finding
                .help("at most 15 lower-case letters, digits and `-`, at least one letter, such as \"http\"")
        });
        false
    }
}

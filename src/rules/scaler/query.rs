//! The query of a Prometheus trigger, under the eyes of the rules for queries.

use super::cards::OWN_SCRAPES;
use super::{Checker, Trigger, View, is_known};
use crate::finding::Finding;
use crate::lint::{About, Context, Role, Scaler, lint, syntax};
use crate::manifest::{Entry, Node, raw_offset};
use crate::model::MetricType;
use crate::promql::{Expression, Target, parse};
use crate::source::{Place, Span};

/// Metrics of the endpoint that Prometheus reads, by the beginnings of their names.
const SCRAPES: [&str; 2] = ["promhttp_metric_handler_", "scrape_"];

impl Checker<'_> {
    pub(super) fn query(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("query") else { return };
        let Some(text) = entry.node.as_str().filter(|text| is_known(text)) else { return };
        let lints = match parse(
            text,
            &Target::version(self.versions.prometheus.major, self.versions.prometheus.minor),
        ) {
            Ok(expression) => {
                self.own_scrapes(entry, text, &expression);
                lint(&expression, &self.context(view, trigger))
            }
            Err(errors) => syntax(&errors, &Role::default()),
        };
        for lint in lints {
            let mut finding = lint.finding(|span| self.inside(&entry.node, text, span));
            let threshold = trigger.entry("threshold").map(|entry| self.place(&entry.node));
            if let (About::Threshold, Some(threshold)) = (lint.about, threshold) {
                let query = std::mem::replace(&mut finding.place, threshold);
                let label = finding.label.take().unwrap_or_else(|| "the query".to_string());
                finding = finding.related(query, label);
            }
            // A repair is for the text of the query; in quotes with escapes it would need escapes of its own.
            let raw = &self.sources.get(finding.place.file).text[entry.node.span.range()];
            if raw.starts_with(['"', '\''])
                && finding.fix.as_ref().is_some_and(|fix| {
                    fix.edits.iter().any(|edit| edit.replacement.contains(['"', '\'', '\\']))
                })
            {
                finding.fix = None;
            }
            self.push(finding);
        }
    }

    /// Source: prometheus/client_golang prometheus/promhttp/instrument_server.go and http.go: the handler counts who reads
    /// the metrics, which is Prometheus.
    fn own_scrapes(&mut self, entry: &Entry, text: &str, expression: &Expression) {
        for selector in expression.selectors() {
            let Some(name) = selector.name.filter(|name| SCRAPES.iter().any(|start| name.starts_with(start)))
            else {
                continue;
            };
            let start = selector.span.start as usize;
            let place = self.inside(&entry.node, text, Span::new(start, start + name.len()));
            self.push(
                Finding::new(&OWN_SCRAPES, place, format!("`{name}` counts how often Prometheus itself scrapes"))
                    .why("it says nothing of the load; each new pod adds scrapes of its own, and asks for more pods")
                    .help("count the requests of users: a metric of the application, or of the ingress"),
            );
        }
    }

    fn context(&self, view: &View<'_>, trigger: &Trigger<'_>) -> Context {
        let metric_type = match trigger.metric_type {
            Some("Value") => Some(MetricType::Value),
            None | Some("AverageValue") => Some(MetricType::AverageValue),
            Some(_) => None,
        };
        let ignore = trigger.value("ignoreNullValues");
        // With a formula neither threshold nor metric type of a trigger count.
        let formula = view.has_formula();
        Context {
            role: Role::Scaler(Scaler {
                threshold: trigger.number("threshold").filter(|_| !formula),
                activation: trigger.number("activationThreshold"),
                metric_type: metric_type.filter(|_| !formula),
                ignore_null_values: ignore.map(|text| text != "false"),
                has_fallback: view.entry("fallback").is_some(),
                unit: None,
            }),
            ..Context::default()
        }
    }

    /// A stretch of a scalar's value, in the file.
    pub(super) fn inside(&self, node: &Node, value: &str, span: Span) -> Place {
        let file = self.object.document.file;
        let raw = self.sources.get(file).text.get(node.span.range()).unwrap_or_default();
        let base = node.span.start as usize;
        let start = base + raw_offset(raw, value, span.start as usize);
        let end = base + raw_offset(raw, value, span.end as usize);
        Place::new(file, Span::new(start, end.max(start)))
    }
}

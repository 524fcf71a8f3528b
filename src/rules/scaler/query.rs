//! The query of a Prometheus trigger, under the eyes of the rules for queries.

use super::cards::{CONSTANT_QUERY, OWN_SCRAPES};
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Rule, Severity};
use crate::lint::{About, Context, Role, Scaler, lint, rules, syntax};
use crate::manifest::{Entry, Node, raw_offset};
use crate::model::MetricType;
use crate::promql::{Expression, Facts, Target, ValueType, analyse, parse};
use crate::source::{Place, Span};

/// Metrics of the endpoint that Prometheus reads, by the beginnings of their names.
const SCRAPES: [&str; 2] = ["promhttp_metric_handler_", "scrape_"];

impl Checker<'_> {
    pub(super) fn query(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("query") else { return };
        let Some(text) = entry.node.as_str().filter(|text| is_known(text)) else { return };
        // Told as a key that is missing.
        if text.trim().is_empty() {
            return;
        }
        if self.placeholder_query(trigger, entry) {
            return;
        }
        let mut counts_itself = false;
        let lints = match parse(
            text,
            &Target::version(self.versions.prometheus.major, self.versions.prometheus.minor),
        ) {
            Ok(expression) => {
                self.own_scrapes(entry, text, &expression);
                self.constant(view, trigger, entry, &expression);
                counts_itself = self.counts_itself(view, trigger, entry, &expression);
                lint(&expression, &self.context(view, trigger))
            }
            Err(errors) => syntax(&errors, &Role::default()),
        };
        // A count of the pods themselves is no better with another metric type; a ScaledJob has no HPA.
        let is_moot = |rule: &&Rule| {
            counts_itself && *rule == &rules::TOTAL_NOT_DIVIDED
                || self.is_job() && super::job::OF_HPAS.contains(rule)
        };
        // Source: kedacore/keda pkg/scalers/prometheus_scaler.go: a `namespace` goes along as a parameter of the request, by
        // which the port for tenants of Thanos Querier, or a prom-label-proxy, limits every selector.
        let is_limited = trigger.value("namespace").is_some_and(|text| !text.is_empty());
        let is_said = |rule: &&Rule| is_limited && *rule == &rules::UNSCOPED;
        let lints: Vec<_> =
            lints.into_iter().filter(|lint| !is_moot(&lint.rule) && !is_said(&lint.rule)).collect();
        for lint in lints {
            let mut finding = lint.finding(|span| self.inside(&entry.node, text, span));
            self.not_a_number_of_old(&mut finding);
            if finding.rule == &rules::BELOW_RESOLUTION
                && trigger.number("threshold").is_some_and(|value| value <= 0.0)
            {
                finding.help = Some("write a positive number: the load of one pod".to_string());
            }
            // The query has divided already; the HPA does it once more.
            if finding.rule == &rules::LEVEL_DIVIDED && divides_by_replicas(text) {
                finding.help = Some(
                    "leave the division by the number of pods out of the query: with AverageValue the HPA divides by it; or keep it, and write `metricType: Value`"
                        .to_string(),
                );
            }
            if finding.rule == &rules::LEVEL_DIVIDED
                && finding.message.starts_with("a level")
                && finding.severity == Severity::Warning
            {
                finding.why = view.steps(trigger).or(finding.why);
            }
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

    /// NaN is known to KEDA since 2.20; what it was before depends on the machine.
    ///
    /// Source: kedacore/keda CHANGELOG.md 2.20; pkg/scalers/scaler.go, GenerateMetricInMili before.
    fn not_a_number_of_old(&self, finding: &mut Finding) {
        const ABOUT: [&Rule; 2] = [&rules::NAN_WHEN_IDLE, &rules::DIVISION_BY_ZERO];
        if self.versions.keda.at_least(2, 20) || !ABOUT.contains(&finding.rule) {
            return;
        }
        finding.why = Some(format!(
            "KEDA {} does not know NaN: it becomes a huge negative number, about -9.2e15, whatever `ignoreNullValues` says; Kubernetes 1.34 and later read that as the largest number there is, and scale to the maximum",
            self.versions.keda
        ));
        finding.severity = finding.severity.max(Severity::Warning);
    }

    /// Numbers alone, which no metric changes.
    fn constant(&mut self, view: &View<'_>, trigger: &Trigger<'_>, entry: &Entry, expression: &Expression) {
        if !expression.selectors().is_empty()
            || expression.value_type() != ValueType::Vector
            || asks_the_clock(expression)
        {
            return;
        }
        let facts = Facts::default();
        let analysis = analyse(expression, &facts);
        let value = analysis.root().constant;
        let threshold = trigger.number("threshold").filter(|value| *value > 0.0 && !view.has_formula());
        let why = match (value, threshold, trigger.metric_type.unwrap_or("AverageValue")) {
            (Some(value), Some(threshold), "AverageValue") => {
                let pods = (value / threshold).ceil().max(0.0);
                format!(
                    "it is the same whatever the load: always {value}/{threshold}, rounded up, that is {pods} pod{}",
                    if pods == 1.0 { "" } else { "s" }
                )
            }
            _ => "it is the same whatever the load".to_string(),
        };
        let place = self.place(&entry.node);
        self.push(
            Finding::new(&CONSTANT_QUERY, place, "the query asks for no metric")
                .why(why)
                .help("ask for a metric of the load; for a fixed number of pods write `minReplicaCount`, for hours of the day a cron trigger"),
        );
    }

    fn context(&self, view: &View<'_>, trigger: &Trigger<'_>) -> Context {
        let metric_type = match trigger.metric_type {
            Some("Value") => Some(MetricType::Value),
            None | Some("AverageValue") => Some(MetricType::AverageValue),
            Some(_) => None,
        };
        // No HPA divides by the number of pods.
        let metric_type = metric_type.filter(|_| !self.is_job());
        // With a formula neither threshold nor metric type of a trigger count.
        let formula = view.has_formula();
        Context {
            role: Role::Scaler(Scaler {
                threshold: trigger.number("threshold").filter(|_| !formula),
                activation: trigger.number("activationThreshold").filter(|_| !formula),
                metric_type: metric_type.filter(|_| !formula),
                ignore_null_values: trigger.ignores_null_values(),
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

/// Whether the time of the day goes into it: `hour() > bool 8` is a schedule of its own.
fn asks_the_clock(expression: &Expression) -> bool {
    const CLOCK: [&str; 8] =
        ["time", "hour", "minute", "month", "year", "day_of_week", "day_of_month", "day_of_year"];
    CLOCK.iter().any(|name| expression.text.contains(&format!("{name}(")))
}

/// Whether a query divides by a number of replicas that kube-state-metrics tells.
fn divides_by_replicas(text: &str) -> bool {
    const REPLICAS: [&str; 4] = [
        "kube_deployment_status_replicas",
        "kube_deployment_spec_replicas",
        "kube_statefulset_replicas",
        "kube_statefulset_status_replicas",
    ];
    text.split('/').skip(1).any(|divisor| {
        REPLICAS.iter().any(|name| divisor.contains(name))
            // `count(up{…})` counts the pods that are scraped.
            || divisor.trim_start().trim_start_matches('(').starts_with("count(") && divisor.contains("up{")
            || ["kube_pod_info", "kube_pod_status_ready", "kube_pod_status_phase"].iter().any(|name| divisor.contains(name))
    })
}

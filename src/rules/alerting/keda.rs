//! Alerts on KEDA's own metrics.
//!
//! Sources: kedacore/keda pkg/metricscollector/prommetrics.go; kedacore/keda-docs content/docs/integrations/prometheus.md
//! (names removed in 2.17, those of the metrics server in 2.11).

use super::{REMOVED_METRIC, TRIGGER_INDEX};
use crate::finding::{Finding, Severity};
use crate::model::Versions;
use crate::promql::Expression;
use crate::source::{Place, Span};

/// Names that KEDA had, and what they are called now.
const RENAMED: [(&str, &str); 11] = [
    ("keda_scaler_metrics_latency", "keda_scaler_metrics_latency_seconds"),
    ("keda_scaler_errors", "keda_scaler_detail_errors_total"),
    ("keda_scaler_errors_total", "keda_scaler_detail_errors_total"),
    ("keda_scaled_object_errors", "keda_scaled_object_errors_total"),
    ("keda_scaled_job_errors", "keda_scaled_job_errors_total"),
    ("keda_resource_totals", "keda_resource_registered_total"),
    ("keda_trigger_totals", "keda_trigger_registered_total"),
    ("keda_internal_scale_loop_latency", "keda_internal_scale_loop_latency_seconds"),
    ("keda_metrics_adapter_scaler_metrics_value", "keda_scaler_metrics_value"),
    ("keda_metrics_adapter_scaler_errors", "keda_scaler_detail_errors_total"),
    ("keda_metrics_adapter_scaler_errors_total", "keda_scaler_detail_errors_total"),
];

/// What is wrong with a query about KEDA.
pub(super) fn check(
    expression: &Expression,
    versions: &Versions,
    is_alert: bool,
    place: impl Fn(Span) -> Place,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for selector in expression.selectors() {
        let Some(name) = selector.name.as_deref().filter(|name| name.starts_with("keda_")) else { continue };
        let start = selector.span.start as usize;
        let whole = place(Span::new(start, start + name.len()));
        let renamed = RENAMED.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
        let of_adapter = name.starts_with("keda_metrics_adapter_");
        let is_gone = versions.keda.at_least(2, if of_adapter { 11 } else { 17 });
        if is_gone && (renamed.is_some() || of_adapter) {
            let new = renamed.unwrap_or("keda_scaled_object_errors_total");
            let why = if is_alert { "the alert never fires" } else { "the query is always empty" };
            findings.push(
                Finding::new(&REMOVED_METRIC, whole, format!("KEDA {} has no `{name}`", versions.keda))
                    .why(why)
                    .help(format!("write `{new}`"))
                    .replace(false, format!("write `{new}`"), whole, new),
            );
        }
        for matcher in selector.matchers.iter().filter(|matcher| matcher.name == "metric") {
            let index = matcher.value.strip_prefix('s').and_then(|rest| rest.split_once('-'));
            if index.is_some_and(|(digits, _)| {
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            }) {
                let mut finding = Finding::new(
                    &TRIGGER_INDEX,
                    place(matcher.span),
                    format!("`{}` is the trigger at this position", matcher.value),
                )
                .why("a trigger that is added before it takes its number: the alert then speaks of another metric")
                .help("give the trigger a `name`, and ask by `scaler=\"<name>\"`");
                finding.severity = Severity::Note;
                findings.push(finding);
            }
        }
    }
    findings
}

//! Labels that Istio's standard metrics do not have.
//!
//! Source: istio/istio.io content/en/docs/reference/config/metrics/index.md: the labels are a closed list; others come from
//! `tagOverrides` of a Telemetry object, or from settings of the installation.

use super::STANDARD_LABEL;
use super::walk::Alert;
use crate::finding::{Finding, nearest};
use crate::inventory::Inventory;
use crate::manifest::has_variable;

const LABELS: [&str; 24] = [
    "connection_security_policy",
    "destination_app",
    "destination_canonical_revision",
    "destination_canonical_service",
    "destination_cluster",
    "destination_principal",
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
    "destination_version",
    "destination_workload",
    "destination_workload_namespace",
    "grpc_response_status",
    "reporter",
    "request_protocol",
    "response_code",
    "response_flags",
    "source_app",
    "source_canonical_revision",
    "source_canonical_service",
    "source_cluster",
    "source_principal",
    "source_workload",
    "source_workload_namespace",
];

/// Names of labels that describe a request, and not the pod that was scraped.
const OF_REQUESTS: [&str; 6] = ["request_", "response_", "destination_", "source_", "grpc_", "connection_"];

/// The metrics that are written by this list.
fn is_standard(metric: &str) -> bool {
    const STARTS: [&str; 6] = [
        "istio_requests_total",
        "istio_request_duration_milliseconds",
        "istio_request_bytes",
        "istio_response_bytes",
        "istio_request_messages_total",
        "istio_response_messages_total",
    ];
    STARTS.iter().any(|start| metric.starts_with(start)) || metric.starts_with("istio_tcp_")
}

/// Whether something here gives the metrics more labels, or may.
pub(super) fn is_extended(inventory: &Inventory<'_>) -> bool {
    inventory.objects.iter().any(|object| match object.kind() {
        // Without `metrics` in it a Telemetry is about logs or traces.
        "Telemetry" => object.at(&["spec", "metrics"]).is_some() || object.is_fragment,
        "IstioOperator" | "EnvoyFilter" => true,
        _ => {
            object.at(&["telemetry"]).is_some()
                || object.at(&["pilot"]).is_some()
                || object.at(&["meshConfig"]).is_some()
        }
    })
}

/// `destination_service="checkout"`: the label holds the whole name of the host.
fn short(alert: &Alert<'_>) -> Option<Finding> {
    alert.expression.selectors().into_iter().find_map(|selector| {
        selector.name.as_deref().filter(|name| is_standard(name))?;
        let matcher = selector.matchers.iter().find(|matcher| {
            let value = matcher.value.as_str();
            matcher.name == "destination_service"
                && matcher.operator == crate::promql::MatchOperator::Equal
                && !value.is_empty()
                && value != "unknown"
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })?;
        let value = &matcher.value;
        Some(
            Finding::new(
                &STANDARD_LABEL,
                alert.place(matcher.span),
                format!("`destination_service` is never `{value}` alone"),
            )
            .why("the label holds the whole name of the host, as in `checkout.shop.svc.cluster.local`: no series matches, and an alert never fires")
            .help(format!("write `destination_service_name=\"{value}\"`, or `destination_service=~\"{value}\\\\..+\"`")),
        )
    })
}

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    if let Some(finding) = short(alert) {
        return Some(finding);
    }
    for selector in alert.expression.selectors() {
        let Some(metric) = selector.name.as_deref().filter(|name| is_standard(name)) else { continue };
        let unknown = selector.matchers.iter().find(|matcher| {
            let name = matcher.name.as_str();
            OF_REQUESTS.iter().any(|start| name.starts_with(start))
                && !LABELS.contains(&name)
                && name != "source_workload_type"
                && matcher.excludes_empty()
                && !has_variable(&matcher.value)
        });
        let Some(matcher) = unknown else { continue };
        let name = &matcher.name;
        let finding = Finding::new(
            &STANDARD_LABEL,
            alert.place(matcher.span),
            format!("`{metric}` has no label `{name}`"),
        )
        .why("the labels of Istio's metrics are a closed list, and no Telemetry among these files adds to it: no series matches, and an alert never fires");
        let ways = format!("add it with `tagOverrides: {{{name}: {{value: …}}}}` in a Telemetry object");
        return Some(match (name.as_str(), nearest(name, LABELS)) {
            ("request_host" | "request_authority", _) => {
                finding.help(format!("write `destination_service=\"…\"`, or {ways}"))
            }
            (_, Some(near)) => finding.help(format!("did you mean `{near}`? Otherwise {ways}")),
            (_, None) => finding.help(ways),
        });
    }
    None
}

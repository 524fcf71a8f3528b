//! Rules that look at labels which the role of their discovery never gives.
//!
//! Sources: prometheus/prometheus discovery/kubernetes/pod.go, service.go, endpoints.go, endpointslice.go, ingress.go and
//! node.go; docs/configuration/configuration.md, kubernetes_sd_config.

use super::config::Job;
use super::pattern::{Fit, fit};
use super::relabel::{field, sources};
use super::rules::NEVER_FITS;
use crate::finding::{Finding, Severity};
use crate::manifest::Node;

const START: &str = "__meta_kubernetes_";

/// What the labels of each role begin with, behind `__meta_kubernetes_`.
const ROLES: [(&str, &[&str]); 6] = [
    ("pod", &["namespace", "pod_", "node_"]),
    ("service", &["namespace", "service_"]),
    ("endpoints", &["namespace", "endpoint_", "endpoints_", "service_", "pod_", "node_"]),
    ("endpointslice", &["namespace", "endpointslice_", "service_", "pod_", "node_"]),
    ("ingress", &["namespace", "ingress_"]),
    ("node", &["node_"]),
];

/// The first rule of a job that goes by a label which is never there.
pub fn check(job: &Job) -> Option<Finding> {
    let discoveries = job.list("kubernetes_sd_configs", "kubernetesSDConfigs");
    let mut given: Vec<&str> = Vec::new();
    let mut roles: Vec<&str> = Vec::new();
    for discovery in discoveries {
        let written = discovery.get("role").and_then(Node::as_str)?;
        let (role, starts) = ROLES.iter().find(|(role, _)| role.eq_ignore_ascii_case(written))?;
        given.extend(*starts);
        roles.push(role);
    }
    if given.is_empty() || has_others(job) {
        return None;
    }
    job.list("relabel_configs", "relabelings").iter().find_map(|rule| {
        let strange = |name: &&str| {
            name.strip_prefix(START).is_some_and(|rest| !given.iter().any(|start| rest.starts_with(start)))
        };
        let name = sources(rule).find(strange)?;
        let action = field(rule, "action", "action").and_then(Node::as_written);
        let action = action.unwrap_or_else(|| "replace".to_string()).to_lowercase();
        let target = field(rule, "target_label", "targetLabel").and_then(Node::as_str).unwrap_or_default();
        let pattern = field(rule, "regex", "regex").and_then(Node::as_written).unwrap_or_else(|| "(.*)".to_string());
        let is_alone = sources(rule).count() == 1;
        let why = match action.as_str() {
            // Of several labels the others may be enough.
            "keep" if is_alone && fit(&pattern, "") == Some(Fit::No) => {
                "the label is empty on every target, so that the rule drops all of them: nothing is scraped, and no error tells"
            }
            "replace" if matches!(target, "__address__" | "__metrics_path__" | "__scheme__") => {
                "the label is empty on every target: the rule is passed over, what is written there is never read, and no error tells"
            }
            _ => return None,
        };
        let list = field(rule, "source_labels", "sourceLabels")?;
        let node = list.items().iter().find(|item| item.as_str() == Some(name)).unwrap_or(list);
        let roles = roles.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(" and ");
        let mut finding = Finding::new(
            &NEVER_FITS,
            job.place(node),
            format!("the role {roles} gives no label `{name}`"),
        )
        .why(why)
        .help(instead(name, &roles));
        if action == "keep" {
            finding.severity = Severity::Error;
        }
        Some(finding)
    })
}

/// Whether targets come from elsewhere as well, which may bring such labels.
fn has_others(job: &Job) -> bool {
    let is_other = |key: &str| {
        (key.ends_with("_sd_configs") || key.ends_with("SDConfigs") || key == "static_configs")
            && !["kubernetes_sd_configs", "kubernetesSDConfigs"].contains(&key)
    };
    job.node.entries().iter().any(|entry| is_other(&entry.key))
}

fn instead(name: &str, roles: &str) -> String {
    let rest = name.strip_prefix(START).unwrap_or(name);
    match rest.split('_').next().unwrap_or_default() {
        "service" if roles == "`pod`" => {
            format!(
                "discover with `role: endpoints`, which knows Services and pods, or write `{START}pod_{}`",
                rest.strip_prefix("service_").unwrap_or(rest)
            )
        }
        "service" | "endpoint" | "endpoints" | "endpointslice" => {
            "discover with `role: endpoints`".to_string()
        }
        "pod" => "discover with `role: pod`, or with `role: endpoints`".to_string(),
        "ingress" => "discover with `role: ingress`".to_string(),
        _ => "look at a label that this role gives".to_string(),
    }
}

//! Labels of Kubernetes objects that kube-state-metrics is not told to give.
//!
//! Source: kubernetes/kube-state-metrics docs/developer/cli-arguments.md, metric-labels-allowlist: without it the
//! `kube_…_labels` metrics carry no label of the objects.

use super::NO_SUCH_SERIES;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// What is allowed: `pods=[team,app]`, and where that stands.
pub(super) struct Allowed {
    entries: Vec<(String, Vec<String>)>,
    place: Place,
}

/// Resources by the names of their metrics.
const RESOURCES: [(&str, &str); 11] = [
    ("kube_pod_labels", "pods"),
    ("kube_deployment_labels", "deployments"),
    ("kube_statefulset_labels", "statefulsets"),
    ("kube_daemonset_labels", "daemonsets"),
    ("kube_node_labels", "nodes"),
    ("kube_namespace_labels", "namespaces"),
    ("kube_service_labels", "services"),
    ("kube_job_labels", "jobs"),
    ("kube_cronjob_labels", "cronjobs"),
    ("kube_ingress_labels", "ingresses"),
    ("kube_persistentvolumeclaim_labels", "persistentvolumeclaims"),
];

/// The only list of allowed labels among the files; None where there is none, or where several say different things.
pub(super) fn allowed(inventory: &Inventory<'_>) -> Option<Allowed> {
    let mut found: Vec<Allowed> = Vec::new();
    for object in &inventory.objects {
        if ["", "HelmRelease", "Application"].contains(&object.kind()) {
            values(&object.document.node, 0, &mut |node| {
                let texts: Option<Vec<&str>> = node
                    .items()
                    .iter()
                    .map(|item| item.as_str().filter(|text| !has_variable(text)))
                    .collect();
                if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
                    found.push(Allowed {
                        entries: texts.iter().flat_map(|text| read(text)).collect(),
                        place: object.place(node),
                    });
                }
            });
        }
        for container in object.containers() {
            for arg in container.get("args").map(Node::items).unwrap_or_default() {
                if let Some(text) =
                    arg.as_str().and_then(|text| text.strip_prefix("--metric-labels-allowlist="))
                {
                    found.push(Allowed { entries: read(text), place: object.place(arg) });
                }
            }
        }
    }
    (found.len() == 1).then(|| found.pop()).flatten()
}

fn values<'n>(node: &'n Node, depth: usize, take: &mut impl FnMut(&'n Node)) {
    const MOST_LEVELS: usize = 8;
    if depth > MOST_LEVELS {
        return;
    }
    for entry in node.entries() {
        if entry.key == "metricLabelsAllowlist" {
            take(&entry.node);
        } else {
            values(&entry.node, depth + 1, take);
        }
    }
}

/// `pods=[team,app],nodes=[*]`.
fn read(text: &str) -> Vec<(String, Vec<String>)> {
    let parts = text.split(']').filter_map(|part| part.trim_start_matches(',').split_once("=["));
    parts
        .map(|(resource, labels)| {
            (resource.trim().to_string(), labels.split(',').map(|label| label.trim().to_string()).collect())
        })
        .collect()
}

pub(super) fn check(query: &Alert<'_>, allowed: &Allowed) -> Option<Finding> {
    query.expression.selectors().into_iter().find_map(|selector| {
        let name = selector.name.as_deref()?;
        let (_, resource) = RESOURCES.iter().find(|(metric, _)| *metric == name)?;
        let matcher = selector
            .matchers
            .iter()
            .find(|matcher| matcher.name.starts_with("label_") && matcher.excludes_empty())?;
        let wanted = matcher.name.strip_prefix("label_")?;
        let sanitized = |label: &str| label.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let gives = allowed.entries.iter().any(|(own, labels)| {
            (own == resource || own == "*")
                && labels.iter().any(|label| label == "*" || sanitized(label) == wanted)
        });
        if gives {
            return None;
        }
        let mut finding = Finding::new(
            &NO_SUCH_SERIES,
            query.place(matcher.span),
            format!("kube-state-metrics is not told to give the label `{wanted}` of {resource}"),
        )
        .related(allowed.place, "these are the labels that it gives")
        .why("no series is selected: an alert never fires, and no error tells")
        .help(format!("write `{resource}=[{wanted}]` there"));
        finding.severity = Severity::Error;
        Some(finding)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        let read = read("pods=[team,app.kubernetes.io/name],nodes=[*]");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].1, ["team", "app.kubernetes.io/name"]);
        assert_eq!(read[1], ("nodes".to_string(), vec!["*".to_string()]));
    }
}

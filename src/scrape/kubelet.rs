//! Which of the kubelet's pages a job of nodes asks for.
//!
//! Sources: kubernetes/kubernetes pkg/kubelet/server/server.go (`/metrics`, `/metrics/cadvisor`, `/metrics/resource`);
//! pkg/kubelet/metrics/collectors/resource_metrics.go; prometheus/prometheus documentation/examples/prometheus-kubernetes.yml.

use super::config::Job;
use super::relabel;
use crate::manifest::Node;

/// A page of the kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Of the containers.
    Cadvisor,
    /// What the metrics server asks for.
    Resource,
    /// Of the kubelet itself, without a word of containers.
    Own,
    /// Of the node exporter, which listens on the same machines.
    Machine,
    /// Decided in the cluster.
    Unknown,
}

/// Metrics of containers at `/metrics/resource`.
const OF_RESOURCES: [&str; 4] = [
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "container_start_time_seconds",
    "container_swap_usage_bytes",
];

impl Page {
    /// Whether a metric of cAdvisor stands on it; None: it cannot be told.
    pub fn has(self, metric: &str) -> Option<bool> {
        match self {
            Page::Cadvisor => Some(true),
            Page::Resource => Some(OF_RESOURCES.contains(&metric)),
            Page::Own | Page::Machine => Some(false),
            Page::Unknown => None,
        }
    }
}

/// The page that a job asks of every node; None where it does not look for nodes.
pub fn page(job: &Job) -> Option<Page> {
    let finders = job.list("kubernetes_sd_configs", "kubernetesSDConfigs");
    let is_node = |finder: &Node| {
        finder.get("role").and_then(Node::as_str).is_some_and(|role| role.eq_ignore_ascii_case("node"))
    };
    if !finders.iter().any(is_node) {
        return None;
    }
    let written = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath"));
    let mut pages = vec![written.and_then(Node::as_written).map_or(Page::Own, |path| of_path(&path))];
    for rule in job.list("relabel_configs", "relabelings") {
        let field = |plain: &str, camel: &str| relabel::field(rule, plain, camel).and_then(Node::as_written);
        let replacement = field("replacement", "replacement").unwrap_or_else(|| "$1".to_string());
        match field("target_label", "targetLabel").as_deref() {
            Some("__metrics_path__") => pages.push(of_path(&replacement)),
            Some("__address__") if replacement.ends_with(":9100") => pages.push(Page::Machine),
            Some("__address__") if !is_of_the_kubelet(&replacement) => pages.push(Page::Unknown),
            // `__param_…` and the like say what somebody else is asked.
            Some(label) if label.starts_with("__param_") => pages.push(Page::Unknown),
            _ => {}
        }
    }
    let has = |page: Page| pages.contains(&page);
    let order = [Page::Cadvisor, Page::Unknown, Page::Machine, Page::Resource];
    order.into_iter().find(|page| has(*page)).or(Some(Page::Own))
}

fn of_path(path: &str) -> Page {
    if path.contains("cadvisor") {
        Page::Cadvisor
    } else if path.ends_with("/metrics/resource") {
        Page::Resource
    } else if path == "/metrics" || path.ends_with("/proxy/metrics") {
        Page::Own
    } else {
        Page::Unknown
    }
}

/// The API server, which passes on to it, or one of its own ports.
fn is_of_the_kubelet(address: &str) -> bool {
    address.starts_with("kubernetes.default") || address.ends_with(":10250") || address.ends_with(":10255")
}

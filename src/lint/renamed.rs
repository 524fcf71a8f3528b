//! Metrics that have had another name for years: whoever copies an old rule asks for series that nobody gives any more.
//!
//! Sources: kubernetes/kube-state-metrics CHANGELOG.md (2.0.0); prometheus/node_exporter CHANGELOG.md (0.16.0);
//! coredns/coredns notes/coredns-1.7.0.md; argoproj/argo-cd docs/operator-manual/upgrading/1.4-1.5.md; kubernetes/kubernetes
//! CHANGELOG/CHANGELOG-1.14.md and CHANGELOG-1.16.md; istio/istio.io content/en/news/releases/1.5.x; traefik/traefik v2
//! docs/content/migration; NVIDIA/dcgm-exporter etc/default-counters.csv; fluxcd/flux2 release notes of 2.1.0.

use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::promql::ast::Selector;
use crate::source::Span;

/// Whole names: the old one, what to write now, and since when.
const NAMES: [(&str, &str, &str); 72] = [
    (
        "kube_pod_container_resource_requests_cpu_cores",
        "kube_pod_container_resource_requests{resource=\"cpu\"}",
        KSM,
    ),
    (
        "kube_pod_container_resource_requests_memory_bytes",
        "kube_pod_container_resource_requests{resource=\"memory\"}",
        KSM,
    ),
    (
        "kube_pod_container_resource_limits_cpu_cores",
        "kube_pod_container_resource_limits{resource=\"cpu\"}",
        KSM,
    ),
    (
        "kube_pod_container_resource_limits_memory_bytes",
        "kube_pod_container_resource_limits{resource=\"memory\"}",
        KSM,
    ),
    ("kube_node_status_allocatable_cpu_cores", "kube_node_status_allocatable{resource=\"cpu\"}", KSM),
    ("kube_node_status_allocatable_memory_bytes", "kube_node_status_allocatable{resource=\"memory\"}", KSM),
    ("kube_node_status_allocatable_pods", "kube_node_status_allocatable{resource=\"pods\"}", KSM),
    ("kube_node_status_capacity_cpu_cores", "kube_node_status_capacity{resource=\"cpu\"}", KSM),
    ("kube_node_status_capacity_memory_bytes", "kube_node_status_capacity{resource=\"memory\"}", KSM),
    ("kube_node_status_capacity_pods", "kube_node_status_capacity{resource=\"pods\"}", KSM),
    ("kube_daemonset_updated_number_scheduled", "kube_daemonset_status_updated_number_scheduled", KSM),
    ("node_cpu", "node_cpu_seconds_total", NODE),
    ("node_memory_MemTotal", "node_memory_MemTotal_bytes", NODE),
    ("node_memory_MemFree", "node_memory_MemFree_bytes", NODE),
    ("node_memory_MemAvailable", "node_memory_MemAvailable_bytes", NODE),
    ("node_memory_Buffers", "node_memory_Buffers_bytes", NODE),
    ("node_memory_Cached", "node_memory_Cached_bytes", NODE),
    ("node_memory_SwapTotal", "node_memory_SwapTotal_bytes", NODE),
    ("node_memory_SwapFree", "node_memory_SwapFree_bytes", NODE),
    ("node_filesystem_size", "node_filesystem_size_bytes", NODE),
    ("node_filesystem_free", "node_filesystem_free_bytes", NODE),
    ("node_filesystem_avail", "node_filesystem_avail_bytes", NODE),
    ("node_network_receive_bytes", "node_network_receive_bytes_total", NODE),
    ("node_network_transmit_bytes", "node_network_transmit_bytes_total", NODE),
    ("node_network_receive_errs", "node_network_receive_errs_total", NODE),
    ("node_network_transmit_errs", "node_network_transmit_errs_total", NODE),
    ("node_network_receive_drop", "node_network_receive_drop_total", NODE),
    ("node_network_transmit_drop", "node_network_transmit_drop_total", NODE),
    ("node_disk_bytes_read", "node_disk_read_bytes_total", NODE),
    ("node_disk_bytes_written", "node_disk_written_bytes_total", NODE),
    ("node_disk_io_time_ms", "node_disk_io_time_seconds_total", NODE),
    ("node_disk_read_time_ms", "node_disk_read_time_seconds_total", NODE),
    ("node_disk_write_time_ms", "node_disk_write_time_seconds_total", NODE),
    ("node_boot_time", "node_boot_time_seconds", NODE),
    ("node_time", "node_time_seconds", NODE),
    ("node_context_switches", "node_context_switches_total", NODE),
    ("node_forks", "node_forks_total", NODE),
    ("node_intr", "node_intr_total", NODE),
    ("coredns_dns_request_count_total", "coredns_dns_requests_total", DNS),
    ("coredns_dns_request_type_count_total", "coredns_dns_requests_total", DNS),
    ("coredns_dns_response_rcode_count_total", "coredns_dns_responses_total", DNS),
    ("coredns_forward_request_count_total", "coredns_forward_requests_total", DNS),
    ("coredns_forward_response_rcode_count_total", "coredns_forward_responses_total", DNS),
    ("coredns_cache_size", "coredns_cache_entries", DNS),
    ("coredns_panic_count_total", "coredns_panics_total", DNS),
    ("argocd_app_sync_status", "argocd_app_info{sync_status=\"…\"}", ARGO),
    ("argocd_app_health_status", "argocd_app_info{health_status=\"…\"}", ARGO),
    ("apiserver_request_count", "apiserver_request_total", "Kubernetes 1.16"),
    ("apiserver_request_latencies_bucket", "apiserver_request_duration_seconds_bucket", "Kubernetes 1.16"),
    ("apiserver_request_latencies_sum", "apiserver_request_duration_seconds_sum", "Kubernetes 1.16"),
    ("apiserver_request_latencies_count", "apiserver_request_duration_seconds_count", "Kubernetes 1.16"),
    ("apiserver_request_latencies_summary", "apiserver_request_duration_seconds_bucket", "Kubernetes 1.16"),
    ("apiserver_dropped_requests", "apiserver_dropped_requests_total", "Kubernetes 1.16"),
    (
        "scheduler_e2e_scheduling_latency_microseconds_bucket",
        "scheduler_scheduling_attempt_duration_seconds_bucket",
        "Kubernetes 1.16",
    ),
    ("kubelet_running_pod_count", "kubelet_running_pods", "Kubernetes 1.19"),
    ("kubelet_running_container_count", "kubelet_running_containers", "Kubernetes 1.19"),
    ("etcd_object_counts", "apiserver_storage_objects", "Kubernetes 1.23"),
    ("istio_request_duration_seconds_bucket", "istio_request_duration_milliseconds_bucket", "Istio 1.5"),
    ("istio_request_duration_seconds_sum", "istio_request_duration_milliseconds_sum", "Istio 1.5"),
    ("istio_request_duration_seconds_count", "istio_request_duration_milliseconds_count", "Istio 1.5"),
    ("istio_request_count", "istio_requests_total", "Istio 1.0"),
    ("traefik_backend_requests_total", "traefik_service_requests_total", "Traefik 2.0"),
    (
        "traefik_backend_request_duration_seconds_bucket",
        "traefik_service_request_duration_seconds_bucket",
        "Traefik 2.0",
    ),
    (
        "traefik_backend_request_duration_seconds_sum",
        "traefik_service_request_duration_seconds_sum",
        "Traefik 2.0",
    ),
    (
        "traefik_backend_request_duration_seconds_count",
        "traefik_service_request_duration_seconds_count",
        "Traefik 2.0",
    ),
    ("traefik_backend_open_connections", "traefik_open_connections", "Traefik 2.0"),
    ("dcgm_gpu_utilization", "DCGM_FI_DEV_GPU_UTIL", DCGM),
    ("dcgm_mem_copy_utilization", "DCGM_FI_DEV_MEM_COPY_UTIL", DCGM),
    ("dcgm_fb_used", "DCGM_FI_DEV_FB_USED", DCGM),
    ("dcgm_fb_free", "DCGM_FI_DEV_FB_FREE", DCGM),
    ("dcgm_gpu_temp", "DCGM_FI_DEV_GPU_TEMP", DCGM),
    ("gotk_reconcile_condition", "gotk_resource_info{ready=\"…\"}, by kube-state-metrics", "Flux 2.1"),
];

const KSM: &str = "kube-state-metrics 2.0";
const NODE: &str = "node_exporter 0.16";
const DNS: &str = "CoreDNS 1.7";
const ARGO: &str = "Argo CD 1.5";
const DCGM: &str = "dcgm-exporter 2.0";

/// Beginnings of names of which all changed.
const STARTS: [(&str, &str, &str); 1] = [("kube_hpa_", "kube_horizontalpodautoscaler_", KSM)];

/// Labels of cAdvisor and of kube-state-metrics, and what they are called now.
///
/// Source: kubernetes/kubernetes CHANGELOG/CHANGELOG-1.16.md (`pod_name` and `container_name` removed).
const LABELS: [(&str, &str); 2] = [("pod_name", "pod"), ("container_name", "container")];

impl Linter<'_> {
    /// A name that its exporter has given up.
    pub(super) fn renamed(&mut self, index: usize, selector: &Selector) {
        let Some(name) = selector.metric().filter(|_| !selector.is_quoted) else { return };
        let start = self.analysis.nodes[index].node.span.start as usize;
        let span = Span::new(start, start + name.len());
        if self.text.get(span.range()) != Some(name) {
            return;
        }
        let whole = NAMES.iter().find(|(old, ..)| *old == name);
        let found = whole.map(|(_, new, since)| ((*new).to_string(), *since)).or_else(|| {
            let (old, new, since) = STARTS.iter().find(|(old, ..)| name.starts_with(old))?;
            Some((format!("{new}{}", &name[old.len()..]), *since))
        });
        let Some((new, since)) = found else { return };
        // One query for old and new versions alike.
        let stem = new.split(['{', ',']).next().unwrap_or_default();
        if self.analysis.metrics_below(0).contains(&stem) {
            return;
        }
        let lint = Lint::new(&rules::OLD_NAME, span, format!("`{name}` is gone since {since}"))
            .label("an old name")
            .why(self.reads_nothing())
            .help(format!("write `{new}`"));
        // What comes with matchers or words of its own is put in by people.
        let is_plain = new.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.push(if is_plain {
            lint.repair(false, format!("write `{new}`"), replace(span, new))
        } else {
            lint
        });
    }

    /// `container_cpu_usage_seconds_total{pod_name="…"}`: the labels of the kubelet before Kubernetes 1.16.
    pub(super) fn renamed_label(&mut self, selector: &Selector) {
        let Some(name) = selector.metric().filter(|name| is_of_cadvisor(name)) else { return };
        for matcher in selector.matchers.iter().filter(|matcher| matcher.excludes_empty()) {
            let Some((old, new)) = LABELS.iter().find(|(old, _)| matcher.name == *old) else { continue };
            let at = matcher.span.start as usize;
            self.push(
                Lint::new(
                    &rules::OLD_NAME,
                    matcher.span,
                    format!("`{name}` has no label `{old}` since Kubernetes 1.16"),
                )
                .label("an old name")
                .why(self.reads_nothing())
                .help(format!("write `{new}`"))
                .repair(
                    false,
                    format!("write `{new}`"),
                    replace(Span::new(at, at + old.len()), (*new).to_string()),
                ),
            );
        }
    }

    /// `sum by (pod_name) (rate(container_…))`: one group of everything.
    pub(super) fn grouped_by_old(&mut self, index: usize, grouping: &[String], span: Span) {
        let names = self.analysis.metrics_below(index);
        if names.is_empty() || !names.iter().all(|name| is_of_cadvisor(name)) {
            return;
        }
        // `label_replace` may have made it.
        let makes = self.text.contains("label_replace") || self.text.contains("label_join");
        let Some((old, new)) = LABELS.iter().find(|(old, _)| grouping.iter().any(|name| name == old)) else {
            return;
        };
        if makes {
            return;
        }
        self.push(
            Lint::new(
                &rules::OLD_NAME,
                span,
                format!("`{}` has no label `{old}` since Kubernetes 1.16", names[0]),
            )
            .label("grouped by an old name")
            .why(
                "all series have the same empty value in it: what was to be one value each is one sum of all",
            )
            .help(format!("write `{new}`")),
        );
    }
}

fn is_of_cadvisor(name: &str) -> bool {
    ["container_cpu_", "container_memory_", "container_fs_", "container_network_"]
        .iter()
        .any(|start| name.starts_with(start))
}

//! Rates of what is no counter: a level that everybody knows, read as if it only ever grew.
//!
//! Source: prometheus/prometheus promql/functions.go, extrapolatedRate: every fall is taken for a restart, and the whole
//! value after it for growth.

use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::MetricKind;
use crate::promql::ast::*;
use crate::source::Span;

/// Levels of work that waits: a scaler that reads their growth sees an empty queue in a full one.
///
/// Sources: Google Cloud metrics list, Pub/Sub; rabbitmq/rabbitmq-server deps/rabbitmq_prometheus/metrics.md;
/// danielqsj/kafka_exporter README; vllm-project/vllm vllm/v1/metrics/loggers.py.
fn is_waiting(name: &str) -> bool {
    const OF_PUBSUB: [&str; 4] = [
        "_num_undelivered_messages",
        "_oldest_unacked_message_age",
        "_num_outstanding_messages",
        "subscription_backlog_bytes",
    ];
    const EXACT: [&str; 7] = [
        "vllm:num_requests_waiting",
        "vllm:num_requests_running",
        "redis_stream_length",
        "redis_key_size",
        "celery_queue_length",
        "executor_queued_tasks",
        "hikaricp_connections_pending",
    ];
    name.contains("pubsub") && OF_PUBSUB.iter().any(|end| name.ends_with(end))
        || name.starts_with("rabbitmq_queue_messages")
        || name.starts_with("kafka_consumergroup_") && name.contains("_lag")
        || EXACT.contains(&name)
}

/// Other levels, by their whole names.
///
/// Sources: prometheus/client_golang prometheus/go_collector.go, process_collector.go; siimon/prom-client lib/metrics;
/// micrometer-metrics/micrometer binder/jvm; google/cadvisor metrics/prometheus.go (GaugeValue); prometheus/node_exporter
/// collector; oliver006/redis_exporter exporter; prometheus-community/postgres_exporter collector;
/// kubernetes/kube-state-metrics docs/metrics; nginx/nginx-prometheus-exporter README.
const EXACT: [&str; 96] = [
    "container_cpu_load_average_10s",
    "container_file_descriptors",
    "container_fs_inodes_free",
    "container_fs_inodes_total",
    "container_fs_io_current",
    "container_fs_limit_bytes",
    "container_fs_usage_bytes",
    "container_last_seen",
    "container_memory_cache",
    "container_memory_mapped_file",
    "container_memory_max_usage_bytes",
    "container_memory_rss",
    "container_memory_swap",
    "container_memory_usage_bytes",
    "container_memory_working_set_bytes",
    "container_processes",
    "container_sockets",
    "container_tasks_state",
    "container_threads",
    "container_threads_max",
    "container_ulimits_soft",
    "DCGM_FI_DEV_GPU_UTIL",
    "executor_active_threads",
    "go_goroutines",
    "go_memstats_heap_objects",
    "go_threads",
    "hikaricp_connections_active",
    "hikaricp_connections_idle",
    "jvm_memory_committed_bytes",
    "jvm_memory_max_bytes",
    "jvm_memory_used_bytes",
    "jvm_threads_current",
    "jvm_threads_live_threads",
    "mongodb_up",
    "mysql_global_status_threads_connected",
    "mysql_global_status_threads_running",
    "mysql_up",
    "nginx_connections_active",
    "node_boot_time_seconds",
    "node_disk_io_now",
    "node_filefd_allocated",
    "node_filefd_maximum",
    "node_filesystem_avail_bytes",
    "node_filesystem_files",
    "node_filesystem_files_free",
    "node_filesystem_free_bytes",
    "node_filesystem_readonly",
    "node_filesystem_size_bytes",
    "node_hwmon_temp_celsius",
    "node_load1",
    "node_load15",
    "node_load5",
    "node_network_up",
    "node_nf_conntrack_entries",
    "node_nf_conntrack_entries_limit",
    "node_procs_blocked",
    "node_procs_running",
    "node_sockstat_sockets_used",
    "node_sockstat_TCP_alloc",
    "node_sockstat_TCP_inuse",
    "node_sockstat_TCP_tw",
    "node_thermal_zone_temp",
    "node_time_seconds",
    "nodejs_active_handles_total",
    "nodejs_active_requests_total",
    "nodejs_eventloop_lag_seconds",
    "nodejs_external_memory_bytes",
    "nodejs_heap_size_total_bytes",
    "nodejs_heap_size_used_bytes",
    "pg_database_size_bytes",
    "pg_locks_count",
    "pg_stat_activity_count",
    "pg_stat_database_numbackends",
    "pg_up",
    "probe_success",
    "process_cpu_usage",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
    "rabbitmq_channels",
    "rabbitmq_connections",
    "rabbitmq_consumers",
    "rabbitmq_queues",
    "rabbitmq_up",
    "redis_blocked_clients",
    "redis_connected_clients",
    "redis_connected_slaves",
    "redis_db_keys",
    "redis_memory_max_bytes",
    "redis_memory_used_bytes",
    "redis_up",
    "system_cpu_usage",
    "tomcat_threads_busy_threads",
    "up",
];

/// Beginnings of names of which all are levels that do not end like a counter.
const STARTS: [&str; 4] = ["go_memstats_", "node_memory_", "container_spec_", "kubelet_volume_stats_"];

/// Objects of which kube-state-metrics tells: all gauges but the two numbers of restarts.
///
/// Source: kubernetes/kube-state-metrics docs/metrics.
const OF_KUBE: [&str; 21] = [
    "configmap",
    "cronjob",
    "daemonset",
    "deployment",
    "endpoint",
    "horizontalpodautoscaler",
    "hpa",
    "ingress",
    "job",
    "lease",
    "namespace",
    "node",
    "persistentvolume",
    "persistentvolumeclaim",
    "pod",
    "poddisruptionbudget",
    "replicaset",
    "resourcequota",
    "secret",
    "service",
    "statefulset",
];

/// How to ask for the moment at which a container ended.
const OF_RESTARTS: &str = "write `… == 1`, and for the moment of it `and on (namespace, pod, container) increase(kube_pod_container_status_restarts_total[…]) > 0`";

/// Whether a series is 1 while something is so, and is not there while it is not.
///
/// Source: kubernetes/kube-state-metrics internal/store/pod.go (no series of a container without such a state).
fn is_there_or_not(name: &str) -> bool {
    const STATES: [&str; 3] = ["last_terminated_reason", "terminated_reason", "waiting_reason"];
    ["kube_pod_container_status_", "kube_pod_init_container_status_"]
        .iter()
        .any(|start| name.strip_prefix(start).is_some_and(|rest| STATES.contains(&rest)))
}

fn is_level(name: &str) -> bool {
    let counts = ["_total", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end));
    let is_bytes = !name.starts_with("go_memstats_") || name.ends_with("_bytes");
    let is_of_kube = |rest: &str| rest.split_once('_').is_some_and(|(object, _)| OF_KUBE.contains(&object));
    EXACT.contains(&name)
        || !counts && name.strip_prefix("kube_").is_some_and(is_of_kube)
        || !counts && (is_waiting(name) || is_bytes && STARTS.iter().any(|start| name.starts_with(start)))
}

impl Linter<'_> {
    /// A selector in few words, in the way in which it is written: some names stand in quotes only.
    fn selected(&self, name: &str, span: Span) -> String {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
        let whole = self.text.get(span.range()).unwrap_or_default();
        match is_plain {
            true => format!("{name}…"),
            false if whole.len() < 240 && !whole.contains('\n') => whole.to_string(),
            false => format!("{{\"{name}\", …}}"),
        }
    }

    /// `rate(go_goroutines[5m])`.
    pub(super) fn rate_of_gauge(&mut self, call: &Call) {
        let Some(Kind::Range(inner, _)) = call.arguments.first().map(|node| &node.bare().kind) else {
            return;
        };
        let Kind::Selector(selector) = &inner.bare().kind else { return };
        let Some(name) = selector.metric() else { return };
        let declared = self.context.facts.metric(name).map(|metric| metric.kind);
        let is_gauge = match declared {
            Some(kind) => kind == MetricKind::Gauge,
            None => is_level(name),
        };
        if !is_gauge {
            return;
        }
        let function = call.function.name;
        let scales = self.context.scaler().is_some();
        let is_queue = is_waiting(name);
        let is_there_or_not = declared.is_none() && is_there_or_not(name);
        let why = if is_there_or_not {
            "the series is 1 while it is so, and is not there while it is not: nothing ever grows, and this reads 0"
        } else if scales && is_queue {
            "what waits and does not grow reads 0, however much it is: KEDA takes the pods away while there is work"
        } else if scales {
            "a level that stands still reads 0, however high it is, and each fall counts as a restart: it scales by noise"
        } else {
            "a level that stands still gives 0, however high it is, and each fall counts as a restart, with the whole value as growth"
        };
        let help = if name.ends_with("last_terminated_reason") && !scales {
            OF_RESTARTS.to_string()
        } else if is_there_or_not && !scales {
            format!("write `{name}… == 1`, or `max_over_time({name}…[…]) == 1`")
        } else if scales {
            format!(
                "ask for the level itself: `max({})`, without `{function}`",
                self.selected(name, inner.span)
            )
        } else {
            format!(
                "write `{name}…` for the level, `delta({name}…[…])` for how much it changed, or `deriv(…)` for its trend"
            )
        };
        let severity =
            if scales && is_queue || is_there_or_not { Severity::Error } else { Severity::Warning };
        self.push(
            Lint::new(
                &rules::RATE_OF_GAUGE,
                call.name_span,
                format!("`{function}` of `{name}`, which is no counter"),
            )
            .severity(severity)
            .label("it takes every fall for a restart")
            .related(inner.span, "a gauge: it goes up and down")
            .why(why)
            .help(help),
        );
    }

    /// `changes(kube_pod_container_status_last_terminated_reason[5m])`.
    pub(super) fn changes_of_state(&mut self, call: &Call) {
        let Some(Kind::Range(inner, _)) = call.arguments.first().map(|node| &node.bare().kind) else {
            return;
        };
        let Kind::Selector(selector) = &inner.bare().kind else { return };
        let Some(name) = selector.metric().filter(|name| is_there_or_not(name)) else { return };
        if self.context.facts.metric(name).is_some() {
            return;
        }
        let nothing = "the series is 1 while it is so, and is not there while it is not: its value never changes, and this reads 0";
        self.push(
            Lint::new(
                &rules::RATE_OF_GAUGE,
                call.name_span,
                format!("`changes` of `{name}`, which is 1 or not there"),
            )
            .severity(Severity::Error)
            .related(inner.span, "no other value than 1")
            .why(nothing)
            .help(OF_RESTARTS),
        );
    }
}

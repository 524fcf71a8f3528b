//! Metrics of another exporter than the one that runs here, for a program of which there are several.
//!
//! Sources: rabbitmq/rabbitmq-server deps/rabbitmq_prometheus/metrics.md and kbudde/rabbitmq_exporter exporter_*.go;
//! danielqsj/kafka_exporter README.md (`kafka_server_…` and `kafka_controller_…` are MBeans of the broker, by way of
//! prometheus/jmx_exporter); percona/mongodb_exporter exporter/v1_compatibility.go and README.md (`--compatible-mode`);
//! minio/minio docs/metrics/prometheus/list.md; qdrant/qdrant src/common/metrics.rs and config/config.yaml (`metrics_prefix`); oliver006/redis_exporter
//! exporter/exporter.go.

use super::OTHER_EXPORTER;
use super::programs::Programs;
use super::walk::Alert;
use crate::finding::Finding;
use crate::source::{Place, Sources, Span};

/// An exporter that runs here, and the names that others give.
struct Foreign {
    /// Its images.
    images: &'static [&'static str],
    who: &'static str,
    /// Whose the names are.
    whose: &'static str,
    starts: &'static str,
    /// What has to be said somewhere, for it to be scraped.
    scraped: &'static str,
    /// Words by which the other one, or a switch for its names, is here as well.
    others: &'static [&'static str],
    /// What to write instead.
    instead: fn(&str) -> Option<&'static str>,
}

const FOREIGN: [Foreign; 7] = [
    Foreign {
        images: &["rabbitmq"],
        who: "RabbitMQ's own plugin",
        whose: "rabbitmq_exporter, a program beside RabbitMQ",
        starts: "rabbitmq_",
        scraped: "15692",
        others: &["rabbitmq-exporter", "rabbitmq_exporter", "9419"],
        instead: of_rabbitmq,
    },
    Foreign {
        images: &["rabbitmq-exporter", "rabbitmq_exporter"],
        who: "rabbitmq_exporter",
        whose: "RabbitMQ's own plugin",
        starts: "rabbitmq_",
        scraped: "",
        others: &["15692", "rabbitmq_prometheus", "RabbitmqCluster"],
        instead: of_rabbitmq_exporter,
    },
    Foreign {
        images: &["kafka-exporter", "kafka_exporter"],
        who: "kafka_exporter",
        whose: "the JMX exporter inside of a broker",
        starts: "kafka_",
        scraped: "",
        others: &["jmx", "JMX", "strimzi", "kafkaMetricsConfig", "kminion", "redpanda"],
        instead: of_kafka,
    },
    Foreign {
        images: &["mongodb_exporter", "mongodb-exporter"],
        who: "mongodb_exporter since 0.20",
        whose: "its versions before that",
        starts: "mongodb_",
        scraped: "",
        others: &[
            "compatible-mode",
            "compatibleMode",
            "mongodb_exporter:0.1",
            "mongodb-exporter:0.1",
            "ssheehy",
            "dcu/",
            "forekshub",
            "eses/",
        ],
        instead: of_mongodb,
    },
    Foreign {
        images: &["qdrant"],
        who: "Qdrant",
        whose: "a Qdrant with a prefix for its metrics",
        starts: "qdrant_",
        scraped: "",
        others: &["metrics_prefix", "METRICS_PREFIX", "metric_relabel_configs", "metricRelabelings", "otel"],
        instead: of_qdrant,
    },
    Foreign {
        images: &["minio"],
        who: "MinIO's `/minio/v2/metrics`",
        whose: "another page or another version",
        starts: "minio_",
        scraped: "/minio/v2/metrics",
        others: &["/minio/prometheus/metrics", "/minio/metrics/v3"],
        instead: of_minio,
    },
    Foreign {
        images: &["redis_exporter", "redis-exporter"],
        who: "redis_exporter",
        whose: "`INFO` of Redis, or of another exporter",
        starts: "redis_",
        scraped: "",
        others: &[
            "telegraf",
            "redisreceiver",
            "redis-enterprise",
            "metric_relabel_configs",
            "metricRelabelings",
        ],
        instead: of_redis,
    },
];

/// What to write for a name, from a table.
fn in_table(table: &[(&str, &'static str)], metric: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == metric).map(|(_, instead)| *instead)
}

fn of_rabbitmq(metric: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 21] = [
        ("rabbitmq_up", "up{job=\"…\"}"),
        ("rabbitmq_running", "up{job=\"…\"}"),
        ("rabbitmq_module_up", "up{job=\"…\"}"),
        ("rabbitmq_node_mem_used", "rabbitmq_process_resident_memory_bytes"),
        ("rabbitmq_node_mem_limit", "rabbitmq_resident_memory_limit_bytes"),
        ("rabbitmq_node_mem_alarm", "rabbitmq_alarms_memory_used_watermark"),
        ("rabbitmq_node_disk_free", "rabbitmq_disk_space_available_bytes"),
        ("rabbitmq_node_disk_free_limit", "rabbitmq_disk_space_available_limit_bytes"),
        ("rabbitmq_node_disk_free_alarm", "rabbitmq_alarms_free_disk_space_watermark"),
        ("rabbitmq_fd_used", "rabbitmq_process_open_fds"),
        ("rabbitmq_fd_available", "rabbitmq_process_max_fds"),
        ("rabbitmq_partitions", "rabbitmq_unreachable_cluster_peers_count"),
        ("rabbitmq_connectionsTotal", "rabbitmq_connections"),
        ("rabbitmq_channelsTotal", "rabbitmq_channels"),
        ("rabbitmq_consumersTotal", "rabbitmq_consumers"),
        ("rabbitmq_queuesTotal", "rabbitmq_queues"),
        ("rabbitmq_queue_messages_unacknowledged", "rabbitmq_queue_messages_unacked"),
        ("rabbitmq_queue_messages_global", "sum(rabbitmq_queue_messages)"),
        ("rabbitmq_queue_messages_ready_global", "sum(rabbitmq_queue_messages_ready)"),
        ("rabbitmq_queue_messages_unacknowledged_global", "sum(rabbitmq_queue_messages_unacked)"),
        ("rabbitmq_queue_memory", "rabbitmq_queue_process_memory_bytes"),
    ];
    in_table(&NAMES, metric)
}

fn of_rabbitmq_exporter(metric: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 8] = [
        ("rabbitmq_process_resident_memory_bytes", "rabbitmq_node_mem_used"),
        ("rabbitmq_resident_memory_limit_bytes", "rabbitmq_node_mem_limit"),
        ("rabbitmq_disk_space_available_bytes", "rabbitmq_node_disk_free"),
        ("rabbitmq_disk_space_available_limit_bytes", "rabbitmq_node_disk_free_limit"),
        ("rabbitmq_process_open_fds", "rabbitmq_fd_used"),
        ("rabbitmq_process_max_fds", "rabbitmq_fd_available"),
        ("rabbitmq_queue_messages_unacked", "rabbitmq_queue_messages_unacknowledged"),
        ("rabbitmq_queue_process_memory_bytes", "rabbitmq_queue_memory"),
    ];
    in_table(&NAMES, metric)
}

fn of_kafka(metric: &str) -> Option<&'static str> {
    const STARTS: [&str; 4] = ["kafka_server_", "kafka_controller_", "kafka_network_", "kafka_log_"];
    if metric.contains("underreplicatedpartitions") && metric.starts_with("kafka_server_") {
        return Some("kafka_topic_partition_under_replicated_partition");
    }
    STARTS.iter().any(|start| metric.starts_with(start)).then_some("")
}

fn of_mongodb(metric: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 7] = [
        ("mongodb_connections", "mongodb_ss_connections{conn_type=\"…\"}"),
        ("mongodb_op_counters_total", "mongodb_ss_opcounters"),
        ("mongodb_asserts_total", "mongodb_ss_asserts"),
        ("mongodb_memory", "mongodb_ss_mem_resident"),
        ("mongodb_instance_uptime_seconds", "mongodb_ss_uptime"),
        ("mongodb_network_bytes_total", ""),
        ("mongodb_extra_info_page_faults_total", "mongodb_ss_extra_info_page_faults"),
    ];
    in_table(&NAMES, metric).or_else(|| {
        ["mongodb_mongod_", "mongodb_mongos_"].iter().any(|start| metric.starts_with(start)).then_some("")
    })
}

fn of_qdrant(metric: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 10] = [
        ("qdrant_collections_total", "collections_total"),
        ("qdrant_collections_vector_total", "collections_vector_total"),
        ("qdrant_rest_responses_total", "rest_responses_total"),
        ("qdrant_rest_responses_duration_seconds_bucket", "rest_responses_duration_seconds_bucket"),
        ("qdrant_rest_responses_fail_total", "rest_responses_fail_total"),
        ("qdrant_grpc_responses_total", "grpc_responses_total"),
        ("qdrant_grpc_responses_duration_seconds_bucket", "grpc_responses_duration_seconds_bucket"),
        ("qdrant_cluster_peers_total", "cluster_peers_total"),
        ("qdrant_app_info", "app_info"),
        ("qdrant_memory_resident_bytes", "memory_resident_bytes"),
    ];
    in_table(&NAMES, metric)
}

/// Names of before version 2 of its metrics, and one that many write by analogy.
fn of_minio(metric: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 7] = [
        ("minio_s3_request_duration_seconds_bucket", "minio_s3_requests_ttfb_seconds_distribution"),
        ("minio_s3_request_duration_seconds_sum", ""),
        ("minio_disks_offline", "minio_cluster_drive_offline_total"),
        ("minio_disks_total", "minio_cluster_drive_total"),
        ("minio_disk_storage_free_bytes", "minio_node_drive_free_bytes"),
        ("minio_disk_storage_total_bytes", "minio_node_drive_total_bytes"),
        ("minio_disk_storage_used_bytes", "minio_node_drive_used_bytes"),
    ];
    in_table(&NAMES, metric)
}

fn of_redis(metric: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 16] = [
        ("redis_used_memory", "redis_memory_used_bytes"),
        ("redis_used_memory_bytes", "redis_memory_used_bytes"),
        ("redis_used_memory_rss", "redis_memory_used_rss_bytes"),
        ("redis_maxmemory", "redis_memory_max_bytes"),
        ("redis_maxmemory_bytes", "redis_memory_max_bytes"),
        ("redis_max_memory_bytes", "redis_memory_max_bytes"),
        ("redis_maxclients", "redis_config_maxclients"),
        ("redis_keyspace_hits", "redis_keyspace_hits_total"),
        ("redis_keyspace_misses", "redis_keyspace_misses_total"),
        ("redis_evicted_keys", "redis_evicted_keys_total"),
        ("redis_expired_keys", "redis_expired_keys_total"),
        ("redis_rejected_connections", "redis_rejected_connections_total"),
        ("redis_total_commands_processed", "redis_commands_processed_total"),
        ("redis_commands_processed", "redis_commands_processed_total"),
        ("redis_total_connections_received", "redis_connections_received_total"),
        ("redis_memory_fragmentation_ratio", "redis_mem_fragmentation_ratio"),
    ];
    in_table(&NAMES, metric)
}

/// What is asked of one exporter, and given by another.
pub(super) fn check(query: &Alert<'_>, programs: &Programs<'_>, sources: &Sources) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for selector in query.expression.selectors() {
        let Some(metric) = selector.name.as_deref() else { continue };
        let found = FOREIGN.iter().find_map(|foreign| {
            let instead =
                Some(metric).filter(|metric| metric.starts_with(foreign.starts)).and_then(foreign.instead)?;
            Some((foreign, instead, foreign.alone(programs, sources)?))
        });
        let Some((foreign, instead, place)) = found else { continue };
        let start = selector.span.start as usize;
        let finding = Finding::new(
            &OTHER_EXPORTER,
            query.place(Span::new(start, start + metric.len())),
            format!("{} has no `{metric}`", foreign.who),
        )
        .related(place, "this runs here")
        .why(format!(
            "the name is that of {}, which is not among these files: no series matches, an alert never fires, and no error tells",
            foreign.whose
        ))
        .help(match instead {
            "" => format!("ask for a metric of {}, or run the exporter that gives this one", foreign.who),
            instead => format!("write `{instead}`"),
        });
        if findings.iter().all(|other| other.message != finding.message) {
            findings.push(finding);
        }
    }
    findings
}

impl Foreign {
    /// Where it runs, if nothing here speaks of the other one.
    fn alone(&self, programs: &Programs<'_>, sources: &Sources) -> Option<Place> {
        let place = programs.runs_exactly(self.images)?;
        let is_scraped = self.scraped.is_empty() || sources.speak_of(self.scraped);
        (is_scraped && !self.others.iter().any(|word| sources.speak_of(word))).then_some(place)
    }
}

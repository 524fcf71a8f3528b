//! The exporters that everybody runs: by what their metrics begin, by which names they are known, and at which ports.
//!
//! Source: prometheus/prometheus wiki, Default port allocations, and the exporters' own documentation.

use super::target::Pods;

/// Who exposes the metrics that begin so.
pub(super) struct Exporter {
    pub starts: &'static str,
    /// In words.
    pub who: &'static str,
    /// By which its workload, Service, job or image is known.
    pub words: &'static [&'static str],
    /// Whether the program exposes them itself, and not only an exporter beside it.
    pub is_itself: bool,
    /// Ports of the program at which it speaks something else.
    pub others: &'static [&'static str],
    /// The part of kube-prometheus-stack that brings it, by its key in the values.
    pub part: Option<&'static str>,
}

const fn exporter(
    starts: &'static str,
    who: &'static str,
    words: &'static [&'static str],
    is_itself: bool,
) -> Exporter {
    Exporter { starts, who, words, is_itself, others: &[], part: None }
}

/// A program whose metrics an exporter beside it makes, as `redis_exporter` does.
const fn beside(
    starts: &'static str,
    who: &'static str,
    words: &'static [&'static str],
    others: &'static [&'static str],
) -> Exporter {
    Exporter { starts, who, words, is_itself: false, others, part: None }
}

const fn part(
    starts: &'static str,
    who: &'static str,
    words: &'static [&'static str],
    key: &'static str,
) -> Exporter {
    Exporter { starts, who, words, is_itself: true, others: &[], part: Some(key) }
}

const EXPORTERS: [Exporter; 34] = [
    part("kube_", "kube-state-metrics", &["kube-state-metrics"], "kubeStateMetrics"),
    part("container_", "the kubelet (cAdvisor)", &["cadvisor"], "kubelet"),
    part("machine_", "the kubelet (cAdvisor)", &["cadvisor"], "kubelet"),
    part("cadvisor_", "the kubelet (cAdvisor)", &["cadvisor"], "kubelet"),
    part("kubelet_", "the kubelet", &["kubelet"], "kubelet"),
    part("node_", "the node exporter", &["node-exporter", "nodeexporter"], "nodeExporter"),
    part("apiserver_", "the API server", &["apiserver"], "kubeApiServer"),
    part("coredns_", "CoreDNS", &["coredns", "kube-dns"], "coreDns"),
    part("etcd_", "etcd", &["etcd"], "kubeEtcd"),
    exporter("nginx_ingress_", "the ingress controller", &["ingress-nginx", "nginx-ingress"], true),
    exporter("istio_", "the proxies of Istio", &["istio", "envoy"], true),
    exporter("envoy_", "Envoy", &["envoy"], true),
    exporter("traefik_", "Traefik", &["traefik"], true),
    exporter("haproxy_", "HAProxy", &["haproxy"], true),
    exporter("linkerd_", "the proxies of Linkerd", &["linkerd"], true),
    exporter("kong_", "Kong", &["kong"], true),
    exporter("apisix_", "APISIX", &["apisix"], true),
    exporter("dapr_", "the sidecars of Dapr", &["dapr"], true),
    exporter("keda_", "KEDA", &["keda"], true),
    exporter("prometheus_", "Prometheus itself", &["prometheus"], true),
    exporter("DCGM_", "NVIDIA's DCGM exporter", &["dcgm"], true),
    Exporter {
        starts: "rabbitmq_",
        who: "RabbitMQ, or its exporter",
        words: &["rabbitmq"],
        is_itself: true,
        others: &["5672", "15672"],
        part: None,
    },
    beside("kafka_", "an exporter of Kafka", &["kafka"], &["9092", "9093", "9094"]),
    beside("redis_", "an exporter of Redis", &["redis", "valkey"], &["6379"]),
    beside("mysql_", "an exporter of MySQL", &["mysql", "mysqld", "mariadb"], &["3306"]),
    beside("pg_", "an exporter of PostgreSQL", &["postgres", "postgresql"], &["5432"]),
    beside("mongodb_", "an exporter of MongoDB", &["mongodb", "mongo"], &["27017"]),
    beside("elasticsearch_", "an exporter of Elasticsearch", &["elasticsearch"], &["9200"]),
    beside("nats_", "an exporter of NATS", &["nats"], &["4222"]),
    beside("probe_", "the blackbox exporter", &["blackbox"], &[]),
    beside("aws_", "an exporter of CloudWatch", &["cloudwatch", "yace"], &[]),
    beside("cloudwatch_", "an exporter of CloudWatch", &["cloudwatch", "yace"], &[]),
    beside("stackdriver_", "an exporter of Stackdriver", &["stackdriver"], &[]),
    beside("gpu_", "an exporter of the GPUs", &["dcgm", "gpu"], &[]),
];

/// Whether a metric comes from the platform or an exporter, and not from the pods that are scaled.
pub fn is_of_the_platform(metric: &str) -> bool {
    of(metric).is_some()
}

pub(super) fn of(metric: &str) -> Option<&'static Exporter> {
    EXPORTERS.iter().find(|exporter| metric.starts_with(exporter.starts))
}

/// Metrics of the kubelet that the chart does not drop after the scrape.
///
/// Source: prometheus-community/helm-charts charts/kube-prometheus-stack/values.yaml, cAdvisorMetricRelabelings.
pub(super) const KEPT: [&str; 5] = [
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "container_memory_usage_bytes",
    "container_memory_rss",
    "container_network_",
];

impl Exporter {
    /// Whether a name is that of the exporter.
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.to_lowercase().replace(['_', '/'], "-");
        self.words.iter().any(|word| {
            let has_word = format!("-{name}-").contains(&format!("-{word}-"));
            // The client of a queue is often called after it.
            let is_whole = self.is_itself && (name == *word || name.ends_with(&format!("-{word}")));
            has_word && (is_whole || word.contains('-') || word.contains("cadvisor"))
                || name.contains(word) && (name.contains("exporter") || name.contains("metrics"))
        })
    }

    /// Whether the metrics stand on the kubelet's page of the containers.
    pub fn is_of_containers(&self) -> bool {
        self.words == ["cadvisor"]
    }

    /// Whether one of the containers is it.
    pub fn is(&self, pods: &Pods<'_>) -> bool {
        let path = |image: &str| -> String {
            let name = image.split('@').next().unwrap_or_default();
            // A colon before the last slash is that of a port.
            match name.rsplit_once(':') {
                Some((start, tag)) if !tag.contains('/') => start.to_string(),
                _ => name.to_string(),
            }
        };
        self.is_called(&pods.object.name) || pods.images().any(|image| self.is_called(&path(image)))
    }

    /// Whether a text speaks of it: a word of it begins like one of its names.
    pub fn is_in(&self, text: &str) -> bool {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let text: String = text.chars().map(plain).collect();
        let text = format!("-{text}");
        self.words.iter().any(|word| text.contains(&format!("-{word}")))
    }

    /// Whether a port is the one at which everybody finds it.
    ///
    /// Source: prometheus/prometheus wiki, Default port allocations.
    pub fn listens_at(&self, port: &str) -> bool {
        let own: &[&str] = match self.starts {
            "node_" => &["9100"],
            "redis_" => &["9121"],
            "rabbitmq_" => &["15692", "9419"],
            "kafka_" => &["9308"],
            "mysql_" => &["9104"],
            "pg_" => &["9187"],
            "mongodb_" => &["9216"],
            "elasticsearch_" => &["9114"],
            "DCGM_" => &["9400"],
            _ => &[],
        };
        own.contains(&port)
    }
}

/// Names that no application gives its own metrics.
pub(super) const UNMISTAKABLE: [&str; 61] = [
    "kube_pod_",
    "kube_deployment_",
    "kube_statefulset_",
    "kube_daemonset_",
    "kube_node_",
    "kube_job_",
    "kube_horizontalpodautoscaler_",
    "kube_hpa_",
    "kube_persistentvolume",
    "container_cpu_",
    "container_memory_",
    "container_fs_",
    "container_network_",
    "container_spec_",
    "container_last_seen",
    "machine_",
    "node_cpu_",
    "node_memory_",
    "node_filesystem_",
    "node_disk_",
    "node_load",
    "node_network_",
    "node_time_",
    "node_boot_",
    "pg_up",
    "pg_stat_",
    "pg_settings_",
    "pg_database_",
    "pg_locks",
    "pg_replication",
    "redis_up",
    "redis_memory_",
    "redis_connected_",
    "redis_keyspace_",
    "redis_db_",
    "redis_commands_processed",
    "redis_evicted",
    "redis_config_",
    "mysql_up",
    "mysql_global_",
    "mysql_slave",
    "mongodb_up",
    "mongodb_ss_",
    "mongodb_rs_",
    "probe_success",
    "probe_http_",
    "probe_ssl_",
    "probe_duration_",
    "kafka_consumergroup_",
    "kafka_topic_partition",
    "kafka_brokers",
    "rabbitmq_queue_messages",
    "rabbitmq_up",
    "rabbitmq_node_",
    "elasticsearch_cluster_",
    "elasticsearch_jvm_",
    "elasticsearch_filesystem",
    "coredns_",
    "apiserver_",
    "etcd_server_",
    "kubelet_",
];

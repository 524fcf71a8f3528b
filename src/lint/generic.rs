//! Names of metrics that more than one workload of a cluster has, told from those that an application made up for itself.

/// Beginnings of the names that libraries, servers and exporters give to everybody who uses them.
const LIBRARIES: [&str; 54] = [
    "DCGM_",
    "argo_",
    "aspnetcore_",
    "application_",
    "apisix_",
    "aws_",
    "base_",
    "caddy_",
    "celery_",
    "container_",
    "controller_runtime_",
    "dotnet_",
    "elasticsearch_",
    "envoy_",
    "executor_",
    "fastapi_",
    "flask_",
    "gin_",
    "go_",
    "grpc_",
    "gunicorn_",
    "haproxy_",
    "hikaricp_",
    "istio_",
    "jvm_",
    "kafka_",
    "kestrel_",
    "kong_",
    "kube_",
    "memcached_",
    "mongodb_",
    "mysql_",
    "nats_",
    "nginx_",
    "nodejs_",
    "nv_",
    "pg_",
    "php",
    "process_",
    "prometheus_",
    "promhttp_",
    "puma_",
    "python_",
    "rabbitmq_",
    "redis_",
    "sidekiq_",
    "spring_",
    "starlette_",
    "tomcat_",
    "traefik_",
    "triton_",
    "uwsgi_",
    "vendor_",
    "vllm",
];

/// Words of which generic names are made: nobody who reads them knows whose they are.
const WORDS: [&str; 82] = [
    "active",
    "api",
    "app",
    "average",
    "avg",
    "backlog",
    "batch",
    "bucket",
    "busy",
    "bytes",
    "call",
    "calls",
    "client",
    "concurrent",
    "connections",
    "consumer",
    "count",
    "counter",
    "cpu",
    "current",
    "custom",
    "data",
    "depth",
    "duration",
    "error",
    "errors",
    "event",
    "events",
    "failed",
    "failures",
    "flight",
    "gauge",
    "gpu",
    "histogram",
    "hits",
    "http",
    "http2",
    "https",
    "in",
    "inflight",
    "items",
    "job",
    "jobs",
    "lag",
    "latency",
    "length",
    "load",
    "memory",
    "message",
    "messages",
    "metric",
    "milliseconds",
    "ms",
    "num",
    "number",
    "open",
    "pending",
    "per",
    "processed",
    "processing",
    "queue",
    "queued",
    "rate",
    "ready",
    "received",
    "request",
    "requests",
    "response",
    "responses",
    "second",
    "seconds",
    "server",
    "service",
    "sessions",
    "size",
    "sum",
    "task",
    "tasks",
    "time",
    "total",
    "up",
    "usage",
];

/// Whether a name may well be that of several workloads: a library gives it, or it says nothing of an application.
pub(super) fn is_generic(metric: &str) -> bool {
    let small = metric.to_ascii_lowercase();
    LIBRARIES.iter().any(|start| metric.starts_with(start))
        || small
            .split(['_', ':', '.'])
            .filter(|word| !word.is_empty())
            .all(|word| WORDS.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_an_application_are_its_own() {
        for name in
            ["http_requests_total", "queue_depth", "nginx_http_requests_total", "request_count_total", "up"]
        {
            assert!(is_generic(name), "{name}");
        }
        for name in ["anomalies_detected_total", "checkout_requests_total", "orders_waiting"] {
            assert!(!is_generic(name), "{name}");
        }
    }
}

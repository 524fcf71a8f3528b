//! What rules ask for and nobody scrapes, where other rules speak of the same files: pages show one finding at a time.

use slogen::finding::Severity;

use super::inspect::found;

/// The findings of a rule, by what they say.
fn told(files: &[(&str, &str)], rule: &str) -> Vec<(Severity, String)> {
    let own = found(files).1.into_iter().filter(|finding| finding.rule.id == rule);
    own.map(|finding| (finding.severity, finding.message)).collect()
}

fn configuration(job: &str) -> String {
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{name: prometheus-{job}, namespace: monitoring}}
data:
  prometheus.yml: |
    global: {{scrape_interval: 15s}}
    scrape_configs:
      - job_name: {job}
        static_configs:
          - targets: ['{job}.shop.svc:9090']
"
    )
}

fn alerts(expression: &str) -> String {
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{name: alerts, namespace: monitoring}}
data:
  alerts.yml: |
    groups:
      - name: shop
        rules:
          - alert: NoReplicaServes
            expr: {expression}
            for: 5m
"
    )
}

#[test]
fn of_several_configurations_none_has_the_job() {
    let (one, other) = (configuration("checkout"), configuration("batch"));
    let with = |expression: &str| {
        let files = [("a.yaml", &*one), ("b.yaml", &*other), ("rules.yaml", &alerts(expression))];
        told(&files, "scrape/no-such-job")
    };
    let all = with("up{job=~\".*postgres.*\"} == 0");
    assert!(matches!(all.as_slice(), [(Severity::Warning, _)]), "{all:?}");
    assert_eq!(with("up{job=~\".*batch.*\"} == 0"), []);
}

#[test]
fn a_job_is_called_after_the_service() {
    let with = |labels: &str, service: &str| {
        let text = format!(
            "apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {{name: checkout, namespace: shop}}
spec:
  groups:
    - name: checkout
      rules:
        - alert: ManyErrors
          expr: sum(rate(request_errors_total{{job=\"checkout\"}}[5m])) > 10
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {{name: checkout, namespace: shop}}
spec:
{labels}  selector:
    matchLabels: {{app: checkout}}
  endpoints:
    - port: metrics
---
apiVersion: v1
kind: Service
metadata: {{name: {service}, namespace: shop}}
spec:
  selector: {{app: checkout}}
  ports:
    - {{name: metrics, port: 9090}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: checkout, namespace: shop}}
spec:
  selector:
    matchLabels: {{app: checkout}}
  template:
    metadata:
      labels: {{app: checkout}}
    spec:
      containers:
        - {{name: checkout, image: 'registry.example.com/checkout:1'}}
"
        );
        told(&[("a.yaml", &text)], "scrape/no-such-job")
    };
    let all = with("", "checkout-service");
    assert!(matches!(all.as_slice(), [(Severity::Warning, _)]), "{all:?}");
    assert_eq!(with("", "checkout"), []);
    assert_eq!(with("  jobLabel: app\n", "checkout-service"), []);
}

#[test]
fn what_never_fires_does_not_fire_for_ever() {
    let expression = "container_memory_usage_bytes / container_spec_memory_limit_bytes > 0.9";
    let one = configuration("checkout").replace("global:", "rule_files: [alerts.yml]\n    global:");
    let rules = alerts(expression);
    let files = [("a.yaml", &*one), ("rules.yaml", &*rules)];
    assert_eq!(told(&files, "scrape/no-exporter").len(), 1);
    assert_eq!(told(&files, "alerting/no-limit"), []);
    assert_eq!(told(&files[1..], "alerting/no-limit").len(), 1);
}

#[test]
fn pods_that_are_gone_say_nothing() {
    let with = |expression: &str| told(&[("rules.yaml", &alerts(expression))], "promql/silent-at-none");
    assert_eq!(with("sum(model_loaded) == 0").len(), 1);
    assert_eq!(with("(sum(model_loaded) or vector(0)) == 0"), []);
    assert_eq!(with("sum by (model) (model_loaded) == 0"), []);
}

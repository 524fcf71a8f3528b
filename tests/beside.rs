//! What stands beside a finding decides how much is said: a configuration, a comment, another set of manifests.

use slogen::finding::Severity;

use super::inspect::found;

/// Severity and message of what one rule says about files.
fn told(rule: &str, files: &[(&str, &str)]) -> Vec<(Severity, String)> {
    let (_, findings) = found(files);
    let own = findings.into_iter().filter(|finding| finding.rule.id == rule);
    own.map(|finding| (finding.severity, finding.message)).collect()
}

fn scaled(query: &str, trigger: &str) -> String {
    format!(
        "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: worker, namespace: shop}}
spec:
  scaleTargetRef: {{name: worker}}
  minReplicaCount: 1
  maxReplicaCount: 5
  triggers:
    - type: {trigger}
      metadata:
        serverAddress: http://prometheus.shop.svc:9090
        query: {query}
        threshold: \"5\"
"
    )
}

const PROMETHEUS: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: shop}
data:
  prometheus.yml: |
    scrape_configs:
      - job_name: worker
        static_configs:
          - targets: ['worker:8001']
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: prometheus, namespace: shop}
spec:
  selector: {matchLabels: {app: prometheus}}
  template:
    metadata: {labels: {app: prometheus}}
    spec:
      containers:
        - name: prometheus
          image: prom/prometheus:v2.52.0
          volumeMounts:
            - {name: config, mountPath: /etc/prometheus}
      volumes:
        - {name: config, configMap: {name: config}}
---
apiVersion: v1
kind: Service
metadata: {name: prometheus, namespace: shop}
spec:
  selector: {app: prometheus}
  ports: [{port: 9090}]
";

#[test]
fn of_a_listed_address_more_pods_make_no_second_series() {
    let many = |query: &str, prometheus: &str| {
        let scaler = scaled(query, "prometheus");
        told("promql/many-series", &[("a.yaml", &scaler), ("b.yaml", prometheus)])
    };
    let severities = |told: Vec<(Severity, String)>| told.into_iter().map(|(severity, _)| severity);
    let discovering = PROMETHEUS
        .replace("static_configs:", "kubernetes_sd_configs:")
        .replace("- targets: ['worker:8001']", "- role: pod");
    let gauge = "worker_lag{stream=\"a\"}";
    let counter = "rate(worker_requests_total{stream=\"a\"}[2m])";
    assert!(severities(many(gauge, &discovering)).eq([Severity::Error]));
    assert!(severities(many(gauge, PROMETHEUS)).eq([Severity::Note]));
    assert!(severities(many(counter, PROMETHEUS)).eq([Severity::Warning]));
}

#[test]
fn a_query_that_is_to_be_written_is_told_as_that_alone() {
    for query in ["REPLACE_WITH_QUERY", "<query>", "your_query_here"] {
        let scaler = scaled(query, "prometheus");
        let (_, findings) = found(&[("a.yaml", &scaler)]);
        let all: Vec<&str> =
            findings.iter().filter(|one| one.severity == Severity::Error).map(|one| one.rule.id).collect();
        assert_eq!(all, ["scaler/address"], "{query}");
    }
}

#[test]
fn what_is_there_to_be_filled_in_is_a_hint() {
    let queue = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker}
spec:
  scaleTargetRef: {name: worker}
  triggers:
    - type: aws-sqs-queue
      metadata: {queueURL: <MY_QUEUE>, queueLength: \"5\", awsRegion: eu-central-1, identityOwner: operator}
";
    let worker = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {QUEUE: <MY_QUEUE>}\n";
    let gap =
        |files: &[(&str, &str)]| told("scaler/address", files).into_iter().map(|(severity, _)| severity);
    assert!(gap(&[("a.yaml", queue)]).eq([Severity::Error]));
    assert!(gap(&[("a.yaml", queue), ("b.yaml", worker)]).eq([Severity::Note]));
    let identity = |comment: &str| {
        let text = format!(
            "apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {{name: azure}}
spec:
  podIdentity:
    provider: azure-workload
    identityId: \"\"{comment}
"
        );
        let told = told("workload/credentials", &[("a.yaml", &text)]);
        told.into_iter().find(|(_, message)| message.ends_with("is empty")).map(|(severity, _)| severity)
    };
    assert_eq!(identity(""), Some(Severity::Error));
    assert_eq!(identity(" # will be updated by the script"), Some(Severity::Note));
    let sample = "apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {name: sample}
spec:
  triggers:
    - type: example-trigger
      metadata: {property: example-property}
";
    assert_eq!(told("scaler/unknown-type", &[("config/samples/job.yaml", sample)]), []);
    assert_eq!(told("scaler/unknown-type", &[("k8s/job.yaml", sample)]).len(), 1);
}

fn worker(kind: &str, api_version: &str) -> String {
    format!(
        "apiVersion: {api_version}
kind: {kind}
metadata: {{name: worker, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: worker}}}}
  template:
    metadata: {{labels: {{app: worker}}}}
    spec:
      containers: [{{name: worker, image: example/worker:1}}]
"
    )
}

#[test]
fn the_set_of_manifests_in_the_own_folder_counts() {
    let scaler = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker, namespace: shop}
spec:
  scaleTargetRef: {name: worker}
  triggers:
    - type: redis
      metadata: {hostFromEnv: REDIS_HOST, port: \"6379\", listName: jobs, listLength: \"5\"}
";
    let (deployment, rollout) = (worker("Deployment", "apps/v1"), worker("Rollout", "argoproj.io/v1alpha1"));
    let far = [("k8s/keda.yaml", scaler), ("infra/worker.yaml", deployment.as_str())];
    assert_eq!(told("workload/environment", &far).len(), 1);
    let both = [far[0], far[1], ("k8s/worker.yaml", rollout.as_str())];
    assert_eq!(told("workload/environment", &both), []);
    assert_eq!(told("workload/target-elsewhere", &both).len(), 1);
}

#[test]
fn what_is_there_a_second_time_and_says_the_same_is_a_warning() {
    let twice = |text: &str| {
        told("yaml/duplicate-key", &[("a.yaml", text)]).into_iter().map(|(severity, _)| severity)
    };
    let header = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n";
    assert!(twice(&format!("{header}{header}stringData: {{a: b}}\n")).eq([Severity::Warning]));
    assert!(twice(&format!("{header}{}", header.replace("name: a", "name: b"))).eq([Severity::Error]));
    assert!(twice("kind: A\nkind: B\n").eq([Severity::Error]));
}

#[test]
fn a_title_above_the_object_is_told_where_it_stands() {
    let (sources, findings) = found(&[("a.yaml", "   scaledobject.yaml\napiVersion: v1\nkind: ConfigMap\n")]);
    let finding = findings.iter().find(|finding| finding.rule.id == "yaml/syntax").expect("it is told");
    let at = sources.get(finding.place.file).line_column(finding.place.span.start);
    assert_eq!((at.line, at.column), (1, 4));
}

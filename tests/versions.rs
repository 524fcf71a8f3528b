//! What the stated versions of a cluster change in the findings.

use slogen::finding::Finding;
use slogen::inspect::{Settings, inspect};
use slogen::model::{Version, Versions};
use slogen::source::{SourceFile, Sources};

/// Findings of one file in a cluster with this KEDA and this Kubernetes.
fn found(text: &str, keda: (u16, u16), kubernetes: (u16, u16)) -> Vec<Finding> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("a.yaml", text));
    let versions = Versions {
        keda: Version::new(keda.0, keda.1),
        kubernetes: Version::new(kubernetes.0, kubernetes.1),
        ..Versions::default()
    };
    inspect(&sources, &[file], &Settings { versions, ..Settings::default() }).findings
}

/// A ScaledObject with more lines in its metadata, in its spec and beside the metadata of its trigger.
fn scaled(annotations: &str, spec: &str, trigger: &str, query: &str) -> String {
    format!(
        "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: checkout
{annotations}spec:
  scaleTargetRef:
    name: checkout
  maxReplicaCount: 20
{spec}  triggers:
    - type: prometheus
      name: load
{trigger}      metadata:
        serverAddress: http://prometheus.monitoring.svc:9090
        threshold: \"20\"
        ignoreNullValues: \"false\"
        query: '{query}'
"
    )
}

const TOTAL: &str = "sum(rate(http_requests_total{namespace=\"shop\"}[2m]))";
const FALLBACK: &str = "  fallback:\n    failureThreshold: 3\n    replicas: 4\n";

/// Whether a rule says something about a version before, and nothing from then on.
fn switches(text: &str, rule: &str, word: &str, before: (u16, u16), from: (u16, u16)) {
    let told = |keda| {
        let findings = found(text, keda, (1, 35));
        let says = |finding: &&Finding| {
            let why = finding.why.as_deref().unwrap_or_default();
            finding.rule.id == rule && (finding.message.contains(word) || why.contains(word))
        };
        findings.iter().find(says).map(|finding| finding.message.clone())
    };
    assert!(told(before).is_some(), "{rule} is silent for {before:?} on\n{text}");
    assert_eq!(told(from), None, "{rule} for {from:?} on\n{text}");
}

#[test]
fn what_an_older_keda_does_not_have() {
    let min = "  minReplicaCount: 2\n";
    let fallback = format!("{min}{FALLBACK}");
    let cases = [
        (
            scaled("", &format!("{fallback}    behavior: currentReplicas\n"), "", TOTAL),
            "scaler/dead-fallback",
            "2.16",
            (2, 16),
            (2, 17),
        ),
        (
            scaled("", &fallback, "      metricType: Value\n", TOTAL),
            "scaler/dead-fallback",
            "2.17",
            (2, 17),
            (2, 18),
        ),
        (
            scaled(
                "",
                &format!(
                    "{min}  advanced:\n    scalingModifiers:\n      formula: load\n      target: \"10\"\n"
                ),
                "",
                TOTAL,
            ),
            "scaler/formula",
            "2.11",
            (2, 11),
            (2, 12),
        ),
        (
            scaled("  annotations:\n    autoscaling.keda.sh/paused: \"true\"\n", min, "", TOTAL),
            "scaler/paused",
            "2.11",
            (2, 11),
            (2, 12),
        ),
        (
            scaled("  annotations:\n    autoscaling.keda.sh/paused-scale-in: \"true\"\n", min, "", TOTAL),
            "scaler/paused",
            "2.17",
            (2, 17),
            (2, 18),
        ),
        (
            scaled("", &fallback, "", TOTAL) + "        timeout: 5s\n",
            "scaler/timeout",
            "2.16",
            (2, 16),
            (2, 17),
        ),
        (
            scaled("", &fallback, "", "sum(rate(a_total[2m])) / sum(rate(b_total[2m]))"),
            "promql/nan-when-idle",
            "2.19",
            (2, 19),
            (2, 20),
        ),
        (
            scaled(
                "",
                &format!("  minReplicaCount: 0\n{FALLBACK}"),
                "",
                "sum(rate(x_total{app=\"checkout\"}[2m]))",
            ),
            "scaler/never-wakes",
            "sleeps for ever",
            (2, 18),
            (2, 19),
        ),
        (
            scaled(
                "",
                &format!(
                    "{min}  advanced:\n    horizontalPodAutoscalerConfig:\n      behavior:\n        scaleUp:\n          tolerance: 0.05\n"
                ),
                "",
                TOTAL,
            ),
            "scaler/no-effect",
            "2.17",
            (2, 17),
            (2, 18),
        ),
        (
            scaled(
                "",
                &format!(
                    "{fallback}    behavior: scalingModifiers\n  advanced:\n    scalingModifiers:\n      formula: (load ?? 0)\n      target: \"10\"\n"
                ),
                "",
                TOTAL,
            ),
            "scaler/dead-fallback",
            "2.19",
            (2, 19),
            (2, 20),
        ),
    ];
    for (text, rule, word, before, from) in cases {
        switches(&text, rule, word, before, from);
    }
}

#[test]
fn what_an_older_kubernetes_does_not_have() {
    let behavior = "  minReplicaCount: 2\n  advanced:\n    horizontalPodAutoscalerConfig:\n      behavior:\n        scaleDown:\n          tolerance: 0.05\n";
    let text = scaled("", behavior, "", TOTAL);
    let told = |kubernetes| {
        found(&text, (2, 20), kubernetes).iter().any(|finding| finding.message.contains("tolerance"))
    };
    assert!(told((1, 32)) && !told((1, 33)));
}

#[test]
fn metrics_of_the_adapter_ended_with_2_11() {
    let text = "groups:\n- name: keda\n  rules:\n  - alert: NoValue\n    expr: keda_metrics_adapter_scaler_metrics_value == 0\n";
    let told = |keda| {
        let findings = found(text, keda, (1, 35));
        let removed = findings.into_iter().find(|finding| finding.rule.id == "alerting/removed-metric");
        removed.and_then(|finding| finding.help)
    };
    assert_eq!(told((2, 10)), None);
    assert_eq!(told((2, 20)).as_deref(), Some("write `keda_scaler_metrics_value`"));
}

#[test]
fn small_thresholds_have_few_steps() {
    let text = scaled("", "  minReplicaCount: 2\n", "", TOTAL).replace("\"20\"", "\"0.01\"");
    let findings = found(&text, (2, 20), (1, 35));
    assert!(findings.iter().any(|finding| finding.message == "a threshold of 0.01 is 10 thousandths"));
    let text = text.replace("0.01", "-1");
    let findings = found(&text, (2, 20), (1, 35));
    let help = findings.iter().find(|finding| finding.rule.id == "promql/below-resolution");
    assert_eq!(
        help.and_then(|finding| finding.help.as_deref()),
        Some("write a positive number: the load of one pod")
    );
}

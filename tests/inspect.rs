//! Kubernetes YAML: the examples of the pages, the origin's repository, fixes, hostile input.

use slogen::finding::{Finding, Rule, Severity};
use slogen::inspect::{Settings, inspect};
use slogen::rules::{alerting, alertmanager, analysis, autoscaler, http, scaler, workload};
use slogen::source::{SourceFile, Sources};

/// Findings of files that lie beside each other.
pub fn found(files: &[(&str, &str)]) -> (Sources, Vec<Finding>) {
    let mut sources = Sources::default();
    let ids: Vec<_> = files.iter().map(|(name, text)| sources.add(SourceFile::new(*name, *text))).collect();
    let findings = inspect(&sources, &ids, &Settings::default()).findings;
    (sources, findings)
}

/// Fenced YAML below a heading.
pub fn examples(page: &str, heading: &str) -> Vec<String> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let blocks = section.split("```yaml\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_string()).collect()
}

pub fn rules() -> Vec<&'static Rule> {
    [
        scaler::RULES,
        autoscaler::RULES,
        http::RULES,
        workload::RULES,
        alerting::RULES,
        alertmanager::RULES,
        analysis::RULES,
        slogen::schema::rules::RULES,
        slogen::scrape::rules::RULES,
        slogen::rules::allow::RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
    .chain([&slogen::manifest::rules::QUOTED_TEMPLATE])
    .collect()
}

#[test]
fn examples_of_the_pages_fire_and_stay_silent() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let (fires, silent) = (examples(rule.page, "Fires"), examples(rule.page, "Stays silent"));
        assert!(!fires.is_empty() && !silent.is_empty(), "{} lacks an example", rule.id);
        for text in fires {
            let (_, findings) = found(&[("a.yaml", &text)]);
            if !findings.iter().any(|finding| finding.rule == rule) {
                wrong.push(format!("{} does not fire on\n{text}", rule.id));
            }
            // A monitor that finds nothing is told where it stands, and where its metric is waited for.
            let one_story = |other: &Finding| {
                rule.id == "scrape/not-scraped"
                    && ["scrape/selects-nothing", "scrape/port-missing"].contains(&other.rule.id)
            };
            for other in findings.iter().filter(|finding| {
                finding.rule != rule && finding.severity > Severity::Note && !one_story(finding)
            }) {
                wrong.push(format!("{}: {} fires too, {}", rule.id, other.rule.id, other.message));
            }
        }
        for text in silent {
            let (_, findings) = found(&[("a.yaml", &text)]);
            for finding in
                findings.iter().filter(|finding| finding.severity > Severity::Note || finding.rule == rule)
            {
                wrong.push(format!(
                    "{} fires on a clean example of {}: {}",
                    finding.rule.id, rule.id, finding.message
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The repository of the team that slogen began with.
const APP: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: inference
  labels: {app: inference}
spec:
  replicas: 3
  selector:
    matchLabels: {app: inference}
  template:
    metadata:
      labels: {app: inference}
    spec:
      containers:
        - name: app
          image: example/inference:1
          ports:
            - containerPort: 8000
---
apiVersion: v1
kind: Service
metadata:
  name: inference
spec:
  selector: {app: inference}
  ports:
    - port: 80
      targetPort: 8000
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: inference
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: inference}
  minReplicas: 3
  maxReplicas: 20
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 70}
";

const SCALED_OBJECT: &str = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: inference
spec:
  scaleTargetRef:
    name: inference
  minReplicaCount: 3
  maxReplicaCount: 20
  pollingInterval: 15
  cooldownPeriod: 300
  triggers:
    - type: prometheus
      metadata:
        serverAddress: http://prometheus-server.default.svc.cluster.local:80
        metricName: inference_p95
        threshold: \"500\"
        activationThreshold: \"300\"
        query: |
          histogram_quantile(0.95,
            sum(rate(inference_latency_seconds_bucket{app=\"inference\"}[1m])) by (le))
    - type: prometheus
      metadata:
        serverAddress: http://prometheus-server.default.svc.cluster.local:80
        metricName: inference_queue
        threshold: \"20\"
        query: sum(inference_queue_len{app=\"inference\"})
    - type: cpu
      metricType: Utilization
      metadata:
        value: \"85\"
    - type: memory
      metricType: Utilization
      metadata:
        value: \"80\"
";

const PROMETHEUS: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: prometheus-server
data:
  prometheus.yml: |
    global:
      scrape_interval: 15s
    scrape_configs:
      - job_name: prometheus
        static_configs:
          - targets: [localhost:9090]
";

#[test]
fn the_origin_story_is_told_before_it_happens() {
    let (sources, findings) = found(&[
        ("k8s/app.yaml", APP),
        ("k8s/scaledobject.yaml", SCALED_OBJECT),
        ("k8s/prometheus.yaml", PROMETHEUS),
    ]);
    let told: Vec<String> = findings
        .iter()
        .map(|finding| {
            let file = sources.get(finding.place.file);
            let at = file.line_column(finding.place.span.start);
            format!("{} {}:{}:{}", finding.rule.id, file.base_name(), at.line, at.column)
        })
        .collect();
    for expected in [
        "scrape/not-scraped scaledobject.yaml:21:22",
        "conflict/second-autoscaler app.yaml:35:65",
        "conflict/replicas-pinned app.yaml:7:13",
        "conflict/request-missing app.yaml:15:17",
        "promql/level-divided scaledobject.yaml:17:20",
        "promql/time-unit scaledobject.yaml:17:20",
        "scaler/no-effect scaledobject.yaml:10:3",
        "scaler/no-effect scaledobject.yaml:11:3",
        "scaler/no-effect scaledobject.yaml:18:9",
        "scaler/removed-key scaledobject.yaml:16:9",
        "scaler/empty-is-zero scaledobject.yaml:19:9",
    ] {
        assert!(told.iter().any(|told| told == expected), "{expected} is missing:\n{}", told.join("\n"));
    }
}

#[test]
fn what_slogen_builds_is_clean_beside_a_mended_workload() {
    let policy = crate::support::read("policies/inference.toml");
    let (_, compiled) = crate::support::compiled("inference.toml", &policy);
    let bundle = compiled.output.expect("it compiles").bundle;
    let (workload, _) = APP.split_once("---\napiVersion: autoscaling").expect("an HPA");
    let workload = workload
        .replace("  replicas: 3\n", "")
        .replace(
            "            - containerPort: 8000\n",
            "            - {name: http, containerPort: 8000}\n          resources:\n            requests: {cpu: 500m, memory: 512Mi}\n",
        )
        .replace("  name: inference\nspec:\n  selector: {", "  name: inference\n  labels: {app: inference}\nspec:\n  selector: {")
        .replace("    - port: 80\n", "    - name: http\n      port: 80\n");
    let names: Vec<String> = bundle.files.iter().map(|file| format!("k8s/inference/{}", file.name)).collect();
    let mut files = vec![("k8s/app.yaml", workload.as_str())];
    let objects = names.iter().zip(&bundle.files).filter(|(name, _)| name.ends_with(".yaml"));
    files.extend(objects.map(|(name, file)| (name.as_str(), file.text.as_str())));
    let (_, findings) = found(&files);
    let told: Vec<&str> = findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(told, Vec::<&str>::new());
}

mod hostile {
    use proptest::prelude::*;

    use super::{APP, PROMETHEUS, SCALED_OBJECT, found};

    /// Nothing panics, every place lies inside its file.
    fn holds(text: &str) {
        let (sources, findings) = found(&[("a.yaml", text), ("app.yaml", APP)]);
        for finding in &findings {
            let places = finding.related.iter().map(|related| related.place).chain([finding.place]);
            let edits = finding.fix.iter().flat_map(|fix| fix.edits.iter().map(|edit| edit.place));
            for place in places.chain(edits) {
                let text = &sources.get(place.file).text;
                assert!(text.get(place.span.range()).is_some(), "{} {:?}", finding.rule.id, place.span);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            holds(&text);
        }

        #[test]
        fn mutated_objects_never_panic(cut in 0usize..1200, length in 0usize..40, with in "[ -~\n]{0,12}") {
            for text in [SCALED_OBJECT, APP, PROMETHEUS] {
                let start = cut.min(text.len());
                let end = (start + length).min(text.len());
                holds(&format!("{}{with}{}", &text[..start], &text[end..]));
            }
        }
    }

    #[test]
    fn deep_and_repeated_input_meets_a_limit() {
        holds(&"- ".repeat(10_000));
        holds(&"[".repeat(10_000));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        for level in 1..12 {
            bomb.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                vec![format!("*a{}", level - 1); 10].join(", ")
            ));
        }
        holds(&format!("apiVersion: v1\nkind: ConfigMap\n{bomb}"));
    }
}

#[test]
fn a_safe_fix_removes_its_finding_and_adds_none() {
    let mut fixed = 0;
    for rule in rules() {
        for text in examples(rule.page, "Fires") {
            let (sources, findings) = found(&[("a.yaml", &text)]);
            let file = sources.iter().next().expect("a file").0;
            let (mended, count) = slogen::finding::fix::apply(file, &text, &findings, |_, _, _| true);
            if count == 0 {
                continue;
            }
            let (_, after) = found(&[("a.yaml", &mended)]);
            assert!(
                after.len() <= findings.len() - count,
                "{}: {} findings, {count} fixed, {} left\n{mended}",
                rule.id,
                findings.len(),
                after.len()
            );
            fixed += count;
        }
    }
    assert!(fixed >= 6, "only {fixed} fixes");
}

#[test]
fn every_format_holds_every_finding() {
    use slogen::output::{Format, Style, render};
    let (sources, findings) =
        found(&[("k8s/app.yaml", APP), ("k8s/so.yaml", SCALED_OBJECT), ("k8s/prometheus.yaml", PROMETHEUS)]);
    let told = |format| render(format, &sources, &findings, &Style::default());
    let gitlab: serde_json::Value = serde_json::from_str(&told(Format::Gitlab)).expect("JSON");
    let prints: std::collections::BTreeSet<&str> =
        gitlab.as_array().expect("a list").iter().filter_map(|one| one["fingerprint"].as_str()).collect();
    assert_eq!(prints.len(), findings.len(), "fingerprints are unique");
    let junit = told(Format::Junit);
    assert_eq!(junit.matches("<testcase ").count(), findings.len());
    assert_eq!(
        junit.matches("<failure ").count(),
        findings.iter().filter(|finding| finding.severity > Severity::Note).count()
    );
    assert!(!told(Format::Sarif).is_empty());
}

#[test]
fn kustomize_is_understood_without_rendering() {
    let overlay = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: prod\nresources: [../base]\npatches:\n  - path: patch.yaml\n";
    let base =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [app.yaml, so.yaml]\n";
    let patch = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: inference\nspec:\n  maxReplicaCount: 40\n";
    let other = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: x, namespace: test}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: inference}\n  maxReplicas: 5\n";
    let (workload, _) = APP.split_once("---\napiVersion: autoscaling").expect("an HPA");
    let (sources, findings) = found(&[
        ("base/kustomization.yaml", base),
        ("base/app.yaml", workload),
        ("base/so.yaml", SCALED_OBJECT),
        ("prod/kustomization.yaml", overlay),
        ("prod/patch.yaml", patch),
        ("other/hpa.yaml", other),
    ]);
    let told: Vec<(String, &str)> = findings
        .iter()
        .map(|finding| (sources.get(finding.place.file).name.clone(), finding.rule.id))
        .collect();
    assert!(told.iter().all(|(file, _)| file != "prod/patch.yaml"), "a patch is no object: {told:?}");
    assert!(told.iter().all(|(_, id)| *id != "conflict/second-autoscaler"), "another namespace: {told:?}");
    assert!(told.iter().any(|(_, id)| *id == "conflict/replicas-pinned"), "{told:?}");
}

/// What stands in for a workload in the tests of a repository is not what its autoscaler scales.
#[test]
fn a_fixture_of_tests_is_not_the_target() {
    let (workload, scaler) = APP.split_once("---\napiVersion: autoscaling").expect("an HPA");
    let scaler = format!("apiVersion: autoscaling{scaler}");
    let pinned = |file: &str| {
        let findings = found(&[(file, workload), ("deploy/hpa.yaml", &scaler)]).1;
        findings.iter().any(|finding| finding.rule.id == "conflict/replicas-pinned")
    };
    assert!(pinned("deploy/app.yaml") && pinned("app/app.yaml"));
    assert!(!pinned("tests/network/app.yaml") && !pinned("e2e/app.yaml"));
}

/// KEDA sends the namespace of a trigger along, by which a port for tenants limits the query.
#[test]
fn a_namespace_of_the_trigger_says_whose_metric_it_is() {
    let unscoped = |key: &str| {
        let text = format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: api, namespace: shop}}\nspec:\n  scaleTargetRef: {{name: api}}\n  triggers:\n    - type: prometheus\n      metadata:\n        serverAddress: https://thanos-querier.openshift-monitoring.svc:9092\n        query: sum(rate(http_requests_total[2m]))\n        threshold: \"10\"\n{key}"
        );
        found(&[("so.yaml", &text)]).1.iter().any(|finding| finding.rule.id == "promql/unscoped")
    };
    assert!(unscoped(""));
    assert!(!unscoped("        namespace: shop\n"));
}

/// What replaces a number of replicas, in the words of the cluster.
#[test]
fn a_pinned_number_is_told_with_what_each_apply_does() {
    let told = |files: &[(&str, &str)]| -> Vec<(String, String)> {
        let findings =
            found(files).1.into_iter().filter(|finding| finding.rule.id == "conflict/replicas-pinned");
        findings
            .map(|finding| {
                (finding.message, finding.why.unwrap_or_default() + &finding.help.unwrap_or_default())
            })
            .collect()
    };
    let app = |replicas: &str| APP.replace("replicas: 3", &format!("replicas: {replicas}"));
    let of = |replicas: &str| {
        let all = told(&[("app.yaml", &app(replicas))]);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    };
    assert!(of("0").0.contains("switches the HorizontalPodAutoscaler off"));
    assert!(of("1").0.contains("keeps at least 3"));
    assert!(of("25").0.contains("at most 20") && of("25").1.contains("stops 5"));
    assert!(of("3").1.contains("sets the workload back to 3 pods"));
    // Under the name and in the namespace of the overlay.
    let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamePrefix: eu-\nnamespace: shop\nresources: [app.yaml]\n";
    let all = told(&[("app.yaml", APP), ("kustomization.yaml", kustomization)]);
    assert!(all[0].1.contains("edit-last-applied deployment/eu-inference -n shop"), "{all:?}");
    // Of several overlays the one whose line it is; and what one of them allows is not out of range.
    let base = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [app.yaml]\n";
    let overlay = |namespace: &str, rest: &str| {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\nnamespace: {namespace}\nnamePrefix: {namespace}-\n{rest}"
        )
    };
    let unpinned = APP.replace("  replicas: 3\n", "");
    let small = "replicas: [{name: inference, count: 1}]\npatches:\n  - target: {kind: HorizontalPodAutoscaler, name: inference}\n    patch: |\n      - {op: replace, path: /spec/minReplicas, value: 1}\n";
    let all = told(&[
        ("base/app.yaml", &unpinned),
        ("base/kustomization.yaml", base),
        ("prod/kustomization.yaml", &overlay("prod", "")),
        ("stage/kustomization.yaml", &overlay("stage", small)),
    ]);
    assert!(all[0].1.contains("edit-last-applied deployment/stage-inference -n stage"), "{all:?}");
    assert!(all[0].0.contains("which the autoscaler decides"), "{all:?}");
    // Differences that are not reported are set again all the same.
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec:\n  ignoreDifferences:\n    - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}\n  syncPolicy:\n    syncOptions: [CreateNamespace=true]\n";
    let all = told(&[("app.yaml", APP), ("argo.yaml", application)]);
    assert!(all[0].1.contains("`RespectIgnoreDifferences=true`"), "{all:?}");
    let respected = application.replace("CreateNamespace", "RespectIgnoreDifferences");
    assert_eq!(told(&[("app.yaml", APP), ("argo.yaml", &respected)]), []);
    // Whatever is scaled counts.
    let pool = "apiVersion: pool.kubevirt.io/v1alpha1\nkind: VirtualMachinePool\nmetadata: {name: vms}\nspec: {replicas: 0}\n---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: vms}\nspec:\n  scaleTargetRef: {apiVersion: pool.kubevirt.io/v1alpha1, kind: VirtualMachinePool, name: vms}\n  triggers: []\n";
    assert!(told(&[("a.yaml", pool)])[0].1.contains("also while work waits"));
}

#[test]
fn the_range_that_only_a_patch_makes_wrong_is_told_at_the_patch() {
    let kustomization = |patch: &str| {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\npatches:\n  - target: {{kind: ScaledObject, name: inference}}\n    patch: |\n{patch}"
        )
    };
    let base = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [so.yaml]\n";
    let told = |patch: &str| -> Vec<(String, String)> {
        let overlay = kustomization(patch);
        let files = [
            ("base/so.yaml", SCALED_OBJECT),
            ("base/kustomization.yaml", base),
            ("prod/kustomization.yaml", overlay.as_str()),
        ];
        let (sources, findings) = found(&files);
        let findings = findings.into_iter().filter(|finding| finding.rule.id == "scaler/replica-order");
        findings
            .map(|finding| {
                assert_eq!(finding.related.len(), 1);
                (sources.get(finding.place.file).name.clone(), finding.message)
            })
            .collect()
    };
    let operation = |path: &str, value: &str| {
        format!("      - op: replace\n        path: /spec/{path}\n        value: {value}\n")
    };
    let place = "prod/kustomization.yaml".to_string();
    let above = |min: u32, max: u32| {
        (
            place.clone(),
            format!("with this patch the minimum {min} of `inference` is above the maximum {max}"),
        )
    };
    assert_eq!(told(&operation("minReplicaCount", "30")), [above(30, 20)]);
    assert_eq!(told(&operation("maxReplicaCount", "2")), [above(3, 2)]);
    assert_eq!(told(&operation("minReplicaCount", "10")), []);
    assert_eq!(told(&operation("minReplicaCount", "${MIN}")), []);
    let both = operation("minReplicaCount", "30") + &operation("maxReplicaCount", "40");
    assert_eq!(told(&both), []);
    let merge = "      kind: ScaledObject\n      metadata: {name: inference}\n      spec:\n        idleReplicaCount: 3\n";
    assert!(told(merge)[0].1.contains("the idle count 3 of `inference` is not below the minimum 3"));
}

#[test]
fn what_replaces_another_is_told_where_both_are_applied() {
    let other = APP.replace("inference:1", "inference:2");
    let told = |files: &[(&str, &str)]| -> Vec<Severity> {
        let findings =
            found(files).1.into_iter().filter(|finding| finding.rule.id == "workload/applied-twice");
        findings.map(|finding| finding.severity).collect()
    };
    assert_eq!(told(&[("k8s/app.yaml", APP), ("k8s/web.yaml", &other)]), [Severity::Warning; 1]);
    assert_eq!(told(&[("k8s/a.yaml", APP), ("k8s/b.yaml", APP)]), []);
    assert_eq!(told(&[("a/app.yaml", APP), ("b/app.yaml", &other)]), []);
    assert_eq!(told(&[("k8s/app-dev.yaml", APP), ("k8s/app-prod.yaml", &other)]), []);
    let kustomization = |files: &str| {
        format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{files}]\n")
    };
    let (one, both) = (kustomization("a.yaml"), kustomization("a.yaml, b.yaml"));
    let built = |text: &str| told(&[("a.yaml", APP), ("b.yaml", &other), ("kustomization.yaml", text)]);
    assert_eq!(built(&one), []);
    assert_eq!(built(&both), [Severity::Error]);
}

/// An Application of Argo CD that heals itself undoes every scaling of what it applies, and of nothing else.
#[test]
fn self_healing_makes_a_pinned_number_an_error() {
    let hpa = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: inference}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: inference}
  minReplicas: 2
  maxReplicas: 9
";
    let application = |path: &str, more: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: inference, namespace: argocd}}
spec:
  source: {{repoURL: https://example.com/x.git, path: {path}}}
  syncPolicy:
    automated: {{selfHeal: true}}
{more}"
        )
    };
    let ignoring = "    syncOptions: [RespectIgnoreDifferences=true]
  ignoreDifferences:
    - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}
";
    let pinned = |application: &str| {
        let files = [("k8s/app.yaml", APP), ("k8s/hpa.yaml", hpa), ("argocd/application.yaml", application)];
        let (_, findings) = found(&files);
        let pinned: Vec<Severity> = findings
            .iter()
            .filter(|finding| finding.rule.id == "conflict/replicas-pinned")
            .map(|finding| finding.severity)
            .collect();
        pinned
    };
    assert_eq!(pinned(&application("k8s", "")), [Severity::Error]);
    assert_eq!(pinned(&application("other", "")), [Severity::Warning]);
    assert_eq!(pinned(&application("k8s", ignoring)), []);
    // It leaves alone what it applies, not what somebody else does.
    assert_eq!(pinned(&application("other", ignoring)), [Severity::Warning]);
}

/// What a ConfigMap has under the name of a YAML file is read like one.
#[test]
fn a_broken_file_in_a_config_map_is_told_at_its_place() {
    let text = "apiVersion: v1
kind: ConfigMap
metadata: {name: prometheus, namespace: monitoring}
data:
  notes.md: |
    scrape_configs: see [there
  prometheus.yml: |
    scrape_configs:
      - job_name: prometheus
        static_configs:
          - targets:        - localhost:9090
";
    let (sources, findings) = found(&[("a.yaml", text)]);
    let told: Vec<(&str, usize)> = findings
        .iter()
        .map(|finding| {
            (finding.rule.id, sources.get(finding.place.file).line_column(finding.place.span.start).line)
        })
        .collect();
    assert_eq!(told, [("yaml/syntax", 11)]);
}

/// The address that is right for the pods is not one that KEDA takes.
#[test]
fn a_url_of_redis_behind_a_variable_is_told() {
    let text = format!(
        "{APP}---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: inference}}
spec:
  scaleTargetRef: {{name: inference}}
  maxReplicaCount: 9
  triggers:
    - type: redis
      metadata: {{addressFromEnv: REDIS_URL, listName: jobs, listLength: '5'}}
"
    );
    let container = text.find("        - name: ").expect("a container");
    let at = container + text[container..].find('\n').expect("an end") + 1;
    let with_variable = format!(
        "{}          env: [{{name: REDIS_URL, value: \"redis://redis.shop.svc:6379/0\"}}]\n{}",
        &text[..at],
        &text[at..]
    );
    let (_, findings) = found(&[("a.yaml", &with_variable)]);
    let told = findings.iter().find(|finding| finding.rule.id == "workload/service-name").expect("told");
    assert_eq!(told.severity, Severity::Error);
    assert!(told.help.as_deref().is_some_and(|help| help.contains("`redis.shop.svc:6379`")), "{told:?}");
}

#[test]
fn a_value_of_another_type_is_told_once_where_its_meaning_is_known() {
    let monitor = "apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: checkout}
spec:
  selector:
    matchLabels: {app: checkout}
  endpoints:
    - port: 8080
";
    let scaler = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: mailer}
spec:
  scaleTargetRef: {name: mailer}
  maxReplicaCount: 10
  triggers:
    - type: rabbitmq
      metadata:
        queueName: mails
        mode: QueueLength
        value: \"10\"
        authenticationRef:
          name: rabbitmq
";
    let (_, findings) = found(&[("a.yaml", monitor), ("b.yaml", scaler)]);
    let told: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| finding.rule.id)
        .collect();
    assert_eq!(told, ["scrape/port-number", "scaler/unknown-key"]);
}

#[test]
fn the_keda_that_is_installed_decides_what_is_refused() {
    let installed = |version: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: keda, namespace: argocd}}
spec:
  project: default
  source:
    repoURL: https://kedacore.github.io/charts
    chart: keda
    targetRevision: {version}
  destination: {{server: https://kubernetes.default.svc, namespace: keda}}
"
        )
    };
    let scaler = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: checkout}
spec:
  scaleTargetRef: {name: checkout}
  minReplicaCount: 1
  maxReplicaCount: 10
  triggers:
    - type: cpu
      metadata: {type: Utilization, value: \"70\"}
    - type: prometheus
      metadata:
        serverAddress: http://prometheus.monitoring.svc:9090
        query: 'sum(rate(http_requests_total{namespace=\"shop\",service=\"checkout\"}[2m]))'
        threshold: \"20\"
";
    let told = |version: &str| -> Vec<&'static str> {
        let (_, findings) = found(&[("keda.yaml", &installed(version)), ("scaler.yaml", scaler)]);
        findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.rule.id)
            .collect()
    };
    assert_eq!(told("2.18.1"), ["scaler/resource-type"]);
    assert_eq!(told("2.14.0"), Vec::<&str>::new());
    assert_eq!(told("2.9.4"), ["scaler/missing-key"]);
    // A range may be any of them: the newest counts.
    assert_eq!(told("2.x"), ["scaler/resource-type"]);
}

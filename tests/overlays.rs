//! What only an overlay makes of objects, and where it is told.

use slogen::finding::{Finding, Severity};

use crate::inspect::found;

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: \"example/web:1\"}]
";
const HPA: &str = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
  metrics:
    - type: Resource
      resource: {name: memory, target: {type: AverageValue, averageValue: 500Mi}}
";
const BUDGET: &str = "apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
";

fn kustomization(rest: &str) -> String {
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{rest}")
}

/// A base of these objects, and files around it: what one rule says, as place and message.
fn told(rule: &str, base: &[&str], around: &[(&str, &str)]) -> Vec<(String, Finding)> {
    let objects = base.join("---\n");
    let named = kustomization("resources: [all.yaml]\n");
    let mut files = vec![("base/all.yaml", objects.as_str()), ("base/kustomization.yaml", named.as_str())];
    files.extend(around);
    let (sources, findings) = found(&files);
    let findings = findings.into_iter().filter(|finding| finding.rule.id == rule);
    findings
        .map(|finding| {
            let source = sources.get(finding.place.file);
            let line = source.text[..finding.place.span.start as usize].matches('\n').count() + 1;
            (format!("{}:{line}", source.name), finding)
        })
        .collect()
}

fn operation(kind: &str, path: &str, value: &str) -> String {
    kustomization(&format!(
        "resources: [../base]\npatches:\n  - target: {{kind: {kind}, name: web}}\n    patch: |-\n      - op: replace\n        path: /spec/{path}\n        value: {value}\n"
    ))
}

#[test]
fn a_budget_is_held_against_the_range_of_each_overlay() {
    let budget = |base: &[&str], around: &[(&str, &str)]| -> Vec<(String, String)> {
        let all = told("workload/disruption-budget", base, around).into_iter();
        all.map(|(place, finding)| (place, finding.message)).collect()
    };
    let all = [WEB, HPA, BUDGET];
    let place = "dev/kustomization.yaml:9".to_string();
    let dev = |text: String| budget(&all, &[("dev/kustomization.yaml", &text)]);
    let lowest = |min: &str| format!("with this patch, at its minimum of {min} no pod of `web` may go");
    assert_eq!(budget(&all, &[]), []);
    assert_eq!(
        dev(operation("HorizontalPodAutoscaler", "minReplicas", "1")),
        [(place.clone(), lowest("1 pod"))]
    );
    assert_eq!(dev(operation("HorizontalPodAutoscaler", "minReplicas", "3")), []);
    assert_eq!(dev(operation("HorizontalPodAutoscaler", "minReplicas", "${MIN}")), []);
    assert_eq!(
        dev(operation("PodDisruptionBudget", "minAvailable", "2")),
        [(place.clone(), lowest("2 pods"))]
    );
    let never = "with this patch, not even at its maximum of 5 pods a pod of `web` may go";
    assert_eq!(dev(operation("PodDisruptionBudget", "minAvailable", "5")), [(place, never.to_string())]);
    // A patch in a file, and one in a component.
    let patch = HPA[..HPA.find("  scaleTargetRef").expect("a target")].to_string() + "  minReplicas: 1\n";
    let by_file = kustomization("resources: [../base]\npatches: [{path: hpa.yaml}]\n");
    assert_eq!(
        budget(&all, &[("dev/kustomization.yaml", &by_file), ("dev/hpa.yaml", &patch)]),
        [("dev/hpa.yaml:5".to_string(), lowest("1 pod"))]
    );
    let component = by_file.replace("Kustomization", "Component").replace("resources: [../base]\n", "");
    let with_it = kustomization("resources: [../base]\ncomponents: [../small]\n");
    assert_eq!(
        budget(
            &all,
            &[
                ("dev/kustomization.yaml", &with_it),
                ("small/kustomization.yaml", &component),
                ("small/hpa.yaml", &patch)
            ]
        ),
        [("small/hpa.yaml:5".to_string(), lowest("1 pod"))]
    );
    // What the base gets wrong, and every overlay right; what some overlay leaves out.
    let low = HPA.replace("minReplicas: 2", "minReplicas: 1");
    let right = operation("HorizontalPodAutoscaler", "minReplicas", "2");
    assert_eq!(budget(&[WEB, &low, BUDGET], &[("dev/kustomization.yaml", &right)]), []);
    let deleted = kustomization(
        "resources: [../base]\npatches:\n  - patch: |-\n      apiVersion: policy/v1\n      kind: PodDisruptionBudget\n      metadata: {name: web}\n      $patch: delete\n",
    );
    let plain = kustomization("resources: [../base]\n");
    assert_eq!(budget(&[WEB, &low, BUDGET], &[("dev/kustomization.yaml", &deleted)]), []);
    assert_eq!(budget(&[WEB, &low, BUDGET], &[("dev/kustomization.yaml", &plain)]).len(), 1);
    // What a pattern changes, or means that are not followed, is not told.
    let vague = "resources: [../base]\npatches:\n  - target: {kind: HorizontalPodAutoscaler, name: \"w.*\"}\n    path: up.yaml\n";
    let up = "- {op: replace, path: /spec/minReplicas, value: 2}\n";
    assert_eq!(
        budget(
            &[WEB, &low, BUDGET],
            &[("dev/kustomization.yaml", &kustomization(vague)), ("dev/up.yaml", up)]
        ),
        []
    );
    let replaced = kustomization("resources: [../base]\nreplacements: [{path: other.yaml}]\n");
    assert_eq!(budget(&[WEB, &low, BUDGET], &[("dev/kustomization.yaml", &replaced)]), []);
    // Without an autoscaler the number of replicas counts.
    let fixed = WEB.replace("spec:\n  selector", "spec:\n  replicas: 3\n  selector");
    let one = kustomization("resources: [../base]\nreplicas: [{name: web, count: 1}]\n");
    let found = told("workload/disruption-budget", &[&fixed, BUDGET], &[("dev/kustomization.yaml", &one)]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1.severity), ("dev/kustomization.yaml:4", Severity::Note));
}

/// An Application that leads to an overlay applies the base behind it, and what is pinned there.
#[test]
fn self_healing_reaches_the_base_behind_an_overlay() {
    let pinned_web = WEB.replace("spec:\n  selector", "spec:\n  replicas: 3\n  selector");
    let application = |path: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web, namespace: argocd}}\nspec:\n  source: {{repoURL: https://example.com/x.git, path: {path}}}\n  syncPolicy: {{automated: {{selfHeal: true}}}}\n"
        )
    };
    let pinned = |overlay: &str, base: &[&str]| -> Vec<(String, Severity, String)> {
        let middle = kustomization("resources: [../base]\n");
        let dev = overlay.replace("../base", "../middle");
        let application = application("dev");
        let around = [
            ("middle/kustomization.yaml", middle.as_str()),
            ("dev/kustomization.yaml", dev.as_str()),
            ("dev/hpa.yaml", HPA),
            ("argocd/web.yaml", application.as_str()),
        ];
        let all = told("conflict/replicas-pinned", base, &around).into_iter();
        all.map(|(place, finding)| (place, finding.severity, finding.related[0].message.clone())).collect()
    };
    let plain = kustomization("resources: [../base]\n");
    let base = "base/all.yaml:5".to_string();
    let range = |range: &str| format!("scaled from {range}");
    assert_eq!(pinned(&plain, &[&pinned_web, HPA]), [(base.clone(), Severity::Error, range("2 to 5"))]);
    // Of the ranges of overlays the one of the overlay whose line it is.
    let wider = operation("HorizontalPodAutoscaler", "maxReplicas", "9");
    assert_eq!(pinned(&wider, &[&pinned_web, HPA]), [(base.clone(), Severity::Error, range("2 to 9"))]);
    let counted = format!("{wider}replicas: [{{name: web, count: 4}}]\n");
    let place = "dev/kustomization.yaml:10".to_string();
    assert_eq!(pinned(&counted, &[&pinned_web, HPA]), [(place, Severity::Error, range("2 to 9"))]);
    // The overlay without the autoscaler, and another one beside it that has it.
    let without = kustomization(
        "resources: [../base]\npatches:\n  - target: {kind: HorizontalPodAutoscaler, name: web}\n    patch: |-\n      $patch: delete\n      kind: HorizontalPodAutoscaler\n      metadata: {name: web}\n",
    );
    let with_it = kustomization("resources: [../base]\n");
    let dev = application("dev");
    let around = [
        ("dev/kustomization.yaml", without.as_str()),
        ("prod/kustomization.yaml", with_it.as_str()),
        ("argocd/web.yaml", dev.as_str()),
    ];
    let all = told("conflict/replicas-pinned", &[&pinned_web, HPA], &around);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].0.as_str(), all[0].1.severity), (base.as_str(), Severity::Warning));
}

const SCALED: &str = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 2
  maxReplicaCount: 5
  triggers:
    - type: prometheus
      metadata:
        serverAddress: http://prometheus.monitoring.svc:9090
        query: sum(rate(http_requests_total{app=\"web\"}[2m]))
        threshold: \"20\"
";

#[test]
fn common_annotations_are_on_the_pods() {
    let prometheus = "scrape_configs:
  - job_name: pods
    kubernetes_sd_configs: [{role: pod}]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: \"true\"}
      - {source_labels: [__meta_kubernetes_pod_label_app], target_label: app}
";
    let overlay = |rest: &str| kustomization(&format!("resources: [../base]\n{rest}"));
    let plain = overlay("");
    let annotated = overlay("commonAnnotations: {prometheus.io/scrape: \"true\"}\n");
    let not_scraped = |overlay: &str| {
        let around = [("prod/kustomization.yaml", overlay), ("prometheus.yml", prometheus)];
        told("scrape/not-scraped", &[WEB, SCALED], &around)
    };
    assert_eq!(not_scraped(&plain).len(), 1);
    assert!(not_scraped(&annotated).is_empty());
}

#[test]
fn two_autoscalers_in_one_build_are_no_choice() {
    let scaled = ("prod/scaler.yaml", SCALED);
    let severity = |rest: &str| {
        let overlay = kustomization(rest);
        let found =
            told("conflict/second-autoscaler", &[WEB, HPA], &[("prod/kustomization.yaml", &overlay), scaled]);
        found.into_iter().map(|(_, finding)| finding.severity).collect::<Vec<_>>()
    };
    assert_eq!(severity("resources: [../base, scaler.yaml]\n"), [Severity::Error]);
    // The other folder may be applied instead.
    assert_eq!(severity("resources: [scaler.yaml]\n"), [Severity::Warning]);
}

#[test]
fn a_number_of_an_overlay_goes_with_its_entry() {
    let overlay = kustomization("resources: [../base]\nreplicas:\n  - {name: web, count: 4}\n");
    let found = told("conflict/replicas-pinned", &[WEB, SCALED], &[("prod/kustomization.yaml", &overlay)]);
    let [(place, finding)] = found.as_slice() else { panic!("told once: {found:?}") };
    assert_eq!(place, "prod/kustomization.yaml:5");
    assert!(finding.help.as_deref().is_some_and(|help| help.contains("the whole entry")), "{finding:?}");
}

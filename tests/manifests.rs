//! Reading YAML, and conflicts of a policy with what is there already.

use proptest::prelude::*;
use slogen::compile::{World, compile};
use slogen::emit::Templates;
use slogen::finding::Finding;
use slogen::manifest;
use slogen::rules::conflict;
use slogen::source::{FileId, SourceFile, Sources};

const POLICY: &str = "version = 1

[workload]
name = \"checkout\"
pods = { app = \"checkout\" }

[metrics]
port = { name = \"http\", number = 8080 }

[prometheus]
address = \"http://prometheus.monitoring.svc:9090\"

[scaling]
replicas = { min = 2, max = 12 }

[signal.orders]
type = \"rate\"
counter = \"checkout_orders_total\"
scale = \"20/s\"

[signal.cpu]
type = \"cpu\"
scale = \"80%\"
";

/// Everything as it should be.
const GOOD: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
spec:
  template:
    metadata:
      labels: {app: checkout, tier: web}
    spec:
      containers:
        - name: app
          ports:
            - {name: http, containerPort: 8080}
          resources:
            requests: {cpu: 500m}
---
apiVersion: v1
kind: Service
metadata:
  name: checkout
  labels: {app: checkout}
spec:
  selector: {app: checkout}
  ports:
    - {name: http, port: 80, targetPort: http}
";

/// `rule file:line:column` of what is told about a policy and manifests.
fn told(policy: &str, manifests: &str) -> Vec<String> {
    let (sources, findings) = findings(policy, manifests);
    findings
        .iter()
        .map(|finding| {
            let file = sources.get(finding.place.file);
            let at = file.line_column(finding.place.span.start);
            format!("{} {}:{}:{}", finding.rule.id, file.name, at.line, at.column)
        })
        .collect()
}

fn findings(policy: &str, manifests: &str) -> (Sources, Vec<Finding>) {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("policy.toml", policy));
    let yaml = sources.add(SourceFile::new("k8s.yaml", manifests));
    let reading = manifest::read(yaml, &sources.get(yaml).text);
    assert_eq!(reading.findings, []);
    let templates = Templates::default();
    let inventory = slogen::inventory::Inventory::new(&sources, &reading.documents);
    let world =
        World { sources: &sources, templates: &templates, manifests: Some(&inventory.objects), date: None };
    let findings = compile(file, &world).expect("renders").findings;
    (sources, findings)
}

fn with(change: (&str, &str)) -> Vec<String> {
    assert!(GOOD.contains(change.0), "{}", change.0);
    told(POLICY, &GOOD.replacen(change.0, change.1, 1))
}

#[test]
fn good_manifests_are_no_conflict() {
    assert_eq!(told(POLICY, GOOD), Vec::<String>::new());
}

#[test]
fn each_conflict_is_told_at_its_place() {
    assert_eq!(
        with(("spec:\n  template", "spec:\n  replicas: 3\n  template")),
        ["conflict/replicas-pinned k8s.yaml:6:13"]
    );
    assert_eq!(
        with(("requests: {cpu: 500m}", "requests: {memory: 1Gi}")),
        ["conflict/request-missing k8s.yaml:11:17"]
    );
    assert_eq!(
        with(("name: checkout\nspec", "name: chekout\nspec")),
        ["conflict/target-missing policy.toml:4:8"]
    );
    assert_eq!(with(("{app: checkout, tier: web}", "{app: web}")), ["conflict/pod-labels k8s.yaml:8:15"]);
    assert_eq!(with(("containerPort: 8080", "containerPort: 80")), ["conflict/port-missing k8s.yaml:11:11"]);
    assert_eq!(
        with(("labels: {app: checkout}\nspec", "labels: {app: web}\nspec")),
        ["conflict/service-missing policy.toml:7:1"]
    );
    assert_eq!(
        with(("{name: http, port: 80", "{name: web, port: 80")),
        ["conflict/port-missing k8s.yaml:25:5"]
    );
}

fn hpa(more: &str, api_version: &str, target: &str) -> String {
    format!(
        "{GOOD}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: old\n{more}spec:\n  scaleTargetRef:\n    apiVersion: {api_version}\n    kind: Deployment\n    name: {target}\n"
    )
}

#[test]
fn another_autoscaler_is_a_conflict_unless_it_is_not() {
    let conflict = ["conflict/second-autoscaler k8s.yaml:35:11"];
    assert_eq!(told(POLICY, &hpa("", "apps/v1", "checkout")), conflict);
    assert_eq!(told(POLICY, &hpa("", "extensions/v1beta1", "checkout")), conflict);
    let silent = [
        hpa("", "apps/v1", "basket"),
        hpa("  namespace: other\n", "apps/v1", "checkout"),
        hpa("  annotations: {validations.keda.sh/hpa-ownership: \"false\"}\n", "apps/v1", "checkout"),
        hpa("  ownerReferences: [{kind: ScaledObject, name: checkout}]\n", "apps/v1", "checkout"),
    ];
    for manifests in silent {
        assert_eq!(told(POLICY, &manifests), Vec::<String>::new(), "{manifests}");
    }
    let taken = POLICY.replace("[scaling]\n", "[scaling]\ntake_over = \"old\"\n");
    assert_eq!(told(&taken, &hpa("", "apps/v1", "checkout")), Vec::<String>::new());
}

#[test]
fn old_versions_lists_and_scaled_objects_count() {
    let list = format!(
        "{GOOD}---\napiVersion: v1\nkind: List\nitems:\n  - apiVersion: autoscaling/v2beta2\n    kind: HorizontalPodAutoscaler\n    metadata: {{name: old}}\n    spec: {{scaleTargetRef: {{kind: Deployment, name: checkout}}}}\n"
    );
    assert_eq!(told(POLICY, &list), ["conflict/second-autoscaler k8s.yaml:33:53"]);
    let other = |name: &str| {
        format!(
            "{GOOD}---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: {name}\nspec:\n  scaleTargetRef:\n    name: checkout\n  triggers: []\n"
        )
    };
    assert_eq!(told(POLICY, &other("other")), ["conflict/second-autoscaler k8s.yaml:33:11"]);
    // The same name is what this policy replaces.
    assert_eq!(told(POLICY, &other("checkout")), Vec::<String>::new());
}

#[test]
fn the_examples_of_the_pages_fire_and_stay_silent() {
    let fenced = |page: &str, heading: &str| {
        let section = page.split("\n## ").find(|section| section.starts_with(heading)).expect("a section");
        section
            .split("```yaml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .expect("an example")
            .to_string()
    };
    let named = POLICY.replace("type = \"cpu\"\n", "type = \"cpu\"\ncontainer = \"app\"\n");
    for rule in conflict::RULES {
        let policy = if rule.id == "conflict/container-missing" { &named } else { POLICY };
        let ids = |text: &str| -> Vec<String> {
            findings(policy, text).1.iter().map(|finding| finding.rule.id.to_string()).collect()
        };
        let (fires, silent) = (ids(&fenced(rule.page, "Fires")), ids(&fenced(rule.page, "Stays silent")));
        assert!(fires.contains(&rule.id.to_string()), "{}: {fires:?}", rule.id);
        assert!(!silent.contains(&rule.id.to_string()), "{}: {silent:?}", rule.id);
    }
    // One needs a large file, the other the object around.
    let of_files =
        |rule: &&&slogen::finding::Rule| !["yaml/too-large", "yaml/quoted-template"].contains(&rule.id);
    for rule in manifest::rules::RULES.iter().filter(of_files) {
        let ids = |text: &str| -> Vec<&str> {
            manifest::read(FileId(0), text).findings.iter().map(|finding| finding.rule.id).collect()
        };
        assert!(ids(&fenced(rule.page, "Fires")).contains(&rule.id), "{}", rule.id);
        assert!(!ids(&fenced(rule.page, "Stays silent")).contains(&rule.id), "{}", rule.id);
    }
}

#[test]
fn reads_what_kubectl_reads() {
    let text = "\u{feff}# comment\r\nkind: Service\r\nmetadata: {name: \"é\"}\r\nspec: &s\r\n  on: yes\r\n  text: |\r\n    a\r\n    b\r\nmore: *s\r\nmerged:\r\n  <<: *s\r\n  on: no\r\n---\r\n# only a comment\r\n---\r\n{\"kind\": \"X\", \"n\": 1.5}\r\n";
    let reading = manifest::read(FileId(0), text);
    assert_eq!(reading.findings, []);
    let [first, second] = reading.documents.as_slice() else { panic!("two documents") };
    assert_eq!(first.kind(), "Service");
    let name = first.node.at(&["metadata", "name"]).expect("a name");
    assert_eq!(&text[name.span.range()], "\"é\"");
    assert_eq!(first.node.at(&["spec", "text"]).and_then(|node| node.as_str()), Some("a\nb\n"));
    assert_eq!(first.node.at(&["more", "text"]).and_then(|node| node.as_str()), Some("a\nb\n"));
    assert_eq!(second.node.to_json(), serde_json::json!({"kind": "X", "n": 1.5}));
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let reading = manifest::read(FileId(0), "kind: A\n---\nkind: [B\n---\nkind: C\n");
    let kinds: Vec<&str> = reading.documents.iter().map(|document| document.kind()).collect();
    assert_eq!(kinds, ["A", "C"]);
    assert_eq!(reading.findings.len(), 1);
}

#[test]
fn hostile_input_meets_a_limit() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..30 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(",")));
    }
    for text in [
        bomb,
        "[".repeat(100_000),
        "{a: ".repeat(10_000),
        "- ".repeat(10_000),
        format!("{}x", " ".repeat(1 << 20)),
        "a: b\n".repeat(400_000),
        "#\n".repeat(1 << 20),
    ] {
        let reading = manifest::read(FileId(0), &text);
        assert!(reading.findings.len() < 100);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn mutated_yaml_never_panics(from in any::<usize>(), length in 0_usize..30, c in any::<char>(), how in 0_u8..3) {
        let mut start = from % GOOD.len();
        while !GOOD.is_char_boundary(start) { start -= 1; }
        let end = (start + length).min(GOOD.len());
        let mut text = GOOD.to_string();
        let piece = text[start..end].to_string();
        match how {
            0 => text.replace_range(start..end, ""),
            1 => text.replace_range(start..end, &c.to_string()),
            _ => text.insert_str(start, &piece),
        }
        check(&text);
    }
}

fn check(text: &str) {
    let reading = manifest::read(FileId(0), text);
    for finding in reading.findings {
        let range = finding.place.span.range();
        assert!(
            range.end <= text.len() && text.is_char_boundary(range.start) && text.is_char_boundary(range.end)
        );
    }
}

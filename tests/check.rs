//! `slogen lint` and `slogen check` as a person, a hook or a pipeline runs them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{root, scratch};

fn slogen(folder: &Path, arguments: &[&str]) -> Output {
    fed(folder, arguments, "")
}

/// Runs the program with a text on its standard input.
fn fed(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_slogen"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Whoever does not read its input may be gone already.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it exits by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ids of the rules that speak, from JSON.
fn rules(output: &Output) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&stdout(output)).expect("JSON");
    let findings = json["findings"].as_array().expect("a list");
    findings.iter().map(|finding| finding["rule"].as_str().expect("an id").to_string()).collect()
}

/// A copy of one of the repositories.
fn copy(name: &str, as_: &str) -> PathBuf {
    let to = scratch(as_);
    let from = root().join("tests/repositories").join(name);
    let mut stack = vec![from.clone()];
    while let Some(at) = stack.pop() {
        for entry in fs::read_dir(&at).expect("readable") {
            let path = entry.expect("readable").path();
            let target = to.join(path.strip_prefix(&from).expect("below"));
            if path.is_dir() {
                fs::create_dir_all(&target).expect("writable");
                stack.push(path);
            } else {
                fs::create_dir_all(target.parent().expect("a folder")).expect("writable");
                fs::copy(&path, &target).expect("writable");
            }
        }
    }
    to
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.email=a@example.com", "-c", "user.name=a", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn exit_codes_tell_apart_clean_findings_unreadable_and_nothing() {
    let folder = copy("operator-clean", "check-codes");
    assert_eq!(code(&slogen(&folder, &["check"])), 0);
    assert_eq!(code(&slogen(&folder, &["lint", "apps/cart/scaler.yaml"])), 0);
    let broken = copy("origin", "check-codes-broken");
    assert_eq!(code(&slogen(&broken, &["check"])), 1);
    assert_eq!(code(&slogen(&folder, &["check", "no-such-folder"])), 2);
    assert_eq!(code(&slogen(&folder, &["lint"])), 2);
    let empty = scratch("check-codes-empty");
    fs::write(empty.join("notes.yaml"), "a: 1\n").expect("writable");
    let output = slogen(&empty, &["check"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("nothing to look at"), "{}", stderr(&output));
}

#[test]
fn lint_reports_on_the_files_named_and_looks_facts_up_elsewhere() {
    let folder = copy("origin", "lint-context");
    let alone = slogen(&folder, &["lint", "k8s/hpa.yaml", "--format", "json"]);
    assert_eq!(rules(&alone), Vec::<String>::new());
    let beside = slogen(&folder, &["lint", "k8s/hpa.yaml", "--context", ".", "--format", "json"]);
    // What stands elsewhere and is in its way counts as well, and is told here.
    let all = ["conflict/replicas-pinned", "conflict/second-autoscaler", "conflict/request-missing"];
    assert_eq!(rules(&beside), all);
    let beside: serde_json::Value = serde_json::from_str(&stdout(&beside)).expect("JSON");
    let places = beside["findings"].as_array().expect("a list");
    assert!(places.iter().all(|finding| finding["file"] == "k8s/hpa.yaml"), "{places:?}");
    fs::write(folder.join("slogen.toml"), "context = [\".\"]\n").expect("writable");
    let configured = slogen(&folder, &["lint", "k8s/hpa.yaml", "--format", "json"]);
    assert_eq!(rules(&configured), all);
    let below = slogen(&folder.join("k8s"), &["lint", "hpa.yaml", "--format", "json"]);
    assert_eq!(rules(&below), all);
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let text =
        fs::read_to_string(root().join("tests/repositories/origin/k8s/scaledobject.yaml")).expect("text");
    let folder = scratch("lint-stdin");
    let output = fed(&folder, &["lint", "-", "--format", "json"], &text);
    assert_eq!(code(&output), 0);
    assert!(rules(&output).contains(&"promql/level-divided".to_string()));
    assert!(stdout(&output).contains("\"file\": \"<stdin>\""));
    let told = fed(&folder, &["explain-scaler", "-"], &text);
    assert_eq!(code(&told), 0);
    for sentence in [
        "scales Deployment `inference` from 3 to 20 pods, through the HPA `keda-hpa-inference`",
        "with 3 pods, a value of 1000 asks for 2 pods, not 6",
        "`cooldownPeriod` does nothing here",
    ] {
        assert!(stdout(&told).contains(sentence), "{sentence} is missing:\n{}", stdout(&told));
    }
}

#[test]
fn what_other_scalers_measure_is_told_with_numbers() {
    let text = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker, namespace: shop}
spec:
  scaleTargetRef: {name: worker}
  maxReplicaCount: 30
  triggers:
    - type: kafka
      metadata:
        {bootstrapServers: kafka.shop.svc:9092, consumerGroup: worker, topic: orders, lagThreshold: '50', activationLagThreshold: '5'}
";
    let told = fed(&scratch("explain-measured"), &["explain-scaler", "-"], text);
    for sentence in [
        "trigger 1, kafka: `lagThreshold` 50, as AverageValue",
        "a value of 100 asks for 2 pods, whatever number there is; 1500 and more for all 30",
        "it is active above 5",
    ] {
        assert!(stdout(&told).contains(sentence), "{sentence} is missing:\n{}", stdout(&told));
    }
}

#[test]
fn fixes_are_shown_and_applied_and_keep_comments() {
    let folder = copy("origin", "check-fix");
    let path = folder.join("k8s/scaledobject.yaml");
    let before = fs::read_to_string(&path)
        .expect("text")
        .replace("minReplicaCount", "# as promised\n  minReplicaCount");
    fs::write(&path, &before).expect("writable");
    let shown = slogen(&folder, &["check", "--diff"]);
    assert!(stdout(&shown).contains("-  cooldownPeriod: 300"), "{}", stdout(&shown));
    assert_eq!(fs::read_to_string(&path).expect("text"), before);
    slogen(&folder, &["check", "--fix"]);
    let after = fs::read_to_string(&path).expect("text");
    assert!(after.contains("# as promised") && after.contains("minReplicaCount: 3"));
    for gone in ["cooldownPeriod", "pollingInterval", "metricName", "activationThreshold"] {
        assert!(!after.contains(gone), "{gone} is still there");
    }
    let again = slogen(&folder, &["check", "--diff"]);
    assert!(!stdout(&again).contains("scaledobject.yaml"), "{}", stdout(&again));
}

#[test]
fn a_baseline_hides_what_is_known_and_shows_what_is_new() {
    let folder = copy("origin", "check-baseline");
    let written = slogen(&folder, &["check", "--baseline", "known.txt", "--write-baseline"]);
    assert_eq!(code(&written), 0, "{}", stderr(&written));
    assert_eq!(code(&slogen(&folder, &["check", "--baseline", "known.txt"])), 0);
    // Lines may move.
    let path = folder.join("k8s/hpa.yaml");
    let text = fs::read_to_string(&path).expect("text");
    fs::write(&path, format!("# moved\n\n{text}")).expect("writable");
    assert_eq!(code(&slogen(&folder, &["check", "--baseline", "known.txt"])), 0);
    fs::write(folder.join("k8s/more.yaml"), text.replace("name: inference\nspec", "name: other\nspec"))
        .expect("writable");
    let new = slogen(&folder, &["check", "--baseline", "known.txt", "--format", "json"]);
    assert_eq!(code(&new), 1);
    assert!(rules(&new).iter().all(|rule| rule == "conflict/second-autoscaler"), "{}", stdout(&new));
    assert_eq!(code(&slogen(&folder, &["check", "--baseline", "missing.txt"])), 2);
    assert_eq!(code(&slogen(&folder, &["check", "--write-baseline"])), 2);
}

#[test]
fn the_configuration_decides_severities_paths_and_exceptions() {
    let folder = copy("managed", "check-config");
    fs::write(
        folder.join("slogen.toml"),
        "exclude = [\"worker.yaml\"]\nfail_on = \"warning\"\n\n[versions]\nkubernetes = \"1.24\"\n\n[severity]\n\"scaler/*\" = \"off\"\n\"scrape/*\" = \"off\"\n\"workload/vertical-autoscaler\" = \"note\"\n\n[[allow]]\nrule = \"conflict/*\"\npaths = [\"hpa.yaml\"]\nreason = \"x\"\n",
    )
    .expect("writable");
    // An exception is for one rule.
    let wrong = slogen(&folder, &["check"]);
    assert_eq!(code(&wrong), 2);
    assert!(stderr(&wrong).contains("config/unknown-rule"), "{}", stderr(&wrong));
    let path = folder.join("slogen.toml");
    let text =
        fs::read_to_string(&path).expect("text").replace("\"conflict/*\"", "\"conflict/second-autoscaler\"");
    fs::write(&path, &text).expect("writable");
    let output = slogen(&folder, &["check", "--format", "json"]);
    assert_eq!(rules(&output), ["conflict/replicas-pinned", "workload/vertical-autoscaler"]);
    assert_eq!(code(&output), 1);
    // What is left out stays left out when it is named.
    let named = slogen(&folder, &["lint", "worker.yaml", "--format", "json"]);
    assert_eq!(code(&named), 3, "{}", stdout(&named));
    fs::write(&path, text.replace("hpa.yaml", "elsewhere/")).expect("writable");
    assert!(rules(&slogen(&folder, &["check", "--format", "json"])).contains(&"allow/unused".to_string()));
    let told = stdout(&slogen(&folder, &["config"]));
    assert!(told.contains("versions.kubernetes") && told.contains("# slogen.toml:5"), "{told}");
    assert!(told.contains("versions.keda") && told.contains("# default"), "{told}");
}

/// Whatever a release installs, it is known by its kind alone.
#[test]
fn releases_in_files_of_their_own_are_read() {
    let folder = scratch("check-releases");
    let page = slogen::rules::workload::RULES
        .iter()
        .find(|rule| rule.id == "workload/external-metric")
        .expect("a rule")
        .page;
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    fs::write(folder.join("app.yaml"), example.expect("an example")).expect("writable");
    let told = |folder: &Path| rules(&slogen(folder, &["check", "--format", "json"]));
    assert!(told(&folder).contains(&"workload/external-metric".to_string()));
    fs::write(
        folder.join("adapter.yaml"),
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: adapter}\nspec:\n  chart:\n    spec: {chart: prometheus-adapter}\n",
    )
    .expect("writable");
    assert!(!told(&folder).contains(&"workload/external-metric".to_string()));
}

/// ConfigMaps, routes and topics stand in files of their own, of which slogen says nothing by themselves.
#[test]
fn what_a_scaler_is_compared_with_may_be_anywhere() {
    let folder = scratch("compared");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("writable");
    write(
        "app.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mailer, namespace: shop}\nspec:\n  selector: {matchLabels: {app: mailer}}\n  template:\n    metadata: {labels: {app: mailer}}\n    spec:\n      containers:\n        - name: app\n          image: example/mailer:1\n          envFrom: [{configMapRef: {name: mailer}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {name: mailer, namespace: shop}\nspec: {selector: {app: mailer}, ports: [{port: 80}]}\n",
    );
    write(
        "keda.yaml",
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: mailer, namespace: shop}\nspec:\n  scaleTargetRef: {name: mailer}\n  minReplicaCount: 0\n  maxReplicaCount: 9\n  triggers:\n    - type: kafka\n      metadata: {bootstrapServers: 'kafka.shop.svc:9092', consumerGroup: mailer, topic: mails, lagThreshold: '9'}\n",
    );
    write(
        "settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mailer, namespace: shop}\ndata: {KAFKA_BROKERS: 'broker.shop.svc:9092'}\n",
    );
    write(
        "ingress.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop, namespace: shop}\nspec: {defaultBackend: {service: {name: mailer, port: {number: 80}}}}\n",
    );
    write(
        "topic.yaml",
        "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata: {name: mails, namespace: shop}\nspec: {partitions: 3}\n",
    );
    let told = rules(&slogen(&folder, &["check", "--format", "json"]));
    for rule in ["workload/watches-another", "workload/asleep", "workload/partitions"] {
        assert!(told.iter().any(|id| id == rule), "{rule} is not among {told:?}");
    }
    assert!(!told.iter().any(|id| id == "workload/config-missing"), "{told:?}");
}

/// What another operator runs is read where an autoscaler scales it, and its number is told like that of a Deployment;
/// the quota of the namespace is read as well.
#[test]
fn the_target_of_another_operator_is_looked_for() {
    let folder = scratch("check-custom-target");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("writable");
    write(
        "fleet.yaml",
        "apiVersion: game.example.com/v1\nkind: Lobby\nmetadata: {name: lobby, namespace: games}\nspec:\n  replicas: 3\n",
    );
    write(
        "hpa.yaml",
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: lobby, namespace: games}\nspec:\n  scaleTargetRef: {apiVersion: game.example.com/v1, kind: Lobby, name: lobby}\n  minReplicas: 2\n  maxReplicas: 20\n  metrics:\n    - {type: Pods, pods: {metric: {name: players}, target: {type: AverageValue, averageValue: 50}}}\n",
    );
    write(
        "quota.yaml",
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: games, namespace: games}\nspec: {hard: {pods: 10}}\n",
    );
    let told = || rules(&slogen(&folder, &["check", "--format", "json"]));
    for rule in ["conflict/replicas-pinned", "workload/quota"] {
        assert!(told().iter().any(|id| id == rule), "{rule} is not among {:?}", told());
    }
    // Its definition may say that the number stands elsewhere.
    write(
        "definition.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: lobbies.game.example.com}\nspec:\n  group: game.example.com\n  names: {kind: Lobby, plural: lobbies}\n  scope: Namespaced\n  versions:\n    - name: v1\n      served: true\n      storage: true\n      subresources: {scale: {specReplicasPath: .spec.rooms.replicas, statusReplicasPath: .status.replicas}}\n",
    );
    assert!(!told().iter().any(|id| id == "conflict/replicas-pinned"), "{:?}", told());
}

/// A ScaledJob alone is something to look at.
#[test]
fn a_scaled_job_alone_is_looked_at() {
    let folder = scratch("check-jobs");
    let page = slogen::rules::scaler::RULES.iter().find(|rule| rule.id == "scaler/job").expect("a rule").page;
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    fs::write(folder.join("job.yaml"), example.expect("an example")).expect("writable");
    let output = slogen(&folder, &["check", "--format", "json"]);
    assert!(rules(&output).contains(&"scaler/job".to_string()), "{}", stdout(&output));
}

#[test]
fn an_exception_on_the_line_needs_a_reason_and_a_finding() {
    let folder = copy("origin", "check-allow");
    let path = folder.join("k8s/app.yaml");
    let text = fs::read_to_string(&path).expect("text");
    let excused = text.replace(
        "  replicas: 3\n",
        "  replicas: 3 # slogen: allow conflict/replicas-pinned because applied once\n",
    );
    fs::write(&path, &excused).expect("writable");
    assert!(
        !rules(&slogen(&folder, &["check", "--format", "json"]))
            .contains(&"conflict/replicas-pinned".to_string())
    );
    // Alone, the file does not show whether the exception is still needed.
    assert_eq!(rules(&slogen(&folder, &["lint", "k8s/app.yaml", "--format", "json"])), Vec::<String>::new());
    fs::write(&path, excused.replace(" because applied once", "")).expect("writable");
    assert!(rules(&slogen(&folder, &["check", "--format", "json"])).contains(&"allow/no-reason".to_string()));
}

#[test]
fn only_what_changed_is_told() {
    let folder = copy("origin", "check-changed");
    git(&folder, &["init", "-q", "-b", "main"]);
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-q", "-m", "first"]);
    let none = slogen(&folder, &["check", "--changed-since", "HEAD", "--format", "json"]);
    assert_eq!(rules(&none), Vec::<String>::new());
    let path = folder.join("k8s/hpa.yaml");
    let text = fs::read_to_string(&path).expect("text");
    fs::write(&path, format!("{text}# more\n")).expect("writable");
    let one = slogen(&folder, &["check", "--changed-since", "HEAD", "--format", "json"]);
    // What stands elsewhere and points at the file that changed belongs to it.
    assert!(rules(&one).contains(&"conflict/second-autoscaler".to_string()));
    assert!(!rules(&one).iter().any(|rule| rule.starts_with("scaler/")), "{}", stdout(&one));
    assert_eq!(code(&slogen(&folder, &["check", "--changed-since", "no-such-commit"])), 2);
    assert_eq!(code(&slogen(&folder, &["check", "--changed-since=--output=x"])), 2);
}

#[test]
fn objects_of_other_kinds_are_checked_by_definitions_from_elsewhere() {
    let folder = scratch("check-crds");
    fs::write(
        folder.join("definition.yaml"),
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: boats.example.com}\nspec:\n  group: example.com\n  names: {kind: Boat, plural: boats}\n  scope: Namespaced\n  versions:\n    - name: v1\n      served: true\n      storage: true\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n            spec:\n              type: object\n              properties:\n                length: {type: integer, minimum: 1}\n",
    )
    .expect("writable");
    let boats = folder.join("boats");
    fs::create_dir_all(&boats).expect("writable");
    fs::write(
        boats.join("boat.yaml"),
        "apiVersion: example.com/v1\nkind: Boat\nmetadata: {name: a}\nspec: {lenght: 3}\n",
    )
    .expect("writable");
    let unknown = slogen(&boats, &["check", "--format", "json"]);
    assert_eq!(rules(&unknown), Vec::<String>::new());
    let known = slogen(&boats, &["check", "--crds", "../definition.yaml", "--format", "json"]);
    assert_eq!(rules(&known), ["schema/unknown-field"]);
    assert_eq!(rules(&slogen(&folder, &["check", "--format", "json"])), ["schema/unknown-field"]);
    let linted = slogen(&boats, &["lint", "boat.yaml", "--crds", "..", "--format", "json"]);
    assert_eq!(rules(&linted), ["schema/unknown-field"]);
}

#[test]
fn policies_are_looked_at_beside_manifests() {
    let folder = copy("origin", "check-policy");
    let policy = fs::read_to_string(root().join("policies/inference.toml")).expect("text");
    fs::write(folder.join("inference.toml"), policy.replace("min = 3", "min = 30")).expect("writable");
    let output = slogen(&folder, &["lint", "inference.toml", "--format", "json"]);
    assert!(rules(&output).contains(&"policy/replica-order".to_string()), "{}", stdout(&output));
    fs::remove_file(folder.join("k8s/scaledobject.yaml")).expect("there");
    fs::write(folder.join("inference.toml"), policy).expect("writable");
    let output = slogen(&folder, &["check", "--format", "json"]);
    for rule in ["conflict/second-autoscaler", "conflict/replicas-pinned", "conflict/request-missing"] {
        assert!(rules(&output).contains(&rule.to_string()), "{rule} is missing: {}", stdout(&output));
    }
}

#[test]
fn the_coverage_is_a_table() {
    let folder = copy("operator-broken", "check-coverage");
    let text = stdout(&slogen(&folder, &["check", "--coverage"]));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("scaler"), "{text}");
    let of = |name: &str| *lines.iter().find(|line| line.starts_with(name)).expect("a line");
    assert!(of("shop/tax").contains(" scraped ") && of("shop/tax").contains("as job `tax`"), "{text}");
    assert!(of("shop/search").contains("NOT SCRAPED"), "{text}");
    assert!(of("shop/rank").contains("monitor.yaml:14"), "{text}");
    assert!(of("shop/pay").contains("drops the metric"), "{text}");
}

#[test]
fn a_file_of_a_hundred_megabytes_is_no_hang() {
    let folder = scratch("check-large");
    let mut text = String::from("apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  ports:\n");
    while text.len() < 100 << 20 {
        text.push_str(&"    - {name: a, port: 80}\n".repeat(10_000));
    }
    fs::write(folder.join("large.yaml"), text).expect("writable");
    let named = slogen(&folder, &["lint", "large.yaml", "--format", "json"]);
    assert_eq!(rules(&named), ["yaml/too-large"]);
    let output = slogen(&folder, &["check", "--format", "json"]);
    assert!(code(&output) == 3 || rules(&output) == ["yaml/too-large"], "{}", stdout(&output));
    fs::remove_file(folder.join("large.yaml")).expect("there");
}

#[test]
fn bytes_that_are_no_text_are_no_panic() {
    let folder = scratch("check-bytes");
    fs::write(folder.join("a.yaml"), b"apiVersion: v1\nkind: Service\n\xff\xfe\x00: x\n").expect("writable");
    let output = slogen(&folder, &["check"]);
    assert!([0, 1].contains(&code(&output)), "{}", stderr(&output));
}

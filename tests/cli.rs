//! The program as a person or a pipeline runs it: exit codes, what is written, and what is left alone.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{root, scratch};

fn slogen(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slogen"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("COLUMNS")
        .output()
        .expect("the program starts")
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

fn policy(name: &str) -> String {
    root().join("policies").join(format!("{name}.toml")).to_string_lossy().into_owned()
}

/// Names and texts of everything below a folder.
fn tree(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut stack = vec![folder.to_path_buf()];
    while let Some(at) = stack.pop() {
        for entry in fs::read_dir(&at).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                stack.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                all.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn build_writes_the_same_tree_twice_and_check_agrees() {
    let folder = scratch("build");
    let gallery = root().join("policies").to_string_lossy().into_owned();
    assert_eq!(code(&slogen(&folder, &["build", &gallery, "-o", "out"])), 0);
    let once = tree(&folder.join("out"));
    assert!(once.len() > 50);
    assert_eq!(code(&slogen(&folder, &["build", &gallery, "-o", "out"])), 0);
    assert_eq!(once, tree(&folder.join("out")));
    assert_eq!(code(&slogen(&folder, &["build", &gallery, "-o", "out", "--check"])), 0);
    for (name, text) in once.iter().step_by(7) {
        let path = folder.join("out").join(name);
        let at = text.len() / 2;
        let at = (at..).find(|at| text.is_char_boundary(*at)).expect("a boundary");
        fs::write(&path, format!("{}x{}", &text[..at], &text[at..])).expect("writable");
        let output = slogen(&folder, &["build", &gallery, "-o", "out", "--check"]);
        assert_eq!(code(&output), 1, "{name}");
        assert!(stdout(&output).contains("+++ "), "{name}");
        fs::write(&path, text).expect("writable");
    }
    assert_eq!(code(&slogen(&folder, &["build", &gallery, "-o", "out", "--check"])), 0);
}

#[test]
fn the_summary_tells_the_three_numbers() {
    let folder = scratch("summary");
    let output = slogen(&folder, &["build", &policy("inference"), "-o", "out"]);
    let text = stdout(&output);
    assert!(text.contains("77.8 s at worst (`latency-p95`; promised 90 s)"), "{text}");
    assert!(text.contains("3 → 5 pods in the first step, 6 in the end"), "{text}");
    assert!(text.contains("Prometheus silent"), "{text}");
    assert!(stderr(&output).contains("note[policy/no-effect]"));
    assert!(!stderr(&output).contains('\u{1b}'), "no colour without a terminal");
}

#[test]
fn a_failure_in_one_policy_writes_nothing_for_any() {
    let folder = scratch("failure");
    let good = fs::read_to_string(policy("inference")).expect("readable");
    fs::write(folder.join("good.toml"), &good).expect("writable");
    fs::write(
        folder.join("bad.toml"),
        good.replace("max = 20", "max = 2").replace("\"inference\"", "\"other\""),
    )
    .expect("writable");
    let output = slogen(&folder, &["build", "good.toml", "bad.toml", "-o", "out"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("policy/replica-order"), "{}", stderr(&output));
    assert!(!folder.join("out").exists());
}

#[test]
fn foreign_files_are_never_touched_and_stale_own_ones_are_removed() {
    let folder = scratch("foreign");
    let text = fs::read_to_string(policy("inference")).expect("readable");
    fs::write(folder.join("p.toml"), &text).expect("writable");
    assert_eq!(code(&slogen(&folder, &["build", "p.toml", "-o", "out"])), 0);
    fs::write(folder.join("out/inference/README.md"), "mine").expect("writable");

    // The ServiceMonitor is not wanted any more: it goes, and the stranger stays.
    let less = text.replace("[\"service-monitor\", \"scrape-config\"]", "[\"scrape-config\"]");
    fs::write(folder.join("p.toml"), &less).expect("writable");
    assert_eq!(code(&slogen(&folder, &["build", "p.toml", "-o", "out"])), 0);
    assert!(!folder.join("out/inference/servicemonitor.yaml").exists());
    assert_eq!(fs::read_to_string(folder.join("out/inference/README.md")).expect("still there"), "mine");

    // A stranger in the way stops everything.
    fs::write(folder.join("out/inference/scaledobject.yaml"), "kind: Mine\n").expect("writable");
    let before = tree(&folder.join("out"));
    fs::write(folder.join("p.toml"), &text).expect("writable");
    let output = slogen(&folder, &["build", "p.toml", "-o", "out"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("slogen did not write it"), "{}", stderr(&output));
    assert_eq!(before, tree(&folder.join("out")));
}

#[test]
fn a_disk_that_refuses_is_left_as_it_was() {
    let folder = scratch("refuse");
    fs::create_dir_all(folder.join("out/inference/rules.yaml")).expect("writable");
    let before = tree(&folder.join("out"));
    let output = slogen(&folder, &["build", &policy("inference"), "-o", "out"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert_eq!(before, tree(&folder.join("out")));
    fs::write(folder.join("file"), "x").expect("writable");
    assert_eq!(code(&slogen(&folder, &["build", &policy("inference"), "-o", "file"])), 2);
    assert_eq!(fs::read_to_string(folder.join("file")).expect("still there"), "x");
}

#[test]
fn stdout_holds_only_objects() {
    let folder = scratch("stdout");
    let output = slogen(&folder, &["build", &policy("inference"), "--stdout"]);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds, ["ScaledObject", "ServiceMonitor", "PrometheusRule"]);
    assert_eq!(tree(&folder).len(), 0);
    // Diagnostics for machines do not get in between either.
    let output = slogen(&folder, &["build", &policy("inference"), "--stdout", "--format", "json"]);
    assert_eq!(stdout(&output), text);
}

#[test]
fn manifests_are_looked_at_and_conflicts_stop_the_build() {
    let folder = scratch("manifests");
    fs::create_dir(folder.join("k8s")).expect("writable");
    let hpa = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: inference-hpa\nspec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: inference\n";
    fs::write(folder.join("k8s/hpa.yaml"), hpa).expect("writable");
    let output = slogen(&folder, &["build", &policy("inference"), "--manifests", "k8s", "-o", "out"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("k8s/hpa.yaml:9:11"), "{}", stderr(&output));
    assert!(!folder.join("out").exists());
}

#[test]
fn an_overlay_is_checked_before_it_writes() {
    let folder = scratch("overlay");
    fs::create_dir(folder.join("t")).expect("writable");
    let template = fs::read_to_string(root().join("templates/scaledobject.yaml.j2")).expect("readable");
    let build = |text: &str| {
        fs::write(folder.join("t/scaledobject.yaml.j2"), text).expect("writable");
        slogen(&folder, &["build", &policy("inference"), "--templates", "t", "-o", "out"])
    };
    let output = build(&template.replace("maxReplicaCount: {{ max }}", "maxReplicaCount: 100"));
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("maxReplicaCount is `100`, and the policy decides `20`"),
        "{}",
        stderr(&output)
    );
    let output = build(&template.replace("{{ max }}", "{{ maximum }}"));
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("scaledobject.yaml.j2:"), "{}", stderr(&output));
    assert!(!folder.join("out").exists());
    let output = build(&template.replace("spec:\n  scaleTargetRef", "# ours\nspec:\n  scaleTargetRef"));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    fs::write(folder.join("t/scaledobjects.yaml.j2"), "x").expect("writable");
    let output = slogen(&folder, &["build", &policy("inference"), "--templates", "t"]);
    assert!(stderr(&output).contains("did you mean scaledobject.yaml.j2"), "{}", stderr(&output));
}

#[test]
fn two_policies_for_one_folder_are_refused() {
    let folder = scratch("collision");
    let text = fs::read_to_string(policy("inference")).expect("readable");
    fs::write(folder.join("a.toml"), &text).expect("writable");
    fs::write(folder.join("b.toml"), &text).expect("writable");
    let output = slogen(&folder, &["build", "a.toml", "b.toml"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("policy/shared-target"), "{}", stderr(&output));
    fs::write(folder.join("b.toml"), text.replace("namespace = \"default\"", "namespace = \"other\""))
        .expect("writable");
    let output = slogen(&folder, &["build", "a.toml", "b.toml"]);
    assert!(stderr(&output).contains("policy/shared-output"), "{}", stderr(&output));
}

#[test]
fn exit_codes_tell_apart_what_went_wrong() {
    let folder = scratch("codes");
    fs::create_dir(folder.join("empty")).expect("writable");
    assert_eq!(code(&slogen(&folder, &["build", "empty"])), 3);
    assert_eq!(code(&slogen(&folder, &["build", "missing.toml"])), 2);
    assert_eq!(code(&slogen(&folder, &["build"])), 2);
    assert_eq!(code(&slogen(&folder, &["build", "x.toml", "--date", "tomorrow"])), 2);
    fs::write(folder.join("latin.toml"), [0xff, 0xfe]).expect("writable");
    let output = slogen(&folder, &["build", "latin.toml"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("is not text"), "{}", stderr(&output));
}

#[test]
fn waivers_expire_on_the_day_that_is_given() {
    let folder = scratch("waiver");
    let built = |date: &str| {
        let output = slogen(&folder, &["build", &policy("tenant"), "-o", "out", "--date", date]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        fs::read_to_string(folder.join("out/payments/checklist.md")).expect("written")
    };
    assert!(built("2027-06-30").contains("Waived by team-payments until 2027-06-30"));
    assert!(built("2027-07-01").contains("has expired on 2027-06-30"));
}

#[test]
fn the_small_commands_work() {
    let folder = scratch("small");
    assert_eq!(code(&slogen(&folder, &["init"])), 0);
    assert_eq!(code(&slogen(&folder, &["init"])), 2, "an existing file is left alone");
    assert_eq!(code(&slogen(&folder, &["build", "policy.toml", "--dry-run"])), 0);
    assert!(!folder.join("out").exists());
    let page = slogen(&folder, &["explain", "policy/threshold-order"]);
    assert!(stdout(&page).starts_with("# policy/threshold-order"));
    assert_eq!(code(&slogen(&folder, &["explain", "threshold-order"])), 0);
    let unknown = slogen(&folder, &["explain", "policy/threshold-ordre"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("did you mean `policy/threshold-order`"));
    let rules: serde_json::Value =
        serde_json::from_str(&stdout(&slogen(&folder, &["rules", "--format", "json"]))).expect("JSON");
    assert_eq!(rules["rules"].as_array().map(Vec::len), Some(slogen::rules::all().len()));
    assert!(stdout(&slogen(&folder, &["schema"])).contains("\"slogen policy\""));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(stdout(&slogen(&folder, &["completions", shell])).contains("slogen"), "{shell}");
    }
}

#[test]
fn one_query_is_answered_for_people_and_for_programs() {
    let folder = scratch("promql");
    let good = slogen(&folder, &["promql", "sum(rate(http_requests_total{job=\"a\"}[5m]))"]);
    assert_eq!((code(&good), stderr(&good).as_str()), (0, ""));
    assert!(
        stdout(&good).contains("one, always") && stdout(&good).contains("per second"),
        "{}",
        stdout(&good)
    );
    let wrong = slogen(&folder, &["promql", "rate(x)"]);
    assert_eq!((code(&wrong), stdout(&wrong).as_str()), (1, ""));
    assert!(stderr(&wrong).contains("query:1:6"), "{}", stderr(&wrong));
    let json = slogen(&folder, &["promql", "sum by (pod) (x{job=\"a\"})", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    assert_eq!(code(&json), 1);
    assert_eq!(value["valid"], true);
    assert_eq!(value["type"], "vector");
    assert_eq!(value["series"], "many");
    assert_eq!(value["series_reason"]["fragment"], "by (pod)");
    assert_eq!(value["findings"][0]["code"], "Q003");
    assert_eq!(value["nodes"][0]["kind"], "AggregateExpr");
    assert_eq!(value["canonical"], "sum by (pod) (x{job=\"a\"})");
    let old = slogen(&folder, &["promql", "{\"a.b\"}", "--prometheus-version", "2.53"]);
    assert!(stderr(&old).contains("needs Prometheus 3.0"), "{}", stderr(&old));
    assert_eq!(code(&slogen(&folder, &["promql", " "])), 3);
    assert_eq!(code(&slogen(&folder, &["promql", "x", "--scrape-interval", "soon"])), 2);
    assert_eq!(code(&slogen(&folder, &["promql", "-x", "--context", "record"])), 0);
}

#[test]
fn a_stream_of_queries_is_answered_line_by_line() {
    let folder = scratch("jsonl");
    let lines = [
        r#"{"expr": "up[5m"}"#,
        r#"{"expr": "histogram_quantile(0.95, sum by (le) (rate(x_bucket{job=\"a\"}[5m])))", "threshold": 500, "metricType": "AverageValue"}"#,
        r#"{"expr": "sum(up)", "context": "record"}"#,
    ];
    let answers = |text: String| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_slogen"))
            .args(["promql", "--jsonl"])
            .current_dir(&folder)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), text.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        let values: Vec<serde_json::Value> =
            stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        (code(&output), values)
    };
    let (ending, values) = answers(lines.join("\n"));
    assert_eq!((ending, values.len()), (0, 3));
    assert_eq!(values[0]["valid"], false);
    assert_eq!(values[0]["errors"][0]["start"], 5);
    let codes: Vec<&str> = values[1]["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|finding| finding["code"].as_str())
        .collect();
    assert!(codes.contains(&"U505"), "{codes:?}");
    assert_eq!(values[1]["keda"]["idle"]["answers"][0]["prometheus"], "nan");
    assert_eq!(values[2]["findings"].as_array().map(Vec::len), Some(0));
    let (ending, values) = answers("nonsense\n{\"expr\": 1}\n{\"expr\": \"up\"}\n".to_string());
    assert_eq!((ending, values.len()), (2, 3));
    assert_eq!(values[2]["valid"], true);
    assert_eq!(answers("\n".to_string()).0, 3);
}

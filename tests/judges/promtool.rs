//! `promtool` on the files of every policy.

use std::path::Path;
use std::process::Command;

use crate::support::{compiled, files, name, scratch};

fn promtool(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("promtool is installed (Debian: prometheus)");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?} in {}:\n{text}", folder.display());
    text
}

#[test]
#[ignore = "needs promtool (Debian: prometheus)"]
fn promtool_takes_the_rules_of_every_policy_and_their_tests_pass() {
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let bundle = compiled(&format!("{}.toml", name(&path)), &text).1.output.expect("compiles").bundle;
        let folder = scratch("promtool");
        for file in &bundle.files {
            std::fs::write(folder.join(file.name), &file.text).expect("writable");
        }
        promtool(&folder, &["check", "rules", "--lint-fatal", "rules.yaml"]);
        let answer = promtool(&folder, &["test", "rules", "rules.test.yaml"]);
        assert!(answer.contains("SUCCESS"), "{}: {answer}", path.display());
    }
}

#[test]
#[ignore = "needs promtool (Debian: prometheus)"]
fn promtool_takes_every_scrape_configuration() {
    let mut checked = 0;
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let bundle = compiled("policy.toml", &text).1.output.expect("compiles").bundle;
        let Some(file) = bundle.files.iter().find(|file| file.name == "scrape-config.yaml") else { continue };
        let folder = scratch("scrape");
        // Debian builds without Kubernetes discovery; everything else is checked as it stands.
        let config = super::prometheus::with_file_discovery(&file.text, "targets.json");
        std::fs::write(folder.join("prometheus.yml"), config).expect("writable");
        std::fs::write(folder.join("targets.json"), "[]").expect("writable");
        promtool(&folder, &["check", "config", "prometheus.yml"]);
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} policies have a scrape configuration");
}

/// A test that cannot fail proves nothing: a rule that is spoiled must be noticed.
#[test]
#[ignore = "needs promtool (Debian: prometheus)"]
fn the_generated_tests_notice_a_spoiled_rule() {
    let text = crate::support::read("policies/inference.toml");
    let bundle = compiled("inference.toml", &text).1.output.expect("compiles").bundle;
    let alerts =
        ["InferenceLatencyP95High", "InferenceQueueHigh", "InferenceNotScraped", "InferenceAtMaximum"];
    for alert in alerts {
        let folder = scratch("spoiled");
        for file in &bundle.files {
            let mut text = file.text.clone();
            if file.name == "rules.yaml" {
                let start = text.find(&format!("alert: {alert}\n")).expect("the alert is there");
                let at = start + text[start..].find("for: ").expect("every alert waits");
                let end = at + text[at..].find('\n').expect("a line ends");
                text.replace_range(at..end, "for: 10h");
            }
            std::fs::write(folder.join(file.name), text).expect("writable");
        }
        let status = Command::new("promtool")
            .args(["test", "rules", "rules.test.yaml"])
            .current_dir(&folder)
            .output()
            .expect("promtool is installed")
            .status;
        assert!(!status.success(), "nobody noticed that {alert} does not fire");
    }
}

/// Files of Prometheus' own, right and wrong: slogen refuses what Prometheus refuses, and nothing else.
#[test]
#[ignore = "needs promtool (Debian: prometheus)"]
fn what_slogen_says_of_configurations_and_rules_is_what_promtool_says() {
    const JOB: &str = "scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['a:80']}]\n";
    let rules = |rule: &str| format!("groups:\n  - name: g\n    rules:\n      - {rule}\n");
    let cases = [
        ("config", JOB.to_string()),
        ("config", format!("global: {{scrape_interval: 30s, external_labels: {{a: 1}}}}\n{JOB}")),
        ("config", format!("global: {{scrape_intervall: 30s}}\n{JOB}")),
        ("config", format!("global: {{scrape_interval: 30}}\n{JOB}")),
        ("config", format!("{JOB}    scrape_interval: 10s\n    scrape_timeout: 20s\n")),
        (
            "config",
            format!(
                "{JOB}    scrape_interval: 1m30s\n    metric_relabel_configs: [{{regex: true, source_labels: [x], action: keep}}]\n"
            ),
        ),
        ("config", format!("{JOB}    relabel_configs: [{{source_labels: [x], action: keeep}}]\n")),
        ("config", format!("{JOB}    relabel_configs: [{{source_labels: [x], action: keep, regex: '('}}]\n")),
        ("config", format!("{JOB}    relabel_configs: [{{sourceLabels: [x], action: keep}}]\n")),
        ("config", format!("{JOB}    honor_label: true\n")),
        ("config", format!("{JOB}  - job_name: a\n    static_configs: [{{targets: ['b:80']}}]\n")),
        ("rules", rules("{alert: A, expr: up == 0, for: 5m, labels: {severity: 1}}")),
        ("rules", rules("{alert: A, expr: up == 0, fro: 5m}")),
        ("rules", rules("{alert: A, for: 5m}")),
        ("rules", rules("{record: a:b, expr: sum(up), for: 5}")),
        ("rules", rules("{record: 'a:b', expr: sum(up}")),
    ];
    let mut wrong = Vec::new();
    for (what, text) in cases {
        let folder = scratch("own-files");
        std::fs::write(folder.join("file.yml"), &text).expect("writable");
        let output = Command::new("promtool")
            .args(["check", what, "file.yml"])
            .current_dir(&folder)
            .output()
            .expect("promtool is installed (Debian: prometheus)");
        let (_, findings) = crate::inspect::found(&[("file.yml", &text)]);
        let errors: Vec<&str> =
            findings.iter().filter(|finding| finding.is_error()).map(|finding| finding.rule.id).collect();
        if output.status.success() != errors.is_empty() {
            wrong.push(format!("promtool {}: {errors:?}\n{text}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

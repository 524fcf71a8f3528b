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

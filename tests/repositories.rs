//! Whole repositories under `tests/repositories`, as `slogen check` tells them; and each rule against the clean examples
//! of all the others.

use std::collections::BTreeSet;
use std::fmt::Write;

use slogen::finding::{Finding, Rule, Severity};
use slogen::source::Sources;

use crate::inspect::{examples, found, rules};
use crate::support::root;

fn settings(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../snapshots/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// A finding in a line: how bad, which rule, where, what.
fn line(sources: &Sources, finding: &Finding) -> String {
    let file = sources.get(finding.place.file);
    let at = file.line_column(finding.place.span.start);
    format!(
        "{} {} {}:{}:{} {}",
        finding.severity, finding.rule.id, file.name, at.line, at.column, finding.message
    )
}

/// All files of a repository, by their paths.
fn repository(name: &str) -> Vec<(String, String)> {
    let folder = root().join("tests/repositories").join(name);
    let mut files = Vec::new();
    let mut stack = vec![folder.clone()];
    while let Some(at) = stack.pop() {
        for entry in std::fs::read_dir(&at).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                let name = path.strip_prefix(&folder).expect("below").to_string_lossy().replace('\\', "/");
                files.push((name, std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    files.sort();
    files
}

fn names() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("tests/repositories")).expect("readable");
    let mut names: Vec<String> =
        folder.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub fn told(name: &str) -> (Sources, Vec<Finding>) {
    let files = repository(name);
    found(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
}

#[test]
fn every_repository_is_told_as_its_snapshot() {
    for name in names() {
        let (sources, findings) = told(&name);
        let text: String = findings.iter().map(|finding| line(&sources, finding) + "\n").collect();
        settings("repositories").bind(|| insta::assert_snapshot!(name.clone(), text));
    }
}

#[test]
fn clean_repositories_are_clean() {
    for name in ["operator-clean", "queue-clean", "release"] {
        let (sources, findings) = told(name);
        let loud = findings.iter().filter(|finding| finding.severity > Severity::Note);
        let lines: Vec<String> = loud.map(|finding| line(&sources, finding)).collect();
        assert!(lines.is_empty(), "{name}: {}", lines.join("\n"));
    }
}

/// Which rules speak on the clean examples of which others: notes may, nothing else does.
#[test]
fn each_rule_is_silent_on_the_clean_examples_of_the_others() {
    let mut matrix = String::new();
    let mut loud = Vec::new();
    for rule in rules() {
        let clean = examples(rule.page, "Stays silent");
        let mut speaking: BTreeSet<(&str, &str)> = BTreeSet::new();
        for text in &clean {
            for finding in found(&[("a.yaml", text)]).1 {
                speaking.insert((finding.rule.id, finding.severity.name()));
                if finding.severity > Severity::Note || finding.rule == rule {
                    loud.push(format!("{} on {}", finding.rule.id, rule.id));
                }
            }
        }
        let speaking: Vec<String> =
            speaking.iter().map(|(id, severity)| format!("{id} ({severity})")).collect();
        let _ = writeln!(matrix, "{} [{}]: {}", rule.id, clean.len(), speaking.join(", "));
    }
    assert!(loud.is_empty(), "{}", loud.join("\n"));
    settings("").bind(|| insta::assert_snapshot!("matrix", matrix));
}

/// Every rule for Kubernetes YAML is met by an example of its page or by a repository.
#[test]
fn every_rule_is_met() {
    let mut met: BTreeSet<&str> = BTreeSet::new();
    for name in names() {
        met.extend(told(&name).1.iter().map(|finding| finding.rule.id));
    }
    for rule in slogen::rules::all() {
        for text in examples(rule.page, "Fires") {
            met.extend(found(&[("a.yaml", &text)]).1.iter().map(|finding| finding.rule.id));
        }
    }
    let concerns = |rule: &&&'static Rule| {
        [
            "alerting/",
            "allow/",
            "hpa/",
            "http/",
            "kustomize/",
            "scaler/",
            "schema/",
            "scrape/",
            "workload/",
            "yaml/",
        ]
        .iter()
        .any(|family| rule.id.starts_with(family))
    };
    let all = slogen::rules::all();
    // A text of 16 MiB is made where it is needed.
    let missing: Vec<&str> = all
        .iter()
        .filter(concerns)
        .map(|rule| rule.id)
        .filter(|id| !met.contains(id) && *id != "yaml/too-large")
        .collect();
    assert!(missing.is_empty(), "{}", missing.join(", "));
}

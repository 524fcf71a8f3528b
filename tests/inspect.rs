//! Kubernetes YAML: the examples of the pages, the origin's repository, fixes, hostile input.

use slogen::finding::{Finding, Rule, Severity};
use slogen::inspect::inspect;
use slogen::rules::{autoscaler, scaler};
use slogen::source::{SourceFile, Sources};

/// Findings of files that lie beside each other.
pub fn found(files: &[(&str, &str)]) -> (Sources, Vec<Finding>) {
    let mut sources = Sources::default();
    let ids: Vec<_> = files.iter().map(|(name, text)| sources.add(SourceFile::new(*name, *text))).collect();
    let findings = inspect(&sources, &ids).findings;
    (sources, findings)
}

/// Fenced YAML below a heading.
fn examples(page: &str, heading: &str) -> Vec<String> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let blocks = section.split("```yaml\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_string()).collect()
}

fn rules() -> Vec<&'static Rule> {
    [scaler::RULES, autoscaler::RULES, slogen::schema::rules::RULES].into_iter().flatten().copied().collect()
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
            for other in
                findings.iter().filter(|finding| finding.rule != rule && finding.severity > Severity::Note)
            {
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

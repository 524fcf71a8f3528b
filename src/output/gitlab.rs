//! GitLab's code quality report.
//!
//! Source: GitLab documentation, ci/testing/code_quality.md, "Code Quality report format".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fingerprint::fingerprint;
use crate::finding::{Finding, Severity};
use crate::source::Sources;

pub fn render(sources: &Sources, findings: &[Finding]) -> String {
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let all: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let hash = fingerprint(sources, finding);
            let count = seen.entry(hash).or_default();
            *count += 1;
            let file = sources.get(finding.place.file);
            let why = finding.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            json!({
                "description": format!("{}{why}", finding.message),
                "check_name": finding.rule.id,
                "fingerprint": format!("slogen-{hash:016x}-{count}"),
                "severity": match finding.severity {
                    Severity::Error => "critical",
                    Severity::Warning => "minor",
                    Severity::Note => "info",
                },
                "location": {
                    "path": file.name,
                    "lines": { "begin": file.line_column(finding.place.span.start).line },
                },
            })
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&all).expect("only texts and numbers");
    text.push('\n');
    text
}

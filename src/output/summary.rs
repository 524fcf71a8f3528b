//! A Markdown table, for the summary of a CI step.

use super::counts;
use crate::finding::{Finding, Severity};
use crate::source::Sources;

/// Rows that anybody reads.
const MOST: usize = 50;

pub fn render(sources: &Sources, findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "### slogen\n\nNothing to tell.\n".to_string();
    }
    let mut sorted: Vec<&Finding> =
        findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut out = format!("### slogen: {}\n\n", counts(findings));
    if sorted.is_empty() {
        return out;
    }
    out.push_str("| | where | what | rule |\n| --- | --- | --- | --- |\n");
    for finding in sorted.iter().take(MOST) {
        let file = sources.get(finding.place.file);
        let line = file.line_column(finding.place.span.start).line;
        let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
        out.push_str(&format!(
            "| {} | {}:{line} | {} | {} |\n",
            finding.severity,
            cell(&file.name),
            cell(&finding.message),
            finding.rule.id
        ));
    }
    if sorted.len() > MOST {
        out.push_str(&format!("\nand {} more\n", sorted.len() - MOST));
    }
    out
}

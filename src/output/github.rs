//! Workflow commands. GitHub shows ten of each kind per step: the worst come first, and the last one counts the rest.
//!
//! Source of the escaping: actions/toolkit packages/core/src/command.ts.

use super::{clamp, counts};
use crate::finding::{Finding, Severity};
use crate::source::Sources;

const MOST: usize = 10;

pub fn render(sources: &Sources, findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let shown = if sorted.len() > MOST { MOST - 1 } else { sorted.len() };
    let mut out = String::new();
    for finding in &sorted[..shown] {
        out.push_str(&one(sources, finding));
    }
    if sorted.len() > shown {
        let rest: Vec<Finding> = sorted[shown..].iter().map(|finding| (*finding).clone()).collect();
        let worst = rest.first().map_or(Severity::Note, |finding| finding.severity);
        out.push_str(&format!("::{} title=slogen::{} more: see the log\n", command(worst), counts(&rest)));
    }
    out
}

fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

fn one(sources: &Sources, finding: &Finding) -> String {
    let file = sources.get(finding.place.file);
    let span = clamp(sources, finding.place);
    let (start, end) = (file.line_column(span.start), file.line_column(span.end));
    let mut properties = format!(
        "file={},line={},endLine={},col={}",
        property(&file.name),
        start.line,
        end.line,
        start.column
    );
    // The end column counts only on one line.
    if start.line == end.line {
        properties.push_str(&format!(",endColumn={}", end.column.max(start.column)));
    }
    properties.push_str(&format!(",title={}", property(finding.rule.id)));
    let mut message = finding.message.clone();
    for more in [&finding.why, &finding.help].into_iter().flatten() {
        message.push('\n');
        message.push_str(more);
    }
    format!("::{} {properties}::{}\n", command(finding.severity), data(&message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

//! JUnit XML: one suite per file, one case per finding; errors and warnings are failures.

use std::fmt::Write;

use crate::finding::{Finding, Severity};
use crate::source::Sources;

pub fn render(sources: &Sources, findings: &[Finding]) -> String {
    let is_failure = |finding: &&Finding| finding.severity > Severity::Note;
    let failures = findings.iter().filter(is_failure).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"slogen\" tests=\"{}\" failures=\"{failures}\">",
        findings.len().max(1)
    );
    if findings.is_empty() {
        out.push_str("  <testsuite name=\"slogen\" tests=\"1\" failures=\"0\">\n    <testcase name=\"clean\"/>\n  </testsuite>\n");
    }
    let mut rest = findings;
    while let Some(first) = rest.first() {
        let file = sources.get(first.place.file);
        let length = rest.iter().take_while(|finding| finding.place.file == first.place.file).count();
        let (these, others) = rest.split_at(length);
        let failed = these.iter().filter(is_failure).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{length}\" failures=\"{failed}\">",
            escaped(&file.name)
        );
        for finding in these {
            let at = file.line_column(finding.place.span.start);
            let name = format!("{} {}:{}", finding.rule.id, at.line, at.column);
            let texts = [Some(&finding.message), finding.why.as_ref(), finding.help.as_ref()];
            let text = texts.into_iter().flatten().cloned().collect::<Vec<_>>().join("\n");
            let _ = writeln!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\">",
                escaped(&file.name),
                escaped(&name)
            );
            if is_failure(&finding) {
                let _ = writeln!(
                    out,
                    "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                    finding.severity,
                    escaped(&finding.message),
                    escaped(&text)
                );
            } else {
                let _ = writeln!(out, "      <system-out>{}</system-out>", escaped(&text));
            }
            out.push_str("    </testcase>\n");
        }
        out.push_str("  </testsuite>\n");
        rest = others;
    }
    out.push_str("</testsuites>\n");
    out
}

/// A text as XML takes it: control characters cannot be written at all.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

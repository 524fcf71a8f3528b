//! Empty values that a comment beside them says somebody fills in: a script makes the object of this one.

use crate::finding::{Finding, Severity};
use crate::source::Sources;

/// Words of comments that say so.
const WORDS: [&str; 9] = [
    "script",
    "updated by",
    "filled",
    "fill in",
    "replaced",
    "set by",
    "injected",
    "substituted",
    "generated",
];

/// What is empty and to be filled in is a hint.
pub fn soften(sources: &Sources, findings: &mut [Finding]) {
    let is_empty =
        |finding: &&mut Finding| finding.message.ends_with("` is empty") && finding.severity > Severity::Note;
    for finding in findings.iter_mut().filter(is_empty) {
        let text = &sources.get(finding.place.file).text;
        let rest = text.get(finding.place.span.start as usize..).and_then(|rest| rest.lines().next());
        let comment = rest.and_then(|rest| rest.split_once(" #")).map(|(_, comment)| comment.to_lowercase());
        if comment.is_some_and(|comment| WORDS.iter().any(|word| comment.contains(word))) {
            finding.severity = Severity::Note;
        }
    }
}

//! Fixes, applied to a text.

use super::{Edit, Finding};
use crate::source::FileId;

/// The text of a file with all safe fixes in it, and how many were applied. Of two that overlap the first wins; the other
/// is for the next run.
pub fn apply(file: FileId, text: &str, findings: &[Finding]) -> (String, usize) {
    let mut chosen: Vec<&Edit> = Vec::new();
    let mut count = 0;
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()).filter(|fix| fix.safe) {
        let fits = fix.edits.iter().all(|edit| {
            let span = edit.place.span;
            edit.place.file == file
                && text.get(span.range()).is_some()
                && !chosen.iter().any(|other| {
                    let other = other.place.span;
                    span.start < other.end && other.start < span.end || span == other
                })
        });
        if fits && !fix.edits.is_empty() {
            chosen.extend(&fix.edits);
            count += 1;
        }
    }
    chosen.sort_by_key(|edit| (edit.place.span.start, edit.place.span.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in chosen {
        let range = edit.place.span.range();
        out.push_str(&text[at..range.start]);
        out.push_str(&edit.replacement);
        at = range.end;
    }
    out.push_str(&text[at..]);
    (out, count)
}

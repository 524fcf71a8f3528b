//! Fixes, applied to a text.

use super::{Edit, Finding, Fix};
use crate::source::FileId;

/// The text of a file with all safe fixes in it, and how many were applied. Of two that overlap the first wins; the other
/// is for the next run. `is_sound` is asked for the text before, the text after and the number of lines taken out: a fix
/// that it does not let pass is left to people.
pub fn apply(
    file: FileId,
    text: &str,
    findings: &[Finding],
    is_sound: impl Fn(&str, &str, usize) -> bool,
) -> (String, usize) {
    let fixes: Vec<&Fix> = findings
        .iter()
        .filter_map(|finding| finding.fix.as_ref())
        .filter(|fix| fix.safe && fix.edits.iter().all(|edit| edit.place.file == file))
        .collect();
    let mut chosen: Vec<&Fix> = Vec::new();
    for fix in fixes {
        if fits(text, &chosen, fix) {
            chosen.push(fix);
        }
    }
    let sound = |chosen: &[&Fix]| {
        let removed =
            chosen.iter().flat_map(|fix| &fix.edits).filter(|edit| edit.replacement.is_empty()).count();
        is_sound(text, &with(text, chosen), removed)
    };
    if !chosen.is_empty() && !sound(&chosen) {
        let mut kept: Vec<&Fix> = Vec::new();
        for fix in chosen {
            kept.push(fix);
            if !sound(&kept) {
                kept.pop();
            }
        }
        chosen = kept;
    }
    (with(text, &chosen), chosen.len())
}

fn fits(text: &str, chosen: &[&Fix], fix: &Fix) -> bool {
    let changes =
        fix.edits.iter().any(|edit| text.get(edit.place.span.range()) != Some(edit.replacement.as_str()));
    changes
        && fix.edits.iter().all(|edit| {
            let span = edit.place.span;
            // A variable is not written over by what it stands for here.
            text.get(span.range()).is_some_and(|written| !written.contains("${"))
                && !chosen.iter().flat_map(|other| &other.edits).any(|other| {
                    let other = other.place.span;
                    span.start < other.end && other.start < span.end || span == other
                })
        })
}

fn with(text: &str, fixes: &[&Fix]) -> String {
    let mut edits: Vec<&Edit> = fixes.iter().flat_map(|fix| &fix.edits).collect();
    edits.sort_by_key(|edit| (edit.place.span.start, edit.place.span.end));
    // Lines that are put in end like those that are there.
    let has_returns = text.contains("\r\n");
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let range = edit.place.span.range();
        out.push_str(&text[at..range.start]);
        if has_returns {
            out.push_str(&edit.replacement.replace('\n', "\r\n"));
        } else {
            out.push_str(&edit.replacement);
        }
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

//! Patterns against values of which only a part is known.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;

use super::relabel::{UNKNOWN, is_unknown, known};

/// What the unknown end of a value may look like: that of a Deployment's pod, of a StatefulSet's, anything.
const SAMPLES: [&str; 3] = ["7c9f8d6b5c-x2x4z", "0", "x"];

/// Whether a value matches a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Yes,
    No,
    /// The cluster decides.
    Perhaps,
}

/// The anchored pattern; None where it is none, or is filled in later. A pattern is compiled once for all that it meets.
pub fn compiled(pattern: &str) -> Option<Regex> {
    const MOST_KEPT: usize = 4096;
    thread_local! {
        static KEPT: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(regex) = kept.get(pattern) {
            return regex.clone();
        }
        let regex =
            if is_unknown(known(pattern)) { None } else { Regex::new(&format!("^(?s:{pattern})$")).ok() };
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_string(), regex.clone());
        regex
    })
}

/// Whether a value, of which a part may not be known, matches a pattern; None where the pattern is none.
pub fn fit(pattern: &str, value: &str) -> Option<Fit> {
    let regex = compiled(pattern)?;
    if !is_unknown(value) {
        return Some(if regex.is_match(value) { Fit::Yes } else { Fit::No });
    }
    let all = SAMPLES.iter().filter(|sample| regex.is_match(&value.replace(UNKNOWN, sample))).count();
    Some(match all {
        // Nothing at all is possible too, where nothing is known.
        _ if all == SAMPLES.len() && (value != UNKNOWN || regex.is_match("")) => Fit::Yes,
        0 if !can_start(pattern, value.split(UNKNOWN).next().unwrap_or_default()) => Fit::No,
        _ => Fit::Perhaps,
    })
}

/// Whether a pattern can match something longer that starts so.
fn can_start(pattern: &str, start: &str) -> bool {
    alternatives(pattern).into_iter().any(|one| {
        let (literal, is_whole) = literal_start(one);
        if is_whole {
            literal.starts_with(start) && (literal.len() > start.len() || start.is_empty())
        } else {
            literal.starts_with(start) || start.starts_with(&literal)
        }
    })
}

/// The parts of a pattern between the bars outside of brackets.
fn alternatives(pattern: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut escaped) = (Vec::new(), 0, 0_usize, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(&pattern[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[from..]);
    parts
}

/// The letters with which all that a pattern matches begins, and whether they are all of it.
fn literal_start(pattern: &str) -> (String, bool) {
    let mut literal = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c) if !c.is_alphanumeric() => literal.push(c),
                _ => return (literal, false),
            },
            '*' | '?' | '{' => {
                literal.pop();
                return (literal, false);
            }
            '.' | '+' | '(' | ')' | '[' | ']' | '|' | '^' | '$' => return (literal, false),
            c => literal.push(c),
        }
    }
    (literal, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_not_known_may_be_anything() {
        let pod = format!("api-{UNKNOWN}");
        let fits = |pattern: &str| fit(pattern, &pod).expect("a pattern");
        assert_eq!(fits("api-.*"), Fit::Yes);
        assert_eq!(fits(".+"), Fit::Yes);
        assert_eq!(fits("api-[0-9]+"), Fit::Perhaps);
        assert_eq!(fits("api-7c9.*|web"), Fit::Perhaps);
        assert_eq!(fits("web-.*"), Fit::No);
        assert_eq!(fits("api"), Fit::No);
        assert_eq!(fits("(web|api)-1"), Fit::Perhaps);
    }
}

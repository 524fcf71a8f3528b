//! Files to choose from: what stands in them is one of several ways, and not applied with the others.

use crate::source::Span;

/// Words of a comment that says so, in small letters.
const SAID: [&str; 10] = [
    "alternative:",
    "alternative to",
    "alternatives",
    "apply one",
    "apply only one",
    "choose one",
    "one at a time",
    "one of these",
    "pick one",
    "use only one",
];

/// Whether the name of a file, the comment at its head, or that above an object says that it is one of several.
pub(super) fn is_a_choice(path: &str, text: &str, object: Span) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let is_named =
        name.split(['.', '-', '_']).any(|word| ["alternative", "alternatives", "alt"].contains(&word));
    is_named || says_so(head(text.lines())) || says_so(above(text, object))
}

/// The comment before the first key of a file.
fn head<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    lines.map(str::trim).take_while(|line| is_around(line)).filter(|line| line.starts_with('#')).collect()
}

/// The comment that stands right above an object.
fn above(text: &str, object: Span) -> Vec<&str> {
    let before = text.get(..object.range().start).unwrap_or_default();
    let mut lines = head(before.lines().rev());
    lines.reverse();
    lines
}

fn is_around(line: &str) -> bool {
    line.is_empty() || line.starts_with('#') || line.starts_with("---")
}

/// Comments are wrapped: they are read as one text.
fn says_so(lines: Vec<&str>) -> bool {
    let words: Vec<String> = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .map(|word| word.trim_matches('#').to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let text = words.join(" ");
    SAID.iter().any(|said| text.contains(said)) || text.starts_with("alternative ")
}

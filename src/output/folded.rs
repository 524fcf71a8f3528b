//! What is not told in full: a line per file, and where many files have notes alone, one line for all of them.

use super::{is_template, number};
use crate::finding::{Finding, Severity};
use crate::source::Sources;

/// Lines for what is not told in full.
const MOST_LINES: usize = 25;

/// Files with notes alone that get a line each; of more the rules are counted.
const MOST_NOTED: usize = 8;

/// Numbers and names told one by one; of more nobody reads the end.
const MOST_NUMBERS: usize = 8;

/// Findings that are not told in full: which rules, and in which lines.
pub fn folded(sources: &Sources, findings: &[&Finding]) -> String {
    let findings: Vec<&Finding> = findings.iter().copied().filter(|finding| !is_template(finding)).collect();
    if findings.is_empty() {
        return String::new();
    }
    let files: Vec<&[&Finding]> = findings.chunk_by(|one, two| one.place.file == two.place.file).collect();
    let (mut noted, mut told): (Vec<&[&Finding]>, Vec<&[&Finding]>) =
        files.iter().copied().partition(|file| has_notes_alone(file));
    if noted.len() <= MOST_NOTED {
        noted.clear();
        told = files;
    }
    let mut out = String::new();
    let (shown, rest) = told.split_at(told.len().min(MOST_LINES));
    for file in shown {
        out.push_str(&one_file(sources, file));
    }
    if !rest.is_empty() {
        let count: usize = rest.iter().map(|file| file.len()).sum();
        out.push_str(&format!("and {count} in {}\n", number(rest.len(), "more file")));
    }
    if !noted.is_empty() {
        out.push_str(&many_files(&noted));
    }
    out + "(--notes tells them in full)\n"
}

fn has_notes_alone(file: &[&Finding]) -> bool {
    file.iter().all(|finding| finding.severity == Severity::Note)
}

fn one_file(sources: &Sources, these: &[&Finding]) -> String {
    let file = sources.get(these[0].place.file);
    // The worst first, and said to be bad.
    let mut rules: Vec<(Severity, &str, Vec<usize>)> = Vec::new();
    for finding in these {
        let line = file.line_column(finding.place.span.start).line;
        match rules
            .iter_mut()
            .find(|(severity, id, _)| (*severity, *id) == (finding.severity, finding.rule.id))
        {
            Some((.., lines)) if lines.contains(&line) => {}
            Some((.., lines)) => lines.push(line),
            None => rules.push((finding.severity, finding.rule.id, vec![line])),
        }
    }
    rules.sort_by_key(|(severity, ..)| std::cmp::Reverse(*severity));
    let texts: Vec<String> = rules
        .iter()
        .map(|(severity, id, lines)| {
            let what = if *severity > Severity::Note { format!("{severity} ") } else { String::new() };
            format!("{what}{id} ({})", lines_in_words(lines))
        })
        .collect();
    let what = match has_notes_alone(these) {
        true => number(these.len(), "note"),
        false => format!("{} more", these.len()),
    };
    format!("{}: {what}: {}\n", file.name, texts.join(", "))
}

/// Notes of many files, by rule, the most frequent first.
fn many_files(files: &[&[&Finding]]) -> String {
    let mut rules: Vec<(&str, usize)> = Vec::new();
    for finding in files.iter().copied().flatten() {
        match rules.iter_mut().find(|(id, _)| *id == finding.rule.id) {
            Some((_, count)) => *count += 1,
            None => rules.push((finding.rule.id, 1)),
        }
    }
    rules.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
    let all: usize = rules.iter().map(|(_, count)| count).sum();
    let rest: usize = rules.iter().skip(MOST_NUMBERS).map(|(_, count)| count).sum();
    let mut texts: Vec<String> =
        rules.iter().take(MOST_NUMBERS).map(|(id, count)| format!("{id} ({count})")).collect();
    if rest > 0 {
        texts.push(format!("{rest} of other rules"));
    }
    format!("{} in {}: {}\n", number(all, "note"), number(files.len(), "file"), texts.join(", "))
}

fn lines_in_words(lines: &[usize]) -> String {
    let shown: Vec<String> = lines.iter().take(MOST_NUMBERS).map(usize::to_string).collect();
    let rest = lines.len().saturating_sub(MOST_NUMBERS);
    match (lines.len(), rest) {
        (1, _) => format!("line {}", shown[0]),
        (_, 0) => format!("lines {}", shown.join(", ")),
        _ => format!("lines {} and {rest} more", shown.join(", ")),
    }
}

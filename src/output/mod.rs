//! Findings come in; texts go out, for people and for programs. No terminal, no environment, no clock.

mod budget;
mod fingerprint;
mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod sarif;
mod summary;

use crate::finding::{Finding, Severity};
use crate::source::{FileId, Place, Sources, Span};

/// How findings are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Human,
    /// For programs; versioned.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands, which GitHub shows beside the lines.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// JUnit XML, which most CI systems show.
    Junit,
}

/// What the terminal can do.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    pub width: usize,
    pub unicode: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style { color: false, width: 100, unicode: false }
    }
}

use budget::{Told, split};
pub use fingerprint::fingerprint;
pub use summary::render as summary;

pub fn render(format: Format, sources: &Sources, findings: &[Finding], style: &Style) -> String {
    match format {
        Format::Human => {
            let told: Vec<Told<'_>> = findings.iter().map(Told::alone).collect();
            human::render(sources, &told, findings, style)
        }
        Format::Json => json::render(sources, findings),
        Format::Sarif => sarif::render(sources, findings),
        Format::Github => github::render(sources, findings),
        Format::Gitlab => gitlab::render(sources, findings),
        Format::Junit => junit::render(sources, findings),
    }
}

/// For a person: the worst in full, the rest in a line per file.
pub fn people(sources: &Sources, findings: &[Finding], with_notes: bool, style: &Style) -> String {
    let (shown, rest) = split(findings, with_notes);
    let text = human::render(sources, &shown, findings, style);
    text + &folded(sources, &rest) + &unread(sources, findings)
}

/// Files that are templates, of which nothing else is told.
pub fn templates(findings: &[Finding]) -> Vec<FileId> {
    let mut files: Vec<FileId> =
        findings.iter().filter(|finding| is_template(finding)).map(|finding| finding.place.file).collect();
    files.dedup();
    files
}

fn is_template(finding: &Finding) -> bool {
    finding.rule.id == "yaml/template"
}

/// A chart has hundreds of templates; one line tells them all.
fn unread(sources: &Sources, findings: &[Finding]) -> String {
    let files = templates(findings);
    let Some(first) = files.first().map(|file| &sources.get(*file).name) else { return String::new() };
    let (count, more) = (number(files.len(), "template"), files.len() - 1);
    let which = if more == 0 { first.clone() } else { format!("{first} and {more} more") };
    let it = if more == 0 { "it" } else { "them" };
    format!("{count} not read, {which}: render {it} first, `helm template … | slogen lint -`\n")
}

/// Lines for what is not told in full.
const MOST_LINES: usize = 25;

/// Findings that are not told in full, a line per file: which rules, and in which lines.
fn folded(sources: &Sources, findings: &[&Finding]) -> String {
    let mut out = String::new();
    let others: Vec<&Finding> = findings.iter().copied().filter(|finding| !is_template(finding)).collect();
    let mut rest = others.as_slice();
    let mut lines = 0;
    while let Some(first) = rest.first() {
        lines += 1;
        if lines > MOST_LINES {
            let mut files: Vec<_> = rest.iter().map(|finding| finding.place.file).collect();
            files.dedup();
            out.push_str(&format!("and {} in {} more files\n", rest.len(), files.len()));
            break;
        }
        let file = first.place.file;
        let length = rest.iter().take_while(|finding| finding.place.file == file).count();
        let (these, others) = rest.split_at(length);
        // The worst first, and said to be bad.
        let mut rules: Vec<(Severity, &str, Vec<usize>)> = Vec::new();
        for finding in these {
            let line = sources.get(file).line_column(finding.place.span.start).line;
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
        let is_note = these.iter().all(|finding| finding.severity == Severity::Note);
        let what = match (is_note, length) {
            (true, 1) => "1 note".to_string(),
            (true, _) => format!("{length} notes"),
            (false, _) => format!("{length} more"),
        };
        out.push_str(&format!("{}: {what}: {}\n", sources.get(file).name, texts.join(", ")));
        rest = others;
    }
    if !others.is_empty() {
        out.push_str("(--notes tells them in full)\n");
    }
    out
}

/// Lines told one by one; of more nobody reads the end.
const MOST_NUMBERS: usize = 8;

fn lines_in_words(lines: &[usize]) -> String {
    let shown: Vec<String> = lines.iter().take(MOST_NUMBERS).map(usize::to_string).collect();
    let rest = lines.len().saturating_sub(MOST_NUMBERS);
    match (lines.len(), rest) {
        (1, _) => format!("line {}", shown[0]),
        (_, 0) => format!("lines {}", shown.join(", ")),
        _ => format!("lines {} and {rest} more", shown.join(", ")),
    }
}

/// The stretch, kept inside of its file and on character boundaries.
fn clamp(sources: &Sources, place: Place) -> Span {
    let text = &sources.get(place.file).text;
    let snap = |offset: u32| {
        let mut offset = (offset as usize).min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let (start, end) = (snap(place.span.start), snap(place.span.end));
    Span::new(start, end.max(start))
}

/// A number of things, in words: `1 file`, `2 fixes`.
pub fn number(count: usize, thing: &str) -> String {
    let end = match thing.ends_with('x') {
        _ if count == 1 => "",
        true => "es",
        false => "s",
    };
    format!("{count} {thing}{end}")
}

/// Numbers of findings by severity, in words: `2 errors, 1 warning`.
pub fn counts(findings: &[Finding]) -> String {
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter_map(|severity| {
            let count = findings.iter().filter(|finding| finding.severity == severity).count();
            let plural = if count == 1 { "" } else { "s" };
            (count > 0).then(|| format!("{count} {severity}{plural}"))
        })
        .collect();
    parts.join(", ")
}

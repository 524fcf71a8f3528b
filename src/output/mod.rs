//! Findings come in; texts go out, for people and for programs. No terminal, no environment, no clock.

mod budget;
mod fingerprint;
mod folded;
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
use folded::folded;
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

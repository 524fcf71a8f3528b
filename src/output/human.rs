//! The way rustc tells it: title, lines of the source with a caret, why, help.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use rayon::prelude::*;

use super::budget::Told;
use super::{Style, clamp, counts};
use crate::finding::{Finding, Severity};
use crate::source::{Place, Sources};

/// Places of one rule that are told below it; of more nobody reads the end.
const MOST_PLACES: usize = 10;

/// `all` are counted, `told` among them told.
pub fn render(sources: &Sources, told: &[Told<'_>], all: &[Finding], style: &Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let renderer = renderer.term_width(style.width.max(40)).decor_style(decor);
    let text = |told: &Told<'_>| one(&renderer, sources, told.finding) + &also(sources, told);
    let texts: Vec<String> = told.par_iter().map(text).collect();
    let mut out = String::new();
    for line in texts.iter().flat_map(|text| text.lines().chain([""])) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    // The first of the worst: what to read about.
    if let Some(worst) = told.iter().rev().map(|told| told.finding).max_by_key(|finding| finding.severity) {
        out.push_str(&format!("{} (slogen explain {})\n", counts(all), worst.rule.id));
    }
    out
}

/// Other places of a rule, a line each; what they say where it is something else.
fn also(sources: &Sources, told: &Told<'_>) -> String {
    let mut out = String::new();
    // A line that says that there is one more is as long as that one.
    let most = if told.also.len() == MOST_PLACES + 1 { MOST_PLACES + 1 } else { MOST_PLACES };
    for finding in told.also.iter().take(most) {
        let file = sources.get(finding.place.file);
        let at = file.line_column(finding.place.span.start);
        out.push_str(&format!("\n  also {}:{}:{}", safe(&file.name), at.line, at.column));
        if finding.message != told.finding.message {
            out.push_str(&format!(": {}", safe(&finding.message)));
        }
    }
    let more = told.also.len().saturating_sub(most);
    if more > 0 {
        out.push_str(&format!("\n  and {more} more"));
    }
    out
}

fn one(renderer: &Renderer, sources: &Sources, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = safe(&finding.message);
    let label = finding.label.as_deref().map(safe);
    let mut places: Vec<(Place, Option<String>, AnnotationKind)> =
        vec![(finding.place, label, AnnotationKind::Primary)];
    for related in &finding.related {
        places.push((related.place, Some(safe(&related.message)), AnnotationKind::Context));
    }
    // One snippet a file, the primary one first.
    let mut files = Vec::new();
    for (place, ..) in &places {
        if !files.contains(&place.file) {
            files.push(place.file);
        }
    }
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|file| {
            let file = sources.get(*file);
            (visible(&file.text), safe(&file.name))
        })
        .collect();
    let mut group = Group::with_title(level.primary_title(message.as_str()).id(finding.rule.id));
    for (file, (text, name)) in files.iter().zip(&texts) {
        let mut snippet = Snippet::source(text.as_str()).path(name.as_str());
        for (place, label, kind) in places.iter().filter(|(place, ..)| place.file == *file) {
            let span = clamp(sources, *place);
            snippet = snippet.annotation(kind.span(span.range()).label(label.as_deref()));
        }
        group = group.element(snippet);
    }
    let why = finding.why.as_deref().map(safe);
    if let Some(why) = &why {
        group = group.element(Level::NOTE.with_name("why").message(why.as_str()));
    }
    let help = finding.help.as_deref().map(safe);
    let fix = finding.fix.as_ref().filter(|fix| fix.edits.iter().all(|edit| edit.place.file == files[0]));
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let mut report = vec![group];
    let title = fix.map(|fix| safe(&fix.title));
    if let (Some(fix), Some(title)) = (fix, &title)
        && help.is_none()
    {
        let mut snippet = Snippet::source(texts[0].0.as_str()).path(texts[0].1.as_str());
        for edit in &fix.edits {
            let span = clamp(sources, edit.place);
            snippet = snippet.patch(Patch::new(span.range(), edit.replacement.as_str()));
        }
        report.push(Group::with_title(Level::HELP.secondary_title(title.as_str())).element(snippet));
    }
    renderer.render(&report)
}

/// A text of ours or of the user's, with nothing in it that a terminal would obey.
fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The source with control characters replaced one for one, so that no offset moves.
fn visible(text: &str) -> String {
    let hostile = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    if !text.contains(hostile) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !hostile(c) {
            out.push(c);
        } else if c.len_utf8() == 1 {
            out.push('?');
        } else {
            // The controls of Latin-1 take two bytes; so does this.
            out.push('¿');
        }
    }
    out
}

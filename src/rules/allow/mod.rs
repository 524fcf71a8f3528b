//! `# slogen: allow ID because …`: exceptions, written where they count and with their reason.
//!
//! Behind a line it excuses that line, on a line of its own the next one, and before the first line of YAML the file.

use std::collections::HashMap;

use crate::finding::{Finding, cards};
use crate::source::{FileId, Place, Sources, Span};

cards! {
    "allow":
    UNUSED Warning "unused" "an exception that excuses nothing";
    NO_REASON Warning "no-reason" "an exception without a reason";
    UNKNOWN_RULE Warning "unknown-rule" "an exception from a rule that does not exist";
}

const MARK: &str = "# slogen: allow ";

/// Where an exception begins in a line, and how long its mark is; blanks in it do not count.
fn mark(line: &str) -> Option<(usize, usize)> {
    let word = line.find("slogen:")?;
    let start = line[..word].trim_end().strip_suffix('#')?.len();
    let after = word + "slogen:".len();
    let rest = &line[after..];
    let allow = rest.trim_start().strip_prefix("allow")?;
    allow.starts_with([' ', '\t']).then(|| (start, line.len() - allow.trim_start().len() - start))
}

/// What an exception excuses.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    File,
    /// From this one to that one, counted from 1.
    Lines(usize, usize),
}

impl Reach {
    fn holds(&self, line: usize) -> bool {
        match self {
            Reach::File => true,
            Reach::Lines(first, last) => (*first..=*last).contains(&line),
        }
    }
}

struct Allowance {
    file: FileId,
    span: Span,
    reach: Reach,
    rule: &'static str,
    is_used: bool,
}

/// Takes out what is excused, and adds what is wrong with the excuses.
///
/// What excuses nothing is one too many, unless the rule needs more than what was looked at.
pub fn apply(sources: &Sources, files: &[FileId], is_whole: bool, findings: &mut Vec<Finding>) {
    let mut wrong = Vec::new();
    let mut allowances: HashMap<FileId, Vec<Allowance>> = HashMap::new();
    for file in files {
        let found = read(sources, *file, &mut wrong);
        if !found.is_empty() {
            allowances.insert(*file, found);
        }
    }
    if allowances.is_empty() && wrong.is_empty() {
        return;
    }
    findings.retain(|finding| {
        let Some(allowances) = allowances.get_mut(&finding.place.file) else { return true };
        let line = sources.get(finding.place.file).line_column(finding.place.span.start).line;
        let mut excused = false;
        for allowance in allowances.iter_mut().filter(|allowance| allowance.rule == finding.rule.id) {
            if allowance.reach.holds(line) {
                allowance.is_used = true;
                excused = true;
            }
        }
        !excused
    });
    let needs_more = |rule: &str| {
        !is_whole && ["conflict/", "scrape/", "workload/"].iter().any(|family| rule.starts_with(family))
    };
    for allowance in allowances.into_values().flatten().filter(|allowance| !allowance.is_used) {
        if needs_more(allowance.rule) {
            continue;
        }
        let place = Place::new(allowance.file, allowance.span);
        wrong.push(
            unused(place, allowance.rule)
                .help("remove it, or put it on the line of the finding, or on the line above"),
        );
    }
    findings.extend(wrong);
}

/// An exception that has outlived its reason.
pub fn unused(place: Place, rule: &str) -> Finding {
    Finding::new(&UNUSED, place, format!("this excuses nothing: `{rule}` does not speak here"))
        .why("an exception that has outlived its reason hides the next mistake")
        .help("remove it")
}

fn read(sources: &Sources, file: FileId, wrong: &mut Vec<Finding>) -> Vec<Allowance> {
    let text = &sources.get(file).text;
    if !text.contains("slogen:") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut start = 0;
    let mut is_head = true;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (at, line) in lines.iter().enumerate() {
        let body = line.trim_start_matches('\u{feff}').trim_start();
        let is_comment = body.starts_with('#');
        if let Some((column, length)) = mark(line) {
            let rest = line[column + length..].trim_end();
            let span = Span::new(start + column, start + column + length + rest.len());
            let next = lines[at + 1..]
                .iter()
                .position(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
            let reach = match (is_comment, is_head) {
                (true, true) => Reach::File,
                (true, false) => {
                    let first = at + 1 + next.unwrap_or(0);
                    Reach::Lines(first + 1, first + 1 + depth_of_text(&lines[first.min(lines.len())..]))
                }
                (false, _) => Reach::Lines(at + 1, at + 1 + depth_of_text(&lines[at..])),
            };
            let (id, reason) = rest.split_once(" because").unwrap_or((rest, ""));
            let place = Place::new(file, span);
            match super::find(id.trim()) {
                None => wrong.push(
                    Finding::new(
                        &UNKNOWN_RULE,
                        place,
                        format!("there is no rule `{}`", id.trim().escape_debug()),
                    )
                    .why("it excuses nothing")
                    .help(match super::nearest_id(id.trim()) {
                        Some(near) => format!("did you mean `{near}`? One rule a comment; for families there is `[severity]` in slogen.toml"),
                        None => "`slogen rules` lists them all; one rule a comment".to_string(),
                    }),
                ),
                Some(rule) => {
                    if reason.trim().is_empty() {
                        wrong.push(
                            Finding::new(&NO_REASON, place, "an exception without a reason")
                                .why("whoever reads it next cannot know whether it still holds")
                                .help(format!("write `{MARK}{} because …`", rule.id)),
                        );
                    }
                    found.push(Allowance { file, span, reach, rule: rule.id, is_used: false });
                }
            }
        }
        // The head ends where YAML begins; a line `---` does not count.
        if !is_comment && !body.trim().is_empty() && body.trim_end() != "---" {
            is_head = false;
        }
        start += line.len();
    }
    found
}

/// Lines of the text in block style that begins in the first of these lines: they belong to it.
fn depth_of_text(lines: &[&str]) -> usize {
    let Some((first, rest)) = lines.split_first() else { return 0 };
    let written = first.split(" #").next().unwrap_or(first).trim_end();
    let is_block = written.trim_end_matches(['+', '-']).ends_with(['|', '>']);
    if !is_block {
        return 0;
    }
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let own = indentation(first);
    rest.iter().take_while(|line| line.trim().is_empty() || indentation(line) > own).count()
}

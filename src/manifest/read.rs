//! Text in, documents out. A broken document does not hide the others; hostile input meets a limit.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError};

use super::{Document, Entry, Node, Value, default, rules, scalar};
use crate::finding::{Finding, Severity};
use crate::source::{FileId, Place, Span};

/// Larger than any manifest that a person commits.
const MOST_BYTES: usize = 16 << 20;
const MOST_DEPTH: usize = 100;
/// Nodes of one file with all aliases expanded.
const MOST_NODES: usize = 2_000_000;

/// After so many findings a file is beyond telling.
const MOST_FINDINGS: usize = 50;

const DISAGREE: &str = "readers disagree which one counts, and some refuse the file";

/// What a file holds.
#[derive(Debug, Default)]
pub struct Reading {
    pub documents: Vec<Document>,
    pub findings: Vec<Finding>,
}

pub fn read(file: FileId, text: &str) -> Reading {
    let place = Place::file_start(file);
    if text.len() > MOST_BYTES {
        let message = format!("this file has {} bytes; slogen reads up to {MOST_BYTES}", text.len());
        return only(Finding::new(&rules::TOO_LARGE, place, message).help("split it"));
    }
    if let Some(at) = template(text) {
        let place = Place::new(file, Span::new(at, at + 2));
        let finding = Finding::new(&rules::TEMPLATE, place, "this is a template, not YAML yet");
        return only(finding.help("render it first: `helm template … | slogen …`"));
    }
    if let Some(at) = no_break(text) {
        let place = Place::new(file, Span::new(at, at + NO_BREAK.len_utf8()));
        let lines = text.lines().filter(|line| line.trim_start_matches(' ').starts_with(NO_BREAK)).count();
        let finding = Finding::new(&rules::SYNTAX, place, "this is a no-break space (U+00A0), not a blank")
            .label(format!("{lines} lines are indented so"))
            .why("YAML takes it for a letter: the key begins with it, or the line belongs to the one before, and nothing of the object is where it should be")
            .help("replace all of them by blanks; they come from pages and chats out of which text is copied");
        return only(finding);
    }
    let mut reader = Reader { file, text, nodes: 0, anchors: HashMap::new(), findings: Vec::new() };
    let documents = reader.documents();
    Reading {
        documents: documents.into_iter().flat_map(Document::expand).collect(),
        findings: reader.findings,
    }
}

fn only(finding: Finding) -> Reading {
    Reading { documents: Vec::new(), findings: vec![finding] }
}

const NO_BREAK: char = '\u{a0}';

/// Where a key, or an item of a list, is indented with a no-break space.
fn no_break(text: &str) -> Option<usize> {
    if !text.contains(NO_BREAK) {
        return None;
    }
    let mut at = 0;
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let body = line.trim_start_matches([' ', NO_BREAK]);
        let width = line.chars().take_while(|c| [' ', NO_BREAK].contains(c)).count();
        if body.trim().is_empty() {
            continue;
        }
        match block {
            Some(outer) if width > outer => continue,
            _ => block = begins_block(body).then_some(width),
        }
        let indentation = &line[..line.len() - body.len()];
        let item = body.strip_prefix("- ").unwrap_or(body);
        let is_entry = item
            .split_once(':')
            .is_some_and(|(key, rest)| is_key(key) && rest.starts_with([' ', '\r', '\n']))
            || item.len() < body.len();
        if let (true, Some(inside)) = (is_entry, indentation.find(NO_BREAK)) {
            return Some(start + inside);
        }
    }
    None
}

/// Where an unrendered Helm or Jinja template shows itself. Templates inside of texts, as in the annotations of alerts,
/// are what Prometheus renders, and no sign.
fn template(text: &str) -> Option<usize> {
    if !text.contains("{{") && !text.contains("{%") {
        return None;
    }
    let mut at = 0;
    // Lines deeper than this one belong to a text in block style, which may hold the template of somebody else.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let body = line.trim_start();
        let indentation = line.len() - body.len();
        let start = at + indentation;
        at += line.len();
        if body.is_empty() {
            continue;
        }
        match block {
            Some(outer) if indentation > outer => continue,
            _ => block = begins_block(body).then_some(indentation),
        }
        if body.starts_with("{%") || body.strip_prefix("{{").is_some_and(is_of_helm) {
            return Some(start);
        }
        let item = body.strip_prefix("- ").unwrap_or(body);
        let value = match item.split_once(": {{") {
            // A plain key, and nothing else before it.
            Some((key, rest)) if is_key(key) && !is_of_prometheus(rest) => Some(key.len() + 2),
            None if item.starts_with("{{") && item.len() < body.len() && !is_of_prometheus(&item[2..]) => {
                Some(0)
            }
            _ => None,
        };
        if let Some(value) = value {
            return Some(start + body.len() - item.len() + value);
        }
    }
    None
}

/// Whether a line ends with the `|` or `>` behind which a text in block style stands.
fn begins_block(line: &str) -> bool {
    let line = line.trim_end();
    let Some((before, mark)) = line.rsplit_once([' ', '\t']) else { return false };
    (before.ends_with(':') || before.ends_with('-'))
        && mark.starts_with(['|', '>'])
        && mark[1..].chars().all(|c| matches!(c, '+' | '-' | '0'..='9'))
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._-/".contains(c))
}

/// Words of Helm at the start of an action.
fn is_of_helm(action: &str) -> bool {
    let action = action.trim_start_matches('-').trim_start();
    [
        "if ",
        "end",
        "else",
        "range ",
        "with ",
        "include ",
        "template ",
        "define ",
        "toYaml ",
        "block ",
        "/*",
        ".Values",
        ".Release",
        ".Chart",
        "$",
    ]
    .iter()
    .any(|word| action.starts_with(word))
        && !is_of_prometheus(action)
}

/// What alerts say of themselves.
pub(super) fn is_of_prometheus(action: &str) -> bool {
    let action = action.trim_start_matches('-').trim_start();
    ["$labels", "$value", "$externalLabels", "$externalURL"].iter().any(|word| action.contains(word))
}

struct Reader<'t> {
    file: FileId,
    text: &'t str,
    nodes: usize,
    anchors: HashMap<usize, Node>,
    findings: Vec<Finding>,
}

/// Why a document cannot be finished.
enum Stop {
    Syntax(ScanError),
    Limit(Span, &'static str),
}

type Events<'t> = Parser<'t, granit_parser::StrInput<'t>>;

impl<'t> Reader<'t> {
    fn documents(&mut self) -> Vec<Document> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(self.text);
        let mut events = Parser::new_from_str_with_options(text, options);
        let mut documents = Vec::new();
        loop {
            match self.document(&mut events) {
                Ok(Some(node)) => {
                    if node.value != Value::Null {
                        documents.push(Document { file: self.file, node });
                    }
                }
                Ok(None) => return documents,
                Err(Stop::Limit(span, message)) => {
                    self.tell(Finding::new(&rules::TOO_LARGE, Place::new(self.file, span), message));
                    return documents;
                }
                Err(Stop::Syntax(error)) => {
                    self.syntax(&error);
                    // The rest of the file may still be read; one that cannot be found is no second error.
                    if !matches!(events.proceed_next_document(), Ok(true))
                        || self.findings.len() >= MOST_FINDINGS
                    {
                        return documents;
                    }
                }
            }
        }
    }

    fn shift(&self) -> usize {
        if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        let shift = self.shift();
        let end = self.text.len();
        Span::new((range.start + shift).min(end), (range.end + shift).min(end))
    }

    /// A collection with its closing bracket. One in block style ends with its last value; what ends it is the next one.
    fn closed(&self, whole: Span, end: &granit_parser::Span) -> Span {
        let end = self.span(end);
        let is_bracket = self.text.get(end.range()).is_some_and(|text| matches!(text, "}" | "]"));
        if is_bracket { whole.to(end) } else { whole }
    }

    fn tell(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// A second object behind the same `apiVersion` and `kind`.
    fn differs_after_all(&mut self, span: Span) {
        let own = |finding: &&mut Finding| {
            finding.rule == &rules::DUPLICATE_KEY && finding.place.span.start < span.start
        };
        if let Some(finding) = self.findings.iter_mut().rev().find(own) {
            finding.severity = Severity::Error;
            finding.why = Some(DISAGREE.to_string());
        }
    }

    fn syntax(&mut self, error: &ScanError) {
        let offset = error.marker().byte_offset().unwrap_or(0) + self.shift();
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        // A variable or an action that stands for whole lines: it is filled in before YAML is read.
        let line_start = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let before = self.text[..line_start].lines().next_back();
        let around = before.into_iter().chain(self.text[line_start..].lines().next());
        let help = around.map(str::trim_start).find_map(|line| match line.get(..2)? {
            start if start == "${" || line.contains(":${") => {
                Some("fill the variables in first: `envsubst < … | slogen …`")
            }
            "{{" | "{%" => Some("render it first, and read what comes out"),
            _ => None,
        });
        if let Some(help) = help {
            let place = Place::new(self.file, Span::at(offset));
            let finding = Finding::new(&rules::TEMPLATE, place, "this is a template, not YAML yet");
            return self.tell(finding.help(help));
        }
        if let Some(finding) = self.taken_apart().or_else(|| self.title(before, line_start)) {
            return self.tell(finding);
        }
        let message = format!("this is not YAML: {}", error.info());
        let mut finding = Finding::new(&rules::SYNTAX, Place::new(self.file, Span::at(offset)), message);
        if self.text[..offset].lines().last().is_some_and(|line| line.starts_with('\t'))
            || self.text[offset..].starts_with('\t')
        {
            finding = finding.help("indent with spaces; YAML takes no tabs");
        } else if let Some(help) = quotes(&self.text[line_start..]) {
            finding = finding.help(help);
        }
        self.tell(finding);
    }

    /// The braces of a template, which a formatter for YAML has moved apart.
    fn taken_apart(&self) -> Option<Finding> {
        let at = self.text.find("{ {").filter(|at| self.text[*at..].contains("} }"))?;
        let place = Place::new(self.file, Span::new(at, at + 3));
        let message = "this is not YAML, and no template either: `{ {` has a blank inside";
        Some(Finding::new(&rules::SYNTAX, place, message)
            .why("Helm does not see it and leaves it as it stands: the manifest cannot be read, and the release fails")
            .help("write `{{` and `}}` again, everywhere in the file; a formatter for YAML took them apart"))
    }

    /// A title before the first key of an object, as an editor shows it.
    fn title(&self, before: Option<&str>, line_start: usize) -> Option<Finding> {
        let title = before.map(str::trim).filter(|line| !line.is_empty() && !line.contains([':', '#']))?;
        let is_start = ["apiVersion:", "kind:"].iter().any(|key| self.text[line_start..].starts_with(key));
        let at =
            self.text[..line_start].rfind(title).filter(|_| is_start && !title.starts_with(['-', '%']))?;
        let place = Place::new(self.file, Span::new(at, at + title.len()));
        let message = format!("this is not YAML: `{}` is no part of the object", title.escape_debug());
        Some(
            Finding::new(&rules::SYNTAX, place, message)
                .why("nothing of the file can be read")
                .help("delete the line"),
        )
    }

    /// The next document; None at the end of the file.
    fn document(&mut self, events: &mut Events<'t>) -> Result<Option<Node>, Stop> {
        self.anchors.clear();
        loop {
            let (event, span) = match events.next_event() {
                None => return Ok(None),
                Some(next) => next.map_err(Stop::Syntax)?,
            };
            match event {
                Event::StreamEnd => return Ok(None),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => {
                    let node = self.node(event, &span, events, 0)?;
                    return Ok(Some(node));
                }
            }
        }
    }

    fn next(&mut self, events: &mut Events<'t>) -> Result<(Event<'t>, granit_parser::Span), Stop> {
        match events.next_event() {
            Some(next) => next.map_err(Stop::Syntax),
            None => Err(Stop::Limit(Span::at(self.text.len()), "the document ends in the middle")),
        }
    }

    fn node(
        &mut self,
        event: Event<'t>,
        span: &granit_parser::Span,
        events: &mut Events<'t>,
        depth: usize,
    ) -> Result<Node, Stop> {
        let place = self.span(span);
        self.count(1, place)?;
        if depth > MOST_DEPTH {
            return Err(Stop::Limit(place, "this is nested more than 100 levels deep"));
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text = match default::with_defaults(&text) {
                    Some(filled) => filled.into(),
                    None => text,
                };
                let string = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let value = match style {
                    ScalarStyle::Plain if !string => scalar::plain(&text),
                    _ => Value::Text(text.into_owned()),
                };
                (anchor, Node { value, span: place })
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                let mut whole = place;
                loop {
                    let (event, span) = self.next(events)?;
                    if matches!(event, Event::SequenceEnd) {
                        whole = self.closed(whole, &span);
                        break;
                    }
                    let item = self.node(event, &span, events, depth + 1)?;
                    whole = whole.to(item.span);
                    items.push(item);
                }
                let value = Value::Sequence(items);
                (anchor, Node { value, span: whole })
            }
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping(place, events, depth)?),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Stop::Limit(place, "this alias refers to something that contains it"));
                };
                self.count(size(&node), place)?;
                return Ok(node);
            }
            _ => return Ok(Node { value: Value::Null, span: place }),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, place: Span) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES {
            return Err(Stop::Limit(
                place,
                "with its aliases expanded, this file has more than 2,000,000 values",
            ));
        }
        Ok(())
    }

    fn mapping(&mut self, start: Span, events: &mut Events<'t>, depth: usize) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        let mut seen = Seen::default();
        let mut is_second_object = false;
        let mut whole = start;
        loop {
            let (event, span) = self.next(events)?;
            if matches!(event, Event::MappingEnd) {
                whole = self.closed(whole, &span);
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.node(event, &span, events, depth + 1)?;
            let (event, span) = self.next(events)?;
            let node = self.node(event, &span, events, depth + 1)?;
            whole = whole.to(node.span);
            if is_merge {
                let sources = if node.items().is_empty() { vec![node] } else { node.items().to_vec() };
                merged.extend(sources.iter().flat_map(|source| source.entries().to_vec()));
                continue;
            }
            let name = match &key.value {
                Value::Null => "null".to_string(),
                _ => key.as_written().unwrap_or_else(|| "?".to_string()),
            };
            if let Some(first) = seen.find(&entries, &name) {
                // After a missing `---` every key of the second object is there twice; once is enough.
                let is_same = first.node.to_json() == node.to_json();
                if is_second_object && !is_same {
                    self.differs_after_all(key.span);
                }
                if self.findings.len() >= MOST_FINDINGS || is_second_object {
                    continue;
                }
                is_second_object = depth == 0 && matches!(name.as_str(), "apiVersion" | "kind");
                let mut finding = Finding::new(
                    &rules::DUPLICATE_KEY,
                    Place::new(self.file, key.span),
                    format!("the key `{}` stands here a second time", name.escape_debug()),
                )
                .related(Place::new(self.file, first.key_span), "the first time")
                .why(DISAGREE)
                .help(
                    "remove one of them; if a second object begins here, a line `---` is missing before it",
                );
                // Source: kubernetes-sigs/yaml takes the last; kubernetes-sigs/kustomize refuses the file.
                if is_same {
                    finding.severity = Severity::Warning;
                    finding.why = Some(
                        "it says the same again: kubectl takes it, kustomize refuses the file".to_string(),
                    );
                }
                self.tell(finding);
                continue;
            }
            entries.push(Entry { key: name, key_span: key.span, node });
        }
        for entry in merged {
            if seen.find(&entries, &entry.key).is_none() {
                entries.push(entry);
            }
        }
        Ok(Node { value: Value::Mapping(entries), span: whole })
    }
}

/// The keys of a mapping that were met: most mappings have a handful, which are found faster by looking at each.
#[derive(Default)]
struct Seen(HashMap<String, usize>);

impl Seen {
    const FEW: usize = 16;

    /// The entry of that key, among those met so far.
    fn find<'e>(&mut self, entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
        if entries.len() <= Self::FEW {
            return entries.iter().find(|entry| entry.key == key);
        }
        let known = self.0.len();
        self.0.extend(entries.iter().enumerate().skip(known).map(|(at, entry)| (entry.key.clone(), at)));
        self.0.get(key).map(|at| &entries[*at])
    }
}

/// What to write where a value needs quotes: it begins with a sign that means something else, or looks like a mapping.
fn quotes(text: &str) -> Option<String> {
    /// A longer value is not repeated.
    const MOST: usize = 80;
    let (key, value) = text.lines().next()?.split_once(": ")?;
    let (key, value) = (key.trim().trim_start_matches("- "), value.trim());
    let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    let is_taken = value.starts_with(['@', '`', '%']) || value.starts_with("* ") || value.starts_with("*/");
    let is_mapping = value.contains(": ") && !value.starts_with(['{', '[', '|', '>', '&', '*', '#']);
    let is_bare = !value.contains(['"', '\'', '\\']) && value.len() < MOST;
    (is_key && is_bare && (is_taken || is_mapping))
        .then(|| format!("write the value in quotes: `{key}: \"{value}\"`"))
}

/// Number of values in a tree.
fn size(node: &Node) -> usize {
    let mut total = 0;
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        total += 1;
        stack.extend(node.items());
        stack.extend(node.entries().iter().map(|entry| &entry.node));
    }
    total
}

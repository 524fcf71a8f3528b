use std::borrow::Cow;

use super::Linter;
use crate::finding::{Edit, Finding, Fix, Rule, Severity};
use crate::promql::ast::*;
use crate::source::{Place, Span};

/// What a finding points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Query,
    /// The threshold beside the query is as much to blame.
    Threshold,
}

/// One finding in a query. Stretches are bytes of the query.
#[derive(Clone, Debug)]
pub struct Lint {
    pub rule: &'static Rule,
    pub severity: Severity,
    pub about: About,
    pub span: Span,
    pub message: Cow<'static, str>,
    /// A few words under the caret.
    pub label: Option<Cow<'static, str>>,
    /// What it does, as measured.
    pub why: Option<Cow<'static, str>>,
    pub help: Option<Cow<'static, str>>,
    /// The fragments that are the reason.
    pub related: Vec<(Span, Cow<'static, str>)>,
    pub repair: Option<Repair>,
}

/// A change to the query that removes the finding.
#[derive(Clone, Debug)]
pub struct Repair {
    pub title: String,
    pub safe: bool,
    pub edits: Vec<(Span, String)>,
}

impl Lint {
    pub fn new(rule: &'static Rule, span: Span, message: impl Into<Cow<'static, str>>) -> Self {
        Lint {
            rule,
            severity: rule.severity,
            about: About::Query,
            span,
            message: message.into(),
            label: None,
            why: None,
            help: None,
            related: Vec::new(),
            repair: None,
        }
    }

    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub fn why(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn about_threshold(mut self) -> Self {
        self.about = About::Threshold;
        self
    }

    pub fn related(mut self, span: Span, message: impl Into<Cow<'static, str>>) -> Self {
        if span != self.span && !span.is_empty() {
            self.related.push((span, message.into()));
        }
        self
    }

    pub fn repair(mut self, safe: bool, title: impl Into<String>, edits: Vec<(Span, String)>) -> Self {
        if !edits.is_empty() {
            self.repair = Some(Repair { title: title.into(), safe, edits });
        }
        self
    }

    /// The finding in the file that holds the query.
    pub fn finding(&self, place: impl Fn(Span) -> Place) -> Finding {
        let mut finding = Finding::new(self.rule, place(self.span), self.message.clone());
        finding.severity = self.severity;
        finding.label = self.label.as_deref().map(str::to_string);
        finding.why = self.why.as_deref().map(str::to_string);
        finding.help = self.help.as_deref().map(str::to_string);
        for (span, message) in &self.related {
            finding = finding.related(place(*span), message.clone());
        }
        finding.fix = self.repair.as_ref().map(|repair| Fix {
            title: repair.title.clone(),
            safe: repair.safe,
            edits: repair
                .edits
                .iter()
                .map(|(span, text)| Edit { place: place(*span), replacement: text.clone() })
                .collect(),
        });
        finding
    }
}

impl Repair {
    /// The query with the change in it.
    pub fn apply(&self, query: &str) -> String {
        let mut edits: Vec<&(Span, String)> = self.edits.iter().collect();
        edits.sort_by_key(|(span, _)| (span.start, span.end));
        let mut out = String::with_capacity(query.len() + 32);
        let mut at = 0;
        for (span, text) in edits {
            let range = span.range();
            if range.start < at || range.end > query.len() {
                continue;
            }
            out.push_str(&query[at..range.start]);
            out.push_str(text);
            at = range.end;
        }
        out.push_str(&query[at..]);
        out
    }
}

impl Linter<'_> {
    pub(super) fn push(&mut self, lint: Lint) {
        self.found.push(lint);
    }

    /// What the user gets where the result has no element.
    pub(super) fn reads_nothing(&self) -> &'static str {
        match self.context.scaler() {
            Some(scaler) if !scaler.ignores_null_values() => {
                "the result is empty, always: KEDA takes it for an error at every poll"
            }
            Some(_) => "the result is empty, always: KEDA reads 0, says nothing, and nothing scales",
            None if self.context.is_alert() => "the result is empty, always: the alert never fires",
            None => "the result is empty, always: nothing is recorded",
        }
    }

    /// An alert of which one side of an `or` is always empty: the other side still fires.
    pub(super) fn kept_alive(&mut self) {
        if !self.context.is_alert() {
            return;
        }
        let nodes = &self.analysis.nodes;
        let other_side = |span: Span| {
            nodes.iter().find_map(|info| {
                let Kind::Binary(binary) = &info.node.kind else { return None };
                let is_or = binary.operator == Operator::Or && info.empty.always.is_none();
                let holds = |node: &Node| node.span.start <= span.start && span.end <= node.span.end;
                match is_or {
                    true if holds(&binary.left) => Some(&binary.right),
                    true if holds(&binary.right) => Some(&binary.left),
                    _ => None,
                }
            })
        };
        for lint in &mut self.found {
            let is_dead = lint.why.as_ref().is_some_and(|why| why.ends_with("the alert never fires"));
            let Some(other) = other_side(lint.span).filter(|_| is_dead) else { continue };
            let stands_in =
                matches!(&other.bare().kind, Kind::Call(call) if call.function.name.starts_with("absent"));
            lint.severity = lint.severity.min(if stands_in { Severity::Note } else { Severity::Warning });
            if stands_in {
                lint.help = Some("leave this side out".into());
            }
            lint.why = Some("this side of the `or` is always empty: only the other one fires".into());
        }
    }

    /// What becomes of a result that is empty now and then.
    pub(super) fn reads_nothing_at_times(&self) -> &'static str {
        match self.context.scaler() {
            Some(scaler) if !scaler.ignores_null_values() => "the result is empty, an error for KEDA",
            Some(_) => "the result is empty, and KEDA reads 0, whatever the load is",
            None if self.context.is_alert() => "the result is empty, and the alert starts anew",
            None => "the result is empty, and nothing is recorded",
        }
    }
}

//! PromQL text comes in; an expression with a span on every node goes out, and what it will give.
//!
//! A front end of our own: every error points at its character, and hostile input meets a limit instead of the end
//! of the stack. Nothing outside of this folder knows how it is done.

pub mod ast;
mod calls;
mod check;
mod duration;
mod durations;
mod functions;
mod infer;
mod keyword;
mod metricsql;
mod names;
mod parser;
mod pretty;
mod print;
mod ranges;
mod regex;
mod selectors;
mod shape;
mod string;
mod token;
mod views;

pub use ast::Matcher as MatcherView;
pub use ast::{Expression, MatchOperator, ValueType};
pub use infer::{
    Analysis, Base, Empty, Facts, Info, Label, Labels, MetricFacts, MetricKind, Presence, Reason, Series,
    Unit, analyse, series,
};
pub use names::{is_label_name, is_metric_name};
pub use regex::check as check_pattern;
pub use shape::Shape;
pub use string::quote;
pub use views::SelectorView;

use crate::source::Span;

/// Longest query, in bytes. KEDA sends it in the address of a GET request; servers refuse longer ones.
pub const MOST_BYTES: usize = 64 << 10;

/// What is wrong with a query, and exactly where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub kind: ErrorKind,
    /// Where Prometheus says it is, in bytes of the query.
    pub span: Span,
    /// What to underline: as few characters as tell the story.
    pub mark: Span,
    pub message: String,
    pub help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No Prometheus takes it.
    Language,
    /// A pattern that RE2 refuses.
    Pattern,
    /// Words of another system: MetricsQL, or a template that is not rendered yet.
    Dialect,
    /// It needs a newer Prometheus, or a feature flag.
    Feature,
}

impl SyntaxError {
    fn new(span: Span, message: impl Into<String>) -> Self {
        SyntaxError { kind: ErrorKind::Language, span, mark: span, message: message.into(), help: None }
    }

    fn of(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Seconds of a duration such as `1h30m`.
pub fn seconds(text: &str) -> Option<f64> {
    let milliseconds = duration::milliseconds(text).filter(|_| !text.is_empty());
    milliseconds.map(|milliseconds| milliseconds as f64 / 1_000.0)
}

/// The Prometheus that a query is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub version: (u16, u16),
    /// Whether functions behind a feature flag may be used.
    pub experimental: bool,
}

impl Target {
    pub fn version(major: u16, minor: u16) -> Self {
        Target { version: (major, minor), experimental: false }
    }
}

impl Default for Target {
    /// The newest that is known, without feature flags.
    fn default() -> Self {
        Target::version(3, 14)
    }
}

/// Parses and type-checks a query.
///
/// # Errors
/// Everything that is wrong with it, in the order in which Prometheus finds it: what cannot be read, or else what does
/// not fit together; and at the end what this Prometheus does not have.
pub fn parse(text: &str, target: &Target) -> Result<Expression, Vec<SyntaxError>> {
    if text.len() > MOST_BYTES {
        let message = format!("the query has {} bytes; at most {MOST_BYTES} can be sent", text.len());
        return Err(vec![SyntaxError::new(Span::at(0), message)]);
    }
    let (root, mut errors) = parser::parse(text, target);
    let readable = errors.iter().all(|error| error.kind == ErrorKind::Feature);
    match root {
        Some(root) if readable => {
            errors.extend(check::check(text, &root));
            if errors.is_empty() {
                return Ok(Expression { text: text.to_string(), root });
            }
        }
        _ => {}
    }
    errors.sort_by_key(|error| error.kind == ErrorKind::Feature);
    Err(errors)
}

impl Expression {
    pub fn value_type(&self) -> ValueType {
        self.root.value_type()
    }

    /// One line, as Prometheus itself prints it.
    pub fn canonical(&self) -> String {
        print::canonical(&self.root)
    }

    /// Lines of at most `width` characters where it can be helped, two spaces per level.
    pub fn pretty(&self, width: usize) -> String {
        pretty::pretty(&self.root, width)
    }
}

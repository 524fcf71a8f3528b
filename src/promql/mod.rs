//! PromQL text comes in; an expression with a span on every node goes out, and what it will give.
//!
//! A front end of our own: every error points at its character, and hostile input meets a limit instead of the end
//! of the stack. Nothing outside of this folder knows how it is done.

pub mod ast;
mod check;
mod duration;
mod functions;
mod infer;
mod names;
mod parser;
mod pretty;
mod print;
mod regex;
mod selectors;
mod shape;
mod string;
mod token;

pub use ast::{Expression, MatchOperator, ValueType};
pub use infer::{Facts, Inference, Series, infer};
pub use names::{is_label_name, is_metric_name};
pub use selectors::{MatcherView, SelectorView};
pub use shape::Shape;
pub use string::quote;

use crate::source::Span;

/// Longest query, in bytes. KEDA sends it in the address of a GET request; servers refuse longer ones.
pub const MOST_BYTES: usize = 64 << 10;

/// What is wrong with a query, and exactly where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
}

impl SyntaxError {
    fn new(span: Span, message: impl Into<String>) -> Self {
        SyntaxError { span, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
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

    fn at_least(&self, major: u16, minor: u16) -> bool {
        self.version >= (major, minor)
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
/// Everything that is wrong with it: one syntax error, or all errors of type.
pub fn parse(text: &str, target: &Target) -> Result<Expression, Vec<SyntaxError>> {
    if text.len() > MOST_BYTES {
        let message = format!("the query has {} bytes; at most {MOST_BYTES} can be sent", text.len());
        return Err(vec![SyntaxError::new(Span::at(0), message)]);
    }
    let root = parser::parse(text, target).map_err(|error| vec![error])?;
    let errors = check::check(&root, target);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Expression { text: text.to_string(), root })
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

    /// Kind and stretch of every node, in the order in which Prometheus walks them.
    pub fn nodes(&self) -> Vec<(&'static str, Span)> {
        let mut all = Vec::new();
        let mut stack = vec![&self.root];
        while let Some(node) = stack.pop() {
            all.push((print::kind_name(node), node.span));
            if let ast::Kind::Range(inner, _) = &node.kind {
                stack.push(inner);
                continue;
            }
            stack.extend(node.children().into_iter().rev());
        }
        all
    }
}

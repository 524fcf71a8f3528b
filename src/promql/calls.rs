//! Aggregations, and the functions that calls name.

use super::ast::*;
use super::functions::{self, AGGREGATIONS, Aggregation, Function};
use super::keyword::Keyword;
use super::parser::{Parsed, Parser};
use super::token::Token;
use super::{ErrorKind, SyntaxError, metricsql};
use crate::source::Span;

/// The function of that name; an error is noted where there is none, or not for this Prometheus.
pub(super) fn function(parser: &mut Parser<'_>, name: &str, span: Span) -> &'static Function {
    let Some(function) = functions::find(name) else {
        let error = SyntaxError::new(span, format!("there is no function `{name}`"));
        parser.note(match metricsql::advice(name) {
            Some(advice) => error.of(ErrorKind::Dialect).help(advice),
            None => {
                let known = functions::names().chain(AGGREGATIONS.iter().map(|aggregation| aggregation.name));
                // Names of another length are not meant, and not worth the comparison.
                let near = known.filter(|word| word.len().abs_diff(name.len()) <= 1 + name.len() / 4);
                match crate::finding::nearest(name, near) {
                    Some(word) => error.help(format!("did you mean `{word}`?")),
                    None => error,
                }
            }
        });
        return &functions::UNKNOWN;
    };
    parser.needs(span, format_args!("`{name}`"), function.since);
    if function.experimental {
        parser.needs_flag(span, format_args!("`{name}`"), "promql-experimental-functions");
    }
    function
}

/// What stands in `by (…)` or `without (…)`.
struct Grouping {
    without: bool,
    labels: Vec<String>,
    span: Span,
}

impl Parser<'_> {
    /// Behind the name of an aggregation.
    pub(super) fn aggregate(
        &mut self,
        aggregation: &'static Aggregation,
        operator_span: Span,
    ) -> Parsed<Node> {
        let mut grouping = self.grouping()?;
        let mut arguments = self.arguments()?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let span = Span::new(operator_span.start as usize, self.end);
        let operator = aggregation.name;
        let wanted = 1 + usize::from(aggregation.parameter.is_some());
        if aggregation.experimental && !arguments.is_empty() {
            self.needs(span, format_args!("`{operator}`"), (2, 54));
            self.needs_flag(span, format_args!("`{operator}`"), "promql-experimental-functions");
        }
        if arguments.len() != wanted {
            let words = if wanted == 1 { "one argument" } else { "two arguments" };
            let given = match arguments.len() {
                0 => "here is none".to_string(),
                1 => "here is 1".to_string(),
                count => format!("here are {count}"),
            };
            self.note_late(SyntaxError::new(span, format!("`{operator}` takes {words}, and {given}")));
            // Something to stand in, until the errors are told.
            arguments.resize_with(wanted, || Node { span, kind: Kind::Text(String::new()) });
        }
        let expression = arguments.pop().expect("one or two arguments are there");
        let (without, labels, grouping_span) = match grouping {
            Some(grouping) => (grouping.without, grouping.labels, Some(grouping.span)),
            None => (false, Vec::new(), None),
        };
        Ok(Node {
            span,
            kind: Kind::Aggregate(Box::new(Aggregate {
                operator,
                operator_span,
                grouping: labels,
                grouping_span,
                without,
                parameter: arguments.pop(),
                expression,
            })),
        })
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = match self.token {
            Token::Keyword(Keyword::Without) => true,
            Token::Keyword(Keyword::By) => false,
            _ => return Ok(None),
        };
        let start = self.step();
        let labels = self.labels()?;
        Ok(Some(Grouping { without, labels, span: Span::new(start.start as usize, self.end) }))
    }
}

//! Reading selectors.

use super::ast::*;
use super::parser::{Parsed, Parser, Stop};
use super::token::Token;
use super::{ErrorKind, SyntaxError, regex, string};
use crate::source::Span;

impl Parser<'_> {
    /// A selector; `name` is the word before the braces and has been read.
    pub(super) fn selector(&mut self, name: Option<(&str, Span)>) -> Parsed<Node> {
        let start = name.map_or(self.span, |(_, span)| span);
        let mut selector = Selector { name: name.map(|(name, _)| name.to_string()), ..Selector::default() };
        if self.token == Token::LeftBrace {
            self.matchers(&mut selector)?;
        }
        let span = Span::new(start.start as usize, self.end);
        Ok(Node { span, kind: Kind::Selector(selector) })
    }

    /// `{…}`. After a matcher that cannot be read, the next one is tried: the borders are clear.
    fn matchers(&mut self, selector: &mut Selector) -> Parsed<()> {
        self.step();
        let mut readable = true;
        while self.token != Token::RightBrace {
            if self.matcher(selector).is_err() {
                readable = false;
                self.skip_matcher()?;
            }
            if self.token == Token::Comma {
                self.step();
            } else if self.token != Token::RightBrace {
                self.unexpected("`,` or `}`");
                readable = false;
                self.skip_matcher()?;
                if self.token == Token::Comma {
                    self.step();
                }
            }
        }
        self.step();
        if readable { Ok(()) } else { Err(Stop) }
    }

    fn skip_matcher(&mut self) -> Parsed<()> {
        loop {
            match self.token {
                Token::Comma | Token::RightBrace => return Ok(()),
                Token::End | Token::Failure => {
                    return Err(Stop);
                }
                _ => self.step(),
            };
        }
    }

    fn matcher(&mut self, selector: &mut Selector) -> Parsed<()> {
        let (written, start) = (self.written(), self.span);
        let quoted = self.token == Token::Text;
        let name = match self.token {
            Token::Identifier => written.to_string(),
            Token::Text => string::unquote(written),
            _ => return Err(self.unexpected("a label or `}`")),
        };
        self.step();
        let operator = match self.token {
            Token::Assign => MatchOperator::Equal,
            Token::Operator(Operator::NotEqual) => MatchOperator::NotEqual,
            Token::RegexMatch => MatchOperator::RegexMatch,
            Token::RegexNotMatch => MatchOperator::RegexNotMatch,
            _ if quoted => {
                self.needs(start, "a quoted metric name", (3, 0));
                set_name(selector, name, start);
                return Ok(());
            }
            _ => return Err(self.unexpected("`=`, `!=`, `=~` or `!~`")),
        };
        if quoted {
            self.needs(start, "a quoted label", (3, 0));
        }
        self.step();
        let value_span = self.span;
        if self.token != Token::Text {
            return Err(self.unexpected("a text in quotes"));
        }
        let value = string::unquote(self.written());
        let span = start.to(value_span);
        if matches!(operator, MatchOperator::RegexMatch | MatchOperator::RegexNotMatch)
            && let Err(problem) = regex::check(&value)
        {
            let message = format!("the pattern cannot be read: {problem}");
            let mut error = SyntaxError::new(span, message).of(ErrorKind::Pattern);
            error.mark = value_span;
            self.note(error);
        }
        self.step();
        selector.matchers.push(Matcher { name, operator, value, span, value_span });
        Ok(())
    }
}

/// A name in quotes. The first names the metric; any other one is a matcher like others.
fn set_name(selector: &mut Selector, name: String, span: Span) {
    if selector.name.is_none() && !name.is_empty() {
        (selector.name, selector.is_quoted) = (Some(name), true);
        return;
    }
    let (value_span, operator) = (span, MatchOperator::Equal);
    selector.matchers.push(Matcher { name: "__name__".to_string(), operator, value: name, span, value_span });
}

impl Selector {
    /// The name of the metric, also where a matcher says it: `{__name__="x"}`.
    pub fn metric(&self) -> Option<&str> {
        let says =
            |matcher: &&Matcher| matcher.name == "__name__" && matcher.operator == MatchOperator::Equal;
        self.name.as_deref().or_else(|| self.matchers.iter().find(says).map(|matcher| matcher.value.as_str()))
    }
}

impl Matcher {
    /// Whether it leaves a quantile without the bucket `+Inf`, or with that one alone.
    ///
    /// Source: prometheus/prometheus promql/quantile.go, BucketQuantile: without +Inf at the end, or with fewer than
    /// two buckets, it is NaN.
    pub fn takes_buckets_away(&self) -> bool {
        self.name == "le"
            && match self.operator {
                MatchOperator::Equal => !self.value.is_empty(),
                MatchOperator::NotEqual => self.value == "+Inf",
                MatchOperator::RegexMatch => !self.value.contains("Inf") && !self.value.contains(['*', '+']),
                MatchOperator::RegexNotMatch => self.value.contains("Inf"),
            }
    }

    /// Whether a series without the label does not match.
    pub fn excludes_empty(&self) -> bool {
        match self.operator {
            MatchOperator::Equal => !self.value.is_empty(),
            MatchOperator::NotEqual => self.value.is_empty(),
            MatchOperator::RegexMatch => !regex::matches_empty(&self.value),
            MatchOperator::RegexNotMatch => regex::matches_empty(&self.value),
        }
    }
}

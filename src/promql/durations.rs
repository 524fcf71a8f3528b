//! Reading durations, and arithmetic with them.
//!
//! Source: prometheus/prometheus promql/parser/generated_parser.y, duration_expr and offset_duration_expr.

use super::SyntaxError;
use super::ast::*;
use super::keyword::Keyword;
use super::parser::{Parsed, Parser};
use super::token::Token;
use crate::source::Span;

const WANTED: &str = "a duration, such as 5m,";

/// Longest duration that fits into nanoseconds.
const MOST_SECONDS: f64 = i64::MAX as f64 / 1e9;

/// A duration while it is read.
struct Written {
    expression: DurationExpression,
    span: Span,
}

impl Written {
    fn number(&self) -> Option<f64> {
        match self.expression {
            DurationExpression::Number(seconds, _) => Some(seconds),
            _ => None,
        }
    }
}

impl Parser<'_> {
    /// A range or a step: longer than 0.
    pub(super) fn positive_duration(&mut self) -> Parsed<Duration> {
        let written = self.duration_expression(0)?;
        if written.number().is_some_and(|seconds| seconds <= 0.0) {
            let error = SyntaxError::new(written.span, "a range or a step must be longer than 0");
            self.note_late(error);
        }
        Ok(finished(written))
    }

    /// What stands behind `offset`, and where it ends. A number ends it: `metric offset 5m + 1` adds 1 to the metric;
    /// after parentheses or a second sign, arithmetic goes on.
    pub(super) fn offset_duration(&mut self) -> Parsed<(Duration, usize)> {
        if self.token == Token::LeftParen {
            let written = self.duration_expression(0)?;
            return Ok((finished(written), self.late_end()));
        }
        let Some((sign, span)) = self.sign() else {
            let written = self.duration_operand()?;
            return Ok((finished(written), self.end));
        };
        let goes_on = matches!(self.token, Token::Operator(Operator::Add | Operator::Subtract));
        let inner = self.duration_operand()?;
        let written = self.signed(sign, span, inner);
        if goes_on {
            let written = self.duration_tail(written, 0)?;
            return Ok((finished(written), self.late_end()));
        }
        Ok((finished(written), self.end))
    }

    /// Where Prometheus says that something ends once it has looked at the next token, which it counts in where that
    /// closes something.
    fn late_end(&self) -> usize {
        let closes = matches!(
            self.token,
            Token::RightBrace | Token::RightParen | Token::RightBracket | Token::Duration | Token::Number
        );
        if closes { self.span.end as usize } else { self.end }
    }

    fn sign(&mut self) -> Option<(Sign, Span)> {
        let sign = match self.token {
            Token::Operator(Operator::Add) => Sign::Plus,
            Token::Operator(Operator::Subtract) => Sign::Minus,
            _ => return None,
        };
        Some((sign, self.step()))
    }

    fn duration_expression(&mut self, least: u8) -> Parsed<Written> {
        self.deeper()?;
        let left = match self.sign() {
            Some((sign, span)) => {
                let inner = self.duration_expression(Operator::Power.precedence())?;
                self.signed(sign, span, inner)
            }
            None => self.duration_operand()?,
        };
        let whole = self.duration_tail(left, least)?;
        self.shallower();
        Ok(whole)
    }

    /// Operators behind `left`.
    fn duration_tail(&mut self, mut left: Written, least: u8) -> Parsed<Written> {
        loop {
            let Token::Operator(operator) = self.token else { return Ok(left) };
            let precedence = operator.precedence();
            let arithmetic = matches!(
                operator,
                Operator::Add
                    | Operator::Subtract
                    | Operator::Multiply
                    | Operator::Divide
                    | Operator::Modulo
                    | Operator::Power
            );
            if !arithmetic || precedence < least {
                return Ok(left);
            }
            let operator_span = self.step();
            let next = if operator == Operator::Power { precedence } else { precedence + 1 };
            let right = self.duration_expression(next)?;
            self.needs(left.span, "arithmetic with durations", (3, 14));
            let span = left.span.to(right.span);
            let divides = matches!(operator, Operator::Divide | Operator::Modulo);
            if divides && right.number() == Some(0.0) {
                self.note_late(SyntaxError::new(operator_span, "a duration is divided by 0"));
            }
            let (first, second) = (Box::new(left.expression), Box::new(right.expression));
            left = Written { expression: DurationExpression::Binary(operator.text(), first, second), span };
        }
    }

    fn signed(&mut self, sign: Sign, sign_span: Span, inner: Written) -> Written {
        let span = sign_span.to(inner.span);
        let expression = match (inner.expression, sign) {
            (DurationExpression::Number(seconds, unit), Sign::Minus) => {
                DurationExpression::Number(-seconds, unit)
            }
            (inner, Sign::Plus) => inner,
            (inner, Sign::Minus) => DurationExpression::Minus(Box::new(inner)),
        };
        Written { expression, span }
    }

    fn duration_operand(&mut self) -> Parsed<Written> {
        let start = self.span;
        match self.token {
            Token::Operator(Operator::Add | Operator::Subtract) => {
                self.duration_expression(Operator::Power.precedence())
            }
            Token::Number | Token::Duration => {
                let number = self.number()?;
                let mut seconds = number.value;
                if !number.is_duration {
                    self.needs(start, "a duration without a unit", (2, 54));
                }
                if seconds.abs() > MOST_SECONDS {
                    self.note(SyntaxError::new(start, "this duration is too long"));
                    seconds = 1.0;
                }
                Ok(Written {
                    expression: DurationExpression::Number(seconds, number.is_duration),
                    span: start,
                })
            }
            Token::LeftParen => {
                self.step();
                let inner = self.duration_expression(0)?;
                self.needs(inner.span, "arithmetic with durations", (3, 14));
                self.expect(Token::RightParen, "an operator or `)`")?;
                // As in Prometheus, parentheses around a number or around parentheses leave no trace.
                if matches!(inner.expression, DurationExpression::Number(..) | DurationExpression::Paren(_)) {
                    return Ok(inner);
                }
                Ok(Written {
                    expression: DurationExpression::Paren(Box::new(inner.expression)),
                    span: inner.span,
                })
            }
            Token::Keyword(keyword @ (Keyword::Step | Keyword::Range)) => {
                self.step();
                self.expect(Token::LeftParen, "`(`")?;
                self.expect(Token::RightParen, "`)`")?;
                let step = keyword == Keyword::Step;
                let expression = if step { DurationExpression::Step } else { DurationExpression::Range };
                let span = Span::new(start.start as usize, self.end);
                self.needs(span, "`step()` or `range()` as a duration", (3, 14));
                Ok(Written { expression, span })
            }
            Token::Keyword(keyword @ (Keyword::MinOf | Keyword::MaxOf)) => {
                self.step();
                self.expect(Token::LeftParen, "`(`")?;
                let first = self.duration_expression(0)?;
                self.expect(Token::Comma, "`,`")?;
                let second = self.duration_expression(0)?;
                self.expect(Token::RightParen, "an operator or `)`")?;
                let name = if keyword == Keyword::MinOf { "min_of" } else { "max_of" };
                let (first, second) = (Box::new(first.expression), Box::new(second.expression));
                let span = Span::new(start.start as usize, self.end);
                self.needs(span, format_args!("`{name}`"), (3, 14));
                Ok(Written { expression: DurationExpression::Function(name, first, second), span })
            }
            _ => Err(self.unexpected(WANTED)),
        }
    }
}

/// As the tree keeps it: nanoseconds where they are known.
fn finished(written: Written) -> Duration {
    match written.number() {
        Some(seconds) => Duration::Constant((seconds * 1e9).round() as i64),
        None => Duration::Computed(Box::new(written.expression)),
    }
}

//! Tokens in, tree out: precedence climbing.
//!
//! Errors that leave the text readable (an unknown function, a pattern that does not compile) are noted and the reading
//! goes on; after a token that fits nowhere it stops, but for matchers, which have clear borders.
//! Source of the grammar: prometheus/prometheus promql/parser/generated_parser.y.

use std::fmt::Display;

use super::ast::*;
use super::keyword::Keyword;
use super::token::{Lexer, Token};
use super::{ErrorKind, SyntaxError, Target, calls, duration, metricsql, string};
use crate::source::Span;

/// Deepest nesting of parentheses, calls and signs.
const MOST_DEPTH: usize = 128;
/// Most binary operators in one query: more than any person has written, few enough for every later walk.
const MOST_OPERATORS: usize = 1_024;

/// The reading cannot go on; the reason has been noted.
pub(super) struct Stop;

pub(super) type Parsed<T> = Result<T, Stop>;

/// The tree, if there is one, and every error in the order in which Prometheus finds them.
pub fn parse(text: &str, target: &Target) -> (Option<Node>, Vec<SyntaxError>) {
    let mut parser = Parser {
        text,
        lexer: Lexer::new(text),
        token: Token::End,
        span: Span::at(0),
        end: 0,
        depth: 0,
        operators: 0,
        target,
        errors: Vec::new(),
    };
    parser.advance();
    if parser.token == Token::End {
        let error = SyntaxError::new(Span::at(0), "there is no query here");
        return (None, vec![error.help("write at least the name of a metric")]);
    }
    let root = parser.query().ok();
    (root, parser.errors)
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    lexer: Lexer<'t>,
    pub(super) token: Token,
    pub(super) span: Span,
    /// Where the token before this one ends.
    pub(super) end: usize,
    depth: usize,
    operators: usize,
    pub(super) target: &'t Target,
    errors: Vec<SyntaxError>,
}

impl<'t> Parser<'t> {
    fn query(&mut self) -> Parsed<Node> {
        let root = self.expression(0)?;
        match self.token {
            Token::End => Ok(root),
            _ => Err(self.unexpected("an operator or the end of the query")),
        }
    }

    fn advance(&mut self) {
        (self.token, self.span) = self.lexer.next();
    }

    /// Takes the token.
    pub(super) fn step(&mut self) -> Span {
        let span = self.span;
        self.end = span.end as usize;
        self.advance();
        span
    }

    pub(super) fn written(&self) -> &'t str {
        &self.text[self.span.range()]
    }

    pub(super) fn is(&self, keyword: Keyword) -> bool {
        self.token == Token::Keyword(keyword)
    }

    pub(super) fn expect(&mut self, token: Token, what: &str) -> Parsed<Span> {
        if self.token == token { Ok(self.step()) } else { Err(self.unexpected(what)) }
    }

    /// Notes an error after which the text can still be read.
    pub(super) fn note(&mut self, error: SyntaxError) {
        self.errors.push(error);
    }

    /// Notes an error that Prometheus finds only after it has looked at the next token.
    pub(super) fn note_late(&mut self, error: SyntaxError) {
        self.note_failure();
        self.note(error);
    }

    /// Notes what the lexer stumbled over, once.
    fn note_failure(&mut self) {
        if self.token == Token::Failure
            && let Some(failure) = self.lexer.failure.take()
        {
            let mut error = SyntaxError::new(Span::new(failure.start, self.text.len()), failure.message);
            if self.text[failure.mark.range()].starts_with('$') {
                error.kind = ErrorKind::Dialect;
            }
            error.mark = failure.mark;
            error.help = failure.help;
            self.note(error);
        }
    }

    pub(super) fn unexpected(&mut self, expected: &str) -> Stop {
        if self.token == Token::Failure {
            self.note_failure();
            return Stop;
        }
        let found = match self.token {
            Token::End => "the query ends here".to_string(),
            _ => format!("`{}` stands here", self.written().escape_debug()),
        };
        let error = SyntaxError::new(self.span, format!("{found}, where {expected} is expected"));
        let rest = &self.text[self.span.range().end..];
        let template = |error: SyntaxError| {
            error.of(ErrorKind::Dialect).help("this looks like a template: render it first")
        };
        if let Some(advice) = metricsql::word(self.written()) {
            self.note(error.of(ErrorKind::Dialect).help(advice));
            return Stop;
        }
        let error = match self.token {
            Token::Assign => error.help("to compare there is `==`; matchers stand in braces"),
            Token::LeftBracket if rest.starts_with('$') => template(error),
            Token::LeftBrace if rest.starts_with('{') => template(error),
            _ => error,
        };
        self.note(error);
        Stop
    }

    pub(super) fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            let message = format!("the query is nested more than {MOST_DEPTH} levels deep");
            self.note(SyntaxError::new(self.span, message).help("split it into recording rules"));
            return Err(Stop);
        }
        Ok(())
    }

    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    /// Something that a newer Prometheus has.
    pub(super) fn needs(&mut self, span: Span, what: impl Display, version: (u16, u16)) {
        if self.target.version < version {
            let ((major, minor), (stated, minor_stated)) = (version, self.target.version);
            let message = format!(
                "{what} needs Prometheus {major}.{minor}, and the query is for {stated}.{minor_stated}"
            );
            self.note(SyntaxError { kind: ErrorKind::Feature, ..SyntaxError::new(span, message) });
        }
    }

    /// Something that has to be switched on.
    pub(super) fn needs_flag(&mut self, span: Span, what: impl Display, flag: &str) {
        if !self.target.experimental {
            let message = format!("{what} needs the feature flag {flag}");
            self.note(SyntaxError { kind: ErrorKind::Feature, ..SyntaxError::new(span, message) });
        }
    }

    /// An expression whose operators bind at least as tightly as `least`.
    pub(super) fn expression(&mut self, least: u8) -> Parsed<Node> {
        self.deeper()?;
        let mut left = self.unary()?;
        while let Some(operator) = self.operator() {
            let precedence = operator.precedence();
            if precedence < least {
                break;
            }
            self.operators += 1;
            if self.operators > MOST_OPERATORS {
                let message = format!("the query has more than {MOST_OPERATORS} operators");
                self.note(SyntaxError::new(self.span, message).help("split it into recording rules"));
                return Err(Stop);
            }
            let operator_span = self.step();
            let (returns_bool, matching) = self.operator_modifiers()?;
            // A power is grouped from the right, everything else from the left.
            let next = if operator == Operator::Power { precedence } else { precedence + 1 };
            let right = self.expression(next)?;
            let span = left.span.to(right.span);
            if matches!(operator, Operator::TrimUpper | Operator::TrimLower) {
                self.needs(operator_span, format_args!("`{}`", operator.text()), (3, 11));
            }
            if matching.as_ref().is_some_and(|matching| matching.fill != [None, None]) {
                self.needs(span, "`fill`", (3, 10));
                self.needs_flag(span, "`fill`", "promql-binop-fill-modifiers");
            }
            let binary = Binary { operator, operator_span, left, right, returns_bool, matching };
            left = Node { span, kind: Kind::Binary(Box::new(binary)) };
        }
        self.shallower();
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        match self.token {
            Token::Operator(operator) | Token::Keyword(Keyword::Operator(operator)) => Some(operator),
            _ => None,
        }
    }

    fn operator_modifiers(&mut self) -> Parsed<(bool, Option<Matching>)> {
        let returns_bool = self.is(Keyword::Bool);
        if returns_bool {
            self.step();
        }
        let start = self.span;
        let on = self.is(Keyword::On);
        let mut matching = Matching { span: start, on, labels: Vec::new(), group: None, fill: [None, None] };
        let matches = on || self.is(Keyword::Ignoring);
        if matches {
            self.step();
            matching.labels = self.labels()?;
            let left = self.is(Keyword::GroupLeft);
            if left || self.is(Keyword::GroupRight) {
                self.step();
                let include = if self.token == Token::LeftParen { self.labels()? } else { Vec::new() };
                matching.group = Some(Group { left, include });
            }
        }
        let fills = self.fill(&mut matching)?;
        matching.span = Span::new(start.start as usize, self.end.max(start.start as usize));
        Ok((returns_bool, (matches || fills).then_some(matching)))
    }

    /// `fill(0)`, or one or both of `fill_left(0)` and `fill_right(0)`.
    fn fill(&mut self, matching: &mut Matching) -> Parsed<bool> {
        let mut filled = false;
        while let Token::Keyword(keyword @ (Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)) =
            self.token
        {
            let side = usize::from(keyword == Keyword::FillRight);
            if keyword == Keyword::Fill && filled || matching.fill[side].is_some() {
                break;
            }
            self.step();
            self.expect(Token::LeftParen, "`(`")?;
            let minus = self.token == Token::Operator(Operator::Subtract);
            if minus || self.token == Token::Operator(Operator::Add) {
                self.step();
            }
            let value = self.number()?.value;
            let value = if minus { -value } else { value };
            self.expect(Token::RightParen, "`)`")?;
            filled = true;
            if keyword == Keyword::Fill {
                matching.fill = [Some(value), Some(value)];
                break;
            }
            matching.fill[side] = Some(value);
        }
        Ok(filled)
    }

    /// `(a, b)`.
    pub(super) fn labels(&mut self) -> Parsed<Vec<String>> {
        self.expect(Token::LeftParen, "`(` with labels")?;
        let mut labels = Vec::new();
        while self.token != Token::RightParen {
            let written = self.written();
            match self.token {
                // Source: generated_parser.y, maybe_label: every keyword but this one.
                Token::Keyword(Keyword::Without) => return Err(self.unexpected("a label")),
                Token::Identifier | Token::MetricName | Token::Keyword(_) => labels.push(written.to_string()),
                Token::Text => {
                    let label = string::unquote(written);
                    if label.is_empty() || string::has_raw_bytes(&label) {
                        self.note(SyntaxError::new(
                            self.span,
                            format!("{written} cannot be the name of a label"),
                        ));
                    }
                    labels.push(label);
                }
                _ => return Err(self.unexpected("a label")),
            }
            self.step();
            if self.token != Token::RightParen {
                self.expect(Token::Comma, "`,` or `)`")?;
                if labels.is_empty() {
                    break;
                }
            }
        }
        self.step();
        Ok(labels)
    }

    fn unary(&mut self) -> Parsed<Node> {
        let sign = match self.token {
            Token::Operator(Operator::Add) => Sign::Plus,
            Token::Operator(Operator::Subtract) => Sign::Minus,
            _ => return self.postfix(),
        };
        let start = self.step();
        // A sign binds as tightly as a product: -1 ^ 2 is -(1 ^ 2).
        let inner = self.expression(Operator::Power.precedence())?;
        let span = start.to(inner.span);
        if let Kind::Number(mut number) = inner.kind {
            if sign == Sign::Minus {
                number.value = -number.value;
            }
            return Ok(Node { span, kind: Kind::Number(number) });
        }
        Ok(Node { span, kind: Kind::Unary(sign, Box::new(inner)) })
    }

    /// A primary with ranges, offsets and times behind it.
    fn postfix(&mut self) -> Parsed<Node> {
        let mut node = self.primary()?;
        let mut count = 0;
        loop {
            node = match self.token {
                Token::LeftBracket => self.range(node)?,
                Token::Keyword(Keyword::Offset) => self.offset(node)?,
                Token::At => self.at_modifier(node)?,
                Token::Keyword(keyword @ (Keyword::Anchored | Keyword::Smoothed)) => {
                    self.extension(node, keyword)
                }
                _ => {
                    self.depth -= count;
                    return Ok(node);
                }
            };
            // Each may wrap the node: a chain of them nests as well.
            count += 1;
            self.deeper()?;
        }
    }

    fn primary(&mut self) -> Parsed<Node> {
        let span = self.span;
        match self.token {
            Token::Number | Token::Duration => Ok(Node { span, kind: Kind::Number(self.number()?) }),
            Token::Text => {
                let value = string::unquote(self.written());
                self.step();
                Ok(Node { span, kind: Kind::Text(value) })
            }
            Token::LeftParen => {
                self.step();
                let inner = self.expression(0)?;
                let end = self.expect(Token::RightParen, "an operator or `)`")?;
                Ok(Node { span: span.to(end), kind: Kind::Paren(Box::new(inner)) })
            }
            Token::LeftBrace => self.selector(None),
            Token::Identifier => {
                let name = (self.written(), self.step());
                if self.token == Token::LeftParen { self.call(name) } else { self.selector(Some(name)) }
            }
            Token::MetricName => {
                let name = (self.written(), self.step());
                self.selector(Some(name))
            }
            Token::Keyword(keyword) => self.keyword(keyword),
            _ => Err(self.unexpected("a metric, a function, a number or `(`")),
        }
    }

    /// A keyword where an operand is expected: an aggregation, a function, or the name of a metric.
    fn keyword(&mut self, keyword: Keyword) -> Parsed<Node> {
        if !keyword.names_a_metric() {
            return Err(self.unexpected("a metric, a function, a number or `(`"));
        }
        let name = (self.written(), self.step());
        let paren = self.token == Token::LeftParen;
        match keyword.aggregation() {
            Some(aggregation) if paren || self.is(Keyword::By) || self.is(Keyword::Without) => {
                self.aggregate(aggregation, name.1)
            }
            None if paren && keyword.names_a_function() => self.call(name),
            _ => self.selector(Some(name)),
        }
    }

    /// A number, or a duration as a number of seconds.
    pub(super) fn number(&mut self) -> Parsed<Number> {
        let (written, span) = (self.written(), self.span);
        let is_duration = self.token == Token::Duration;
        let value = match self.token {
            Token::Duration => duration::milliseconds(written).map(|value| value as f64 / 1_000.0),
            Token::Number => duration::number(written),
            _ => return Err(self.unexpected("a number")),
        };
        let value = value.unwrap_or_else(|| {
            let message = format!("`{written}` is not a number that can be counted with");
            let help = "it may be too large, or the units of a duration may not descend";
            self.note(SyntaxError::new(span, message).help(help));
            1.0
        });
        self.step();
        Ok(Number { value, is_duration })
    }

    fn call(&mut self, (name, name_span): (&'t str, Span)) -> Parsed<Node> {
        let arguments = self.arguments()?;
        let function = calls::function(self, name, name_span);
        let span = Span::new(name_span.start as usize, self.end);
        Ok(Node { span, kind: Kind::Call(Call { function, name_span, arguments }) })
    }

    /// `(a, b)`.
    pub(super) fn arguments(&mut self) -> Parsed<Vec<Node>> {
        self.expect(Token::LeftParen, "`(`")?;
        let mut arguments = Vec::new();
        if self.token != Token::RightParen {
            arguments.push(self.expression(0)?);
        }
        while self.token == Token::Comma {
            let comma = self.step();
            if self.starts_expression() {
                arguments.push(self.expression(0)?);
            } else {
                self.note_late(SyntaxError::new(comma, "a comma stands here, and no argument follows it"));
            }
        }
        self.expect(Token::RightParen, "`,` or `)`")?;
        Ok(arguments)
    }

    fn starts_expression(&self) -> bool {
        match self.token {
            Token::Identifier
            | Token::MetricName
            | Token::Number
            | Token::Duration
            | Token::Text
            | Token::LeftParen
            | Token::LeftBrace
            | Token::Operator(Operator::Add | Operator::Subtract) => true,
            Token::Keyword(keyword) => keyword.names_a_metric(),
            _ => false,
        }
    }
}

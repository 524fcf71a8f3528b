//! Tokens in, tree out: precedence climbing.
//!
//! Source of the grammar: prometheus/prometheus promql/parser/generated_parser.y.

use super::ast::*;
use super::token::{Token, tokens};
use super::{SyntaxError, Target, duration, functions, string};
use crate::source::Span;

/// Deepest nesting of parentheses, calls and signs.
const MOST_DEPTH: usize = 128;
/// Most binary operators in one query: more than any person has written, few enough for every later walk.
const MOST_OPERATORS: usize = 1_024;

type Parsed<T> = Result<T, SyntaxError>;

pub fn parse(text: &str, target: &Target) -> Parsed<Node> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, operators: 0, target };
    if parser.token() == Token::End {
        return Err(SyntaxError::new(Span::at(0), "there is no query here")
            .help("write at least the name of a metric"));
    }
    let root = parser.expression(0)?;
    match parser.token() {
        Token::End => Ok(root),
        _ => Err(parser.unexpected("an operator or the end of the query")),
    }
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    tokens: Vec<(Token, Span)>,
    at: usize,
    pub(super) depth: usize,
    operators: usize,
    target: &'t Target,
}

impl<'t> Parser<'t> {
    pub(super) fn token(&self) -> Token {
        self.tokens[self.at].0
    }

    fn token_after(&self) -> Token {
        self.tokens.get(self.at + 1).map_or(Token::End, |(token, _)| *token)
    }

    pub(super) fn span(&self) -> Span {
        self.tokens[self.at].1
    }

    /// End of the token before this one.
    pub(super) fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].1.end as usize)
    }

    pub(super) fn written(&self) -> &'t str {
        &self.text[self.span().range()]
    }

    pub(super) fn step(&mut self) -> Span {
        let span = self.span();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        span
    }

    pub(super) fn expect(&mut self, token: Token, what: &str) -> Parsed<Span> {
        if self.token() == token { Ok(self.step()) } else { Err(self.unexpected(what)) }
    }

    /// Whether the word here is this keyword; keywords do not care about case.
    fn is_word(&self, word: &str) -> bool {
        self.token() == Token::Word && self.written().eq_ignore_ascii_case(word)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.step();
        }
        is
    }

    pub(super) fn unexpected(&self, expected: &str) -> SyntaxError {
        let found = match self.token() {
            Token::End => "the query ends here".to_string(),
            _ => format!("`{}` stands here", self.written().escape_debug()),
        };
        let error = SyntaxError::new(self.span(), format!("{found}, where {expected} is expected"));
        match (self.token(), self.written()) {
            (Token::Assign, _) => error.help("to compare there is `==`; matchers stand in braces"),
            (Token::LeftBracket, _) if self.text[self.span().range().end..].starts_with("$") => {
                error.help("this looks like a template: render it first")
            }
            _ => error,
        }
    }

    pub(super) fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            let message = format!("the query is nested more than {MOST_DEPTH} levels deep");
            return Err(SyntaxError::new(self.span(), message).help("split it into recording rules"));
        }
        Ok(())
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
                return Err(SyntaxError::new(self.span(), message).help("split it into recording rules"));
            }
            let operator_span = self.step();
            let (returns_bool, matching) = self.modifiers_of_operator()?;
            // A power is grouped from the right, everything else from the left.
            let next = if operator == Operator::Power { precedence } else { precedence + 1 };
            let right = self.expression(next)?;
            left = Node {
                span: left.span.to(right.span),
                kind: Kind::Binary(Box::new(Binary {
                    operator,
                    operator_span,
                    left,
                    right,
                    returns_bool,
                    matching,
                })),
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        Some(match self.token() {
            Token::Add => Operator::Add,
            Token::Subtract => Operator::Subtract,
            Token::Multiply => Operator::Multiply,
            Token::Divide => Operator::Divide,
            Token::Modulo => Operator::Modulo,
            Token::Power => Operator::Power,
            Token::Equal => Operator::Equal,
            Token::NotEqual => Operator::NotEqual,
            Token::Less => Operator::Less,
            Token::LessEqual => Operator::LessEqual,
            Token::Greater => Operator::Greater,
            Token::GreaterEqual => Operator::GreaterEqual,
            Token::TrimUpper => Operator::TrimUpper,
            Token::TrimLower => Operator::TrimLower,
            Token::Word => match self.written().to_ascii_lowercase().as_str() {
                "and" => Operator::And,
                "or" => Operator::Or,
                "unless" => Operator::Unless,
                "atan2" => Operator::Atan2,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn modifiers_of_operator(&mut self) -> Parsed<(bool, Option<Matching>)> {
        let returns_bool = self.eat_word("bool");
        let on = self.is_word("on");
        if !on && !self.is_word("ignoring") {
            return Ok((returns_bool, None));
        }
        self.step();
        let labels = self.labels()?;
        let left = self.is_word("group_left");
        let group = if left || self.is_word("group_right") {
            self.step();
            let include = if self.token() == Token::LeftParen { self.labels()? } else { Vec::new() };
            Some(Group { left, include })
        } else {
            None
        };
        Ok((returns_bool, Some(Matching { on, labels, group })))
    }

    /// `(a, b)`.
    fn labels(&mut self) -> Parsed<Vec<String>> {
        self.expect(Token::LeftParen, "`(` with labels")?;
        let mut labels = Vec::new();
        while self.token() != Token::RightParen {
            let written = self.written();
            let label = match self.token() {
                Token::Word if !is_number_word(written) => written.to_string(),
                Token::Text => string::unquote(written, self.span().start as usize)?,
                _ => return Err(self.unexpected("a label")),
            };
            if label.is_empty() {
                return Err(SyntaxError::new(self.span(), "a label without a name"));
            }
            self.step();
            labels.push(label);
            if self.token() != Token::RightParen {
                self.expect(Token::Comma, "`,` or `)`")?;
            }
        }
        self.step();
        Ok(labels)
    }

    fn unary(&mut self) -> Parsed<Node> {
        let sign = match self.token() {
            Token::Add => Sign::Plus,
            Token::Subtract => Sign::Minus,
            _ => return self.postfix(),
        };
        let start = self.step();
        // A sign binds as tightly as a product: -1 ^ 2 is -(1 ^ 2).
        let inner = self.expression(Operator::Power.precedence())?;
        let span = start.to(inner.span);
        if let Kind::Number(value) = inner.kind {
            let value = if sign == Sign::Minus { -value } else { value };
            return Ok(Node { span, kind: Kind::Number(value) });
        }
        Ok(Node { span, kind: Kind::Unary(sign, Box::new(inner)) })
    }

    /// A primary with ranges, offsets and times behind it.
    fn postfix(&mut self) -> Parsed<Node> {
        let mut node = self.primary()?;
        loop {
            if self.token() == Token::LeftBracket {
                node = self.range(node)?;
            } else if self.is_word("offset") {
                node = self.offset(node)?;
            } else if self.token() == Token::At {
                node = self.at_modifier(node)?;
            } else if (self.is_word("anchored") || self.is_word("smoothed"))
                && matches!(node.kind, Kind::Selector(_) | Kind::Range(..))
            {
                let message =
                    format!("`{}` needs the feature flag promql-extended-range-selectors", self.written());
                return Err(SyntaxError::new(self.span(), message));
            } else {
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Parsed<Node> {
        let span = self.span();
        match self.token() {
            Token::Number | Token::Duration => {
                let value = self.number_token()?;
                Ok(Node { span, kind: Kind::Number(value) })
            }
            Token::Text => {
                let value = string::unquote(self.written(), span.start as usize)?;
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
            Token::Word => self.word(),
            _ => Err(self.unexpected("a metric, a function, a number or `(`")),
        }
    }

    /// A number, or a duration as a number of seconds.
    pub(super) fn number_token(&mut self) -> Parsed<f64> {
        let (written, span) = (self.written(), self.span());
        let value = if self.token() == Token::Duration {
            self.needs(span, "a duration as a number", 2, 54)?;
            duration::milliseconds(written).map(|value| value as f64 / 1_000.0)
        } else {
            if written.contains('_') {
                self.needs(span, "`_` in a number", 2, 54)?;
            }
            duration::number(written)
        };
        let value = value.ok_or_else(|| {
            SyntaxError::new(span, format!("`{written}` is not a number that can be counted with"))
                .help("it may be too large, or the units of a duration may not descend")
        })?;
        self.step();
        Ok(value)
    }

    /// Something that a newer Prometheus has.
    pub(super) fn needs(&self, span: Span, what: &str, major: u16, minor: u16) -> Parsed<()> {
        if self.target.at_least(major, minor) {
            return Ok(());
        }
        let (stated, minor_stated) = self.target.version;
        Err(SyntaxError::new(
            span,
            format!("{what} needs Prometheus {major}.{minor}, and the query is for {stated}.{minor_stated}"),
        ))
    }

    fn word(&mut self) -> Parsed<Node> {
        let (written, span, after) = (self.written(), self.span(), self.token_after());
        let lower = written.to_ascii_lowercase();
        if is_number_word(written) {
            self.step();
            let value = if lower == "inf" { f64::INFINITY } else { f64::NAN };
            return Ok(Node { span, kind: Kind::Number(value) });
        }
        let aggregation = functions::AGGREGATIONS.iter().find(|(name, ..)| *name == lower);
        if let Some((operator, parameter, experimental)) = aggregation {
            let next = self.tokens.get(self.at + 1).map(|(_, span)| &self.text[span.range()]).unwrap_or("");
            let grouped = next.eq_ignore_ascii_case("by") || next.eq_ignore_ascii_case("without");
            if after == Token::LeftParen || grouped {
                if *experimental && !self.target.experimental {
                    return Err(SyntaxError::new(
                        span,
                        format!("`{operator}` needs the feature flag promql-experimental-functions"),
                    ));
                }
                return self.aggregate(operator, parameter.is_some());
            }
        }
        if after == Token::LeftParen {
            return self.call();
        }
        // Source: generated_parser.y, metric_identifier: these keywords are no names of metrics.
        if ["bool", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "atan2"]
            .contains(&lower.as_str())
            && !["and", "or", "unless"].contains(&lower.as_str())
        {
            return Err(self.unexpected("a metric, a function, a number or `(`"));
        }
        self.step();
        self.selector(Some((written, span)))
    }

    fn call(&mut self) -> Parsed<Node> {
        let (name, name_span) = (self.written(), self.span());
        let function = functions::find(name).ok_or_else(|| {
            let error = SyntaxError::new(name_span, format!("there is no function `{name}`"));
            let aggregations = functions::AGGREGATIONS.iter().map(|(name, ..)| *name);
            match (name, crate::finding::nearest(name, functions::names().chain(aggregations))) {
                ("holt_winters", _) => {
                    error.help("since Prometheus 3.0 it is called `double_exponential_smoothing`")
                }
                (_, Some(word)) => error.help(format!("did you mean `{word}`?")),
                _ => error,
            }
        })?;
        let (major, minor) = function.since;
        self.needs(name_span, &format!("`{name}`"), major, minor)?;
        if function.experimental && !self.target.experimental {
            let message = format!("`{name}` needs the feature flag promql-experimental-functions");
            return Err(SyntaxError::new(name_span, message));
        }
        self.step();
        let arguments = self.arguments()?;
        Ok(Node {
            span: Span::new(name_span.start as usize, self.end()),
            kind: Kind::Call(Call { function, name_span, arguments }),
        })
    }

    /// `(a, b)`.
    fn arguments(&mut self) -> Parsed<Vec<Node>> {
        self.expect(Token::LeftParen, "`(`")?;
        let mut arguments = Vec::new();
        while self.token() != Token::RightParen {
            arguments.push(self.expression(0)?);
            if self.token() == Token::RightParen {
                break;
            }
            self.expect(Token::Comma, "`,` or `)`")?;
            if self.token() == Token::RightParen {
                let span = self.tokens[self.at - 1].1;
                return Err(SyntaxError::new(span, "a comma stands here, and no argument follows it"));
            }
        }
        self.step();
        Ok(arguments)
    }

    fn aggregate(&mut self, operator: &'static str, has_parameter: bool) -> Parsed<Node> {
        let operator_span = self.step();
        let mut grouping = self.grouping()?;
        let open = self.span();
        let mut arguments = self.arguments()?;
        let close = self.end();
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let wanted = 1 + usize::from(has_parameter);
        if arguments.len() != wanted {
            let words = if wanted == 1 { "one argument" } else { "two arguments" };
            return Err(SyntaxError::new(
                Span::new(open.start as usize, close),
                format!("`{operator}` takes {words}, and here are {}", arguments.len()),
            ));
        }
        let expression = arguments.pop().expect("counted above");
        let (without, labels, grouping_span) = match grouping {
            Some((without, labels, span)) => (without, labels, Some(span)),
            None => (false, Vec::new(), None),
        };
        Ok(Node {
            span: Span::new(operator_span.start as usize, self.end()),
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

    fn grouping(&mut self) -> Parsed<Option<(bool, Vec<String>, Span)>> {
        let without = self.is_word("without");
        if !without && !self.is_word("by") {
            return Ok(None);
        }
        let start = self.step();
        let labels = self.labels()?;
        Ok(Some((without, labels, Span::new(start.start as usize, self.end()))))
    }
}

fn is_number_word(word: &str) -> bool {
    word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan")
}

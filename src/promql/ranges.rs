//! What stands behind an operand: ranges, subqueries, offsets, times.

use super::ast::*;
use super::keyword::Keyword;
use super::parser::{Parsed, Parser};
use super::token::Token;
use super::{ErrorKind, SyntaxError};
use crate::source::Span;

const NO_RANGE: &str = "only a metric has a range";

impl Parser<'_> {
    /// `[5m]` or `[5m:30s]` behind `node`.
    pub(super) fn range(&mut self, node: Node) -> Parsed<Node> {
        let open = self.step();
        let range = self.positive_duration()?;
        let start = node.span.start as usize;
        if self.token == Token::Colon {
            self.step();
            let step = if self.token == Token::RightBracket { None } else { Some(self.positive_duration()?) };
            self.expect(Token::RightBracket, "`]`")?;
            let modifiers = Modifiers::default();
            let subquery = Subquery { expression: node, range, step, modifiers };
            return Ok(Node { span: Span::new(start, self.end), kind: Kind::Subquery(Box::new(subquery)) });
        }
        self.expect(Token::RightBracket, "`]` or `:`")?;
        let brackets = Span::new(open.start as usize, self.end);
        match &node.kind {
            Kind::Selector(Selector {
                modifiers: Modifiers { offset: Some(Duration::Constant(offset)), .. },
                ..
            }) if *offset != 0 => {
                let error = SyntaxError::new(brackets, "`offset` belongs behind the range");
                self.note(error.help("write `metric[5m] offset 1h`"));
            }
            Kind::Selector(Selector { modifiers: Modifiers { at: Some(At::Time(_)), .. }, .. }) => {
                let error = SyntaxError::new(brackets, "`@` belongs behind the range");
                self.note(error.help("write `metric[5m] @ 1700000000`"));
            }
            Kind::Selector(_) => {}
            _ => {
                let error = SyntaxError::new(brackets, NO_RANGE);
                let window = self.text.get(open.end as usize..self.end.saturating_sub(1)).unwrap_or_default();
                let window = if window.len() <= 8 { window.trim() } else { "5m" };
                self.note(error.help(format!("for an expression there is the subquery: `[{window}:]`")));
            }
        }
        Ok(Node { span: Span::new(start, self.end), kind: Kind::Range(Box::new(node), range) })
    }

    pub(super) fn offset(&mut self, mut node: Node) -> Parsed<Node> {
        self.step();
        let (offset, end) = self.offset_duration()?;
        let span = node.span;
        let Some(modifiers) = self.modifiers_of(&mut node, "offset") else { return Ok(node) };
        if !matches!(modifiers.offset, None | Some(Duration::Constant(0))) {
            self.note_late(SyntaxError::new(span, "`offset` stands behind this twice"));
        }
        modifiers.offset = Some(offset);
        node.span.end = end as u32;
        Ok(node)
    }

    pub(super) fn at_modifier(&mut self, mut node: Node) -> Parsed<Node> {
        self.step();
        let at = self.moment(node.span)?;
        let span = node.span;
        let Some(modifiers) = self.modifiers_of(&mut node, "@") else { return Ok(node) };
        if modifiers.at.is_some() {
            self.note(SyntaxError::new(span, "`@` stands behind this twice"));
            return Ok(node);
        }
        modifiers.at = Some(at);
        node.span.end = self.end as u32;
        Ok(node)
    }

    fn moment(&mut self, before: Span) -> Parsed<At> {
        let named = match self.token {
            Token::Keyword(Keyword::Start) => Some(At::Start),
            Token::Keyword(Keyword::End) => Some(At::End),
            _ => None,
        };
        if let Some(at) = named {
            self.step();
            self.expect(Token::LeftParen, "`(`")?;
            self.expect(Token::RightParen, "`)`")?;
            return Ok(at);
        }
        let start = self.span;
        let minus = self.token == Token::Operator(Operator::Subtract);
        if minus || self.token == Token::Operator(Operator::Add) {
            self.step();
        } else if !matches!(self.token, Token::Number | Token::Duration) {
            return Err(self.unexpected("a time in seconds, `start()` or `end()`"));
        }
        let value = self.number()?.value;
        let value = if minus { -value } else { value };
        // Source: prometheus/prometheus promql/parser/parse.go, setTimestamp.
        if !value.is_finite() || value >= i64::MAX as f64 || value <= i64::MIN as f64 {
            let mut error = SyntaxError::new(before, "this time is out of bounds");
            error.mark = Span::new(start.start as usize, self.end);
            self.note(error);
        }
        let milliseconds = (value * 1_000.0).round();
        // Go's conversion on amd64 where it does not fit.
        let fits = milliseconds.abs() < i64::MAX as f64;
        Ok(At::Time(if fits { milliseconds as i64 } else { i64::MIN }))
    }

    /// `anchored` or `smoothed` behind `node`.
    pub(super) fn extension(&mut self, mut node: Node, keyword: Keyword) -> Node {
        let word = self.written().to_ascii_lowercase();
        let mark = self.step();
        if !self.target.experimental {
            let message = format!("`{word}` needs the feature flag promql-extended-range-selectors");
            let error = SyntaxError::new(node.span, message);
            self.note(SyntaxError { kind: ErrorKind::Feature, mark, ..error });
            return node;
        }
        self.needs(mark, format_args!("`{word}`"), (3, 7));
        let wanted = if keyword == Keyword::Anchored { Extension::Anchored } else { Extension::Smoothed };
        let span = node.span;
        match &mut node.kind {
            Kind::Selector(selector) => self.extend(&mut selector.modifiers, wanted, span),
            Kind::Range(inner, _) => {
                if let Kind::Selector(selector) = &mut inner.kind {
                    self.extend(&mut selector.modifiers, wanted, span);
                }
            }
            _ => {
                let mut error =
                    SyntaxError::new(span, format!("`{word}` belongs behind a metric or its range"));
                error.mark = mark;
                self.note(error);
            }
        }
        node
    }

    fn extend(&mut self, modifiers: &mut Modifiers, wanted: Extension, span: Span) {
        if modifiers.extension.is_some_and(|other| other != wanted) {
            self.note(SyntaxError::new(span, "`anchored` and `smoothed` exclude each other"));
        }
        modifiers.extension = Some(wanted);
    }

    /// The modifiers of what can have some.
    fn modifiers_of<'n>(&mut self, node: &'n mut Node, word: &str) -> Option<&'n mut Modifiers> {
        let span = node.span;
        match &mut node.kind {
            Kind::Selector(selector) => Some(&mut selector.modifiers),
            Kind::Subquery(subquery) => Some(&mut subquery.modifiers),
            Kind::Range(inner, _) => match &mut inner.kind {
                Kind::Selector(selector) => Some(&mut selector.modifiers),
                _ => {
                    self.note(SyntaxError::new(span, NO_RANGE));
                    None
                }
            },
            _ => {
                let message = format!("`{word}` belongs behind a metric, a range or a subquery");
                self.note_late(SyntaxError::new(span, message));
                None
            }
        }
    }
}

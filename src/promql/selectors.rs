//! Selectors: reading them, with ranges, offsets and times; and a view of them for everybody else.

use super::ast::*;
use super::parser::Parser;
use super::token::Token;
use super::{SyntaxError, duration, names, regex, string};
use crate::source::Span;

type Parsed<T> = Result<T, SyntaxError>;

/// A selector as rules and the planner look at it.
#[derive(Clone, Debug)]
pub struct SelectorView {
    pub name: Option<String>,
    pub matchers: Vec<MatcherView>,
    /// Seconds of the range around it, if it has one that is constant.
    pub range: Option<f64>,
    pub span: Span,
}

pub type MatcherView = Matcher;

impl Expression {
    /// All selectors, from left to right.
    pub fn selectors(&self) -> Vec<SelectorView> {
        let mut all = Vec::new();
        let mut stack = vec![(&self.root, None)];
        while let Some((node, range)) = stack.pop() {
            match &node.kind {
                Kind::Selector(selector) => all.push(SelectorView {
                    name: selector.name.clone(),
                    matchers: selector.matchers.clone(),
                    range,
                    span: node.span,
                }),
                Kind::Range(inner, range) => stack.push((inner, range.seconds())),
                _ => stack.extend(node.children().into_iter().map(|child| (child, None))),
            }
        }
        all.sort_by_key(|selector| selector.span.start);
        all
    }

    /// Whether the whole query is one bare selector.
    pub fn root_is_selector(&self) -> bool {
        match &self.root.kind {
            Kind::Selector(selector) => {
                selector.modifiers.offset.is_none() && selector.modifiers.at.is_none()
            }
            _ => false,
        }
    }
}

impl Parser<'_> {
    /// A selector; `name` is the word before the braces and has been read.
    pub(super) fn selector(&mut self, name: Option<(&str, Span)>) -> Parsed<Node> {
        let start = name.map_or(self.span(), |(_, span)| span);
        let mut selector = Selector { name: name.map(|(name, _)| name.to_string()), ..Selector::default() };
        if self.token() == Token::LeftBrace {
            self.matchers(&mut selector)?;
        }
        let span = Span::new(start.start as usize, self.end());
        let empty = selector.name.is_none() && !selector.matchers.iter().any(says_something);
        if empty {
            return Err(SyntaxError::new(
                span,
                "a selector must have a name or a matcher that does not match the empty text",
            )
            .help("without it every series of the server is selected; write the name of the metric"));
        }
        Ok(Node { span, kind: Kind::Selector(selector) })
    }

    fn matchers(&mut self, selector: &mut Selector) -> Parsed<()> {
        self.step();
        while self.token() != Token::RightBrace {
            self.matcher(selector)?;
            if self.token() != Token::RightBrace {
                self.expect(Token::Comma, "`,` or `}`")?;
            }
        }
        self.step();
        Ok(())
    }

    fn matcher(&mut self, selector: &mut Selector) -> Parsed<()> {
        let (written, start) = (self.written(), self.span());
        let quoted = self.token() == Token::Text;
        let name = match self.token() {
            Token::Word if !written.contains(':') => written.to_string(),
            Token::Text => string::unquote(written, start.start as usize)?,
            _ => return Err(self.unexpected("a label or `}`")),
        };
        self.step();
        let operator = match self.token() {
            Token::Assign => MatchOperator::Equal,
            Token::NotEqual => MatchOperator::NotEqual,
            Token::RegexMatch => MatchOperator::RegexMatch,
            Token::RegexNotMatch => MatchOperator::RegexNotMatch,
            Token::Comma | Token::RightBrace if quoted => {
                self.needs(start, "a quoted metric name", 3, 0)?;
                return set_name(selector, name, start);
            }
            _ => {
                let error = self.unexpected("`=`, `!=`, `=~` or `!~`");
                return Err(match self.token() {
                    Token::Equal => error.help("write `=`"),
                    Token::Less | Token::Greater | Token::LessEqual | Token::GreaterEqual => {
                        error.help("labels are texts: they are equal, or they match a pattern")
                    }
                    _ => error,
                });
            }
        };
        if quoted {
            self.needs(start, "a quoted label", 3, 0)?;
        }
        self.step();
        let value_span = self.span();
        if self.token() != Token::Text {
            return Err(self.unexpected("a text in quotes"));
        }
        let value = string::unquote(self.written(), value_span.start as usize)?;
        self.step();
        if matches!(operator, MatchOperator::RegexMatch | MatchOperator::RegexNotMatch)
            && let Err(problem) = regex::check(&value)
        {
            return Err(SyntaxError::new(value_span, format!("the pattern cannot be read: {problem}")));
        }
        if name == "__name__" && selector.name.is_some() {
            return Err(twice(start));
        }
        selector.matchers.push(Matcher { name, operator, value, span: start.to(value_span) });
        Ok(())
    }

    /// `[5m]` or `[5m:30s]` behind `node`.
    pub(super) fn range(&mut self, node: Node) -> Parsed<Node> {
        self.deeper()?;
        self.depth -= 1;
        let open = self.step();
        let range = self.duration(true)?;
        if self.token() == Token::Colon {
            self.step();
            let step = if self.token() == Token::RightBracket { None } else { Some(self.duration(true)?) };
            self.expect(Token::RightBracket, "`]`")?;
            return Ok(Node {
                span: Span::new(node.span.start as usize, self.end()),
                kind: Kind::Subquery(Box::new(Subquery {
                    expression: node,
                    range,
                    step,
                    modifiers: Modifiers::default(),
                })),
            });
        }
        self.expect(Token::RightBracket, "`]` or `:`")?;
        let whole = Span::new(open.start as usize, self.end());
        match &node.kind {
            Kind::Selector(selector) if selector.modifiers.offset.is_some() => {
                Err(SyntaxError::new(whole, "`offset` belongs behind the range")
                    .help("write `metric[5m] offset 1h`"))
            }
            Kind::Selector(selector) if selector.modifiers.at.is_some() => {
                Err(SyntaxError::new(whole, "`@` belongs behind the range")
                    .help("write `metric[5m] @ end()`"))
            }
            Kind::Selector(_) => Ok(Node {
                span: Span::new(node.span.start as usize, self.end()),
                kind: Kind::Range(Box::new(node), range),
            }),
            _ => Err(SyntaxError::new(whole, "only a metric has a range")
                .help("for an expression there is the subquery: `[5m:]`")),
        }
    }

    pub(super) fn offset(&mut self, mut node: Node) -> Parsed<Node> {
        let keyword = self.step();
        let offset = self.duration(false)?;
        let modifiers = modifiers_of(&mut node).ok_or_else(|| {
            SyntaxError::new(keyword, "`offset` belongs behind a metric, a range or a subquery")
        })?;
        if modifiers.offset.is_some() {
            return Err(SyntaxError::new(keyword, "`offset` stands here twice"));
        }
        modifiers.offset = Some(offset);
        node.span.end = self.end() as u32;
        Ok(node)
    }

    pub(super) fn at_modifier(&mut self, mut node: Node) -> Parsed<Node> {
        let keyword = self.step();
        let at = self.moment()?;
        let modifiers = modifiers_of(&mut node)
            .ok_or_else(|| SyntaxError::new(keyword, "`@` belongs behind a metric, a range or a subquery"))?;
        if modifiers.at.is_some() {
            return Err(SyntaxError::new(keyword, "`@` stands here twice"));
        }
        modifiers.at = Some(at);
        node.span.end = self.end() as u32;
        Ok(node)
    }

    fn moment(&mut self) -> Parsed<At> {
        let word = self.written();
        let named = [("start", At::Start), ("end", At::End)]
            .into_iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name));
        if let Some((_, at)) = named {
            self.step();
            self.expect(Token::LeftParen, "`(`")?;
            self.expect(Token::RightParen, "`)`")?;
            return Ok(at);
        }
        let start = self.span();
        let minus = self.token() == Token::Subtract;
        if minus || self.token() == Token::Add {
            self.step();
        }
        if !matches!(self.token(), Token::Number | Token::Duration) {
            let infinite = ["inf", "nan"].iter().any(|name| self.written().eq_ignore_ascii_case(name));
            return Err(match infinite {
                true => SyntaxError::new(start.to(self.span()), "a time must be finite"),
                false => self.unexpected("a time, `start()` or `end()`"),
            });
        }
        let value = self.number_token()? * if minus { -1.0 } else { 1.0 };
        // Source: prometheus/prometheus promql/parser/parse.go, setTimestamp.
        if !value.is_finite() || value >= i64::MAX as f64 / 1_000.0 || value <= i64::MIN as f64 / 1_000.0 {
            return Err(SyntaxError::new(start, "this time is out of bounds"));
        }
        Ok(At::Time((value * 1_000.0).round() as i64))
    }

    /// A duration; a range or a step must be above 0.
    fn duration(&mut self, positive: bool) -> Parsed<Duration> {
        let start = self.span();
        let expression = if positive { self.duration_sum()? } else { self.duration_operand()? };
        let constant = match &expression {
            DurationExpression::Number(seconds, _) => Some(*seconds),
            DurationExpression::Unary(sign, inner) => match &**inner {
                DurationExpression::Number(seconds, _) => {
                    Some(if *sign == Sign::Minus { -seconds } else { *seconds })
                }
                _ => None,
            },
            _ => None,
        };
        let Some(seconds) = constant else {
            let span = Span::new(start.start as usize, self.end());
            self.needs(span, "arithmetic with durations", 3, 14)?;
            return Ok(Duration::Computed(Box::new(expression)));
        };
        let span = Span::new(start.start as usize, self.end());
        if positive && seconds <= 0.0 {
            return Err(SyntaxError::new(span, "a range must be longer than 0"));
        }
        let milliseconds = seconds * 1_000.0;
        if !milliseconds.is_finite() || milliseconds.abs() > i64::MAX as f64 / 1_000_000.0 {
            return Err(SyntaxError::new(span, "this duration is too long"));
        }
        Ok(Duration::Constant(milliseconds.round() as i64))
    }

    fn duration_sum(&mut self) -> Parsed<DurationExpression> {
        let mut left = self.duration_product()?;
        loop {
            let operator = match self.token() {
                Token::Add => "+",
                Token::Subtract => "-",
                _ => return Ok(left),
            };
            self.step();
            let right = self.duration_product()?;
            left = DurationExpression::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn duration_product(&mut self) -> Parsed<DurationExpression> {
        let mut left = self.duration_power()?;
        loop {
            let operator = match self.token() {
                Token::Multiply => "*",
                Token::Divide => "/",
                Token::Modulo => "%",
                _ => return Ok(left),
            };
            self.step();
            let right = self.duration_power()?;
            left = DurationExpression::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn duration_power(&mut self) -> Parsed<DurationExpression> {
        let left = self.duration_operand()?;
        if self.token() != Token::Power {
            return Ok(left);
        }
        self.step();
        self.deeper()?;
        let right = self.duration_power()?;
        self.depth -= 1;
        Ok(DurationExpression::Binary("^", Box::new(left), Box::new(right)))
    }

    fn duration_operand(&mut self) -> Parsed<DurationExpression> {
        self.deeper()?;
        let operand = self.duration_atom();
        self.depth -= 1;
        operand
    }

    fn duration_atom(&mut self) -> Parsed<DurationExpression> {
        match self.token() {
            Token::Add | Token::Subtract => {
                let sign = if self.token() == Token::Add { Sign::Plus } else { Sign::Minus };
                self.step();
                let inner = self.duration_operand()?;
                Ok(DurationExpression::Unary(sign, Box::new(inner)))
            }
            Token::Number | Token::Duration => {
                let with_unit = self.token() == Token::Duration;
                let written = self.written();
                let value = match with_unit {
                    true => duration::milliseconds(written).map(|value| value as f64 / 1_000.0),
                    false => duration::number(written),
                };
                let value = value.ok_or_else(|| {
                    SyntaxError::new(self.span(), format!("`{written}` is not a duration"))
                        .help("units descend and come once each, such as 1h30m")
                })?;
                if !with_unit {
                    self.needs(self.span(), "a duration without a unit", 2, 54)?;
                }
                self.step();
                Ok(DurationExpression::Number(value, with_unit))
            }
            Token::LeftParen => {
                self.step();
                let inner = self.duration_sum()?;
                self.expect(Token::RightParen, "`)`")?;
                Ok(DurationExpression::Paren(Box::new(inner)))
            }
            Token::Word => self.duration_function(),
            _ => Err(self.unexpected("a duration, such as 5m")),
        }
    }

    fn duration_function(&mut self) -> Parsed<DurationExpression> {
        let word = self.written().to_ascii_lowercase();
        let name = match word.as_str() {
            "step" | "range" => word.as_str(),
            "min_of" => "min_of",
            "max_of" => "max_of",
            _ => return Err(self.unexpected("a duration, such as 5m")),
        };
        let two = name.ends_with("_of");
        self.step();
        self.expect(Token::LeftParen, "`(`")?;
        let made = if two {
            let first = self.duration_sum()?;
            self.expect(Token::Comma, "`,`")?;
            let second = self.duration_sum()?;
            let function = if name == "min_of" { "min_of" } else { "max_of" };
            DurationExpression::Function(function, Box::new(first), Box::new(second))
        } else if name == "step" {
            DurationExpression::Step
        } else {
            DurationExpression::Range
        };
        self.expect(Token::RightParen, "`)`")?;
        Ok(made)
    }
}

fn set_name(selector: &mut Selector, name: String, span: Span) -> Parsed<()> {
    let named = selector.matchers.iter().any(|m| m.name == "__name__" && m.operator == MatchOperator::Equal);
    if selector.name.is_some() || named {
        return Err(twice(span));
    }
    if name.is_empty() {
        return Err(SyntaxError::new(span, "the name of a metric cannot be empty"));
    }
    selector.name = Some(name);
    Ok(())
}

fn twice(span: Span) -> SyntaxError {
    SyntaxError::new(span, "the name of the metric stands here a second time")
}

/// Whether a matcher does not match the empty text.
fn says_something(matcher: &Matcher) -> bool {
    match matcher.operator {
        MatchOperator::Equal => !matcher.value.is_empty(),
        MatchOperator::NotEqual => matcher.value.is_empty(),
        MatchOperator::RegexMatch => !regex::matches_empty(&matcher.value),
        MatchOperator::RegexNotMatch => regex::matches_empty(&matcher.value),
    }
}

fn modifiers_of(node: &mut Node) -> Option<&mut Modifiers> {
    match &mut node.kind {
        Kind::Selector(selector) => Some(&mut selector.modifiers),
        Kind::Range(inner, _) => modifiers_of(inner),
        Kind::Subquery(subquery) => Some(&mut subquery.modifiers),
        _ => None,
    }
}

/// A label as it must be written: quoted where it is no classic name.
pub(super) fn label_text(name: &str) -> String {
    if names::is_label_name(name) { name.to_string() } else { string::quote(name) }
}

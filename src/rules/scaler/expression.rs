//! The expression language of `scalingModifiers.formula`, read as far as the rules look at it.
//!
//! Source: expr-lang/expr docs/language-definition.md and parser/operator/operator.go (precedences).

use crate::source::Span;

/// A part of a formula, and where it stands.
#[derive(Debug)]
pub struct Term<'t> {
    pub span: Span,
    pub kind: Kind<'t>,
}

#[derive(Debug)]
pub enum Kind<'t> {
    Number(&'t str),
    Text,
    Truth,
    Nil,
    /// A variable: a bare name, or `$env["name"]`.
    Name(&'t str),
    /// `[…]`, `{…}`
    List(Vec<Term<'t>>),
    Map(Vec<Term<'t>>),
    /// `{…}` after the list that a function goes through; what it names begins with `#`.
    Predicate(Box<Term<'t>>),
    Unary(&'t str, Box<Term<'t>>),
    Binary(&'t str, Box<Term<'t>>, Box<Term<'t>>),
    /// Condition, then, else.
    Choice(Box<Term<'t>>, Box<Term<'t>>, Box<Term<'t>>),
    Call(&'t str, Vec<Term<'t>>),
    /// A member or an element: what it is taken from, and by which key.
    Member(Box<Term<'t>>, Option<Box<Term<'t>>>),
    /// `let name = value; rest`
    Let(&'t str, Box<Term<'t>>, Box<Term<'t>>),
    /// `#`, and what else stands for a value that nobody knows.
    Unknown,
}

/// Why a formula cannot be read.
#[derive(Debug, PartialEq)]
pub enum Problem {
    /// A bracket that is not closed, or was never opened.
    Bracket(Span),
    /// An operator right behind `??`.
    Mixed(Span),
    /// A comment at the end, where KEDA closes a bracket of its own.
    Comment(Span),
    /// An operator at the end.
    Unfinished(Span),
    /// Something else, which the rules say nothing about.
    Other,
}

impl<'t> Term<'t> {
    pub fn children(&self) -> Vec<&Term<'t>> {
        match &self.kind {
            Kind::List(items) | Kind::Map(items) | Kind::Call(_, items) => items.iter().collect(),
            Kind::Predicate(inner) | Kind::Unary(_, inner) => vec![inner],
            Kind::Binary(_, left, right) => vec![left, right],
            Kind::Choice(one, two, three) => vec![one, two, three],
            Kind::Let(_, one, two) => vec![one, two],
            Kind::Member(of, key) => std::iter::once(&**of).chain(key.as_deref()).collect(),
            _ => Vec::new(),
        }
    }

    /// Names that stand for triggers, each time they stand there.
    pub fn variables(&self) -> Vec<(&'t str, Span)> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect(&self, bound: &mut Vec<&'t str>, found: &mut Vec<(&'t str, Span)>) {
        match &self.kind {
            Kind::Name(name) if !bound.contains(name) => found.push((name, self.span)),
            Kind::Let(name, value, rest) => {
                value.collect(bound, found);
                bound.push(name);
                rest.collect(bound, found);
                bound.pop();
            }
            _ => self.children().into_iter().for_each(|child| child.collect(bound, found)),
        }
    }

    pub fn constant(&self) -> Option<f64> {
        match &self.kind {
            Kind::Number(text) => text.replace('_', "").parse().ok(),
            Kind::Unary("-", inner) => Some(-inner.constant()?),
            Kind::Unary("+", inner) => inner.constant(),
            Kind::Binary(operator, left, right) => {
                let (left, right) = (left.constant()?, right.constant()?);
                match *operator {
                    "+" => Some(left + right),
                    "-" => Some(left - right),
                    "*" => Some(left * right),
                    "/" => Some(left / right),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sort {
    Number,
    Text,
    Word,
    Sign,
}

#[derive(Clone, Copy, Debug)]
struct Token<'t> {
    sort: Sort,
    text: &'t str,
    at: usize,
}

impl Token<'_> {
    fn span(&self) -> Span {
        Span::new(self.at, self.at + self.text.len())
    }
}

/// Nobody writes a longer formula by hand.
const MOST_TOKENS: usize = 500;

/// Reads a formula.
pub fn read(text: &str) -> Result<Term<'_>, Problem> {
    let tokens = tokens(text)?;
    // The tree is walked by recursion.
    if tokens.len() > MOST_TOKENS {
        return Err(Problem::Other);
    }
    brackets(&tokens)?;
    const OPERATORS: [&str; 14] = ["+", "-", "*", "/", "%", "**", "?", ":", "&&", "||", "??", "<", ">", "=="];
    if let Some(last) = tokens.last().filter(|last| last.sort == Sort::Sign && OPERATORS.contains(&last.text))
    {
        return Err(Problem::Unfinished(last.span()));
    }
    let mut parser = Parser { text, tokens, at: 0, depth: 0 };
    let term = parser.whole()?;
    if parser.peek().is_some() { Err(Problem::Other) } else { Ok(term) }
}

const SIGNS: [&str; 33] = [
    "??", "?.", "..", "**", "==", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "%", "^", "<", ">", "!",
    "?", ":", ";", ",", ".", "(", ")", "[", "]", "{", "}", "|", "#", "=",
];

fn tokens(text: &str) -> Result<Vec<Token<'_>>, Problem> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
        } else if rest.starts_with("/*") {
            at += rest.find("*/").map(|end| end + 2).ok_or(Problem::Other)?;
        } else if rest.starts_with("//") {
            match rest.find('\n').filter(|end| !rest[*end..].trim().is_empty()) {
                Some(end) => at += end,
                None => return Err(Problem::Comment(Span::new(at, at + rest.trim_end().len()))),
            }
        } else if matches!(c, '"' | '\'' | '`') {
            let length = quoted(rest, c).ok_or(Problem::Other)?;
            all.push(Token { sort: Sort::Text, text: &rest[..length], at });
            at += length;
        } else if c.is_ascii_digit()
            || c == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit()) && !after_value(&all)
        {
            let length = number(rest);
            all.push(Token { sort: Sort::Number, text: &rest[..length], at });
            at += length;
        } else if c.is_alphabetic() || matches!(c, '_' | '$') {
            let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
            let length = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
            all.push(Token { sort: Sort::Word, text: &rest[..length], at });
            at += length;
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or(Problem::Other)?;
            all.push(Token { sort: Sort::Sign, text: &rest[..sign.len()], at });
            at += sign.len();
        }
    }
    Ok(all)
}

/// Whether a dot here takes a member.
fn after_value(tokens: &[Token<'_>]) -> bool {
    tokens.last().is_some_and(|token| token.sort == Sort::Word || matches!(token.text, ")" | "]"))
}

fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let sign =
            matches!(byte, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E') && !text.starts_with("0x");
        let dot = *byte == b'.' && bytes.get(end + 1) != Some(&b'.');
        if !(byte.is_ascii_alphanumeric() || *byte == b'_' || dot || end > 0 && sign) {
            break;
        }
        end += 1;
    }
    end
}

fn brackets(tokens: &[Token<'_>]) -> Result<(), Problem> {
    let mut open: Vec<&Token<'_>> = Vec::new();
    for token in tokens.iter().filter(|token| token.sort == Sort::Sign) {
        let wanted = match token.text {
            "(" | "[" | "{" => {
                open.push(token);
                continue;
            }
            ")" => "(",
            "]" => "[",
            "}" => "{",
            _ => continue,
        };
        if open.pop().is_none_or(|opened| opened.text != wanted) {
            return Err(Problem::Bracket(token.span()));
        }
    }
    open.last().map_or(Ok(()), |token| Err(Problem::Bracket(token.span())))
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
}

/// How tightly an operator binds.
fn precedence(operator: &str) -> Option<u16> {
    Some(match operator {
        "|" => 1,
        "||" | "or" => 10,
        "&&" | "and" => 15,
        "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "matches" | "contains" | "startsWith" | "endsWith" => {
            20
        }
        ".." => 25,
        "+" | "-" => 30,
        "*" | "/" | "%" => 60,
        "**" | "^" => 100,
        "??" => 500,
        _ => return None,
    })
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn is(&self, sign: &str) -> bool {
        self.peek().is_some_and(|token| token.text == sign && token.sort != Sort::Text)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        if self.take(sign) { Ok(()) } else { Err(Problem::Other) }
    }

    fn next(&mut self) -> Result<Token<'t>, Problem> {
        let token = self.peek().ok_or(Problem::Other)?;
        self.at += 1;
        Ok(token)
    }

    /// From a place in the text to the token before this one.
    fn since(&self, start: usize, kind: Kind<'t>) -> Term<'t> {
        let end = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or(start, |token| token.at + token.text.len());
        Term { span: Span::new(start, end.max(start)), kind }
    }

    fn start(&self) -> usize {
        self.peek().map_or(self.text.len(), |token| token.at)
    }

    /// `let`, `;`, a choice.
    fn whole(&mut self) -> Result<Term<'t>, Problem> {
        self.depth += 1;
        if self.depth > 64 {
            return Err(Problem::Other);
        }
        let start = self.start();
        let term = if self.take("let") {
            let name = self.next()?.text;
            self.expect("=")?;
            let value = self.whole()?;
            self.expect(";")?;
            let rest = self.whole()?;
            self.since(start, Kind::Let(name, Box::new(value), Box::new(rest)))
        } else if self.take("if") {
            let condition = self.whole()?;
            self.expect("{")?;
            let then = self.whole()?;
            self.expect("}")?;
            self.expect("else")?;
            let otherwise = if self.is("if") {
                self.whole()?
            } else {
                self.expect("{")?;
                let otherwise = self.whole()?;
                self.expect("}")?;
                otherwise
            };
            self.since(start, Kind::Choice(Box::new(condition), Box::new(then), Box::new(otherwise)))
        } else {
            self.choice()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn choice(&mut self) -> Result<Term<'t>, Problem> {
        let start = self.start();
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let then = self.whole()?;
        self.expect(":")?;
        let otherwise = self.whole()?;
        Ok(self.since(start, Kind::Choice(Box::new(condition), Box::new(then), Box::new(otherwise))))
    }

    fn binary(&mut self, least: u16) -> Result<Term<'t>, Problem> {
        let start = self.start();
        let mut left = self.unary()?;
        let mut before = "";
        while let Some(token) = self.peek().filter(|token| matches!(token.sort, Sort::Sign | Sort::Word)) {
            let negated = token.text == "not";
            let operator =
                if negated { self.tokens.get(self.at + 1).map_or("", |next| next.text) } else { token.text };
            let Some(own) = precedence(operator).filter(|own| *own >= least) else { break };
            if before == "??" && operator != "??" {
                return Err(Problem::Mixed(token.span()));
            }
            self.at += 1 + usize::from(negated);
            let right = self.binary(if matches!(operator, "**" | "^") { own } else { own + 1 })?;
            left = self.since(start, Kind::Binary(operator, Box::new(left), Box::new(right)));
            before = operator;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Term<'t>, Problem> {
        let start = self.start();
        for (sign, binds) in [("-", 90), ("+", 90), ("!", 50), ("not", 50)] {
            if self.is(sign) {
                let operator = self.next()?.text;
                self.depth += 1;
                if self.depth > 64 {
                    return Err(Problem::Other);
                }
                let inner = self.binary(binds)?;
                self.depth -= 1;
                return Ok(self.since(start, Kind::Unary(operator, Box::new(inner))));
            }
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Result<Term<'t>, Problem> {
        let start = self.start();
        let mut term = self.primary()?;
        loop {
            if self.take(".") || self.take("?.") {
                let name = self.next()?;
                if name.sort != Sort::Word {
                    return Err(Problem::Other);
                }
                if matches!(term.kind, Kind::Name("$env")) {
                    term = self.since(start, Kind::Name(name.text));
                    continue;
                }
                if self.take("(") {
                    self.list(")")?;
                }
                term = self.since(start, Kind::Member(Box::new(term), None));
            } else if self.is("[") {
                self.at += 1;
                // `$env["name"]` is the variable of that name.
                let key = self.tokens.get(self.at).filter(|key| {
                    matches!(term.kind, Kind::Name("$env"))
                        && key.sort == Sort::Text
                        && self.tokens.get(self.at + 1).is_some_and(|next| next.text == "]")
                });
                if let Some(key) = key {
                    let name = &key.text[1..key.text.len() - 1];
                    self.at += 2;
                    term = self.since(start, Kind::Name(name));
                    continue;
                }
                let from = if self.is(":") { None } else { Some(Box::new(self.whole()?)) };
                if self.take(":") && !self.is("]") {
                    self.whole()?;
                }
                self.expect("]")?;
                term = self.since(start, Kind::Member(Box::new(term), from));
            } else {
                return Ok(term);
            }
        }
    }

    fn primary(&mut self) -> Result<Term<'t>, Problem> {
        let start = self.start();
        let token = self.next()?;
        let kind = match (token.sort, token.text) {
            (Sort::Number, text) => Kind::Number(text),
            (Sort::Text, _) => Kind::Text,
            (Sort::Word, "true" | "false") => Kind::Truth,
            (Sort::Word, "nil") => Kind::Nil,
            (Sort::Word, name) if self.take("(") => Kind::Call(name, self.list(")")?),
            (Sort::Word, name) => Kind::Name(name),
            (_, "#") => {
                if self.peek().is_some_and(|next| next.sort == Sort::Word && next.at == token.at + 1) {
                    self.at += 1;
                }
                Kind::Unknown
            }
            // In a predicate, a member of what is gone through.
            (_, ".") => {
                self.next()?;
                Kind::Unknown
            }
            (_, "(") => {
                let inner = self.whole()?;
                self.expect(")")?;
                return Ok(inner);
            }
            (_, "[") => Kind::List(self.list("]")?),
            (_, "{") => return self.braces(start),
            _ => return Err(Problem::Other),
        };
        Ok(self.since(start, kind))
    }

    /// A map, or a predicate.
    fn braces(&mut self, start: usize) -> Result<Term<'t>, Problem> {
        let is_map = self.is("}") || self.tokens.get(self.at + 1).is_some_and(|next| next.text == ":");
        if !is_map {
            let inner = self.whole()?;
            self.expect("}")?;
            return Ok(self.since(start, Kind::Predicate(Box::new(inner))));
        }
        let mut values = Vec::new();
        while !self.take("}") {
            self.next()?;
            self.expect(":")?;
            values.push(self.whole()?);
            if !self.is("}") {
                self.expect(",")?;
            }
        }
        Ok(self.since(start, Kind::Map(values)))
    }

    fn list(&mut self, end: &str) -> Result<Vec<Term<'t>>, Problem> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.whole()?);
            if !self.is(end) {
                self.expect(",")?;
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, read};

    fn names(text: &str) -> Vec<&str> {
        read(text)
            .map(|term| term.variables().into_iter().map(|(name, _)| name).collect())
            .unwrap_or_default()
    }

    #[test]
    fn finds_the_variables() {
        assert_eq!(names("load + queue / 2"), ["load", "queue"]);
        assert_eq!(names("let x = load * 2; x > 5 ? x : 1.5e3"), ["load"]);
        assert_eq!(names("$env.a + b"), ["a", "b"]);
        assert_eq!(names("$env[\"jobs-total\"] + (a ?? 0)"), ["jobs-total", "a"]);
        assert_eq!(names("count([a, b], {# > 1}) >= 2 ? 5 : 0 /* all */"), ["a", "b"]);
        assert_eq!(names("sort([a / 100, b], \"desc\")[1]"), ["a", "b"]);
        assert_eq!(names("a not in [1, 2] ? .5 : 1"), ["a"]);
    }

    #[test]
    fn says_why_it_cannot_be_read() {
        assert!(matches!(read("max(a, b"), Err(Problem::Bracket(_))));
        assert!(matches!(read("a ?? 5 + b"), Err(Problem::Mixed(_))));
        assert!(read("(a ?? 5) + b").is_ok());
        assert!(read("b + a ?? 5").is_ok());
        assert!(matches!(read("a + b +"), Err(Problem::Unfinished(_))));
        for long in ["a + ", "a ** ", "-", "(", "a.b."] {
            assert!(read(&(long.repeat(5_000) + "a")).is_err(), "{long}");
        }
        assert!(matches!(read("a + b // both"), Err(Problem::Comment(_))));
    }
}

//! Text in, tokens out, one at a time.
//!
//! What a character means depends on where it stands: outside, in braces, or in brackets. The modes and their borders are
//! those of prometheus/prometheus promql/parser/lex.go, so that a text fails at the same character.

use super::ast::Operator;
use super::keyword::{Keyword, keyword};
use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    End,
    /// What stands here is no token; [`Lexer::failure`] tells why.
    Failure,
    Identifier,
    /// A word with a colon, which only names metrics.
    MetricName,
    Keyword(Keyword),
    /// Also Inf and NaN.
    Number,
    /// A number with a unit, such as `5m` or `1h30m`.
    Duration,
    /// Quoted or raw.
    Text,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    Assign,
    RegexMatch,
    RegexNotMatch,
    /// An operator of two sides; `+` and `-` are signs as well.
    Operator(Operator),
}

/// Why a text cannot be cut into tokens.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Where Prometheus says it is.
    pub start: usize,
    /// What to underline.
    pub mark: Span,
    pub message: String,
    pub help: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Statement,
    Braces,
    /// From `[` to the first number.
    Duration,
}

pub struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    mode: Mode,
    parens: usize,
    in_bracket: bool,
    had_colon: bool,
    had_duration: bool,
    pub failure: Option<Failure>,
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Self {
        Lexer {
            text,
            bytes: text.as_bytes(),
            at: 0,
            mode: Mode::Statement,
            parens: 0,
            in_bracket: false,
            had_colon: false,
            had_duration: false,
            failure: None,
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next token and its stretch.
    pub fn next(&mut self) -> (Token, Span) {
        self.skip_blanks();
        let start = self.at;
        let token = if start >= self.bytes.len() {
            self.end()
        } else {
            match self.mode {
                Mode::Statement => self.statement(),
                Mode::Braces => self.in_braces(),
                Mode::Duration => self.in_duration(),
            }
        };
        (token, Span::new(start, self.at.max(start)))
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek(0) {
                byte if is_blank(byte) => self.at += 1,
                // Before the first number of a range, a comment is not expected.
                b'#' if self.mode != Mode::Duration => {
                    let rest = &self.bytes[self.at..];
                    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at += end.unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn fail(&mut self, start: usize, mark: Span, message: impl Into<String>) -> Token {
        self.failure = Some(Failure { start, mark, message: message.into(), help: None });
        Token::Failure
    }

    fn fail_with_help(&mut self, mark: Span, message: impl Into<String>, help: impl Into<String>) -> Token {
        let start = mark.start as usize;
        self.failure = Some(Failure { start, mark, message: message.into(), help: Some(help.into()) });
        Token::Failure
    }

    fn end(&mut self) -> Token {
        let at = self.bytes.len();
        let message = match self.mode {
            Mode::Braces => "the query ends inside of braces: a `}` is missing",
            Mode::Duration => "the query ends inside of brackets: a range such as `5m]` is missing",
            Mode::Statement if self.parens > 0 => "the query ends, and a `(` is still open",
            Mode::Statement if self.in_bracket => "the query ends, and a `[` is still open",
            Mode::Statement => return Token::End,
        };
        self.fail(at, Span::at(at), message)
    }

    /// A symbol of `length` bytes.
    fn take(&mut self, length: usize, token: Token) -> Token {
        self.at += length;
        token
    }

    fn either(&mut self, second: u8, long: Operator, short: Operator) -> Token {
        if self.peek(1) == second {
            self.take(2, Token::Operator(long))
        } else {
            self.take(1, Token::Operator(short))
        }
    }

    fn statement(&mut self) -> Token {
        let first = self.peek(0);
        match first {
            b',' => self.take(1, Token::Comma),
            b'*' => self.take(1, Token::Operator(Operator::Multiply)),
            b'/' => self.take(1, Token::Operator(Operator::Divide)),
            b'%' => self.take(1, Token::Operator(Operator::Modulo)),
            b'+' => self.take(1, Token::Operator(Operator::Add)),
            b'-' => self.take(1, Token::Operator(Operator::Subtract)),
            b'^' => self.take(1, Token::Operator(Operator::Power)),
            b'=' => match self.peek(1) {
                b'=' => self.take(2, Token::Operator(Operator::Equal)),
                b'~' => {
                    let mark = Span::new(self.at, self.at + 2);
                    self.fail_with_help(
                        mark,
                        "`=~` stands outside of braces",
                        "matchers stand in braces: `metric{label=~\"…\"}`",
                    )
                }
                _ => self.take(1, Token::Assign),
            },
            b'!' if self.peek(1) == b'=' => self.take(2, Token::Operator(Operator::NotEqual)),
            b'<' if self.peek(1) == b'/' => self.take(2, Token::Operator(Operator::TrimUpper)),
            b'<' => self.either(b'=', Operator::LessEqual, Operator::Less),
            b'>' if self.peek(1) == b'/' => self.take(2, Token::Operator(Operator::TrimLower)),
            b'>' => self.either(b'=', Operator::GreaterEqual, Operator::Greater),
            b'"' | b'\'' => self.quoted(first),
            b'`' => self.raw(),
            b'(' => {
                self.parens += 1;
                self.take(1, Token::LeftParen)
            }
            b')' => self.right_paren(),
            b'{' => {
                self.mode = Mode::Braces;
                self.take(1, Token::LeftBrace)
            }
            b'[' => self.left_bracket(),
            b']' if self.in_bracket => {
                self.in_bracket = false;
                self.take(1, Token::RightBracket)
            }
            b']' => self.stranger("a `]` without its `[`"),
            b'@' => self.take(1, Token::At),
            _ if first.is_ascii_digit() || (first == b'.' && self.peek(1).is_ascii_digit()) => self.number(),
            _ if self.in_bracket && (is_letter(first) || first == b':') => self.word_in_bracket(first),
            _ if is_letter(first) || first == b':' => self.word(),
            _ => self.unknown(),
        }
    }

    fn in_braces(&mut self) -> Token {
        let first = self.peek(0);
        match first {
            b',' => self.take(1, Token::Comma),
            b'"' | b'\'' => self.quoted(first),
            b'`' => self.raw(),
            b'=' if self.peek(1) == b'~' => self.take(2, Token::RegexMatch),
            b'=' => self.take(1, Token::Assign),
            b'!' if self.peek(1) == b'~' => self.take(2, Token::RegexNotMatch),
            b'!' if self.peek(1) == b'=' => self.take(2, Token::Operator(Operator::NotEqual)),
            b'{' => self.stranger("a `{` inside of braces"),
            b'}' => {
                self.mode = Mode::Statement;
                self.take(1, Token::RightBrace)
            }
            _ if is_letter(first) => {
                while is_word(self.peek(0)) {
                    self.at += 1;
                }
                Token::Identifier
            }
            _ => self.unknown(),
        }
    }

    /// Behind `[`, as far as no number was seen.
    fn in_duration(&mut self) -> Token {
        let first = self.peek(0);
        match first {
            b']' => {
                self.mode = Mode::Statement;
                (self.in_bracket, self.had_colon) = (false, false);
                self.take(1, Token::RightBracket)
            }
            b':' => {
                let at = self.at;
                let mark = Span::new(at, at + 1);
                self.at += 1;
                if !self.had_duration {
                    return self.fail(at + 1, mark, "a subquery needs a range before the `:`");
                }
                if self.had_colon {
                    return self.fail(at + 1, mark, "a second `:` in brackets");
                }
                self.had_colon = true;
                Token::Colon
            }
            b'(' => {
                self.parens += 1;
                self.take(1, Token::LeftParen)
            }
            b')' => self.right_paren(),
            b'+' => self.take(1, Token::Operator(Operator::Add)),
            b'-' => self.take(1, Token::Operator(Operator::Subtract)),
            b'*' => self.take(1, Token::Operator(Operator::Multiply)),
            b'/' => self.take(1, Token::Operator(Operator::Divide)),
            b'%' => self.take(1, Token::Operator(Operator::Modulo)),
            b'^' => self.take(1, Token::Operator(Operator::Power)),
            b',' => self.take(1, Token::Comma),
            _ if first.is_ascii_digit() || (first == b'.' && self.peek(1).is_ascii_digit()) => {
                self.had_duration = true;
                self.mode = Mode::Statement;
                self.number()
            }
            _ if is_letter(first) => self.duration_word(),
            _ => self.unknown(),
        }
    }

    fn left_bracket(&mut self) -> Token {
        if self.in_bracket {
            return self.stranger("a `[` inside of brackets");
        }
        (self.had_colon, self.in_bracket, self.mode) = (false, true, Mode::Duration);
        self.take(1, Token::LeftBracket)
    }

    fn right_paren(&mut self) -> Token {
        let at = self.at;
        self.at += 1;
        if self.parens == 0 {
            return self.fail(at + 1, Span::new(at, at + 1), "a `)` without its `(`");
        }
        self.parens -= 1;
        Token::RightParen
    }

    /// A letter or a colon in brackets, behind a number.
    fn word_in_bracket(&mut self, first: u8) -> Token {
        if first != b':' {
            return self.duration_word();
        }
        if self.had_colon {
            return self.stranger("a second `:` in brackets");
        }
        self.had_colon = true;
        self.take(1, Token::Colon)
    }

    /// `step`, `range`, `max_of` or `min_of`.
    fn duration_word(&mut self) -> Token {
        let start = self.at;
        let length = self.bytes[start..].iter().take_while(|byte| is_letter(**byte)).count();
        match keyword(&self.bytes[start..start + length]) {
            Some(found @ (Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)) => {
                self.take(length, Token::Keyword(found))
            }
            _ => {
                let whole = self.bytes[start..].iter().take_while(|byte| is_word(**byte)).count();
                let mark = Span::new(start, start + whole);
                let word = &self.text[mark.range()];
                let message = format!("`{word}` stands in brackets, where a duration is expected");
                self.fail_with_help(mark, message, "durations are written like 5m, 1h30m or 500ms")
            }
        }
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        let mut colon = false;
        loop {
            match self.peek(0) {
                byte if is_word(byte) => {}
                b':' => colon = true,
                _ => break,
            }
            self.at += 1;
        }
        if colon {
            return Token::MetricName;
        }
        match keyword(&self.bytes[start..self.at]) {
            None => Token::Identifier,
            Some(Keyword::Number) => Token::Number,
            // These became keywords late, and only before a parenthesis.
            Some(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight) if !self.paren_follows() => {
                Token::Identifier
            }
            Some(found) => Token::Keyword(found),
        }
    }

    fn paren_follows(&self) -> bool {
        self.bytes[self.at..].iter().find(|byte| !is_blank(**byte)) == Some(&b'(')
    }

    /// One character that must not stand here.
    fn stranger(&mut self, message: &str) -> Token {
        let at = self.at;
        self.fail(at, Span::new(at, at + 1), message)
    }

    fn unknown(&mut self) -> Token {
        let at = self.at;
        let c = self.text[at..].chars().next().unwrap_or(' ');
        let mark = Span::new(at, at + c.len_utf8());
        let shown = c.escape_debug();
        let message = match (self.mode, c) {
            (Mode::Braces, _) => {
                format!("`{shown}` stands in braces, where a matcher, `,` or `}}` is expected")
            }
            (Mode::Duration, _) => format!("`{shown}` stands in brackets, where a duration is expected"),
            (Mode::Statement, _) => format!("`{shown}` is no character of PromQL"),
        };
        match c {
            '$' => self.fail_with_help(
                mark,
                message,
                "this looks like a variable of a template: put its value here",
            ),
            '&' => self.fail_with_help(mark, message, "the operator is called `and`"),
            '|' => self.fail_with_help(mark, message, "the operator is called `or`"),
            '!' => self.fail_with_help(mark, message, "write `!=` to compare; in braces also `!~`"),
            '<' | '>' if self.mode == Mode::Braces => self.fail_with_help(
                mark,
                message,
                "labels are texts: they are equal, or they match a pattern",
            ),
            '“' | '”' | '‘' | '’' | '„' | '«' | '»' => {
                self.fail_with_help(mark, message, "write straight quotes: \"…\"")
            }
            _ => self.fail(at, mark, message),
        }
    }

    /// A number or a duration.
    fn number(&mut self) -> Token {
        let start = self.at;
        if self.plain_number() {
            return Token::Number;
        }
        if self.duration_tail() {
            return Token::Duration;
        }
        let whole = self.bytes[start..].iter().take_while(|byte| is_word(**byte) || **byte == b'.').count();
        let mark = Span::new(start, start + whole.max(1));
        let message = format!("`{}` is neither a number nor a duration", &self.text[mark.range()]);
        self.fail_with_help(mark, message, "durations are written like 5m, 1h30m or 500ms")
    }

    /// Source: lex.go, scanNumber. What it takes need not be a number yet; its value decides that.
    fn plain_number(&mut self) -> bool {
        let mut hex = false;
        if self.peek(0) == b'0' {
            self.at += 1;
            if matches!(self.peek(0), b'x' | b'X') {
                hex = true;
                self.at += 1;
                self.at += usize::from(self.peek(0) == b'_');
            }
        }
        let digit = move |byte: u8| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        self.at += usize::from(self.peek(0) == b'.');
        self.at += usize::from(digit(self.peek(0)));
        let (mut dot, mut exponent) = (false, false);
        loop {
            match self.peek(0) {
                b'.' => {
                    self.at += 1;
                    if dot || hex || matches!(self.peek(0), b'_' | b'.') {
                        return false;
                    }
                    dot = true;
                }
                b'e' | b'E' => {
                    self.at += 1;
                    if exponent {
                        return false;
                    }
                    exponent = true;
                    self.at += usize::from(matches!(self.peek(0), b'+' | b'-'));
                    if matches!(self.peek(0), b'.' | b'_' | b'e' | b'E') || self.at >= self.bytes.len() {
                        return false;
                    }
                }
                b'_' => {
                    self.at += 1;
                    if matches!(self.peek(0), b'.' | b'_' | b'e' | b'E') || self.at >= self.bytes.len() {
                        return false;
                    }
                }
                byte if digit(byte) => {
                    while digit(self.peek(0)) {
                        self.at += 1;
                    }
                }
                byte => return !is_word(byte),
            }
        }
    }

    /// The unit behind a number, and further numbers with units.
    fn duration_tail(&mut self) -> bool {
        let mut first = true;
        loop {
            let unit = match self.peek(0) {
                b's' | b'm' | b'h' | b'd' | b'w' => true,
                b'y' => first,
                _ => false,
            };
            if !unit {
                return false;
            }
            self.at += 1;
            self.at += usize::from(self.peek(0) == b's');
            first = false;
            if !self.peek(0).is_ascii_digit() {
                return !is_word(self.peek(0));
            }
            while self.peek(0).is_ascii_digit() {
                self.at += 1;
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Token {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(found) =
                rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | 0xEF) || *byte == quote)
            else {
                self.at = self.bytes.len();
                return self.open_text(start, quote);
            };
            self.at += found;
            match self.bytes[self.at] {
                b'\n' => return self.open_text(start, quote),
                b'\\' => match super::string::escape(&self.text[self.at + 1..], quote as char) {
                    Ok((_, length)) => self.at += 1 + length,
                    Err((message, length)) => {
                        let mark = Span::new(self.at, self.at + 1 + length);
                        let help = "write `\\\\` for a backslash, or use backticks instead of quotes";
                        let token = self.fail_with_help(mark, message, help);
                        if let Some(failure) = &mut self.failure {
                            failure.start = start;
                        }
                        return token;
                    }
                },
                0xEF => {
                    if self.replacement_character() {
                        return self.no_text(start);
                    }
                    self.at += 1;
                }
                _ => {
                    self.at += 1;
                    return Token::Text;
                }
            }
        }
    }

    fn raw(&mut self) -> Token {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'`' | 0xEF)) else {
                self.at = self.bytes.len();
                return self.open_text(start, b'`');
            };
            self.at += found;
            if self.bytes[self.at] == b'`' {
                self.at += 1;
                return Token::Text;
            }
            if self.replacement_character() {
                return self.no_text(start);
            }
            self.at += 1;
        }
    }

    /// Prometheus takes U+FFFD for broken UTF-8.
    fn replacement_character(&self) -> bool {
        self.bytes[self.at..].starts_with("\u{FFFD}".as_bytes())
    }

    fn no_text(&mut self, start: usize) -> Token {
        let mark = Span::new(self.at, self.at + '\u{FFFD}'.len_utf8());
        self.fail(start, mark, "this character stands for broken UTF-8, which Prometheus refuses")
    }

    fn open_text(&mut self, start: usize, quote: u8) -> Token {
        let mark = Span::new(start, self.at);
        self.fail_with_help(
            mark,
            "a text begins here and does not end",
            format!("close it with {}", quote as char),
        )
    }
}

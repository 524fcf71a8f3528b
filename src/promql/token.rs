//! Text in, tokens out. Keywords are told apart by the parser: most of them may also be names.

use super::SyntaxError;
use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    End,
    /// Letters, digits, `_` and `:`.
    Word,
    /// A number; Inf and NaN are words.
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
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Equal,
    NotEqual,
    RegexMatch,
    RegexNotMatch,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    TrimUpper,
    TrimLower,
}

/// All tokens of a text, ending in [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<(Token, Span)>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0, brackets: 0 };
    let mut all = Vec::with_capacity(text.len() / 3 + 2);
    loop {
        let (token, span) = lexer.next()?;
        match token {
            Token::LeftBracket => lexer.brackets += 1,
            Token::RightBracket => lexer.brackets -= 1,
            _ => {}
        }
        all.push((token, span));
        if token == Token::End {
            return Ok(all);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Inside of `[…]` a colon stands alone.
    brackets: i32,
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Result<(Token, Span), SyntaxError> {
        self.skip_blanks();
        let start = self.at;
        if start >= self.text.len() {
            return Ok((Token::End, Span::at(start)));
        }
        let first = self.peek(0);
        let token = match first {
            _ if is_word_start(first) => self.word(),
            b':' if self.brackets <= 0 => self.word(),
            _ if first.is_ascii_digit() => self.number()?,
            b'.' if self.peek(1).is_ascii_digit() => self.number()?,
            b'"' | b'\'' | b'`' => self.string(first)?,
            _ => self.symbol(first)?,
        };
        Ok((token, Span::new(start, self.at)))
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) -> Token {
        let colon = self.brackets <= 0;
        while is_word(self.peek(0)) && (colon || self.peek(0) != b':') {
            self.at += 1;
        }
        Token::Word
    }

    /// Source: prometheus/prometheus promql/parser/lex.go, scanNumber and acceptRemainingDuration.
    fn number(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        let hex = self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X');
        if hex {
            self.at += 2;
        }
        let digit =
            |byte: u8| byte == b'_' || if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        while digit(self.peek(0)) {
            self.at += 1;
        }
        let whole = self.at;
        if self.peek(0) == b'.' {
            self.at += 1;
            while digit(self.peek(0)) {
                self.at += 1;
            }
        }
        if matches!(self.peek(0), b'e' | b'E') && !hex {
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                while self.peek(0).is_ascii_digit() || self.peek(0) == b'_' {
                    self.at += 1;
                }
            }
        }
        if !is_word(self.peek(0)) || self.peek(0) == b':' {
            return Ok(Token::Number);
        }
        if whole == self.at && !hex && self.duration() {
            return Ok(Token::Duration);
        }
        while is_word(self.peek(0)) || self.peek(0) == b'.' {
            self.at += 1;
        }
        let written = &self.text[start..self.at];
        Err(SyntaxError::new(
            Span::new(start, self.at),
            format!("`{written}` is neither a number nor a duration"),
        )
        .help("durations are written like 5m, 1h30m or 500ms"))
    }

    /// The units and further numbers of a duration, after its first number.
    fn duration(&mut self) -> bool {
        loop {
            self.at += match (self.peek(0), self.peek(1)) {
                (b'm', b's') => 2,
                (b's' | b'm' | b'h' | b'd' | b'w' | b'y', _) => 1,
                _ => return false,
            };
            if !self.peek(0).is_ascii_digit() {
                return !is_word(self.peek(0)) || self.peek(0) == b':';
            }
            while self.peek(0).is_ascii_digit() {
                self.at += 1;
            }
        }
    }

    fn string(&mut self, quote: u8) -> Result<Token, SyntaxError> {
        let start = self.at;
        self.at += 1;
        loop {
            if self.at >= self.text.len() || (quote != b'`' && self.peek(0) == b'\n') {
                return Err(SyntaxError::new(
                    Span::new(start, self.at),
                    "a text begins here and does not end",
                )
                .help(format!("close it with {}", quote as char)));
            }
            let byte = self.peek(0);
            self.at += 1;
            if byte == quote {
                return Ok(Token::Text);
            }
            if byte == b'\\' && quote != b'`' && self.at < self.text.len() {
                let rest = &self.text[self.at..];
                self.at += rest.chars().next().map_or(0, char::len_utf8);
            }
        }
    }

    fn symbol(&mut self, first: u8) -> Result<Token, SyntaxError> {
        let two = |second: u8, long: Token, short: Token| {
            if self.peek(1) == second { (long, 2) } else { (short, 1) }
        };
        let (token, length) = match first {
            b'(' => (Token::LeftParen, 1),
            b')' => (Token::RightParen, 1),
            b'{' => (Token::LeftBrace, 1),
            b'}' => (Token::RightBrace, 1),
            b'[' => (Token::LeftBracket, 1),
            b']' => (Token::RightBracket, 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            b'@' => (Token::At, 1),
            b'+' => (Token::Add, 1),
            b'-' => (Token::Subtract, 1),
            b'*' => (Token::Multiply, 1),
            b'/' => (Token::Divide, 1),
            b'%' => (Token::Modulo, 1),
            b'^' => (Token::Power, 1),
            b'=' => match self.peek(1) {
                b'=' => (Token::Equal, 2),
                b'~' => (Token::RegexMatch, 2),
                _ => (Token::Assign, 1),
            },
            b'!' if self.peek(1) == b'=' => (Token::NotEqual, 2),
            b'!' if self.peek(1) == b'~' => (Token::RegexNotMatch, 2),
            b'<' if self.peek(1) == b'/' => (Token::TrimUpper, 2),
            b'>' if self.peek(1) == b'/' => (Token::TrimLower, 2),
            b'<' => two(b'=', Token::LessEqual, Token::Less),
            b'>' => two(b'=', Token::GreaterEqual, Token::Greater),
            _ => {
                let rest = &self.text[self.at..];
                let strange = rest.chars().next().unwrap_or('\u{fffd}');
                let span = Span::new(self.at, self.at + strange.len_utf8());
                let error =
                    SyntaxError::new(span, format!("`{}` has no meaning in PromQL", strange.escape_debug()));
                return Err(match strange {
                    '$' => {
                        error.help("this looks like a template: render it first, and write plain PromQL here")
                    }
                    '|' | '&' => error.help("write `or` and `and`"),
                    '!' => error.help("write `!=` or `!~`; to negate a condition there is `unless`"),
                    '“' | '”' | '‘' | '’' => error.help("write straight quotes"),
                    _ => error,
                });
            }
        };
        self.at += length;
        Ok(token)
    }
}

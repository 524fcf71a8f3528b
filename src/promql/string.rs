//! Quoted texts, as Go writes them.

use super::SyntaxError;
use crate::source::Span;

/// A text in double quotes, such that PromQL reads it back as it is.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{b}' => quoted.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() || c == '\u{feff}' => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The value of a text token that begins at byte `start` of the query.
pub fn unquote(raw: &str, start: usize) -> Result<String, SyntaxError> {
    let body = &raw[1..raw.len() - 1];
    if raw.starts_with('`') {
        return Ok(body.replace('\r', ""));
    }
    if !body.contains('\\') {
        return Ok(body.to_string());
    }
    let quote = raw.chars().next().unwrap_or('"');
    let mut value: Vec<u8> = Vec::with_capacity(body.len());
    let mut at = 0;
    while let Some(c) = body[at..].chars().next() {
        if c != '\\' {
            value.extend(c.encode_utf8(&mut [0; 4]).bytes());
            at += c.len_utf8();
            continue;
        }
        let (bytes, length) = escape(&body[at + 1..], quote).ok_or_else(|| {
            let length = body[at + 1..].chars().next().map_or(1, |next| 1 + next.len_utf8());
            let span = Span::new(start + 1 + at, start + 1 + at + length);
            SyntaxError::new(span, format!("`{}` is not an escape", &body[at..at + length]))
                .help("write `\\\\` for a backslash, or use backticks instead of quotes")
        })?;
        value.extend(bytes);
        at += 1 + length;
    }
    String::from_utf8(value).map_err(|_| {
        SyntaxError::new(Span::new(start, start + raw.len()), "the escapes do not make up a text in UTF-8")
    })
}

/// The bytes that an escape stands for, and its length without the backslash.
fn escape(rest: &str, quote: char) -> Option<(Vec<u8>, usize)> {
    let first = rest.chars().next()?;
    let simple = |byte: u8| Some((vec![byte], 1));
    let code = |skip: usize, digits: usize, radix: u32| {
        let text = rest.get(skip..skip + digits)?;
        let all = text.chars().all(|c| c.is_digit(radix));
        all.then(|| u32::from_str_radix(text, radix).ok()).flatten().map(|code| (code, skip + digits))
    };
    match first {
        'a' => simple(7),
        'b' => simple(8),
        'f' => simple(12),
        'n' => simple(b'\n'),
        'r' => simple(b'\r'),
        't' => simple(b'\t'),
        'v' => simple(11),
        '\\' => simple(b'\\'),
        c if c == quote => simple(c as u8),
        'x' => code(1, 2, 16).map(|(code, length)| (vec![code as u8], length)),
        '0'..='7' => {
            let (code, length) = code(0, 3, 8)?;
            u8::try_from(code).ok().map(|byte| (vec![byte], length))
        }
        'u' | 'U' => {
            let (code, length) = code(1, if first == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code)?;
            Some((c.to_string().into_bytes(), length))
        }
        _ => None,
    }
}

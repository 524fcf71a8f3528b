//! Quoted texts, as Go writes them.

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
            c if c as u32 >= RAW_BYTE && c as u32 <= RAW_BYTE + 0xFF => {
                quoted.push_str(&format!("\\x{:02x}", c as u32 - RAW_BYTE));
            }
            c if (c as u32) < 0x20 || c as u32 == 0x7f => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c if !c.is_ascii() && !is_printable(c) => match c as u32 {
                code @ ..=0xFFFF => quoted.push_str(&format!("\\u{code:04x}")),
                code => quoted.push_str(&format!("\\U{code:08x}")),
            },
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// First of the private characters that stand for bytes which are no UTF-8: Prometheus takes `"\xff"` for that byte.
const RAW_BYTE: u32 = 0x10_FF00;

/// The value of a text token. Its escapes have been checked when it was read.
pub fn unquote(raw: &str) -> String {
    let body = &raw[1..raw.len() - 1];
    if raw.starts_with('`') {
        return if body.contains('\r') { body.replace('\r', "") } else { body.to_string() };
    }
    if !body.contains('\\') {
        return body.to_string();
    }
    let quote = raw.chars().next().unwrap_or('"');
    let mut value: Vec<u8> = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        value.extend_from_slice(&rest.as_bytes()[..at]);
        let Ok((escaped, length)) = escape(&rest[at + 1..], quote) else { break };
        match escaped {
            Escaped::Byte(byte) => value.push(byte),
            Escaped::Character(c) => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = &rest[at + 1 + length..];
    }
    value.extend_from_slice(rest.as_bytes());
    let mut text = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(RAW_BYTE + u32::from(*byte))));
    }
    text
}

/// Whether Go prints a character as it is: not if it is a control, a mark of direction, or a blank that is no space.
fn is_printable(c: char) -> bool {
    // Behind a letter, the standard library escapes just what cannot be printed.
    let mut escaped = String::with_capacity(8);
    escaped.extend(['a', c].iter().collect::<String>().escape_debug());
    escaped.len() == 1 + c.len_utf8()
}

/// Whether a text holds bytes that are no UTF-8.
pub fn has_raw_bytes(text: &str) -> bool {
    text.chars().any(|c| c as u32 >= RAW_BYTE && c as u32 <= RAW_BYTE + 0xFF)
}

pub enum Escaped {
    Byte(u8),
    Character(char),
}

/// What the escape behind a backslash stands for, and its length; or what is wrong with how many bytes of it.
pub fn escape(rest: &str, quote: char) -> Result<(Escaped, usize), (String, usize)> {
    let Some(first) = rest.chars().next() else {
        return Err(("the text ends in the middle of an escape".to_string(), 0));
    };
    let byte = |byte: u8| Ok((Escaped::Byte(byte), 1));
    match first {
        'a' => byte(7),
        'b' => byte(8),
        'f' => byte(12),
        'n' => byte(b'\n'),
        'r' => byte(b'\r'),
        't' => byte(b'\t'),
        'v' => byte(11),
        '\\' => byte(b'\\'),
        c if c == quote => byte(c as u8),
        '0'..='7' => code(rest, 0, 3, 8),
        'x' => code(rest, 1, 2, 16),
        'u' => code(rest, 1, 4, 16),
        'U' => code(rest, 1, 8, 16),
        c => Err((format!("`\\{}` is not an escape", c.escape_debug()), c.len_utf8())),
    }
}

fn code(rest: &str, skip: usize, digits: usize, radix: u32) -> Result<(Escaped, usize), (String, usize)> {
    let found =
        rest.as_bytes()[skip..].iter().take(digits).take_while(|byte| char::from(**byte).is_digit(radix));
    let length = skip + found.count();
    if length < skip + digits {
        return Err((format!("the escape `\\{}` needs {digits} digits", &rest[..length]), length));
    }
    let value = u32::from_str_radix(&rest[skip..length], radix).unwrap_or(u32::MAX);
    let small = digits < 4;
    match (small, u8::try_from(value), char::from_u32(value)) {
        (true, Ok(byte), _) => Ok((Escaped::Byte(byte), length)),
        (false, _, Some(c)) => Ok((Escaped::Character(c), length)),
        _ => Err((format!("the escape `\\{}` stands for no character", &rest[..length]), length)),
    }
}

//! From a character of a TOML string's value back to the character in the file.

/// The byte of `raw` (a TOML string with its quotes, as it stands in the file) that made byte `offset` of its value.
///
/// Multi-line strings and escapes are followed; what cannot be followed points at the start of the string.
pub fn raw_offset(raw: &str, offset: usize) -> usize {
    let (open, literal) = match raw.as_bytes() {
        [b'"', b'"', b'"', ..] => (3, false),
        [b'\'', b'\'', b'\'', ..] => (3, true),
        [b'"', ..] => (1, false),
        [b'\'', ..] => (1, true),
        _ => return 0,
    };
    let body = raw.len().saturating_sub(open).max(open);
    let mut at = open;
    if open == 3 {
        // A line break right after the opening quotes is not part of the value.
        let rest = &raw[at..];
        at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    let mut made = 0;
    while at < body && made < offset {
        let rest = &raw[at..];
        let Some(first) = rest.chars().next() else { break };
        if literal || first != '\\' {
            at += first.len_utf8();
            made += first.len_utf8();
            continue;
        }
        let (taken, given) = escape(rest);
        at += taken;
        made += given;
    }
    // A line continuation gives nothing: what follows it made the byte asked for.
    while !literal && made == offset && at < body && raw[at..].starts_with('\\') {
        let (taken, given) = escape(&raw[at..]);
        if given > 0 {
            break;
        }
        at += taken;
    }
    at.min(raw.len())
}

/// Bytes that an escape takes in the file, and bytes that it gives in the value.
fn escape(rest: &str) -> (usize, usize) {
    let code = |digits: usize| {
        let text = rest.get(2..2 + digits).unwrap_or("");
        let given = u32::from_str_radix(text, 16).ok().and_then(char::from_u32);
        (2 + text.len(), given.map_or(1, char::len_utf8))
    };
    match rest.as_bytes().get(1) {
        Some(b'x') => code(2),
        Some(b'u') => code(4),
        Some(b'U') => code(8),
        Some(b'\n' | b'\r' | b' ' | b'\t') => {
            let blank = rest[1..].chars().take_while(|c| c.is_whitespace());
            (1 + blank.map(char::len_utf8).sum::<usize>(), 0)
        }
        Some(_) => (2, 1),
        None => (1, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::raw_offset;

    #[test]
    fn follows_escapes_and_line_ends() {
        assert_eq!(raw_offset(r#""abc""#, 1), 2);
        assert_eq!(raw_offset("'a\\b'", 2), 3);
        assert_eq!(raw_offset(r#""a\"b""#, 2), 4);
        assert_eq!(raw_offset(r#""\u00e9b""#, 2), 7);
        assert_eq!(raw_offset("\"\"\"\nab\"\"\"", 1), 5);
        assert_eq!(raw_offset("\"\"\"\na\\\n   b\"\"\"", 1), 10);
        assert_eq!(raw_offset("\"", 5), 1);
    }
}

//! From a character of a YAML scalar's value back to the character in the file.
//!
//! Value and file are walked side by side: what is equal on both sides is the same character, a line that was folded or
//! unindented is white space on both, and escapes are followed. Every style of scalar is served by the same walk.

/// Where each byte of a scalar's value stands in the scalar as it is written, with its quotes or its `|`.
pub struct Places {
    /// For each byte at which a character of the value begins, the byte of the file; for others, that of the character.
    starts: Vec<u32>,
    /// Behind the last character.
    end: usize,
}

impl Places {
    /// `raw`: the scalar as it stands in the file.
    pub fn new(raw: &str, value: &str) -> Self {
        let (mut at, quote) = match raw.as_bytes().first() {
            Some(b'"') => (1, Some('"')),
            Some(b'\'') => (1, Some('\'')),
            // The first line of a block says how it is to be read.
            Some(b'|' | b'>') => (raw.find('\n').map_or(raw.len(), |end| end + 1), None),
            _ => (0, None),
        };
        let mut starts = Vec::with_capacity(value.len());
        let mut last = at;
        for wanted in value.chars() {
            let Some((start, length)) = next(raw, at, wanted, wanted.is_whitespace(), quote) else { break };
            last = start;
            starts.extend(std::iter::repeat_n(start as u32, wanted.len_utf8()));
            at = start + length;
        }
        let end = if starts.len() == value.len() { at } else { last };
        Places { starts, end: end.min(raw.len()) }
    }

    /// The byte of the file that made this byte of the value. What cannot be followed points at the last character that
    /// could.
    pub fn raw(&self, offset: usize) -> usize {
        self.starts.get(offset).map_or(self.end, |start| *start as usize)
    }
}

/// One place; of many, `Places` is asked.
pub fn raw_offset(raw: &str, value: &str, offset: usize) -> usize {
    Places::new(raw, value).raw(offset)
}

/// Where `wanted` stands in the file at or after `at`, and how many bytes it takes there.
fn next(raw: &str, mut at: usize, wanted: char, blank: bool, quote: Option<char>) -> Option<(usize, usize)> {
    loop {
        let rest = &raw[at..];
        let Some(found) = rest.chars().next() else {
            // A last line break that the file ends without.
            return blank.then_some((at, 0));
        };
        if quote == Some('"') && found == '\\' {
            let (length, gives) = escape(rest);
            if gives {
                return Some((at, length));
            }
            at += length;
            continue;
        }
        if quote == Some('\'') && rest.starts_with("''") {
            return (wanted == '\'').then_some((at, 2));
        }
        if found == wanted {
            return Some((at, found.len_utf8()));
        }
        match (found.is_whitespace(), blank) {
            // Indentation, or a line break that was folded away.
            (true, false) => at += found.len_utf8(),
            // Folded: the line break and what indents the next line became one blank.
            (true, true) => {
                let length: usize = rest.chars().take_while(|c| c.is_whitespace()).map(char::len_utf8).sum();
                return Some((at, length));
            }
            (false, true) => return Some((at, 0)),
            (false, false) => return None,
        }
    }
}

/// Bytes of an escape in the file, and whether it gives a character.
fn escape(rest: &str) -> (usize, bool) {
    let digits = match rest.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        // A line continuation, with the indentation of the next line.
        Some(b'\n' | b'\r') => {
            let blank: usize = rest[1..].chars().take_while(|c| c.is_whitespace()).map(char::len_utf8).sum();
            return (1 + blank, false);
        }
        Some(_) => 0,
        None => return (1, false),
    };
    let first = rest[1..].chars().next().map_or(0, char::len_utf8);
    ((1 + first + digits).min(rest.len()), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;
    use crate::source::FileId;

    /// The position in the file of a word of the value behind `q`.
    fn found(text: &str, word: &str) -> (usize, usize) {
        let reading = read(FileId(0), text);
        let node = reading.documents[0].node.at(&["q"]).expect("a value");
        let value = node.as_str().expect("a text");
        let raw = &text[node.span.range()];
        let offset = value.find(word).unwrap_or_else(|| panic!("{value:?} has no {word}"));
        let at = node.span.start as usize + raw_offset(raw, value, offset);
        let line = text[..at].matches('\n').count() + 1;
        (line, at - text[..at].rfind('\n').map_or(0, |end| end + 1) + 1)
    }

    #[test]
    fn every_style_points_at_its_character() {
        for (text, word, place) in [
            ("q: sum(rate(x[5m]))\n", "rate", (1, 8)),
            ("q: sum(\n  rate(x[5m]))\n", "rate", (2, 3)),
            ("q: |\n  sum(\n    rate(x[5m])\n  )\n", "rate", (3, 5)),
            ("q: |-\n  a\n\n  b\n", "b", (4, 3)),
            ("q: |2\n    sum(\n  rate)\n", "rate", (3, 3)),
            ("q: >-\n  sum(\n  rate(x[5m]))\n", "rate", (3, 3)),
            ("q: >\n  sum(a)\n\n  + b\n", "b", (4, 5)),
            ("q: 'x{a=''b''} + rate'\n", "rate", (1, 18)),
            ("q: 'x{a=''b''} + rate'\n", "b", (1, 11)),
            ("q: \"x{a=\\\"b\\\"} + rate\"\n", "rate", (1, 18)),
            ("q: \"a\\\n  b\\u00e9 c\"\n", "c", (2, 11)),
            ("q: \"sum(\n  rate(x))\"\n", "rate", (2, 3)),
            ("q: |\r\n  sum(\r\n  rate)\r\n", "rate", (3, 3)),
        ] {
            assert_eq!(found(text, word), place, "{text:?}");
        }
    }

    #[test]
    fn nothing_leads_outside() {
        for raw in ["", "\"", "'", "|", ">", "\"\\", "\"\\x", "a"] {
            for value in ["", "a", "\n", "é"] {
                for offset in 0..4 {
                    assert!(raw_offset(raw, value, offset) <= raw.len());
                }
            }
        }
    }
}

//! Patterns in the dialect of Prometheus (RE2), checked without compiling them.
//!
//! Source: Go's regexp/syntax; Prometheus anchors every pattern.

const MOST_REPEAT: u32 = 1_000;
const MOST_DEPTH: usize = 250;

/// What is wrong with a pattern, in words.
pub fn check(pattern: &str) -> Result<(), String> {
    Checker { rest: pattern, depth: 0 }
        .alternation()
        .and_then(|rest| if rest.is_empty() { Ok(()) } else { Err("a `)` without its `(`".to_string()) })
}

/// Whether a pattern matches the empty text, where that can be seen at a glance.
pub fn matches_empty(pattern: &str) -> bool {
    regex::RegexBuilder::new(&format!("^(?s:{pattern})$"))
        .size_limit(1 << 18)
        .build()
        .map_or(pattern.is_empty() || pattern == ".*", |compiled| compiled.is_match(""))
}

struct Checker<'p> {
    rest: &'p str,
    depth: usize,
}

impl<'p> Checker<'p> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Reads up to the end or a closing parenthesis, and gives what is left.
    fn alternation(&mut self) -> Result<&'p str, String> {
        let mut repeatable = false;
        let mut repeated = false;
        while let Some(c) = self.peek() {
            match c {
                ')' => return Ok(self.rest),
                '|' => {
                    self.bump();
                    (repeatable, repeated) = (false, false);
                }
                '*' | '+' | '?' => {
                    self.bump();
                    self.repetition(repeatable, repeated, &c.to_string())?;
                    (repeatable, repeated) = (true, true);
                }
                '{' if self.counted().is_some() => {
                    let (low, high, length) = self.counted().expect("looked at a line above");
                    let written = self.rest[..length].to_string();
                    if low > MOST_REPEAT || high.is_some_and(|high| high > MOST_REPEAT) {
                        return Err(format!("`{written}` repeats more than {MOST_REPEAT} times"));
                    }
                    if high.is_some_and(|high| high < low) {
                        return Err(format!("`{written}` ends before it begins"));
                    }
                    self.rest = &self.rest[length..];
                    self.repetition(repeatable, repeated, &written)?;
                    (repeatable, repeated) = (true, true);
                }
                _ => {
                    repeatable = self.atom()?;
                    repeated = false;
                }
            }
        }
        Ok(self.rest)
    }

    fn repetition(&mut self, repeatable: bool, repeated: bool, written: &str) -> Result<(), String> {
        if !repeatable {
            return Err(format!("`{written}` has nothing to repeat"));
        }
        if repeated {
            return Err(format!("`{written}` repeats a repetition"));
        }
        // Lazy.
        if self.peek() == Some('?') {
            self.bump();
        }
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,3}`: bounds and length. Anything else in braces is plain text.
    fn counted(&self) -> Option<(u32, Option<u32>, usize)> {
        let end = self.rest.find('}')?;
        let inner = &self.rest[1..end];
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        match inner.split_once(',') {
            None => number(inner).map(|count| (count, Some(count), end + 1)),
            Some((low, "")) => number(low).map(|low| (low, None, end + 1)),
            Some((low, high)) => Some((number(low)?, Some(number(high)?), end + 1)),
        }
    }

    /// One thing that could be repeated; false for an anchor.
    fn atom(&mut self) -> Result<bool, String> {
        match self.bump() {
            Some('(') => self.group(),
            Some('[') => self.class().map(|()| true),
            Some('\\') => self.escape(false),
            _ => Ok(true),
        }
    }

    fn group(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err("it is nested too deeply".to_string());
        }
        if self.peek() == Some('?') {
            self.bump();
            let named = self.rest.strip_prefix("P<").or_else(|| self.rest.strip_prefix('<'));
            if let Some(rest) = named {
                let end = rest.find('>').ok_or("the name of a group does not end")?;
                let name = &rest[..end];
                if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    return Err(format!("`{name}` is not a name for a group"));
                }
                self.rest = &rest[end + 1..];
            } else {
                let end = self.rest.find([':', ')']).ok_or("a `(` without its `)`")?;
                let flags = &self.rest[..end];
                let valid = flags.chars().all(|c| "imsU-".contains(c))
                    && flags.matches('-').count() <= 1
                    && !flags.ends_with('-')
                    && (!flags.is_empty() || self.rest.starts_with(':'));
                if !valid {
                    return Err(format!("`(?{flags}` is not known to RE2; there is no look-around"));
                }
                let closes = self.rest[end..].starts_with(')');
                self.rest = &self.rest[end + 1..];
                if closes {
                    self.depth -= 1;
                    return Ok(false);
                }
            }
        }
        self.alternation()?;
        self.depth -= 1;
        match self.bump() {
            Some(')') => Ok(true),
            _ => Err("a `(` without its `)`".to_string()),
        }
    }

    fn class(&mut self) -> Result<(), String> {
        const OPEN: &str = "a `[` without its `]`";
        if self.peek() == Some('^') {
            self.bump();
        }
        let mut first = true;
        loop {
            let low = match self.bump().ok_or(OPEN)? {
                ']' if !first => return Ok(()),
                '[' if self.rest.starts_with(':') => {
                    let end = self.rest.find(":]").ok_or(OPEN)?;
                    let name = self.rest[1..end].trim_start_matches('^');
                    let known = [
                        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
                        "punct", "space", "upper", "word", "xdigit",
                    ];
                    if !known.contains(&name) {
                        return Err(format!("`[:{name}:]` is not a class"));
                    }
                    self.rest = &self.rest[end + 2..];
                    first = false;
                    continue;
                }
                '\\' => {
                    let escaped = self.peek();
                    self.escape(true)?;
                    if escaped.is_some_and(|c| "dDsSwWpP".contains(c)) {
                        first = false;
                        continue;
                    }
                    escaped.unwrap_or('\\')
                }
                c => c,
            };
            first = false;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.bump();
                let high = match self.bump().ok_or(OPEN)? {
                    '\\' => {
                        let escaped = self.peek();
                        self.escape(true)?;
                        escaped.unwrap_or('\\')
                    }
                    c => c,
                };
                if high < low && low.is_alphanumeric() && high.is_alphanumeric() {
                    return Err(format!("the range `{low}-{high}` ends before it begins"));
                }
            }
        }
    }

    fn escape(&mut self, in_class: bool) -> Result<bool, String> {
        let c = self.bump().ok_or("a `\\` at the end")?;
        match c {
            'A' | 'z' | 'b' | 'B' if !in_class => Ok(!matches!(c, 'A' | 'z')),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' => Ok(true),
            'C' if !in_class => Err("`\\C` is not known here".to_string()),
            'Q' if !in_class => {
                let end = self.rest.find("\\E");
                self.rest = end.map_or("", |end| &self.rest[end + 2..]);
                Ok(true)
            }
            'x' => {
                let hex = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
                if let Some(rest) = self.rest.strip_prefix('{') {
                    let end = rest.find('}').filter(|end| hex(&rest[..*end]) && *end <= 6);
                    let end = end.ok_or("`\\x{…}` is not a character")?;
                    self.rest = &rest[end + 1..];
                    return Ok(true);
                }
                match self.rest.get(..2).filter(|text| hex(text)) {
                    Some(_) => {
                        self.rest = &self.rest[2..];
                        Ok(true)
                    }
                    None => Err("`\\x` needs two hexadecimal digits".to_string()),
                }
            }
            'p' | 'P' => {
                if let Some(rest) = self.rest.strip_prefix('{') {
                    let end = rest.find('}').ok_or("`\\p{…}` does not end")?;
                    self.rest = &rest[end + 1..];
                    return Ok(true);
                }
                self.bump().map(|_| true).ok_or_else(|| "`\\p` needs a class".to_string())
            }
            '0'..='7' => {
                let more = self.rest.chars().take(2).take_while(|c| ('0'..='7').contains(c)).count();
                if c != '0' && more == 0 {
                    return Err(format!("`\\{c}` would refer back, which RE2 cannot"));
                }
                self.rest = &self.rest[more..];
                Ok(true)
            }
            c if c.is_ascii_alphanumeric() => Err(format!("`\\{c}` is not an escape of RE2")),
            _ => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn speaks_re2() {
        for right in
            ["5..", "a|b", r"\Qa+b\E", "[a-z]{2,3}", "(?i)x", "(?P<n>a)", "a{b}", "^$", "", "[]a]", r"\d+"]
        {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        for wrong in
            ["a++", "(?x)a", r"\d{2000}", "a)(b", "(", "[a", "*a", r"\1", "(?=a)", r"\z*?+", "a{3,2}"]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}

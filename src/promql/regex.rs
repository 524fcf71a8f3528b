//! Patterns in the dialect of Prometheus (RE2), checked without compiling them.
//!
//! Source: Go's regexp/syntax; Prometheus anchors every pattern.

use std::sync::OnceLock;

const MOST_REPEAT: u32 = 1_000;
const MOST_DEPTH: usize = 250;

/// What a pattern, or a part of it, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Whether it matches the empty text.
    pub matches_empty: bool,
    /// How often its most repeated part is repeated by counts; 1: not at all.
    repeats: u32,
}

const EMPTY: Pattern = Pattern { matches_empty: true, repeats: 1 };
const CHARACTER: Pattern = Pattern { matches_empty: false, repeats: 1 };

impl Pattern {
    fn then(self, next: Pattern) -> Pattern {
        Pattern {
            matches_empty: self.matches_empty && next.matches_empty,
            repeats: self.repeats.max(next.repeats),
        }
    }

    fn or(self, other: Pattern) -> Pattern {
        Pattern {
            matches_empty: self.matches_empty || other.matches_empty,
            repeats: self.repeats.max(other.repeats),
        }
    }
}

/// What a pattern does, or what is wrong with it, in words.
pub fn check(pattern: &str) -> Result<Pattern, String> {
    let mut checker = Checker { rest: pattern, depth: 0 };
    let found = checker.alternation()?;
    if checker.rest.is_empty() { Ok(found) } else { Err("a `)` without its `(`".to_string()) }
}

/// Whether a pattern matches the empty text.
pub fn matches_empty(pattern: &str) -> bool {
    check(pattern).is_ok_and(|pattern| pattern.matches_empty)
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

    /// Reads up to the end or a closing parenthesis.
    fn alternation(&mut self) -> Result<Pattern, String> {
        let mut all: Option<Pattern> = None;
        // What stands before the atom that was read last, and that atom, which a repetition takes.
        let (mut before, mut last) = (EMPTY, None);
        let mut repeated = false;
        loop {
            match self.peek() {
                None | Some(')' | '|') => {
                    let branch = before.then(last.unwrap_or(EMPTY));
                    all = Some(all.map_or(branch, |all| all.or(branch)));
                    if self.peek() != Some('|') {
                        return Ok(all.unwrap_or(EMPTY));
                    }
                    self.bump();
                    (before, last, repeated) = (EMPTY, None, false);
                }
                Some(c @ ('*' | '+' | '?')) => {
                    self.bump();
                    let mut atom = self.repetition(last, repeated, &c.to_string())?;
                    atom.matches_empty |= c != '+';
                    (last, repeated) = (Some(atom), true);
                }
                Some('{') if self.counted().is_some() => {
                    let (low, high, length) = self.counted().expect("looked at a line above");
                    let written = self.rest[..length].to_string();
                    if low > MOST_REPEAT || high.is_some_and(|high| high > MOST_REPEAT) {
                        return Err(format!("`{written}` repeats more than {MOST_REPEAT} times"));
                    }
                    if high.is_some_and(|high| high < low) {
                        return Err(format!("`{written}` ends before it begins"));
                    }
                    self.rest = &self.rest[length..];
                    let mut atom = self.repetition(last, repeated, &written)?;
                    atom.matches_empty |= low == 0;
                    let times = high.unwrap_or(low).max(1);
                    atom.repeats = atom.repeats.saturating_mul(times);
                    if times >= 2 && atom.repeats > MOST_REPEAT {
                        return Err(format!("`{written}` repeats repetitions more than {MOST_REPEAT} times"));
                    }
                    (last, repeated) = (Some(atom), true);
                }
                Some(_) => {
                    // A group of flags alone is no atom: what stands before it can still be repeated.
                    if let Some(atom) = self.atom()? {
                        before = before.then(last.unwrap_or(EMPTY));
                        last = Some(atom);
                    }
                    repeated = false;
                }
            }
        }
    }

    fn repetition(
        &mut self,
        atom: Option<Pattern>,
        repeated: bool,
        written: &str,
    ) -> Result<Pattern, String> {
        let atom = atom.ok_or_else(|| format!("`{written}` has nothing to repeat"))?;
        if repeated {
            return Err(format!("`{written}` repeats a repetition"));
        }
        // Lazy.
        if self.peek() == Some('?') {
            self.bump();
        }
        Ok(atom)
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

    /// One thing that could be repeated.
    fn atom(&mut self) -> Result<Option<Pattern>, String> {
        match self.bump() {
            Some('(') => self.group(),
            Some('[') => self.class().map(|()| Some(CHARACTER)),
            Some('\\') if self.rest.starts_with("Q\\E") => {
                self.rest = &self.rest["Q\\E".len()..];
                Ok(None)
            }
            Some('\\') => self.escape(false).map(Some),
            Some('^' | '$') => Ok(Some(EMPTY)),
            _ => Ok(Some(CHARACTER)),
        }
    }

    fn group(&mut self) -> Result<Option<Pattern>, String> {
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
                    return Ok(None);
                }
            }
        }
        let inner = self.alternation()?;
        self.depth -= 1;
        match self.bump() {
            Some(')') => Ok(Some(inner)),
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

    fn escape(&mut self, in_class: bool) -> Result<Pattern, String> {
        let c = self.bump().ok_or("a `\\` at the end")?;
        match c {
            'A' | 'z' | 'B' if !in_class => Ok(EMPTY),
            // There is no border of a word in an empty text.
            'b' if !in_class => Ok(CHARACTER),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' => Ok(CHARACTER),
            'C' if !in_class => Err("`\\C` is not known here".to_string()),
            'Q' if !in_class => {
                let end = self.rest.find("\\E");
                let literal = end.map_or(self.rest, |end| &self.rest[..end]);
                let found = if literal.is_empty() { EMPTY } else { CHARACTER };
                self.rest = end.map_or("", |end| &self.rest[end + 2..]);
                Ok(found)
            }
            'x' => {
                let hex = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
                if let Some(rest) = self.rest.strip_prefix('{') {
                    let end = rest.find('}').filter(|end| hex(&rest[..*end]));
                    let code = end.and_then(|end| u32::from_str_radix(&rest[..end], 16).ok());
                    let valid = code.is_some_and(|code| code <= char::MAX as u32);
                    let end = end.filter(|_| valid).ok_or("`\\x{…}` is not a character")?;
                    self.rest = &rest[end + 1..];
                    return Ok(CHARACTER);
                }
                match self.rest.get(..2).filter(|text| hex(text)) {
                    Some(_) => {
                        self.rest = &self.rest[2..];
                        Ok(CHARACTER)
                    }
                    None => Err("`\\x` needs two hexadecimal digits".to_string()),
                }
            }
            'p' | 'P' => {
                let (name, length) = match self.rest.strip_prefix('{') {
                    Some(rest) => {
                        let end = rest.find('}').ok_or("`\\p{…}` does not end")?;
                        (rest[..end].trim_start_matches('^'), end + 2)
                    }
                    None => {
                        let length = self.peek().ok_or("`\\p` needs a class")?.len_utf8();
                        (&self.rest[..length], length)
                    }
                };
                if !is_unicode_class(name) {
                    return Err(format!("`{name}` is no class of characters"));
                }
                self.rest = &self.rest[length..];
                Ok(CHARACTER)
            }
            '0'..='7' => {
                let more = self.rest.chars().take(2).take_while(|c| ('0'..='7').contains(c)).count();
                if c != '0' && more == 0 {
                    return Err(format!("`\\{c}` would refer back, which RE2 cannot"));
                }
                self.rest = &self.rest[more..];
                Ok(CHARACTER)
            }
            c if c.is_ascii_alphanumeric() => Err(format!("`\\{c}` is not an escape of RE2")),
            _ => Ok(CHARACTER),
        }
    }
}

/// General categories and scripts, as Go spells them. The tables of the regex crate know them, in more spellings.
fn is_unicode_class(name: &str) -> bool {
    static LETTERS: OnceLock<Vec<&str>> = OnceLock::new();
    let categories = LETTERS.get_or_init(|| {
        "Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs"
            .split(' ')
            .collect()
    });
    if name.len() <= 3 {
        return categories.contains(&name) || (name.len() == 3 && is_script(name));
    }
    is_script(name)
}

/// A script in the one spelling of Go: words with a capital each, joined by `_`.
fn is_script(name: &str) -> bool {
    let words = name.split('_').all(|word| {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.bytes().skip(1).all(|byte| byte.is_ascii_lowercase())
    });
    words && name.len() <= 32 && regex::Regex::new(&format!("\\p{{Script={name}}}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn speaks_re2() {
        for right in
            ["5..", "a|b", r"\Qa+b\E", "[a-z]{2,3}", "(?i)x", "(?P<n>a)", "a{b}", "^$", "", "[]a]", r"\d+"]
        {
            assert!(check(right).is_ok(), "{right}");
        }
        for wrong in [
            "a++",
            "(a{50}){50}",
            r"\p{Foo}",
            "(?x)a",
            r"\d{2000}",
            "a)(b",
            "(",
            "[a",
            "*a",
            r"\1",
            "(?=a)",
            r"\z*?+",
            "a{3,2}",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn knows_what_matches_nothing() {
        for (pattern, expected) in [
            (".*", true),
            (".+", false),
            ("a|", true),
            ("(a*)(b?)", true),
            ("a*b", false),
            ("^$", true),
            ("", true),
            ("(a|b*)+", true),
            ("a{0,3}", true),
            (r"\Q\E", true),
            ("x(?i)*", true),
        ] {
            assert_eq!(super::matches_empty(pattern), expected, "{pattern}");
        }
    }
}

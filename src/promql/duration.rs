//! Numbers and durations.

use super::ast::Duration;

/// Value of a number as PromQL writes it: decimal, hexadecimal, octal with a leading 0, `_` between digits, Inf, NaN.
///
/// Source: prometheus/prometheus promql/parser/parse.go, number; Go's strconv.ParseInt with base 0 and ParseFloat.
pub fn number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    // What almost all numbers are.
    if bytes.len() < 16 && bytes.iter().all(u8::is_ascii_digit) && (bytes[0] != b'0' || bytes.len() == 1) {
        return Some(bytes.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0')) as f64);
    }
    if !bytes.contains(&b'_') {
        return unseparated(text);
    }
    let between = |at: usize| {
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        (digit(before) || matches!(before, Some(b'x' | b'X'))) && digit(bytes.get(at + 1))
    };
    let separates = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').all(|(at, _)| between(at));
    separates.then(|| unseparated(&text.replace('_', ""))).flatten()
}

fn unseparated(plain: &str) -> Option<f64> {
    if plain.eq_ignore_ascii_case("inf") {
        return Some(f64::INFINITY);
    }
    if plain.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok().map(|value| value as f64);
    }
    let octal =
        plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if octal && let Ok(value) = i64::from_str_radix(plain, 8) {
        return Some(value as f64);
    }
    plain.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// Milliseconds of `1h30m`. Units descend and come once each.
///
/// Source: prometheus/common model/time.go, ParseDuration.
pub fn milliseconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    let mut last = usize::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (rank, length, unit) = match rest.as_bytes() {
            [b'm', b's', ..] => (1, 2, 1),
            [b's', ..] => (2, 1, 1_000),
            [b'm', ..] => (3, 1, 60_000),
            [b'h', ..] => (4, 1, 3_600_000),
            [b'd', ..] => (5, 1, 86_400_000),
            [b'w', ..] => (6, 1, 604_800_000),
            [b'y', ..] => (7, 1, 31_536_000_000),
            _ => return None,
        };
        if rank >= last {
            return None;
        }
        last = rank;
        total = count.checked_mul(unit).and_then(|value| total.checked_add(value))?;
        rest = &rest[length..];
    }
    // It must fit into nanoseconds.
    total.checked_mul(1_000_000).map(|_| total)
}

/// Milliseconds as Prometheus prints them: `1h30m`, `0s`.
pub fn text(milliseconds: i64) -> String {
    if milliseconds == 0 {
        return "0s".to_string();
    }
    let mut rest = milliseconds.unsigned_abs();
    let mut out = String::new();
    if milliseconds < 0 {
        out.push('-');
    }
    // Years, weeks and days only where nothing is left over.
    let units: [(&str, u64, bool); 7] = [
        ("y", 31_536_000_000, true),
        ("w", 604_800_000, true),
        ("d", 86_400_000, false),
        ("h", 3_600_000, false),
        ("m", 60_000, false),
        ("s", 1_000, false),
        ("ms", 1, false),
    ];
    for (name, size, exact) in units {
        if exact && !rest.is_multiple_of(size) {
            continue;
        }
        if rest >= size {
            out.push_str(&format!("{}{name}", rest / size));
            rest %= size;
        }
    }
    out
}

impl Duration {
    /// Seconds, where it is a constant.
    pub fn seconds(&self) -> Option<f64> {
        match self {
            Duration::Constant(nanoseconds) => Some(*nanoseconds as f64 / 1e9),
            Duration::Computed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_durations() {
        for (written, printed) in [
            ("5m", "5m"),
            ("90s", "1m30s"),
            ("1y2w", "379d"),
            ("7d", "1w"),
            ("0s", "0s"),
            ("1h0m1ms", "1h1ms"),
        ] {
            assert_eq!(milliseconds(written).map(text).as_deref(), Some(printed), "{written}");
        }
        for wrong in ["5m5m", "1s1m", "5", "300y"] {
            assert_eq!(milliseconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reads_numbers_as_go_does() {
        assert_eq!(number("1_000"), Some(1000.0));
        assert_eq!(number("0x1_2"), Some(18.0));
        assert_eq!(number("010"), Some(8.0));
        assert_eq!(number("1e309"), None);
        assert_eq!(number("1__0"), None);
        assert_eq!(number(".5"), Some(0.5));
    }
}

use rust_decimal::Decimal;

/// What kind of thing a quantity measures. The base units are seconds, bytes, shares of one, events per second, and
/// things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    Time,
    Bytes,
    Ratio,
    Rate,
    Count,
}

impl Dimension {
    /// What a person would write, for messages.
    pub fn example(self) -> &'static str {
        match self {
            Dimension::Time => "\"500ms\"",
            Dimension::Bytes => "\"64MiB\"",
            Dimension::Ratio => "\"5%\"",
            Dimension::Rate => "\"20/s\"",
            Dimension::Count => "20",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Dimension::Time => "a time",
            Dimension::Bytes => "a number of bytes",
            Dimension::Ratio => "a share",
            Dimension::Rate => "a rate",
            Dimension::Count => "a plain number",
        }
    }
}

/// A quantity in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    pub value: Decimal,
    /// None where no unit was written.
    pub dimension: Option<Dimension>,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmountProblem {
    NotANumber,
    UnknownUnit(String),
    TooLarge,
}

const UNITS: &[(&str, Dimension, i128, u32)] = &[
    ("ns", Dimension::Time, 1, 9),
    ("us", Dimension::Time, 1, 6),
    ("µs", Dimension::Time, 1, 6),
    ("μs", Dimension::Time, 1, 6),
    ("ms", Dimension::Time, 1, 3),
    ("s", Dimension::Time, 1, 0),
    ("m", Dimension::Time, 60, 0),
    ("min", Dimension::Time, 60, 0),
    ("h", Dimension::Time, 3_600, 0),
    ("d", Dimension::Time, 86_400, 0),
    ("w", Dimension::Time, 604_800, 0),
    ("B", Dimension::Bytes, 1, 0),
    ("bytes", Dimension::Bytes, 1, 0),
    ("kB", Dimension::Bytes, 1_000, 0),
    ("KB", Dimension::Bytes, 1_000, 0),
    ("MB", Dimension::Bytes, 1_000_000, 0),
    ("GB", Dimension::Bytes, 1_000_000_000, 0),
    ("TB", Dimension::Bytes, 1_000_000_000_000, 0),
    ("KiB", Dimension::Bytes, 1 << 10, 0),
    ("MiB", Dimension::Bytes, 1 << 20, 0),
    ("GiB", Dimension::Bytes, 1 << 30, 0),
    ("TiB", Dimension::Bytes, 1 << 40, 0),
    ("Ki", Dimension::Bytes, 1 << 10, 0),
    ("Mi", Dimension::Bytes, 1 << 20, 0),
    ("Gi", Dimension::Bytes, 1 << 30, 0),
    ("Ti", Dimension::Bytes, 1 << 40, 0),
    ("%", Dimension::Ratio, 1, 2),
    ("/s", Dimension::Rate, 1, 0),
];

/// Reads `500ms`, `1m30s`, `85%`, `64MiB`, `20/s`, `1200/min` or a plain number.
///
/// # Errors
/// A text without a number, with a unit that nobody knows, or too large to count with.
pub fn parse_amount(text: &str) -> Result<Amount, AmountProblem> {
    let mut rest = text.trim();
    let mut total = Decimal::ZERO;
    let mut parts = 0;
    loop {
        let digits = rest
            .char_indices()
            .find(|(at, c)| {
                let sign = *at == 0 && parts == 0 && matches!(c, '-' | '+');
                !(c.is_ascii_digit() || *c == '.' || *c == '_' || sign)
            })
            .map_or(rest.len(), |(at, _)| at);
        let number = decimal(&rest[..digits])?;
        rest = rest[digits..].trim_start();
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = rest[..end].trim_end();
        let (dimension, factor) = match unit {
            "" if parts == 0 && rest.is_empty() => (None, Decimal::ONE),
            "" => return Err(AmountProblem::NotANumber),
            "/m" | "/min" | "/h" => {
                let seconds = if unit == "/h" { 3_600 } else { 60 };
                // A division: the value stays exact as long as the number is a multiple.
                let value = number.checked_div(Decimal::from(seconds)).ok_or(AmountProblem::TooLarge)?;
                let whole = end == rest.len() && parts == 0;
                return whole
                    .then_some(Amount { value, dimension: Some(Dimension::Rate) })
                    .ok_or(AmountProblem::NotANumber);
            }
            _ => {
                let known = UNITS.iter().find(|(name, ..)| *name == unit);
                let (_, dimension, times, scale) =
                    known.ok_or_else(|| AmountProblem::UnknownUnit(unit.to_string()))?;
                (Some(*dimension), Decimal::from_i128_with_scale(*times, *scale))
            }
        };
        total = number
            .checked_mul(factor)
            .and_then(|value| total.checked_add(value))
            .ok_or(AmountProblem::TooLarge)?;
        rest = &rest[end..];
        parts += 1;
        // Only times are written in several parts: 1m30s.
        if rest.is_empty() {
            return Ok(Amount { value: total.normalize(), dimension });
        }
        if dimension != Some(Dimension::Time) {
            return Err(AmountProblem::NotANumber);
        }
    }
}

fn decimal(text: &str) -> Result<Decimal, AmountProblem> {
    let plain = text.replace('_', "");
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(AmountProblem::NotANumber);
    }
    if digits > 20 {
        return Err(AmountProblem::TooLarge);
    }
    plain.parse().map_err(|_| AmountProblem::NotANumber)
}

/// A decimal as a person writes it: no trailing zeros, no exponent.
pub fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}

/// A time in the unit that reads best: `500ms`, `1.5s`, `90s`, `5m`.
pub fn seconds_text(seconds: Decimal) -> String {
    let value = seconds.normalize();
    let thousand = Decimal::from(1_000);
    if value.is_zero() {
        return "0s".to_string();
    }
    if value.abs() < Decimal::from_i128_with_scale(1, 3) {
        return format!("{}us", plain(value * thousand * thousand));
    }
    if value.abs() < Decimal::ONE {
        return format!("{}ms", plain(value * thousand));
    }
    let minute = Decimal::from(60);
    if value > Decimal::from(120) && (value % minute).is_zero() {
        return format!("{}m", plain(value / minute));
    }
    format!("{}s", plain(value))
}

/// Whether Kubernetes reads it as a quantity above 0: `500m`, `512Mi`, `1e3`.
///
/// Source: kubernetes/apimachinery pkg/api/resource/quantity.go.
pub fn is_quantity(text: &str) -> bool {
    const SUFFIXES: [&str; 16] =
        ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "n", "u", "m", "k", "M", "G", "T", "P", "E", ""];
    let number = SUFFIXES.iter().find_map(|suffix| {
        let number = text.strip_suffix(suffix)?;
        number
            .parse::<f64>()
            .ok()
            .filter(|_| number.starts_with(|c: char| c.is_ascii_digit() || "+.".contains(c)))
    });
    number.is_some_and(|number| number > 0.0)
}

/// What a Kubernetes quantity comes to: `500m` is 0.5, `2k` 2000. None where it is none, or beyond all counting.
pub fn quantity_value(text: &str) -> Option<Decimal> {
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(at);
    let number: Decimal = number.parse().ok()?;
    let power = |base: i64, exponent: u32| base.checked_pow(exponent).map(Decimal::from);
    let factor = match suffix {
        "" => Decimal::ONE,
        "n" => Decimal::from_i128_with_scale(1, 9),
        "u" => Decimal::from_i128_with_scale(1, 6),
        "m" => Decimal::from_i128_with_scale(1, 3),
        _ => {
            let (letter, base) = suffix.strip_suffix('i').map_or((suffix, 1000), |letter| (letter, 1024));
            let letters = ["k", "M", "G", "T", "P"];
            // Powers of two begin with a capital.
            let letter = if base == 1024 && letter == "K" { "k" } else { letter };
            power(base, letters.iter().position(|known| *known == letter)? as u32 + 1)?
        }
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<Dimension>) {
        let amount = parse_amount(text).expect(text);
        (plain(amount.value), amount.dimension)
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(read("500ms"), ("0.5".into(), Some(Dimension::Time)));
        assert_eq!(read("1m30s"), ("90".into(), Some(Dimension::Time)));
        assert_eq!(read(" 2.5 s "), ("2.5".into(), Some(Dimension::Time)));
        assert_eq!(read("85%"), ("0.85".into(), Some(Dimension::Ratio)));
        assert_eq!(read("64MiB"), ("67108864".into(), Some(Dimension::Bytes)));
        assert_eq!(read("1200/min"), ("20".into(), Some(Dimension::Rate)));
        assert_eq!(read("20"), ("20".into(), None));
        assert_eq!(read("1_000"), ("1000".into(), None));
    }

    #[test]
    fn refuses_the_rest() {
        for wrong in ["", "ms", "5 5", "1.2.3s", "--5", "5%5%", "1m 30", "5/s5"] {
            assert!(parse_amount(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_amount("5 parsecs"), Err(AmountProblem::UnknownUnit("parsecs".into())));
        assert_eq!(parse_amount(&"9".repeat(60)), Err(AmountProblem::TooLarge));
    }

    #[test]
    fn quantities_have_values() {
        let value = |text: &str| quantity_value(text).map(plain);
        assert_eq!(value("500m").as_deref(), Some("0.5"));
        assert_eq!(value("2k").as_deref(), Some("2000"));
        assert_eq!(value("1Ki").as_deref(), Some("1024"));
        assert_eq!(value("30").as_deref(), Some("30"));
        assert_eq!((value("x"), value("5 m"), value("")), (None, None, None));
    }

    #[test]
    fn times_read_well() {
        let text = |value: &str| seconds_text(value.parse().expect("a decimal"));
        assert_eq!(text("0.5"), "500ms");
        assert_eq!(text("90"), "90s");
        assert_eq!(text("300"), "5m");
        assert_eq!(text("0.00025"), "250us");
    }
}

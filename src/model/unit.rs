use rust_decimal::Decimal;

use super::Dimension;

/// The unit in which a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricUnit {
    pub dimension: Dimension,
    /// Base units in one of it: 0.001 for a metric in milliseconds.
    pub factor: Decimal,
    /// What it is called, in the plural.
    pub name: &'static str,
}

/// Suffixes and spellings of units. The first column is what a metric's name ends in, the second what a policy may
/// say in `unit`.
/// Endings, words, dimension, base units in one (a number and its decimals), name.
type Row = (&'static [&'static str], &'static [&'static str], Dimension, i128, u32, &'static str);

const UNITS: &[Row] = &[
    (&["_seconds", "_secs"], &["s", "second", "seconds"], Dimension::Time, 1, 0, "seconds"),
    (
        &["_milliseconds", "_millis", "_ms"],
        &["ms", "millisecond", "milliseconds"],
        Dimension::Time,
        1,
        3,
        "milliseconds",
    ),
    (
        &["_microseconds", "_us"],
        &["us", "µs", "microsecond", "microseconds"],
        Dimension::Time,
        1,
        6,
        "microseconds",
    ),
    (&["_nanoseconds", "_ns"], &["ns", "nanosecond", "nanoseconds"], Dimension::Time, 1, 9, "nanoseconds"),
    (&["_minutes"], &["min", "minute", "minutes"], Dimension::Time, 60, 0, "minutes"),
    (&["_bytes"], &["B", "byte", "bytes"], Dimension::Bytes, 1, 0, "bytes"),
    (&["_kilobytes"], &["kB", "KB"], Dimension::Bytes, 1_000, 0, "kilobytes"),
    (&["_megabytes"], &["MB"], Dimension::Bytes, 1_000_000, 0, "megabytes"),
    (&["_kibibytes"], &["KiB"], Dimension::Bytes, 1 << 10, 0, "KiB"),
    (&["_mebibytes"], &["MiB"], Dimension::Bytes, 1 << 20, 0, "MiB"),
    (&["_gibibytes"], &["GiB"], Dimension::Bytes, 1 << 30, 0, "GiB"),
    (&["_ratio", "_fraction"], &["ratio", "share", "1"], Dimension::Ratio, 1, 0, "shares of one"),
    (&["_percent"], &["percent", "%"], Dimension::Ratio, 1, 2, "percent"),
    (&[], &["/s", "per second"], Dimension::Rate, 1, 0, "events per second"),
    (&[], &["count", "things"], Dimension::Count, 1, 0, "things"),
];

/// Endings that say what kind of series it is, not what it counts.
const KINDS: [&str; 4] = ["_bucket", "_sum", "_count", "_total"];

impl MetricUnit {
    /// One thing: queue entries, requests, workers.
    pub const COUNT: MetricUnit =
        MetricUnit { dimension: Dimension::Count, factor: Decimal::ONE, name: "things" };

    /// Events per second.
    pub const RATE: MetricUnit =
        MetricUnit { dimension: Dimension::Rate, factor: Decimal::ONE, name: "events per second" };

    /// Shares of one.
    pub const RATIO: MetricUnit =
        MetricUnit { dimension: Dimension::Ratio, factor: Decimal::ONE, name: "shares of one" };

    /// The unit that a metric's name states, as the Prometheus naming conventions want it.
    pub fn of_name(metric: &str) -> Option<Self> {
        let mut name = metric;
        for kind in KINDS {
            name = name.strip_suffix(kind).unwrap_or(name);
        }
        Self::find(|endings, _| endings.iter().any(|ending| name.ends_with(ending)))
    }

    /// The unit that a policy states.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::find(|_, words| words.contains(&word.trim()))
    }

    /// Words that [`MetricUnit::of_word`] knows, for messages.
    pub fn words() -> impl Iterator<Item = &'static str> {
        UNITS.iter().filter_map(|(_, words, ..)| words.first().copied())
    }

    fn find(is: impl Fn(&[&str], &[&str]) -> bool) -> Option<Self> {
        let (_, _, dimension, times, scale, name) =
            UNITS.iter().find(|(endings, words, ..)| is(endings, words))?;
        Some(MetricUnit {
            dimension: *dimension,
            factor: Decimal::from_i128_with_scale(*times, *scale),
            name,
        })
    }

    /// A value in base units, as the metric counts it; exact where the quotient is.
    pub fn convert(self, base: Decimal) -> Decimal {
        base.checked_div(self.factor).unwrap_or(Decimal::MAX).normalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_state_units() {
        let name = |metric| MetricUnit::of_name(metric).map(|unit| unit.name);
        assert_eq!(name("inference_latency_seconds"), Some("seconds"));
        assert_eq!(name("istio_request_duration_milliseconds_bucket"), Some("milliseconds"));
        assert_eq!(name("nv_inference_queue_duration_us"), Some("microseconds"));
        assert_eq!(name("http_requests_total"), None);
        assert_eq!(name("go_memstats_alloc_bytes_total"), Some("bytes"));
    }

    #[test]
    fn half_a_second_is_500_milliseconds() {
        let unit = MetricUnit::of_word("ms").expect("known");
        assert_eq!(unit.convert("0.5".parse().expect("a decimal")), Decimal::from(500));
    }
}

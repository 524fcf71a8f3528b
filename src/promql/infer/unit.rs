//! What a value is measured in, told by the names of metrics and by functions.
//!
//! Source: the naming conventions of Prometheus (units in the name, `_total` for counters).

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Minutes,
    Hours,
    Bytes,
    Ratio,
    Percent,
    /// Things that are counted.
    Events,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    pub base: Base,
    pub per_second: bool,
}

impl Base {
    fn name(self) -> &'static str {
        match self {
            Base::Seconds => "seconds",
            Base::Milliseconds => "milliseconds",
            Base::Microseconds => "microseconds",
            Base::Nanoseconds => "nanoseconds",
            Base::Minutes => "minutes",
            Base::Hours => "hours",
            Base::Bytes => "bytes",
            Base::Ratio => "a ratio",
            Base::Percent => "percent",
            Base::Events => "a count",
        }
    }

    /// Seconds of one, where it is a time.
    pub fn seconds(self) -> Option<f64> {
        Some(match self {
            Base::Seconds => 1.0,
            Base::Milliseconds => 1e-3,
            Base::Microseconds => 1e-6,
            Base::Nanoseconds => 1e-9,
            Base::Minutes => 60.0,
            Base::Hours => 3_600.0,
            _ => return None,
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.base, self.per_second) {
            (Base::Events, true) => formatter.write_str("per second"),
            (base, true) => write!(formatter, "{} per second", base.name()),
            (base, false) => formatter.write_str(base.name()),
        }
    }
}

impl Unit {
    pub const fn level(base: Base) -> Unit {
        Unit { base, per_second: false }
    }

    pub const fn rate(base: Base) -> Unit {
        Unit { base, per_second: true }
    }

    /// The unit that the name of a metric tells, of the thing that it measures: for a histogram, of what is observed.
    pub fn of_name(name: &str) -> Option<Unit> {
        let name = ["_bucket", "_sum", "_count", "_total", "_max", "_min", "_avg", "_mean"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        let last = name.rsplit(['_', ':']).next().unwrap_or(name);
        Some(Unit::level(match last {
            "seconds" | "second" | "secs" | "sec" => Base::Seconds,
            "milliseconds" | "millis" | "ms" | "msec" | "millisecond" => Base::Milliseconds,
            "microseconds" | "us" | "usec" | "micros" => Base::Microseconds,
            "nanoseconds" | "ns" | "nsec" | "nanos" => Base::Nanoseconds,
            "minutes" => Base::Minutes,
            "hours" => Base::Hours,
            "bytes" | "byte" => Base::Bytes,
            "ratio" => Base::Ratio,
            "percent" | "percentage" | "pct" => Base::Percent,
            _ => return None,
        }))
    }

    /// The unit of a series: of a histogram's `_bucket` and `_count`, and of a counter without a unit, a count.
    pub fn of_series(name: &str) -> Option<Unit> {
        if name.ends_with("_bucket") || name.ends_with("_count") {
            return Some(Unit::level(Base::Events));
        }
        let counted = || name.ends_with("_total").then_some(Unit::level(Base::Events));
        Unit::of_name(name).or_else(counted)
    }

    pub fn divided_by(self, other: Unit) -> Option<Unit> {
        if self == other {
            return Some(Unit::level(Base::Ratio));
        }
        match (self, other) {
            (Unit { base, per_second }, Unit { base: Base::Events, per_second: other })
                if per_second == other =>
            {
                Some(Unit::level(base))
            }
            (Unit { base, per_second: false }, Unit { base: Base::Seconds, per_second: false }) => {
                Some(Unit::rate(base))
            }
            (unit, Unit { base: Base::Ratio, per_second: false }) => Some(unit),
            _ => None,
        }
    }

    /// The same value, multiplied by a plain number.
    pub fn scaled(self, factor: f64) -> Option<Unit> {
        let base = match (self.base, factor) {
            (base, 1.0) => base,
            (Base::Ratio, 100.0) => Base::Percent,
            (Base::Percent, 0.01) => Base::Ratio,
            (Base::Seconds, 1_000.0) => Base::Milliseconds,
            (Base::Milliseconds, 0.001) => Base::Seconds,
            _ => return None,
        };
        Some(Unit { base, ..self })
    }
}

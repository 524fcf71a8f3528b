//! Quantities, durations and versions: the small things that every table has.

use std::ops::RangeInclusive;

use super::{Checker, rules};
use crate::finding::Finding;
use crate::model::{AmountProblem, Decimal, Dimension, Version, parse_amount, plain, seconds_text};
use crate::policy::written::{Field, Quantity, Software};
use crate::source::Placed;

impl Checker<'_> {
    /// A quantity of the wanted kind, in base units. A bare number is refused where a unit decides what it means.
    pub(super) fn amount(
        &mut self,
        quantity: &Placed<Quantity>,
        wanted: Dimension,
        what: &str,
    ) -> Option<Decimal> {
        let text = quantity.value.written();
        let amount = match parse_amount(text) {
            Ok(amount) => amount,
            Err(problem) => {
                self.unreadable(quantity, wanted, problem);
                return None;
            }
        };
        match amount.dimension {
            Some(found) if found == wanted => Some(amount.value),
            None if wanted == Dimension::Count => Some(amount.value),
            None => {
                let (first, second) = readings(amount.value, wanted);
                self.push(
                    Finding::new(
                        &rules::UNIT_MISSING,
                        quantity.place,
                        format!("`{text}` has no unit, and {what} needs one"),
                    )
                    .label("which unit?")
                    .why(format!("it can be read as {first} or as {second}"))
                    .help(format!("write \"{first}\" or \"{second}\"")),
                );
                None
            }
            Some(found) => {
                self.push(
                    Finding::new(
                        &rules::UNIT_MISMATCH,
                        quantity.place,
                        format!("`{text}` is {}, and {what} is {}", found.name(), wanted.name()),
                    )
                    .why("comparing the two would compare two different things")
                    .help(format!("write something like {}", wanted.example())),
                );
                None
            }
        }
    }

    fn unreadable(&mut self, quantity: &Placed<Quantity>, wanted: Dimension, problem: AmountProblem) {
        let text = quantity.value.written();
        let message = match &problem {
            AmountProblem::NotANumber => format!("`{text}` is not a quantity"),
            AmountProblem::UnknownUnit(unit) => format!("`{unit}` is not a unit"),
            AmountProblem::TooLarge => format!("`{text}` is too large to count with"),
        };
        let units = match wanted {
            Dimension::Time => "us, ms, s, min, h and d",
            Dimension::Bytes => "B, kB, MB, GB, KiB, MiB and GiB",
            Dimension::Ratio => "%",
            Dimension::Rate => "/s, /min and /h",
            Dimension::Count => "none: a plain number is wanted",
        };
        self.push(
            Finding::new(&rules::INVALID_QUANTITY, quantity.place, message)
                .help(format!("write something like {}; units here: {units}", wanted.example())),
        );
    }

    /// A whole number of seconds within bounds.
    pub(super) fn seconds(
        &mut self,
        field: &Field<Quantity>,
        what: &str,
        range: RangeInclusive<u32>,
        because: &str,
    ) -> Option<Placed<u32>> {
        let quantity = field.get()?;
        let value = self.amount(quantity, Dimension::Time, what)?;
        let (low, high) = (*range.start(), *range.end());
        let whole = value.trunc() == value;
        let number = u32::try_from(value.trunc()).ok().filter(|_| whole);
        match number {
            Some(number) if range.contains(&number) => Some(Placed::new(number, quantity.place)),
            _ => {
                let problem = if whole || value < Decimal::ZERO {
                    format!("{what} is {}, and must be from {low}s to {high}s", seconds_text(value))
                } else {
                    format!("{what} is {}, and must be whole seconds", seconds_text(value))
                };
                let nearest = plain(value.max(low.into()).min(high.into()).round());
                self.push(
                    Finding::new(&rules::OUT_OF_RANGE, quantity.place, problem)
                        .why(because)
                        .help(format!("write \"{nearest}s\" or another value in that range")),
                );
                None
            }
        }
    }

    /// A version in quotes.
    pub(super) fn version(
        &mut self,
        field: &Field<Quantity>,
        name: &str,
        oldest: (u16, u16),
        newest: Version,
    ) -> Version {
        let Some(placed) = field.get() else {
            return newest;
        };
        let text = match &placed.value {
            Quantity::Text(text) => text,
            Quantity::Number(number) => {
                self.push(
                    Finding::new(
                        &rules::UNSUPPORTED_VERSION,
                        placed.place,
                        format!("a version is written in quotes, not as the number {number}"),
                    )
                    .why("as a number, 2.20 is the same as 2.2")
                    .help(format!("write \"{newest}\", or the version that you run, in quotes")),
                );
                return newest;
            }
        };
        let Some(version) = Version::parse(text) else {
            self.push(
                Finding::new(&rules::UNSUPPORTED_VERSION, placed.place, format!("`{text}` is not a version"))
                    .help(format!("write major and minor, such as \"{newest}\"")),
            );
            return newest;
        };
        if !version.at_least(oldest.0, oldest.1) {
            self.push(
                Finding::new(
                    &rules::UNSUPPORTED_VERSION,
                    placed.place,
                    format!("{name} {version} is older than slogen can write for"),
                )
                .why(format!(
                    "what keeps a lost metric from reading as 0 needs {name} {}.{}",
                    oldest.0, oldest.1
                ))
                .help(format!("upgrade {name}, or state the version that you will run")),
            );
            return newest;
        }
        version
    }

    pub(super) fn software(
        &mut self,
        field: &Field<Software>,
        name: &str,
        oldest: (u16, u16),
        newest: Version,
    ) -> Version {
        let Some(software) = field.get() else {
            return newest;
        };
        let example = format!("version = \"{newest}\"");
        self.required(&software.value.version, "version", software.place, &example);
        self.version(&software.value.version, name, oldest, newest)
    }
}

/// Two things that a bare number can mean.
fn readings(value: Decimal, wanted: Dimension) -> (String, String) {
    let number = plain(value);
    match wanted {
        Dimension::Time => (format!("{number}ms"), format!("{number}s")),
        Dimension::Bytes => (format!("{number}MiB"), format!("{number}B")),
        Dimension::Ratio => {
            let hundred = value.checked_mul(Decimal::ONE_HUNDRED).map_or(number.clone(), plain);
            (format!("{number}%"), format!("{hundred}%"))
        }
        Dimension::Rate => (format!("{number}/s"), format!("{number}/min")),
        Dimension::Count => (number.clone(), number),
    }
}

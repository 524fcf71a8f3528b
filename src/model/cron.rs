//! Cron expressions as KEDA reads them, and when they fire.
//!
//! Source: robfig/cron v3 parser.go with KEDA's options: five fields, day of week 0 to 6, no seconds, no `@daily`;
//! spec.go, dayMatches.

struct CronField {
    name: &'static str,
    low: u32,
    high: u32,
    words: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [CronField; 5] = [
    CronField { name: "minute", low: 0, high: 59, words: &[] },
    CronField { name: "hour", low: 0, high: 23, words: &[] },
    CronField { name: "day of month", low: 1, high: 31, words: &[] },
    CronField { name: "month", low: 1, high: 12, words: &MONTHS },
    CronField { name: "day of week", low: 0, high: 6, words: &DAYS },
];

/// When a schedule fires, in its own time zone; changes of the clock are left out.
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day needs to fit both its day of month and its day of week; otherwise one of them is enough.
    is_both: bool,
}

/// Days that are looked through: eight years from the first of January 2027, with two leap days.
const DAYS_AHEAD: u32 = 2_922;

impl Schedule {
    /// What the five fields say; None where they cannot be read.
    pub fn read(text: &str) -> Option<Schedule> {
        let parts = read(text).ok()?;
        let field = |at: usize| parts[at].split(',').fold(0, |all, item| all | bits(item, &FIELDS[at]));
        // A star that goes by steps is a restriction.
        let is_star = |at: usize| {
            parts[at].split(',').any(|item| {
                let (range, step) = item.split_once('/').unwrap_or((item, "1"));
                matches!(range, "*" | "?") && step == "1"
            })
        };
        Some(Schedule {
            minutes: field(0),
            hours: field(1),
            days: field(2),
            months: field(3),
            weekdays: field(4),
            is_both: is_star(2) || is_star(4),
        })
    }

    /// Whether there is a day on which it fires.
    pub fn ever_fires(&self) -> bool {
        days().any(|day| self.is_on(&day))
    }

    /// Whether it fires twice or more between two times of another.
    pub fn repeats_before(&self, end: &Schedule) -> bool {
        let (own, others) = (self.minutes_of_day(), end.minutes_of_day());
        // What came before the first end is not known.
        let (mut seen_end, mut starts) = (false, 0);
        for day in days() {
            let own = if self.is_on(&day) { own.as_slice() } else { &[] };
            let others = if end.is_on(&day) { others.as_slice() } else { &[] };
            let (mut at, mut other) = (0, 0);
            while at < own.len() || other < others.len() {
                // A start at the very moment of an end belongs to what follows.
                if other < others.len() && own.get(at).is_none_or(|own| others[other] <= *own) {
                    (seen_end, starts) = (true, 0);
                    other += 1;
                } else {
                    starts += 1;
                    at += 1;
                    if seen_end && starts > 1 {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// The most minutes that pass between two times at which it fires.
    pub fn longest_gap(&self) -> Option<u32> {
        const DAY: u32 = 24 * 60;
        let moments = self.minutes_of_day();
        let (first, last) = (*moments.first()?, *moments.last()?);
        let within = moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let on: Vec<u32> = (0..).zip(days()).filter(|(_, day)| self.is_on(day)).map(|(at, _)| at).collect();
        let between = on.windows(2).map(|pair| (pair[1] - pair[0]) * DAY + first - last).max()?;
        Some(within.max(between))
    }

    fn minutes_of_day(&self) -> Vec<u32> {
        let hours = (0..24).filter(|hour| self.hours >> hour & 1 == 1);
        hours
            .flat_map(|hour| {
                (0..60).filter(|minute| self.minutes >> minute & 1 == 1).map(move |minute| hour * 60 + minute)
            })
            .collect()
    }

    fn is_on(&self, day: &Day) -> bool {
        let (dated, named) = (self.days >> day.of_month & 1 == 1, self.weekdays >> day.of_week & 1 == 1);
        self.months >> day.month & 1 == 1 && if self.is_both { dated && named } else { dated || named }
    }
}

struct Day {
    month: u32,
    of_month: u32,
    of_week: u32,
}

fn days() -> impl Iterator<Item = Day> {
    let (mut year, mut month, mut of_month) = (2027, 1, 0);
    (0..DAYS_AHEAD).map(move |count| {
        of_month += 1;
        if of_month > days_of(year, month) {
            (month, of_month) = (month + 1, 1);
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        // The first of January 2027 is a Friday.
        Day { month, of_month, of_week: (count + 5) % 7 }
    })
}

fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The numbers that an item of a field stands for, as bits.
fn bits(item: &str, field: &CronField) -> u64 {
    let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, step.parse().ok()));
    let (low, high) = match range.split_once('-') {
        _ if matches!(range, "*" | "?") => (field.low, field.high),
        Some((low, high)) => (number(low, field).unwrap_or(0), number(high, field).unwrap_or(0)),
        // `5/15` goes to the end.
        None => {
            let low = number(range, field).unwrap_or(0);
            (low, if step.is_some() { field.high } else { low })
        }
    };
    (low..=high).step_by(step.unwrap_or(1).max(1)).fold(0, |all, number| all | 1 << number)
}

/// The field that makes a moment come more than once a day, and what stands in it.
pub fn repeats(text: &str) -> Option<(&'static str, &str)> {
    let parts = read(text).ok()?;
    let several = |part: &str| part.contains(['*', '?', ',', '-', '/']);
    let at = [0, 1].into_iter().find(|at| several(parts[*at]))?;
    Some((FIELDS[at].name, parts[at]))
}

/// The time zone that stands before the fields, if one does, and the rest.
pub fn split_zone(text: &str) -> (Option<&str>, &str) {
    let text = text.trim();
    let zone = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ="));
    match zone.and_then(|rest| rest.split_once(' ')) {
        Some((zone, rest)) => (Some(zone), rest.trim()),
        None => (None, text),
    }
}

/// Blanks folded, as the parser reads it.
pub fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The five fields, or what is wrong and what to write.
pub fn read(text: &str) -> Result<Vec<&str>, (String, String)> {
    let (_, text) = split_zone(text);
    let parts: Vec<&str> = text.split_whitespace().collect();
    let help = "write minute, hour, day of month, month and day of week, such as \"0 8 * * 1-5\"";
    if parts.len() != 5 {
        let fields = if parts.len() == 1 { "field" } else { "fields" };
        let problem = format!("{} has {} {fields} instead of 5", shown(text), parts.len());
        return Err((problem, help.to_string()));
    }
    for (part, field) in parts.iter().zip(&FIELDS) {
        if !part.split(',').all(|item| valid_item(item, field)) {
            let problem = format!("{} is not a {}", shown(part), field.name);
            let hint = format!("a {} goes from {} to {}", field.name, field.low, field.high);
            let sunday = if field.high == 6 { "; Sunday is 0, not 7" } else { "" };
            return Err((problem, format!("{hint}{sunday}")));
        }
    }
    Ok(parts)
}

fn number(text: &str, field: &CronField) -> Option<u32> {
    let word = text.to_lowercase();
    let named = field.words.iter().position(|name| *name == word).map(|at| at as u32 + field.low);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = named.or_else(|| if digits { text.parse().ok() } else { None })?;
    (field.low..=field.high).contains(&value).then_some(value)
}

fn valid_item(item: &str, field: &CronField) -> bool {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    if step.is_some_and(|step| !step.parse::<u32>().is_ok_and(|step| step > 0)) {
        return false;
    }
    if range == "*" || range == "?" {
        return true;
    }
    match range.split_once('-') {
        Some((low, high)) => match (number(low, field), number(high, field)) {
            (Some(low), Some(high)) => low <= high,
            _ => false,
        },
        None => number(range, field).is_some(),
    }
}

fn shown(text: &str) -> String {
    format!("`{}`", text.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::{Schedule, read};

    fn schedule(text: &str) -> Schedule {
        Schedule::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_longest_gap_is_that_between_two_runs() {
        for (text, minutes) in [
            ("*/15 * * * *", 15),
            ("0 2 * * *", 24 * 60),
            ("0 8,20 * * *", 12 * 60),
            ("0 2 * * 1-5", 3 * 24 * 60),
            ("30 4 * * 0", 7 * 24 * 60),
            ("0 0 1 * *", 31 * 24 * 60),
        ] {
            assert_eq!(
                Schedule::read(text).and_then(|schedule| schedule.longest_gap()),
                Some(minutes),
                "{text}"
            );
        }
    }

    #[test]
    fn knows_when_it_fires() {
        assert!(schedule("0 0 29 2 *").ever_fires());
        assert!(!schedule("0 8 30 2 *").ever_fires());
        // With a day of week beside it, one of the two is enough.
        assert!(schedule("0 8 30 2 1").ever_fires());
        for (start, end, repeats) in [
            ("0 8 * * 1-5", "0 18 * * 1-5", false),
            ("0 8,14 * * *", "0 12,18 * * *", false),
            ("0 8,10 * * *", "0 18 * * *", true),
            ("* 8-17 * * *", "0 18 * * *", true),
            ("*/30 * * * *", "15,45 * * * *", false),
            ("0 8 * * 1-5", "0 18 * * 5", true),
            ("0 22 * * *", "0 6 * * *", false),
            // The other way round: ends of a weekend without starts.
            ("0 18 * * *", "0 8 * * 1-5", true),
            ("0 6 * * 2-6", "0 20 * * 1-5", false),
        ] {
            assert_eq!(schedule(start).repeats_before(&schedule(end)), repeats, "{start} {end}");
        }
    }

    #[test]
    fn reads_what_keda_reads() {
        for right in ["0 8 * * 1-5", "*/5 0-6 1,15 JAN-MAR ?", "0 0 29 2 *", "CRON_TZ=UTC 0 8 * * *"] {
            assert!(read(right).is_ok(), "{right}");
        }
        for wrong in ["0 8 * *", "@daily", "0 24 * * *", "0 8 * * 7", "a 8 * * *", "0 8 * * 5-1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

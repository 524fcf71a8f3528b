//! Cron expressions as KEDA reads them.
//!
//! Source: robfig/cron v3 parser.go with KEDA's options: five fields, day of week 0 to 6, no seconds, no `@daily`.

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

/// The field that makes a moment come more than once a day, and what stands in it.
pub fn repeats(text: &str) -> Option<(&'static str, &str)> {
    let parts = read(text).ok()?;
    let several = |part: &str| part.contains(['*', '?', ',', '-', '/']);
    let at = [0, 1].into_iter().find(|at| several(parts[*at]))?;
    Some((FIELDS[at].name, parts[at]))
}

/// Blanks folded, as the parser reads it.
pub fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The five fields, or what is wrong and what to write.
pub fn read(text: &str) -> Result<Vec<&str>, (String, String)> {
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

fn shown(text: &str) -> String {
    format!("`{}`", text.escape_debug())
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

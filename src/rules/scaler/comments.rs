//! Comments that say another time than the value beside them.
//!
//! Source: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go: periods and intervals are seconds.

use super::cards::COMMENT_DIFFERS;
use super::{Checker, Trigger, View, is_known};
use crate::finding::Finding;
use crate::manifest::{Entry, Node};
use crate::model::cron;

/// Fields that hold seconds.
const SECONDS: [&str; 5] = [
    "cooldownPeriod",
    "initialCooldownPeriod",
    "pollingInterval",
    "stabilizationWindowSeconds",
    "periodSeconds",
];

/// Words before and behind a time that leave it the whole of what is said.
const BESIDE: [&str; 41] = [
    "a",
    "about",
    "after",
    "alive",
    "approx",
    "at",
    "before",
    "between",
    "by",
    "check",
    "checks",
    "cooldown",
    "delay",
    "depth",
    "down",
    "each",
    "every",
    "for",
    "hold",
    "idle",
    "interval",
    "keep",
    "lag",
    "metrics",
    "of",
    "optional",
    "period",
    "poll",
    "polling",
    "polls",
    "queue",
    "scale",
    "scaling",
    "stabilization",
    "stay",
    "the",
    "to",
    "until",
    "wait",
    "waits",
    "window",
];

/// Words by which a time of day is that of another clock.
const ZONES: [&str; 16] = [
    "utc", "gmt", "est", "edt", "pst", "pdt", "cst", "cdt", "cet", "cest", "bst", "ist", "jst", "msk",
    "local", "time",
];

impl Checker<'_> {
    pub(super) fn comments(&mut self, view: &View<'_>) {
        let mut nodes = vec![view.spec];
        while let Some(node) = nodes.pop() {
            nodes.extend(node.items());
            for entry in node.entries() {
                nodes.push(&entry.node);
                if SECONDS.contains(&entry.key.as_str()) {
                    self.seconds(entry);
                }
            }
        }
        for trigger in view.triggers.iter().filter(|trigger| trigger.kind == "cron") {
            self.times_of_day(trigger);
        }
    }

    /// What stands behind a value in its line.
    fn comment(&self, node: &Node) -> Option<&str> {
        let text = &self.sources.get(self.object.document.file).text;
        let line = text.get(node.span.end as usize..)?.lines().next()?;
        line.trim_start().strip_prefix('#').filter(|_| line.starts_with([' ', '\t']))
    }

    fn seconds(&mut self, entry: &Entry) {
        let value = entry.node.as_written().and_then(|text| text.parse::<u32>().ok());
        let Some((value, said)) = value.zip(self.comment(&entry.node).and_then(duration)) else { return };
        if f64::from(value.abs_diff(said)) <= 0.1 * f64::from(value.max(said)) {
            return;
        }
        let place = self.place(&entry.node);
        self.push(
            Finding::new(
                &COMMENT_DIFFERS,
                place,
                format!("{value} seconds, and the comment says {}", in_words(said)),
            )
            .why("the field is a number of seconds, and the comment counts for nothing: one of the two is not what was meant")
            .help(format!("write {said}, or correct the comment")),
        );
    }

    fn times_of_day(&mut self, trigger: &Trigger<'_>) {
        let of = |key: &str| {
            let entry = trigger.entry(key)?;
            let text = trigger.value(key).filter(|text| is_known(text))?;
            let fields = cron::read(&text).ok()?;
            let at = (fields[1].parse::<u32>().ok()?, fields[0].parse::<u32>().ok()?);
            Some((entry, at, time_of_day(self.comment(&entry.node)?)?))
        };
        let (start, end) = (of("start"), of("end"));
        let minutes = |(hour, minute): (u32, u32)| i64::from(hour * 60 + minute);
        let apart = |one: &(&Entry, (u32, u32), (u32, u32))| minutes(one.2) - minutes(one.1);
        // Both by the same: the comments are of another clock. Of one alone it cannot be told, unless the other is right.
        let (Some(start), Some(end)) = (start, end) else { return };
        if (apart(&start) == 0) == (apart(&end) == 0) {
            return;
        }
        let (entry, at, said) = if apart(&start) == 0 { end } else { start };
        // `8:00` may be meant of the evening.
        if said.0 + 12 == at.0 && said.1 == at.1 {
            return;
        }
        let place = self.place(&entry.node);
        self.push(
            Finding::new(
                &COMMENT_DIFFERS,
                place,
                format!("{}:{:02}, and the comment says {}:{:02}", at.0, at.1, said.0, said.1),
            )
            .why("the other time of this window is what its comment says: one of the two here is not what was meant")
            .help(format!("write \"{} {} …\", or correct the comment", said.1, said.0)),
        );
    }
}

fn in_words(seconds: u32) -> String {
    match seconds {
        0 => "0 s".to_string(),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// The seconds that a comment says, where it says nothing else: `30m`, `every 15s`, `5-minute cooldown`, `= 2 hours`.
fn duration(comment: &str) -> Option<u32> {
    let text = comment.to_lowercase();
    // Whatever is added behind a comma or in brackets explains it, unless there is another number in it.
    if text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).count() != 1 {
        return None;
    }
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let (before, rest) = text.split_at(first);
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let number: u32 = rest[..end].parse().ok()?;
    let rest = rest[end..].trim_start_matches([' ', '-']);
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let unit = match &rest[..end] {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
        _ => return None,
    };
    let words = |text: &str| {
        let all = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        all.map(str::to_string).collect::<Vec<_>>()
    };
    let behind = &rest[end..];
    let is_closed =
        behind.trim_start().starts_with([',', ';', '(', '.', ':', '—', '–']) || behind.starts_with(" - ");
    let follows = words(behind);
    let is_beside = |word: &String| BESIDE.contains(&word.as_str());
    let is_all = words(before).iter().all(is_beside) && (is_closed || follows.first().is_none_or(is_beside));
    is_all.then(|| number.checked_mul(unit)).flatten()
}

/// The one time of day that a comment names: `07:00`, `8am`, `10:30 pm`.
fn time_of_day(comment: &str) -> Option<(u32, u32)> {
    let text = comment.to_lowercase();
    let words: Vec<&str> =
        text.split(|c: char| !(c.is_alphanumeric() || c == ':')).filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| ZONES.contains(word)) {
        return None;
    }
    let mut all = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let end = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (digits, half) = word.split_at(end);
        if digits.is_empty() {
            continue;
        }
        let half = if half.is_empty() { words.get(at + 1).copied().unwrap_or_default() } else { half };
        let (hour, minute) = digits.split_once(':').unwrap_or((digits, "0"));
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        let hour = match half {
            "am" => hour % 12,
            "pm" => hour % 12 + 12,
            // A number that is no time.
            _ if !digits.contains(':') => return None,
            _ => hour,
        };
        (hour < 24 && minute < 60).then(|| all.push((hour, minute)))?;
    }
    let [one] = all.as_slice() else { return None };
    Some(*one)
}

#[cfg(test)]
mod tests {
    use super::{duration, time_of_day};

    #[test]
    fn knows_what_a_comment_says() {
        for (text, seconds) in [
            (" 30m", Some(1800)),
            (" 30m, the model loads slowly", Some(1800)),
            (" every 15s", Some(15)),
            (" 5-minute cooldown", Some(300)),
            (" = 2 hours", Some(7200)),
            (" wait 5 minutes before scaling down", Some(300)),
            (" optional: hold for 30m after spikes", Some(1800)),
            (" check queue depth every 15 seconds", Some(15)),
            (" Optional. Default: 30 seconds", None),
            (" jobs take 5 minutes", None),
            (" 5 min average of the query", None),
            (" 1-2 minutes", None),
            (" 5 pods", None),
            (" was 300", None),
            (" 2m30s", None),
            (" reduced from 5 minutes", None),
            (" 99999999999 hours", None),
        ] {
            assert_eq!(duration(text), seconds, "{text}");
        }
        for (text, time) in [
            (" 22:00", Some((22, 0))),
            (" 8am", Some((8, 0))),
            (" 10:30 PM", Some((22, 30))),
            (" 12 am", Some((0, 0))),
            (" 08:00 UTC", None),
            (" 3 pods from 8:00", None),
            (" 8:00 to 18:00", None),
            (" weekdays", None),
        ] {
            assert_eq!(time_of_day(text), time, "{text}");
        }
    }
}

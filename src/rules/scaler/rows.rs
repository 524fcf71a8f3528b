//! Queries of New Relic whose answer is more than one number.
//!
//! Source: kedacore/keda pkg/scalers/newrelic_scaler.go, executeNewRelicQuery: of the first row the first number is taken,
//! and Go goes through the values of a row in an order that changes from poll to poll.

use super::cards::MANY_ROWS;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};

impl Checker<'_> {
    pub(super) fn rows(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("nrql") else { return };
        let Some(query) = trigger.value("nrql").filter(|text| is_known(text)) else { return };
        let words = words(&query);
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        let compares = words.windows(2).any(|pair| pair[0] == "compare" && pair[1] == "with");
        let (severity, message, why, help) = if has("timeseries") {
            (
                Severity::Error,
                "with `TIMESERIES` KEDA takes a time for the value",
                "each row has `beginTimeSeconds` and `endTimeSeconds` beside the value, and KEDA takes any number of the first row: in some polls it reads about 1.8 thousand million, and asks for the maximum; in the others it reads the oldest interval",
                "leave `TIMESERIES` out: `SINCE` alone says over which time",
            )
        } else if has("facet") {
            (
                Severity::Warning,
                "with `FACET` KEDA reads the first group alone",
                "the answer has a row for each group, and KEDA takes a number of the first: what the others have counts for nothing, and which is the first may change",
                "leave `FACET` out, or choose one group in `WHERE`",
            )
        } else if compares {
            (
                Severity::Warning,
                "with `COMPARE WITH` KEDA reads one of two values",
                "the answer has a row for now and one for then, and KEDA takes the first, whichever it is",
                "leave `COMPARE WITH` out",
            )
        } else {
            return;
        };
        let place = self.key(entry);
        let mut finding = Finding::new(&MANY_ROWS, place, message).why(why).help(help);
        finding.severity = severity;
        self.push(finding);
    }
}

/// The words of a query in small letters, without what stands in quotes or parentheses: an inner query may have rows.
fn words(query: &str) -> Vec<String> {
    let mut plain = String::new();
    let (mut quote, mut depth) = (None, 0_usize);
    for c in query.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"' | '`') => {
                quote = Some(c);
                plain.push(' ');
            }
            None if c == '(' => depth += 1,
            None if c == ')' => {
                depth = depth.saturating_sub(1);
                plain.push(' ');
            }
            None if depth > 0 => {}
            None => plain.push(c.to_ascii_lowercase()),
        }
    }
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    plain.split(|c| !is_part(c)).filter(|word| !word.is_empty()).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn what_stands_in_quotes_is_no_word() {
        assert_eq!(
            words("SELECT count(*) FROM Log WHERE `facet` = 'timeseries' FACET\nhost"),
            ["select", "count", "from", "log", "where", "facet", "host"]
        );
        assert_eq!(words("SELECT rate(count(my.facet), 1 minute) FROM \"x"), ["select", "rate", "from"]);
    }
}

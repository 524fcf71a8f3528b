//! How Google makes one number of many: words and periods that KEDA does not take.
//!
//! Sources: kedacore/keda pkg/scalers/gcp_stackdriver_scaler.go, Validate and parseAggregation;
//! pkg/scalers/gcp/gcp_stackdriver_client.go, alignerFromString, reducerFromString and buildAggregation.

use super::cards::{NO_EFFECT, NOT_A_NUMBER};
use super::clouds::whole;
use super::values::REFUSED;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, nearest};

/// How Google aligns the points of one series.
const ALIGNERS: [&str; 19] = [
    "none",
    "delta",
    "rate",
    "interpolate",
    "next_older",
    "min",
    "max",
    "mean",
    "count",
    "sum",
    "stddev",
    "count_true",
    "count_false",
    "fraction_true",
    "percentile_99",
    "percentile_95",
    "percentile_50",
    "percentile_05",
    "percent_change",
];

/// How Google makes one series of several.
const REDUCERS: [&str; 14] = [
    "none",
    "mean",
    "min",
    "max",
    "sum",
    "stddev",
    "count",
    "count_true",
    "count_false",
    "fraction_true",
    "percentile_99",
    "percentile_95",
    "percentile_50",
    "percentile_05",
];

/// What makes one number of a distribution; `percentile` is followed by a number.
const AGGREGATIONS: [&str; 6] = ["mean", "median", "variance", "stddev", "sum", "count"];

impl Checker<'_> {
    pub(super) fn stackdriver(&mut self, trigger: &Trigger<'_>) {
        let Some(period) = whole(trigger, "alignmentPeriodSeconds", 0) else { return };
        if let Some(entry) = trigger.entry("alignmentPeriodSeconds").filter(|_| period != 0 && period < 60) {
            let place = self.place(&entry.node);
            self.push(
                Finding::new(&NOT_A_NUMBER, place, format!("an `alignmentPeriodSeconds` of {period}"))
                    .why(format!("Google aligns by 60 seconds at least; {REFUSED}"))
                    .help("write \"60\" or more"),
            );
        }
        for (key, words, prefix) in
            [("alignmentAligner", &ALIGNERS[..], "align_"), ("alignmentReducer", &REDUCERS[..], "reduce_")]
        {
            let Some(entry) = trigger.entry(key) else { continue };
            if period == 0 {
                let place = self.key(entry);
                self.push(
                    Finding::new(&NO_EFFECT, place, format!("`{key}` does nothing here"))
                        .why("without `alignmentPeriodSeconds` KEDA asks for the points as they are")
                        .help("write `alignmentPeriodSeconds: \"60\"` beside it, or leave it out"),
                );
                continue;
            }
            let Some(text) = trigger.value(key).filter(|text| is_known(text)) else { continue };
            let small = text.to_lowercase();
            if words.contains(&small.as_str()) {
                continue;
            }
            let near = match small.strip_prefix(prefix).filter(|rest| words.contains(rest)) {
                Some(rest) => Some(rest),
                None => nearest(&small, words.iter().copied()),
            };
            self.wrong_word(trigger, key, &text, near, words, REFUSED);
        }
    }

    pub(super) fn aggregation(&mut self, trigger: &Trigger<'_>) {
        let Some(text) = trigger.value("aggregation").filter(|text| is_known(text)) else { return };
        let percent = text.strip_prefix("percentile").and_then(|rest| rest.parse::<u8>().ok());
        if AGGREGATIONS.contains(&text.as_str()) || percent.is_some_and(|percent| percent <= 100) {
            return;
        }
        let small = text.to_lowercase();
        let near = match small.as_str() {
            "avg" | "average" => Some("mean"),
            // `p99` and the like.
            _ if small.starts_with('p') => Some("percentile99"),
            _ => nearest(&small, AGGREGATIONS),
        };
        self.wrong_word(
            trigger,
            "aggregation",
            &text,
            near,
            &AGGREGATIONS,
            "KEDA cannot write the query: every poll is an error, and nothing scales",
        );
    }
}

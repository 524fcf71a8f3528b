//! Triggers that see only a part of the work: what waits and not what is being done, or the other way round.
//!
//! Sources: kedacore/keda pkg/scalers/redis_streams_scaler.go (XPENDING: what was delivered to the group and is not
//! acknowledged) and redis_scaler.go (LLEN); taskforcesh/bullmq src/commands/moveToActive-11.lua (a job at work is in
//! `active`); celery/kombu kombu/transport/redis.py (a message at work is in `unacked`).

use super::cards::PART_OF_THE_LOAD;
use super::{Checker, Trigger, View};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

/// Ends of the names of lists that hold what waits and what is being done.
const WAITING_LISTS: [&str; 4] = ["wait", "waiting", "pending", "queue"];
const ACTIVE_LISTS: [&str; 4] = ["active", "processing", "in_progress", "running"];

impl Checker<'_> {
    /// What waits and what is being done as two triggers: the greater one counts, and not their sum.
    ///
    /// Source: kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, computeReplicasForMetrics: the highest of
    /// the proposals.
    pub(super) fn greater_of_two(&mut self, view: &View<'_>) {
        let lists: Vec<(&Trigger<'_>, String)> = view
            .triggers
            .iter()
            .filter(|trigger| matches!(trigger.kind, "redis" | "redis-cluster" | "redis-sentinel"))
            .filter_map(|trigger| Some((trigger, trigger.value("listName")?)))
            .collect();
        if view.has_formula() {
            return;
        }
        let of = |ends: &[&str]| {
            lists.iter().find_map(|(trigger, list)| {
                let (queue, last) = list.rsplit_once([':', '.', '-'])?;
                ends.contains(&last).then(|| (*trigger, queue.to_string()))
            })
        };
        let (Some((waiting, one)), Some((active, other))) = (of(&WAITING_LISTS), of(&ACTIVE_LISTS)) else {
            return;
        };
        let (Some(first), Some(entry)) = (waiting.entry("listName"), active.entry("listName")) else {
            return;
        };
        if one != other {
            return;
        }
        let place = self.place(&entry.node);
        let mut finding = Finding::new(
            &PART_OF_THE_LOAD,
            place,
            "jobs that wait and jobs at work are not added up: the greater number counts",
        )
        .related(self.place(&first.node), "the jobs that wait")
        .why("each trigger asks for pods of its own, and the HPA takes the higher number: as long as no more jobs wait than are at work, those that wait start no pod")
        .help("give both triggers a `name`, and add them up: `advanced.scalingModifiers` with `formula: waiting + active`, a `target`, and `metricType: AverageValue`");
        finding.severity = Severity::Warning;
        self.push(finding);
    }

    /// A stream of which only what has been delivered already counts.
    pub(super) fn pending(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let is_stream = trigger.kind.starts_with("redis") && trigger.kind.ends_with("streams");
        let Some(entry) = trigger.entry("pendingEntriesCount").filter(|_| is_stream) else { return };
        if trigger.entry("consumerGroup").is_none() {
            return;
        }
        // What was not read yet may be seen by another trigger.
        let stream = trigger.value("stream");
        // The log of events of BullMQ is told as such.
        if stream.as_deref().is_some_and(|stream| stream.starts_with("bull:")) {
            return;
        }
        let is_seen = view.triggers.iter().any(|other| {
            other.kind == trigger.kind
                && other.value("stream") == stream
                && (other.entry("lagCount").is_some() || other.entry("consumerGroup").is_none())
        });
        if is_seen || view.has_formula() {
            return;
        }
        let why = if view.sleeps() && view.triggers.len() == 1 && !view.is_open {
            "XPENDING counts what a consumer has taken and not acknowledged: without a pod nobody takes anything, the count stays 0, and nothing wakes the workload"
        } else {
            "XPENDING counts what a consumer has taken and not acknowledged: however many messages nobody has read yet, they start no pod"
        };
        let mut finding = Finding::new(
            &PART_OF_THE_LOAD,
            self.key(entry),
            "messages that nobody has read yet do not count",
        )
        .why(why)
        .help("write `lagCount`, the unread messages of one pod (Redis 7), or leave `consumerGroup` out and write `streamLength` where the stream is trimmed");
        finding.severity = Severity::Warning;
        self.push(finding);
    }
}

/// ScaledObjects without open values or a formula, and the workload that each scales.
pub(super) fn with_workloads<'i>(
    inventory: &'i Inventory<'i>,
) -> impl Iterator<Item = (&'i Object<'i>, View<'i>, &'i Object<'i>)> {
    inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh").filter_map(|object| {
        let view = View::of(object).filter(|view| !view.is_open && !view.has_formula())?;
        let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        let name = object.text(&["spec", "scaleTargetRef", "name"]).unwrap_or_default();
        Some((object, view, inventory.meant(kind, name, object)?))
    })
}

/// Lists from which a job disappears as soon as a worker begins with it.
pub fn lists<'i>(inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (object, view, workload) in with_workloads(inventory) {
        let spec = workload.pod_template().and_then(|template| template.get("spec"));
        // Somebody has thought of it.
        let has_time = spec.is_some_and(|spec| spec.get("terminationGracePeriodSeconds").is_some());
        if has_time || view.min.unwrap_or(0) >= view.max.unwrap_or(100) {
            continue;
        }
        let lists = view
            .triggers
            .iter()
            .filter(|trigger| matches!(trigger.kind, "redis" | "redis-cluster" | "redis-sentinel"));
        let counts_active = view.triggers.iter().any(|trigger| {
            trigger.value("listName").is_some_and(|list| list.ends_with(":active") || list == "unacked")
                || trigger.kind == "prometheus"
        });
        if counts_active {
            continue;
        }
        for trigger in lists {
            let Some(entry) = trigger.entry("listName") else { continue };
            let Some(list) = trigger.value("listName") else { continue };
            let (who, elsewhere) = if list.starts_with("bull:") && list.ends_with(":wait") {
                ("BullMQ", "in `active`")
            } else if workload.containers().iter().any(is_celery) {
                ("Celery", "in `unacked`")
            } else {
                continue;
            };
            findings.push(
                Finding::new(&PART_OF_THE_LOAD, object.place(&entry.node), "jobs at work do not count")
                    .related(workload.name_place(), "has 30 s to finish, by default")
                    .why(format!("{who} takes a job out of `{}` when a worker begins with it, and keeps it {elsewhere}: with an empty list pods are removed while they work, and a job that needs longer than 30 s is cut off", list.escape_debug()))
                    .help("write a `terminationGracePeriodSeconds` as long as a job takes, and a `scaleDown.stabilizationWindowSeconds` of the same order"),
            );
            break;
        }
    }
    findings
}

/// Whether a container is a worker of Celery.
pub(super) fn is_celery(container: &Node) -> bool {
    let words = ["command", "args"]
        .into_iter()
        .flat_map(|key| container.get(key).map(Node::items).unwrap_or_default())
        .filter_map(Node::as_str)
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>();
    words.contains(&"celery") && words.contains(&"worker")
}

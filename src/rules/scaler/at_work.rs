//! Queues of which only what waits is counted, before a workload that may go to 0 pods; and queues that a worker reads
//! and nobody measures.
//!
//! Sources: kedacore/keda-docs content/docs/scalers/rabbitmq-queue.md (unacknowledged messages are counted over HTTP
//! alone); kedacore/keda pkg/scalers/rabbitmq_scaler.go (without a `protocol` the address decides); pkg/scaling/executor/scale_scaledobjects.go (cooldownPeriod, 300 s by default);
//! celery/celery celery/bin/worker.py (`-Q`, `--queues`).

use super::cards::PART_OF_THE_LOAD;
use super::part::{is_celery, with_workloads};
use super::{Trigger, View, is_known, sql};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node};

/// Words for what waits, and for what is being done.
const WAITING: [&str; 5] = ["'queued'", "'pending'", "'waiting'", "'new'", "'enqueued'"];
const AT_WORK: [&str; 7] = ["running", "process", "progress", "active", "started", "working", "claimed"];

pub fn at_work<'i>(inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (object, view, workload) in with_workloads(inventory) {
        if let [trigger] = &view.triggers[..] {
            findings.extend(waiting(inventory, object, &view, trigger, workload));
        }
        findings.extend(unmeasured(object, &view, workload));
    }
    findings
}

/// The last pod is ended while it works, as soon as nothing waits any more.
fn waiting(
    inventory: &Inventory<'_>,
    object: &Object<'_>,
    view: &View<'_>,
    trigger: &Trigger<'_>,
    workload: &Object<'_>,
) -> Option<Finding> {
    let sleeps = view.idle.map_or(view.min.unwrap_or(0) == 0, |idle| idle == 0);
    let is_changed =
        object.bounds.iter().flatten().any(|(key, _)| matches!(*key, "minReplicaCount" | "idleReplicaCount"));
    if !sleeps || is_changed {
        return None;
    }
    let (entry, what, more) = of_messages(inventory, workload, trigger).or_else(|| of_rows(trigger))?;
    let cooldown = match view.entry("cooldownPeriod") {
        Some(entry) => entry.node.as_written()?.parse::<i64>().ok()?,
        None => 300,
    };
    let template = workload.pod_template()?;
    let grace = template.at(&["spec", "terminationGracePeriodSeconds"]).and_then(Node::as_written);
    let grace = grace.and_then(|text| text.parse::<i64>().ok());
    let chosen = grace.filter(|grace| *grace > 30);
    // How long a job takes is not written anywhere; the time to finish tells it best.
    // 30 s is the default, and says nothing of the work.
    let is_short = match chosen {
        Some(grace) => cooldown < grace,
        None => cooldown <= 60 || sql::is_sql(trigger.kind),
    };
    if !is_short {
        return None;
    }
    let finish = match grace {
        Some(grace) => format!("has {grace} s to finish"),
        None => "has 30 s to finish, by default".to_string(),
    };
    Some(
        Finding::new(&PART_OF_THE_LOAD, object.place(&entry.node), format!("{what} at work do not count"))
            .related(workload.name_place(), finish)
            .why(format!("with the last of them taken the count is 0, and {cooldown} s later the workload goes to 0 pods: whoever works longer is told to stop in the middle of it"))
            .help(format!("{more}; or write a `cooldownPeriod` longer than the longest job")),
    )
}

/// What a queue of RabbitMQ has ready, asked by AMQP.
fn of_messages<'d>(
    inventory: &Inventory<'_>,
    workload: &Object<'_>,
    trigger: &Trigger<'d>,
) -> Option<(&'d Entry, &'static str, &'static str)> {
    if trigger.kind != "rabbitmq" || trigger.value("mode").is_some_and(|mode| mode != "QueueLength") {
        return None;
    }
    let of_variable = || {
        let name = trigger.value("hostFromEnv")?;
        let environment = inventory.environment(workload);
        let variable = environment.variables.iter().find(|variable| variable.name == name)?;
        variable.held.as_ref().map(|held| held.text.to_string())
    };
    let is_amqp = match trigger.value("protocol").as_deref() {
        Some("amqp") => true,
        None | Some("auto") => trigger
            .value("host")
            .map(|host| host.to_string())
            .or_else(of_variable)
            .is_some_and(|host| host.to_ascii_lowercase().starts_with("amqp")),
        Some(_) => false,
    };
    let entry = trigger.entry("queueName").filter(|_| is_amqp)?;
    Some((entry, "messages", "ask by `protocol: http`, which counts what is not acknowledged as well"))
}

/// What a query counts: rows that wait alone.
fn of_rows<'d>(trigger: &Trigger<'d>) -> Option<(&'d Entry, &'static str, &'static str)> {
    let query = trigger.value("query").filter(|text| sql::is_sql(trigger.kind) && is_known(text))?;
    let plain = sql::plain(&query);
    let (_, condition) = plain.split_once(" where ")?;
    let counts = plain.contains("count(");
    let is_it = WAITING.iter().any(|word| condition.contains(word))
        && !AT_WORK.iter().any(|word| condition.contains(word))
        && !condition.contains("<>")
        && !condition.contains("!=");
    let entry = trigger.entry("query").filter(|_| counts && is_it)?;
    Some((entry, "jobs", "count those at work too"))
}

/// Queues of a Celery worker that no trigger looks at.
fn unmeasured(object: &Object<'_>, view: &View<'_>, workload: &Object<'_>) -> Option<Finding> {
    let mut first = None;
    let mut measured = Vec::new();
    for trigger in view.triggers.iter().filter(|trigger| !trigger.is_resource()) {
        let key = match trigger.kind {
            "redis" | "redis-cluster" | "redis-sentinel" => "listName",
            "rabbitmq" if trigger.entry("useRegex").is_none() => "queueName",
            _ => return None,
        };
        first.get_or_insert(trigger.entry(key)?);
        measured.push(trigger.value(key).filter(|name| is_known(name))?);
    }
    let mut workers = workload.containers().iter().filter(|container| is_celery(container));
    let (Some(worker), None) = (workers.next(), workers.next()) else { return None };
    let read = queues(worker);
    let missing: Vec<String> = read.iter().filter(|queue| !measured.contains(queue)).cloned().collect();
    if missing.is_empty() || missing.len() == read.len() || read.iter().any(|queue| !is_known(queue)) {
        return None;
    }
    let list =
        missing.iter().map(|queue| format!("`{}`", queue.escape_debug())).collect::<Vec<_>>().join(", ");
    let of = worker.get("command").or_else(|| worker.get("args")).unwrap_or(worker);
    let mut finding = Finding::new(
        &PART_OF_THE_LOAD,
        object.place(&first?.node),
        format!("the worker also reads {list}, which no trigger measures"),
    )
    .related(workload.place(of), "reads them")
    .why("however many tasks wait there, they start no pod, and with empty lists otherwise pods are removed while those wait")
    .help("add a trigger for each queue: the one that asks for the most pods decides");
    finding.severity = Severity::Warning;
    Some(finding)
}

/// What `-Q` or `--queues` names.
fn queues(container: &Node) -> Vec<String> {
    let words: Vec<&str> = ["command", "args"]
        .into_iter()
        .flat_map(|key| container.get(key).map(Node::items).unwrap_or_default())
        .filter_map(Node::as_str)
        .flat_map(str::split_whitespace)
        .collect();
    let named = words.iter().enumerate().find_map(|(at, word)| match *word {
        "-Q" | "--queues" => words.get(at + 1).copied(),
        _ => word.strip_prefix("--queues=").or_else(|| word.strip_prefix("-Q")),
    });
    let list = named.unwrap_or_default().trim_matches(['"', '\'', '=']);
    list.split(',').map(str::trim).filter(|queue| !queue.is_empty()).map(str::to_string).collect()
}

//! The name of a queue, where the library that the pods run keeps it under a key of its own.
//!
//! Sources: rq/rq rq/queue.py (`redis_queue_namespace_prefix = 'rq:queue:'`); sidekiq/sidekiq lib/sidekiq/client.rb
//! (`queue:` before the name); laravel/framework src/Illuminate/Queue/RedisQueue.php, getQueue (`queues:`); Bogdanp/dramatiq
//! dramatiq/brokers/redis/dispatch.lua (the namespace, a colon and the name). Source for what KEDA makes of a key that is not
//! there: kedacore/keda pkg/scalers/redis_scaler.go (an empty list).

use super::WATCHES_ANOTHER;
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

/// A library, what stands before the name of a queue in its keys, and what a key has at least.
struct Library {
    name: &'static str,
    before: &'static str,
    has: &'static str,
}

const RQ: Library = Library { name: "RQ", before: "rq:queue:", has: "queue:" };
const SIDEKIQ: Library = Library { name: "Sidekiq", before: "queue:", has: "queue:" };
const LARAVEL: Library = Library { name: "Laravel", before: "<prefix>queues:", has: "queues:" };
const DRAMATIQ: Library = Library { name: "Dramatiq", before: "dramatiq:", has: ":" };

pub(super) fn check(object: &Object<'_>, trigger: &Node, workload: &Object<'_>) -> Option<Finding> {
    let kind = trigger.get("type").and_then(Node::as_str)?;
    if !matches!(kind, "redis" | "redis-cluster" | "redis-sentinel") {
        return None;
    }
    let node = trigger.at(&["metadata", "listName"])?;
    let text = node.as_str().filter(|text| !has_variable(text) && !text.contains(['<', '{']))?;
    let (library, at) = library(workload)?;
    if text.is_empty() || text.contains(library.has) {
        return None;
    }
    let shown = text.escape_debug();
    let at = at.map_or(workload.name_place(), |at| workload.place(at));
    let mut finding = Finding::new(
        &WATCHES_ANOTHER,
        object.place(node),
        format!("`{shown}` is the name of a queue, and not the key under which {} keeps it", library.name),
    )
    .related(at, format!("the pods run {}", library.name))
    .why("there is no such key: it counts as an empty list, that is 0, and no pod starts, however many jobs wait")
    .help(format!("write `listName: {}{shown}`", library.before));
    if library.before.starts_with('<') {
        finding = finding.help(format!(
            "write `listName: {}{shown}`; the prefix is that of `database.redis.options` (`laravel_database_` for an application of the name Laravel)",
            library.before
        ));
    }
    Some(finding)
}

/// The library that works on the queue, and what tells it: a command, or else the name of the workload.
fn library<'i>(workload: &'i Object<'_>) -> Option<(&'static Library, Option<&'i Node>)> {
    let found = workload.containers().iter().find_map(|container| {
        let lists = ["command", "args"].into_iter().filter_map(|key| container.get(key));
        let words: Vec<(&Node, &str)> = lists
            .flat_map(Node::items)
            .flat_map(|item| {
                let text = item.as_str().unwrap_or_default();
                text.split([' ', '\n', '"', '\'', '&', ';'])
                    .filter(|word| !word.is_empty())
                    .map(move |word| (item, word))
            })
            .collect();
        let program = |word: &str| word.rsplit('/').next().unwrap_or_default().to_string();
        let has =
            |wanted: &str| words.iter().find(|(_, word)| program(word) == wanted).map(|(item, _)| *item);
        let pair = |one: &str, other: &str| {
            let is_it = |two: &&[(&Node, &str)]| program(two[0].1) == one && two[1].1.starts_with(other);
            words.windows(2).find(is_it).map(|two| two[0].0)
        };
        pair("rq", "worker")
            .or_else(|| has("rqworker"))
            .map(|at| (&RQ, at))
            .or_else(|| has("sidekiq").map(|at| (&SIDEKIQ, at)))
            .or_else(|| {
                pair("artisan", "queue:").or_else(|| pair("artisan", "horizon")).map(|at| (&LARAVEL, at))
            })
            .or_else(|| has("dramatiq").map(|at| (&DRAMATIQ, at)))
    });
    let is_called = |wanted: &str| workload.document.name().split(['-', '_']).any(|part| part == wanted);
    match found {
        Some((library, at)) => Some((library, Some(at))),
        None if is_called("rq") => Some((&RQ, None)),
        None if is_called("sidekiq") => Some((&SIDEKIQ, None)),
        None => None,
    }
}

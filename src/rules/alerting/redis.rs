//! A share of the memory that Redis may use, where nobody says how much that is.
//!
//! Source: oliver006/redis_exporter exporter/info.go: `redis_memory_max_bytes` is `maxmemory`, and 0 without one.

use super::NO_LIMIT;
use super::walk::{Alert, containers};
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::{Place, Sources};

/// Whether an alert speaks of the limit at all: finding out whether there is one takes a look at every file.
pub(super) fn is_share(alert: &Alert<'_>) -> bool {
    alert.expression.text.contains("redis_memory_max_bytes")
}

/// The Redis that has no limit; None where one is named anywhere, or where there is no Redis.
pub(super) fn unlimited(sources: &Sources, inventory: &Inventory<'_>) -> Option<Place> {
    // As a setting, and not as a word of a text.
    let sets = |text: &str| {
        text.contains("redis.conf")
            || text.split("maxmemory").skip(1).any(|rest| {
                let rest = rest.trim_start_matches(['"', '\'', ',', ':', '=', ' ', '\n', '-']);
                rest.starts_with(|c: char| c.is_ascii_digit() || c == '$') || rest.starts_with("policy")
            })
            || text.contains("MAXMEMORY")
    };
    if inventory.objects.iter().any(|object| sets(&sources.get(object.document.file).text)) {
        return None;
    }
    inventory.objects.iter().find_map(|object| {
        containers(object).find_map(|container| {
            let node = container.get("image")?;
            let name = node.as_str()?.rsplit('/').next()?.split(':').next()?;
            // What it reads from a file of its own is not known.
            let reads_file = ["command", "args"].iter().filter_map(|key| container.get(key)).any(|node| {
                let texts = node.items().iter().filter_map(Yaml::as_str).chain(node.as_str());
                texts.into_iter().any(|text| text.contains(".conf"))
            });
            (["redis", "valkey"].contains(&name) && !reads_file).then(|| object.place(node))
        })
    })
}

pub(super) fn check(alert: &Alert<'_>, redis: Place) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    if !matches!(binary.operator, Operator::Greater | Operator::GreaterEqual) {
        return None;
    }
    let mut stack = vec![&binary.left];
    while let Some(node) = stack.pop() {
        if let Kind::Binary(inner) = &node.kind
            && inner.operator == Operator::Divide
            && let Kind::Selector(selector) = &inner.right.bare().kind
            && selector.metric() == Some("redis_memory_max_bytes")
        {
            return Some(
                Finding::new(&NO_LIMIT, alert.place(inner.right.span), "`redis_memory_max_bytes` is 0 where Redis has no `maxmemory`")
                    .related(redis, "this Redis has none")
                    .why("divided by 0 the use of memory is +Inf, which is above every threshold: the alert fires from the start and for ever")
                    .help("set `--maxmemory`, or leave those without one out: write `(redis_memory_max_bytes > 0)`"),
            );
        }
        stack.extend(node.children());
    }
    None
}

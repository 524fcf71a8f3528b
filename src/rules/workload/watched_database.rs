//! A trigger that reads another database of Redis than the pods work on.
//!
//! Source: kedacore/keda pkg/scalers/redis_scaler.go: `databaseIndex` is 0 unless it is written; redis/redis-specifications
//! uri: the path of a URL is the number of the database.

use super::WATCHES_ANOTHER;
use super::broker_names::are_one;
use super::given::given;
use super::watched_host::is_beside;
use crate::finding::Finding;
use crate::inventory::{Behind, Environment, Inventory, Object, hosts};
use crate::manifest::Node;

/// Scalers that may ask another database than the first; a cluster has one alone.
const KINDS: [&str; 2] = ["redis", "redis-streams"];

/// Names of variables with the number of a database, without what is between their words.
const NUMBERS: [&str; 6] =
    ["REDISDB", "REDISDATABASE", "REDISDBINDEX", "REDISDBNUMBER", "REDISQUEUEDB", "REDISBROKERDB"];

pub(super) fn check<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    trigger: &'i Node,
    workload: &'i Object<'i>,
    environment: &Environment<'i>,
) -> Option<Finding> {
    if !KINDS.contains(&trigger.get("type")?.as_str()?) {
        return None;
    }
    let entry = trigger.at(&["metadata", "databaseIndex"]);
    let index: u32 = match entry {
        Some(node) => node.as_written()?.trim().parse().ok()?,
        None => 0,
    };
    let addresses = given(inventory, object, trigger, &["address", "host"]);
    let [address] = addresses.as_slice() else { return None };
    let watched = hosts(&address.text);
    let [host] = watched.as_slice() else { return None };
    let mut used: Vec<(&str, u32, &Behind<'_>)> = Vec::new();
    for variable in &environment.variables {
        let flat: String = variable.name.chars().filter(char::is_ascii_alphanumeric).collect();
        let flat = flat.to_uppercase();
        let is_number = NUMBERS.contains(&flat.as_str()) || flat.contains("REDIS") && flat.ends_with("DB");
        let Some(held) = &variable.held else {
            if is_number || flat.contains("REDIS") || flat.contains("BROKER") {
                return None;
            }
            continue;
        };
        let number = if is_number { held.text.trim().parse().ok() } else { of_url(&held.text, host) };
        let Some(number) = number else { continue };
        if number == index {
            return None;
        }
        if !is_beside(&variable.name) {
            used.push((variable.name.as_str(), number, held));
        }
    }
    let (name, number, held) = *used.first()?;
    let place = entry.map_or(address.place, |node| object.place(node));
    let theirs = match held.object.kind() {
        "Secret" => held.object.name_place(),
        _ => held.object.place(held.node),
    };
    let default = if entry.is_none() { ", the default," } else { "" };
    Some(
        Finding::new(
            &WATCHES_ANOTHER,
            place,
            format!("the trigger reads the database {index}{default} and the pods work on {number}"),
        )
        .related(theirs, format!("`{name}` of `{}`", workload.name))
        .why("a list of the same name in another database of Redis is another list: KEDA finds none, which counts as 0, and nothing scales")
        .help(format!("write `databaseIndex: \"{number}\"`")),
    )
}

/// The database in a URL of Redis on this host.
fn of_url(text: &str, host: &str) -> Option<u32> {
    let (scheme, rest) = text.trim().split_once("://")?;
    if !matches!(scheme, "redis" | "rediss" | "valkey" | "valkeys") {
        return None;
    }
    let [own] = hosts(text)[..] else { return None };
    if !are_one(own, host) {
        return None;
    }
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let number = path.split(['?', '#']).next().unwrap_or_default();
    if number.is_empty() { Some(0) } else { number.parse().ok() }
}

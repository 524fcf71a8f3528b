//! What the scalers beside prometheus, cpu, memory and cron need, and the values that they can read.
//!
//! `values.txt` has a line for each scaler. `key!` is needed in the metadata, `key~` there or in a TriggerAuthentication,
//! `a/b` is one of them; `key=whole` and the like say how a value is read, `target` and `wake` what it is for: the load of
//! one pod (with its default), and the value above which a sleeping workload wakes.
//!
//! Sources: kedacore/keda schema/generated/scalers-schema.json; the structs and `Validate` of pkg/scalers/*_scaler.go;
//! pkg/scalers/scalersconfig/typed_config.go (numbers are read as JSON, truth values by strconv.ParseBool).

use std::sync::LazyLock;

use super::cards::{MISSING_KEY, NOT_A_NUMBER, NOT_A_TRUTH_VALUE, WRONG_CHOICE};
use super::table::{self, Table};
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, nearest};
use crate::manifest::{Entry, Node};
use crate::source::Place;

static VALUES: LazyLock<Table> = LazyLock::new(|| table::read(include_str!("values.txt")));

pub(super) const REFUSED: &str =
    "KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales";

fn words(kind: &str) -> impl Iterator<Item = &'static str> {
    VALUES.get(kind).into_iter().flatten().copied()
}

/// Whether a scaler cannot be built without a key, wherever it comes from; of several such keys one is enough.
pub fn needs(kind: &str, key: &str) -> bool {
    let needed = words(kind).filter(|word| word.ends_with(['!', '~']));
    needed.flat_map(|word| word.trim_end_matches(['!', '~']).split('/')).any(|known| known == key)
}

/// Whether a key holds a number, a switch or one of a few words.
pub(super) fn is_value(kind: &str, key: &str) -> bool {
    let of_prometheus = ["threshold", "activationThreshold", "ignoreNullValues", "unsafeSsl"];
    words(kind).any(|word| word.split_once('=').is_some_and(|(known, _)| known == key))
        || of_prometheus.contains(&key)
}

/// The key for the load of one pod, and its default, of a scaler that has one such key.
pub(super) fn load(kind: &str) -> Option<(&'static str, Option<&'static str>)> {
    match kind {
        "prometheus" => return Some(("threshold", None)),
        "cpu" | "memory" => return Some(("value", None)),
        // The other one is deprecated.
        "rabbitmq" => return Some(("value", None)),
        _ => {}
    }
    let all = words(kind).filter_map(|word| word.split_once('='));
    let mut all = all.filter(|(_, read)| read.starts_with("target"));
    let (key, read) = all.next().filter(|_| all.next().is_none())?;
    Some((key, read.splitn(3, ':').nth(2)))
}

/// The key for the value above which a sleeping workload wakes.
pub(super) fn wake(kind: &str) -> Option<&'static str> {
    if kind == "prometheus" {
        return Some("activationThreshold");
    }
    let mut all = words(kind).filter_map(|word| word.split_once('='));
    all.find(|(_, read)| read.starts_with("wake")).map(|(key, _)| key)
}

/// A number of a trigger that is compared with what the scaler finds.
pub(super) struct Measure<'d> {
    pub entry: Option<&'d Entry>,
    pub value: f64,
}

/// The load of one pod, and the value above which the workload wakes, where both are sure.
pub(super) fn measures<'d>(trigger: &Trigger<'d>) -> Option<(Measure<'d>, Measure<'d>)> {
    let of = |what: &str| -> Vec<Measure<'d>> {
        let all = words(trigger.kind).filter_map(|word| word.split_once('='));
        all.filter(|(_, kind)| kind.starts_with(what))
            .filter_map(|(key, kind)| match trigger.entry(key) {
                Some(entry) => Some(Measure { entry: Some(entry), value: trigger.number(key)? }),
                None => {
                    let default = kind.splitn(3, ':').nth(2)?.parse().ok()?;
                    Some(Measure { entry: None, value: default })
                }
            })
            .collect()
    };
    let mut targets = of("target");
    // What is written comes before a default of another key.
    targets.sort_by_key(|target| target.entry.is_none());
    let sure = targets.iter().filter(|target| target.entry.is_some()).count() <= 1;
    let wake = of("wake").into_iter().next()?;
    targets.into_iter().next().filter(|_| sure).map(|target| (target, wake))
}

/// The key that says how much one pod is for, where one is written.
pub(super) fn target<'d>(trigger: &Trigger<'d>) -> Option<&'d Entry> {
    let all = words(trigger.kind).filter_map(|word| word.split_once('='));
    all.filter(|(_, kind)| kind.starts_with("target")).find_map(|(key, _)| trigger.entry(key))
}

/// Whether the metadata give a key. An empty text counts as not given.
fn is_there(trigger: &Trigger<'_>, key: &str) -> bool {
    let is_filled = |entry: &Entry| entry.node.as_written().is_none_or(|text| !text.trim().is_empty());
    trigger.entry(key).is_some_and(is_filled) || trigger.entry(&format!("{key}FromEnv")).is_some()
}

/// What a trigger needs and its metadata do not give, but a TriggerAuthentication may; of each group one is enough.
pub fn left_to_authentication(trigger: &Trigger<'_>) -> Vec<Vec<&'static str>> {
    let entries = trigger.metadata.map(Node::entries).unwrap_or_default();
    if entries.iter().any(|entry| !is_known(&entry.key)) {
        return Vec::new();
    }
    let groups = words(trigger.kind).filter_map(|word| word.strip_suffix('~'));
    let groups = groups.map(|word| word.split('/').collect::<Vec<_>>());
    groups.filter(|names| !names.iter().any(|key| is_there(trigger, key))).collect()
}

/// What is said about a key that is nowhere, or that has no value.
pub fn missing(place: Place, trigger: &Trigger<'_>, names: &[&str]) -> Finding {
    if let Some(key) = names.iter().find(|key| trigger.entry(key).is_some()) {
        // Source: kedacore/keda pkg/scalers/aws_sqs_queue_scaler.go: queueURL, order=triggerMetadata;resolvedEnv.
        let help = match (trigger.kind, *key) {
            ("aws-sqs-queue", "queueURL") => "write the address of the queue, or `queueURLFromEnv` with the name of a variable of the container".to_string(),
            (_, key) => format!("write a value for `{key}`"),
        };
        return Finding::new(&MISSING_KEY, place, format!("`{key}` is empty")).why(REFUSED).help(help);
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let message = match quoted.as_slice() {
        [one] => format!("the trigger has no {one}"),
        [one, two] => format!("the trigger has neither {one} nor {two}"),
        several => format!("the trigger has none of {}", several.join(", ")),
    };
    Finding::new(&MISSING_KEY, place, message).why(REFUSED).help(format!("write {}", quoted[0]))
}

impl Checker<'_> {
    pub(super) fn values(&mut self, trigger: &Trigger<'_>, view: &View<'_>) {
        let Some(metadata) = trigger.metadata else { return };
        // Whole entries may be filled in later.
        if metadata.entries().iter().any(|entry| !is_known(&entry.key)) {
            return;
        }
        for word in words(trigger.kind) {
            if let Some((key, kind)) = word.split_once('=') {
                self.value(trigger, view, key, kind);
                continue;
            }
            // A reference inside of the metadata is told as such.
            let is_referred = trigger
                .node
                .get("authenticationRef")
                .or(trigger.entry("authenticationRef").map(|entry| &entry.node));
            let from_elsewhere = word.ends_with('~') && is_referred.is_some();
            let names: Vec<&str> = word.trim_end_matches(['!', '~']).split('/').collect();
            // With a formula the target stands there.
            let is_target = words(trigger.kind).any(|other| {
                other.split_once('=').is_some_and(|(key, kind)| key == names[0] && kind.starts_with("target"))
            });
            let is_given = from_elsewhere || is_target && view.has_formula();
            if !is_given && !names.iter().any(|key| is_there(trigger, key)) {
                self.missing(trigger, metadata, &names);
            }
        }
    }

    fn missing(&mut self, trigger: &Trigger<'_>, metadata: &Node, names: &[&str]) {
        let written = names.iter().find_map(|key| trigger.entry(key));
        let place = written.map_or(self.place(metadata), |entry| self.key(entry));
        let finding = missing(place, trigger, names);
        // Some are read from a TriggerAuthentication alone.
        self.push(match super::unread::unread(trigger.kind, names[0]) {
            Some(false) => finding.help(format!(
                "keep it in a Secret, and refer to it with a TriggerAuthentication: `parameter: {}`",
                names[0]
            )),
            Some(true) => finding.help(format!(
                "write `{0}FromEnv` with the name of a variable of the container, or give `{0}` by a TriggerAuthentication",
                names[0]
            )),
            _ => finding,
        });
    }

    fn value(&mut self, trigger: &Trigger<'_>, view: &View<'_>, key: &str, kind: &str) {
        let Some(entry) = trigger.entry(key) else { return };
        // `<QUEUE_LENGTH>` is filled in by people.
        let is_open = |text: &str| !is_known(text) || text.starts_with('<') && text.ends_with('>');
        let Some(text) = trigger.value(key).filter(|text| !is_open(text)) else { return };
        let place = self.place(&entry.node);
        let is_target = kind.starts_with("target");
        match kind.trim_start_matches("target:").trim_start_matches("wake:").split(':').next() {
            Some("switch") => {
                let is_read = super::parse_bool(&text).is_some();
                if !is_read {
                    self.push(
                        Finding::new(
                            &NOT_A_TRUTH_VALUE,
                            place,
                            format!("`{}` is neither true nor false", text.escape_debug()),
                        )
                        .why(REFUSED)
                        .help("write \"true\" or \"false\""),
                    );
                }
            }
            Some(number @ ("whole" | "number")) => {
                let is_whole = number == "whole";
                let value = if is_whole {
                    serde_json::from_str::<i64>(&text).ok().map(|value| value as f64)
                } else {
                    serde_json::from_str::<f64>(&text).ok()
                };
                match value {
                    Some(value) if value <= 0.0 && is_target && !view.has_formula() => self.push(
                        Finding::new(&NOT_A_NUMBER, place, format!("a `{key}` of {text}"))
                            .why("it is what one pod has to do, and has to be positive: KEDA or the HPA refuses it, and nothing scales")
                            .help("write the load of one pod"),
                    ),
                    Some(_) => {}
                    None => {
                        let what = if is_whole { "a whole number" } else { "a number" };
                        self.push(
                            Finding::new(&NOT_A_NUMBER, place, format!("`{}` is not {what}", text.escape_debug()))
                                .why(REFUSED)
                                .help(format!("write {what} in quotes, without a unit")),
                        );
                    }
                }
            }
            Some(choices) => {
                let choices = || choices.split('|');
                if choices().any(|choice| choice == text) {
                    return;
                }
                let list: Vec<&str> = choices().collect();
                let finding = Finding::new(
                    &WRONG_CHOICE,
                    place,
                    format!("`{key}` cannot be `{}`", text.escape_debug()),
                )
                .why(REFUSED);
                let switched = match (list.as_slice(), text.to_lowercase().as_str()) {
                    (["enable", "disable"], "true" | "on" | "yes" | "enabled" | "1") => Some("enable"),
                    (["enable", "disable"], "false" | "off" | "no" | "disabled" | "0") => Some("disable"),
                    _ => nearest(&text, list.iter().copied()),
                };
                self.push(match switched {
                    Some(word) => finding.help(format!("did you mean `{word}`?")),
                    None => finding.help(format!("write one of {}", list.join(", "))),
                });
            }
            None => {}
        }
    }
}

//! Rule files and the hand-written configurations that load them.
//!
//! Source: prometheus/prometheus cmd/prometheus/main.go, reloadConfig: every pattern of `rule_files` goes through
//! `filepath.Glob`, and one that matches nothing is no error.

mod files;
mod jobs;
mod operators;
mod receivers;
pub mod values;
mod windows;

use std::collections::HashMap;

use regex::Regex;

use super::compose::Compose;
use super::index::{are_environments, nearness};
use super::world::World;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::{FileId, Place};

/// A `prometheus.yml`, wherever it stands.
pub struct Configuration<'i> {
    root: &'i Object<'i>,
    /// The ConfigMap that holds it.
    host: Option<&'i Object<'i>>,
    /// What the file is called, in the ConfigMap or on disk.
    name: &'i str,
}

/// Groups of rules in a file of their own, or in a key of a ConfigMap.
pub struct RuleFile<'i> {
    root: &'i Object<'i>,
    host: Option<&'i Object<'i>>,
    name: &'i str,
}

impl<'i> Configuration<'i> {
    fn jobs(&self) -> &'i [Node] {
        self.root.at(&["scrape_configs"]).map(Node::items).unwrap_or_default()
    }

    /// The patterns of `rule_files`.
    fn patterns(&self) -> impl Iterator<Item = (&'i Node, &'i str)> {
        let all = self.root.at(&["rule_files"]).map(Node::items).unwrap_or_default();
        all.iter().filter_map(|node| Some((node, node.as_str().filter(|text| !has_variable(text))?)))
    }

    /// Whether one of its patterns means a file of this name.
    fn loads(&self, name: &str) -> bool {
        self.patterns().any(|(_, pattern)| means(pattern, name))
    }
}

impl RuleFile<'_> {
    /// The list of its groups.
    fn place(&self) -> Place {
        let entry = self.root.document.node.entries().iter().find(|entry| entry.key == "groups");
        let span = entry.map_or(self.root.document.node.span, |entry| entry.key_span);
        Place::new(self.root.document.file, span)
    }
}

/// Whether the last part of a pattern means a file of this name.
///
/// Source: Go path/filepath, Match.
fn means(pattern: &str, name: &str) -> bool {
    let last = pattern.rsplit('/').next().unwrap_or(pattern);
    let escaped = regex::escape(last).replace(r"\*", "[^/]*").replace(r"\?", "[^/]");
    let escaped = escaped.replace(r"\[", "[").replace(r"\]", "]").replace(r"\-", "-");
    Regex::new(&format!("^(?:{escaped})$")).is_ok_and(|regex| regex.is_match(name))
}

/// The object that holds a document as a text, and the key that it stands at.
fn holder<'i>(object: &Object<'_>, beside: &[&'i Object<'i>]) -> Option<(&'i Object<'i>, &'i str)> {
    let own = object.document.node.span;
    let host = beside.iter().find(|other| {
        let span = other.document.node.span;
        span != own && span.start <= own.start && own.end <= span.end
    })?;
    let data = host.at(&["data"])?;
    let entry = data.entries().iter().find(|entry| {
        let span = entry.node.span;
        span.start <= own.start && own.start <= span.end
    })?;
    Some((*host, entry.key.as_str()))
}

/// Configurations that mount or read something wrong, and rules that ask for what the configuration around them does not
/// collect.
pub fn check<'i>(
    world: &World<'i>,
    inventory: &'i Inventory<'i>,
    compose: &Compose<'i>,
    exists: fn(&str) -> bool,
) -> Vec<Finding> {
    let is_plain = |object: &&Object<'i>| object.kind().is_empty() && !object.document.node.is_for_logs();
    let is_of_rules =
        |object: &Object<'i>| object.at(&["groups"]).is_some_and(|node| !node.items().is_empty());
    let plain: Vec<&'i Object<'i>> = inventory
        .objects
        .iter()
        .filter(is_plain)
        .filter(|object| object.at(&["scrape_configs"]).is_some() || is_of_rules(object))
        .collect();
    if plain.is_empty() {
        return Vec::new();
    }
    let mut in_file: HashMap<FileId, Vec<&'i Object<'i>>> = HashMap::new();
    for object in inventory.kind("ConfigMap") {
        in_file.entry(object.document.file).or_default().push(object);
    }
    let held = |object: &'i Object<'i>| {
        let beside = in_file.get(&object.document.file).map(Vec::as_slice).unwrap_or_default();
        match holder(object, beside) {
            Some((host, key)) => (Some(host), key),
            None => (None, object.path.rsplit('/').next().unwrap_or(object.path)),
        }
    };
    let (mut configurations, mut files) = (Vec::new(), Vec::new());
    for root in plain {
        let (host, name) = held(root);
        if root.at(&["scrape_configs"]).is_some() {
            if !is_whole(root, name) {
                continue;
            }
            configurations.push(Configuration { root, host, name });
        } else {
            files.push(RuleFile { root, host, name });
        }
    }
    let mut findings: Vec<Finding> = configurations
        .iter()
        .flat_map(|one| files::check(one, &files, inventory, world, (compose, exists)))
        .collect();
    let mut loaded: Vec<(&Configuration<'i>, Vec<&RuleFile<'i>>)> =
        configurations.iter().map(|one| (one, Vec::new())).collect();
    for file in &files {
        let own = loading(file, &configurations);
        if !own.is_empty() {
            findings.extend(jobs::check(world, file, &own, "this configuration loads the rules"));
            findings.extend(windows::check(world, file, &own));
        } else if let Some(finding) =
            files::read_by_nobody(file, &configurations, world, (inventory, compose))
        {
            // They will be loaded by the only one that is here, once it says so.
            let is_same = |one: &&Configuration<'i>| {
                one.host.is_some() == file.host.is_some() || compose.server(one.root.path).is_none()
            };
            let all: Vec<&Configuration<'i>> = configurations.iter().collect();
            match all.as_slice() {
                [only] if is_same(only) => {
                    findings.extend(jobs::check(world, file, &all, "the only configuration here"));
                }
                // Whichever of them comes to load the rules.
                [_, _, ..] if all.iter().any(is_same) => {
                    let told = jobs::check(world, file, &all, "one of the configurations here");
                    findings.extend(told.into_iter().map(|mut finding| {
                        finding.severity = Severity::Warning;
                        finding
                    }));
                }
                _ => {}
            }
            findings.push(finding);
        }
        for (_, all) in loaded.iter_mut().filter(|(one, _)| own.iter().any(|own| std::ptr::eq(*own, *one))) {
            all.push(file);
        }
    }
    findings.extend(loaded.iter().filter_map(|(one, all)| receivers::check(one, all, world, exists)));
    findings.extend(configurations.iter().filter_map(|one| receivers::unknown(one, world)));
    findings
}

/// Whether a file is all that Prometheus reads: jobs alone may be a part that `scrape_config_files` names.
fn is_whole(root: &Object<'_>, name: &str) -> bool {
    const KEYS: [&str; 4] = ["global", "rule_files", "alerting", "remote_write"];
    name.starts_with("prometheus") || KEYS.iter().any(|key| root.at(&[key]).is_some())
}

/// The configurations that load a rule file: of several the nearest.
fn loading<'c, 'i>(file: &RuleFile<'i>, all: &'c [Configuration<'i>]) -> Vec<&'c Configuration<'i>> {
    let loads = |one: &&Configuration<'i>| {
        one.host.is_some() == file.host.is_some()
            && !are_environments(one.root.path, file.root.path)
            && one.loads(file.name)
    };
    let own: Vec<&Configuration<'i>> = all.iter().filter(loads).collect();
    let rank = |one: &Configuration<'i>| nearness(one.root.path, file.root.path);
    let best = own.iter().map(|one| rank(one)).max().unwrap_or_default();
    // Another project in the same repository is none of its business.
    let is_far =
        best == 0 && file.root.path.contains('/') && own.iter().all(|one| one.root.path.contains('/'));
    if is_far {
        return Vec::new();
    }
    let nearest: Vec<&Configuration<'i>> = own.into_iter().filter(|one| rank(one) == best).collect();
    // Of several projects side by side each has a configuration of its own.
    let folder = |path: &'i str| path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_around = |one: &&Configuration<'i>| {
        let (theirs, own) = (folder(one.root.path), folder(file.root.path));
        theirs.is_empty() || own == theirs || own.starts_with(&format!("{theirs}/"))
    };
    match nearest.len() {
        0 | 1 => nearest,
        _ => nearest.into_iter().filter(is_around).collect(),
    }
}

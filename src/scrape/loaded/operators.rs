//! Objects of the Prometheus operator where Prometheus itself wants a file of rules.
//!
//! Source: prometheus/prometheus model/rulefmt/rulefmt.go, Parse: fields that are not known are an error; cmd/prometheus/
//! main.go, reloadConfig: rules that cannot be loaded end it at the start.

use super::files::in_its_folder;
use super::{Configuration, means};
use crate::finding::{Finding, Severity};
use crate::scrape::compose::Compose;
use crate::scrape::rules::RULES_NOT_LOADED;
use crate::scrape::world::World;
use crate::source::{Place, Span};

/// Files that Docker Compose mounts where a pattern of `rule_files` finds them, and that are objects of the operator.
pub fn mounted(
    configuration: &Configuration<'_>,
    world: &World<'_>,
    compose: &Compose<'_>,
) -> Option<Finding> {
    let patterns: Vec<_> =
        configuration.patterns().map(|(node, pattern)| (node, in_its_folder(pattern))).collect();
    if patterns.is_empty() {
        return None;
    }
    compose.servers_of(configuration.root.path).find_map(|server| {
        world.sources.iter().find_map(|(file, source)| {
            // What is no YAML in the end is an object all the same.
            let at = of_the_operator(&source.text)?;
            let seen = server.seen_at(&source.name)?;
            let (folder, name) = seen.rsplit_once('/')?;
            let is_found = |pattern: &str| {
                pattern.rsplit_once('/').is_some_and(|(own, _)| own == folder) && means(pattern, name)
            };
            let (node, _) = patterns.iter().find(|(_, pattern)| is_found(pattern))?;
            let place = Place::new(file, Span::new(at, at + KIND.len()));
            let message = format!("`{seen}` is an object of the operator, not a file of rules");
            let mut finding = Finding::new(&RULES_NOT_LOADED, place, message)
                .related(configuration.root.place(node), "Prometheus loads it by this pattern")
                .related(server.place(), "this container mounts it")
                .why("Prometheus knows no `apiVersion`, `kind` or `spec` in a file of rules: it refuses the file, and does not start")
                .help("mount a file that begins with `groups:`, the content of `spec`");
            finding.severity = Severity::Error;
            Some(finding)
        })
    })
}

const KIND: &str = "kind: PrometheusRule";

/// Where a text says that it is an object of the operator.
fn of_the_operator(text: &str) -> Option<usize> {
    if !text.contains(KIND) || text.lines().any(|line| line.starts_with("groups:")) {
        return None;
    }
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == KIND {
            return Some(at);
        }
        at += line.len();
    }
    None
}

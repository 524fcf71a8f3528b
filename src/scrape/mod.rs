//! Which pods Prometheus scrapes, by which way, and what stands in between: decided on files alone.
//!
//! Workloads and Services become the targets that discovery would make of them ([`target`]); monitors and scrape
//! configurations are ways ([`way`]) that keep or drop such targets; [`coverage`] asks for each metric of each scaler.
//! Verdicts have three shades: scraped, not scraped, cannot tell.

mod address;
mod addressed;
mod again;
mod alerts;
mod alone;
mod annotations;
mod blind;
mod chart;
mod check;
mod collector;
mod collectors;
mod compose;
mod config;
mod consequence;
mod coverage;
mod dangling;
mod dns;
mod dropped;
mod exporter;
mod exporters;
mod exposed;
mod flaws;
mod generated;
mod idle;
mod index;
mod installed;
mod job;
mod kubelet;
mod labels;
mod listed;
mod loaded;
mod lookback;
mod mesh;
mod missing_ports;
mod monitor;
mod named_jobs;
mod network;
mod never;
mod numbered;
mod operator;
mod pattern;
mod picked;
mod programs;
mod relabel;
mod roles;
pub mod rules;
mod speaks;
mod spelled;
mod started;
mod stock;
mod target;
mod token;
mod twice;
mod unread;
mod vendor;
mod verdict;
mod way;
mod whole;
mod windows;
mod words;
mod world;
mod written;

pub use check::check;
pub use compose::is_compose;
pub use coverage::{Row, Verdict};
pub use exporters::is_of_the_platform;
pub use index::are_environments;
pub use listed::soften;
pub use network::{Gate, Gates};
pub use rules::PORT_NUMBER;

use std::collections::HashSet;

use crate::finding::{Finding, Rule};
use crate::source::{FileId, Place};

/// What cannot happen because the series is not there, and what is told of one matcher twice.
pub fn leave_out_consequences(findings: &mut Vec<Finding>) {
    let of = |rule: &'static Rule| findings.iter().filter(move |finding| finding.rule == rule);
    // An alert on the share of a limit that nobody collects is not for ever, but never.
    let uncollected: HashSet<FileId> = of(&rules::NO_EXPORTER)
        .filter(|finding| {
            finding.message.contains("cAdvisor") || finding.message.contains("kube-state-metrics")
        })
        .map(|finding| finding.place.file)
        .collect();
    let nameless: HashSet<Place> = of(&rules::NO_SUCH_JOB).map(|finding| finding.place).collect();
    findings.retain(|finding| {
        let is_for_ever = finding.rule.id == "alerting/no-limit" && uncollected.contains(&finding.place.file);
        let is_again = finding.rule == &rules::LABEL_MISMATCH && nameless.contains(&finding.place);
        !is_for_ever && !is_again
    });
}

//! Which pods Prometheus scrapes, by which way, and what stands in between: decided on files alone.
//!
//! Workloads and Services become the targets that discovery would make of them ([`target`]); monitors and scrape
//! configurations are ways ([`way`]) that keep or drop such targets; [`coverage`] asks for each metric of each scaler.
//! Verdicts have three shades: scraped, not scraped, cannot tell.

mod address;
mod addressed;
mod alerts;
mod annotations;
mod chart;
mod compose;
mod config;
mod coverage;
mod dangling;
mod dns;
mod exporter;
mod flaws;
mod generated;
mod idle;
mod index;
mod installed;
mod job;
mod labels;
mod listed;
mod loaded;
mod monitor;
mod network;
mod numbered;
mod operator;
mod pattern;
mod picked;
mod relabel;
pub mod rules;
mod speaks;
mod target;
mod twice;
mod unread;
mod verdict;
mod way;
mod words;

pub use coverage::{Row, Verdict, check};
pub use exporter::is_of_the_platform;
pub use index::are_environments;
pub use listed::soften;
pub use network::Gates;

//! slogen: one SLO policy in; KEDA, Prometheus, alerts and a checklist out.
//!
//! The stages, in the order in which a policy passes through them. [`compile`] is the pipeline.

pub mod checklist;
pub mod cli;
pub mod compile;
pub mod config;
pub mod emit;
pub mod finding;
pub mod inspect;
pub mod inventory;
pub mod lift;
pub mod lint;
pub mod manifest;
pub mod model;
pub mod output;
pub mod plan;
pub mod policy;
pub mod promql;
pub mod rules;
pub mod schema;
pub mod scrape;
pub mod source;

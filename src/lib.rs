//! slogen: one SLO policy in; KEDA, Prometheus, alerts and a checklist out.
//!
//! The stages, in the order in which a policy passes through them. [`compile`] is the pipeline.

pub mod source;
pub mod finding;
pub mod promql;
pub mod model;
pub mod policy;
pub mod plan;
pub mod manifest;
pub mod rules;
pub mod checklist;
pub mod emit;
pub mod output;
pub mod compile;
pub mod cli;

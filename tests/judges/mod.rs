//! Outside judges: what slogen believes of its output is worth what promtool and a real Prometheus say.
//!
//! Ignored by default, because they need Debian's `prometheus` package; `.ci/run` installs it and runs them all.

mod exporter;
mod precommit;
mod prometheus;
mod promtool;

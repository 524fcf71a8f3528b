//! Outside judges: what slogen believes of its output is worth what promtool and a real Prometheus say.
//!
//! Ignored by default, because they need Debian's `prometheus` package; `.ci/run` installs it and runs them all.
//! Kustomize is judged where a kubectl of today is installed.

mod exporter;
mod kustomize;
mod precommit;
mod prometheus;
mod promtool;

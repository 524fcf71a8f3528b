//! Counters of time that grow by a second per second at most: what one CPU, or one machine, spends on something.
//!
//! Sources: prometheus/node_exporter collector/cpu_linux.go (seconds of each CPU in each mode), collector/pressure_linux.go
//! (the time in which something waited); prometheus-community/windows_exporter docs/collector.cpu.md.

use super::super::ast::*;
use super::{Base, Info, Unit};

const SHARES: [&str; 9] = [
    "node_cpu_seconds_total",
    "node_cpu_guest_seconds_total",
    "node_pressure_cpu_waiting_seconds_total",
    "node_pressure_io_stalled_seconds_total",
    "node_pressure_io_waiting_seconds_total",
    "node_pressure_irq_stalled_seconds_total",
    "node_pressure_memory_stalled_seconds_total",
    "node_pressure_memory_waiting_seconds_total",
    "windows_cpu_time_total",
];

/// Metrics that are 0 or 1.
///
/// Sources: prometheus/prometheus scrape/scrape.go (`up`); prometheus/blackbox_exporter prober/handler.go.
pub(super) fn is_truth(metric: &str) -> bool {
    matches!(metric, "up" | "probe_success")
}

/// The most that a rate, or an increase, of such a counter can be.
pub(super) fn most(call: &Call) -> Option<f64> {
    let Kind::Range(inner, range) = &call.arguments.first()?.bare().kind else { return None };
    let Kind::Selector(selector) = &inner.bare().kind else { return None };
    selector.metric().filter(|name| SHARES.contains(name))?;
    if call.function.name == "increase" { range.seconds() } else { Some(1.0) }
}

/// A second per second is a share, as long as nothing is added up.
pub(super) fn of_time(info: &mut Info<'_>) {
    if info.unit == Some(Unit::rate(Base::Seconds)) && info.bounds.0 >= 0.0 && info.bounds.1 <= 1.0 {
        info.unit = Some(Unit::level(Base::Ratio));
    }
}

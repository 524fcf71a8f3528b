//! Counters and the windows over them.

use super::histogram::RATES;
use super::repair::{replace, seconds};
use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::MetricKind;
use crate::promql::ast::*;

/// Functions that ask whether and when, not how much.
const EXISTENCE: [&str; 12] = [
    "absent",
    "absent_over_time",
    "changes",
    "resets",
    "timestamp",
    "count_over_time",
    "present_over_time",
    "last_over_time",
    "ts_of_last_over_time",
    "ts_of_first_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

/// Names that end like that of a counter and are none: switches, moments, and what is there just now.
///
/// Source: google/cadvisor lib/metrics/prometheus.go (GaugeValue).
fn is_level(name: &str) -> bool {
    const OF_CADVISOR: [&str; 6] = [
        "container_fs_inodes_total",
        "container_network_advance_tcp_stats_total",
        "container_network_tcp6_usage_total",
        "container_network_tcp_usage_total",
        "container_network_udp6_usage_total",
        "container_network_udp_usage_total",
    ];
    const NOW: [&str; 12] = [
        "active", "backlog", "current", "depth", "flight", "inflight", "lag", "open", "pending", "progress",
        "running", "waiting",
    ];
    let stem = name.strip_suffix("_total");
    OF_CADVISOR.contains(&name)
        || name.ends_with("_enabled_total")
        || name.contains("_timestamp_")
        || stem
            .is_some_and(|stem| stem.ends_with("_queue") || stem.split('_').any(|word| NOW.contains(&word)))
}

/// Counters whose names do not say so.
///
/// Sources: prometheus/mysqld_exporter collector/global_status.go; prometheus-community/postgres_exporter
/// collector/pg_stat_database.go; nginx/nginx-prometheus-exporter README.md; google/cadvisor lib/metrics/prometheus.go;
/// prometheus/node_exporter collector/vmstat_linux.go, netstat_linux.go.
const COUNTERS: [&str; 41] = [
    "mysql_global_status_slow_queries",
    "mysql_global_status_queries",
    "mysql_global_status_questions",
    "mysql_global_status_aborted_connects",
    "mysql_global_status_aborted_clients",
    "mysql_global_status_connections",
    "pg_stat_database_xact_commit",
    "pg_stat_database_xact_rollback",
    "pg_stat_database_deadlocks",
    "pg_stat_database_conflicts",
    "pg_stat_database_temp_bytes",
    "nginx_connections_accepted",
    "nginx_connections_handled",
    "node_vmstat_oom_kill",
    "pg_stat_database_temp_files",
    "pg_stat_database_blks_read",
    "pg_stat_database_blks_hit",
    "pg_stat_database_tup_fetched",
    "pg_stat_database_tup_returned",
    "pg_stat_database_tup_inserted",
    "pg_stat_database_tup_updated",
    "pg_stat_database_tup_deleted",
    "mysql_global_status_bytes_received",
    "mysql_global_status_bytes_sent",
    "mysql_global_status_innodb_row_lock_waits",
    "mysql_global_status_table_locks_waited",
    "container_memory_failcnt",
    "container_hugetlb_failcnt",
    "node_vmstat_pgfault",
    "node_vmstat_pgmajfault",
    "node_vmstat_pswpin",
    "node_vmstat_pswpout",
    "node_netstat_Tcp_RetransSegs",
    "node_netstat_Tcp_OutSegs",
    "node_netstat_Tcp_InSegs",
    "node_netstat_Tcp_InErrs",
    "node_netstat_TcpExt_ListenDrops",
    "node_netstat_TcpExt_ListenOverflows",
    "node_netstat_TcpExt_TCPTimeouts",
    "node_netstat_Udp_InErrors",
    "node_netstat_Udp_RcvbufErrors",
];

impl Linter<'_> {
    /// A counter that nothing turns into a rate.
    pub(super) fn raw_counter(&mut self, index: usize, selector: &Selector) {
        let Some(name) = selector.metric() else { return };
        let declared = self.context.facts.metric(name).map(|metric| metric.kind);
        let by_type = declared == Some(MetricKind::Counter)
            || declared == Some(MetricKind::Histogram)
                && ["_bucket", "_count", "_sum"].iter().any(|suffix| name.ends_with(suffix));
        let by_name = declared.is_none()
            && !super::is_recorded(name)
            && (name.ends_with("_total") || name.ends_with("_bucket") || COUNTERS.contains(&name));
        if !by_type && !by_name || by_name && is_level(name) {
            return;
        }
        let mut below = index;
        let mut difference = None;
        for above in self.path_up(index) {
            let info = &self.analysis.nodes[above];
            match &info.node.kind {
                // A range as the result is another story.
                Kind::Range(..) if info.parent.is_none() => return,
                Kind::Call(call) => {
                    let function = call.function.name;
                    let turned = RATES.contains(&function)
                        || EXISTENCE.contains(&function)
                        || function == "predict_linear";
                    // A quantile without a rate is another story.
                    if turned || function.starts_with("histogram") {
                        return;
                    }
                }
                Kind::Aggregate(aggregate)
                    if matches!(aggregate.operator, "count" | "group" | "count_values") =>
                {
                    return;
                }
                Kind::Binary(binary) => {
                    if self.context.scaler().is_none() && by_name && self.only_compares(above, below) {
                        return;
                    }
                    let is_right = info.children.get(1) == Some(&below);
                    if binary.operator.is_set() && binary.operator != Operator::Or && is_right {
                        return;
                    }
                    let other = info.children.get(usize::from(!is_right)).copied();
                    let same = other.is_some_and(|other| self.analysis.metrics_below(other).contains(&name));
                    // A limit or a whole, named `_total` although it is a gauge: `used / total`.
                    let divided = binary.operator == Operator::Divide;
                    if by_name && divided && (is_right || self.context.scaler().is_none()) {
                        return;
                    }
                    if same && binary.operator.is_comparison() {
                        return;
                    }
                    if same && binary.operator == Operator::Subtract {
                        if is_right {
                            // The left side tells it.
                            return;
                        }
                        difference = Some(binary);
                        break;
                    }
                    // "Has it ever happened" is a fair question of an alert.
                    let zero = other.is_some_and(|other| self.analysis.nodes[other].constant == Some(0.0));
                    if self.context.scaler().is_none() && binary.operator.is_comparison() && zero {
                        return;
                    }
                }
                _ => {}
            }
            below = above;
        }
        let span = self.analysis.nodes[index].node.span;
        // In a rule one word is enough for the whole expression.
        if self.context.scaler().is_none()
            && let Some(first) = self.found.iter_mut().find(|lint| *lint.rule == rules::RAW_COUNTER)
        {
            first.related.push((span, "so is this".into()));
            return;
        }
        let severity = if by_type { Severity::Error } else { Severity::Warning };
        let window = self.good_window();
        if let Some(binary) = difference {
            return self.push(
                Lint::new(&rules::RAW_COUNTER, binary.operator_span, "the difference of a counter, taken by hand")
                    .severity(severity)
                    .why("when a pod restarts the counter starts at 0, and the difference is negative: KEDA reads 0")
                    .help(format!("write `increase({name}[…])`, which knows about restarts")),
            );
        }
        let lint =
            Lint::new(&rules::RAW_COUNTER, span, format!("`{name}` is a counter, and is read as it is"))
                .severity(severity)
                .label(if by_type {
                    "a counter only ever grows"
                } else {
                    "the name is that of a counter, which only ever grows"
                })
                .why("its value is all that was counted since the pods started: it grows as long as they run, and begins at 0 with each of them, whatever the load is")
                .help(if self.context.is_alert() {
                    format!("write `increase({name}…[{window}])`, and compare with as many as are too many in {window}")
                } else if self.context.scaler().is_some() {
                    format!("write `rate({name}…[{window}])`, and a threshold of so many per second")
                } else {
                    format!("write `rate({name}…[{window}])`")
                });
        let is_ranged = self.analysis.nodes[index].parent.is_some_and(|parent| {
            matches!(self.analysis.nodes[parent].node.kind, Kind::Range(..) | Kind::Subquery(_))
        });
        // With an increase the limit changes as well.
        self.push(if is_ranged || self.context.is_alert() {
            lint
        } else {
            lint.repair(false, "take the rate", self.take_rate(span))
        });
    }

    /// Whether the operation asks no more of two counts than which is there and whether they agree, or how long ago a
    /// moment was.
    fn only_compares(&self, operation: usize, below: usize) -> bool {
        let info = &self.analysis.nodes[operation];
        let Kind::Binary(binary) = &info.node.kind else { return false };
        let Some(other) = info.children.iter().copied().find(|child| *child != below) else { return false };
        let is_time = matches!(&self.analysis.nodes[self.analysis.bare(other)].node.kind, Kind::Call(call) if call.function.name == "time");
        if binary.operator == Operator::Subtract {
            return is_time;
        }
        let asks = matches!(
            binary.operator,
            Operator::Equal | Operator::NotEqual | Operator::And | Operator::Or | Operator::Unless
        );
        asks && self.analysis.metrics_below(other).iter().any(|name| name.ends_with("_total"))
    }

    /// A window against the scrape interval.
    pub(super) fn range(&mut self, index: usize, duration: &Duration) {
        let (Some(window), Some(interval)) = (duration.seconds(), self.context.facts.scrape_interval) else {
            return;
        };
        let info = &self.analysis.nodes[index];
        let function = info.parent.and_then(|parent| match &self.analysis.nodes[parent].node.kind {
            Kind::Call(call) => Some(call),
            _ => None,
        });
        let Some(call) = function.filter(|call| RATES.contains(&call.function.name)) else { return };
        if interval <= 0.0 || window >= 4.0 * interval {
            return;
        }
        let name = call.function.name;
        let span = self.brackets(info.node).unwrap_or(info.node.span);
        let good = self.good_window();
        let (rule, why) = if window < 2.0 * interval {
            let (window_text, interval_text) = (seconds(window), seconds(interval));
            let why = if window <= interval {
                let nothing = self.reads_nothing();
                format!(
                    "`{name}` needs two samples; at one scrape every {interval_text} a window of {window_text} never holds two: {nothing}"
                )
            } else {
                // Scrapes and looks are not in step: the second sample is inside as often as the window is too long for one.
                let share = ((2.0 - window / interval) * 100.0).round();
                let empty = self.reads_nothing_at_times();
                format!(
                    "`{name}` needs two samples; at one scrape every {interval_text} a window of {window_text} holds one in {share} % of the looks: then {empty}"
                )
            };
            (&rules::WINDOW_TOO_SHORT, why)
        } else {
            let why = format!(
                "it holds {} samples: one failed scrape, and there may be no result",
                (window / interval).floor()
            );
            (&rules::WINDOW_FRAGILE, why)
        };
        self.push(
            Lint::new(
                rule,
                span,
                format!("a window of {} at one scrape every {}", seconds(window), seconds(interval)),
            )
            .label(format!("fewer than {} scrapes", if window < 2.0 * interval { "two" } else { "four" }))
            .why(why)
            .related(call.name_span, "it needs two samples at least")
            .help(format!("write `[{good}]`"))
            .repair(true, format!("write `[{good}]`"), replace(span, good)),
        );
    }
}

//! Metrics of collectors that an exporter has, and that nobody switched on.
//!
//! Sources: prometheus-community/postgres_exporter README.md (default: disabled); prometheus/node_exporter collector
//! (registerCollector, defaultDisabled); prometheus/mysqld_exporter mysqld_exporter.go (scrapers).

use super::exposed::{NEVER, queries};
use super::rules::NOT_EXPOSED;
use super::world::World;
use crate::finding::{Finding, Severity, push_once};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::promql::{Target, parse};
use crate::source::{Place, Span};

/// An exporter, and its collectors that are off: the beginnings of their metrics, and the flags.
struct Exporter {
    images: &'static [&'static str],
    who: &'static str,
    off: &'static [(&'static str, &'static str)],
    /// Words by which such metrics come from somewhere else.
    others: &'static [&'static str],
}

const EXPORTERS: [Exporter; 3] = [
    Exporter {
        images: &["postgres-exporter", "postgres_exporter"],
        who: "PostgreSQL",
        off: &[
            ("pg_stat_statements_", "collector.stat_statements"),
            ("pg_long_running_transactions", "collector.long_running_transactions"),
            ("pg_database_wraparound_", "collector.database_wraparound"),
            ("pg_process_idle_", "collector.process_idle"),
            ("pg_postmaster_", "collector.postmaster"),
            ("pg_stat_activity_autovacuum_", "collector.stat_activity_autovacuum"),
            ("pg_stat_wal_receiver_", "collector.stat_wal_receiver"),
            ("pg_statio_user_indexes_", "collector.statio_user_indexes"),
            ("pg_xlog_location_", "collector.xlog_location"),
        ],
        // Queries of one's own, and other exporters.
        others: &[
            "extend.query",
            "EXTEND_QUERY",
            "queries.y",
            "sql-exporter",
            "sql_exporter",
            "pgmonitor",
            "pgwatch",
        ],
    },
    Exporter {
        images: &["node-exporter", "node_exporter"],
        who: "the machines",
        off: &[
            ("node_systemd_", "collector.systemd"),
            ("node_processes_", "collector.processes"),
            ("node_tcp_connection_states", "collector.tcpstat"),
            ("node_interrupts_total", "collector.interrupts"),
            ("node_ntp_", "collector.ntp"),
            ("node_ethtool_", "collector.ethtool"),
            ("node_mountstats_", "collector.mountstats"),
            ("node_logind_", "collector.logind"),
            ("node_zoneinfo_", "collector.zoneinfo"),
            ("node_memory_numa_", "collector.meminfo_numa"),
        ],
        others: &["textfile", "prometheus-node-exporter"],
    },
    Exporter {
        images: &["mysqld-exporter", "mysqld_exporter"],
        who: "MySQL",
        off: &[
            ("mysql_info_schema_processlist_", "collect.info_schema.processlist"),
            ("mysql_info_schema_table_", "collect.info_schema.tables"),
            ("mysql_info_schema_innodb_metrics_", "collect.info_schema.innodb_metrics"),
            ("mysql_perf_schema_events_statements_", "collect.perf_schema.eventsstatements"),
            ("mysql_perf_schema_table_io_", "collect.perf_schema.tableiowaits"),
            ("mysql_perf_schema_index_io_", "collect.perf_schema.indexiowaits"),
            ("mysql_perf_schema_replication_group_", "collect.perf_schema.replication_group"),
            ("mysql_binlog_", "collect.binlog_size"),
            ("mysql_engine_innodb_", "collect.engine_innodb_status"),
            ("mysql_heartbeat_", "collect.heartbeat"),
        ],
        others: &["sql-exporter", "sql_exporter"],
    },
];

/// What makes metrics of everything, under the same names.
const OF_ALL: [&str; 5] = ["alloy", "grafana-agent", "grafana/agent", "telegraf", "pmm-"];

pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (object, node, text) in queries(inventory) {
        let starts = |metric: &str| {
            EXPORTERS.iter().find_map(|exporter| {
                let (_, flag) = exporter.off.iter().find(|(start, _)| metric.starts_with(start))?;
                Some((exporter, *flag))
            })
        };
        if !EXPORTERS.iter().any(|exporter| exporter.off.iter().any(|(start, _)| text.contains(start))) {
            continue;
        }
        let Ok(expression) = parse(text, &Target::default()) else { continue };
        for selector in expression.selectors() {
            let metric = selector.name.as_deref().unwrap_or_default();
            let Some((exporter, flag)) = starts(metric) else { continue };
            let is_recorded = !world.index.recorded(metric).is_empty();
            let Some(by) = (!is_recorded).then(|| exporter.without(world, inventory, flag)).flatten() else {
                continue;
            };
            let start = selector.span.start as usize;
            let mut finding = Finding::new(
                &NOT_EXPOSED,
                world.inside(object, node, text, Span::new(start, start + metric.len())),
                format!("the exporter of {} makes no `{metric}` as it is started here", exporter.who),
            )
            .related(by, format!("without `--{flag}`"))
            .why(format!("the collector is off unless it is asked for. {NEVER}"))
            .help(match metric.starts_with("pg_stat_statements_") && !metric.ends_with("_total") {
                true => format!("start it with `--{flag}`, and ask for what that gives: `rate(pg_stat_statements_seconds_total[5m]) / rate(pg_stat_statements_calls_total[5m])`"),
                false => format!("start it with `--{flag}`"),
            });
            // Another one, of which nothing is written here, may run elsewhere.
            finding.severity = Severity::Warning;
            push_once(&mut findings, finding);
        }
    }
    findings
}

impl Exporter {
    /// Where it is started, if it is, by words that are all here, and nothing speaks of the flag or of others that make
    /// such metrics.
    fn without(&self, world: &World<'_>, inventory: &Inventory<'_>, flag: &str) -> Option<Place> {
        let mut words = self.others.iter().chain(&OF_ALL).chain([&flag]);
        if words.any(|word| world.sources.speak_of(word)) {
            return None;
        }
        let mut found = None;
        for object in &inventory.objects {
            for container in containers(object) {
                let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
                if !self.is(image) {
                    continue;
                }
                let is_open = ["envFrom", "env_file", "extends", "build"]
                    .iter()
                    .any(|key| container.get(key).is_some());
                let has_unknown = ["command", "args", "entrypoint"].iter().any(|key| {
                    let text = container.get(key).map(|node| node.to_json().to_string()).unwrap_or_default();
                    has_variable(&text) || text.contains("--config.file")
                });
                if is_open || has_unknown || !object.patched.is_empty() {
                    return None;
                }
                found.get_or_insert_with(|| object.place(container.get("image").unwrap_or(container)));
            }
        }
        found
    }

    fn is(&self, image: &str) -> bool {
        let last = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
        self.images.contains(&last.split(':').next().unwrap_or(last))
    }
}

/// The containers of a workload, or the services of a file of Docker Compose.
fn containers<'i>(object: &'i Object<'i>) -> impl Iterator<Item = &'i Node> {
    let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
    let composed = services.iter().filter(|_| object.kind().is_empty()).map(|entry| &entry.node);
    object.containers().iter().chain(composed)
}

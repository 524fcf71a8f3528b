//! The limit of an alert against what its query can give: limits that everything passes, and moments taken for spans.
//!
//! Source: the naming conventions of Prometheus: a moment is in seconds since 1970.

use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::Base;
use crate::promql::ast::*;
use crate::source::Span;

/// Ends of the names of metrics that hold a moment, in seconds since 1970.
///
/// Sources: kubernetes/kube-state-metrics docs/metrics; prometheus/blackbox_exporter prober/http.go;
/// cert-manager/cert-manager pkg/metrics; prometheus/pushgateway README.md; prometheus/node_exporter collector.
const MOMENTS: [&str; 15] = [
    "_timestamp_seconds",
    "_start_time_seconds",
    "_boot_time_seconds",
    "_last_success_time",
    "_last_success_unixtime",
    "_last_schedule_time",
    "_last_successful_time",
    "_next_schedule_time",
    "_completion_time",
    "_cert_expiry",
    "_cert_not_after",
    "_cert_not_before",
    "_created",
    "push_time_seconds",
    "_last_seen",
];

/// The first of January of 1980: nothing that is measured happened before.
const EARLIEST: f64 = 315_532_800.0;

impl Linter<'_> {
    /// `… > 5` in an alert.
    pub(super) fn alert_limit(&mut self, index: usize, binary: &Binary) {
        if !self.context.is_alert() || !binary.operator.is_comparison() || binary.returns_bool {
            return;
        }
        let children = &self.analysis.nodes[index].children;
        let (left, right) = (children[0], children[1]);
        let Some(limit) = self.analysis.nodes[right].constant.filter(|limit| limit.is_finite()) else {
            return;
        };
        let span = binary.operator_span.to(binary.right.span);
        let is_above = matches!(binary.operator, Operator::Greater | Operator::GreaterEqual);
        let before = self.found.len();
        self.moment(binary, limit);
        if self.found.len() == before {
            self.distance(binary, limit, span);
            self.usage_in_percent(left, limit, span, is_above);
            self.time_of_alert(left, limit, span, is_above);
            self.always_holds(index, binary, limit);
        }
    }

    /// `certmanager_certificate_expiration_timestamp_seconds < 604800`: a week after 1970.
    fn moment(&mut self, binary: &Binary, limit: f64) {
        let Some(name) = moment_of(&binary.left) else { return };
        // 0 asks whether it ever happened.
        if limit <= 1.0 || limit >= EARLIEST {
            return;
        }
        let is_above = matches!(binary.operator, Operator::Greater | Operator::GreaterEqual);
        let why = if is_above {
            "the value is about 1.7 billion: the comparison always holds, and the alert fires for ever"
        } else {
            "the value is about 1.7 billion: the comparison never holds, and the alert never fires"
        };
        let looks_ahead = ["expir", "not_after", "next"].iter().any(|word| name.contains(word));
        let help = if looks_ahead {
            format!("write `{name} - time() {} …`", binary.operator.text())
        } else {
            format!("write `time() - {name} {} …`", binary.operator.text())
        };
        let span = binary.operator_span.to(binary.right.span);
        self.push(
            Lint::new(
                &rules::MOMENT_AS_SPAN,
                span,
                format!("a moment is compared with {limit}, which is {} after 1970", span_of(limit)),
            )
            .related(binary.left.span, "seconds since 1970")
            .why(why)
            .help(help),
        );
    }

    /// `probe_ssl_earliest_cert_expiry - time() < 14`: seconds before the end, where days were meant.
    fn distance(&mut self, binary: &Binary, limit: f64, span: Span) {
        /// What is looked at days before it happens, and hours after it did.
        const AHEAD: [&str; 4] = ["expir", "not_after", "cert_expiry", "renewal"];
        const BACK: [&str; 5] = ["backup", "restore", "snapshot", "dump", "last_successful_time"];
        const MOST_DAYS: f64 = 120.0;
        const MOST_HOURS: f64 = 48.0;
        let Kind::Binary(difference) = &binary.left.bare().kind else { return };
        if difference.operator != Operator::Subtract || limit < 1.0 {
            return;
        }
        let is_now =
            |node: &Node| matches!(&node.bare().kind, Kind::Call(call) if call.function.name == "time");
        let (moment, is_ahead) = match (is_now(&difference.left), is_now(&difference.right)) {
            (false, true) => (&difference.left, true),
            (true, false) => (&difference.right, false),
            _ => return,
        };
        let Some(name) = moment_of(moment) else { return };
        let speaks = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let is_below = matches!(binary.operator, Operator::Less | Operator::LessEqual);
        let (unit, factor, effect) = match is_ahead {
            true if is_below && limit <= MOST_DAYS && speaks(&AHEAD) => (
                "days",
                86_400,
                format!("the alert fires {limit} seconds before the end, when it is too late"),
            ),
            false if !is_below && limit <= MOST_HOURS && speaks(&BACK) => {
                ("hours", 3_600, format!("the alert fires from {limit} seconds after each success on"))
            }
            _ => return,
        };
        self.push(
            Lint::new(
                &rules::TIME_UNIT,
                span,
                format!("the query counts in seconds, and the limit is {limit}"),
            )
            .label(format!("{limit} seconds?"))
            .why(format!("if {unit} are meant, {effect}"))
            .help(format!("write `{limit} * {factor}` if {unit} are meant")),
        );
    }

    /// `100 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m])) * 100 > 0.8`: what is in use, in percent, against a share.
    fn usage_in_percent(&mut self, left: usize, limit: f64, span: Span, is_above: bool) {
        /// What is filled by half, or almost, when all is well: less than one percent of it is of no interest.
        const FILLED: [&str; 9] = [
            "node_cpu_seconds_total",
            "node_memory_",
            "node_filesystem_",
            "container_memory_",
            "kube_pod_container_resource_limits",
            "kubelet_volume_stats_",
            "jvm_memory_",
            "redis_memory_",
            "machine_memory_bytes",
        ];
        let is_percent =
            self.analysis.nodes[left].unit.is_some_and(|unit| !unit.per_second && unit.base == Base::Percent);
        let names = self.analysis.metrics_below(left);
        let is_filled =
            !names.is_empty() && names.iter().all(|name| FILLED.iter().any(|start| name.starts_with(start)));
        if !is_percent || !is_filled || !is_above || !(0.5..1.0).contains(&limit) {
            return;
        }
        let whole = (limit * 1e9).round() / 1e7;
        self.push(
            Lint::new(
                &rules::RATIO_PERCENT,
                span,
                format!("the query is in percent, and the limit is {limit}"),
            )
            .why(format!("at {limit} % in use the alert fires already: it fires for ever, and tells nothing"))
            .help(format!("write {whole} if {limit} of the whole is meant, or leave out `* 100`")),
        );
    }

    /// A comparison at the top that every value passes.
    fn always_holds(&mut self, index: usize, binary: &Binary, limit: f64) {
        let children = &self.analysis.nodes[index].children;
        let left = &self.analysis.nodes[children[0]];
        let (low, high) = left.bounds;
        let holds = match binary.operator {
            Operator::Greater => low > limit,
            Operator::GreaterEqual => low >= limit,
            Operator::Less => high < limit,
            Operator::LessEqual => high <= limit,
            _ => false,
        };
        // Below `and` it may be there for the labels, and how many there are asks whether there are any.
        let counts = self.analysis.below(children[0]).any(|at| match &self.analysis.nodes[at].node.kind {
            Kind::Aggregate(aggregate) => matches!(aggregate.operator, "count" | "group" | "count_values"),
            Kind::Call(call) => call.function.name.contains("absent") || call.function.name == "vector",
            _ => false,
        });
        let is_whole = self.analysis.bare(0) == index;
        if !holds
            || !is_whole
            || counts
            || left.constant.is_some()
            || left.empty.filtered.is_some()
            || !self.measures(children[0])
        {
            return;
        }
        let range = match (low.is_finite(), high.is_finite()) {
            (true, true) => format!("between {low} and {high}"),
            (true, false) => format!("never below {low}"),
            _ => format!("never above {high}"),
        };
        let span = binary.operator_span.to(binary.right.span);
        let lint = Lint::new(&rules::ALWAYS_FIRES, span, format!("the comparison always holds: the value is {range}"))
            .severity(Severity::Error)
            .related(left.node.span, format!("{range}, whatever happens"))
            .why("the alert fires for every series as soon as there is one, and never ends while the metric is scraped");
        let is_idle_share = (low, high) == (99.0, 100.0);
        self.push(if is_idle_share {
            lint.help("multiply what is subtracted by 100: `100 - … * 100`")
        } else {
            lint.help("compare with a limit that values can be on both sides of")
        });
    }
}

/// The name of the moment that a node gives.
fn moment_of(node: &Node) -> Option<&str> {
    let mut node = node.bare();
    while let Kind::Aggregate(aggregate) = &node.kind
        && matches!(aggregate.operator, "min" | "max" | "avg")
    {
        node = aggregate.expression.bare();
    }
    let Kind::Selector(selector) = &node.kind else { return None };
    selector.metric().filter(|name| MOMENTS.iter().any(|end| name.ends_with(end)))
}

/// A number of seconds, in words.
fn span_of(seconds: f64) -> String {
    let round = |value: f64| (value * 10.0).round() / 10.0;
    match seconds {
        days if days >= 86_400.0 => format!("{} days", round(days / 86_400.0)),
        hours if hours >= 3_600.0 => format!("{} hours", round(hours / 3_600.0)),
        short => format!("{} seconds", round(short)),
    }
}

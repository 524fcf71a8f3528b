//! The limit of an alert against what its query can give: limits that everything passes, and moments taken for spans.
//!
//! Source: the naming conventions of Prometheus: a moment is in seconds since 1970.

use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;

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
            self.time_of_alert(left, limit, span, is_above);
            self.always_holds(index, binary, limit);
        }
    }

    /// `certmanager_certificate_expiration_timestamp_seconds < 604800`: a week after 1970.
    fn moment(&mut self, binary: &Binary, limit: f64) {
        let mut node = binary.left.bare();
        while let Kind::Aggregate(aggregate) = &node.kind
            && matches!(aggregate.operator, "min" | "max" | "avg")
        {
            node = aggregate.expression.bare();
        }
        let Kind::Selector(selector) = &node.kind else { return };
        let name = selector.metric().unwrap_or_default();
        let is_moment = MOMENTS.iter().any(|end| name.ends_with(end));
        // 0 asks whether it ever happened.
        if !is_moment || limit <= 1.0 || limit >= EARLIEST {
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
            .related(node.span, "seconds since 1970")
            .why(why)
            .help(help),
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

/// A number of seconds, in words.
fn span_of(seconds: f64) -> String {
    let round = |value: f64| (value * 10.0).round() / 10.0;
    match seconds {
        days if days >= 86_400.0 => format!("{} days", round(days / 86_400.0)),
        hours if hours >= 3_600.0 => format!("{} hours", round(hours / 3_600.0)),
        short => format!("{} seconds", round(short)),
    }
}

//! Histograms under a quantile: `le`, buckets, rates.

use super::repair::{keep_label, replace};
use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;
use crate::promql::{MetricKind, Presence};
use crate::source::Span;

/// Functions that turn a counter into what happened in a window.
pub(super) const RATES: [&str; 6] = ["rate", "increase", "irate", "delta", "idelta", "deriv"];

impl<'a> Linter<'a> {
    /// `histogram_quantile(φ, …)`.
    pub(super) fn histogram_quantile(&mut self, index: usize, call: &Call) {
        self.quantile_range(self.analysis.nodes[index].children[0], &call.arguments[0], true);
        let argument = self.analysis.nodes[index].children[1];
        if !self.not_buckets(argument, call) {
            self.le_dropped(argument, call);
        }
        self.without_rate(index, argument, call);
    }

    /// True if there is no bucket anywhere.
    fn not_buckets(&mut self, argument: usize, call: &Call) -> bool {
        let mut first: Option<(Span, &str)> = None;
        for info in &self.analysis.nodes[self.analysis.below(argument)] {
            let Kind::Selector(selector) = &info.node.kind else { continue };
            let Some(name) = selector.name.as_deref() else { return false };
            let kind = self.context.facts.metric(name).map(|metric| metric.kind);
            if name.ends_with("_bucket")
                || super::is_recorded(name)
                || selector.is_quoted
                || kind == Some(MetricKind::NativeHistogram)
            {
                return false;
            }
            first.get_or_insert((info.node.span, name));
        }
        let Some((span, name)) = first else { return false };
        let base = ["_count", "_sum", "_total"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let known = self.context.facts.metric(name).map(|metric| metric.kind);
        let sure = base.is_some() || known.is_some();
        let name_span = Span::new(span.start as usize, span.start as usize + name.len());
        let lint = Lint::new(&rules::NOT_BUCKETS, name_span, format!("`{name}` has no buckets"));
        let lint = if sure {
            let bucket = format!("{}_bucket", base.unwrap_or(name));
            let why = self.reads_nothing();
            let lint = lint.why(why).help(format!("write `{bucket}`"));
            let histogram =
                name.ends_with("_count") || name.ends_with("_sum") || known == Some(MetricKind::Histogram);
            if histogram {
                lint.repair(false, format!("write `{bucket}`"), replace(name_span, bucket))
            } else {
                lint
            }
        } else {
            lint.severity(Severity::Warning)
                .why("unless it is a native histogram, the result is empty, and KEDA reads 0")
                .help(format!("a classic histogram has its buckets in `{name}_bucket`"))
        };
        self.push(lint.related(call.name_span, "a quantile needs the buckets of a histogram"));
        sure
    }

    fn le_dropped(&mut self, argument: usize, call: &Call) {
        let labels = &self.analysis.nodes[argument].labels;
        let le = labels.get("le");
        let classic = self.analysis.metrics_below(argument).iter().any(|name| name.ends_with("_bucket"));
        if le.presence != Presence::Cannot || !classic {
            return;
        }
        let dropping =
            self.analysis.below(argument).find_map(|at| match &self.analysis.nodes[at].node.kind {
                Kind::Aggregate(aggregate)
                    if aggregate.grouping_span.unwrap_or(aggregate.operator_span) == le.span =>
                {
                    Some(aggregate)
                }
                _ => None,
            });
        let lint = Lint::new(&rules::LE_DROPPED, le.span, "`le` is aggregated away before the quantile")
            .label(le.why)
            .why(self.reads_nothing())
            .related(call.name_span, "the quantile is told by the buckets, and `le` is their bound");
        let lint = match dropping {
            Some(aggregate) => {
                let edits = keep_label(self.text, aggregate, "le");
                let help = match aggregate.grouping_span {
                    Some(_) if aggregate.without => "leave `le` out of `without`".to_string(),
                    Some(_) => "write `le` into `by (…)`".to_string(),
                    None => format!("write `{} by (le) (…)`", aggregate.operator),
                };
                lint.help(help).repair(true, "keep `le`", edits)
            }
            None => lint.help("keep `le` until the quantile is taken"),
        };
        self.push(lint);
    }

    fn without_rate(&mut self, index: usize, argument: usize, call: &Call) {
        for at in self.analysis.below(argument) {
            let info = &self.analysis.nodes[at];
            let Kind::Selector(selector) = &info.node.kind else { continue };
            if !selector
                .name
                .as_deref()
                .is_some_and(|name| name.ends_with("_bucket") && !super::is_recorded(name))
            {
                continue;
            }
            let turned = self.path_up(at).take_while(|above| *above != index).any(|above| {
                match &self.analysis.nodes[above].node.kind {
                    Kind::Range(..) => true,
                    // What has grown since then: a rate by hand.
                    Kind::Binary(binary) => binary.operator == Operator::Subtract,
                    _ => false,
                }
            });
            if turned {
                continue;
            }
            let window = self.good_window();
            let lint = Lint::new(&rules::QUANTILE_WITHOUT_RATE, info.node.span, "a quantile over the whole life of the pods")
                .label("these counters only ever grow")
                .why("it counts all requests since the pods started: after a day of even load five slow minutes are 1 request in 288, and do not show; and it jumps when a pod is new")
                .help(format!("write `rate(…[{window}])` around the buckets"))
                .related(call.name_span, "the quantile of all requests since the pods started")
                .repair(false, "take the rate", self.take_rate(info.node.span));
            self.push(lint);
        }
    }

    /// A quantile that does not exist, or the ends of the scale.
    pub(super) fn quantile_range(&mut self, index: usize, argument: &Node, of_buckets: bool) {
        let Some(value) = self.analysis.nodes[index].constant else { return };
        let span = argument.span;
        if (0.0..=1.0).contains(&value) {
            if of_buckets && (value == 0.0 || value == 1.0) {
                let why = if value == 1.0 {
                    "the highest bucket with a single request in it decides: one slow request moves it, and it never exceeds the last finite bucket"
                } else {
                    "it is the lower end of the first bucket, whatever happens"
                };
                self.push(
                    Lint::new(
                        &rules::QUANTILE_RANGE,
                        span,
                        format!("the quantile {value} is an end of the scale"),
                    )
                    .severity(Severity::Warning)
                    .why(why)
                    .help("write 0.95 for the 95th percentile"),
                );
            }
            return;
        }
        let why = match self.context.scaler() {
            Some(scaler) if scaler.ignores_null_values() => {
                "Prometheus answers +Inf or -Inf, and KEDA reads 0, without a word"
            }
            Some(_) => "Prometheus answers +Inf or -Inf, and KEDA takes it for an error",
            None => "Prometheus answers +Inf or -Inf, always",
        };
        let lint = Lint::new(
            &rules::QUANTILE_RANGE,
            span,
            format!("a quantile of {value} does not exist: it lies between 0 and 1"),
        )
        .why(why);
        let lint = if value > 1.0 && value < 100.0 {
            let share = format!("{}", (value * 1e7).round() / 1e9);
            let help = format!("write {share} for the {value}th percentile");
            lint.label("a percentile?").help(help).repair(
                true,
                format!("write {share}"),
                replace(span, share),
            )
        } else {
            lint.help("write 0.95 for the 95th percentile")
        };
        self.push(lint);
    }

    /// A matcher on `le`: which bucket is there, and how its bound is written.
    pub(super) fn le_matcher(&mut self, index: usize, selector: &Selector, matcher: &Matcher) {
        let under = self.path_up(index).find_map(|above| match &self.analysis.nodes[above].node.kind {
            Kind::Call(call) if call.function.name == "histogram_quantile" => Some(call.name_span),
            _ => None,
        });
        if let Some(quantile) = under {
            if matcher.takes_buckets_away() {
                self.push(
                    Lint::new(
                        &rules::LE_MATCHER,
                        matcher.span,
                        "the quantile is taken of some of the buckets",
                    )
                    .label("without the bucket `+Inf` nobody knows how many requests there were")
                    .why(match self.context.scaler() {
                        Some(_) => "the result is NaN, always: KEDA reads 0, or an error",
                        None => "the result is NaN, always",
                    })
                    .related(quantile, "it needs all buckets of the histogram")
                    .help(format!("leave `{}` out", &self.text[matcher.span.range()])),
                );
            }
            return;
        }
        let name = selector.name.as_deref().unwrap_or_default();
        if matcher.operator != MatchOperator::Equal || !name.ends_with("_bucket") {
            return;
        }
        let Ok(bound) = matcher.value.parse::<f64>() else { return };
        if bound.is_infinite() {
            return;
        }
        if let Some(buckets) = self.context.facts.buckets(name)
            && !buckets.contains(&bound)
        {
            let near = buckets.iter().copied().min_by(|a, b| (a - bound).abs().total_cmp(&(b - bound).abs()));
            let list: Vec<String> = buckets.iter().map(f64::to_string).collect();
            let lint =
                Lint::new(&rules::NO_SUCH_BUCKET, matcher.span, format!("`{name}` has no bucket {bound}"))
                    .label(format!("its buckets are {}", list.join(", ")))
                    .why(self.reads_nothing())
                    .help(format!("write one of its buckets; {} is the nearest", near.unwrap_or(bound)));
            return self.push(lint);
        }
        let whole = matcher.value.bytes().all(|byte| byte.is_ascii_digit());
        if whole && self.context.is_at_least((3, 0)) {
            let value = &matcher.value;
            // Source: prometheus/prometheus docs/migration.md, "Prometheus normalizes `le` and `quantile` label values".
            self.push(
                Lint::new(
                    &rules::LE_TEXT,
                    matcher.value_span,
                    format!("Prometheus 3 stores this bound as `{value}.0`"),
                )
                .why(format!(
                    "`le=\"{value}\"` finds nothing there; before Prometheus 3 it depends on the exporter"
                ))
                .help(format!("write `le=~\"{value}|{value}\\\\.0\"`, which finds both"))
                .repair(
                    true,
                    "match both",
                    replace(matcher.span, format!("le=~\"{value}|{value}\\\\.0\"")),
                ),
            );
        }
    }

    /// Indices of the nodes around one, from the inside out.
    pub(super) fn path_up(&self, index: usize) -> impl Iterator<Item = usize> + use<'a> {
        let nodes = &self.analysis.nodes;
        std::iter::successors(nodes[index].parent, |at| nodes[*at].parent)
    }
}

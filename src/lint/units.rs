//! Units: seconds against milliseconds, ratios against percent.

use super::{Lint, Linter, Scaler, rules};
use crate::finding::Severity;
use crate::promql::ast::*;
use crate::promql::{Base, Unit};
use crate::source::Span;

/// A latency in seconds that nobody scales at.
const SUSPICIOUS_SECONDS: f64 = 60.0;

impl Linter<'_> {
    pub(super) fn units(&mut self, scaler: &Scaler, threshold: Option<f64>) {
        let root = self.analysis.root();
        let Some(unit) = root.unit.filter(|unit| !unit.per_second) else {
            return;
        };
        if let Some(stated) = scaler.unit {
            return self.stated(unit, stated, threshold);
        }
        let Some(threshold) = threshold else { return };
        match unit.base {
            Base::Seconds | Base::Milliseconds => self.bare_time(unit, threshold),
            Base::Ratio | Base::Percent => self.bare_share(unit, threshold),
            _ => {}
        }
    }

    /// The query's unit against that of the threshold.
    fn stated(&mut self, unit: Unit, stated: Unit, threshold: Option<f64>) {
        if unit == stated || stated.per_second {
            return;
        }
        let span = self.analysis.root().node.span;
        let times = unit.base.seconds().zip(stated.base.seconds());
        let shares =
            matches!((unit.base, stated.base), (Base::Ratio, Base::Percent) | (Base::Percent, Base::Ratio));
        let (rule, factor) = match times {
            Some((query, threshold)) if query != threshold => (&rules::TIME_UNIT, threshold / query),
            None if shares => (&rules::RATIO_PERCENT, if unit.base == Base::Ratio { 0.01 } else { 100.0 }),
            _ => return,
        };
        let lint =
            Lint::new(rule, span, format!("the query counts in {unit}, and the threshold in {stated}"))
                .severity(Severity::Error)
                .why(format!("the threshold is {} times what was meant", plain(1.0 / factor)));
        self.push(match threshold {
            Some(threshold) => lint.about_threshold().help(format!("write {}", plain(threshold * factor))),
            None => lint.about_threshold().help(format!("give the threshold in {unit}")),
        });
    }

    /// A bare number against a time.
    fn bare_time(&mut self, unit: Unit, threshold: f64) {
        if let Some((meant, other)) = self.is_suspicious(0, unit, threshold) {
            let span = self.analysis.root().node.span;
            let effect = if unit.base == Base::Seconds {
                "nothing ever scales up"
            } else {
                "the workload goes to its maximum at once"
            };
            let lint = other_unit(unit, threshold, (meant, other), span, effect);
            self.push(lint.about_threshold());
        }
    }

    /// A latency of an alert against a bare number.
    pub(super) fn time_of_alert(&mut self, index: usize, threshold: f64, span: Span, is_above: bool) {
        let times = [Base::Seconds, Base::Milliseconds];
        let unit = self.analysis.nodes[index].unit;
        let Some(unit) = unit.filter(|unit| !unit.per_second && times.contains(&unit.base)) else { return };
        let Some(meant) = self.is_suspicious(index, unit, threshold).filter(|_| is_above) else { return };
        // Jobs may well take minutes; a request does not, and nobody thinks of 500 seconds.
        let is_request = self
            .analysis
            .metrics_below(index)
            .iter()
            .any(|name| ["http", "request", "grpc", "latency"].iter().any(|word| name.contains(word)));
        let is_round = threshold % 100.0 == 0.0 && threshold % 300.0 != 0.0 || threshold >= 1_000.0;
        let is_bound = self.analysis.nodes[index].bounds.1.is_finite();
        if unit.base == Base::Seconds && !is_bound && !(is_request && is_round) {
            return;
        }
        let effect = if unit.base == Base::Seconds {
            "the alert never fires"
        } else {
            "the alert fires as soon as there is any traffic"
        };
        self.push(other_unit(unit, threshold, meant, span, effect));
    }

    /// What a number is in the other unit, where it makes no sense in that of the query.
    fn is_suspicious(&self, index: usize, unit: Unit, threshold: f64) -> Option<(f64, &'static str)> {
        let latency = self.analysis.below(index).any(|at| match &self.analysis.nodes[at].node.kind {
            Kind::Call(call) => call.function.name == "histogram_quantile",
            Kind::Selector(selector) => {
                let name = selector.name.as_deref().unwrap_or_default();
                ["duration", "latency", "response_time"].iter().any(|word| name.contains(word))
            }
            _ => false,
        });
        let highest = self.analysis.nodes[index].bounds.1;
        let suspicious = match unit.base {
            Base::Seconds if highest.is_finite() => threshold >= 50.0 * highest,
            Base::Seconds => threshold >= SUSPICIOUS_SECONDS,
            _ => threshold < 1.0,
        };
        (latency && suspicious).then_some(if unit.base == Base::Seconds {
            (threshold / 1_000.0, "milliseconds")
        } else {
            (threshold * 1_000.0, "seconds")
        })
    }

    /// A bare number against a share.
    fn bare_share(&mut self, unit: Unit, threshold: f64) {
        let root = self.analysis.root();
        let (span, high) = (root.node.span, root.bounds.1);
        let lint = match unit.base {
            Base::Ratio if threshold > 1.0 => {
                let severity = if high <= 1.0 { Severity::Error } else { Severity::Warning };
                Lint::new(
                    &rules::RATIO_PERCENT,
                    span,
                    format!("the query is a ratio, and the threshold is {}", plain(threshold)),
                )
                .severity(severity)
                .why("a ratio is at most 1: the threshold is never reached, and nothing ever scales up")
                .help(format!("write {}, or multiply the query by 100", plain(threshold / 100.0)))
            }
            Base::Percent if threshold <= 1.0 => Lint::new(
                &rules::RATIO_PERCENT,
                span,
                format!("the query is in percent, and the threshold is {}", plain(threshold)),
            )
            .why(format!("at {} % the workload is scaled up already", plain(threshold)))
            .help(format!(
                "write {} if {} of the whole is meant",
                plain(threshold * 100.0),
                plain(threshold)
            )),
            _ => return,
        };
        self.push(lint.about_threshold());
    }
}

/// A number that is meant in another unit than that of the query.
fn other_unit(
    unit: Unit,
    threshold: f64,
    (meant, other): (f64, &'static str),
    span: Span,
    effect: &str,
) -> Lint {
    let threshold = plain(threshold);
    let message = format!("the query counts in {unit}, and the threshold is {threshold}");
    Lint::new(&rules::TIME_UNIT, span, message)
        .label(format!("{threshold} {unit}?"))
        .why(format!("if the threshold is meant in {other}, it is wrong by a factor of 1000: {effect}"))
        .help(format!("write {} if {other} are meant", plain(meant)))
}

/// A number without float noise.
fn plain(value: f64) -> String {
    let rounded = (value * 1e9).round() / 1e9;
    format!("{rounded}")
}

//! What is empty, NaN or 0, and when.

use super::repair::{replace, wrap};
use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;

impl Linter<'_> {
    /// What the whole query gives while nothing happens, and when the metrics are gone.
    pub(super) fn idle_and_gone(&mut self) {
        let Some(scaler) = self.context.scaler() else { return };
        let root = self.analysis.root();
        if root.value_type != ValueType::Vector {
            return;
        }
        if let Some(reason) = &root.nan
            && root.empty.always.is_none()
            && !self.is_told(reason.span)
            && !self.is_guarded(0, reason.span)
        {
            let ignores = scaler.ignores_null_values();
            let lint =
                Lint::new(&rules::NAN_WHEN_IDLE, reason.span, "the query is NaN while nothing happens")
                    .label(reason.text.clone());
            let lint = match (ignores, scaler.has_fallback) {
                (true, _) => lint.why("KEDA reads NaN as 0: an idle workload is scaled in, which is fine unless 0 would mean that all is well"),
                (false, true) => lint.why("KEDA takes NaN for an error: after a few polls without traffic the fallback decides"),
                (false, false) => lint
                    .severity(Severity::Warning)
                    .why("KEDA takes NaN for an error: without traffic, every poll fails, and the workload stays as large as it is"),
            };
            let lint = match self.idle_repair(reason.span) {
                Some(query) => lint
                    .help("to read 0 while idle, and still an error when the metric is gone, add `or (0 * …)` of a series that is there either way")
                    .repair(false, "0 while idle, nothing when the metric is gone", replace(root.node.span, query)),
                None => lint.help("write `(… >= 0) or …` with something that is there while nothing happens"),
            };
            self.push(lint);
        }
        if !root.empty.missing && root.empty.always.is_none() {
            self.hides_dead_metric();
        }
    }

    /// The query with a 0 that is there whenever the metric is: the divisor of a share, the count of a histogram.
    fn idle_repair(&self, culprit: crate::source::Span) -> Option<String> {
        let root = self.analysis.root();
        let bare = root.labels.complete().is_some_and(|labels| labels.is_empty());
        if !bare || root.bounds.0 < 0.0 {
            return None;
        }
        let whole = &self.text[root.node.span.range()];
        let zero = self.analysis.nodes.iter().find_map(|info| match &info.node.kind {
            Kind::Binary(binary)
                if binary.operator_span == culprit && binary.operator == Operator::Divide =>
            {
                let divisor = &self.analysis.nodes[info.children[1]];
                let alone = divisor.labels.complete().is_some_and(|labels| labels.is_empty())
                    && divisor.nan.is_none();
                alone.then(|| format!("0 * {}", &self.text[binary.right.span.range()]))
            }
            Kind::Call(call) if call.name_span == culprit && call.function.name == "histogram_quantile" => {
                let mut rates =
                    self.analysis.nodes[self.analysis.below(info.children[1])].iter().filter_map(|inner| {
                        match &inner.node.kind {
                            Kind::Call(rate) if matches!(rate.function.name, "rate" | "increase") => {
                                Some(inner.node.span)
                            }
                            _ => None,
                        }
                    });
                let (rate, None) = (rates.next()?, rates.next()) else { return None };
                let text = &self.text[rate.range()];
                (text.matches("_bucket").count() == 1)
                    .then(|| format!("0 * sum({})", text.replace("_bucket", "_count")))
            }
            _ => None,
        })?;
        let binds_loosely = matches!(&root.node.kind, Kind::Binary(binary) if binary.operator.is_set() || binary.operator.is_comparison());
        let whole = if binds_loosely { format!("({whole})") } else { whole.to_string() };
        Some(format!("({whole} >= 0) or ({zero})"))
    }

    /// Whether another rule has told of the NaN at this place.
    fn is_told(&self, span: crate::source::Span) -> bool {
        let tells = [rules::DIVISION_BY_ZERO.id, rules::QUANTILE_RANGE.id, rules::NAN_NOT_CURED.id];
        self.found.iter().any(|lint| {
            tells.contains(&lint.rule.id) && (lint.span == span || lint.rule.id != rules::DIVISION_BY_ZERO.id)
        })
    }

    /// Whether what is NaN only counts while something happens: `… and on () (sum(rate(…)) > 0)`.
    fn is_guarded(&self, index: usize, culprit: crate::source::Span) -> bool {
        let inside = |outer: crate::source::Span| outer.start <= culprit.start && culprit.end <= outer.end;
        self.analysis.below(index).any(|at| {
            let info = &self.analysis.nodes[at];
            let Kind::Binary(binary) = &info.node.kind else { return false };
            let guards = match binary.operator {
                Operator::And => true,
                Operator::Unless => false,
                _ => return false,
            };
            if !inside(binary.left.span) {
                return false;
            }
            let condition = &self.analysis.nodes[self.analysis.bare(info.children[1])];
            let Kind::Binary(compared) = &condition.node.kind else { return false };
            let Some(limit) = self.analysis.nodes[condition.children[1]].constant else { return false };
            match (guards, compared.operator) {
                _ if compared.returns_bool => false,
                (true, Operator::Greater) => limit >= 0.0,
                (true, Operator::GreaterEqual) => limit > 0.0,
                (true, Operator::NotEqual) | (false, Operator::Equal | Operator::LessEqual) => limit == 0.0,
                (false, Operator::Less) => limit > 0.0,
                _ => false,
            }
        })
    }

    fn hides_dead_metric(&mut self) {
        let has_fallback = self.context.scaler().is_some_and(|scaler| scaler.has_fallback);
        for info in &self.analysis.nodes {
            let Kind::Binary(binary) = &info.node.kind else { continue };
            if binary.operator != Operator::Or {
                continue;
            }
            let (left, right) =
                (&self.analysis.nodes[info.children[0]], &self.analysis.nodes[info.children[1]]);
            let Some(value) = right.constant else { continue };
            if value == 0.0 && counts_a_state(&binary.left) {
                continue;
            }
            if !left.empty.missing || left.empty.always.is_some() {
                continue;
            }
            let text = &self.text[binary.right.span.range()];
            self.push(
                Lint::new(&rules::HIDES_DEAD_METRIC, binary.right.span, format!("{value} stands in for a metric that is gone"))
                    .label("when nothing is scraped any more, this is the answer")
                    .why(format!("a metric that nobody scrapes looks like {value}: this trigger scales by that under full load, and nothing tells"))
                    .related(binary.left.span, "this is empty when the metric is gone, and also when it has not been seen yet")
                    .help(if has_fallback {
                        format!("leave `or {text}` out and set `ignoreNullValues: \"false\"`: then the fallback decides, whose `replicas` have to be what a busy hour needs, or with `behavior: currentReplicasIfHigher`")
                    } else {
                        format!("leave `or {text}` out, set `ignoreNullValues: \"false\"`, and a `fallback` with the number of pods that a busy hour needs")
                    }),
            );
            return;
        }
    }

    /// Divisions by 0, and `or` beside a NaN.
    pub(super) fn binary(&mut self, index: usize, binary: &Binary) {
        self.restarts_a_second(index, binary);
        self.clamped_divisor(index, binary);
        self.other_window(binary);
        let children = &self.analysis.nodes[index].children;
        let (left, right) = (&self.analysis.nodes[children[0]], &self.analysis.nodes[children[1]]);
        match binary.operator {
            Operator::Divide | Operator::Modulo if right.constant == Some(0.0) => {
                let why = match self.context.scaler() {
                    Some(scaler) if scaler.ignores_null_values() => {
                        "the result is infinite or NaN, always: KEDA reads 0, without a word"
                    }
                    Some(_) => "the result is infinite or NaN, always: KEDA takes it for an error",
                    None => "the result is infinite or NaN, always",
                };
                self.push(
                    Lint::new(&rules::DIVISION_BY_ZERO, binary.right.span, "a division by 0")
                        .why(why)
                        .help("write the number that was meant; a percentage is `100 * …`"),
                );
            }
            Operator::Or => {
                if let (Some(reason), true) = (&left.nan, self.context.scaler().is_some())
                    && !self.is_guarded(children[0], reason.span)
                {
                    let lint = Lint::new(&rules::NAN_NOT_CURED, binary.operator_span, "`or` does not cure NaN")
                        .label("the left side is there, and it is NaN")
                        .why("`or` stands in for a series that is not there; a NaN is there: KEDA reads it as 0, or as an error, and never what stands behind `or`")
                        .related(reason.span, reason.text.clone())
                        .help("drop the NaN first: `(… >= 0) or …`");
                    let safe = left.bounds.0 >= 0.0;
                    let lint = lint.repair(safe, "drop the NaN first", wrap(binary.left.span, "(", " >= 0)"));
                    self.push(lint);
                }
            }
            _ => {}
        }
        self.joined(index, binary);
        self.matched(index, binary);
        self.never_holds(index, binary);
        self.alert_limit(index, binary);
        self.too_few(index, binary);
    }
}

/// Whether it counts what is in some state just now: where nothing is, there is no series, and 0 is right.
fn counts_a_state(node: &Node) -> bool {
    const STATES: [&str; 6] = ["condition", "phase", "reason", "result", "state", "status"];
    let Kind::Aggregate(aggregate) = &node.bare().kind else { return false };
    if aggregate.operator != "count" {
        return false;
    }
    let mut stack = vec![&aggregate.expression];
    let mut is_state = false;
    while let Some(node) = stack.pop() {
        match &node.kind {
            // What falls is a rate, and not what is there.
            Kind::Range(..) | Kind::Subquery(_) => return false,
            Kind::Selector(selector) => {
                is_state |= selector.matchers.iter().any(|matcher| {
                    matcher.operator == MatchOperator::Equal && STATES.contains(&matcher.name.as_str())
                });
            }
            Kind::Binary(binary) => {
                is_state |= binary.operator.is_comparison() && !binary.returns_bool;
            }
            _ => {}
        }
        stack.extend(node.children());
    }
    is_state
}

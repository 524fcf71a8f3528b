//! Two vectors whose series are matched one to one by all their labels: sides that can never meet, and a series that meets
//! itself; counts of series that are there whatever their value.
//!
//! Sources: prometheus/prometheus promql/engine.go, VectorBinop (series meet where the labels are equal that are not ignored);
//! kubernetes/kube-state-metrics docs/metrics (a series for each phase or condition, 1 for the one that holds, 0 for the
//! others).

use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;

/// Metrics of kube-state-metrics that have a series for each state, 0 or 1.
pub(super) const STATES: [&str; 15] = [
    "kube_pod_status_phase",
    "kube_pod_status_ready",
    "kube_pod_status_scheduled",
    "kube_pod_container_status_ready",
    "kube_pod_container_status_running",
    "kube_pod_container_status_terminated",
    "kube_pod_container_status_waiting",
    "kube_node_status_condition",
    "kube_deployment_status_condition",
    "kube_job_status_condition",
    "kube_namespace_status_phase",
    "kube_persistentvolume_status_phase",
    "kube_persistentvolumeclaim_status_phase",
    "kube_horizontalpodautoscaler_status_condition",
    "kube_replicaset_status_condition",
];

impl Linter<'_> {
    /// One to one, or by labels that are ignored: what `on` names is another matter.
    pub(super) fn matched(&mut self, index: usize, binary: &Binary) {
        if matches!(binary.operator, Operator::Or | Operator::Unless)
            || binary.matching.as_ref().is_some_and(|matching| matching.on)
        {
            return;
        }
        self.by_itself(index, binary);
        let children = &self.analysis.nodes[index].children;
        let (left, right) = (&self.analysis.nodes[children[0]], &self.analysis.nodes[children[1]]);
        let is_vector = |info: &crate::promql::Info<'_>| info.value_type == ValueType::Vector;
        if !is_vector(left) || !is_vector(right) {
            return;
        }
        if self.of_two_exporters(binary) {
            return;
        }
        let ignored: &[String] = binary.matching.as_ref().map_or(&[], |matching| &matching.labels);
        let fixed = left.labels.named.iter().filter(|label| !ignored.iter().any(|name| name == label.name));
        let differing = fixed.filter_map(|label| {
            let (mine, theirs) = (label.value?, right.labels.get(label.name));
            let other =
                theirs.value.filter(|other| *other != mine && !other.is_empty() && !mine.is_empty())?;
            Some((label.name, mine, other, label.span, theirs.span))
        });
        if let Some((name, mine, other, span, related)) = differing.into_iter().next() {
            let message = format!(
                "`{name}` is \"{}\" on the left and \"{}\" on the right: no series has a partner",
                mine.escape_debug(),
                other.escape_debug()
            );
            let why = self.reads_nothing();
            // One operation inside of another: mending one of them leaves the other empty.
            let joins = |node: &Node| matches!(&node.bare().kind, Kind::Binary(inner) if labelled(&inner.left).is_some() && labelled(&inner.right).is_some());
            let is_inside = || {
                let mut around = self.analysis.ancestors(index).map(|info| &info.node.kind);
                around.any(|kind| {
                    matches!(kind, Kind::Binary(outer) if labelled(&outer.left).is_some() && labelled(&outer.right).is_some())
                })
            };
            let help = if joins(&binary.left) || joins(&binary.right) || is_inside() {
                format!(
                    "write `sum(…)` around each of the series, with no `{name}` in a `by`: one operation is inside of another, and each of them is empty"
                )
            } else {
                format!(
                    "write `{} ignoring ({name})`, or aggregate both sides without `{name}`",
                    binary.operator.text()
                )
            };
            self.push(
                Lint::new(&rules::LABELS_NEVER_MATCH, binary.operator_span, message)
                    .why(why)
                    .related(span, "the left side")
                    .related(related, "the right side")
                    .help(help),
            );
            return;
        }
        if !ignored.is_empty() || left.labels.complete().is_some() == right.labels.complete().is_some() {
            return;
        }
        let (scraped, other, bare) = if right.labels.complete().is_some() {
            (&binary.left, right, &binary.right)
        } else {
            (&binary.right, left, &binary.left)
        };
        let Some((selector, metric)) = labelled(scraped).and_then(|one| Some((one, one.metric()?))) else {
            return;
        };
        // A matcher that takes no series without the label.
        let asked = selector.matchers.iter().find(|matcher| {
            let is_fixed = matcher.operator == MatchOperator::Equal && !matcher.value.is_empty();
            is_fixed && matcher.name != "__name__" && !other.labels.can_have(&matcher.name)
        });
        let of_the_scrape = || {
            let is_lacking = |name: &&str| !other.labels.can_have(name);
            ["job", "instance"].into_iter().find(is_lacking).filter(|_| is_scraped(selector))
        };
        let Some(name) = asked.map(|matcher| matcher.name.as_str()).or_else(of_the_scrape) else { return };
        let message = format!("`{metric}` has a `{name}`, the other side has none: no series has a partner");
        let why = self.reads_nothing();
        let lint = Lint::new(&rules::LABELS_NEVER_MATCH, binary.operator_span, message)
            // A recording rule may have a plain name.
            .severity(if asked.is_some() { Severity::Error } else { Severity::Warning })
            .why(why)
            .related(bare.span, other.labels.why)
            .help(format!(
                "aggregate this side as well, such as `sum({metric}…)`, or `max` where each series says the same"
            ));
        self.push(lint);
    }

    /// `rate(x{failed="true"}[5m]) / rate(x[5m])`: each series is divided by itself.
    fn by_itself(&mut self, index: usize, binary: &Binary) {
        // 0 / 0 is NaN, with which no comparison holds.
        let result = match binary.operator {
            Operator::Divide => {
                "it is 1 for each that counts anything, whatever its share, and NaN (0 / 0) for those that stand at 0"
            }
            Operator::Subtract => "it is 0 for each of them, whatever happens",
            _ => return,
        };
        if binary.matching.is_some() {
            return;
        }
        let (Some(left), Some(right)) = (carried(&binary.left), carried(&binary.right)) else { return };
        let same = |one: &Matcher, other: &Matcher| {
            (&one.name, one.operator, &one.value) == (&other.name, other.operator, &other.value)
        };
        let within = |few: &Selector, many: &Selector| {
            few.matchers.iter().all(|matcher| many.matchers.iter().any(|other| same(matcher, other)))
        };
        let is_moved = |selector: &Selector| {
            let Modifiers { offset, at, extension } = &selector.modifiers;
            offset.is_some() || at.is_some() || extension.is_some()
        };
        if left.name.is_none()
            || left.name != right.name
            || is_moved(left)
            || is_moved(right)
            || !(within(left, right) || within(right, left))
            || shell(&binary.left, self.text) != shell(&binary.right, self.text)
        {
            return;
        }
        // Less than all of them above, all of them below: a share that is not to be large.
        let is_above = |info: &crate::promql::Info<'_>| matches!(&info.node.kind, Kind::Binary(outer) if matches!(outer.operator, Operator::Greater | Operator::GreaterEqual));
        let is_share = binary.operator == Operator::Divide && left.matchers.len() > right.matchers.len();
        let fires = is_share && self.context.is_alert() && self.analysis.ancestors(index).any(is_above);
        let then = if fires { ": the alert fires at anything that lasts, however few" } else { "" };
        let why = format!("series meet where all labels are equal: {result}{then}");
        let aggregated = format!("sum(…) {} sum(…)", binary.operator.text());
        self.push(
            Lint::new(&rules::DIVIDED_BY_ITSELF, binary.operator_span, "each series meets itself")
                .why(why)
                .related(binary.left.span, "a series of these …")
                .related(binary.right.span, "… finds itself among these")
                .help(format!("write `{aggregated}`, with the same `by (…)` on both sides")),
        );
    }

    /// `count(kube_pod_status_phase{phase="Pending"})`: a zero is a series as well.
    pub(super) fn counted_states(&mut self, aggregate: &Aggregate) {
        let Some(selector) = carried(&aggregate.expression).filter(|_| aggregate.operator == "count") else {
            return;
        };
        let Some(metric) = selector.name.as_deref().filter(|name| STATES.contains(name)) else { return };
        let why = "every object has a series for every state, 1 or 0: the count is the same whether it holds or not";
        let operator = aggregate.operator_span;
        self.push(
            Lint::new(
                &rules::COUNTS_ZEROS,
                operator,
                format!("`count` counts the zeros of `{metric}` as well"),
            )
            .why(why)
            .help("write `sum`, which adds up the ones")
            .repair(true, "write `sum`", replace(operator, "sum".to_string())),
        );
    }
}

/// The selector whose labels a node carries unchanged: through functions of one vector, and past numbers.
fn carried(node: &Node) -> Option<&Selector> {
    match &node.kind {
        Kind::Selector(selector) => Some(selector),
        Kind::Range(inner, _) | Kind::Paren(inner) | Kind::Unary(_, inner) => carried(inner),
        Kind::Call(call) if carries(call.function.name) => call.arguments.iter().find_map(carried),
        Kind::Binary(binary) if !binary.operator.is_set() && !binary.operator.is_comparison() => {
            match (&binary.left.kind, &binary.right.kind) {
                (_, Kind::Number(_)) => carried(&binary.left),
                (Kind::Number(_), _) => carried(&binary.right),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The same, and past operations that leave series out and change no label: with a number, and between series that meet
/// by all their labels.
///
/// Source: prometheus/prometheus promql/engine.go, VectorscalarBinop, VectorAnd, VectorUnless and resultMetric.
fn labelled(node: &Node) -> Option<&Selector> {
    let Kind::Binary(binary) = &node.bare().kind else { return carried(node.bare()) };
    let is_number = |node: &Node| matches!(node.bare().kind, Kind::Number(_));
    match (is_number(&binary.left), is_number(&binary.right)) {
        (false, true) => labelled(&binary.left),
        (true, false) => labelled(&binary.right),
        (true, true) => None,
        (false, false) => match (binary.operator, &binary.matching) {
            (Operator::Or, _) => None,
            (Operator::And | Operator::Unless, _) | (_, None) => labelled(&binary.left),
            _ => None,
        },
    }
}

/// Functions that keep all labels of their series.
pub(super) fn carries(function: &str) -> bool {
    function.ends_with("_over_time") && !function.starts_with("absent")
        || [
            "rate",
            "irate",
            "increase",
            "delta",
            "idelta",
            "deriv",
            "abs",
            "ceil",
            "floor",
            "round",
            "clamp",
            "clamp_min",
            "clamp_max",
            "predict_linear",
        ]
        .contains(&function)
}

/// Whether the series come from a scrape, which gives them `job` and `instance`.
fn is_scraped(selector: &Selector) -> bool {
    let plain = selector
        .name
        .as_deref()
        .is_some_and(|name| !super::is_recorded(name) && (name.contains('_') || name == "up"));
    plain
        && !selector
            .matchers
            .iter()
            .any(|matcher| matches!(matcher.name.as_str(), "job" | "instance") && matcher.value.is_empty())
}

/// What stands around the selector of a side: functions and windows.
fn shell(node: &Node, text: &str) -> String {
    let whole = &text[node.span.range()];
    let Some(open) = whole.find('{') else {
        let name = carried(node).and_then(|selector| selector.name.as_deref()).unwrap_or_default();
        return squeezed(&whole.replacen(name, "", 1));
    };
    let Some(close) = whole.rfind('}').filter(|close| *close > open) else { return squeezed(whole) };
    let name = carried(node).and_then(|selector| selector.name.as_deref()).unwrap_or_default();
    squeezed(&format!("{}{}", whole[..open].replacen(name, "", 1), &whole[close + 1..]))
}

/// Without blanks and brackets that do not matter.
fn squeezed(text: &str) -> String {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    bare.trim_start_matches('(').trim_end_matches(')').to_string()
}

//! Alerts on series of kube-state-metrics that say what happened once, for ever.
//!
//! Sources: kubernetes/kube-state-metrics docs/metrics/workload/pod-metrics.md (the reason of the last termination stays
//! until the container ends anew); kubernetes/kubernetes pkg/kubelet/kubelet.go (a container that fails is started again
//! after 10 s, then after twice as long each time, up to 5 minutes).

use super::{Lint, Linter, rules};
use crate::promql::Expression;
use crate::promql::ast::*;

/// What the last termination was, which does not change while the container runs.
const LAST: [&str; 2] = [
    "kube_pod_container_status_last_terminated_reason",
    "kube_pod_container_status_last_terminated_exitcode",
];

/// Restarts in a second that no container reaches for long.
const MOST_RESTARTS: f64 = 0.1;

/// What a gauge of the last accident measures.
const ACCIDENTS: [&str; 10] = [
    "open",
    "outage",
    "failure",
    "failed",
    "downtime",
    "recovery",
    "stall",
    "disconnect",
    "reconnect",
    "gap",
];

/// Whether a gauge says how long the last accident was, and keeps saying it.
fn is_of_the_last(name: &str) -> bool {
    let Some((_, rest)) = name.split_once("_last_") else { return false };
    let words = || rest.split('_');
    words().any(|word| word == "duration") && words().any(|word| ACCIDENTS.contains(&word))
}

impl Linter<'_> {
    /// An alert that begins with the first accident, and does not end.
    pub(super) fn never_resolves(&mut self, expression: &Expression) {
        if !self.context.is_alert() {
            return;
        }
        let selectors = expression.selectors();
        let [first, ..] = selectors.as_slice() else { return };
        if let ([only], Kind::Binary(binary)) = (selectors.as_slice(), &expression.root.bare().kind)
            && only.range.is_none()
            && matches!(binary.operator, Operator::Greater | Operator::GreaterEqual)
            && let Kind::Selector(selector) = &binary.left.bare().kind
            && let Kind::Number(_) = &binary.right.bare().kind
            && let Some(name) = selector.metric().filter(|name| is_of_the_last(name))
        {
            let lint = Lint::new(
                &rules::NEVER_RESOLVES,
                binary.left.span,
                "this stays as it is until the next accident is over",
            )
            .severity(crate::finding::Severity::Warning)
            .why("the gauge keeps the length of the last one, long after it is over: the alert fires until a shorter one follows or the pod restarts")
            .help(format!("add `and changes({name}[15m]) > 0`, or alert on the state while it lasts"));
            self.found.push(lint);
            return;
        }
        let is_last = |name: &Option<String>| name.as_deref().is_some_and(|name| LAST.contains(&name));
        // With a condition on what happened lately it ends.
        if !selectors.iter().all(|selector| is_last(&selector.name) && selector.range.is_none()) {
            return;
        }
        let name = first.name.as_deref().unwrap_or_default();
        let span =
            crate::source::Span::new(first.span.start as usize, first.span.start as usize + name.len());
        let lint = Lint::new(&rules::NEVER_RESOLVES, span, "this stays as it is until the container ends anew")
            .why("one container that was killed once keeps the alert firing for days, until its pod is replaced: people learn to look away, and the next one is not told")
            .help("add `and on (namespace, pod, container) increase(kube_pod_container_status_restarts_total[10m]) > 0`");
        self.found.push(lint);
    }

    /// `rate(…restarts_total[5m]) > 5`: so many in each second.
    pub(super) fn restarts_a_second(&mut self, index: usize, binary: &Binary) {
        let is_above = matches!(binary.operator, Operator::Greater | Operator::GreaterEqual);
        if !self.context.is_alert() || !is_above {
            return;
        }
        let children = &self.analysis.nodes[index].children;
        let &[left, right] = children.as_slice() else { return };
        let Some(limit) = self.analysis.nodes[right].constant.filter(|limit| *limit >= MOST_RESTARTS) else {
            return;
        };
        let mut inner = &self.analysis.nodes[left].node.kind;
        while let Kind::Paren(node) = inner {
            inner = &node.kind;
        }
        let Kind::Call(call) = inner else { return };
        let is_of_restarts = self
            .analysis
            .metrics_below(left)
            .iter()
            .all(|name| *name == "kube_pod_container_status_restarts_total");
        if !matches!(call.function.name, "rate" | "irate") || !is_of_restarts {
            return;
        }
        let in_minutes = limit * 300.0;
        let span = self.analysis.nodes[right].node.span;
        let message = format!("{limit} restarts a second do not happen");
        let lint = Lint::new(&rules::UNREACHABLE, span, message)
            .why(format!("that is {in_minutes} in five minutes, and a container that fails is started again after 10 s, 20 s, 40 s and so on: the alert never fires"))
            .help("write `increase(kube_pod_container_status_restarts_total[15m]) > 3`");
        self.found.push(lint);
    }
}

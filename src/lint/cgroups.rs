//! Series of the kubelet that hold each other: a pod as a whole, and its containers.
//!
//! Source: kubernetes/kubernetes pkg/kubelet/server/server.go, containerPrometheusLabelsFunc: the group of processes that
//! is a pod gets the labels `pod` and `namespace` as its containers do, and an empty `container`.

use super::{Lint, Linter, rules};
use crate::finding::Severity;
use crate::promql::ast::*;
use crate::source::Span;

/// What the kubelet tells of pods and of containers alike.
const TOLD_TWICE: [&str; 5] = [
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "container_memory_usage_bytes",
    "container_memory_rss",
    "container_memory_cache",
];

/// Labels that only containers have, or by which one of the two is chosen.
const CHOOSING: [&str; 5] = ["container", "container_name", "image", "name", "id"];

impl Linter<'_> {
    /// A metric of containers whose selector lets the pods around them through as well.
    pub(super) fn counted_twice(&mut self, index: usize, selector: &Selector) {
        let Some(metric) = selector.metric().filter(|name| TOLD_TWICE.contains(name)) else { return };
        let chooses = |matcher: &Matcher| {
            CHOOSING.contains(&matcher.name.as_str())
                && (matcher.excludes_empty() || matcher.value.is_empty())
                || matcher.name == "id"
                || matcher.name.starts_with("container_label_")
        };
        let is_of_kubernetes = |name: &str| ["namespace", "pod", "container"].contains(&name);
        if selector.matchers.iter().any(chooses) {
            return;
        }
        let mut known = selector.matchers.iter().any(|matcher| is_of_kubernetes(&matcher.name));
        let mut below = index;
        let mut sum = None;
        for above in self.path_up(index) {
            let info = &self.analysis.nodes[above];
            match &info.node.kind {
                Kind::Paren(_) | Kind::Range(..) => {}
                Kind::Call(call) if sum.is_some() || is_plain(call.function.name) => {}
                Kind::Aggregate(_) if sum.is_some() => {}
                Kind::Aggregate(aggregate) if aggregate.operator == "sum" => {
                    let named = |name: &str| aggregate.grouping.iter().any(|own| own == name);
                    // What is kept apart is not added up.
                    if CHOOSING.iter().any(|name| named(name)) != aggregate.without {
                        return;
                    }
                    known |= aggregate.grouping.iter().any(|name| is_of_kubernetes(name));
                    sum = Some(aggregate.operator_span);
                }
                Kind::Binary(binary) => {
                    let other = info.children.iter().copied().find(|child| *child != below);
                    let other = other.map(|other| &self.analysis.nodes[other]);
                    let is_number = other.is_some_and(|other| other.value_type == ValueType::Scalar);
                    // Before the sum other series decide what meets; of a ratio both sides may be doubled.
                    let is_moot =
                        if sum.is_none() { !is_number } else { self.is_doubled_too(binary, above, below) };
                    if is_moot {
                        return;
                    }
                }
                _ => return,
            }
            below = above;
        }
        if !known {
            return;
        }
        let span = self.analysis.nodes[index].node.span;
        let name = Span::new(span.start as usize, span.start as usize + metric.len());
        // In one query one word is enough.
        if let Some(first) = self.found.iter_mut().find(|lint| *lint.rule == rules::COUNTED_TWICE) {
            first.related.push((name, "so is this".into()));
            return;
        }
        let lint = match sum {
            Some(sum) => Lint::new(&rules::COUNTED_TWICE, name, "each pod is added to its own containers")
                .why("the kubelet has a series for every container and one for the pod around them, without `container`: the sum is twice what is used")
                .related(sum, "they are added up here"),
            None if self.context.is_alert() => {
                Lint::new(&rules::COUNTED_TWICE, name, "pods are selected along with their containers")
                    .severity(Severity::Note)
                    .why("the kubelet has a series for every container and one for the pod around them, without `container`: a pod of one container fires twice, and one of several is compared as a whole with what is meant for a container")
            }
            None => return,
        };
        let edit = self.with_matcher(span, name, "container!=\"\"");
        self.push(lint.help("write `container!=\"\"` among the matchers").repair(
            false,
            "leave the pods out",
            vec![edit],
        ));
    }

    /// The edit that adds a matcher to a selector, whose metric is named at `name`.
    pub(super) fn with_matcher(&self, selector: Span, name: Span, matcher: &str) -> (Span, String) {
        match self.text[selector.range()].find('{') {
            Some(at) => {
                let inside = selector.start as usize + at + 1;
                let is_empty = self.text[inside..selector.end as usize].trim_start().starts_with('}');
                (Span::at(inside), format!("{matcher}{}", if is_empty { "" } else { "," }))
            }
            None => (Span::at(name.end as usize), format!("{{{matcher}}}")),
        }
    }

    /// Whether the other side of a division counts twice as well, so that the ratio is right.
    fn is_doubled_too(&self, binary: &Binary, above: usize, below: usize) -> bool {
        let Some(other) = self.analysis.nodes[above].children.iter().copied().find(|child| *child != below)
        else {
            return false;
        };
        let is_open = |at: usize| match &self.analysis.nodes[at].node.kind {
            Kind::Selector(selector) => {
                selector.name.as_deref().is_some_and(|name| name.starts_with("container_"))
                    && !selector
                        .matchers
                        .iter()
                        .any(|matcher| CHOOSING.contains(&matcher.name.as_str()) && matcher.excludes_empty())
            }
            _ => false,
        };
        !binary.operator.is_set() && self.analysis.below(other).any(is_open)
    }
}

/// Functions that leave each series for itself.
pub(super) fn is_plain(function: &str) -> bool {
    matches!(function, "rate" | "irate" | "increase" | "delta" | "deriv" | "abs" | "ceil" | "floor" | "round")
        || function.ends_with("_over_time")
            && !matches!(function, "absent_over_time" | "count_over_time" | "present_over_time")
}

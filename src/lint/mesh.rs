//! Requests in an Istio mesh, which both ends of them report.
//!
//! Source: istio/istio.io content/en/docs/reference/config/metrics/index.md, `reporter`: `destination` where the proxy of the
//! server tells it, `source` where that of the client, or a gateway, does.

use super::cgroups::is_plain;
use super::{Lint, Linter, rules};
use crate::promql::ast::*;
use crate::source::Span;

/// What every proxy tells of each request that passes it.
const OF_REQUESTS: [&str; 4] =
    ["istio_requests_total", "istio_request_duration_", "istio_request_bytes_", "istio_response_bytes_"];

/// Labels by which the proxies of one side are chosen: `reporter`, what a scrape adds, and what one side alone knows.
const CHOOSING: [&str; 16] = [
    "reporter",
    "app",
    "connection_security_policy",
    "container",
    "endpoint",
    "instance",
    "job",
    "kubernetes_namespace",
    "kubernetes_pod_name",
    "namespace",
    "node",
    "pod",
    "pod_name",
    "pod_template_hash",
    "service",
    "version",
];

fn is_open(selector: &Selector) -> bool {
    let chooses = |matcher: &Matcher| CHOOSING.contains(&matcher.name.as_str()) || matcher.value == "unknown";
    selector.metric().is_some_and(|name| OF_REQUESTS.iter().any(|start| name.starts_with(start)))
        && !selector.matchers.iter().any(chooses)
}

impl Linter<'_> {
    pub(super) fn reported_twice(&mut self, index: usize, selector: &Selector) {
        // Of a record it is not known what it is divided by.
        if !is_open(selector) || self.context.scaler().is_none() && !self.context.is_alert() {
            return;
        }
        let mut below = index;
        let mut sum = None;
        for above in self.path_up(index) {
            let info = &self.analysis.nodes[above];
            match &info.node.kind {
                Kind::Paren(_) | Kind::Range(..) => {}
                Kind::Call(call) if is_plain(call.function.name) => {}
                Kind::Call(call) => {
                    let keeps = ["clamp", "clamp_min", "clamp_max", "scalar", "vector"];
                    if sum.is_none() || !keeps.contains(&call.function.name) {
                        return;
                    }
                }
                Kind::Aggregate(_) if sum.is_some() => {}
                Kind::Aggregate(aggregate) => {
                    let is_named = aggregate.grouping.iter().any(|label| CHOOSING.contains(&label.as_str()));
                    let is_apart = if aggregate.without {
                        !aggregate.grouping.iter().any(|label| label == "reporter")
                    } else {
                        is_named
                    };
                    if aggregate.operator != "sum" || is_apart {
                        return;
                    }
                    sum = Some(aggregate.operator_span);
                }
                Kind::Binary(binary) => {
                    let other = info.children.iter().copied().find(|child| *child != below);
                    let is_number = |node: &Node, number: f64| matches!(&node.bare().kind, Kind::Number(written) if written.value == number);
                    let is_any = binary.operator.is_comparison()
                        && (is_number(&binary.left, 0.0) || is_number(&binary.right, 0.0));
                    // Of a ratio both sides are doubled.
                    let is_too = other.is_some_and(|other| {
                        self.analysis.below(other).any(|at| match &self.analysis.nodes[at].node.kind {
                            Kind::Selector(selector) => is_open(selector),
                            _ => false,
                        })
                    });
                    if is_any || !binary.operator.is_set() && is_too {
                        return;
                    }
                }
                Kind::Unary(..) => {}
                _ => return,
            }
            below = above;
        }
        let (Some(sum), Some(metric)) = (sum, selector.metric()) else { return };
        let span = self.analysis.nodes[index].node.span;
        let name = Span::new(span.start as usize, span.start as usize + metric.len());
        if let Some(first) = self.found.iter_mut().find(|lint| *lint.rule == rules::COUNTED_TWICE) {
            first.related.push((name, "so is this".into()));
            return;
        }
        let edit = self.with_matcher(span, name, "reporter=\"destination\"");
        self.push(
            Lint::new(&rules::COUNTED_TWICE, name, "each request is counted by both of its ends")
                .why("the proxy of the client tells it with `reporter=\"source\"`, that of the server with `reporter=\"destination\"`: where both are in the mesh, or it comes through a gateway, the sum is twice what is served")
                .related(sum, "they are added up here")
                .help("write `reporter=\"destination\"` among the matchers: what the server has seen")
                .repair(false, "count at the server alone", vec![edit]),
        );
    }
}

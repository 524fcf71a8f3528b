//! A query that counts the pods of the workload it scales.
//!
//! Source: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, GetExternalPerPodMetricReplicas and
//! GetExternalMetricReplicas.

use super::cards::COUNTS_ITSELF;
use super::{Checker, Trigger, View};
use crate::finding::Finding;
use crate::manifest::{Entry, Node};
use crate::promql::ast::{Aggregate, Kind, Node as Expr, Operator, Selector};
use crate::promql::{Expression, MatchOperator};

impl Checker<'_> {
    /// Whether it has been told.
    pub(super) fn counts_itself(
        &mut self,
        view: &View<'_>,
        trigger: &Trigger<'_>,
        entry: &Entry,
        expression: &Expression,
    ) -> bool {
        let target = view.spec.at(&["scaleTargetRef", "name"]).and_then(Node::as_str);
        let Some(target) = target.filter(|name| super::is_known(name) && !view.has_formula()) else {
            return false;
        };
        let Some((aggregate, exact)) = count_of_own(&expression.root, target) else { return false };
        let text = entry.node.as_str().unwrap_or_default();
        let place = self.inside(&entry.node, text, aggregate.operator_span);
        let what = if exact { "pods" } else { "series" };
        let threshold = trigger.number("threshold").filter(|value| *value > 0.0);
        let why = match (trigger.metric_type.unwrap_or("AverageValue"), threshold) {
            ("AverageValue", Some(threshold)) if exact && threshold >= 1.0 => format!(
                "the HPA divides it by the number of pods: it is always 1 for each, against a threshold of {threshold}, and whatever the load nothing ever scales out"
            ),
            ("AverageValue", Some(threshold)) if exact => format!(
                "the HPA divides it by the number of pods: it is always 1 for each, against a threshold of {threshold}, and whatever the load it scales out to the maximum"
            ),
            ("AverageValue", _) => {
                "the HPA divides it by the number of pods: it is the same for each of them, whatever the load, and the workload stays at its minimum or goes to its maximum".to_string()
            }
            _ => "it grows with the number of pods, not with the load: above the threshold each new pod asks for another one, up to the maximum".to_string(),
        };
        let mut finding =
            Finding::new(&COUNTS_ITSELF, place, format!("the query counts the {what} of `{target}` itself"))
                .why(why)
                .help("ask for the load: `sum(rate(…_total{…}[2m]))` with AverageValue, or a level such as `avg(…)` with `metricType: Value`");
        if !exact {
            finding.severity = crate::finding::Severity::Warning;
        }
        self.push(finding);
        true
    }
}

/// The count at the root whose series are those of the workload's own pods, and whether there is one for each pod.
fn count_of_own<'e>(root: &'e Expr, target: &str) -> Option<(&'e Aggregate, bool)> {
    let node = root.bare();
    match &node.kind {
        Kind::Call(call) if ["ceil", "floor", "round"].contains(&call.function.name) => {
            count_of_own(&call.arguments[0], target)
        }
        // What stands in for nothing.
        Kind::Binary(binary) if binary.operator == Operator::Or => count_of_own(&binary.left, target),
        Kind::Aggregate(aggregate) if aggregate.grouping.is_empty() && !aggregate.without => {
            let inner = aggregate.expression.bare();
            let selector = selector_of(inner)?;
            let name = selector.name.as_deref()?;
            let one_each = ["up", "kube_pod_info", "kube_pod_created", "kube_pod_start_time"].contains(&name);
            // `up` is 1 for each pod.
            let is_one = matches!(&inner.kind, Kind::Selector(_)) && ["up", "kube_pod_info"].contains(&name);
            let of_pods = match aggregate.operator {
                "count" => one_each || matches!(&inner.kind, Kind::Aggregate(_)),
                "sum" if is_one => true,
                _ => return None,
            };
            // What others tell of the workload, such as the ingress, is not one for each pod.
            let told_by_others = !of_pods && crate::scrape::is_of_the_platform(name);
            (!told_by_others && is_own(selector, target)).then_some((aggregate, of_pods))
        }
        _ => None,
    }
}

/// The selector in a count of series: `x`, `rate(x[5m])`, `count by (pod) (x)`.
fn selector_of(node: &Expr) -> Option<&Selector> {
    match &node.bare().kind {
        Kind::Selector(selector) => Some(selector),
        Kind::Range(inner, _) => selector_of(inner),
        Kind::Call(call)
            if matches!(
                call.function.name,
                "rate" | "irate" | "increase" | "avg_over_time" | "max_over_time" | "last_over_time"
            ) =>
        {
            selector_of(&call.arguments[0])
        }
        Kind::Aggregate(aggregate)
            if !aggregate.without && ["pod", "instance"].iter().any(|name| aggregate.grouping == [*name]) =>
        {
            selector_of(&aggregate.expression)
        }
        _ => None,
    }
}

fn is_own(selector: &Selector, target: &str) -> bool {
    let name = selector.name.as_deref().unwrap_or_default();
    let labels: &[&str] = if name.starts_with("kube_") {
        &["pod", "created_by_name"]
    } else {
        &["pod", "app", "job", "service", "deployment", "container", "app_kubernetes_io_name", "statefulset"]
    };
    selector.matchers.iter().any(|matcher| {
        labels.contains(&matcher.name.as_str())
            && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
            && own_pattern(&matcher.value, target)
    })
}

/// `checkout`, `checkout-.*`, `checkout-[a-z0-9]+-[a-z0-9]+`.
fn own_pattern(value: &str, target: &str) -> bool {
    let value = value.trim_start_matches('^').trim_end_matches('$');
    let Some(rest) = value.strip_prefix(target) else { return false };
    rest.is_empty()
        || rest == ".*"
        || rest == ".+"
        || rest == "-.*"
        || rest == "-.+"
        || rest.starts_with("-[")
}

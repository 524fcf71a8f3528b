//! A share of a limit that not every container has.
//!
//! Source: google/cadvisor metrics/prometheus.go, specMemoryValue: a limit that is not there is exported as 0.

use super::NO_LIMIT;
use super::walk::Alert;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::source::Place;

const LIMITS: [&str; 3] = [
    "container_spec_memory_limit_bytes",
    "container_spec_memory_swap_limit_bytes",
    "container_spec_memory_reservation_limit_bytes",
];

/// A use of a limit in which 0 is the worst case of all.
struct Use<'e> {
    limit: &'e Node,
    selector: &'e Selector,
    /// The value that is compared with it.
    used: &'e Node,
    is_divisor: bool,
    is_aggregated: bool,
}

pub(super) fn check(alert: &Alert<'_>, inventory: &Inventory<'_>) -> Option<Finding> {
    let root = &alert.expression.root;
    let found = above(root)?;
    if is_guarded(root) || is_dropped(inventory) {
        return None;
    }
    let scope: Vec<&Matcher> = selectors(found.used)
        .into_iter()
        .chain([found.selector])
        .flat_map(|selector| &selector.matchers)
        .collect();
    let is_scoped = scope.iter().any(|matcher| chooses(matcher));
    let without = without_limit(inventory, &scope, found.is_aggregated);
    // Whoever names what is meant knows its limits, unless they are here.
    if is_scoped && without.is_none() {
        return None;
    }
    let metric = found.selector.name.as_deref().unwrap_or_default();
    let text = &alert.expression.text[found.limit.span.range()];
    let shown = if text.chars().count() > 60 { format!("{metric}{{…}}") } else { text.to_string() };
    let (message, why) = if found.is_divisor {
        (
            format!("`{metric}` is 0 where a container has no limit"),
            "divided by 0 everything is +Inf, which is above every threshold: the alert fires for each container without a limit, from the start and for ever",
        )
    } else {
        (
            format!("`{metric}` is 0 where a container has no limit"),
            "everything is above 0: the alert fires for each container without a limit, from the start and for ever",
        )
    };
    let mut finding = Finding::new(&NO_LIMIT, alert.place(found.limit.span), message)
        .why(why)
        .help(format!("leave those out: write `({shown} > 0)`"));
    if let Some((place, name)) = without {
        finding = finding.related(place, format!("the container `{name}` has no limit for memory"));
    }
    Some(finding)
}

/// Whether a chart installs Prometheus here that drops limits after the scrape: then there is nothing to divide by.
///
/// Source: prometheus-community/helm-charts charts/kube-prometheus-stack/values.yaml, cAdvisorMetricRelabelings.
fn is_dropped(inventory: &Inventory<'_>) -> bool {
    const CHART: &str = "kube-prometheus-stack";
    inventory.objects.iter().any(|object| match object.kind() {
        "HelmRelease" => object.text(&["spec", "chart", "spec", "chart"]) == Some(CHART),
        "Application" => {
            let sources = object.at(&["spec", "sources"]).map(Yaml::items).unwrap_or_default();
            let mut all = object.at(&["spec", "source"]).into_iter().chain(sources);
            all.any(|source| source.get("chart").and_then(Yaml::as_str) == Some(CHART))
        }
        "" => {
            object.at(&["prometheus", "prometheusSpec"]).is_some()
                || object.at(&[CHART, "prometheus", "prometheusSpec"]).is_some()
        }
        _ => false,
    })
}

/// The first comparison that a limit of 0 makes true.
fn above(root: &Node) -> Option<Use<'_>> {
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        if let Kind::Binary(binary) = &node.kind {
            let (high, low) = match binary.operator {
                Operator::Greater | Operator::GreaterEqual => (&binary.left, &binary.right),
                Operator::Less | Operator::LessEqual => (&binary.right, &binary.left),
                _ => {
                    stack.extend(node.children());
                    continue;
                }
            };
            let compared = || {
                let (selector, is_aggregated) = limit(low)?;
                Some(Use { limit: inner(low), selector, used: high, is_divisor: false, is_aggregated })
            };
            if let Some(found) = divided(high).or_else(compared) {
                return Some(found);
            }
        }
        stack.extend(node.children());
    }
    None
}

/// A division by a limit, in what grows with it.
fn divided(node: &Node) -> Option<Use<'_>> {
    match &node.bare().kind {
        Kind::Binary(binary) => match binary.operator {
            Operator::Divide => match limit(&binary.right) {
                Some((selector, is_aggregated)) => Some(Use {
                    limit: inner(&binary.right),
                    selector,
                    used: &binary.left,
                    is_divisor: true,
                    is_aggregated,
                }),
                None => divided(&binary.left),
            },
            Operator::Multiply => divided(&binary.left).or_else(|| divided(&binary.right)),
            _ => None,
        },
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "max" | "sum" | "avg") => {
            divided(&aggregate.expression)
        }
        Kind::Call(call) if matches!(call.function.name, "round" | "ceil" | "floor") => {
            divided(call.arguments.first()?)
        }
        _ => None,
    }
}

/// The selector of a limit, behind sums and factors; and whether there is a sum.
fn limit(node: &Node) -> Option<(&Selector, bool)> {
    match &node.bare().kind {
        Kind::Selector(selector) => {
            let is_limit = selector.name.as_deref().is_some_and(|name| LIMITS.contains(&name));
            is_limit.then_some((selector, false))
        }
        Kind::Aggregate(aggregate) if matches!(aggregate.operator, "sum" | "max" | "avg" | "min") => {
            limit(&aggregate.expression).map(|(selector, _)| (selector, true))
        }
        Kind::Binary(binary) if binary.operator == Operator::Multiply => {
            let is_factor = |node: &Node| matches!(node.bare().kind, Kind::Number(_));
            match (is_factor(&binary.left), is_factor(&binary.right)) {
                (true, _) => limit(&binary.right),
                (_, true) => limit(&binary.left),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The limit itself, without a factor.
fn inner(node: &Node) -> &Node {
    match &node.bare().kind {
        Kind::Binary(binary) if limit(&binary.left).is_some() => inner(&binary.left),
        Kind::Binary(binary) if limit(&binary.right).is_some() => inner(&binary.right),
        _ => node.bare(),
    }
}

/// Whether a limit is compared with a number somewhere, or the quotient with infinity.
fn is_guarded(root: &Node) -> bool {
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        match &node.kind {
            Kind::Number(number) if number.value.is_infinite() => return true,
            Kind::Call(call) if call.function.name.starts_with("clamp") => return true,
            Kind::Binary(binary) if binary.operator.is_comparison() => {
                let is_number = |node: &Node| matches!(node.bare().kind, Kind::Number(_));
                let compares = |one: &Node, other: &Node| limit(one).is_some() && is_number(other);
                if compares(&binary.left, &binary.right) || compares(&binary.right, &binary.left) {
                    return true;
                }
            }
            _ => {}
        }
        stack.extend(node.children());
    }
    false
}

fn selectors(node: &Node) -> Vec<&Selector> {
    let (mut all, mut stack) = (Vec::new(), vec![node]);
    while let Some(node) = stack.pop() {
        if let Kind::Selector(selector) = &node.kind {
            all.push(selector);
        }
        stack.extend(node.children());
    }
    all
}

/// Whether a matcher says which containers are meant, and not only that they are containers.
fn chooses(matcher: &Matcher) -> bool {
    const NAMING: [&str; 6] = ["namespace", "pod", "container", "name", "image", "id"];
    let is_label = NAMING.contains(&matcher.name.as_str()) || matcher.name.starts_with("container_label_");
    is_label
        && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
        && ![".*", ".+", "..*"].contains(&matcher.value.as_str())
}

/// A container of the repository that is meant and has no limit; of a whole pod where limits are added up.
fn without_limit(
    inventory: &Inventory<'_>,
    scope: &[&Matcher],
    is_aggregated: bool,
) -> Option<(Place, String)> {
    // It fills limits in.
    if inventory.kind("LimitRange").next().is_some() {
        return None;
    }
    let is_known = |matcher: &&&Matcher| {
        !["namespace", "pod", "container", "image"].contains(&matcher.name.as_str()) && chooses(matcher)
    };
    if scope.iter().any(|matcher| is_known(&matcher)) {
        return None;
    }
    let fits = |name: &str, value: &str| {
        scope.iter().filter(|matcher| matcher.name == name).all(|matcher| super::asleep::fits(matcher, value))
    };
    let kinds = ["Deployment", "StatefulSet", "DaemonSet"];
    kinds.into_iter().flat_map(|kind| inventory.kind(kind)).find_map(|workload| {
        let is_meant = workload.namespace.as_deref().is_some_and(|namespace| fits("namespace", namespace))
            && fits("pod", &format!("{}-5d4f8c7b9d-x2x4z", workload.name));
        let containers = workload.at(&["spec", "template", "spec", "containers"]).map(Yaml::items)?;
        let is_patched = workload.patched.iter().any(|path| path.first().is_none_or(|first| first == "spec"));
        if !is_meant || is_patched || is_aggregated && containers.iter().any(has_limit) {
            return None;
        }
        containers
            .iter()
            .find_map(|container| without(workload, container).filter(|(_, name)| fits("container", name)))
    })
}

fn has_limit(container: &Yaml) -> bool {
    container.at(&["resources", "limits", "memory"]).is_some()
        // What is filled in by a template may be there.
        || container.get("resources").is_some_and(|node| node.as_str().is_some())
}

fn without(workload: &Object<'_>, container: &Yaml) -> Option<(Place, String)> {
    let name = container.get("name")?;
    (!has_limit(container)).then_some((workload.place(name), name.as_written()?))
}

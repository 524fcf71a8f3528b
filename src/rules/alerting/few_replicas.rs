//! Alerts on fewer replicas than a number that the workload does not have when all is well.
//!
//! Sources: kubernetes/kube-state-metrics internal/store/deployment.go, statefulset.go (numbers of replicas);
//! kedacore/keda apis/keda/v1alpha1/scaledobject_types.go (minReplicaCount, idleReplicaCount); kubernetes/api
//! autoscaling/v2 types.go (minReplicas is 1 by default).

use super::FEW_REPLICAS;
use super::asleep::fits;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node as Yaml, has_variable};
use crate::promql::ast::*;
use crate::scrape::are_environments;
use crate::source::Place;

/// The fewest replicas that a workload has on purpose, and who says so.
struct Fewest {
    count: i64,
    place: Place,
    /// The kind of the autoscaler; None: nobody scales it.
    scaler: Option<&'static str>,
}

pub(super) fn check(alert: &Alert<'_>, inventory: &Inventory<'_>) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    let Kind::Number(limit) = binary.right.bare().kind else { return None };
    let is_met = |count: f64| match binary.operator {
        Operator::Less => count < limit.value,
        Operator::LessEqual => count <= limit.value,
        _ => false,
    };
    let selector = selector(&binary.left, 0)?;
    let (kind, label) = counted(selector.metric()?)?;
    let named = selector.matchers.iter().find(|matcher| matcher.name == label)?;
    if binary.returns_bool || named.operator != MatchOperator::Equal || has_variable(&named.value) {
        return None;
    }
    let target = named.value.as_str();
    let space = selector.matchers.iter().find(|matcher| matcher.name == "namespace");
    let is_near = |object: &&Object<'_>| {
        let is_there =
            space.is_none_or(|matcher| object.namespace.as_deref().is_none_or(|own| fits(matcher, own)));
        is_there && !are_environments(object.path, alert.object.path)
    };
    let Fewest { count, place, scaler } = fewest(inventory, kind, target, is_near)?;
    // At none it sleeps, which is told elsewhere.
    if count < 1 || !is_met(count as f64) {
        return None;
    }
    let pods = if count == 1 { "1 pod".to_string() } else { format!("{count} pods") };
    let wanted = match kind {
        "StatefulSet" => format!("kube_statefulset_replicas{{statefulset=\"{target}\"}}"),
        _ => format!("kube_deployment_spec_replicas{{deployment=\"{target}\"}}"),
    };
    let place_of_limit = alert.place(binary.left.span.to(binary.right.span));
    Some(match scaler {
        Some(who) => {
            let mut finding = Finding::new(
                &FEW_REPLICAS,
                place_of_limit,
                format!("this alert fires each time `{target}` is scaled in to {pods}"),
            )
            .related(place, format!("the {who} goes down to {count}"))
            .why("with little to do the autoscaler takes pods away as it is told to: somebody is paged who finds nothing wrong")
            .help(format!("ask for pods that are wanted and not there: `… < on (namespace, {label}) {wanted}`, or let the autoscaler keep as many"));
            finding.severity = Severity::Warning;
            finding
        }
        None => Finding::new(
            &FEW_REPLICAS,
            place_of_limit,
            format!("`{target}` has {pods}, and this alert fires below more than that"),
        )
        .related(place, "no more are wanted here")
        .why("the alert fires from the first minute on, for ever, and tells nothing")
        .help(format!("ask for pods that are wanted and not there: `… < on (namespace, {label}) {wanted}`, or write more replicas")),
    })
}

/// The kind of workload, and the label that names it, of a number of pods that are there.
fn counted(metric: &str) -> Option<(&'static str, &'static str)> {
    const ENDS: [&str; 4] =
        ["status_replicas", "status_replicas_available", "status_replicas_ready", "status_replicas_current"];
    let of = |start: &str| metric.strip_prefix(start).is_some_and(|rest| ENDS.contains(&rest));
    match metric {
        _ if of("kube_deployment_") => Some(("Deployment", "deployment")),
        _ if of("kube_statefulset_") => Some(("StatefulSet", "statefulset")),
        _ => None,
    }
}

fn selector(node: &Node, depth: usize) -> Option<&Selector> {
    const MOST_DEPTH: usize = 16;
    match &node.kind {
        Kind::Selector(selector) => Some(selector),
        Kind::Paren(inner) if depth < MOST_DEPTH => selector(inner, depth + 1),
        Kind::Aggregate(aggregate)
            if depth < MOST_DEPTH && matches!(aggregate.operator, "sum" | "min" | "max" | "avg") =>
        {
            selector(&aggregate.expression, depth + 1)
        }
        _ => None,
    }
}

/// The fewest pods that the workload has on purpose, by all files that speak of it; None where they do not agree, or where
/// one of them leaves it open.
fn fewest(
    inventory: &Inventory<'_>,
    kind: &'static str,
    target: &str,
    is_near: impl Fn(&&Object<'_>) -> bool,
) -> Option<Fewest> {
    let is_of = |object: &&Object<'_>| {
        let own = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        object.text(&["spec", "scaleTargetRef", "name"]) == Some(target) && own == kind
    };
    let mut found: Option<Fewest> = None;
    let scalers: [(&'static str, &'static str, i64); 2] =
        [("ScaledObject", "minReplicaCount", 0), ("HorizontalPodAutoscaler", "minReplicas", 1)];
    for (of_kind, key, default) in scalers {
        // Those of other environments count as well: in one of them there may be enough.
        for object in inventory.kind(of_kind).filter(is_of) {
            let written = object.at(&["spec", key]);
            let count = match written {
                Some(node) => node.as_written()?.parse().ok()?,
                None => default,
            };
            let place = written.map_or_else(|| object.name_place(), |node| object.place(node));
            let is_open = !object.patched.is_empty()
                || object.is_fragment
                || object.at(&["spec", "idleReplicaCount"]).is_some();
            if is_open || found.as_ref().is_some_and(|other| other.count != count) {
                return None;
            }
            if is_near(&object) {
                found.get_or_insert(Fewest { count, place, scaler: Some(of_kind) });
            }
        }
    }
    let is_scaled = |object: &Object<'_>| {
        object
            .text(&["spec", "scaleTargetRef", "name"])
            .is_some_and(|name| name == target || has_variable(name))
    };
    if found.is_some() || inventory.objects.iter().any(is_scaled) {
        return found;
    }
    for object in inventory.named(kind, target) {
        let count: i64 = object.at(&["spec", "replicas"]).and_then(Yaml::as_written)?.parse().ok()?;
        let is_open = !object.patched.is_empty() || object.is_fragment;
        if is_open || found.as_ref().is_some_and(|other| other.count != count) {
            return None;
        }
        if is_near(&object) {
            let place = object
                .at(&["spec", "replicas"])
                .map_or_else(|| object.name_place(), |node| object.place(node));
            found.get_or_insert(Fewest { count, place, scaler: None });
        }
    }
    found
}

//! Series of an HPA by the name of the ScaledObject, whose HPA is called otherwise.
//!
//! Source: kedacore/keda controllers/keda/hpa.go, getHPAName (`keda-hpa-<name>`, unless
//! `advanced.horizontalPodAutoscalerConfig.name` says another); kubernetes/kube-state-metrics
//! docs/metrics/workload/horizontalpodautoscaler-metrics.md.

use super::NO_SUCH_SERIES;
use super::walk::Alert;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::promql::{MatchOperator, MatcherView};

/// The ScaledObjects, each with the name of its HPA; None where one of the names is not known.
pub(super) fn made<'i>(inventory: &'i Inventory<'i>) -> Option<Vec<(&'i Object<'i>, String)>> {
    let all = inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh");
    all.map(|object| {
        let own = object
            .at(&["spec", "advanced", "horizontalPodAutoscalerConfig", "name"])
            .and_then(Node::as_str)
            .filter(|name| !name.is_empty());
        let name = own.map_or_else(|| format!("keda-hpa-{}", object.name), str::to_string);
        let is_known = !has_variable(&name) && !name.contains("{{") && object.patched.is_empty();
        is_known.then_some((object, name))
    })
    .collect()
}

pub(super) fn check(
    query: &Alert<'_>,
    made: &[(&Object<'_>, String)],
    inventory: &Inventory<'_>,
) -> Option<Finding> {
    query.expression.selectors().into_iter().find_map(|selector| {
        let metric = selector.name.as_deref()?;
        let label = match metric {
            _ if metric.starts_with("kube_horizontalpodautoscaler_") => "horizontalpodautoscaler",
            _ if metric.starts_with("kube_hpa_") => "hpa",
            _ => return None,
        };
        let matcher = selector.matchers.iter().find(|matcher| matcher.name == label)?;
        let fits = pattern(matcher)?;
        let is_target =
            |object: &Object<'_>| object.text(&["spec", "scaleTargetRef", "name"]).is_some_and(&fits);
        let (scaler, name) = made.iter().find(|(object, _)| fits(&object.name) || is_target(object))?;
        let is_given = made.iter().any(|(_, name)| fits(name))
            || inventory.kind("HorizontalPodAutoscaler").any(|hpa| fits(&hpa.name) || has_variable(&hpa.name));
        if is_given {
            return None;
        }
        Some(
            Finding::new(
                &NO_SUCH_SERIES,
                query.place(matcher.span),
                format!("the HPA that KEDA makes for `{}` is called `{name}`", scaler.name),
            )
            .related(scaler.name_place(), "this ScaledObject")
            .why("no HPA has the name that is asked for, and no series is selected: an alert never fires, and no error tells")
            .help(format!("write `{label}=\"{name}\"`")),
        )
    })
}

/// Whether a name passes a matcher that asks for some.
fn pattern(matcher: &MatcherView) -> Option<impl Fn(&str) -> bool + use<>> {
    let written = match matcher.operator {
        MatchOperator::Equal => regex::escape(&matcher.value),
        MatchOperator::RegexMatch => matcher.value.clone(),
        _ => return None,
    };
    let pattern = regex::Regex::new(&format!("^(?s:{written})$")).ok()?;
    (!matcher.value.is_empty() && !has_variable(&matcher.value))
        .then_some(move |name: &str| pattern.is_match(name))
}

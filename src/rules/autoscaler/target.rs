//! The metrics of a HorizontalPodAutoscaler and their targets.
//!
//! Source: kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go, validateMetricSpec and the functions for
//! each source; pkg/controller/podautoscaler/horizontal.go, computeStatusForResourceMetricGeneric (an `averageValue`
//! counts before the utilization, whatever `type` says).

use super::TARGET;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;

/// The types, and the keys under which their sources stand.
const SOURCES: [(&str, &str); 5] = [
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("Pods", "pods"),
    ("Object", "object"),
    ("External", "external"),
];

const REFUSED: &str = "the API server refuses the object: there is no autoscaler, and nothing scales";

pub(super) fn check(object: &Object<'_>) -> Vec<Finding> {
    if !["autoscaling/v2", "autoscaling/v2beta2"].contains(&object.document.api_version())
        || object.is_fragment
    {
        return Vec::new();
    }
    let metrics = object.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
    metrics.iter().filter_map(|metric| one(object, metric)).collect()
}

fn one(object: &Object<'_>, metric: &Node) -> Option<Finding> {
    let node = metric.get("type")?;
    let (kind, key) = SOURCES.iter().find(|(kind, _)| node.as_str() == Some(*kind))?;
    let Some(source) = metric.get(key) else {
        let other = SOURCES.iter().find(|(_, key)| metric.get(key).is_some());
        let finding =
            Finding::new(&TARGET, object.place(node), format!("a metric of type {kind} without `{key}`"))
                .why(REFUSED);
        return Some(match other {
            Some((other, key)) => finding.help(format!("write `type: {other}`, or `{kind}` for `{key}`")),
            None => finding.help(format!("write `{key}:` with the metric and its target")),
        });
    };
    let target = source.get("target")?;
    let set = |key: &str| target.get(key).is_some();
    let (value, average, utilization) = (set("value"), set("averageValue"), set("averageUtilization"));
    let place = object.place(target);
    let refused = |message: &str, help: &str| {
        Some(Finding::new(&TARGET, place, message).why(REFUSED).help(help.to_string()))
    };
    match *kind {
        "Resource" | "ContainerResource" => {
            if average && utilization {
                return refused("`averageValue` and `averageUtilization` at once", "keep one of them");
            }
            if !average && !utilization {
                return refused(
                    "a resource without `averageUtilization` and without `averageValue`",
                    "write `averageUtilization`, in percent of the request",
                );
            }
            let says = target.get("type").filter(|node| node.as_str() == Some("Utilization"));
            let written = target.get("averageValue").and_then(Node::as_written).unwrap_or_default();
            says.filter(|_| average).map(|node| {
                let message = "the type says Utilization, and an `averageValue` is what counts";
                let mut finding = Finding::new(&TARGET, object.place(node), message)
                    .why(format!("{written} is no percentage: it is so much of the resource in each pod, and with CPU whole cores"))
                    .help(format!("write `averageUtilization: {written}`, or `type: AverageValue`"));
                finding.severity = Severity::Warning;
                finding
            })
        }
        "Pods" if !average => refused(
            "a metric of type Pods without `averageValue`",
            "write `type: AverageValue` and `averageValue`: what each pod may have",
        ),
        "Object" if !value && !average => {
            refused("an Object metric without `value` and without `averageValue`", "write one of them")
        }
        "External" if !value && !average => {
            refused("an External metric without `value` and without `averageValue`", "write one of them")
        }
        "External" if value && average => refused(
            "`value` and `averageValue` at once",
            "keep `averageValue` for a total, `value` for a level",
        ),
        _ => None,
    }
}

//! Annotations by which Knative scales, at the wrong place or for another autoscaler.
//!
//! Sources: knative/serving pkg/apis/serving/metadata_validation.go, ValidateHasNoAutoscalingAnnotation;
//! pkg/apis/autoscaling/annotation_validation.go, validateMetric (concurrency and rps for the default class) and
//! validateMinMaxScale.

use super::KNATIVE;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

const GROUP: &str = "autoscaling.knative.dev/";
const REFUSED: &str = "the webhook of Knative refuses the object: nothing is deployed";

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    for kind in ["Service", "Configuration"] {
        for object in inventory.kind(kind).filter(|object| object.group() == "serving.knative.dev") {
            findings.extend(outside(object).or_else(|| metric(object)).or_else(|| range(object)));
        }
    }
}

fn inside<'d>(object: &Object<'d>) -> Option<&'d Node> {
    object.at(&["spec", "template", "metadata", "annotations"])
}

fn outside(object: &Object<'_>) -> Option<Finding> {
    let annotations = object.at(&["metadata", "annotations"])?;
    let entry = annotations.entries().iter().find(|entry| entry.key.starts_with(GROUP))?;
    Some(
        Finding::new(
            &KNATIVE,
            object.place(&entry.node),
            format!("`{}` stands at the Service, and not at its revisions", entry.key),
        )
        .why(REFUSED)
        .help("write it under `spec.template.metadata.annotations`"),
    )
}

/// A metric that the default class does not know.
fn metric(object: &Object<'_>) -> Option<Finding> {
    let annotations = inside(object)?;
    let node = annotations.get("autoscaling.knative.dev/metric")?;
    let metric = node.as_str().filter(|metric| !has_variable(metric))?;
    let class = annotations.get("autoscaling.knative.dev/class").and_then(Node::as_str);
    let is_default = class.is_none_or(|class| class == "kpa.autoscaling.knative.dev");
    if !is_default || matches!(metric, "concurrency" | "rps") {
        return None;
    }
    let message = format!("the autoscaler of Knative does not scale by `{}`", metric.escape_debug());
    Some(
        Finding::new(&KNATIVE, object.place(node), message)
            .why(format!("without another class it knows `concurrency` and `rps`: {REFUSED}"))
            .help("write `autoscaling.knative.dev/class: hpa.autoscaling.knative.dev`, with which there is no scaling to zero, or another metric"),
    )
}

fn range(object: &Object<'_>) -> Option<Finding> {
    let annotations = inside(object)?;
    let number = |names: [&str; 2]| {
        let node = names.iter().find_map(|name| annotations.get(&format!("{GROUP}{name}")))?;
        Some((node, node.as_written()?.parse::<i64>().ok()?))
    };
    let (low, min) = number(["min-scale", "minScale"])?;
    let (high, max) = number(["max-scale", "maxScale"])?;
    // 0 is no limit.
    (max != 0 && min > max).then(|| {
        Finding::new(&KNATIVE, object.place(low), format!("the minimum {min} is above the maximum {max}"))
            .related(object.place(high), "the maximum")
            .why(REFUSED)
            .help("write min-scale <= max-scale")
    })
}

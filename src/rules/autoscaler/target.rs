//! The metrics of a HorizontalPodAutoscaler and their targets.
//!
//! Source: kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go, validateMetricSpec and the functions for
//! each source; pkg/controller/podautoscaler/horizontal.go, computeStatusForResourceMetricGeneric (an `averageValue`
//! counts before the utilization, whatever `type` says).

use super::TARGET;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::model::{plain, quantity_value};

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

/// Parts of names of what more pods do not add to.
const LEVELS: [&str; 9] =
    ["_p50", "_p90", "_p95", "_p99", "percentile", "latency", "response_time", "utilization", "error_rate"];

/// Source: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, GetExternalPerPodMetricReplicas and
/// GetObjectPerPodMetricReplicas: the value by the target, whatever the number of pods.
fn level_divided(object: &Object<'_>, source: &Node) -> Option<Finding> {
    let node = source.at(&["metric", "name"])?;
    let name = node.as_str()?.to_lowercase();
    // A count of the slow ones is a total.
    let is_total = ["count", "total", "queue", "sum"].iter().any(|word| name.contains(word));
    let is_level = LEVELS.iter().any(|level| name.contains(level)) && !is_total;
    let written = source.at(&["target", "averageValue"])?.as_written()?;
    is_level.then(|| {
        let message = "a level is divided by the number of pods";
        let mut finding = Finding::new(&TARGET, object.place(source.get("target").unwrap_or(node)), message)
            .related(object.place(node), "a level by its name: more pods do not add to it")
            .why(format!("with an `averageValue` the HPA divides the value by the number of pods: with 10 pods {written} is reached at ten times that, and the workload is scaled in while it is too slow"))
            .help(format!("write `target: {{type: Value, value: {written}}}`"));
        finding.severity = Severity::Warning;
        finding
    })
}

/// Parts of names of what happens in each second, in all pods together.
const RATES: [&str; 7] =
    ["per_second", "per-second", "requests_rate", "request_rate", "requests-rate", "rps", "qps"];

/// Parts of names that make a rate one of each pod, a share or a limit.
const OF_ONE: [&str; 14] = [
    "per_pod",
    "per-pod",
    "per_replica",
    "per_instance",
    "avg",
    "average",
    "mean",
    "error",
    "fail",
    "ratio",
    "percent",
    "success",
    "relative",
    "seconds_per",
];

/// Source: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, getUsageRatioReplicaCount: the pods that
/// are there, times the value by the target.
fn total_compared(object: &Object<'_>, source: &Node) -> Option<Finding> {
    let node = source.at(&["metric", "name"])?;
    let name = node.as_str()?.to_lowercase();
    // Of one pod it is no total.
    if source.at(&["describedObject", "kind"]).and_then(Node::as_str) == Some("Pod") {
        return None;
    }
    // `rps` and `qps` as words of their own.
    let is_rate = RATES.iter().any(|rate| match rate.len() {
        3 => name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == *rate),
        _ => name.contains(rate),
    });
    if !is_rate || OF_ONE.iter().chain(&LEVELS).any(|word| name.contains(word)) {
        return None;
    }
    let target = source.get("target")?;
    let written = target.get("value")?.as_written()?;
    let mut finding = Finding::new(&TARGET, object.place(target), "a total is compared as it is")
        .related(object.place(node), "a rate of all pods together by its name: more pods do not bring it down")
        .why(format!("with a `value` the HPA multiplies the pods that are there by the value over {written}: above that it adds pods at every sync, up to the maximum, and they change nothing"))
        .help("write `type: AverageValue`, and an `averageValue` for one pod");
    finding.severity = Severity::Warning;
    Some(finding)
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
            if let Some(finding) = unit(object, source, target) {
                return Some(finding);
            }
            let says = target.get("type").filter(|node| node.as_str() == Some("Utilization"));
            let written = target.get("averageValue").and_then(Node::as_written).unwrap_or_default();
            says.filter(|_| average).map(|node| {
                let message = "the type says Utilization, and an `averageValue` is what counts";
                let mut finding = Finding::new(&TARGET, object.place(node), message)
                    .why(format!("{written} is no percentage: it is so much of the resource in each pod, and with CPU whole cores"))
                    .help(match written.parse::<u32>() {
                        Ok(share) => format!("write `averageUtilization: {share}`, or `type: AverageValue`"),
                        Err(_) => "write `type: AverageValue`, or `averageUtilization` with a percentage of the request".to_string(),
                    });
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
        "External" | "Object" if average => level_divided(object, source),
        "External" | "Object" => total_compared(object, source),
        _ => None,
    }
}

/// An amount for each pod in another unit than is meant: less memory than any process has, more cores than a node has.
fn unit(object: &Object<'_>, source: &Node, target: &Node) -> Option<Finding> {
    const LEAST_MEMORY: i64 = 1 << 20;
    const MOST_CORES: i64 = 256;
    let node = target.get("averageValue")?;
    let text = node.as_written()?;
    let value = quantity_value(&text)?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (said, why, meant) = match source.get("name")?.as_str()? {
        "memory" if value > 0.into() && value < LEAST_MEMORY.into() => {
            ("bytes", "every process has more: the autoscaler goes to its maximum and stays there", "Mi")
        }
        "cpu" if value > MOST_CORES.into() => {
            ("cores", "no pod ever uses so much: the autoscaler stays at its minimum", "m")
        }
        _ => return None,
    };
    Some(
        Finding::new(&TARGET, object.place(node), format!("`{text}` for each pod is {} {said}", plain(value)))
            .why(why)
            .help(format!("write `averageValue: {digits}{meant}`, if that is meant, or `averageUtilization` for a percentage of the request")),
    )
}

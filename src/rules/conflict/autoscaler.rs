//! Only one autoscaler may own a workload.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, verifyHpas and verifyScaledObjects;
//! kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, AmbiguousSelector (#112011, since 1.26): an HPA whose
//! pods another one scales as well computes nothing.

use super::cards::SECOND_AUTOSCALER;
use super::{Expected, HPA, HTTP};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::inventory::group;
use crate::manifest::Node;
use crate::source::Placed;

pub(super) fn check(expected: &Expected, documents: &[Object<'_>], findings: &mut Vec<Finding>) {
    for document in documents {
        match (document.kind(), document.group()) {
            ("HorizontalPodAutoscaler", "autoscaling") => hpa(expected, document, findings),
            ("ScaledObject", "keda.sh") => scaled_object(expected, document, findings),
            ("HTTPScaledObject", "http.keda.sh") if expected.asker == HTTP => {
                scaled_object(expected, document, findings);
            }
            _ => {}
        }
    }
}

/// The name of the target, if it is this workload.
fn same_target<'d>(expected: &Expected, document: &'d Object<'d>) -> Option<Placed<&'d str>> {
    let workload = &expected.workload.value;
    let name = document.placed_text(&["spec", "scaleTargetRef", "name"])?;
    let text = |key: &str| document.at(&["spec", "scaleTargetRef", key]).and_then(Node::as_str);
    // An empty kind means Deployment to KEDA, and an empty apiVersion apps/v1.
    let kind = text("kind").unwrap_or("Deployment");
    let api_version = text("apiVersion").unwrap_or("apps/v1");
    let same = name.value == workload.name
        && kind == workload.kind
        && group(api_version) == group(&workload.api_version)
        && document.may_be_in(&workload.namespace);
    same.then_some(name)
}

fn hpa(expected: &Expected, document: &Object<'_>, findings: &mut Vec<Finding>) {
    let Some(target) = same_target(expected, document) else { return };
    let workload = &expected.workload.value;
    let annotation = document.at(&["metadata", "annotations", "validations.keda.sh/hpa-ownership"]);
    let exempt = annotation.and_then(Node::as_written).as_deref() == Some("false");
    let owned =
        document.at(&["metadata", "ownerReferences"]).map(Node::items).unwrap_or_default().iter().any(
            |owner| {
                let text = |key: &str| owner.get(key).and_then(Node::as_str);
                text("kind") == Some("ScaledObject") && text("name") == Some(&expected.scaler_name)
            },
        );
    let labelled =
        document.at(&["metadata", "labels", "app.kubernetes.io/managed-by"]).and_then(Node::as_str);
    let made_by_keda = document.name.as_str() == expected.hpa_name && labelled == Some("keda-operator");
    let taken_over = expected.take_over.as_deref() == Some(document.name.as_str());
    // The same name twice is one object, of which the last one counts.
    let is_same = expected.asker == HPA && document.name == expected.scaler_name;
    if exempt || owned || made_by_keda || taken_over || is_same {
        return;
    }
    let name = document.name.as_str();
    findings.push(
        Finding::new(
            &SECOND_AUTOSCALER,
            target.place,
            format!("two autoscalers on {} `{}`: the HorizontalPodAutoscaler `{name}` is the second", workload.kind, workload.name),
        )
        .label("the same workload")
        .related(expected.workload.place, scales_it_too(expected))
        .why(match expected.asker {
            HPA => "since Kubernetes 1.26 neither of them scales any more, whatever the load: both report AmbiguousSelector, and only keep the pods between minimum and maximum",
            HTTP => "KEDA refuses the ScaledObject that the HTTP add-on makes of it, while this HPA exists: no request scales anything, and from 0 none wakes a pod",
            _ => "KEDA refuses the ScaledObject while this HPA exists; where its webhook is off, neither scales any more: since Kubernetes 1.26 this HPA and the one that KEDA makes both report AmbiguousSelector",
        })
        .help(match expected.asker {
            HPA => "keep one of them, with the metrics of both".to_string(),
            HTTP => "delete the HPA; to keep its metrics, write a ScaledObject with them and an `external-push` trigger, and the annotation `httpscaledobject.keda.sh/skip-scaledobject-creation: \"true\"` here".to_string(),
            _ if expected.asker != "the policy" && let Some(other) = &expected.take_over => format!("`advanced.horizontalPodAutoscalerConfig.name` says `{other}`: write `{name}`, and KEDA takes this HPA over"),
            "the policy" => format!("delete the HPA, or take it over: `take_over = \"{name}\"` in [scaling]"),
            _ => format!("{}; the annotation `scaledobject.keda.sh/transfer-hpa-ownership: \"true\"` with `advanced.horizontalPodAutoscalerConfig.name: {name}` takes it over without a gap", merge(expected, document)),
        }),
    );
}

/// How the metrics of an HPA are written as triggers of the ScaledObject, where they can be.
fn merge(expected: &Expected, hpa: &Object<'_>) -> String {
    let metrics = hpa.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
    let mut triggers = Vec::new();
    let mut has_others = false;
    for metric in metrics {
        let source = metric.get("resource").or_else(|| metric.get("containerResource"));
        let Some((resource, trigger)) = source.and_then(trigger) else {
            has_others = true;
            continue;
        };
        if !expected.resources.iter().any(|own| own.resource == resource) {
            triggers.push(trigger);
        }
    }
    if let Some(share) = hpa.at(&["spec", "targetCPUUtilizationPercentage"]).and_then(Node::as_written)
        && !expected.resources.iter().any(|own| own.resource == "cpu")
    {
        triggers.push(format!("`{{type: cpu, metricType: Utilization, metadata: {{value: \"{share}\"}}}}`"));
    }
    match triggers.as_slice() {
        // Metrics of other kinds are no trigger of the same words.
        _ if has_others => {
            "move its metrics into triggers of the ScaledObject, and delete the HPA".to_string()
        }
        [] => "delete the HPA".to_string(),
        all => {
            format!("write {} among the triggers of the ScaledObject, and delete the HPA", all.join(" and "))
        }
    }
}

/// A resource metric of an HPA as a trigger.
fn trigger(source: &Node) -> Option<(&str, String)> {
    let resource =
        source.get("name").and_then(Node::as_str).filter(|name| matches!(*name, "cpu" | "memory"))?;
    let (kind, key) = match source.at(&["target", "type"]).and_then(Node::as_str)? {
        "Utilization" => ("Utilization", "averageUtilization"),
        "AverageValue" => ("AverageValue", "averageValue"),
        _ => return None,
    };
    let value = source.at(&["target", key]).and_then(Node::as_written)?;
    let container = source.get("container").and_then(Node::as_str);
    let container = container.map(|name| format!(", containerName: {name}")).unwrap_or_default();
    Some((
        resource,
        format!("`{{type: {resource}, metricType: {kind}, metadata: {{value: \"{value}\"{container}}}}}`"),
    ))
}

fn scaled_object(expected: &Expected, document: &Object<'_>, findings: &mut Vec<Finding>) {
    let Some(target) = same_target(expected, document) else { return };
    let workload = &expected.workload.value;
    // The same name is the object that this policy replaces; of an HTTPScaledObject it is the one that the add-on makes.
    let is_same = document.name == expected.scaler_name;
    if is_same && (expected.asker != HTTP || document.kind() == "HTTPScaledObject") {
        return;
    }
    findings.push(
        Finding::new(
            &SECOND_AUTOSCALER,
            target.place,
            format!(
                "two autoscalers on {} `{}`: the {} `{}` is the second",
                workload.kind, workload.name, document.kind(), document.name
            ),
        )
        .label("the same workload")
        .related(expected.workload.place, scales_it_too(expected))
        .why(match (expected.asker, document.kind()) {
            (HTTP, "HTTPScaledObject") => "the HTTP add-on makes a ScaledObject of each, and KEDA refuses the second on one workload",
            (HTTP, _) if is_same => "the HTTP add-on makes a ScaledObject of the same name of it, and writes its own triggers over those that stand here",
            (HTTP, _) => "the HTTP add-on makes a ScaledObject of it, and KEDA refuses the second on one workload",
            _ => "KEDA refuses the second ScaledObject on one workload",
        })
        .help(match (expected.asker, document.kind()) {
            (HTTP, "ScaledObject") => "keep the ScaledObject, with an `external-push` trigger for the requests, and write the annotation `httpscaledobject.keda.sh/skip-scaledobject-creation: \"true\"` on the HTTPScaledObject; or leave the ScaledObject out",
            (HTTP, _) => "keep one of them, with the hosts and paths of both",
            _ => "keep one of them, with the triggers of both",
        }),
    );
}

fn scales_it_too(expected: &Expected) -> String {
    match expected.asker {
        "the policy" => "the policy scales it".to_string(),
        asker => format!("{asker} `{}` scales it", expected.scaler_name),
    }
}

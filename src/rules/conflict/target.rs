//! The workload itself.

use std::collections::BTreeMap;

use super::cards::{REPLICAS_PINNED, TARGET_MISSING};
use super::{Expected, HPA, WORKLOADS};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::Object;
use crate::inventory::group;
use crate::source::{FileId, Place};

/// The workload of the policy, if it is there; and what stands against scaling it.
pub(super) fn check<'d>(
    expected: &Expected,
    documents: &'d [Object<'_>],
    findings: &mut Vec<Finding>,
) -> Option<&'d Object<'d>> {
    let workload = &expected.workload.value;
    let found = documents.iter().find(|document| {
        document.is_called(&workload.name)
            && document.kind() == workload.kind
            && document.group() == group(&workload.api_version)
            && document.may_be_in(&workload.namespace)
    });
    match found {
        Some(document) => replicas(expected, document, findings),
        None => missing(expected, documents, findings),
    }
    found
}

fn missing(expected: &Expected, documents: &[Object<'_>], findings: &mut Vec<Finding>) {
    let workload = &expected.workload.value;
    let others: Vec<&Object<'_>> =
        documents.iter().filter(|document| WORKLOADS.contains(&document.kind())).collect();
    let mut finding = Finding::new(
        &TARGET_MISSING,
        expected.workload.place,
        format!(
            "there is no {} `{}` in the namespace `{}` of the manifests",
            workload.kind, workload.name, workload.namespace
        ),
    )
    .why("KEDA accepts the ScaledObject, reports that its target is missing, and scales nothing");
    let elsewhere = others.iter().find(|document| document.name.as_str() == workload.name);
    let names = others.iter().map(|document| document.name.as_str());
    finding.help = Some(match (elsewhere, nearest(&workload.name, names)) {
        (Some(other), _) => format!(
            "there is a {} `{}` in the namespace `{}`: correct `kind` or `namespace`",
            other.kind(),
            other.name.as_str(),
            other.namespace_text()
        ),
        (None, Some(name)) => format!("did you mean `{name}`?"),
        (None, None) => "correct the name, or give the folder that holds the workload".to_string(),
    });
    if let Some(other) = elsewhere {
        finding = finding.related(other.name_place(), "the same name");
    }
    // Manifests without any workload are most likely not all there is.
    if others.is_empty() {
        finding.severity = Severity::Warning;
    }
    findings.push(finding);
}

fn replicas(expected: &Expected, document: &Object<'_>, findings: &mut Vec<Finding>) {
    // What an overlay makes of it is what is applied; without an overlay, or in one that leaves it alone, what is written.
    let written = || {
        document
            .at(&["spec", "replicas"])
            .map(|node| (document.place(node), node.as_written().unwrap_or_default()))
    };
    let range = |root: Option<FileId>| {
        let mut all = expected.rendered.iter().filter(|(own, _)| Some(*own) == root);
        all.next().filter(|_| all.next().is_none()).map_or((expected.min, expected.max), |(_, range)| *range)
    };
    let mut all: BTreeMap<(Place, String), Vec<(u32, u32)>> = BTreeMap::new();
    if document.replicas.is_empty() {
        all.extend(written().map(|number| (number, vec![range(None)])));
    }
    // An overlay that leaves the autoscaler out, where others hold both, scales by hand.
    let holds = |root: Option<FileId>| expected.rendered.iter().any(|(own, _)| Some(*own) == root);
    let are_together = document.renders.iter().any(|render| holds(render.root()));
    for (change, render) in document.replicas.iter().zip(&document.renders) {
        if are_together && !holds(render.root()) {
            continue;
        }
        let number = match change {
            Some(change) => change.number.clone().map(|number| (change.place, number)),
            None => written(),
        };
        let Some(number) = number else { continue };
        all.entry(number).or_default().push(range(render.root()));
    }
    for ((place, number), mut ranges) in all {
        ranges.sort();
        ranges.dedup();
        // What is outside of it is outside in all overlays; and what is told is the range of one of them, or the written one.
        let widest = (expected.min, expected.max);
        let (judged, shown) = match ranges.as_slice() {
            [one] => (*one, *one),
            _ => (widest, expected.written),
        };
        // With nothing to decide, it says the same.
        if judged.0 == judged.1 && number == judged.0.to_string() {
            continue;
        }
        // One overlay says how the cluster calls it; several that share the line have no one name.
        let mut names = document
            .replicas
            .iter()
            .zip(&document.names)
            .filter(|(change, _)| change.as_ref().is_some_and(|change| change.place == place));
        let name = names.next().filter(|_| names.next().is_none()).map(|(_, (namespace, name))| {
            (namespace.as_deref().or(document.document.namespace()), name.as_str())
        });
        let name = name.unwrap_or((document.namespace.as_deref(), document.name.as_str()));
        let base = written().filter(|(base, _)| *base != place);
        // Source: kubernetes-sigs/kustomize api/types/replica.go: an entry without `count` sets 0.
        let remove = match &base {
            _ if place.file == document.document.file => "remove the line",
            None => "take this out of the overlay, the whole entry or operation",
            Some(_) => {
                "take this out of the overlay, the whole entry or operation, and `replicas` out of what it changes, which would be set instead"
            }
        };
        let finding = pinned(expected, name, (place, &number, remove), [judged, shown]);
        findings.push(match base {
            Some((base, number)) if place.file != base.file => {
                finding.related(base, format!("without the overlay it is {number}"))
            }
            _ => finding,
        });
    }
}

fn pinned(
    expected: &Expected,
    (namespace, name): (Option<&str>, &str),
    (place, number, remove): (Place, &str, &str),
    [judged, shown]: [(u32, u32); 2],
) -> Finding {
    let workload = &expected.workload.value;
    let (message, why) = told(expected, judged, number);
    // What the cluster calls it: with the prefix and the namespace of an overlay.
    let namespace = namespace.unwrap_or(&workload.namespace);
    let namespace = if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") };
    let is_own = WORKLOADS.contains(&workload.kind.as_str());
    let once = if is_own { "drops to 1 once" } else { "goes back to its default once" };
    Finding::new(&REPLICAS_PINNED, place, message)
        .label("every deployment sets this again")
        .related(expected.workload.place, range(shown, expected.is_idle_at_zero))
        .why(why)
        .help(format!(
            "{remove}; on a running workload first run `kubectl apply edit-last-applied {}/{}{namespace}` and remove it there, or the number {once}",
            workload.kind.to_lowercase(),
            name,
        ))
}

/// In words; a maximum that is filled in later is not known.
fn range((min, max): (u32, u32), is_idle_at_zero: bool) -> String {
    let idle = if is_idle_at_zero && min > 0 { ", and to 0 when idle" } else { "" };
    match max {
        u32::MAX => format!("scaled from {min} on{idle}"),
        max => format!("scaled from {min} to {max}{idle}"),
    }
}

/// What is wrong with a number, and what each apply of it does.
///
/// Sources: kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, reconcileAutoscaler: a workload with 0
/// replicas is left alone, what is out of range is brought back; kedacore/keda pkg/scaling/executor/scale_scaledobjects.go,
/// RequestScale: it starts what has 0 replicas at its next poll.
fn told(expected: &Expected, (min, max): (u32, u32), number: &str) -> (String, String) {
    let (min, max) = (i64::from(min), i64::from(max));
    let is_hpa = expected.asker == HPA;
    let replicas = format!("the manifest sets {number} {}", plural(number, "replica"));
    match number.parse::<i64>() {
        Ok(0) if is_hpa && min > 0 => (
            format!("{replicas}, which switches the HorizontalPodAutoscaler off"),
            "each apply or sync stops all pods, and an HPA leaves a workload with 0 replicas alone: it stays at 0 until somebody scales it".to_string(),
        ),
        Ok(0) => (
            format!("{replicas}, which the autoscaler decides"),
            "each apply or sync stops all pods, also while work waits; KEDA starts them again when it polls next, and until they are ready nobody answers".to_string(),
        ),
        Ok(count) if count < min => (
            format!("{replicas}, where the autoscaler keeps at least {min}"),
            format!("each apply or sync takes the workload down to {number} {}, in the middle of the load, until the autoscaler looks again and new pods are ready", plural(number, "pod")),
        ),
        Ok(count) if count > max => (
            format!("{replicas}, where the autoscaler allows at most {max}"),
            format!("each apply or sync starts {number} pods, of which the autoscaler stops {} when it looks again", count - max),
        ),
        _ => (
            format!("{replicas}, which the autoscaler decides"),
            format!("each apply or sync sets the workload back to {number} {}, in the middle of the load", plural(number, "pod")),
        ),
    }
}

fn plural(number: &str, word: &str) -> String {
    if number == "1" { word.to_string() } else { format!("{word}s") }
}

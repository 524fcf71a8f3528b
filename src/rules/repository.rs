//! Objects against each other: two autoscalers on one workload, pinned replicas, missing requests.

use std::collections::HashMap;

use super::conflict::{self, Expected, ResourceUse};
use super::guards::Guards;
use super::http;
use super::released;
use super::scaler::View;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, Render, group};
use crate::manifest::Node;
use crate::model::WorkloadReference;
use crate::source::{FileId, Placed, Sources};

/// Every ScaledObject and HPA against all other objects.
pub fn check<'i>(sources: &Sources, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let near = Neighbours::new(inventory);
    let guards = Guards::new(sources, inventory);
    // Asked for once: of copies of one application each means one, and looks at all.
    let targets: Vec<Option<&Object<'i>>> = inventory
        .objects
        .iter()
        .map(|object| match object.kind() {
            kind if AUTOSCALERS.contains(&kind) && !object.is_fragment => target(inventory, object),
            _ => None,
        })
        .collect();
    for (at, object) in inventory.objects.iter().enumerate() {
        if object.is_fragment {
            continue;
        }
        let Some(mut expected) = expected(object) else { continue };
        // Once the kind is right, its number is pinned all the same.
        let mistaken = other_kind(inventory, object).filter(|_| targets[at].is_none());
        if let Some(meant) = mistaken {
            expected.workload.value.kind = meant.kind().to_string();
            expected.workload.value.api_version = meant.document.api_version().to_string();
        }
        // Of two that are in each other's way, the earlier one tells; an HPA is told of by the ScaledObject, and both by
        // the HTTPScaledObject.
        let is_hpa = object.kind() == "HorizontalPodAutoscaler";
        let is_http = http::is_scaler(object);
        let concerns = |other: usize| {
            other != at
                && match inventory.objects[other].kind() {
                    "HTTPScaledObject" => is_http && other > at,
                    "ScaledObject" => is_http || !is_hpa && other > at,
                    "HorizontalPodAutoscaler" => !is_hpa || other > at,
                    _ => true,
                }
        };
        // Of several workloads of that name only the one that is meant counts, and of autoscalers those that mean it too.
        let is_other = |number: usize| {
            let other = &inventory.objects[number];
            let meant = match other.kind() {
                kind if AUTOSCALERS.contains(&kind) => targets[number],
                kind if kind == expected.workload.value.kind => {
                    if other.is_for_tests_without(object) {
                        return true;
                    }
                    Some(other)
                }
                _ => None,
            };
            targets[at].zip(meant).is_some_and(|(one, two)| !std::ptr::eq(one.document, two.document))
        };
        let others: Vec<Object<'_>> = near
            .of(&expected.workload.value.name)
            .filter(|other| concerns(*other) && !is_other(*other))
            .map(|other| inventory.objects[other].clone())
            .collect();
        let kind = expected.workload.value.kind.as_str();
        for mut finding in conflict::check(&expected, &others) {
            if mistaken.is_some() && finding.rule.id != "conflict/replicas-pinned" {
                continue;
            }
            match finding.rule.id {
                // What is not here may well be elsewhere.
                "conflict/target-missing" => continue,
                // Somebody wrote that one of them is to be applied.
                "conflict/second-autoscaler"
                    if object.is_a_choice
                        || teller(inventory, &finding).is_some_and(|other| other.is_a_choice) =>
                {
                    continue;
                }
                // Two folders may be two ways to do it, of which one is applied.
                "conflict/second-autoscaler"
                    if !same_folder(sources, &finding, &expected)
                        && !are_in_one_build(inventory, object, &finding) =>
                {
                    finding.severity = Severity::Warning;
                    finding.why = finding.why.map(|why| format!("if both folders are applied, {why}"));
                }
                // The kustomization beside them names one of the two and leaves the other out.
                "conflict/second-autoscaler" if is_left_out(inventory, object, &finding) => {
                    finding.severity = Severity::Note;
                    finding.why = finding.why.map(|why| {
                        format!("the kustomization names only one of the two; if both are applied, {why}")
                    });
                }
                // A file to choose from: the kustomization names another one.
                "conflict/second-autoscaler" if is_alternative(inventory, object, targets[at], &targets) => {
                    finding.severity = Severity::Warning;
                    finding.why = finding.why.map(|why| format!("if all of the file is applied, {why}"));
                }
                // What is left out of a kustomization that builds the workload, and another autoscaler of it, scales nothing.
                "conflict/replicas-pinned" if is_alternative(inventory, object, targets[at], &targets) => {
                    continue;
                }
                // A kind of another operator says itself where its number stands.
                "conflict/replicas-pinned" if counts_elsewhere(inventory, &expected.workload.value) => {
                    continue;
                }
                // What is synchronized around it is not set again.
                "conflict/replicas-pinned" if guards.hold(sources, inventory, (object, &finding), kind) => {
                    continue;
                }
                // What most of the world does.
                "conflict/replicas-pinned" => {
                    let text = &sources.get(finding.place.file).text;
                    let number = text.get(finding.place.span.range()).unwrap_or_default();
                    // An HPA leaves a workload with 0 replicas alone.
                    let is_off = is_hpa && number.trim() == "0" && expected.min > 0;
                    finding.severity = if is_off { Severity::Error } else { Severity::Warning };
                    finding = guards.judge(sources, inventory, (object, finding), kind);
                }
                _ => {}
            }
            // An HPA and a ScaledObject ask for the same; once is enough.
            let told = |other: &Finding| {
                let is_same =
                    finding.rule.id == "conflict/replicas-pinned" || other.message == finding.message;
                other.rule == finding.rule && other.place == finding.place && is_same
            };
            if !findings.iter().any(told) {
                findings.push(finding);
            }
        }
    }
    findings.extend(released::check(inventory));
    findings
}

/// Kinds with a `scaleTargetRef`.
const AUTOSCALERS: [&str; 3] = ["ScaledObject", "HTTPScaledObject", "HorizontalPodAutoscaler"];

/// The workload that an autoscaler most likely means.
fn target<'i>(inventory: &'i Inventory<'i>, object: &Object<'i>) -> Option<&'i Object<'i>> {
    let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
    inventory.meant(kind, object.text(&["spec", "scaleTargetRef", "name"])?, object)
}

/// The workload beside an autoscaler that has the name of its target, and is of another kind.
fn other_kind<'i>(inventory: &'i Inventory<'i>, object: &Object<'i>) -> Option<&'i Object<'i>> {
    const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "Rollout"];
    let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
    let name = object.text(&["spec", "scaleTargetRef", "name"]).filter(|_| KINDS.contains(&kind))?;
    let mut others = KINDS.into_iter().filter(|other| *other != kind);
    others.find_map(|kind| inventory.meant(kind, name, object)).filter(|other| other.is_beside(object))
}

/// Whether the definition of a kind is here, and says that `spec.replicas` is not what is scaled.
fn counts_elsewhere(inventory: &Inventory<'_>, workload: &WorkloadReference) -> bool {
    let mut definitions = inventory
        .kind("CustomResourceDefinition")
        .filter(|object| {
            object.text(&["spec", "names", "kind"]) == Some(&workload.kind)
                && object.text(&["spec", "group"]) == Some(group(&workload.api_version))
        })
        .peekable();
    let counts = |version: &Node| {
        version.at(&["subresources", "scale", "specReplicasPath"]).and_then(Node::as_str)
            == Some(".spec.replicas")
    };
    definitions.peek().is_some()
        && !definitions.any(|object| {
            object.at(&["spec", "versions"]).map(Node::items).unwrap_or_default().iter().any(counts)
        })
}

/// Objects by the name of the workload that they are, or that they scale.
struct Neighbours<'i> {
    named: HashMap<&'i str, Vec<usize>>,
    /// Those that concern a whole namespace.
    anywhere: Vec<usize>,
}

impl<'i> Neighbours<'i> {
    fn new(inventory: &'i Inventory<'_>) -> Self {
        let mut near = Neighbours { named: HashMap::new(), anywhere: Vec::new() };
        for (at, object) in inventory.objects.iter().enumerate().filter(|(_, object)| !object.is_fragment) {
            match object.kind() {
                "LimitRange" => near.anywhere.push(at),
                kind if AUTOSCALERS.contains(&kind) => {
                    let target = object.text(&["spec", "scaleTargetRef", "name"]).unwrap_or_default();
                    near.named.entry(target).or_default().push(at);
                }
                _ => {
                    near.named.entry(&object.name).or_default().push(at);
                    if object.name != object.document.name() {
                        near.named.entry(object.document.name()).or_default().push(at);
                    }
                }
            }
        }
        near
    }

    fn of(&self, workload: &str) -> impl Iterator<Item = usize> {
        self.named.get(workload).into_iter().flatten().chain(&self.anywhere).copied()
    }
}

/// The autoscaler at which a finding stands.
fn teller<'i, 'd>(inventory: &'i Inventory<'d>, finding: &Finding) -> Option<&'i Object<'d>> {
    inventory.objects.iter().find(|other| {
        let span = other.document.node.span;
        other.document.file == finding.place.file
            && span.start <= finding.place.span.start
            && finding.place.span.end <= span.end
            && other.at(&["spec", "scaleTargetRef"]).is_some()
    })
}

/// Whether a kustomization of the folder names the file of one of two autoscalers and not that of the other.
fn is_left_out(inventory: &Inventory<'_>, object: &Object<'_>, finding: &Finding) -> bool {
    teller(inventory, finding).is_some_and(|other| {
        other.is_built != object.is_built
            && other.document.file != object.document.file
            && other.is_beside(object)
    })
}

/// Whether an autoscaler is left out of the kustomization that names its workload and another autoscaler of it.
fn is_alternative(
    inventory: &Inventory<'_>,
    object: &Object<'_>,
    target: Option<&Object<'_>>,
    targets: &[Option<&Object<'_>>],
) -> bool {
    let Some(target) = target.filter(|target| target.is_built && !object.is_built) else { return false };
    // Beside it, or in each build of the workload: then it is the one that counts, wherever a copy of it lies.
    let goes_along = |other: &Object<'_>| {
        !target.built_by.is_empty() && target.built_by.iter().all(|file| other.built_by.contains(file))
    };
    inventory.objects.iter().zip(targets).any(|(other, theirs)| {
        other.is_built
            && (other.is_beside(object) || goes_along(other))
            && theirs.is_some_and(|theirs| std::ptr::eq(theirs.document, target.document))
    })
}

/// Whether one kustomization builds both an autoscaler and the other one, which a finding points at.
fn are_in_one_build(inventory: &Inventory<'_>, object: &Object<'_>, finding: &Finding) -> bool {
    let is_pointed_at = |other: &&Object<'_>| {
        other.document.file == finding.place.file
            && other.document.node.span.range().contains(&(finding.place.span.start as usize))
    };
    let roots = |object: &Object<'_>| -> Vec<FileId> {
        let is_whole = |render: &&Render| !render.is_open && !render.is_deleted;
        object.renders.iter().filter(is_whole).filter_map(Render::root).collect()
    };
    let own = roots(object);
    !own.is_empty()
        && inventory
            .objects
            .iter()
            .filter(is_pointed_at)
            .any(|other| roots(other).iter().any(|root| own.contains(root)))
}

/// Whether two files stand in one folder, or one of them further down in it.
fn same_folder(sources: &Sources, finding: &Finding, expected: &Expected) -> bool {
    let folder = |file| sources.get(file).name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (one, other) = (folder(finding.place.file), folder(expected.workload.place.file));
    let holds = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || outer.is_empty() || rest.starts_with('/'))
    };
    holds(one, other) || holds(other, one)
}

/// What an autoscaler expects of the objects around it.
fn expected(object: &Object<'_>) -> Option<Expected> {
    let target = object.at(&["spec", "scaleTargetRef"])?;
    let name = target.get("name")?;
    let text =
        |key: &str, default: &str| target.get(key).and_then(Node::as_str).unwrap_or(default).to_string();
    let workload = WorkloadReference {
        api_version: text("apiVersion", "apps/v1"),
        kind: text("kind", "Deployment"),
        name: name.as_str()?.to_string(),
        // Left open, it is wherever the object is applied to.
        namespace: object.namespace.clone().unwrap_or_default(),
    };
    let (asker, min, max, resources) = match (object.kind(), object.group()) {
        ("ScaledObject", "keda.sh") => {
            let view = View::of(object)?;
            let resources = view.triggers.iter().filter(|trigger| trigger.is_resource());
            let resources = resources
                .map(|trigger| ResourceUse {
                    resource: if trigger.kind == "cpu" { "cpu" } else { "memory" },
                    container: trigger.value("containerName"),
                    place: object.place(trigger.node.get("type").unwrap_or(trigger.node)),
                })
                .collect();
            let is_open = view.max.is_none() && view.entry("maxReplicaCount").is_some();
            let max = view.max.unwrap_or(if is_open { i64::from(u32::MAX) } else { 100 });
            ("the ScaledObject", view.min.unwrap_or(0), max, resources)
        }
        ("HTTPScaledObject", "http.keda.sh") if http::makes_scaled_object(object) => {
            let number = |key: &str| object.integer(&["spec", "replicas", key]);
            (conflict::HTTP, number("min").unwrap_or(0), number("max").unwrap_or(100), Vec::new())
        }
        ("HorizontalPodAutoscaler", "autoscaling") => {
            let min = object.integer(&["spec", "minReplicas"]).unwrap_or(1);
            (conflict::HPA, min, object.integer(&["spec", "maxReplicas"])?, utilization(object))
        }
        _ => return None,
    };
    let in_overlay = |(at, render): (usize, &Render)| {
        let is_keda = object.kind() == "ScaledObject";
        let keys =
            if is_keda { ["minReplicaCount", "maxReplicaCount"] } else { ["minReplicas", "maxReplicas"] };
        let number = |key, default| {
            let number = object.number(Some(at), key)?;
            // What is filled in later is what the range is without it.
            Some(if number.is_changed { number.or(default)? } else { default })
        };
        let range = (number(keys[0], min)?, number(keys[1], max)?);
        Some((
            render.root()?,
            (u32::try_from(range.0).unwrap_or(0), u32::try_from(range.1).unwrap_or(u32::MAX)),
        ))
    };
    let rendered = object.renders.iter().enumerate().filter_map(in_overlay).collect();
    let written = (u32::try_from(min).unwrap_or(0), u32::try_from(max).unwrap_or(u32::MAX));
    // Overlays may widen the range: what is outside of it is outside in all of them.
    let changed = |keys: [&str; 2]| -> Vec<i64> {
        let all = object.bounds.iter().flatten().filter(|(key, _)| keys.contains(key));
        all.filter_map(|(_, change)| change.number.as_ref()?.parse().ok()).collect()
    };
    let min = changed(["minReplicas", "minReplicaCount"]).into_iter().fold(min, i64::min);
    let max = changed(["maxReplicas", "maxReplicaCount"]).into_iter().fold(max, i64::max);
    let own = object.text(&["spec", "advanced", "horizontalPodAutoscalerConfig", "name"]);
    let transfers = object.text(&["metadata", "annotations", "scaledobject.keda.sh/transfer-hpa-ownership"])
        == Some("true");
    Some(Expected {
        asker,
        scaler_name: object.name.clone(),
        workload: Placed::new(workload, object.place(name)),
        min: u32::try_from(min).unwrap_or(0),
        max: u32::try_from(max).unwrap_or(u32::MAX),
        written,
        is_idle_at_zero: object.kind() == "ScaledObject"
            && object.integer(&["spec", "idleReplicaCount"]) == Some(0),
        rendered,
        hpa_name: own.map_or_else(|| format!("keda-hpa-{}", object.name), str::to_string),
        take_over: own.filter(|_| transfers).map(str::to_string),
        pod_labels: Default::default(),
        monitor: None,
        resources,
    })
}

/// Resource metrics of an HPA that are compared with requests.
fn utilization(object: &Object<'_>) -> Vec<ResourceUse> {
    let metrics = object.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
    let mut all = Vec::new();
    for metric in metrics {
        let Some(kind) = metric.get("type").and_then(Node::as_str) else { continue };
        let key = if kind == "ContainerResource" { "containerResource" } else { "resource" };
        let Some(source) = metric.get(key) else { continue };
        let is_share = source.at(&["target", "type"]).and_then(Node::as_str) == Some("Utilization");
        let resource = match source.get("name").and_then(Node::as_str) {
            Some("cpu") => "cpu",
            Some("memory") => "memory",
            _ => continue,
        };
        if is_share {
            let container = source.get("container").and_then(Node::as_str).map(str::to_string);
            all.push(ResourceUse { resource, container, place: object.place(source) });
        }
    }
    if let Some(node) = object.at(&["spec", "targetCPUUtilizationPercentage"]) {
        all.push(ResourceUse { resource: "cpu", container: None, place: object.place(node) });
    }
    all
}

//! Workloads that Flagger rolls out: what serves is `<name>-primary`, and the Deployment of the name is its canary, with 0
//! replicas between two releases.
//!
//! Source: fluxcd/flagger pkg/canary/deployment_controller.go (Initialize: the primary is made, the canary scaled to 0;
//! createPrimaryDeployment: labels of the selector get `-primary`) and pkg/canary/scaler_reconciler.go (`autoscalerRef`
//! makes the primary an autoscaler of its own).

use super::CANARY;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// All Canaries against the autoscalers and budgets beside them.
pub fn check(inventory: &Inventory<'_>) -> Vec<Finding> {
    let canaries = inventory.kind("Canary").filter(|object| object.group() == "flagger.app");
    let rollouts = inventory.kind("Rollout").filter(|object| object.group() == "argoproj.io");
    let mut findings: Vec<Finding> = canaries.flat_map(|canary| of(canary, inventory)).collect();
    findings.extend(rollouts.filter_map(|rollout| referred(rollout, inventory)));
    findings
}

/// An autoscaler on the Deployment from which a Rollout takes its template.
///
/// Source: argoproj/argo-rollouts docs/features/specification.md and docs/migrating.md: with `workloadRef` the Rollout makes
/// the pods, and the Deployment is to have 0 replicas.
fn referred(rollout: &Object<'_>, inventory: &Inventory<'_>) -> Option<Finding> {
    let target = rollout.at(&["spec", "workloadRef"])?;
    let kind = target.get("kind").and_then(Node::as_str).filter(|kind| *kind == "Deployment")?;
    let name = target.get("name").and_then(Node::as_str).filter(|name| !has_variable(name))?;
    let kinds = ["ScaledObject", "HorizontalPodAutoscaler"];
    let scales = |object: &&Object<'_>, wanted: &str, name: &str| {
        object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment") == wanted
            && object.text(&["spec", "scaleTargetRef", "name"]) == Some(name)
            && object.meets(rollout)
            && !object.is_fragment
    };
    let all = || inventory.objects.iter().filter(|object| kinds.contains(&object.kind()));
    if all().any(|object| scales(&object, "Rollout", rollout.document.name())) {
        return None;
    }
    let scaler = all().find(|object| scales(object, kind, name) && object.belongs_to(rollout))?;
    let node = scaler.at(&["spec", "scaleTargetRef", "name"])?;
    Some(
        Finding::new(
            &CANARY,
            scaler.place(node),
            format!("the {} `{}` scales the Deployment, and not the Rollout that has the pods", scaler.kind(), scaler.name),
        )
        .related(rollout.place(target), "the Rollout takes the template of that Deployment")
        .why("the Rollout makes its own pods, and the Deployment is scaled to 0: the pods that serve keep their number, whatever the load")
        .help(format!(
            "write `scaleTargetRef: {{apiVersion: {}, kind: Rollout, name: {}}}`",
            rollout.document.api_version(),
            rollout.document.name()
        )),
    )
}

fn of(canary: &Object<'_>, inventory: &Inventory<'_>) -> Vec<Finding> {
    let Some(target) = canary.at(&["spec", "targetRef"]) else { return Vec::new() };
    let Some(name) = target.get("name").and_then(Node::as_str).filter(|name| !has_variable(name)) else {
        return Vec::new();
    };
    if target.get("kind").and_then(Node::as_str) != Some("Deployment") {
        return Vec::new();
    }
    let refers = canary.at(&["spec", "autoscalerRef"]).is_some()
        || canary.patched.iter().any(|path| path.iter().any(|key| key == "autoscalerRef"));
    let primary = format!("{name}-primary");
    let scales = |object: &Object<'_>, wanted: &str| {
        let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        kind == "Deployment"
            && object.text(&["spec", "scaleTargetRef", "name"]) == Some(wanted)
            && object.meets(canary)
    };
    let autoscalers: Vec<&Object<'_>> = ["ScaledObject", "HorizontalPodAutoscaler"]
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .filter(|object| matches!(object.group(), "keda.sh" | "autoscaling"))
        .collect();
    let mut findings = Vec::new();
    // What serves may have an autoscaler that somebody wrote by hand.
    if !refers && !autoscalers.iter().any(|object| scales(object, &primary)) {
        let own = autoscalers.iter().find(|object| scales(object, name) && object.belongs_to(canary));
        findings.extend(own.map(|object| scaled(canary, target, object, (name, &primary))));
    }
    findings.extend(called_otherwise(canary, &autoscalers, |object| scales(object, name)));
    findings.extend(inventory.kind("PodDisruptionBudget").filter_map(|budget| {
        let is_near = budget.belongs_to(canary) && budget.meets(canary);
        kept(canary, budget, name).filter(|_| is_near)
    }));
    findings
}

/// An `autoscalerRef` that names none, beside the autoscaler of the target.
///
/// Source: fluxcd/flagger pkg/canary/hpa_reconciler.go and scaled_object_reconciler.go: it is read by this name.
fn called_otherwise(
    canary: &Object<'_>,
    autoscalers: &[&Object<'_>],
    is_of_target: impl Fn(&Object<'_>) -> bool,
) -> Option<Finding> {
    let reference = canary.at(&["spec", "autoscalerRef"])?;
    let node = reference.get("name")?;
    let name = node.as_str().filter(|name| !has_variable(name))?;
    let kind = reference.get("kind").and_then(Node::as_str)?;
    let is_here = autoscalers.iter().any(|object| object.kind() == kind && object.is_called(name));
    let own = autoscalers.iter().find(|object| is_of_target(object) && object.belongs_to(canary))?;
    if is_here || canary.patched.iter().any(|path| path.iter().any(|key| key == "autoscalerRef")) {
        return None;
    }
    let message = format!("there is no {kind} `{}`", name.escape_debug());
    Some(
        Finding::new(&CANARY, canary.place(node), message)
            .related(own.name_place(), format!("the {} that scales the target", own.kind()))
            .why("Flagger reads the autoscaler before it makes the primary, and goes no step without it: nothing is rolled out")
            .help(format!("write `kind: {}` and `name: {}`", own.kind(), own.document.name())),
    )
}

fn scaled(
    canary: &Object<'_>,
    target: &Node,
    autoscaler: &Object<'_>,
    (name, primary): (&str, &str),
) -> Finding {
    let kind = autoscaler.kind();
    let idle = match kind {
        "ScaledObject" => "KEDA scales a Deployment that no traffic reaches",
        _ => "an HPA leaves a workload with 0 replicas alone",
    };
    let version = autoscaler.document.api_version();
    Finding::new(
        &CANARY,
        canary.place(target),
        format!("the {kind} `{}` scales the canary, and not `{primary}`, which serves", autoscaler.name),
    )
    .related(autoscaler.name_place(), format!("it scales `{name}`"))
    .why(format!(
        "Flagger sends the traffic to `{primary}` and sets `{name}` to 0 replicas: {idle}, and what serves keeps the number of pods it began with, whatever the load"
    ))
    .help(format!(
        "write `autoscalerRef: {{apiVersion: {version}, kind: {kind}, name: {}}}` beside the `targetRef`: Flagger then makes one for the primary",
        autoscaler.name
    ))
}

/// A budget that asks for a label which the primary has with another value.
fn kept(canary: &Object<'_>, budget: &Object<'_>, name: &str) -> Option<Finding> {
    // Source: fluxcd/flagger cmd/flagger/main.go, selector-labels.
    const LABELS: [&str; 3] = ["app", "name", "app.kubernetes.io/name"];
    let labels = budget.at(&["spec", "selector", "matchLabels"])?;
    let node =
        LABELS.iter().find_map(|label| labels.get(label)).filter(|node| node.as_str() == Some(name))?;
    let mut finding = Finding::new(
        &CANARY,
        budget.place(node),
        format!("this budget keeps the canary, and not the pods of `{name}-primary`, which serve"),
    )
    .related(canary.name_place(), "Flagger rolls it out")
    .why(format!("Flagger gives the pods that serve the label `{name}-primary`: a drained node may stop all of them at once"))
    .help(format!("write `{name}-primary`"));
    finding.severity = Severity::Note;
    Some(finding)
}

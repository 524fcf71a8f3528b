//! A target that is not there under this name, kind and namespace, but nearly.
//!
//! Source: kedacore/keda controllers/keda/scaledobject_controller.go, checkTargetResourceIsScalable.

use std::collections::HashMap;

use super::{TARGET_ELSEWHERE, is_autoscaler};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object, group};
use crate::manifest::{Node, has_variable};

const KINDS: [&str; 4] = ["Deployment", "StatefulSet", "Rollout", "ReplicaSet"];

/// Workloads of one folder among which a misspelt name is looked for.
const MOST_BESIDE: usize = 16;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let mut folders: HashMap<&str, Vec<&Object<'i>>> = HashMap::new();
    for object in
        inventory.objects.iter().filter(|object| !object.is_fragment && KINDS.contains(&object.kind()))
    {
        folders.entry(folder(object)).or_default().push(object);
    }
    for scaler in inventory.objects.iter().filter(|object| !object.is_fragment && is_autoscaler(object)) {
        let Some(node) = scaler.at(&["spec", "scaleTargetRef", "name"]) else { continue };
        let Some(name) = node.as_str().filter(|name| !has_variable(name)) else { continue };
        let kind = scaler.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        if !KINDS.contains(&kind) {
            findings.extend(other_case(scaler, kind));
            findings.extend(not_scalable(inventory, scaler, (kind, name)));
            continue;
        }
        findings.extend(other_group(scaler, kind));
        // One of another kind beside it is meant rather than a namesake far away.
        let found = inventory.meant(kind, name, scaler);
        let mut others = KINDS.iter().filter(|other| **other != kind);
        let other_kind = others.find_map(|kind| {
            let other = inventory.meant(kind, name, scaler)?;
            found.is_none_or(|found| other.is_beside(scaler) && !found.is_beside(scaler)).then_some(other)
        });
        if let Some(found) = found.filter(|_| other_kind.is_none()) {
            findings.extend(without_namespace(scaler, found));
            continue;
        }
        let why = match is_looked_up(scaler, kind) {
            true => {
                "KEDA's webhook looks up the target of a cpu or memory trigger and refuses the ScaledObject; where it is off, the target is reported as missing, and nothing scales"
            }
            false => "the autoscaler is accepted, reports that its target is missing, and scales nothing",
        };
        let refuse = |message: String| Finding::new(&TARGET_ELSEWHERE, scaler.place(node), message).why(why);
        let elsewhere = inventory.named(kind, name).next();
        // What stands in for it in tests says nothing of where the workload is.
        if elsewhere.is_some() && inventory.named(kind, name).all(|other| other.is_for_tests_without(scaler))
        {
            continue;
        }
        // In a folder of many everything is near something.
        let beside = || {
            folders
                .get(folder(scaler))
                .filter(|all| all.len() <= MOST_BESIDE)
                .map(Vec::as_slice)
                .unwrap_or_default()
        };
        let finding = if let Some(other) = other_kind {
            let place = scaler
                .at(&["spec", "scaleTargetRef", "kind"])
                .map_or(scaler.place(node), |node| scaler.place(node));
            let message = format!("`{name}` is a {}, not a {kind}", other.kind());
            let mut finding = Finding::new(&TARGET_ELSEWHERE, place, message)
                .why(why)
                .related(other.name_place(), "the one that is here")
                .help(format!(
                    "write `apiVersion: {}` and `kind: {}`",
                    other.document.api_version(),
                    other.kind()
                ));
            if other.is_beside(scaler) {
                finding.severity = Severity::Error;
            }
            finding
        } else if let Some(other) = elsewhere {
            refuse(format!(
                "the {kind} `{name}` is in the namespace `{}`, the autoscaler in `{}`",
                other.namespace_text(),
                scaler.namespace_text()
            ))
            .related(other.name_place(), "the one that is here")
            .help("an autoscaler scales in its own namespace only: write the same in both")
        } else if let Some(near) = nearest(name, beside().iter().map(|object| object.name.as_str())) {
            let other = beside().iter().find(|object| object.name == near);
            let mut finding =
                refuse(format!("there is no {kind} `{name}` here")).help(format!("did you mean `{near}`?"));
            if let Some(other) = other {
                // Something else that is scaled by its own autoscaler is no misspelling.
                let taken = inventory.objects.iter().filter(|object| folder(object) == folder(scaler)).any(
                    |object| {
                        is_autoscaler(object)
                            && object.text(&["spec", "scaleTargetRef", "name"]) == Some(other.document.name())
                    },
                );
                if taken {
                    continue;
                }
                finding = finding.related(other.name_place(), "nearly the same name");
            }
            finding
        } else if let Some(other) = by_word(name, kind, beside()).filter(|other| !is_scaled(inventory, other))
        {
            let mut finding = refuse(format!("there is no {kind} `{name}` here"))
                .related(other.name_place(), "the one that is here")
                .help(format!("did you mean `{}`?", other.name));
            finding.severity = Severity::Error;
            finding
        } else if found.is_none() && !beside().is_empty() {
            // Charts and other repositories hold workloads as well.
            let mut finding = refuse(format!("there is no {kind} `{name}` in these files"))
                .help("correct the name, if the workload is not applied from somewhere else");
            finding.severity = Severity::Note;
            finding
        } else if let Some(other) = afar(inventory, scaler, (kind, name)).filter(|_| found.is_none()) {
            let mut finding = refuse(format!("there is no {kind} `{name}` in these files"))
                .related(other.name_place(), "the nearest name")
                .help(format!("did you mean `{}`?", other.name));
            finding.severity = Severity::Note;
            finding
        } else {
            continue;
        };
        findings.push(finding);
    }
}

/// Whether the webhook of KEDA asks for the target, to see its requests.
///
/// Source: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, verifyCPUMemoryScalers.
fn is_looked_up(scaler: &Object<'_>, kind: &str) -> bool {
    let triggers = scaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
    let is_resource = |trigger: &Node| {
        trigger.get("type").and_then(Node::as_str).is_some_and(|kind| matches!(kind, "cpu" | "memory"))
    };
    scaler.kind() == "ScaledObject"
        && ["Deployment", "StatefulSet"].contains(&kind)
        && triggers.iter().any(is_resource)
}

/// Words that say of a workload what it is anyway; `kafka-consumer` is something else than `kafka`.
const WORDS: [&str; 8] =
    ["app", "deploy", "deployment", "dep", "rollout", "server", "service", "statefulset"];

/// The only workload of the folder, if its name is this one with a word more or less: `web` and `web-deployment`.
fn by_word<'o, 'i>(name: &str, kind: &str, beside: &[&'o Object<'i>]) -> Option<&'o Object<'i>> {
    let mut same = beside.iter().filter(|object| object.kind() == kind);
    let only = same.next().filter(|_| same.next().is_none())?;
    let longer = |long: &str, short: &str| {
        long.strip_prefix(short)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|word| WORDS.contains(&word))
    };
    (longer(&only.name, name) || longer(name, &only.name)).then_some(*only)
}

/// The workload of other folders that nothing scales, in the same namespace, whose name alone is the end of this one, or the
/// other way round: `deploy` for `default-deploy`.
fn afar<'i>(
    inventory: &'i Inventory<'i>,
    scaler: &Object<'_>,
    (kind, name): (&str, &str),
) -> Option<&'i Object<'i>> {
    let ends = |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.ends_with('-'));
    let is_near = |object: &&'i Object<'i>| {
        object.kind() == kind
            && !object.is_fragment
            && object.meets(scaler)
            && (ends(name, &object.name) || ends(&object.name, name))
            && !is_scaled(inventory, object)
    };
    let all: Vec<&Object<'_>> = inventory.objects.iter().filter(is_near).collect();
    let is_one_name = all.windows(2).all(|pair| pair[0].name == pair[1].name);
    let nearest = all.into_iter().rev().max_by_key(|object| object.nearness(scaler));
    nearest.filter(|_| is_one_name)
}

/// Whether an autoscaler of the same folder scales this.
fn is_scaled(inventory: &Inventory<'_>, workload: &Object<'_>) -> bool {
    inventory.objects.iter().filter(|object| folder(object) == folder(workload)).any(|object| {
        is_autoscaler(object)
            && object.text(&["spec", "scaleTargetRef", "name"]) == Some(workload.document.name())
    })
}

fn folder<'i>(object: &Object<'i>) -> &'i str {
    object.path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Kinds of Kubernetes itself that nobody can scale: they have no subresource `scale`.
///
/// Source: kubernetes/kubernetes pkg/registry, where ScaleREST is made for Deployments, StatefulSets, ReplicaSets and
/// ReplicationControllers only.
const NOT_SCALABLE: [&str; 8] =
    ["Service", "Pod", "DaemonSet", "Job", "CronJob", "ConfigMap", "Namespace", "Ingress"];

/// An autoscaler without a namespace, whose target has one written: what `kubectl apply` makes of it depends on who applies.
fn without_namespace(scaler: &Object<'_>, found: &Object<'_>) -> Option<Finding> {
    let theirs = found.document.namespace().filter(|own| *own != "default" && !has_variable(own))?;
    if scaler.namespace.is_some() || scaler.is_built || !scaler.is_beside(found) {
        return None;
    }
    let mut finding = Finding::new(
        &TARGET_ELSEWHERE,
        scaler.name_place(),
        format!("no namespace is written here, and the target lives in `{theirs}`"),
    )
    .related(found.name_place(), "the target")
    .why(format!(
        "applied without `-n {theirs}` it lands in another namespace, finds no target, and scales nothing"
    ))
    .help(format!("write `namespace: {theirs}` into its metadata"));
    finding.severity = Severity::Note;
    Some(finding)
}

/// Source: kubernetes/apimachinery pkg/api/meta/restmapper.go: kinds are compared letter by letter.
fn other_case(scaler: &Object<'_>, kind: &str) -> Option<Finding> {
    // A ScaledObject is held to it elsewhere.
    let is_own = scaler.kind() == "HorizontalPodAutoscaler";
    let right = KINDS.iter().find(|right| is_own && right.eq_ignore_ascii_case(kind))?;
    let node = scaler.at(&["spec", "scaleTargetRef", "kind"])?;
    let mut finding =
        Finding::new(&TARGET_ELSEWHERE, scaler.place(node), format!("there is no kind `{kind}`"))
            .why("the autoscaler finds no target, reports an error for ever, and scales nothing")
            .help(format!("write `{right}`"))
            .replace(true, format!("write `{right}`"), scaler.place(node), *right);
    finding.severity = Severity::Error;
    Some(finding)
}

fn not_scalable(
    inventory: &Inventory<'_>,
    scaler: &Object<'_>,
    (kind, name): (&str, &str),
) -> Option<Finding> {
    let node = scaler.at(&["spec", "scaleTargetRef", "kind"]).filter(|_| NOT_SCALABLE.contains(&kind))?;
    let api_version = scaler.text(&["spec", "scaleTargetRef", "apiVersion"]).unwrap_or("apps/v1");
    if !matches!(group(api_version), "" | "apps" | "batch" | "networking.k8s.io") {
        return None;
    }
    let workload = KINDS.iter().find_map(|kind| inventory.meant(kind, name, scaler));
    let mut finding =
        Finding::new(&TARGET_ELSEWHERE, scaler.place(node), format!("a {kind} cannot be scaled"))
            .why("the autoscaler reports an error for ever, and scales nothing");
    finding.severity = Severity::Error;
    Some(match (workload, kind) {
        (Some(other), _) => finding.related(other.name_place(), "the workload of this name").help(format!(
            "write `apiVersion: {}` and `kind: {}`",
            other.document.api_version(),
            other.kind()
        )),
        (None, "Job" | "CronJob") => {
            finding.help("write a ScaledJob of KEDA, which starts Jobs by their load")
        }
        (None, "DaemonSet") => finding.help(
            "a DaemonSet has a pod for each node: write a Deployment, if their number shall follow the load",
        ),
        (None, _) => finding.help("name the workload whose pods are scaled: a Deployment or a StatefulSet"),
    })
}

/// An `apiVersion` of a group that does not have the kind.
fn other_group(scaler: &Object<'_>, kind: &str) -> Option<Finding> {
    let (right, example) = match kind {
        "Rollout" => ("argoproj.io", "argoproj.io/v1alpha1"),
        _ => ("apps", "apps/v1"),
    };
    // KEDA takes apps/v1 where none is written.
    let target = scaler.at(&["spec", "scaleTargetRef"])?;
    let is_changed = scaler.patched.iter().any(|path| path.iter().any(|key| key == "scaleTargetRef"));
    if scaler.kind() == "HorizontalPodAutoscaler" && target.get("apiVersion").is_none() && !is_changed {
        let node = target.get("kind").unwrap_or(target);
        let mut finding = Finding::new(
            &TARGET_ELSEWHERE,
            scaler.place(node),
            format!("the target is a {kind} without its `apiVersion`"),
        )
        .why("the autoscaler looks for the kind in the core group, where it is not (FailedGetScale), and scales nothing")
        .help(format!("write `apiVersion: {example}`"));
        finding.severity = Severity::Error;
        return Some(finding);
    }
    let node = target.get("apiVersion")?;
    let written = node.as_str().filter(|text| !has_variable(text) && !text.is_empty())?;
    // What a Deployment was called long ago is refused by the API server, and told of there.
    if group(written) == right {
        return None;
    }
    let mut finding = Finding::new(
        &TARGET_ELSEWHERE,
        scaler.place(node),
        format!("there is no {kind} in `{}`", written.escape_debug()),
    )
    .why("the target is not found: the autoscaler reports an error for ever, and scales nothing")
    .help(format!("write `apiVersion: {example}`"));
    finding.severity = Severity::Error;
    Some(finding)
}

//! A file that lies beside its target, where the kustomization of the folder names the target and not the file.
//!
//! Source: kubernetes-sigs/kustomize api/internal/target/kusttarget.go, accumulateResources: what is not named is not
//! built.

use std::collections::{HashMap, HashSet};

use super::{LEFT_OUT, folder};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::Sources;

/// Words in the name of a file that is there to be looked at.
const ON_SHOW: [&str; 8] = ["example", "sample", "optional", "template", "demo", "old", "backup", "disabled"];

pub(super) fn check<'o>(
    sources: &Sources,
    inventory: &'o Inventory<'o>,
    all: &[&Object<'_>],
) -> Vec<Finding> {
    let folders: HashMap<&str, &Object<'_>> =
        all.iter().map(|object| (folder(object.path), *object)).collect();
    let text = |object: &Object<'_>| sources.get(object.document.file).text.as_str();
    let mut told: HashSet<(&str, &str, &str)> = HashSet::new();
    let mut findings = Vec::new();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment && !object.is_built) {
        let Some(kustomization) = folders.get(folder(object.path)) else { continue };
        let name = object.path.rsplit('/').next().unwrap_or(object.path);
        let small = name.to_lowercase();
        let on_show = small.split(['.', '-', '_']).any(|word| ON_SHOW.contains(&word.trim_end_matches('s')));
        if on_show || object.path == kustomization.path {
            continue;
        }
        let Some(target) = target(inventory, object).filter(|target| {
            target.document.file != object.document.file && folder(target.path) == folder(object.path)
        }) else {
            continue;
        };
        // Both may be left out, where other files of the folder are named.
        let is_alone = !target.built_by.contains(&kustomization.document.file);
        if is_alone && (!target.renders.is_empty() || !names_a_file(inventory, kustomization)) {
            continue;
        }
        let has_another = inventory.objects.iter().any(|other| {
            let is_target =
                is_alone && other.kind() == target.kind() && other.is_called(target.document.name());
            other.is_built && !other.is_fragment && (is_target || does_the_same(other, object, target))
        });
        // Named by another list of this one, or by a kustomization elsewhere.
        let is_named = all.iter().any(|other| {
            let is_named = |name: &str| {
                let whole = format!("{}/{name}", folder(object.path).rsplit('/').next().unwrap_or_default());
                let wanted = if other.path == kustomization.path { name } else { &whole };
                lines(text(other), wanted).any(|line| !line.starts_with('#'))
            };
            is_named(name) || is_alone && is_named(file_name(target))
        });
        if has_another || is_named || !told.insert((target.path, target.kind(), &target.name)) {
            continue;
        }
        let is_off = lines(text(kustomization), name).next().is_some();
        let neither = is_alone.then(|| file_name(target));
        let is_applied_as_it_is = text(kustomization).contains("kubectl apply -f");
        let ways = (is_off, is_applied_as_it_is);
        findings.push(finding((object, name), kustomization, (target, neither), ways));
    }
    findings
}

/// The lines of a text that name a file.
fn lines<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines().map(str::trim).filter(move |line| {
        line.match_indices(name).any(|(at, _)| {
            // `hpa.yaml` is not `my-hpa.yaml`.
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.'))
                || line[..at].ends_with("./")
        })
    })
}

fn file_name<'i>(object: &Object<'i>) -> &'i str {
    object.path.rsplit('/').next().unwrap_or(object.path)
}

/// Whether a kustomization names a workload of its own folder: then the folder is what it builds.
fn names_a_file(inventory: &Inventory<'_>, kustomization: &Object<'_>) -> bool {
    const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "Rollout"];
    inventory.objects.iter().any(|object| {
        WORKLOADS.contains(&object.kind())
            && object.built_by.contains(&kustomization.document.file)
            && folder(object.path) == folder(kustomization.path)
    })
}

fn finding(
    (object, name): (&Object<'_>, &str),
    kustomization: &Object<'_>,
    (target, neither): (&Object<'_>, Option<&str>),
    (is_off, is_applied_as_it_is): (bool, bool),
) -> Finding {
    let name_of = |name: &str| name.escape_debug().to_string();
    let (message, said) = match neither {
        None => (
            format!("the kustomization beside it does not name `{}`", name_of(name)),
            "its target, which is named",
        ),
        Some(other) => (
            format!("the kustomization beside it names neither `{}` nor `{}`", name_of(name), name_of(other)),
            "its target, which is not named either",
        ),
    };
    let list = kustomization.at(&["resources"]);
    let place = list.map_or(kustomization.name_place(), |node| kustomization.place(node));
    let without = match object.kind() {
        "ScaledObject" | "HorizontalPodAutoscaler" if neither.is_some() => {
            format!("the {} `{}` is not there either", target.kind(), target.name)
        }
        "ScaledObject" | "HorizontalPodAutoscaler" => {
            format!("nothing scales the {} `{}`", target.kind(), target.name)
        }
        "TriggerAuthentication" => {
            format!(
                "the {} `{}` has no credentials, and KEDA builds no scaler for it",
                target.kind(),
                target.name
            )
        }
        "PrometheusRule" => "no alert of it is ever there".to_string(),
        _ => format!("nobody scrapes `{}` by it", target.name),
    };
    let mut finding = Finding::new(&LEFT_OUT, object.name_place(), message)
        .related(target.name_place(), said)
        .related(place, "all that is built of this folder")
        .why(format!(
            "`kustomize build` takes only what is named: by `kubectl apply -k`, Flux and Argo CD the {} is never applied, and {without}{}",
            object.kind(),
            if is_applied_as_it_is { "; `kubectl apply -f`, of which the kustomization speaks as well, applies it" } else { "" }
        ))
        .help(match neither {
            None => format!("add `- {name}` under `resources`"),
            Some(other) => format!(
                "add `- {other}` and `- {name}` under `resources`, or move them away if nobody needs them"
            ),
        });
    if is_off {
        // It stands there as a comment: somebody has switched it off.
        finding.severity = Severity::Note;
    }
    finding
}

/// What an object is for.
fn target<'i>(inventory: &'i Inventory<'i>, object: &Object<'_>) -> Option<&'i Object<'i>> {
    let beside = |kinds: &'static [&'static str]| {
        let all = kinds.iter().flat_map(|kind| inventory.kind(kind));
        all.filter(|other| folder(other.path) == folder(object.path) && other.is_built)
    };
    match object.kind() {
        "ScaledObject" | "HorizontalPodAutoscaler" => {
            let (kind, name) = scaled(object)?;
            inventory.meant(kind, name, object)
        }
        "ServiceMonitor" => beside(&["Service"]).find(|service| is_selected(object, &service.labels())),
        "PodMonitor" => beside(&["Deployment", "StatefulSet", "DaemonSet", "Rollout"])
            .find(|workload| is_selected(object, &workload.pod_labels())),
        "TriggerAuthentication" => beside(&["ScaledObject", "ScaledJob"]).find(|scaler| {
            let triggers = scaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
            triggers.iter().any(|trigger| {
                let name = trigger.at(&["authenticationRef", "name"]).and_then(Node::as_str);
                let kind = trigger.at(&["authenticationRef", "kind"]).and_then(Node::as_str);
                name == Some(object.document.name()) && kind.is_none_or(|kind| kind == object.kind())
            })
        }),
        // What is scraped by Prometheus' operator here takes its rules from here as well.
        "PrometheusRule" => beside(&["ServiceMonitor", "PodMonitor"]).next(),
        _ => None,
    }
}

fn scaled<'d>(object: &Object<'d>) -> Option<(&'d str, &'d str)> {
    let name = object.text(&["spec", "scaleTargetRef", "name"])?;
    Some((object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment"), name))
}

/// Whether what is built does already what a file that is left out would do.
fn does_the_same(built: &Object<'_>, object: &Object<'_>, target: &Object<'_>) -> bool {
    let is_same = built.kind() == object.kind() && built.is_called(object.document.name());
    let is_scaler = |kind: &str| matches!(kind, "ScaledObject" | "HorizontalPodAutoscaler");
    let is_monitor = |kind: &str| matches!(kind, "ServiceMonitor" | "PodMonitor");
    is_same
        || is_scaler(object.kind()) && is_scaler(built.kind()) && scaled(built) == scaled(object)
        || object.kind() == "PrometheusRule" && built.kind() == "PrometheusRule"
        || is_monitor(object.kind())
            && is_monitor(built.kind())
            && (is_selected(built, &target.labels()) || is_selected(built, &target.pod_labels()))
}

/// Whether a monitor selects labels; one with expressions may select anything.
fn is_selected(monitor: &Object<'_>, labels: &[(String, String)]) -> bool {
    let Some(wanted) = monitor.at(&["spec", "selector", "matchLabels"]) else { return false };
    let mut wanted = wanted.pairs().peekable();
    wanted.peek().is_some()
        && wanted.all(|(name, value)| labels.iter().any(|(key, own)| key == name && *own == value))
}

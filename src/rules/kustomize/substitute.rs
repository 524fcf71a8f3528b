//! Variables in autoscalers that nothing fills in between Git and the cluster, or that Flux fills with nothing.
//!
//! Sources: fluxcd/kustomize-controller docs/spec/v1/kustomizations.md, "Post build variable substitution";
//! fluxcd/pkg kustomize/kustomize_varsub.go (a variable that is not given is an empty text); Argo CD has none.

use std::collections::HashSet;

use super::appliers::Applier;
use super::{NOT_FILLED_IN, folder};
use crate::finding::{Finding, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, Value};
use crate::source::{Place, Sources};

const KINDS: [&str; 5] = [
    "ScaledObject",
    "ScaledJob",
    "HorizontalPodAutoscaler",
    "TriggerAuthentication",
    "ClusterTriggerAuthentication",
];

pub(super) fn check<'i>(
    sources: &Sources,
    inventory: &Inventory<'i>,
    appliers: &[Applier<'i>],
    all: &[&Object<'i>],
) -> Vec<Finding> {
    // One that changes the others may give all of them values.
    let changes_others = |object: &Object<'_>| {
        let patches = object.at(&["spec", "patches"]).map(Node::items).unwrap_or_default();
        patches.iter().any(|entry| {
            let text = entry.get("patch").and_then(Node::as_str).unwrap_or_default();
            text.contains("postBuild")
                || entry.at(&["target", "kind"]).and_then(Node::as_str) == Some("Kustomization")
        })
    };
    if inventory.kind("Kustomization").any(changes_others) {
        return Vec::new();
    }
    let mut told: HashSet<Place> = HashSet::new();
    let mut findings = Vec::new();
    for object in
        inventory.objects.iter().filter(|object| KINDS.contains(&object.kind()) && !object.is_fragment)
    {
        let mut texts = Vec::new();
        collect(&object.document.node, &mut texts);
        if texts.is_empty() || is_left_alone(object) {
            continue;
        }
        // Several environments may apply it, each with its own values: all of them have to lack it.
        let own: Vec<&Applier<'i>> =
            appliers.iter().filter(|applier| applies(sources, applier, object, all)).collect();
        if own.is_empty() || own.iter().any(|applier| may_fill(applier)) {
            continue;
        }
        for (node, name) in texts {
            let lacking = own.iter().all(|applier| !given(applier).any(|known| known == name));
            if lacking && told.insert(object.place(node)) {
                findings.push(told_of(object, node, &name, own[0]));
            }
        }
    }
    findings
}

/// The texts with a variable of a plain name.
fn collect<'n>(node: &'n Node, texts: &mut Vec<(&'n Node, String)>) {
    if let Value::Text(text) = &node.value
        && let Some(name) = variable(text)
    {
        texts.push((node, name));
    }
    node.items().iter().for_each(|item| collect(item, texts));
    node.entries().iter().for_each(|entry| collect(&entry.node, texts));
}

/// `${name}`, without a default, and not `$${name}`.
fn variable(text: &str) -> Option<String> {
    text.match_indices("${").find_map(|(at, _)| {
        let name = text[at + 2..].split('}').next()?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        (is_name && !text[..at].ends_with('$') && text[at + 2..].contains('}')).then(|| name.to_string())
    })
}

/// Whether Flux is told to leave the object as it is.
fn is_left_alone(object: &Object<'_>) -> bool {
    ["annotations", "labels"].iter().any(|key| {
        object.text(&["metadata", key, "kustomize.toolkit.fluxcd.io/substitute"]) == Some("disabled")
    })
}

/// Whether an applier applies an object: a file of its folder, or what is built there.
fn applies(sources: &Sources, applier: &Applier<'_>, object: &Object<'_>, all: &[&Object<'_>]) -> bool {
    let Some(at) = applier.located(sources) else { return false };
    if let Some(kustomization) = all.iter().find(|one| folder(one.path) == at) {
        return object.renders.iter().any(|render| render.root() == Some(kustomization.document.file));
    }
    object.renders.is_empty() && object.path.strip_prefix(&at).is_some_and(|rest| rest.starts_with('/'))
}

fn post_build<'i>(applier: &Applier<'i>) -> Option<&'i Node> {
    applier.object.at(&["spec", "postBuild"]).filter(|_| applier.is_flux)
}

/// Whether values come from where they cannot be seen.
fn may_fill(applier: &Applier<'_>) -> bool {
    let plugin =
        applier.object.at(&["spec", "source", "plugin"]).or(applier.object.at(&["spec", "source", "helm"]));
    let patches =
        applier.object.at(&["spec", "patches"]).or(applier.object.at(&["spec", "source", "kustomize"]));
    plugin.is_some()
        || patches.is_some()
        || post_build(applier).is_some_and(|build| {
            build.get("substituteFrom").is_some_and(|list| !list.items().is_empty())
        })
        // What applies the applier may bring values of its own.
        || !applier.object.patched.is_empty()
}

fn given<'i>(applier: &Applier<'i>) -> impl Iterator<Item = &'i str> {
    let build = post_build(applier).and_then(|build| build.get("substitute"));
    build.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.as_str())
}

fn told_of(object: &Object<'_>, node: &Node, name: &str, applier: &Applier<'_>) -> Finding {
    let is_emptied = post_build(applier).is_some();
    let who = match applier.is_flux {
        true => format!("the Kustomization `{}` of Flux", applier.object.name),
        false => format!("the Application `{}` of Argo CD", applier.object.name),
    };
    let message = match is_emptied {
        true => format!("nothing is put in for `${{{name}}}`"),
        false => format!("`${{{name}}}` reaches the cluster as it stands"),
    };
    let why = match is_emptied {
        true => format!(
            "{who} substitutes other names, and writes an empty text for this one: the default counts, or nothing"
        ),
        false if applier.is_flux => format!("{who} has no `postBuild` and substitutes nothing"),
        false => format!("{who} applies it from Git, and Argo CD puts nothing in for variables"),
    };
    let place = post_build(applier)
        .and_then(|build| build.get("substitute"))
        .map_or(applier.object.place(applier.path_node), |node| applier.object.place(node));
    let finding =
        Finding::new(&NOT_FILLED_IN, object.place(node), message).related(place, "what applies it").why(why);
    match nearest(name, given(applier)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if applier.is_flux => finding.help(format!("write `{name}` under `postBuild.substitute`")),
        None => finding.help("write the value, or let an overlay set it"),
    }
}

//! Names that a kustomization changes, and references to them that it does not know.
//!
//! Sources: kubernetes-sigs/kustomize api/internal/konfig/builtinpluginconsts/namereference.go (the references that are
//! followed: none of a custom resource but what `configurations` adds); api/internal/builtins/HashTransformer.go.

use std::collections::{BTreeSet, HashMap};

use super::NAME_NOT_FOLLOWED;
use super::referred::{Reference, references};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object, Render};
use crate::manifest::Node;
use crate::source::{FileId, Place};

/// Generators, and the kinds that they make.
const GENERATORS: [(&str, &str); 2] = [("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")];

/// What a name becomes.
struct Renamed {
    what: String,
    place: Place,
    label: String,
    is_hashed: bool,
}

pub(super) fn check<'o>(inventory: &'o Inventory<'_>, all: &[&'o Object<'_>]) -> Vec<Finding> {
    let by_file: HashMap<FileId, &Object<'_>> =
        all.iter().map(|object| (object.document.file, *object)).collect();
    let mut builds: Builds<'_, '_> = HashMap::new();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment) {
        for (render, (_, name)) in object.renders.iter().zip(&object.names) {
            if let Some(root) = render.root() {
                builds.entry(root).or_default().push((object, render, name));
            }
        }
    }
    // The kustomizations that take part in each build.
    let mut parts: HashMap<FileId, BTreeSet<FileId>> = HashMap::new();
    for render in inventory.objects.iter().flat_map(|object| &object.renders) {
        if let Some(root) = render.root() {
            parts.entry(root).or_default().extend(&render.way);
        }
    }
    let known =
        |files: BTreeSet<FileId>| files.iter().filter_map(|file| by_file.get(file).copied()).collect();
    let parts: HashMap<FileId, Vec<&Object<'_>>> =
        parts.into_iter().map(|(root, files)| (root, known(files))).collect();
    let mut findings = Vec::new();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment) {
        for reference in references(object) {
            let renamed = object.renders.iter().find_map(|render| {
                let root = render.root().filter(|_| !render.is_open && !render.is_deleted)?;
                let within = parts.get(&root).filter(|within| !is_open(within))?;
                let built = builds.get(&root).map(Vec::as_slice).unwrap_or_default();
                prefixed(inventory, &reference, built, &by_file, &render.way)
                    .or_else(|| hashed(inventory, &reference, within))
            });
            findings.extend(renamed.map(|renamed| told(object, &reference, renamed)));
        }
    }
    findings
}

/// Whether some say which other references there are, or write names by themselves.
fn is_open(kustomizations: &[&Object<'_>]) -> bool {
    const OPEN: [&str; 6] =
        ["configurations", "transformers", "replacements", "vars", "generators", "helmCharts"];
    kustomizations.iter().any(|one| OPEN.iter().any(|key| one.at(&[key]).is_some()))
}

/// What one build makes of the objects that it holds: each with its rendering, and the name that it gives.
type Builds<'o, 'i> = HashMap<FileId, Vec<(&'o Object<'i>, &'o Render, &'o str)>>;

/// The object that is meant has another name in this build, and none has the one that is written.
fn prefixed(
    inventory: &Inventory<'_>,
    reference: &Reference<'_>,
    built: &[(&Object<'_>, &Render, &str)],
    by_file: &HashMap<FileId, &Object<'_>>,
    way: &[FileId],
) -> Option<Renamed> {
    let prefix = way.iter().filter_map(|file| by_file.get(file)).find_map(|one| {
        let node = one.at(&["namePrefix"]).or_else(|| one.at(&["nameSuffix"]))?;
        Some(one.place(node))
    })?;
    let kind = reference.kind;
    let mut meant: Option<&str> = None;
    for (other, render, name) in built.iter().filter(|(other, ..)| other.kind() == kind) {
        if *name == reference.name || render.is_open {
            return None;
        }
        if other.document.name() == reference.name {
            meant = Some(name);
        }
    }
    // What no kustomization takes up may be applied beside it.
    if inventory.named(kind, reference.name).any(|other| other.renders.is_empty() && !other.is_fragment) {
        return None;
    }
    let name = meant?;
    Some(Renamed {
        what: format!(
            "the {kind} is called `{name}` in this build, and the reference stays `{}`",
            reference.name
        ),
        place: prefix,
        label: "this renames it".to_string(),
        is_hashed: false,
    })
}

/// It is generated in this build, under a name with a hash of what is in it.
fn hashed(inventory: &Inventory<'_>, reference: &Reference<'_>, within: &[&Object<'_>]) -> Option<Renamed> {
    let (kind, list) = GENERATORS.iter().find(|(kind, _)| *kind == reference.kind)?;
    let is_off = |node: Option<&Node>| {
        let off = node.and_then(|node| node.get("disableNameSuffixHash")).and_then(Node::as_written);
        off.is_some_and(|off| off != "false")
    };
    if within.iter().any(|one| is_off(one.at(&["generatorOptions"]))) {
        return None;
    }
    // One that is made by hand, by an operator or beside the build.
    let is_made = |other: &Object<'_>| {
        let is_holder =
            other.kind() == *kind || other.kind().ends_with("Secret") || other.kind() == "Certificate";
        let target = other.text(&["spec", "target", "name"]).or_else(|| other.text(&["spec", "secretName"]));
        is_holder && (other.name == reference.name || target == Some(reference.name))
    };
    if inventory.objects.iter().any(is_made) {
        return None;
    }
    let named = |entry: &&Node| entry.get("name").and_then(Node::as_str) == Some(reference.name);
    let entries: Vec<(&Object<'_>, &Node)> = within
        .iter()
        .flat_map(|one| {
            one.at(&[list]).map(Node::items).unwrap_or_default().iter().map(|entry| (*one, entry))
        })
        .filter(|(_, entry)| named(entry))
        .collect();
    if entries.iter().any(|(_, entry)| is_off(entry.get("options"))) {
        return None;
    }
    let (one, entry) = entries.first()?;
    Some(Renamed {
        what: format!(
            "the {kind} is called `{}-<hash>` when it is built, and the reference stays `{0}`",
            reference.name
        ),
        place: one.place(entry.get("name")?),
        label: "a generated name ends with a hash of the contents".to_string(),
        is_hashed: true,
    })
}

fn told(object: &Object<'_>, reference: &Reference<'_>, renamed: Renamed) -> Finding {
    let effect = match (object.kind(), reference.kind) {
        (
            "ScaledObject" | "HorizontalPodAutoscaler" | "HTTPScaledObject",
            "TriggerAuthentication" | "ClusterTriggerAuthentication",
        ) => "KEDA finds no such credentials and cannot build the scaler: nothing scales",
        ("TriggerAuthentication", _) => {
            "KEDA finds nothing under that name: the value is empty, the scaler cannot be built or asks without it, and nothing scales"
        }
        ("ScaledJob" | "Rollout", "Secret" | "ConfigMap") => {
            "the pods cannot start: CreateContainerConfigError"
        }
        ("ScaledJob" | "Rollout", "ServiceAccount") => "no pod can be made",
        ("Rollout", _) => "Argo Rollouts takes the Rollout for invalid",
        ("VerticalPodAutoscaler", _) => "its target is not found, and no request is ever changed",
        _ => "its target is not found, and nothing scales",
    };
    let mend = "or list this field under `nameReference` in a file that `configurations` names";
    let help = match renamed.is_hashed {
        true => {
            format!("write `options: {{disableNameSuffixHash: true}}` beside the generated `name`, {mend}")
        }
        false => format!("leave `namePrefix` and `nameSuffix` out, {mend}"),
    };
    Finding::new(&NAME_NOT_FOLLOWED, object.place(reference.node), renamed.what)
        .related(renamed.place, renamed.label)
        .why(format!("kustomize renames references only where it knows them, and of a {} it does not know this one: {effect}", object.kind()))
        .help(help)
}

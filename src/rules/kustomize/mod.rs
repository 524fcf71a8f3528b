//! What a kustomization names, and what is there: files, and the objects that its patches mean.
//!
//! Sources: kubernetes-sigs/kustomize api/internal/target/kusttarget.go (a resource or patch that cannot be read ends the
//! build); api/resmap/reswrangler.go, GetById, and kyaml/resid/resid.go, Equals (a patch without a target means the object
//! of the same kind, name and namespace, none being `default`).

mod appliers;
mod built;
mod built_twice;
mod claims;
mod cycle;
mod generated;
mod images;
mod left_out;
mod lists;
mod made_again;
mod meant;
mod moved;
mod operations;
mod outside;
mod patched_amounts;
mod referred;
mod replaced;
mod replacements;
mod selector_label;
mod substitute;
mod unfollowed;

use std::collections::{HashMap, HashSet};

use built::Builder;

use crate::finding::{Finding, Severity, cards};
use crate::inventory::{Inventory, Object, folder, join};
use crate::manifest::{Node, has_variable};
use crate::source::{FileId, Place, Sources};

cards! {
    "kustomize":
    MISSING_FILE Error "missing-file" "a kustomization that names a file which is not there";
    NAMESPACES_MERGED Warning "namespaces-merged" "objects of several namespaces that are moved into one";
    NAMESPACE_SELECTOR Error "namespace-selector" "a monitor that looks into a namespace which the overlay changes";
    PATCH_TARGET Error "patch-target" "a patch that means no object";
    PATCH_PATH Error "patch-path" "a JSON patch or replacement for a field that the object has not";
    OUTSIDE Warning "outside" "a file that lies outside of the kustomization";
    CYCLE Error "cycle" "a kustomization that names its own folder, or one around it";
    LEFT_OUT Warning "left-out" "a file beside its target that the kustomization does not name";
    LIST_REPLACED Error "list-replaced" "a patch with a part of a list that is not merged";
    NOT_FILLED_IN Warning "not-filled-in" "a variable that nothing fills in on the way to the cluster";
    SELECTOR_LABEL Warning "selector-label" "a label of the release in selectors, which may not change";
    BUILT_TWICE Error "built-twice" "an object that one build gets twice";
    WRONG_LIST Error "wrong-list" "a Component among resources, or a kustomization among components";
    NAME_NOT_FOLLOWED Error "name-not-followed" "a name that kustomize changes, and a reference that it leaves";
}

/// Kinds that live in a namespace, of which slogen speaks.
const NAMESPACED: [&str; 14] = [
    "ConfigMap",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Ingress",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "Rollout",
    "ScaledObject",
    "Service",
    "ServiceMonitor",
    "StatefulSet",
    "TriggerAuthentication",
];

const REFUSED: &str = "`kustomize build` ends with an error, and nothing of this overlay is applied";

/// All kustomizations. `exists` answers for paths that are not among the sources.
pub fn check(sources: &Sources, inventory: &Inventory<'_>, exists: fn(&str) -> bool) -> Vec<Finding> {
    // Templates of overlays are copied to where their paths are right.
    let is_template = |object: &Object<'_>| object.path.split('/').any(|folder| folder == "templates");
    let all: Vec<&Object<'_>> =
        inventory.objects.iter().filter(|object| is_kustomization(object) && !is_template(object)).collect();
    let appliers = appliers::all(inventory);
    let mut findings = appliers::check(sources, &appliers, exists);
    findings.extend(substitute::check(sources, inventory, &appliers, &all));
    if all.is_empty() {
        return findings;
    }
    let names: HashSet<&str> = sources.iter().map(|(_, source)| source.name.as_str()).collect();
    let is_there = |path: &str| names.contains(path) || exists(path);
    let namespaces: Vec<(&str, &str)> =
        all.iter().filter_map(|object| Some((object.path, object.text(&["namespace"])?))).collect();
    let builder = Builder::new(sources, inventory, &all);
    findings.extend(looks_elsewhere(inventory, &all));
    findings.extend(left_out::check(sources, inventory, &all));
    findings.extend(unfollowed::check(inventory, &all));
    findings.extend(built_twice::check(inventory, &all));
    let is_open = outside::is_open(inventory);
    let folders: cycle::Folders<'_, '_> = all.iter().map(|object| (folder(object.path), *object)).collect();
    for object in &all {
        let outside = outside::check(object, references(object), is_there).filter(|_| !is_open);
        let is_outside = |place: Place| outside.as_ref().is_some_and(|finding| finding.place == place);
        findings.extend(cycle::check(object, &folders));
        findings.extend(lists::check(object, &folders));
        findings.extend(images::check(object, &builder));
        findings.extend(selector_label::check(object, &builder));
        for reference in references(object) {
            // It is refused for where it is, whether it is there or not.
            let missing = missing(object, &reference, &is_there);
            findings.extend(missing.filter(|missing| !is_outside(missing.place)));
        }
        findings.extend(outside);
        findings.extend(meant::check(sources, inventory, &builder, object, &namespaces));
        findings.extend(generated::check(inventory, &builder, object, &all, &namespaces));
        findings.extend(made_again::check(&builder, object));
        findings.extend(replacements::check(sources, object, &builder));
        findings.extend(moved::renamed(object, &builder).or_else(|| moved::check(object, &builder)));
    }
    findings
}

fn is_kustomization(object: &Object<'_>) -> bool {
    matches!(object.kind(), "Kustomization" | "Component") && object.group() == "kustomize.config.k8s.io"
        || object.kind().is_empty()
            && matches!(
                object.path.rsplit('/').next(),
                Some("kustomization.yaml" | "kustomization.yml" | "Kustomization")
            )
}

/// A path that a kustomization names.
struct Reference<'d> {
    node: &'d Node,
    path: &'d str,
    /// Whether a folder may stand here.
    may_be_folder: bool,
    /// What goes into a ConfigMap or Secret as it is.
    is_data: bool,
}

fn references<'d>(object: &'d Object<'_>) -> impl Iterator<Item = Reference<'d>> {
    let list = |key: &str| object.at(&[key]).map(Node::items).unwrap_or_default();
    let named = |node: &'d Node, may_be_folder: bool| {
        let path = node.as_str().filter(|path| is_local(path))?;
        Some(Reference { node, path, may_be_folder, is_data: false })
    };
    let mut all = Vec::new();
    for key in ["resources", "bases", "components"] {
        all.extend(list(key).iter().filter_map(|node| named(node, true)));
    }
    for key in ["crds", "configurations"] {
        all.extend(list(key).iter().filter_map(|node| named(node, false)));
    }
    all.extend(list("patchesStrategicMerge").iter().filter_map(|node| named(node, false)));
    for key in ["patches", "patchesJson6902", "replacements"] {
        all.extend(list(key).iter().filter_map(|entry| named(entry.get("path")?, false)));
    }
    for entry in ["configMapGenerator", "secretGenerator"].into_iter().flat_map(list) {
        let items = |key: &str| entry.get(key).map(Node::items).unwrap_or_default();
        let single = entry.get("env").into_iter();
        all.extend(items("files").iter().chain(items("envs")).chain(single).filter_map(|node| {
            // `key=path`, or the path alone.
            let text = node.as_str()?;
            let path = text.split_once('=').map_or(text, |(_, path)| path);
            is_local(path).then_some(Reference { node, path, may_be_folder: false, is_data: true })
        }));
    }
    all.into_iter()
}

/// Whether this is the path of a file, not an address, a text or something to be filled in.
fn is_local(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let is_host = first.trim_start_matches('.').contains('.') && path.contains('/');
    !path.is_empty()
        && !is_host
        && !path.contains(['\n', '{', '?', '@', '*'])
        && !path.contains("://")
        && !has_variable(path)
}

/// The same path in the singular or plural, and with the other extension.
fn nearly(path: &str) -> impl Iterator<Item = String> {
    let (stem, end) = path.rsplit_once('.').unwrap_or((path, ""));
    let other = if end == "yml" { "yaml" } else { "yml" };
    let one = stem.strip_suffix('s').map_or(format!("{stem}s"), str::to_string);
    [format!("{one}.{end}"), format!("{stem}.{other}"), format!("{one}.{other}")].into_iter()
}

fn missing(
    object: &Object<'_>,
    reference: &Reference<'_>,
    is_there: &dyn Fn(&str) -> bool,
) -> Option<Finding> {
    let path = join(folder(object.path), reference.path);
    let inside =
        |name: &str| is_there(&if path.is_empty() { name.to_string() } else { format!("{path}/{name}") });
    let is_folder = || ["kustomization.yaml", "kustomization.yml", "Kustomization"].into_iter().any(inside);
    if reference.may_be_folder && is_folder() {
        return None;
    }
    let has_extension =
        reference.path.rsplit('/').next().is_some_and(|name| name.trim_matches('.').contains('.'));
    let place = object.place(reference.node);
    if is_there(&path) {
        // A folder, in which there is no kustomization.
        if !reference.may_be_folder || has_extension {
            return None;
        }
        let message = format!("the folder `{}` has no kustomization.yaml", reference.path);
        return Some(
            Finding::new(&MISSING_FILE, place, message)
                .why(REFUSED)
                .help("write one there that lists its files, or name the files here"),
        );
    }
    // It is made before the build, from what is there.
    if [".template", ".tpl", ".tmpl", ".j2", ".example", ".sample"]
        .iter()
        .any(|end| is_there(&format!("{path}{end}")))
    {
        return None;
    }
    let mut finding =
        Finding::new(&MISSING_FILE, place, format!("`{}` is not there", reference.path.escape_debug()))
            .why(REFUSED)
            .help(match nearly(&path).find(|other| is_there(other)) {
                Some(near) => format!("did you mean `{}`?", near.rsplit('/').next().unwrap_or(&near)),
                None => "mend the path, or take the line out".to_string(),
            });
    // What is secret may be kept out of the repository.
    let small = reference.path.to_lowercase();
    let is_kept_out = small.contains("secret") && !small.contains("external") && !small.contains("sealed")
        || reference.is_data
            && [".env", "key", "token", "pass", "cred"].iter().any(|part| small.contains(part));
    if is_kept_out {
        finding.severity = Severity::Note;
    } else if reference.is_data {
        // A step before the build may write it.
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

/// A monitor that names the namespace of the base, where an overlay gives its Services another: kustomize changes
/// `metadata.namespace` alone.
///
/// Source: kubernetes-sigs/kustomize api/filters/namespace/namespace.go.
fn looks_elsewhere(inventory: &Inventory<'_>, all: &[&Object<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names_one =
        |monitor: &&Object<'_>| monitor.at(&["spec", "namespaceSelector", "matchNames"]).is_some();
    let monitors: Vec<&Object<'_>> = inventory
        .kind("ServiceMonitor")
        .filter(names_one)
        .filter(|monitor| !monitor.built_by.is_empty())
        .collect();
    if monitors.is_empty() {
        return findings;
    }
    let outermost = outermost(all);
    let services: Vec<&Object<'_>> =
        inventory.kind("Service").filter(|service| !service.built_by.is_empty()).collect();
    for monitor in monitors {
        let Some(node) = monitor.at(&["spec", "namespaceSelector", "matchNames"]) else { continue };
        let names: Vec<&str> = node.items().iter().filter_map(Node::as_str).collect();
        let labels = monitor.at(&["spec", "selector", "matchLabels"]).map(Node::entries).unwrap_or_default();
        let is_patched = monitor.patched.iter().any(|path| path.iter().any(|key| key == "namespaceSelector"));
        if names.is_empty() || labels.is_empty() || is_patched || names.iter().any(|name| has_variable(name))
        {
            continue;
        }
        let wanted: Vec<(&str, String)> =
            labels.iter().filter_map(|entry| Some((entry.key.as_str(), entry.node.as_written()?))).collect();
        let carries = |service: &Object<'_>| {
            let own = service.labels();
            let written = service.at(&["metadata", "labels"]);
            wanted.iter().all(|(name, value)| {
                own.iter().any(|(key, other)| key == name && other == value)
                    || written.and_then(|node| node.get(name)?.as_written()).as_ref() == Some(value)
            })
        };
        // Overlays that build both, and give them a namespace that the monitor does not name.
        let wrong: Vec<(&Object<'_>, &str, &Object<'_>)> = outermost
            .iter()
            .filter_map(|(overlay, inside)| {
                let builds = |object: &Object<'_>| object.built_by.iter().any(|file| inside.contains(file));
                let namespace = overlay.text(&["namespace"]).filter(|name| !has_variable(name))?;
                if names.contains(&namespace) || !builds(monitor) {
                    return None;
                }
                let service = services.iter().find(|service| builds(service) && carries(service))?;
                Some((*overlay, namespace, *service))
            })
            .collect();
        let Some((overlay, namespace, service)) = wrong.first() else { continue };
        // With one overlay alone it is told where the monitor is looked at.
        if service.namespace.is_some() && !monitor.may_be_in(names[0]) && wrong.len() == 1 {
            continue;
        }
        let folders: Vec<String> =
            wrong.iter().map(|(overlay, ..)| format!("`{}`", folder(overlay.path))).collect();
        let place = overlay.at(&["namespace"]).map_or(overlay.name_place(), |node| overlay.place(node));
        findings.push(
            Finding::new(
                &NAMESPACE_SELECTOR,
                monitor.place(node),
                format!("built by {} the Service `{}` is in `{namespace}`, where this monitor does not look", folders.join(", "), service.document.name()),
            )
            .related(place, "this moves the Service, and not what the monitor names")
            .why("the job exists and has no target, and no error tells: nothing is scraped there")
            .help("leave `namespaceSelector` out, so that the monitor looks into its own namespace, or patch it in each overlay"),
        );
    }
    findings
}

/// The kustomizations that no other one includes, each with all that it includes.
fn outermost<'o, 'd>(all: &[&'o Object<'d>]) -> Vec<(&'o Object<'d>, HashSet<FileId>)> {
    let folders: HashMap<&str, &Object<'_>> =
        all.iter().map(|object| (folder(object.path), *object)).collect();
    let reach = |outer: &'o Object<'d>| {
        let mut found = HashSet::from([outer.document.file]);
        let mut left = vec![outer as &Object<'_>];
        while let Some(one) = left.pop() {
            for reference in references(one).filter(|reference| reference.may_be_folder) {
                let inner = folders.get(join(folder(one.path), reference.path).as_str());
                if let Some(inner) = inner.filter(|inner| found.insert(inner.document.file)) {
                    left.push(inner);
                }
            }
        }
        (outer, found)
    };
    let all: Vec<(&Object<'_>, HashSet<FileId>)> = all.iter().map(|outer| reach(outer)).collect();
    let included: HashSet<FileId> = all
        .iter()
        .flat_map(|(outer, inside)| inside.iter().filter(|file| **file != outer.document.file))
        .copied()
        .collect();
    all.into_iter().filter(|(outer, _)| !included.contains(&outer.document.file)).collect()
}

/// The namespace that an object has before any overlay.
fn written(object: &Object<'_>) -> String {
    object.text(&["metadata", "namespace"]).unwrap_or("default").to_string()
}

//! Patches with a part of a list that kustomize does not merge: what is left out of it is gone.
//!
//! Sources: kubernetes-sigs/kustomize kyaml/yaml/merge2/merge2.go and kyaml/yaml/walk/associative_sequence.go (lists are
//! merged where the schema of the kind has a key for them; of custom resources there is no schema, and `metrics` of a
//! HorizontalPodAutoscaler are atomic).

use super::built::Built;
use super::{LIST_REPLACED, PATCH_TARGET, claims, patched_amounts};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::rules::scaler::needs;
use crate::source::Place;

/// One patch that is a part of an object, and the one that it is for.
pub(super) fn check(
    built: &Built<'_, '_>,
    patch: &Node,
    target: Option<&Node>,
    place: &dyn Fn(&Node) -> Place,
) -> Option<Finding> {
    let text = |node: Option<&'_ Node>| node.and_then(Node::as_str).map(str::to_string);
    let kind = text(target.and_then(|target| target.get("kind"))).or_else(|| text(patch.get("kind")))?;
    let name = text(target.and_then(|target| target.get("name")))
        .or_else(|| text(patch.at(&["metadata", "name"])))?;
    // A schema may say how lists of custom resources are merged.
    if built.kustomizations.iter().any(|one| one.at(&["openapi"]).is_some()) {
        return None;
    }
    let mut all = built
        .objects
        .iter()
        .filter(|object| object.kind() == kind && object.document.name() == name && !object.is_fragment);
    let base = all.next().filter(|_| all.next().is_none())?;
    match (base.kind(), base.group()) {
        ("ScaledObject" | "ScaledJob", "keda.sh") => triggers(base, patch, place).or_else(|| {
            containers(base, patch, &["spec", "jobTargetRef", "template", "spec", "containers"], place)
        }),
        ("Rollout", "argoproj.io") => {
            containers(base, patch, &["spec", "template", "spec", "containers"], place)
        }
        ("HorizontalPodAutoscaler", "autoscaling") => metrics(base, patch, place),
        ("Deployment" | "StatefulSet" | "DaemonSet", "apps") => added(built, base, patch, place)
            .or_else(|| claims::check(base, patch, place))
            .or_else(|| patched_amounts::check(built, base, patch, place)),
        _ => None,
    }
}

fn list<'n>(node: &'n Node, path: &[&str]) -> &'n [Node] {
    node.at(path).map(Node::items).unwrap_or_default()
}

/// Keys of which `needs` does not know.
fn is_needed(kind: &str, key: &str) -> bool {
    let own: &[&str] = match kind {
        "prometheus" => &["serverAddress", "query", "threshold"],
        "cron" => &["timezone", "start", "end", "desiredReplicas"],
        "cpu" | "memory" => &["value"],
        _ => &[],
    };
    own.contains(&key) || needs(kind, key)
}

fn triggers(base: &Object<'_>, patch: &Node, place: &dyn Fn(&Node) -> Place) -> Option<Finding> {
    let (olds, news) = (list(&base.document.node, &["spec", "triggers"]), list(patch, &["spec", "triggers"]));
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_string);
    for (number, new) in news.iter().enumerate() {
        let same =
            |old: &&Node| text(old, "type") == text(new, "type") && text(old, "name") == text(new, "name");
        let mut alike = olds.iter().filter(same);
        let only = alike.next().filter(|_| alike.next().is_none());
        let Some(old) =
            only.or_else(|| olds.get(number).filter(|old| same(old) || new.get("type").is_none()))
        else {
            continue;
        };
        let kind = text(old, "type").unwrap_or_default();
        let entries = |node: &'_ Node| -> Vec<String> {
            let entries = node.get("metadata").map(Node::entries).unwrap_or_default();
            entries.iter().map(|entry| entry.key.clone()).collect()
        };
        let (before, after) = (entries(old), entries(new));
        // Another way to say the same, or a place holder.
        let is_other = after.iter().any(|key| !before.contains(key) && is_needed(&kind, key));
        let is_open = new.get("metadata").and_then(Node::as_str).is_some_and(has_variable);
        let mut lost: Vec<String> = before
            .into_iter()
            .filter(|key| {
                is_needed(&kind, key) && !after.contains(key) && !after.contains(&format!("{key}FromEnv"))
            })
            .map(|key| format!("`{key}`"))
            .collect();
        if new.get("type").is_none() && old.get("type").is_some() {
            lost.insert(0, "`type`".to_string());
        }
        if !lost.is_empty() && !is_other && !is_open {
            let key = after.first().map_or("threshold", String::as_str);
            let at = format!(
                "/spec/triggers/{}/metadata/{key}",
                olds.iter().position(|one| one == old).unwrap_or(0)
            );
            let told = finding(place(new), base.place(old), format!("the trigger loses {}", lost.join(", ")));
            return Some(
                told.why(format!("kustomize has no key by which to merge the triggers of a {}: what the patch does not repeat is gone, KEDA cannot build the scaler, and nothing scales", base.kind()))
                    .help(format!("repeat the whole trigger, or patch the one value: `- {{op: replace, path: {at}, value: …}}`")),
            );
        }
        if old.get("authenticationRef").is_some() && new.get("authenticationRef").is_none() && !is_open {
            let mut told =
                finding(place(new), base.place(old), "the trigger loses its `authenticationRef`".to_string());
            told.severity = Severity::Warning;
            return Some(
                told.why(format!("kustomize has no key by which to merge the triggers of a {}: what the patch does not repeat is gone, and KEDA asks without credentials", base.kind()))
                    .help("repeat `authenticationRef` in the patch, or patch the one value that differs with a JSON patch"),
            );
        }
    }
    None
}

fn finding(place: Place, base: Place, lost: String) -> Finding {
    Finding::new(&LIST_REPLACED, place, format!("this list replaces that of the base: {lost}"))
        .related(base, "what is replaced")
}

/// A container without its image.
fn containers(
    base: &Object<'_>,
    patch: &Node,
    path: &[&str],
    place: &dyn Fn(&Node) -> Place,
) -> Option<Finding> {
    let (olds, news) = (list(&base.document.node, path), list(patch, path));
    let (old, new) = news.iter().find_map(|new| {
        let name = new.get("name").and_then(Node::as_str)?;
        let old = olds.iter().find(|old| old.get("name").and_then(Node::as_str) == Some(name))?;
        (old.get("image").is_some() && new.get("image").is_none()).then_some((old, new))
    })?;
    let name = new.get("name").and_then(Node::as_str).unwrap_or_default().escape_debug().to_string();
    let others = olds.len().saturating_sub(news.len());
    let more = if others > 0 { ", and other containers are gone" } else { "" };
    let kind = base.kind();
    Some(
        finding(place(new), base.place(old), format!("the container `{name}` loses its `image`{more}"))
            .why(format!("kustomize merges the containers of a Deployment by name, and not those of a {kind}, whose fields it does not know: no pod can be made"))
            .help("use a JSON patch for the one value, or tell kustomize of the kind with `openapi: {path: …}`"),
    )
}

/// A container that the base does not have, and that comes without an image: a misspelt name.
fn added(
    built: &Built<'_, '_>,
    base: &Object<'_>,
    patch: &Node,
    place: &dyn Fn(&Node) -> Place,
) -> Option<Finding> {
    let path = ["spec", "template", "spec", "containers"];
    let name = |container: &Node| container.get("name").and_then(Node::as_str).map(str::to_string);
    let olds: Vec<String> = list(&base.document.node, &path).iter().filter_map(name).collect();
    // Another patch may bring the container.
    let patches = |one: &&Object<'_>| -> usize {
        let lists = ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter();
        lists.map(|key| one.at(&[key]).map_or(0, |list| list.items().len())).sum()
    };
    let is_only = built.kustomizations.iter().map(patches).sum::<usize>() == 1;
    let is_open = |name: &String| has_variable(name) || name.contains("{{");
    if olds.is_empty() || olds.iter().any(is_open) {
        return None;
    }
    let new = list(patch, &path).iter().find(|new| {
        new.get("image").is_none()
            && new.get("$patch").is_none()
            && name(new).is_some_and(|name| !is_open(&name) && !olds.contains(&name))
    })?;
    let wanted = name(new)?;
    let near = nearest(&wanted, olds.iter().map(String::as_str));
    if !is_only && near.is_none() {
        return None;
    }
    let told: Vec<String> = olds.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "the {} `{}` has no container `{}`: there is {}",
        base.kind(),
        base.document.name(),
        wanted.escape_debug(),
        told.join(", ")
    );
    let mut finding = Finding::new(&PATCH_TARGET, place(new.get("name")?), message)
        .related(base.name_place(), "the object as it is written")
        .why("kustomize adds it as a further container, without an image, and the API server refuses the object: what the patch says reaches no pod")
        .help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write the name of a container of the base".to_string(),
        });
    if !is_only {
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

/// A metric whose target has no type.
fn metrics(base: &Object<'_>, patch: &Node, place: &dyn Fn(&Node) -> Place) -> Option<Finding> {
    let (olds, news) = (list(&base.document.node, &["spec", "metrics"]), list(patch, &["spec", "metrics"]));
    let old = olds.first()?;
    let new = news.iter().find(|new| {
        let source =
            new.entries().iter().find(|entry| entry.key != "type" && !entry.node.entries().is_empty());
        let target = source.and_then(|source| source.node.get("target"));
        new.get("type").is_none() || target.is_some_and(|target| target.get("type").is_none())
    })?;
    let lost = if new.get("type").is_none() { "the metric" } else { "its target" };
    Some(
        finding(place(new), base.place(old), format!("{lost} has no `type`"))
            .why("kustomize does not merge metrics: what the patch does not repeat is gone, and the API server refuses the object")
            .help("repeat the whole metric, or patch the one value: `- {op: replace, path: /spec/metrics/0/resource/target/averageUtilization, value: …}`"),
    )
}

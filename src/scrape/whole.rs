//! Whether the files are all that is applied: no chart, no folder of somebody else and no generator brings more objects.

use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// Whether nothing here brings objects, or labels for them, that do not stand in these files.
pub fn is_all(inventory: &Inventory<'_>) -> bool {
    !inventory.objects.iter().any(|object| brings_more(object, inventory))
}

fn brings_more(object: &Object<'_>, inventory: &Inventory<'_>) -> bool {
    let has = |key: &str| object.at(&[key]).is_some_and(|node| !node.items().is_empty());
    let name = object.path.rsplit('/').next().unwrap_or_default();
    if matches!(name, "Chart.yaml" | "Chart.yml" | "helmfile.yaml" | "helmfile.yml") {
        return true;
    }
    match (object.kind(), object.group()) {
        // A Canary of Flagger has Services of its own.
        (
            "HelmRelease" | "HelmChart" | "ApplicationSet" | "ResourceSet" | "Canary" | "GitRepository"
            | "OCIRepository",
            _,
        ) => true,
        ("Application", "argoproj.io") => is_of_others(object, inventory),
        ("Kustomization", "kustomize.toolkit.fluxcd.io") => {
            object.at(&["spec", "commonMetadata"]).is_some()
                || object.at(&["spec", "postBuild"]).is_some()
                || !is_folder_here(object.text(&["spec", "path"]), inventory)
        }
        (_, group) if group == "kustomize.config.k8s.io" || name.starts_with("kustomization.") => {
            let lists = ["resources", "bases", "components"].into_iter();
            let mut paths = lists.flat_map(|key| object.at(&[key]).map(Node::items).unwrap_or_default());
            let is_remote = |path: &str| {
                path.contains("://")
                    || path.contains("?ref=")
                    || path.contains("github.com")
                    || has_variable(path)
            };
            ["generators", "transformers", "helmCharts"].into_iter().any(has)
                || object.at(&["helmChartInflationGenerator"]).is_some()
                || paths.any(|node| node.as_str().is_none_or(is_remote))
        }
        _ => false,
    }
}

/// Whether an Application of Argo CD applies something other than a plain folder of these files.
fn is_of_others(object: &Object<'_>, inventory: &Inventory<'_>) -> bool {
    if object.at(&["spec", "sources"]).is_some() {
        return true;
    }
    let Some(source) = object.at(&["spec", "source"]) else { return true };
    ["chart", "helm", "kustomize", "plugin", "directory"].iter().any(|key| source.get(key).is_some())
        || !is_folder_here(source.get("path").and_then(Node::as_str), inventory)
}

fn is_folder_here(path: Option<&str>, inventory: &Inventory<'_>) -> bool {
    let Some(path) = path.map(|path| path.trim_start_matches("./").trim_end_matches('/')) else {
        return false;
    };
    let below = format!("{path}/");
    !has_variable(path)
        && inventory
            .objects
            .iter()
            .any(|object| object.path.starts_with(&below) || object.path.contains(&format!("/{below}")))
}

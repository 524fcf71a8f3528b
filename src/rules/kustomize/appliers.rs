//! What applies the folders of a repository: Kustomizations of Flux and Applications of Argo CD, and the folders that they
//! name.
//!
//! Sources: fluxcd/kustomize-controller internal/controller/kustomization_controller.go ("kustomization path not found");
//! argoproj/argo-cd reposerver/repository/repository.go ("app path does not exist").

use super::MISSING_FILE;
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Sources;

/// One source of an applier.
pub(super) struct Applier<'i> {
    pub object: &'i Object<'i>,
    pub path_node: &'i Node,
    /// The folder, as the repository has it, without `./`.
    pub path: String,
    /// What says that two of them read one repository.
    source: String,
    pub is_flux: bool,
}

pub(super) fn all<'i>(inventory: &'i Inventory<'i>) -> Vec<Applier<'i>> {
    let flux = inventory
        .kind("Kustomization")
        .filter(|object| object.group() == "kustomize.toolkit.fluxcd.io")
        .filter_map(|object| {
            let reference = object.at(&["spec", "sourceRef"])?;
            let text = |key: &str| reference.get(key).and_then(Node::as_str);
            let name = text("name").filter(|_| text("kind") == Some("GitRepository"))?;
            let source =
                format!("{name} {}", text("namespace").or(object.namespace.as_deref()).unwrap_or_default());
            Applier::new(object, object.at(&["spec", "path"])?, source, true)
        });
    let argo =
        inventory.kind("Application").filter(|object| object.group() == "argoproj.io").filter_map(|object| {
            let source = object.at(&["spec", "source"])?;
            let text = |key: &str| source.get(key).and_then(Node::as_str);
            let repository = text("repoURL").filter(|_| text("chart").is_none())?;
            let revision = text("targetRevision").unwrap_or("HEAD");
            let source_of =
                format!("{} {revision}", repository.trim_end_matches('/').trim_end_matches(".git"));
            Applier::new(object, source.get("path")?, source_of, false)
        });
    flux.chain(argo).collect()
}

impl<'i> Applier<'i> {
    fn new(object: &'i Object<'i>, path_node: &'i Node, source: String, is_flux: bool) -> Option<Self> {
        let path =
            path_node.as_str().filter(|path| !has_variable(path) && !path.contains(['{', '<', '*']))?;
        let path = path.trim_start_matches("./").trim_matches('/').to_string();
        (!path.split('/').any(|part| part == "..")).then_some(Applier {
            object,
            path_node,
            path,
            source,
            is_flux,
        })
    }

    /// Where the folder is, as the sources have it; the repository may be looked at from above.
    pub fn located(&self, sources: &Sources) -> Option<String> {
        let inner = format!("/{}/", self.path);
        let found = sources.iter().filter_map(|(_, source)| {
            let path = format!("/{}", source.name);
            path.find(&inner).map(|at| path[1..(at + inner.len()).max(2) - 1].to_string())
        });
        found.min_by_key(|folder| folder.matches('/').count())
    }
}

pub(super) fn check(sources: &Sources, appliers: &[Applier<'_>], exists: fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in appliers.iter().filter(|one| !matches!(one.path.as_str(), "" | ".")) {
        if one.located(sources).is_some() {
            continue;
        }
        // Another one of the same repository says where its top is; without one it may be any repository.
        let tops = appliers.iter().filter(|other| other.source == one.source && other.path.contains('/'));
        let mut tops = tops.filter_map(|other| {
            let at = other.located(sources)?;
            Some(at.strip_suffix(other.path.as_str())?.to_string())
        });
        let Some(top) = tops.next() else { continue };
        if exists(&format!("{top}{}", one.path)) {
            continue;
        }
        // The name of the folder beside it that is nearly the same.
        let parent = one.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let start = if parent.is_empty() { top.clone() } else { format!("{top}{parent}/") };
        let mut beside: Vec<String> = sources
            .iter()
            .filter_map(|(_, source)| {
                source.name.strip_prefix(&start)?.split_once('/').map(|(name, _)| name.to_string())
            })
            .collect();
        beside.sort();
        beside.dedup();
        let last = one.path.rsplit('/').next().unwrap_or_default();
        let near = beside.iter().find(|name| last.starts_with(name.as_str()) || name.starts_with(last));
        let near = near.map(String::as_str).or_else(|| nearest(last, beside.iter().map(String::as_str)));
        let who = if one.is_flux { "Flux" } else { "Argo CD" };
        let mut finding = Finding::new(
            &MISSING_FILE,
            one.object.place(one.path_node),
            format!("there is no folder `{}` in this repository", one.path.escape_debug()),
        )
        .why(format!("{who} reports that the path is not there, and applies nothing of it"))
        .help(match near {
            Some(near) => format!("did you mean `{}`?", format!("{parent}/{near}").trim_start_matches('/')),
            None => "write the path from the top of the repository".to_string(),
        });
        // Another branch may have it.
        finding.severity = Severity::Warning;
        findings.push(finding);
    }
    findings
}

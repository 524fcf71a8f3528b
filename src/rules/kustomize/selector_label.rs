//! Labels that change with each release, written into selectors, which may not change.
//!
//! Sources: kubernetes-sigs/kustomize api/internal/konfig/builtinpluginconsts/commonlabels.go (selectors get them, too);
//! kubernetes/kubernetes pkg/registry/apps/deployment/strategy.go, ValidateUpdate (`spec.selector` is immutable).

use super::SELECTOR_LABEL;
use super::built::Builder;
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Entry, Node};

/// Words in the name of a label that say that it is another one with the next release.
const WORDS: [&str; 9] =
    ["version", "commit", "sha", "revision", "build", "tag", "timestamp", "date", "chart"];

pub(super) fn check<'o>(kustomization: &'o Object<'o>, builder: &Builder<'o, '_>) -> Option<Finding> {
    let common = kustomization.at(&["commonLabels"]).map(Node::entries).unwrap_or_default();
    let is_true =
        |node: &Node, key: &str| node.get(key).and_then(Node::as_written).as_deref() == Some("true");
    let lists = kustomization.at(&["labels"]).map(Node::items).unwrap_or_default();
    let of_selectors = lists.iter().filter(|list| is_true(list, "includeSelectors"));
    let pairs = of_selectors.flat_map(|list| list.get("pairs").map(Node::entries).unwrap_or_default());
    let entry = common.iter().chain(pairs).find(|entry| changes(entry))?;
    let built = builder.build(kustomization);
    let mut workloads = built.objects.iter().filter(|object| {
        matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            && !object.is_fragment
    });
    let workload = workloads.next()?;
    let is_common = common.iter().any(|one| std::ptr::eq(one, entry));
    let help = match is_common {
        true => {
            "write it under `labels`, with `includeTemplates: true` if the pods are to have it, and without `includeSelectors`"
        }
        false => "write `includeTemplates: true` instead of `includeSelectors: true`",
    };
    Some(
        Finding::new(
            &SELECTOR_LABEL,
            kustomization.place(&entry.node),
            format!("the label `{}` goes into the selectors, and changes with each release", entry.key.escape_debug()),
        )
        .related(workload.name_place(), format!("a {} whose selector gets it", workload.kind()))
        .why("the selector of a workload that is there cannot be changed: with the next value the API server refuses it (`field is immutable`), and it stays at the old version until somebody deletes it")
        .help(help),
    )
}

fn changes(entry: &Entry) -> bool {
    let name = entry.key.rsplit('/').next().unwrap_or(&entry.key).to_lowercase();
    let is_word = name.split(['-', '_', '.']).any(|word| WORDS.contains(&word));
    let value = entry.node.as_written().unwrap_or_default();
    // `v1` and `stable` are the names of tracks.
    let is_number = value.bytes().filter(u8::is_ascii_digit).count() > 1 || value.contains("${");
    is_word && is_number
}

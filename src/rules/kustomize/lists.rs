//! Components among `resources`, kustomizations among `components`, and other entries in lists where they do not belong.
//!
//! Source: kubernetes-sigs/kustomize api/internal/target/kusttarget.go, accumulateResources ("expected kind != 'Component'")
//! and accumulateComponents ("expected kind 'Component'").

use super::cycle::Folders;
use super::{REFUSED, WRONG_LIST, folder, is_local};
use crate::finding::Finding;
use crate::inventory::{Object, join};
use crate::manifest::Node;

pub(super) fn check(object: &Object<'_>, folders: &Folders<'_, '_>) -> Vec<Finding> {
    let named = |key: &'static str| {
        let nodes = object.at(&[key]).map(Node::items).unwrap_or_default().iter();
        nodes.filter_map(move |node| {
            let path = node.as_str().filter(|path| is_local(path))?;
            let inner = folders.get(join(folder(object.path), path).as_str())?;
            Some((node, path, *inner))
        })
    };
    let mut findings = Vec::new();
    for key in ["resources", "bases"] {
        for (node, path, inner) in named(key).filter(|(_, _, inner)| inner.kind() == "Component") {
            let message = format!("`{}` is a Component, and stands under `{key}`", path.escape_debug());
            findings.push(told(object, node, message, inner, "list it under `components`"));
        }
    }
    for (node, path, inner) in named("components").filter(|(_, _, inner)| inner.kind() != "Component") {
        let message = format!("`{}` is no Component, and stands under `components`", path.escape_debug());
        let help = "list it under `resources`; or write `kind: Component` there, with `apiVersion: kustomize.config.k8s.io/v1alpha1`";
        findings.push(told(object, node, message, inner, help));
    }
    findings.extend(as_resource(object));
    findings.extend(nameless(object));
    findings
}

/// A patch that is listed among the resources as well: there it is an object of its own.
fn as_resource(object: &Object<'_>) -> Option<Finding> {
    let items = |key: &str| object.at(&[key]).map(Node::items).unwrap_or_default();
    let patches = items("patches").iter().filter_map(|entry| entry.get("path"));
    let patches: Vec<&Node> = patches.chain(items("patchesStrategicMerge")).collect();
    let clean = |node: &Node| node.as_str().map(|path| join("", path));
    let (node, patch) = items("resources").iter().find_map(|node| {
        let path = clean(node)?;
        Some((node, *patches.iter().find(|patch| clean(patch).as_ref() == Some(&path))?))
    })?;
    Some(
        Finding::new(
            &WRONG_LIST,
            object.place(node),
            format!(
                "`{}` is a patch, and stands under `resources` too",
                node.as_str().unwrap_or_default().escape_debug()
            ),
        )
        .related(object.place(patch), "here it is a patch")
        .why(format!("among the resources it is a second object of the same name: {REFUSED}"))
        .help("take it out of `resources`"),
    )
}

/// A generator without a name.
///
/// Source: kubernetes-sigs/kustomize api/internal/generators/configmap.go ("a configmap must have a name").
fn nameless(object: &Object<'_>) -> Option<Finding> {
    let entries = ["configMapGenerator", "secretGenerator"].into_iter();
    let entry = entries
        .flat_map(|key| object.at(&[key]).map(Node::items).unwrap_or_default())
        .find(|entry| entry.get("name").is_none() && !entry.entries().is_empty())?;
    let mut finding = Finding::new(&WRONG_LIST, object.place(entry), "a generator without a `name`");
    finding = finding.why(format!("what it makes has to be called something: {REFUSED}"));
    Some(finding.help("write `name`, as the pods refer to it"))
}

fn told(object: &Object<'_>, node: &Node, message: String, inner: &Object<'_>, help: &str) -> Finding {
    let finding = Finding::new(&WRONG_LIST, object.place(node), message).why(REFUSED).help(help);
    match inner.at(&["kind"]) {
        Some(kind) => finding.related(inner.place(kind), "what it is"),
        None => finding,
    }
}

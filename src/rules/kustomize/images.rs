//! An entry of `images` for an image that nothing has which is built here.
//!
//! Source: kubernetes-sigs/kustomize api/internal/image/image.go, IsImageMatched (the whole name, with the registry) and
//! api/filters/imagetag (containers of any object); what fits nothing is passed over.

use super::PATCH_TARGET;
use super::built::{Builder, Built};
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

pub(super) fn check<'o>(kustomization: &'o Object<'o>, builder: &Builder<'o, '_>) -> Vec<Finding> {
    let entries = kustomization.at(&["images"]).map(Node::items).unwrap_or_default();
    if entries.is_empty() || kustomization.kind() == "Component" {
        return Vec::new();
    }
    let built = builder.build(kustomization);
    let Some(images) = images(&built).filter(|images| !images.is_empty()) else { return Vec::new() };
    entries.iter().filter_map(|entry| unmatched(kustomization, entry, &images)).collect()
}

/// The names of all images that are built; None: they cannot all be known.
fn images(built: &Built<'_, '_>) -> Option<Vec<String>> {
    // A patch may bring another image, and a configuration other fields.
    let is_changed = |object: &&&Object<'_>| {
        object.patched.iter().any(|path| path.iter().any(|key| key == "image" || key == "containers"))
    };
    const OPEN: [&str; 3] = ["configurations", "replacements", "vars"];
    let is_open = |one: &&Object<'_>| OPEN.iter().any(|key| one.at(&[key]).is_some());
    if !built.is_complete
        || !built.is_all_read
        || built.objects.iter().any(|object| is_changed(&object))
        || built.kustomizations.iter().any(is_open)
    {
        return None;
    }
    let mut all = Vec::new();
    for object in &built.objects {
        collect(&object.document.node, &mut all);
    }
    // What an inner one has renamed is called so here.
    for entry in built
        .kustomizations
        .iter()
        .skip(1)
        .flat_map(|one| one.at(&["images"]).map(Node::items).unwrap_or_default())
    {
        let names = ["name", "newName"].into_iter().filter_map(|key| entry.get(key)?.as_str());
        all.extend(names.map(str::to_string));
    }
    (!all.iter().any(|name| has_variable(name) || name.contains("{{"))).then_some(all)
}

fn collect(node: &Node, all: &mut Vec<String>) {
    for entry in node.entries() {
        if entry.key == "image"
            && let Some(image) = entry.node.as_str()
        {
            all.push(plain(image).to_string());
        }
        collect(&entry.node, all);
    }
    node.items().iter().for_each(|item| collect(item, all));
}

/// An image without tag and digest.
fn plain(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let at = image.rfind('/').map_or(0, |at| at + 1);
    image[at..].find(':').map_or(image, |colon| &image[..at + colon])
}

fn unmatched(kustomization: &Object<'_>, entry: &Node, images: &[String]) -> Option<Finding> {
    let node = entry.get("name")?;
    let name = node.as_str().filter(|name| !has_variable(name))?;
    // A name is a pattern.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/:".contains(&byte));
    if !is_plain || images.iter().any(|image| image == plain(name)) {
        return None;
    }
    let what = match (entry.get("newTag").or_else(|| entry.get("digest")), entry.get("newName")) {
        (Some(tag), _) => format!("`{}` is never set", tag.as_written().unwrap_or_default()),
        (None, Some(_)) => "the image is never renamed".to_string(),
        _ => return None,
    };
    let last = name.rsplit('/').next();
    let meant = images.iter().find(|image| image.rsplit('/').next() == last);
    let near = meant.map(String::as_str).or_else(|| nearest(name, images.iter().map(String::as_str)));
    let mut finding = Finding::new(
        &PATCH_TARGET,
        kustomization.place(node),
        format!("no container that is built here has the image `{name}`"),
    )
    .why(format!("kustomize compares the whole name, with the registry before it, and passes over what fits nothing: {what}"));
    // What was to be a short name for it would take the registry away.
    let renames = entry.get("newName").and_then(Node::as_str).filter(|new| *new == name);
    finding = match (near, renames) {
        (Some(near), Some(new)) => finding.help(format!(
            "write `name: {}`, and take `newName` out, or write all of it there: otherwise the image becomes `{new}`, without its registry",
            near.escape_debug()
        )),
        (Some(near), None) => finding.help(format!("write `name: {}`", near.escape_debug())),
        (None, _) => finding.help("write the name as the container has it, or take the entry out"),
    };
    finding.severity = Severity::Warning;
    Some(finding)
}

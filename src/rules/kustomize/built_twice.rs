//! An object that one build gets twice, from two files or by two ways from one.
//!
//! Source: kubernetes-sigs/kustomize api/resmap/reswrangler.go, Append ("may not add resource with an already registered
//! id"). Two files of one kustomization that say different things are told by `workload/applied-twice`.

use std::collections::HashMap;

use super::{BUILT_TWICE, REFUSED, folder, references};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object, join};
use crate::source::FileId;

/// What kustomize knows an object by.
type Id<'i> = (FileId, &'i str, &'i str, String, String);

pub(super) fn check<'i>(inventory: &'i Inventory<'_>, all: &[&'i Object<'_>]) -> Vec<Finding> {
    let by_file: HashMap<FileId, &Object<'_>> = all.iter().map(|one| (one.document.file, *one)).collect();
    let mut seen: HashMap<Id<'_>, &Object<'_>> = HashMap::new();
    let mut told: Vec<FileId> = Vec::new();
    let mut findings = Vec::new();
    let is_whole = |object: &&Object<'_>| !object.is_fragment && !object.document.name().is_empty();
    for object in inventory.objects.iter().filter(is_whole) {
        for (render, (namespace, name)) in object.renders.iter().zip(&object.names) {
            let Some(root) = render.root().filter(|_| !render.is_open && !render.is_deleted) else {
                continue;
            };
            let own = namespace.as_deref().or(object.document.namespace()).unwrap_or("default");
            let id = (root, object.kind(), object.group(), own.to_string(), name.clone());
            let Some(first) = seen.insert(id, object) else { continue };
            let is_one = std::ptr::eq(first, object);
            let is_told = !is_one
                && first.built_by.iter().any(|file| object.built_by.contains(file))
                && first.document.node.to_json() != object.document.node.to_json();
            if is_told || told.contains(&root) {
                continue;
            }
            told.push(root);
            let Some(outer) = by_file.get(&root) else { continue };
            findings.push(finding(outer, first, object));
        }
    }
    findings
}

fn finding(outer: &Object<'_>, first: &Object<'_>, object: &Object<'_>) -> Finding {
    let (kind, name) = (object.kind(), object.document.name());
    // The last line of the outermost one that leads to the object.
    let leads = |path: &str| object.path == path || object.path.starts_with(&format!("{path}/"));
    let lines: Vec<_> = references(outer).filter(|one| one.may_be_folder).collect();
    let target = |path: &str| join(folder(outer.path), path);
    // The file itself, beside a folder that builds it already.
    let direct = lines.iter().find(|one| target(one.path) == object.path).filter(|_| lines.len() > 1);
    let line = lines.iter().rev().find(|one| leads(&target(one.path))).or(lines.last());
    let line = direct.or(line);
    let place = line.map_or(outer.name_place(), |one| outer.place(one.node));
    let finding =
        Finding::new(&BUILT_TWICE, place, format!("the {kind} `{name}` comes into this build twice"))
            .related(first.name_place(), "the first")
            .why(format!("kustomize takes each object once: {REFUSED}"));
    match std::ptr::eq(first, object) {
        true if direct.is_some() => {
            finding.help("take this line out: the folder that is named beside it builds the file already")
        }
        true => finding.help("name the folder once; where two overlays of one base are to be built together, give each a `namePrefix` or `namespace` of its own"),
        false => finding
            .related(object.name_place(), "the second")
            .help("leave one of the two out; what is to change the first belongs under `patches`"),
    }
}

//! Objects that were taken out of a cluster and committed as they were.
//!
//! Source: kubernetes/kubernetes staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go, Update (a
//! `resourceVersion` or `uid` that is not the one of the object is a conflict).

use super::DUMPED;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::FileId;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let mut told: Option<FileId> = None;
    let is_applied =
        |object: &&Object<'_>| !object.is_fragment && !object.kind().is_empty() && !object.is_sample();
    for object in inventory.objects.iter().filter(is_applied) {
        let metadata = object.at(&["metadata"]).map(Node::entries).unwrap_or_default();
        let mark = metadata.iter().find(|entry| {
            let is_written =
                entry.node.as_written().is_some_and(|text| !text.is_empty() && !has_variable(&text));
            matches!(entry.key.as_str(), "resourceVersion" | "uid") && is_written
        });
        // Once in each file.
        let Some(mark) = mark.filter(|_| told != Some(object.document.file)) else { continue };
        told = Some(object.document.file);
        findings.push(
            Finding::new(
                &DUMPED,
                crate::source::Place::new(object.document.file, mark.key_span),
                format!("`{}` is that of the object in one cluster", mark.key),
            )
            .why("the object was taken out of a cluster as it was: where one of its name exists already, `kubectl apply` ends with a conflict, and nothing of it is changed")
            .help("remove `resourceVersion`, `uid`, `creationTimestamp`, `generation` and `status`, and a `clusterIP` that is not None"),
        );
    }
}

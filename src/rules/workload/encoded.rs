//! Values of Secrets under `data` that are no base64.
//!
//! Sources: kubernetes/api core/v1/types.go, Secret (`data` is a map of bytes); encoding/json of Go reads bytes as base64 by
//! the standard alphabet, line ends left out.

use super::SECRET_ENCODING;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node, has_variable};
use crate::rules::scaler::gap;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    for secret in inventory.kind("Secret").filter(|object| object.document.api_version() == "v1") {
        // What is encrypted in Git is decrypted on the way.
        if !secret.patched.is_empty() || secret.at(&["sops"]).is_some() {
            continue;
        }
        let entries = secret.at(&["data"]).map(Node::entries).unwrap_or_default();
        let wrong: Vec<&Entry> = entries.iter().filter(|entry| is_wrong(entry)).collect();
        if let Some(first) = wrong.first() {
            findings.push(told(secret, first, wrong.len()));
        }
    }
}

fn is_wrong(entry: &Entry) -> bool {
    let Some(text) = entry.node.as_str() else { return false };
    // Marks of tools that put the value in: Argo CD Vault Plugin, vals, 1Password, Bank-Vaults, SOPS.
    const MARKS: [&str; 7] = ["<path:", "ref+", "op://", "vault:", "ENC[", "AgA", "!vault"];
    let is_filled_in = MARKS.iter().any(|mark| text.starts_with(mark))
        || has_variable(text)
        || text.contains(['{', '(', '%'])
        || text.starts_with("__");
    let flat: String = text.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
    !is_filled_in && data_encoding::BASE64.decode(flat.as_bytes()).is_err()
}

fn told(secret: &Object<'_>, entry: &Entry, count: usize) -> Finding {
    // The value itself is not shown.
    let mut finding = Finding::new(
        &SECRET_ENCODING,
        secret.place(&entry.node),
        format!("`{}` under `data` is no base64", entry.key.escape_debug()),
    )
    .why("the API server refuses the Secret (\"illegal base64 data\"): the pods that need it do not start, and KEDA asks without it")
    .help("write the value as it is under `stringData`, or `echo -n … | base64` here");
    if count > 1 {
        finding = finding.label(format!("and {} more", count - 1));
    }
    let text = entry.node.as_str().unwrap_or_default();
    let says_so = text.to_lowercase().replace([' ', '-', '_'], "").contains("base64");
    if says_so || gap(text).is_some() {
        finding.severity = Severity::Note;
        finding = finding.why("somebody has to put the value in before this is applied: as it is, the API server refuses the Secret");
    }
    finding
}

//! Secrets for a trigger whose value ends with a line end: `echo` writes one, `echo -n` does not.
//!
//! Sources: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, resolveAuthSecret (the value is handed on as it is);
//! pkg/scalers/authentication/authentication_helpers.go (of a bearerToken the line end is taken off).

use super::CREDENTIALS;
use super::environment::source_container;
use super::given::target;
use crate::finding::{Finding, Severity};
use crate::inventory::{Behind, Inventory, Object};
use crate::manifest::Node;
use crate::source::Place;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let mut told: Vec<Place> = Vec::new();
    let mut push = |held: Option<Behind<'i>>, by: Place, what: &str, findings: &mut Vec<Finding>| {
        let told_here = held.and_then(|held| of(&held, by, what));
        findings.extend(told_here.filter(|finding| {
            let is_new = !told.contains(&finding.place);
            told.push(finding.place);
            is_new
        }));
    };
    for given in inventory.kind("TriggerAuthentication") {
        for item in given.at(&["spec", "secretTargetRef"]).map(Node::items).unwrap_or_default() {
            let text = |key: &str| item.get(key).and_then(Node::as_str);
            let (Some(parameter), Some(name), Some(key)) = (text("parameter"), text("name"), text("key"))
            else {
                continue;
            };
            if !["bearerToken", "ca", "cert", "key", "tls"].contains(&parameter) {
                push(inventory.held("Secret", name, key, given), given.place(item), parameter, findings);
            }
        }
    }
    let scalers = ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    for object in scalers.filter(|object| object.group() == "keda.sh") {
        let Some(workload) = target(inventory, object) else { continue };
        let Some(container) = source_container(object, workload) else { continue };
        for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
            for entry in trigger.get("metadata").map(Node::entries).unwrap_or_default() {
                let Some(parameter) = entry.key.strip_suffix("FromEnv") else { continue };
                let held = entry.node.as_str().and_then(|name| inventory.variable(workload, container, name));
                push(held, object.place(&entry.node), parameter, findings);
            }
        }
    }
}

fn of(held: &Behind<'_>, by: Place, parameter: &str) -> Option<Finding> {
    let object: &Object<'_> = held.object;
    if object.kind() != "Secret" || !object.patched.is_empty() {
        return None;
    }
    let written = held.node.as_str()?;
    let is_plain = object
        .at(&["stringData"])
        .is_some_and(|part| part.entries().iter().any(|entry| entry.node.span == held.node.span));
    let value = if is_plain {
        written.to_string()
    } else {
        String::from_utf8(data_encoding::BASE64.decode(written.trim().as_bytes()).ok()?).ok()?
    };
    let inner = value.trim_end_matches(['\n', '\r']);
    // Keys, certificates and what is written in JSON may end so.
    let is_text = inner.contains('\n') || inner.starts_with('{') || inner.contains("-----");
    if inner == value || inner.is_empty() || is_text {
        return None;
    }
    let help = if is_plain {
        "write the value on one line, or with `|-` instead of `|`"
    } else {
        "encode it without the line end, `echo -n … | base64`, or write it as it is under `stringData`"
    };
    let mut finding = Finding::new(&CREDENTIALS, object.place(held.node), "this value ends with a line end")
        .related(by, format!("KEDA takes it for `{}`", parameter.escape_debug()))
        .why("the line end is a part of the value, and KEDA hands it on: a password is another one, and an address cannot be read, for the pods as for KEDA")
        .help(help);
    finding.severity = Severity::Warning;
    Some(finding)
}

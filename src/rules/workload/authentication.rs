//! What a TriggerAuthentication gives, and what the Prometheus trigger needs.
//!
//! Sources: kedacore/keda pkg/scalers/authentication/authentication_types.go; pkg/scaling/resolver/scale_resolvers.go;
//! pkg/scalers/prometheus_scaler.go.

use super::{CREDENTIALS, authentication_namespace};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

/// What each mode needs; of a group one is enough.
const NEEDED: [(&str, &[&[&str]]); 4] = [
    ("bearer", &[&["bearerToken", "token"]]),
    ("basic", &[&["username"]]),
    ("tls", &[&["cert"], &["key"]]),
    ("custom", &[&["customAuthHeader"], &["customAuthValue"]]),
];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let Some(node) = trigger.at(&["authenticationRef", "name"]) else { continue };
        let Some(name) = node.as_str().filter(|name| !has_variable(name)) else { continue };
        let kind = trigger
            .at(&["authenticationRef", "kind"])
            .and_then(Node::as_str)
            .unwrap_or("TriggerAuthentication");
        let is_cluster = kind == "ClusterTriggerAuthentication";
        let found =
            if is_cluster { inventory.named(kind, name).next() } else { inventory.meant(kind, name, object) };
        let Some(given) = found else {
            if let Some(other) = inventory.named(kind, name).next() {
                findings.push(
                    Finding::new(
                        &CREDENTIALS,
                        object.place(node),
                        format!("the TriggerAuthentication `{name}` is in the namespace `{}`", other.namespace_text()),
                    )
                    .related(other.name_place(), "the one that is here")
                    .why("KEDA looks in the namespace of the ScaledObject, finds nothing, and asks without credentials")
                    .help("write it into the same namespace, or make it a ClusterTriggerAuthentication"),
                );
            } else if let Some(other) = kinds(kind).find_map(|kind| inventory.named(kind, name).next()) {
                findings.push(
                    Finding::new(&CREDENTIALS, object.place(node), format!("`{name}` is a {}", other.kind()))
                        .related(other.name_place(), "the one that is here")
                        .why("KEDA looks for a TriggerAuthentication unless `kind` says otherwise, finds nothing, and asks without credentials")
                        .help(format!("write `kind: {}` beside the name", other.kind())),
                );
            } else {
                missing(inventory, object, node, name, kind, findings);
            }
            continue;
        };
        if !is_cluster {
            let apart = authentication_namespace::check(inventory, object, given);
            // Several triggers may refer to the same one.
            findings.extend(apart.filter(|finding| !findings.contains(finding)));
        }
        findings.extend(super::given_twice::check(object, trigger, given, &parameters(given)));
        if trigger.get("type").and_then(Node::as_str) == Some("prometheus") {
            prometheus(object, trigger, node, given, findings);
        }
    }
}

fn kinds(not: &str) -> impl Iterator<Item = &'static str> {
    ["TriggerAuthentication", "ClusterTriggerAuthentication"].into_iter().filter(move |kind| *kind != not)
}

/// A name that no file here has. Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, resolveAuthRef: the error
/// is logged, and the scaler built without.
fn missing<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    node: &Node,
    name: &str,
    kind: &str,
    findings: &mut Vec<Finding>,
) {
    if object.is_fragment || name.contains("{{") {
        return;
    }
    let others: Vec<&str> = ["TriggerAuthentication", "ClusterTriggerAuthentication"]
        .into_iter()
        .filter(|known| *known == kind)
        .flat_map(|known| inventory.kind(known))
        .filter(|other| !other.is_fragment && (kind == "ClusterTriggerAuthentication" || other.meets(object)))
        .map(|other| other.name.as_str())
        .collect();
    let mut finding = Finding::new(
        &CREDENTIALS,
        object.place(node),
        format!("the {kind} `{}` is in none of the files", name.escape_debug()),
    )
    .why("if it is not in the cluster either, KEDA only logs it and asks without credentials");
    finding = match crate::finding::nearest(name, others.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("check the name, or add the object"),
    };
    finding.severity = if others.is_empty() { Severity::Note } else { Severity::Warning };
    findings.push(finding);
}

fn prometheus(
    object: &Object<'_>,
    trigger: &Node,
    name: &Node,
    given: &Object<'_>,
    findings: &mut Vec<Finding>,
) {
    let parameters = parameters(given);
    let has = |name: &str| parameters.iter().any(|parameter| parameter == name);
    let identity = given
        .at(&["spec", "podIdentity"])
        .filter(|node| node.get("provider").and_then(Node::as_str) != Some("none"));
    let modes = trigger.at(&["metadata", "authModes"]).or_else(|| trigger.at(&["metadata", "authMode"]));
    // Source: kedacore/keda pkg/scalers/prometheus_scaler.go: it knows nothing of OAuth 2.
    if let Some(oauth) = given.at(&["spec", "oauth2"])
        && parameters.is_empty()
        && identity.is_none()
    {
        findings.push(
            Finding::new(&CREDENTIALS, object.place(name), "the Prometheus scaler makes nothing of `oauth2`")
                .related(given.place(oauth), "all that is given")
                .why("KEDA asks without credentials: Prometheus answers 401, and nothing scales")
                .help("give a `bearerToken` and write `authModes: bearer`, or put a proxy in front that fetches tokens"),
        );
        return;
    }
    // Source: kedacore/keda pkg/scalers/authentication/authentication_helpers.go: a ca makes a transport of its own.
    let unsafe_ssl = trigger.at(&["metadata", "unsafeSsl"]);
    if let (Some(node), true, true) = (unsafe_ssl, has("ca"), modes.is_some())
        && matches!(node.as_written().as_deref(), Some("true" | "True" | "TRUE" | "t" | "T" | "1"))
    {
        let mut finding =
            Finding::new(&CREDENTIALS, object.place(node), "`unsafeSsl` beside a ca does nothing")
                .related(given.name_place(), "the ca stands here")
                .why("with a ca of its own KEDA checks the certificate of the server")
                .help("leave it out");
        finding.severity = Severity::Warning;
        findings.push(finding);
    }
    let Some(modes) = modes else {
        if identity.is_none() && !has("authModes") && !parameters.is_empty() {
            findings.push(
                Finding::new(&CREDENTIALS, object.place(name), "credentials that are never sent")
                    .related(given.name_place(), "they stand here")
                    .why("without `authModes` the Prometheus scaler sends none of them, and does not trust the ca either: Prometheus answers 401, and nothing scales")
                    .help("write `authModes: \"bearer\"`, or basic, tls, custom, in the metadata of the trigger"),
            );
        }
        return;
    };
    let text = modes.as_str().unwrap_or_default();
    if has_variable(text) || text.contains("{{") {
        return;
    }
    if identity.is_some() && !text.is_empty() {
        findings.push(
            Finding::new(&CREDENTIALS, object.place(modes), "`authModes` beside a podIdentity")
                .related(given.name_place(), "the identity stands here")
                .why("KEDA refuses both together: the ScaledObject is never ready, and nothing scales")
                .help("keep one of the two"),
        );
        return;
    }
    for mode in text.split(',').map(str::trim) {
        let Some((_, groups)) = NEEDED.iter().find(|(known, _)| *known == mode) else { continue };
        for group in groups.iter().filter(|group| !group.iter().any(|name| has(name))) {
            let mut finding = Finding::new(
                &CREDENTIALS,
                object.place(modes),
                format!("`authModes: {mode}` needs `{}`, and `{}` does not give it", group[0], given.name),
            )
            .related(given.name_place(), "what is given")
            .why("KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales")
            .help(format!("write an entry with `parameter: {}`", group[0]));
            if parameters.is_empty() {
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
        }
    }
}

/// Names of everything that a TriggerAuthentication gives, from whatever source.
pub(super) fn parameters(given: &Object<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut stack: Vec<&Node> = given.at(&["spec"]).into_iter().collect();
    while let Some(node) = stack.pop() {
        names.extend(node.get("parameter").and_then(Node::as_str).map(str::to_string));
        stack.extend(node.items());
        stack.extend(node.entries().iter().map(|entry| &entry.node));
    }
    names
}

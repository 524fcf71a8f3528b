//! References that kustomize leaves as they stand, while it changes the name that they mean.
//!
//! Sources: kubernetes-sigs/kustomize api/internal/konfig/builtinpluginconsts/namereference.go: the fields in which names
//! are followed, none of them in objects of KEDA or of Argo Rollouts; api/types/generatoroptions.go,
//! disableNameSuffixHash: what is generated has a hash of its content behind its name.

use super::NOT_RENAMED;
use super::built::{Builder, Built};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};

/// Keys by which a kustomization may teach which fields are names, or set them itself.
const TEACHING: [&str; 6] = ["configurations", "crds", "openapi", "replacements", "transformers", "vars"];

/// A name in an object, the kind of what it means, and the field of the `spec` in which it stands.
type Reference<'i> = (&'i Node, &'i str, &'static str);

pub(super) fn check<'o>(
    kustomization: &'o Object<'o>,
    builder: &Builder<'o, '_>,
    all: &[&'o Object<'o>],
) -> Vec<Finding> {
    let around = |key: &str| {
        let node = kustomization.at(&[key])?;
        node.as_str().filter(|text| !text.is_empty() && !has_variable(text)).map(|_| node)
    };
    let added =
        around("namePrefix").map(|node| (node, true)).or(around("nameSuffix").map(|node| (node, false)));
    let generated = generated(kustomization);
    if added.is_none() && generated.is_empty() {
        return Vec::new();
    }
    let built = builder.build(kustomization);
    let mut findings = Vec::new();
    for object in built.objects.iter().filter(|object| !object.is_fragment) {
        for (node, kind, field) in references(object) {
            // An overlay writes the field itself.
            if object.patched.iter().flatten().any(|key| key == field) {
                continue;
            }
            let Some(name) = node.as_str().filter(|name| !has_variable(name)) else { continue };
            let meant = |other: &&&Object<'_>| {
                !other.is_fragment && other.kind() == kind && other.document.name() == name
            };
            if let Some(other) = built.objects.iter().find(meant) {
                let Some((text, is_before)) = added else { continue };
                let extra = text.as_str().unwrap_or_default();
                let new = if is_before { format!("{extra}{name}") } else { format!("{name}{extra}") };
                findings.push(
                    Finding::new(
                        &NOT_RENAMED,
                        object.place(node),
                        format!("the {kind} `{name}` becomes `{new}`, and this reference stays"),
                    )
                    .related(kustomization.place(text), "gives it the other name")
                    .related(other.name_place(), "what is meant")
                    .why(format!("kustomize does not know that this field of a {} is a name: {}", object.kind(), lost(object, kind)))
                    .help("teach it by `configurations`: a `nameReference` of that kind with the path of this field; or patch the name in this overlay"),
                );
            } else if let Some((entry, _)) = generated.iter().find(|(_, own)| *own == (kind, name)) {
                findings.push(
                    Finding::new(
                        &NOT_RENAMED,
                        object.place(node),
                        format!("the {kind} `{name}` is generated with a hash behind its name, and this reference stays"),
                    )
                    .related(kustomization.place(entry), "generated here")
                    .why(format!("kustomize does not know that this field of a {} is a name: {}", object.kind(), lost(object, kind)))
                    .help("write `options: {disableNameSuffixHash: true}` beside the name of the generator, or teach kustomize the field by `configurations`"),
                );
            }
        }
    }
    if findings.is_empty() {
        return findings;
    }
    // Whatever is built around it may teach the field as well.
    let outer = all.iter().map(|other| builder.build(other));
    let outer: Vec<Built<'_, '_>> = outer
        .filter(|outer| outer.kustomizations.iter().any(|one| std::ptr::eq(*one, kustomization)))
        .collect();
    let teaches = |one: &&Object<'_>| {
        TEACHING
            .iter()
            .any(|key| one.at(&[key]).is_some_and(|node| !node.items().is_empty() || *key == "openapi"))
    };
    if outer.iter().any(|outer| outer.kustomizations.iter().any(teaches)) {
        return Vec::new();
    }
    if outer.iter().any(|outer| !outer.is_complete) {
        findings.iter_mut().for_each(|finding| finding.severity = Severity::Warning);
    }
    findings
}

/// What comes of a reference that means nothing.
fn lost(object: &Object<'_>, kind: &str) -> &'static str {
    match (object.kind(), kind) {
        ("TriggerAuthentication" | "ClusterTriggerAuthentication", _) => {
            "KEDA finds nothing of that name, takes it for an empty text, and has no credentials"
        }
        (_, "TriggerAuthentication" | "ClusterTriggerAuthentication") => {
            "KEDA finds no credentials of that name, and asks without"
        }
        ("HTTPScaledObject", "Service") => "the interceptor finds no Service of that name",
        (_, "Secret" | "ConfigMap") => "its pods wait for an object that is not there, and do not start",
        _ => "the autoscaler finds no target, and nothing scales",
    }
}

/// The names in an object that kustomize does not follow.
fn references<'i>(object: &Object<'i>) -> Vec<Reference<'i>> {
    let mut all: Vec<Reference<'i>> = Vec::new();
    let items = |path: &[&str]| object.at(path).map(Node::items).unwrap_or_default();
    let target = object.at(&["spec", "scaleTargetRef", "name"]);
    let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
    match (object.kind(), object.group()) {
        ("ScaledObject" | "ScaledJob", "keda.sh") => {
            all.extend(target.map(|node| (node, kind, "scaleTargetRef")));
            for reference in
                items(&["spec", "triggers"]).iter().filter_map(|trigger| trigger.get("authenticationRef"))
            {
                let kind = reference.get("kind").and_then(Node::as_str).unwrap_or("TriggerAuthentication");
                all.extend(reference.get("name").map(|node| (node, kind, "triggers")));
            }
            all.extend(in_template(object));
        }
        ("HTTPScaledObject", "http.keda.sh") => {
            all.extend(target.map(|node| (node, kind, "scaleTargetRef")));
            all.extend(
                object
                    .at(&["spec", "scaleTargetRef", "service"])
                    .map(|node| (node, "Service", "scaleTargetRef")),
            );
        }
        ("HorizontalPodAutoscaler", "autoscaling") if kind == "Rollout" => {
            all.extend(target.map(|node| (node, kind, "scaleTargetRef")));
        }
        ("TriggerAuthentication" | "ClusterTriggerAuthentication", "keda.sh") => {
            for (list, kind) in [("secretTargetRef", "Secret"), ("configMapTargetRef", "ConfigMap")] {
                let names = items(&["spec", list]).iter().filter_map(|item| item.get("name"));
                all.extend(names.map(|node| (node, kind, list)));
            }
        }
        ("Rollout", "argoproj.io") => all.extend(in_template(object)),
        _ => {}
    }
    all
}

/// ConfigMaps and Secrets of a pod template.
fn in_template<'i>(object: &Object<'i>) -> Vec<Reference<'i>> {
    let Some(spec) = object.pod_template().and_then(|template| template.get("spec")) else {
        return Vec::new();
    };
    let list = |node: &'i Node, key: &str| node.get(key).map(Node::items).unwrap_or_default().iter();
    let mut all: Vec<Reference<'i>> = Vec::new();
    let mut add =
        |node: Option<&'i Node>, kind: &'i str| all.extend(node.map(|node| (node, kind, "template")));
    for container in list(spec, "containers").chain(list(spec, "initContainers")) {
        for entry in list(container, "env") {
            add(entry.at(&["valueFrom", "secretKeyRef", "name"]), "Secret");
            add(entry.at(&["valueFrom", "configMapKeyRef", "name"]), "ConfigMap");
        }
        for source in list(container, "envFrom") {
            add(source.at(&["secretRef", "name"]), "Secret");
            add(source.at(&["configMapRef", "name"]), "ConfigMap");
        }
    }
    for volume in list(spec, "volumes") {
        add(volume.at(&["secret", "secretName"]), "Secret");
        add(volume.at(&["configMap", "name"]), "ConfigMap");
    }
    all
}

/// What a kustomization generates under a name with a hash.
fn generated<'i>(kustomization: &Object<'i>) -> Vec<(&'i Node, (&'static str, &'i str))> {
    let is_off = |node: Option<&Node>| {
        node.and_then(|options| options.get("disableNameSuffixHash")).and_then(Node::as_written).as_deref()
            == Some("true")
    };
    if is_off(kustomization.at(&["generatorOptions"])) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (key, kind) in [("secretGenerator", "Secret"), ("configMapGenerator", "ConfigMap")] {
        for entry in kustomization.at(&[key]).map(Node::items).unwrap_or_default() {
            // What is merged into another one is told there.
            let adds = matches!(entry.get("behavior").and_then(Node::as_str), None | Some("create"));
            let name = entry.get("name").filter(|_| adds && !is_off(entry.get("options")));
            if let Some((node, name)) = name.and_then(|node| Some((node, node.as_str()?))) {
                all.push((node, (kind, name)));
            }
        }
    }
    all
}

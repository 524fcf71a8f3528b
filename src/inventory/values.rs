//! The text behind a reference: a variable of a container, a key of a ConfigMap or of a Secret.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, ResolveContainerEnv and ResolveAuthRefAndPodIdentity.

use super::{Inventory, Object};
use crate::manifest::Node;

/// A text, and where it is written.
pub struct Behind<'i> {
    pub text: String,
    pub object: &'i Object<'i>,
    pub node: &'i Node,
}

impl<'i> Inventory<'i> {
    /// What a variable of a container holds; None where the files do not tell, or several tell otherwise.
    pub fn variable(
        &'i self,
        workload: &'i Object<'i>,
        container: &'i Node,
        name: &str,
    ) -> Option<Behind<'i>> {
        let is_it = |entry: &&'i Node| entry.get("name").and_then(Node::as_str) == Some(name);
        if let Some(entry) = container.get("env").map(Node::items).unwrap_or_default().iter().find(is_it) {
            if let Some(node) = entry.get("value") {
                return Some(Behind { text: node.as_str()?.to_string(), object: workload, node });
            }
            let [(kind, reference)] =
                references(entry.get("valueFrom")?, ["secretKeyRef", "configMapKeyRef"])[..]
            else {
                return None;
            };
            let key = reference.get("key")?.as_str()?;
            return self.held(kind, reference.get("name")?.as_str()?, key, workload);
        }
        // The last source that has the key counts.
        let sources = container.get("envFrom").map(Node::items).unwrap_or_default();
        sources.iter().rev().find_map(|source| {
            let prefix = source.get("prefix").and_then(Node::as_str).unwrap_or_default();
            let [(kind, reference)] = references(source, ["secretRef", "configMapRef"])[..] else {
                return None;
            };
            self.held(kind, reference.get("name")?.as_str()?, name.strip_prefix(prefix)?, workload)
        })
    }

    /// What a ConfigMap or a Secret holds under a key, as the pods of `by` read it.
    pub fn held(&'i self, kind: &'static str, name: &str, key: &str, by: &Object<'_>) -> Option<Behind<'i>> {
        let object = self.meant(kind, name, by)?;
        if let Some(node) = object.at(&["stringData", key]).filter(|_| kind == "Secret") {
            return Some(Behind { text: node.as_str()?.trim().to_string(), object, node });
        }
        let node = object.at(&["data", key])?;
        let written = node.as_str()?.trim();
        let text = if kind == "Secret" {
            String::from_utf8(data_encoding::BASE64.decode(written.as_bytes()).ok()?).ok()?.trim().to_string()
        } else {
            written.to_string()
        };
        Some(Behind { text, object, node })
    }
}

/// A variable of a container.
pub struct Variable<'i> {
    pub name: String,
    /// What it holds; None where the files do not tell.
    pub held: Option<Behind<'i>>,
}

/// The variables of the containers of a workload.
#[derive(Default)]
pub struct Environment<'i> {
    pub variables: Vec<Variable<'i>>,
    /// Whether there may be others: an overlay changes them, or a ConfigMap is not here. Secrets seldom are.
    pub is_open: bool,
}

impl<'i> Inventory<'i> {
    /// The variables of all containers of a workload, or of a ScaledJob, that run beside each other.
    pub fn environment(&'i self, workload: &'i Object<'i>) -> Environment<'i> {
        let is_changed =
            |path: &Vec<String>| path.iter().any(|key| matches!(key.as_str(), "env" | "envFrom"));
        let mut all = Environment { is_open: workload.patched.iter().any(is_changed), ..Default::default() };
        for container in workload.containers() {
            let from = all.variables.len();
            self.sources(workload, container, &mut all);
            for entry in container.get("env").map(Node::items).unwrap_or_default() {
                let Some(name) = entry.get("name").and_then(Node::as_str) else { continue };
                let mut held = self.variable(workload, container, name);
                if let Some(held) = &mut held {
                    expand(&mut held.text, &all.variables[from..]);
                }
                all.variables.push(Variable { name: name.to_string(), held });
            }
            // Of several of one name the last one counts.
            let mut own = all.variables.split_off(from);
            let is_last = |at: usize, name: &str| !own[at + 1..].iter().any(|other| other.name == name);
            let last: Vec<bool> = (0..own.len()).map(|at| is_last(at, &own[at].name)).collect();
            let mut last = last.into_iter();
            own.retain(|_| last.next() == Some(true));
            all.variables.extend(own);
        }
        all
    }

    /// What a container takes from whole ConfigMaps and Secrets.
    fn sources(&'i self, workload: &Object<'_>, container: &'i Node, all: &mut Environment<'i>) {
        for source in container.get("envFrom").map(Node::items).unwrap_or_default() {
            let prefix = source.get("prefix").and_then(Node::as_str).unwrap_or_default();
            let object = match references(source, ["secretRef", "configMapRef"])[..] {
                [(kind, reference)] => {
                    let name = reference.get("name").and_then(Node::as_str).unwrap_or_default();
                    self.meant(kind, name, workload).filter(|object| object.patched.is_empty())
                }
                _ => None,
            };
            let Some(object) = object else {
                all.is_open |= source.get("secretRef").is_none();
                continue;
            };
            let kind = if object.kind() == "Secret" { "Secret" } else { "ConfigMap" };
            for part in ["data", "stringData"] {
                for entry in object.at(&[part]).map(Node::entries).unwrap_or_default() {
                    all.variables.push(Variable {
                        name: format!("{prefix}{}", entry.key),
                        held: self.held(kind, object.document.name(), &entry.key, workload),
                    });
                }
            }
        }
    }
}

/// Puts in what `$(NAME)` stands for, as the kubelet does.
fn expand(text: &mut String, known: &[Variable<'_>]) {
    for variable in known.iter().rev() {
        let reference = format!("$({})", variable.name);
        if let Some(held) = variable.held.as_ref().filter(|_| text.contains(&reference)) {
            *text = text.replace(&reference, &held.text);
        }
    }
}

/// The kinds that a node refers to, by the keys for a Secret and for a ConfigMap.
fn references<'d>(node: &'d Node, [secret, config_map]: [&str; 2]) -> Vec<(&'static str, &'d Node)> {
    [("Secret", secret), ("ConfigMap", config_map)]
        .into_iter()
        .filter_map(|(kind, key)| Some((kind, node.get(key)?)))
        .collect()
}

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

/// The kinds that a node refers to, by the keys for a Secret and for a ConfigMap.
fn references<'d>(node: &'d Node, [secret, config_map]: [&str; 2]) -> Vec<(&'static str, &'d Node)> {
    [("Secret", secret), ("ConfigMap", config_map)]
        .into_iter()
        .filter_map(|(kind, key)| Some((kind, node.get(key)?)))
        .collect()
}

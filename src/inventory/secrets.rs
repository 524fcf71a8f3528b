//! Who makes a Secret or ConfigMap, and which keys it will have.
//!
//! Sources: bitnami-labs/sealed-secrets docs (a SealedSecret makes a Secret of its name and keys);
//! external-secrets/external-secrets pkg/controllers/externalsecret/externalsecret_controller_template.go, applyTemplate
//! (where the template has data, only these become keys, unless `mergePolicy` says `Merge`); apis/externalsecrets/v1,
//! ExternalSecretTarget (`creationPolicy`: `Merge` adds to a Secret of others, `None` makes nothing).

use super::{Inventory, Object};
use crate::manifest::Node;

/// Kinds of which a Secret comes.
const OF_SECRETS: [&str; 3] = ["Secret", "SealedSecret", "ExternalSecret"];

impl<'d> Inventory<'d> {
    /// The whole objects by which there is a ConfigMap or Secret of this name where `by` lives.
    pub fn makers<'s>(&'s self, kind: &str, name: &str, by: &Object<'_>) -> Vec<&'s Object<'d>> {
        let kinds: &[&str] = if kind == "Secret" { &OF_SECRETS } else { &["ConfigMap"] };
        let all = kinds.iter().flat_map(|kind| self.named(kind, name));
        all.filter(|object| object.meets(by) && object.makes_of_this(name)).collect()
    }

    /// Whether a kustomization generates keys for an object of this name, alone or into one that is there.
    pub fn is_generated(&self, kind: &str, name: &str) -> bool {
        let list = if kind == "Secret" { "secretGenerator" } else { "configMapGenerator" };
        let names = |object: &Object<'d>| {
            let entries = object.at(&[list]).map(Node::items).unwrap_or_default();
            entries.iter().any(|entry| entry.get("name").and_then(Node::as_str) == Some(name))
        };
        self.objects.iter().any(names)
    }
}

impl<'d> Object<'d> {
    /// The name of the Secret that an ExternalSecret makes, where it is another than its own.
    pub(super) fn target_name(&self) -> Option<&'d str> {
        self.text(&["spec", "target", "name"]).filter(|_| self.kind() == "ExternalSecret")
    }

    fn makes_of_this(&self, name: &str) -> bool {
        let is_none = self.text(&["spec", "target", "creationPolicy"]) == Some("None");
        self.kind() != "ExternalSecret"
            || !is_none && self.target_name().map_or_else(|| self.is_called(name), |target| target == name)
    }

    /// The keys of a ConfigMap or Secret, or those that a SealedSecret or ExternalSecret will give its Secret. Empty: they
    /// are not known.
    pub fn keys(&self) -> Vec<&'d str> {
        let parts = ["data", "stringData", "binaryData"].into_iter().filter_map(|part| self.at(&[part]));
        match self.kind() {
            "ExternalSecret" => self.external_keys().unwrap_or_default(),
            "SealedSecret" => parts.chain(self.at(&["spec", "encryptedData"])).flat_map(keys_of).collect(),
            _ => parts.flat_map(keys_of).collect(),
        }
    }

    fn external_keys(&self) -> Option<Vec<&'d str>> {
        let target = |key: &str| self.at(&["spec", "target", key]);
        let template = |key: &str| target("template").and_then(|template| template.get(key));
        let is_merged = target("creationPolicy").and_then(Node::as_str).is_some_and(|policy| {
            // Of any other policy nothing is known.
            !matches!(policy, "Owner" | "Orphan")
        });
        // With a manifest it is an object of another kind.
        if is_merged || target("manifest").is_some() || template("templateFrom").is_some() {
            return None;
        }
        let own = template("data").map(keys_of).into_iter().flatten();
        let own: Vec<&str> = own.collect();
        if !own.is_empty() && template("mergePolicy").is_none() {
            return Some(own);
        }
        let fetched = self.at(&["spec", "dataFrom"]).is_none_or(|list| list.items().is_empty());
        let items = self.at(&["spec", "data"]).filter(|_| fetched).map(Node::items)?;
        let items = items.iter().map(|item| item.get("secretKey").and_then(Node::as_str));
        items.chain(own.into_iter().map(Some)).collect()
    }
}

fn keys_of(node: &Node) -> impl Iterator<Item = &str> {
    node.entries().iter().map(|entry| entry.key.as_str())
}

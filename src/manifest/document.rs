use super::{Node, Value};
use crate::source::{FileId, Place, Placed};

/// One Kubernetes object.
#[derive(Clone, Debug)]
pub struct Document {
    pub file: FileId,
    pub node: Node,
}

impl Document {
    fn text(&self, path: &[&str]) -> Option<&str> {
        self.node.at(path).and_then(Node::as_str)
    }

    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"]).unwrap_or_default()
    }

    /// The `apiVersion` under which an object of KEDA is looked at: that of KEDA 1, or one that is misspelt, is told, and
    /// what else is wrong with the object comes to light at the same time. Jobs were a part of the ScaledObject once.
    pub fn meant_version(&self) -> &str {
        const KEDA: [&str; 4] =
            ["ScaledObject", "ScaledJob", "TriggerAuthentication", "ClusterTriggerAuthentication"];
        let written = self.api_version();
        let is_near = match written {
            "" => ["metadata", "spec"].iter().all(|key| self.node.get(key).is_some()),
            _ => ["keda.sh", "keda.k8s.io"].iter().any(|group| {
                written.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        };
        let is_old_job = self.text(&["spec", "scaleType"]) == Some("job");
        if is_near && !is_old_job && KEDA.contains(&self.kind()) { "keda.sh/v1alpha1" } else { written }
    }

    /// What KEDA 1 called otherwise, under today's name.
    ///
    /// Source: kedacore/keda-docs content/docs/migration.md: `scaleTargetRef.deploymentName` became `name`.
    pub fn modernize(&mut self) {
        if self.kind() != "ScaledObject" || !self.api_version().starts_with("keda.k8s.io/") {
            return;
        }
        let spec = within(&mut self.node, "spec");
        let target = spec.and_then(|spec| within(spec, "scaleTargetRef"));
        let Some(Value::Mapping(entries)) = target.map(|node| &mut node.value) else { return };
        if entries.iter().any(|entry| entry.key == "name") {
            return;
        }
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key == "deploymentName") {
            entry.key = "name".to_string();
        }
    }

    pub fn kind(&self) -> &str {
        self.text(&["kind"]).unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }

    /// None: the namespace that it is applied to.
    pub fn namespace(&self) -> Option<&str> {
        self.text(&["metadata", "namespace"])
    }

    pub fn place(&self, node: &Node) -> Place {
        Place::new(self.file, node.span)
    }

    /// The name of the object, or its beginning.
    pub fn name_place(&self) -> Place {
        let name = self.node.at(&["metadata", "name"]);
        self.place(name.unwrap_or(&self.node))
    }

    pub fn placed_text(&self, path: &[&str]) -> Option<Placed<&str>> {
        let node = self.node.at(path)?;
        Some(Placed::new(node.as_str()?, self.place(node)))
    }

    /// The object itself, or the objects of a `List`.
    pub(super) fn expand(self) -> Vec<Document> {
        let is_list = self.kind().ends_with("List") && self.node.get("items").is_some();
        if !is_list {
            return vec![self];
        }
        let items = self.node.get("items").map(Node::items).unwrap_or_default();
        items.iter().map(|item| Document { file: self.file, node: item.clone() }).collect()
    }
}

fn within<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Value::Mapping(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
}

use super::Node;
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

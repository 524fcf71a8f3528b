//! One object in one overlay: how the overlay comes to it, and the numbers that stand in it there.

use super::Object;
use crate::source::{FileId, Place};

/// An overlay that an object is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Render {
    /// The kustomizations that lead to the object, the outermost first.
    pub way: Vec<FileId>,
    /// Objects are changed by means that are not followed.
    pub is_open: bool,
    pub is_deleted: bool,
    /// Paths that a patch changes of which it cannot be told whether it is for this object.
    pub hidden: Vec<Vec<String>>,
}

impl Render {
    /// The kustomization that is built.
    pub fn root(&self) -> Option<FileId> {
        self.way.first().copied()
    }
}

/// A number of `spec` as it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// None: it is not written.
    pub text: Option<String>,
    /// Where it is decided; None: by the default.
    pub place: Option<Place>,
    /// Whether the overlay decides it.
    pub is_changed: bool,
}

impl Number {
    /// The number; `default` where none is written. None: what is written is no number yet.
    pub fn or(&self, default: i64) -> Option<i64> {
        self.text.as_ref().map_or(Some(default), |text| text.parse().ok())
    }
}

impl Object<'_> {
    /// The number of that overlay of `renders` which is built from the kustomization, where it holds the object once.
    pub fn rendered_by(&self, root: FileId) -> Option<usize> {
        let mut all = self.renders.iter().enumerate().filter(|(_, render)| render.root() == Some(root));
        let (at, render) = all.next().filter(|_| all.next().is_none())?;
        (!render.is_open && !render.is_deleted).then_some(at)
    }

    /// `spec.replicas`, a bound or a budget in one overlay, or, without one, as it is written. None: it cannot be told.
    pub fn number(&self, render: Option<usize>, key: &str) -> Option<Number> {
        let is_it =
            |path: &Vec<String>| matches!(path.as_slice(), [spec, last] if spec == "spec" && last == key);
        let hidden = render.and_then(|at| self.renders.get(at)).map(|render| render.hidden.as_slice());
        if hidden.unwrap_or_default().iter().any(is_it) {
            return None;
        }
        let change = match render {
            Some(at) if key == "replicas" => self.replicas.get(at).and_then(Option::as_ref),
            Some(at) => {
                let all = self.bounds.get(at).map(Vec::as_slice).unwrap_or_default();
                all.iter().find(|(changed, _)| *changed == key).map(|(_, change)| change)
            }
            None => None,
        };
        Some(match (change, self.at(&["spec", key])) {
            (Some(change), _) => {
                Number { text: change.number.clone(), place: Some(change.place), is_changed: true }
            }
            (None, Some(node)) => {
                Number { text: node.as_written(), place: Some(self.place(node)), is_changed: false }
            }
            (None, None) => Number { text: None, place: None, is_changed: false },
        })
    }
}

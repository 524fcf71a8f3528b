use super::kustomize::Overlays;
use super::render::Render;
use super::{ReplicaChange, choice};
use crate::manifest::{Document, Node};
use crate::source::{FileId, Place, Placed, Sources};

/// One object, under the name and in the namespace in which it will be applied.
#[derive(Clone, Debug)]
pub struct Object<'d> {
    pub document: &'d Document,
    kind: &'d str,
    group: &'d str,
    /// The file that it stands in.
    pub path: &'d str,
    /// The text of all that file, for what is said in comments.
    pub source: &'d str,
    /// With prefix and suffix of the overlay around it.
    pub name: String,
    /// None: whatever it is applied to; or several overlays disagree.
    pub namespace: Option<String>,
    /// Labels that an overlay adds.
    pub added_labels: Vec<(String, String)>,
    /// Those among them that the pods of a workload get as well, and selectors.
    pub added_pod_labels: Vec<(String, String)>,
    /// Annotations that overlays add to all objects.
    pub added_annotations: Vec<(String, String)>,
    /// Annotations that overlays add to the pods of a workload.
    pub added_pod_annotations: Vec<(String, String)>,
    /// What each overlay makes of the number of replicas; None: it leaves it alone.
    pub replicas: Vec<Option<ReplicaChange>>,
    /// The namespace and the name that each overlay gives it, in the order of `replicas`.
    pub names: Vec<(Option<String>, String)>,
    /// What each overlay makes of the range of an autoscaler, or of what a budget keeps.
    pub bounds: Vec<Vec<(&'static str, ReplicaChange)>>,
    /// The overlays themselves, in the same order.
    pub renders: Vec<Render>,
    /// Whether some kustomization names its file.
    pub is_built: bool,
    /// The kustomizations that name its file.
    pub built_by: Vec<FileId>,
    /// What overlays change in it, as paths of keys without numbers of items.
    pub patched: Vec<Vec<String>>,
    /// A patch, or something else that is not an object for itself.
    pub is_fragment: bool,
    /// One of several ways, of which one is applied: its file or a comment says so.
    pub is_a_choice: bool,
}

impl<'d> Object<'d> {
    pub(super) fn new(sources: &'d Sources, document: &'d Document, overlays: &Overlays) -> Self {
        let overlay = overlays.of(document.file);
        let file = sources.get(document.file);
        let name = document.name();
        let is_patch = document.node.entries().iter().any(|entry| entry.key == "$patch");
        let nameless = name.is_empty() && document.node.at(&["metadata", "generateName"]).is_none();
        let [labels, pod_labels, pod_annotations] = overlays.added(document, name);
        let of_all = overlay.labels.iter().map(|label| label.pair.clone());
        let of_pods = overlay.labels.iter().filter(|label| label.is_for_pods).map(|label| label.pair.clone());
        Object {
            document,
            kind: document.kind(),
            group: group(document.meant_version()),
            path: &file.name,
            source: &file.text,
            name: format!("{}{name}{}", overlay.prefix, overlay.suffix),
            namespace: overlay.namespace.clone().or_else(|| document.namespace().map(str::to_string)),
            added_labels: of_all.chain(labels).collect(),
            added_pod_labels: of_pods.chain(pod_labels).collect(),
            added_annotations: overlay.annotations.clone(),
            added_pod_annotations: overlay.annotations.iter().cloned().chain(pod_annotations).collect(),
            replicas: overlays.replicas(document, name),
            names: overlays.names(document, name),
            bounds: overlays.bounds(document, name),
            renders: overlays.renders(document, name),
            is_built: !overlays.builders(document.file).is_empty(),
            built_by: overlays.builders(document.file),
            patched: overlays.patched(document, name),
            is_fragment: overlay.is_patch
                || overlays.deletes(document, name)
                || is_patch
                || nameless
                || is_called_patch(&file.name),
            is_a_choice: choice::is_a_choice(&file.name, &file.text, document.node.span),
        }
    }

    pub fn kind(&self) -> &'d str {
        self.kind
    }

    /// The group of the `apiVersion` that is meant; the groups that Deployments once had count as today's.
    pub fn group(&self) -> &'d str {
        self.group
    }

    pub fn at(&self, path: &[&str]) -> Option<&'d Node> {
        self.document.node.at(path)
    }

    pub fn text(&self, path: &[&str]) -> Option<&'d str> {
        self.at(path).and_then(Node::as_str)
    }

    /// An integer, where it is written as one.
    pub fn integer(&self, path: &[&str]) -> Option<i64> {
        let text = self.at(path).and_then(Node::as_written)?;
        // `10.0` and `1e1` are integers to the API server.
        let whole = || text.parse::<f64>().ok().filter(|value| value.fract() == 0.0 && value.abs() < 1e15);
        text.parse().ok().or_else(|| whole().map(|value| value as i64))
    }

    pub fn place(&self, node: &Node) -> Place {
        self.document.place(node)
    }

    /// The line in which a node stands, with its comment.
    pub fn line_of(&self, node: &Node) -> &'d str {
        let start = node.span.range().start;
        let from = self.source.get(..start).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        self.source.get(from..).and_then(|text| text.lines().next()).unwrap_or_default()
    }

    pub fn name_place(&self) -> Place {
        self.document.name_place()
    }

    /// Whether both can be in one namespace: where one is left open, it can.
    pub fn meets(&self, other: &Object<'_>) -> bool {
        match (&self.namespace, &other.namespace) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        }
    }

    /// How near the files of two objects are: the number of folders that they share, and one file is nearest.
    pub fn nearness(&self, other: &Object<'_>) -> usize {
        if self.path == other.path {
            return usize::MAX;
        }
        let folders = |path: &'d str| path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (mine, theirs) =
            (folders(self.path), other.path.rsplit_once('/').map_or("", |(folder, _)| folder));
        if mine == theirs {
            return usize::MAX - 1;
        }
        mine.split('/').zip(theirs.split('/')).take_while(|(one, two)| one == two).count()
    }

    /// Whether both stand in one file or one folder.
    pub fn is_beside(&self, other: &Object<'_>) -> bool {
        self.nearness(other) >= usize::MAX - 1
    }

    /// Whether its file is an example of another version, or one that tests read: nobody applies it, and what is wrong
    /// in it is so on purpose.
    pub fn is_sample(&self) -> bool {
        self.path.split('/').any(|folder| matches!(folder, "testdata" | "versioned_docs"))
            || self.path.starts_with("test/resources/")
            || self.path.contains("/test/resources/")
    }

    /// Whether it is a workload that stands in for another one in tests, where the other object is not for the tests.
    pub fn is_for_tests_without(&self, other: &Object<'_>) -> bool {
        // `test` alone may be an environment.
        const FOLDERS: [&str; 6] = ["tests", "testdata", "test-data", "fixtures", "e2e", "__tests__"];
        let folders = |path: &'d str| path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let is_open = self.namespace.is_none() && other.namespace.is_some() && !self.is_built;
        let is_workload = ["Deployment", "StatefulSet", "ReplicaSet", "Rollout"].contains(&self.kind);
        let mut end = 0;
        is_workload
            && folders(self.path).split_inclusive('/').any(|part| {
                end += part.len();
                let folder = part.trim_end_matches('/');
                let holds = FOLDERS.contains(&folder) || is_open && folder == "test";
                holds && !other.path.starts_with(&self.path[..end])
            })
    }

    /// Whether both surely belong together: in one folder, or in the same namespace, written or open in both.
    pub fn belongs_to(&self, other: &Object<'_>) -> bool {
        self.is_beside(other) || self.namespace == other.namespace
    }

    /// Whether others refer to it by this name: prefixes and suffixes of overlays are added to references as well.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.document.name() == name
    }

    /// Whether it can live in this namespace; an empty one is any.
    pub fn may_be_in(&self, namespace: &str) -> bool {
        namespace.is_empty() || self.namespace.as_deref().is_none_or(|own| own == namespace)
    }

    pub fn placed_text(&self, path: &[&str]) -> Option<Placed<&'d str>> {
        self.document.placed_text(path)
    }

    /// The namespace in words.
    pub fn namespace_text(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    /// The alerts and records of a PrometheusRule, or of a plain file of rules.
    pub fn rules(&self) -> impl Iterator<Item = &'d Node> + use<'d> {
        let groups = self.at(&["spec", "groups"]).or_else(|| self.at(&["groups"]));
        let groups = groups.map(Node::items).unwrap_or_default();
        groups.iter().flat_map(|group| group.get("rules").map(Node::items).unwrap_or_default())
    }

    /// Its own labels, and those that an overlay adds.
    pub fn labels(&self) -> Vec<(String, String)> {
        let own = self.at(&["metadata", "labels"]).map(Node::pairs);
        let own = own.into_iter().flatten().map(|(name, value)| (name.to_string(), value));
        own.chain(self.added_labels.iter().cloned()).collect()
    }

    /// The template of the pods of a workload, or of the Jobs of a ScaledJob.
    pub fn pod_template(&self) -> Option<&'d Node> {
        match self.kind() {
            "ScaledJob" => self.at(&["spec", "jobTargetRef", "template"]),
            _ => self.at(&["spec", "template"]),
        }
    }

    /// The containers of its pods that run beside each other.
    pub fn containers(&self) -> &'d [Node] {
        let containers = self.pod_template().and_then(|template| template.at(&["spec", "containers"]));
        containers.map(Node::items).unwrap_or_default()
    }

    /// Labels of the pods of a workload, as they are applied.
    pub fn pod_labels(&self) -> Vec<(String, String)> {
        let template = self.at(&["spec", "template", "metadata", "labels"]).map(Node::pairs);
        let own = template.into_iter().flatten().map(|(name, value)| (name.to_string(), value));
        own.chain(self.added_pod_labels.iter().cloned()).collect()
    }
}

/// Patches are called so, also where the kustomization that names them is switched off or elsewhere.
fn is_called_patch(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name).to_lowercase();
    stem.split(['-', '_']).any(|word| matches!(word, "patch" | "patches"))
        || path.split('/').any(|folder| folder == "patches")
}

/// The API group of an `apiVersion`.
pub fn group(api_version: &str) -> &str {
    match api_version.split_once('/').map_or("", |(group, _)| group) {
        "extensions" => "apps",
        group => group,
    }
}

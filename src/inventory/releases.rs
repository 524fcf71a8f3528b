//! Charts that are released by an object, or by a helmfile: under which name, into which namespace, with which values.
//!
//! Sources: fluxcd/helm-controller api/v2/helmrelease_types.go, GetReleaseName; argoproj/argo-cd
//! pkg/apis/application/v1alpha1/types.go; k3s-io/helm-controller pkg/apis/helm.cattle.io/v1/types.go; helmfile/helmfile
//! docs/index.md (`releases`).

use super::{Inventory, Object, folder, join};
use crate::manifest::{Node, has_variable, read};
use crate::source::Place;

/// One release of a chart.
#[derive(Clone, Debug)]
pub struct Release {
    /// The chart, without its repository.
    pub chart: String,
    pub name: String,
    pub namespace: Option<String>,
    pub values: Vec<Node>,
    /// Whether values come from somewhere that is not here.
    pub is_open: bool,
    pub place: Place,
}

impl Release {
    /// A value that is written as a text or number; the last of several counts.
    pub fn value(&self, path: &[&str]) -> Option<String> {
        self.values.iter().rev().find_map(|values| values.at(path)).and_then(Node::as_written)
    }
}

fn known(text: Option<&str>) -> Option<String> {
    text.filter(|text| !has_variable(text) && !text.contains("{{")).map(str::to_string)
}

fn last(chart: &str) -> &str {
    chart.rsplit('/').next().unwrap_or(chart)
}

impl Inventory<'_> {
    /// All releases whose chart and name are written out.
    pub fn releases(&self) -> &[Release] {
        self.releases.get_or_init(|| self.find_releases())
    }

    fn find_releases(&self) -> Vec<Release> {
        let mut all = Vec::new();
        // A file without a kind is no object, and counts as a fragment of one.
        let is_whole = |object: &&Object<'_>| !object.is_fragment || object.kind().is_empty();
        for object in self.objects.iter().filter(is_whole) {
            match object.kind() {
                "HelmRelease" => all.extend(of_flux(object)),
                "Application" => all.extend(of_argo(object)),
                "HelmChart" => all.extend(of_k3s(object)),
                "" => all.extend(self.of_helmfile(object)),
                _ => {}
            }
        }
        all
    }

    fn of_helmfile(&self, object: &Object<'_>) -> Vec<Release> {
        let name = object.path.rsplit('/').next().unwrap_or_default();
        if !name.contains("helmfile") {
            return Vec::new();
        }
        let items = object.at(&["releases"]).map(Node::items).unwrap_or_default();
        let one = |item: &Node| {
            let text = |key: &str| item.get(key).and_then(Node::as_str);
            let mut release = Release {
                chart: last(&known(text("chart"))?).to_string(),
                name: known(text("name"))?,
                namespace: known(text("namespace")),
                values: Vec::new(),
                is_open: ["set", "secrets", "inherit"].iter().any(|key| item.get(key).is_some()),
                place: object.place(item.get("name")?),
            };
            for values in item.get("values").map(Node::items).unwrap_or_default() {
                match values.as_str() {
                    None => release.values.push(values.clone()),
                    Some(path) => {
                        let path = join(folder(object.path), path);
                        match self.objects.iter().find(|other| other.path == path) {
                            Some(file) => release.values.push(file.document.node.clone()),
                            None => release.is_open = true,
                        }
                    }
                }
            }
            Some(release)
        };
        items.iter().filter_map(one).collect()
    }
}

fn of_flux(object: &Object<'_>) -> Option<Release> {
    let text = |path: &[&str]| object.text(path);
    let target = known(text(&["spec", "targetNamespace"]));
    let default = target.as_ref().map_or(object.name.clone(), |target| format!("{target}-{}", object.name));
    Some(Release {
        chart: known(text(&["spec", "chart", "spec", "chart"]))?,
        name: known(Some(text(&["spec", "releaseName"]).unwrap_or(&default)))?,
        namespace: target.or_else(|| object.namespace.clone()),
        values: object.at(&["spec", "values"]).cloned().into_iter().collect(),
        is_open: object.at(&["spec", "valuesFrom"]).is_some() || !object.patched.is_empty(),
        place: object.name_place(),
    })
}

fn of_argo(object: &Object<'_>) -> Vec<Release> {
    let sources = object.at(&["spec", "sources"]).map(Node::items).unwrap_or_default();
    let all = object.at(&["spec", "source"]).into_iter().chain(sources);
    let one = |source: &Node| {
        let helm = source.get("helm");
        let of = |key: &str| helm.and_then(|helm| helm.get(key));
        let written = of("values").and_then(Node::as_str);
        let read = written.map(|text| read(object.document.file, text));
        let inner = read.iter().filter(|reading| reading.findings.is_empty());
        let inner = inner.flat_map(|reading| reading.documents.first()).map(|document| document.node.clone());
        let name = of("releaseName").and_then(Node::as_str).unwrap_or(&object.name);
        Some(Release {
            chart: last(&known(source.get("chart").and_then(Node::as_str))?).to_string(),
            name: known(Some(name))?,
            namespace: known(object.text(&["spec", "destination", "namespace"])),
            values: inner.chain(of("valuesObject").cloned()).collect(),
            is_open: of("valueFiles").is_some()
                || of("parameters").is_some()
                || read.as_ref().is_some_and(|reading| !reading.findings.is_empty())
                || !object.patched.is_empty(),
            place: object.name_place(),
        })
    };
    all.filter_map(one).collect()
}

fn of_k3s(object: &Object<'_>) -> Option<Release> {
    let written = object.text(&["spec", "valuesContent"]);
    let read = written.map(|text| read(object.document.file, text));
    let is_broken = read.as_ref().is_some_and(|reading| !reading.findings.is_empty());
    let inner = read.iter().flat_map(|reading| reading.documents.first());
    Some(Release {
        chart: last(&known(object.text(&["spec", "chart"]))?).to_string(),
        name: object.name.clone(),
        namespace: known(object.text(&["spec", "targetNamespace"])).or_else(|| object.namespace.clone()),
        values: inner.map(|document| document.node.clone()).collect(),
        // A HelmChartConfig may say otherwise.
        is_open: is_broken || object.at(&["spec", "set"]).is_some(),
        place: object.name_place(),
    })
}

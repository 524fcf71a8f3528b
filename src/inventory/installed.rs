//! Which KEDA the objects install: by its chart, or by the image of its operator.
//!
//! Sources: kedacore/charts keda/Chart.yaml (versions of the chart follow those of KEDA: 2.9.4 installs 2.9.3);
//! kedacore/keda config/manager/manager.yaml (ghcr.io/kedacore/keda).

use super::{Inventory, Object};
use crate::manifest::Node;

impl<'d> Inventory<'d> {
    /// The versions of KEDA, as they are written, of everything that installs one.
    pub fn installed_keda(&self) -> Vec<&str> {
        let of_kind = |kind: &'static str, by: for<'o> fn(&'o Object<'d>) -> Vec<&'o str>| {
            self.kind(kind).filter(|object| object.patched.is_empty()).flat_map(by)
        };
        let mut all: Vec<&str> = of_kind("Deployment", of_operator).collect();
        all.extend(of_kind("HelmRelease", |object| {
            object
                .at(&["spec", "chart", "spec"])
                .and_then(|chart| of_chart(chart, "version"))
                .into_iter()
                .collect()
        }));
        all.extend(of_kind("HelmChart", |object| {
            object.at(&["spec"]).and_then(|chart| of_chart(chart, "version")).into_iter().collect()
        }));
        all.extend(of_kind("Application", |object| {
            let several = object.at(&["spec", "sources"]).map(Node::items).unwrap_or_default();
            let sources = object.at(&["spec", "source"]).into_iter().chain(several);
            sources.filter_map(|source| of_chart(source, "targetRevision")).collect()
        }));
        let plain = self.objects.iter().filter(|object| object.kind().is_empty());
        let releases = plain.filter_map(|object| object.at(&["releases"])).flat_map(Node::items);
        all.extend(releases.filter_map(|release| of_chart(release, "version")));
        all
    }
}

fn of_chart<'n>(node: &'n Node, version: &str) -> Option<&'n str> {
    let chart = node.get("chart").and_then(Node::as_str)?;
    (chart.rsplit('/').next() == Some("keda")).then(|| node.get(version).and_then(Node::as_str))?
}

fn of_operator<'o>(object: &'o Object<'_>) -> Vec<&'o str> {
    let containers =
        object.at(&["spec", "template", "spec", "containers"]).map(Node::items).unwrap_or_default();
    let images = containers.iter().filter_map(|container| container.get("image").and_then(Node::as_str));
    images.filter_map(|image| Some(image.split_once("kedacore/keda:")?.1)).collect()
}

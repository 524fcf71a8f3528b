//! Charts of Prometheus that something other than an object installs: a step of a pipeline, a playbook, a helmfile, the
//! dependencies of a chart.
//!
//! Sources: prometheus-community/helm-charts charts/kube-prometheus-stack/values.yaml (no job for annotations);
//! charts/prometheus/values.yaml (jobs for annotations, and no operator).

use super::world::World;
use crate::source::{Place, Span};

/// Whether a chart is called so, and not only begins like it.
fn named<'t>(text: &'t str, chart: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(chart).map(|(at, _)| at).filter(move |at| {
        let is_more = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        let line = text[..*at].rfind('\n').map_or(0, |line| line + 1);
        !text[at + chart.len()..].starts_with(is_more) && !text[line..*at].contains('#')
    })
}

impl World<'_> {
    /// The place at which kube-prometheus-stack is installed by its name, and no other chart that brings a Prometheus.
    pub fn stack_in_words(&self) -> Option<Place> {
        let other = "prometheus-community/prometheus";
        if self.sources.iter().any(|(_, source)| named(&source.text, other).next().is_some()) {
            return None;
        }
        self.sources.iter().find_map(|(file, source)| {
            let is_told = ["helm", "chart"].iter().any(|word| source.text.contains(word));
            let chart = "prometheus-community/kube-prometheus-stack";
            let of_commands = named(&source.text, chart).next().filter(|_| is_told);
            let is_chart = source.name.rsplit('/').next() == Some("Chart.yaml");
            let (at, chart) = match of_commands {
                Some(at) => (at, chart),
                None => {
                    let dependency = "name: kube-prometheus-stack";
                    let dependencies = source.text.find("\ndependencies:").filter(|_| is_chart)?;
                    let mut all = named(&source.text, dependency);
                    (all.find(|at| *at > dependencies)?, dependency)
                }
            };
            Some(Place::new(file, Span::new(at, at + chart.len())))
        })
    }

    /// A release of the chart `prometheus`, which brings no operator.
    pub fn plain_release(&self) -> Option<Place> {
        let found = self.index.releases.iter().find(|object| {
            let chart = match object.kind() {
                "HelmRelease" => object.text(&["spec", "chart", "spec", "chart"]),
                _ => object.text(&["spec", "source", "chart"]),
            };
            chart == Some("prometheus")
        });
        found.map(|object| object.name_place())
    }
}

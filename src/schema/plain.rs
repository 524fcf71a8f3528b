//! Files that a program reads itself, and refuses with a key that it does not know: the configuration and the rules of
//! Prometheus, and kustomizations.
//!
//! Source: prometheus/prometheus config/config.go and model/rulefmt/rulefmt.go, both read strictly. What vmagent, vmalert,
//! Mimir and Thanos read beside stands in the tables as well. kubernetes-sigs/kustomize api/types/kustomization.go,
//! Unmarshal: DisallowUnknownFields, whatever the case of the letters.

use std::sync::OnceLock;

use super::table::{Shape, parse};
use crate::manifest::{Document, Node};

static CONFIGURATION: OnceLock<Shape> = OnceLock::new();
static RULES: OnceLock<Shape> = OnceLock::new();
static KUSTOMIZATION: OnceLock<Shape> = OnceLock::new();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Configuration,
    Rules,
    Kustomization,
}

impl Plain {
    /// What a document without a kind is, where it is surely for Prometheus.
    pub(super) fn of(document: &Document) -> Option<Plain> {
        let is_kustomization = ["Kustomization", "Component"].contains(&document.kind())
            && document.api_version().starts_with("kustomize.config.k8s.io/");
        if is_kustomization {
            return Some(Plain::Kustomization);
        }
        if !document.kind().is_empty() || !document.api_version().is_empty() {
            return None;
        }
        let root = &document.node;
        if root.is_for_others() || root.is_for_logs() {
            return None;
        }
        let has_name = |job: &Node| job.get("job_name").is_some();
        let jobs = root.get("scrape_configs").map(Node::items).unwrap_or_default();
        if !jobs.is_empty() && jobs.iter().all(has_name) {
            return Some(Plain::Configuration);
        }
        let has_rules = |group: &Node| {
            let rules = group.get("rules").map(Node::items).unwrap_or_default();
            // Grafana's own alerts stand in groups too; what they ask for is in `data`.
            let are_of_grafana = rules.iter().any(|rule| rule.get("data").is_some());
            group.get("name").is_some() && !rules.is_empty() && !are_of_grafana
        };
        let groups = root.get("groups").map(Node::items).unwrap_or_default();
        let are_rules = !groups.is_empty() && groups.iter().all(has_rules);
        are_rules.then_some(Plain::Rules)
    }

    pub(super) fn shape(self) -> &'static Shape {
        match self {
            Plain::Configuration => {
                CONFIGURATION.get_or_init(|| parse(include_str!("tables/prometheus-configuration.txt")))
            }
            Plain::Kustomization => {
                KUSTOMIZATION.get_or_init(|| parse(include_str!("tables/kustomization.txt")))
            }
            Plain::Rules => RULES.get_or_init(|| parse(include_str!("tables/rule-file.txt"))),
        }
    }
}

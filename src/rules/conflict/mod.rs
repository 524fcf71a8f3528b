//! A policy against the manifests that are there already: what KEDA, Kubernetes and Prometheus would refuse later, or
//! accept in silence.

mod autoscaler;
mod cards;
mod containers;
mod scraping;
mod target;

pub use cards::RULES;
pub(super) use cards::{REPLICAS_PINNED, SECOND_AUTOSCALER};

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::inventory::Object;
use crate::model::WorkloadReference;
use crate::source::{FileId, Place, Placed};

/// How an HPA is called as the one who expects something.
pub const HPA: &str = "the HorizontalPodAutoscaler";

/// How an HTTPScaledObject is called as the one who expects something.
pub const HTTP: &str = "the HTTPScaledObject";

/// What a policy expects to find.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Who expects it, in words: `the policy`.
    pub asker: &'static str,
    /// Name of the ScaledObject.
    pub scaler_name: String,
    pub workload: Placed<WorkloadReference>,
    /// The range; where overlays disagree, from the lowest to the highest of them.
    pub min: u32,
    pub max: u32,
    /// The range as it is written, without overlays.
    pub written: (u32, u32),
    /// Whether nothing runs while no trigger is active, below the minimum.
    pub is_idle_at_zero: bool,
    /// The range in each overlay, by the kustomization that is built.
    pub rendered: Vec<(FileId, (u32, u32))>,
    /// Name of the HPA that KEDA makes.
    pub hpa_name: String,
    /// Name of the HPA whose ownership is taken over.
    pub take_over: Option<String>,
    pub pod_labels: BTreeMap<String, String>,
    pub monitor: Option<Monitor>,
    pub resources: Vec<ResourceUse>,
}

/// What the emitted scrape path needs.
#[derive(Clone, Debug)]
pub struct Monitor {
    pub place: Place,
    pub service_labels: BTreeMap<String, String>,
    pub port_name: String,
    pub port_number: Option<u16>,
    pub uses_service: bool,
    pub uses_pods: bool,
}

/// A signal on cpu or memory.
#[derive(Clone, Debug)]
pub struct ResourceUse {
    pub resource: &'static str,
    pub container: Option<String>,
    pub place: Place,
}

impl ResourceUse {
    /// Whether KEDA's own check looks at the requests of this kind of workload; of others only the HPA does.
    fn is_checked_by_keda(&self, kind: &str) -> bool {
        matches!(kind, "Deployment" | "StatefulSet")
    }
}

/// Everything in the manifests that contradicts the policy. Only the given documents count.
pub fn check(expected: &Expected, documents: &[Object<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    autoscaler::check(expected, documents, &mut findings);
    if let Some(workload) = target::check(expected, documents, &mut findings) {
        containers::check(expected, workload, documents, &mut findings);
        scraping::check_pods(expected, workload, &mut findings);
    }
    scraping::check_service(expected, documents, &mut findings);
    findings
}

/// Kinds that own pods.
const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Rollout"];

fn pod_spec<'d>(document: &Object<'d>) -> Option<&'d crate::manifest::Node> {
    document.at(&["spec", "template", "spec"])
}

//! An object and the shape of its kind → fields that do not exist, values that do not fit.
//!
//! Sources of the tables: kedacore/keda and kedacore/http-add-on config/crd/bases; prometheus-operator/prometheus-operator
//! example/prometheus-operator-crd; kubernetes/client-go openapi (apps/v1, v1); kubernetes/api autoscaling and policy,
//! with the ranges of kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go; argoproj/argo-rollouts
//! manifests/crds; kubernetes/autoscaler vertical-pod-autoscaler/deploy; GoogleCloudPlatform/prometheus-engine
//! charts/operator/crds; prometheus/prometheus config/config.go, model/relabel/relabel.go, model/rulefmt/rulefmt.go.

mod check;
mod home;
mod name;
mod plain;
pub mod rules;
mod table;

pub use check::check;
pub use name::name;

use std::sync::OnceLock;

use crate::manifest::{Document, Node};
use plain::Plain;
use table::Shape;

macro_rules! tables {
    ($($kind:literal $api_version:literal $file:literal;)*) => {
        const TABLES: &[(&str, &str, &str)] =
            &[$(($kind, $api_version, include_str!(concat!("tables/", $file, ".txt")))),*];
    };
}

tables! {
    "ScaledObject" "keda.sh/v1alpha1" "scaledobject-v1alpha1";
    "ScaledJob" "keda.sh/v1alpha1" "scaledjob-v1alpha1";
    "HTTPScaledObject" "http.keda.sh/v1alpha1" "httpscaledobject-v1alpha1";
    "InterceptorRoute" "http.keda.sh/v1beta1" "interceptorroute-v1beta1";
    "TriggerAuthentication" "keda.sh/v1alpha1" "triggerauthentication-v1alpha1";
    "ClusterTriggerAuthentication" "keda.sh/v1alpha1" "clustertriggerauthentication-v1alpha1";
    "HorizontalPodAutoscaler" "autoscaling/v2" "horizontalpodautoscaler-v2";
    "HorizontalPodAutoscaler" "autoscaling/v2beta2" "horizontalpodautoscaler-v2beta2";
    "HorizontalPodAutoscaler" "autoscaling/v2beta1" "horizontalpodautoscaler-v2beta1";
    "HorizontalPodAutoscaler" "autoscaling/v1" "horizontalpodautoscaler-v1";
    "VerticalPodAutoscaler" "autoscaling.k8s.io/v1" "verticalpodautoscaler-v1";
    "PodDisruptionBudget" "policy/v1" "poddisruptionbudget-v1";
    "ServiceMonitor" "monitoring.coreos.com/v1" "servicemonitor-v1";
    "PodMonitor" "monitoring.coreos.com/v1" "podmonitor-v1";
    "ServiceMonitor" "azmonitoring.coreos.com/v1" "servicemonitor-v1";
    "PodMonitor" "azmonitoring.coreos.com/v1" "podmonitor-v1";
    "PodMonitoring" "monitoring.googleapis.com/v1" "podmonitoring-v1";
    "ClusterPodMonitoring" "monitoring.googleapis.com/v1" "clusterpodmonitoring-v1";
    "Probe" "monitoring.coreos.com/v1" "probe-v1";
    "PrometheusRule" "monitoring.coreos.com/v1" "prometheusrule-v1";
    "ScrapeConfig" "monitoring.coreos.com/v1alpha1" "scrapeconfig-v1alpha1";
    "Prometheus" "monitoring.coreos.com/v1" "prometheus-v1";
    "PrometheusAgent" "monitoring.coreos.com/v1alpha1" "prometheusagent-v1alpha1";
    "Deployment" "apps/v1" "deployment-v1";
    "StatefulSet" "apps/v1" "statefulset-v1";
    "DaemonSet" "apps/v1" "daemonset-v1";
    "ReplicaSet" "apps/v1" "replicaset-v1";
    "Rollout" "argoproj.io/v1alpha1" "rollout-v1alpha1";
    "Service" "v1" "service-v1";
}

static SHAPES: [OnceLock<Shape>; TABLES.len()] = [const { OnceLock::new() }; TABLES.len()];

/// Shapes of kinds: those that slogen knows, and those that definitions among the documents bring.
#[derive(Default)]
pub struct Shapes {
    defined: Vec<(String, String, Shape)>,
}

impl Shapes {
    /// Takes up the CustomResourceDefinitions among the documents.
    pub fn with_definitions<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Self {
        let mut defined = Vec::new();
        for document in documents.into_iter().filter(|document| document.kind() == "CustomResourceDefinition")
        {
            let text = |path: &[&str]| document.node.at(path).and_then(Node::as_str).unwrap_or_default();
            let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
            for version in document.node.at(&["spec", "versions"]).map(Node::items).unwrap_or_default() {
                let name = version.get("name").and_then(Node::as_str).unwrap_or_default();
                let known =
                    TABLES.iter().any(|(known, api, _)| *known == kind && *api == format!("{group}/{name}"));
                if let Some(schema) = version.at(&["schema", "openAPIV3Schema"]).filter(|_| !known) {
                    defined.push((
                        kind.to_string(),
                        format!("{group}/{name}"),
                        table::from_definition(schema),
                    ));
                }
            }
        }
        Shapes { defined }
    }

    /// Whether a kind is among those that slogen itself knows.
    pub fn is_own(&self, document: &Document) -> bool {
        let (kind, api_version) = (document.kind(), document.api_version());
        TABLES.iter().any(|(name, api, _)| *name == kind && *api == api_version)
            || Plain::of(document).is_some()
    }

    /// Whether a definition among the documents brings this kind.
    fn are_defined(&self, document: &Document) -> bool {
        let (kind, api_version) = (document.kind(), document.api_version());
        self.defined.iter().any(|(name, api, _)| name == kind && api == api_version)
    }

    /// The shapes of a kind, where they are known. Definitions of one version may differ, old from new: any will do.
    fn of(&self, document: &Document) -> Vec<&Shape> {
        let (kind, api_version) = (document.kind(), document.meant_version());
        if let Some(plain) = Plain::of(document) {
            return vec![plain.shape()];
        }
        let known = TABLES.iter().position(|(name, api, _)| *name == kind && *api == api_version);
        if let Some(at) = known {
            return vec![SHAPES[at].get_or_init(|| table::parse(TABLES[at].2))];
        }
        let defined = self.defined.iter().filter(|(name, api, _)| name == kind && api == api_version);
        defined.map(|(_, _, shape)| shape).collect()
    }
}

/// An `apiVersion` under which a kind is known.
fn api_version_of(kind: &str) -> Option<&'static str> {
    TABLES.iter().find(|(known, ..)| *known == kind).map(|(_, api_version, _)| *api_version)
}

/// The kind of this `apiVersion` that is nearly called so, where there is none that is called so.
fn kind_like(kind: &str, api_version: &str) -> Option<&'static str> {
    // Versions of which all kinds that anybody writes are known.
    const KINDS: [(&str, &[&str]); 6] = [
        (
            "keda.sh/v1alpha1",
            &["ScaledObject", "ScaledJob", "TriggerAuthentication", "ClusterTriggerAuthentication"],
        ),
        ("http.keda.sh/v1alpha1", &["HTTPScaledObject"]),
        ("autoscaling/v1", &["HorizontalPodAutoscaler"]),
        ("autoscaling/v2", &["HorizontalPodAutoscaler"]),
        (
            "monitoring.coreos.com/v1",
            &[
                "ServiceMonitor",
                "PodMonitor",
                "Probe",
                "PrometheusRule",
                "Prometheus",
                "Alertmanager",
                "ThanosRuler",
            ],
        ),
        ("apps/v1", &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ControllerRevision"]),
    ];
    let (_, kinds) = KINDS.iter().find(|(known, _)| *known == api_version)?;
    if kinds.contains(&kind) || kind.is_empty() {
        return None;
    }
    let same = kinds.iter().find(|known| known.eq_ignore_ascii_case(kind)).copied();
    let near = || crate::finding::nearest(kind, kinds.iter().copied());
    same.or_else(|| kinds.iter().copied().find(|known| Some(*known) == near()))
}

/// Whether a document is of a group that slogen knows, under whatever kind.
pub fn knows_group(document: &Document) -> bool {
    kind_like(document.kind(), document.api_version()).is_some()
}

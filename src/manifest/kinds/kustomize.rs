//! kustomize.config.k8s.io/v1beta1 Kustomization: what slogen writes of it.

use schemars::JsonSchema;

use super::keda::object;

object! {
    /// The objects of one folder.
    Kustomization "Kustomization" {
        #[schemars(regex(pattern = r"^kustomize\.config\.k8s\.io/v1(beta1)?$"))]
        api_version: String,
        kind: String,
        #[schemars(length(min = 1))]
        resources: Vec<String>,
    }
}

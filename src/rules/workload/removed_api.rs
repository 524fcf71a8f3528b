//! Versions of Kubernetes' own kinds that clusters do not serve any more.
//!
//! Source: the deprecated API migration guide of Kubernetes; kubernetes/kubernetes
//! staging/src/k8s.io/api/*/v1beta1/zz_generated.prerelease-lifecycle.go (APILifecycleRemoved).

use super::REMOVED_API;
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::has_variable;
use crate::model::Versions;

/// Kinds, the version that is gone, since when, and what is written today.
const REMOVED: [(&[&str], &str, u16, &str); 10] = [
    (&["Deployment", "DaemonSet", "ReplicaSet"], "extensions/v1beta1", 16, "apps/v1"),
    (&["Deployment", "StatefulSet"], "apps/v1beta1", 16, "apps/v1"),
    (&["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"], "apps/v1beta2", 16, "apps/v1"),
    (&["NetworkPolicy"], "extensions/v1beta1", 16, "networking.k8s.io/v1"),
    (&["Ingress"], "extensions/v1beta1", 22, "networking.k8s.io/v1"),
    (&["Ingress"], "networking.k8s.io/v1beta1", 22, "networking.k8s.io/v1"),
    (&["PodDisruptionBudget"], "policy/v1beta1", 25, "policy/v1"),
    (&["CronJob"], "batch/v1beta1", 25, "batch/v1"),
    (&["HorizontalPodAutoscaler"], "extensions/v1beta1", 8, "autoscaling/v2"),
    (&["HorizontalPodAutoscaler"], "autoscaling/v2alpha1", 16, "autoscaling/v2"),
];

pub fn removed_api(object: &Object<'_>, versions: &Versions) -> Option<Finding> {
    let version = object.document.node.get("apiVersion")?.as_str()?;
    let (_, _, since, today) = REMOVED.iter().find(|(kinds, gone, since, _)| {
        *gone == version && kinds.contains(&object.kind()) && versions.kubernetes.at_least(1, *since)
    })?;
    let place = object.place(object.at(&["apiVersion"])?);
    let finding = Finding::new(
        &REMOVED_API,
        place,
        format!("Kubernetes 1.{since} and later have no {} of `{version}`", object.kind()),
    )
    .why("the API server refuses the object (no matches for kind), and `kubectl apply` of the file ends with an error");
    let help = match object.kind() {
        "Ingress" => "with `pathType` and `backend.service.name` and `.port.number`",
        "PodDisruptionBudget" => "where an empty selector selects all pods",
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => "with a `selector`",
        _ => "with the same fields",
    };
    // Source: kubernetes/apimachinery pkg/util/validation/validation.go, IsDNS1123Subdomain.
    let is_good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let name = object.document.name();
    let is_refused = !has_variable(name) && !name.bytes().all(is_good);
    let and = match is_refused {
        true => format!("; `{name}` is refused as a name, too: small letters, digits and dashes"),
        false => String::new(),
    };
    Some(finding.help(format!("write `apiVersion: {today}`, {help}{and}")))
}

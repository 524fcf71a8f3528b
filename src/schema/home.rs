//! The `apiVersion`s under which kinds are served.
//!
//! Source: kubernetes/kubernetes staging/src/k8s.io/apimachinery/pkg/api/meta/errors.go, NoKindMatchError.

use super::TABLES;

/// Groups of which all kinds are known: no definition adds one to them.
const CLOSED: [&str; 12] = [
    "",
    "apps",
    "autoscaling",
    "autoscaling.k8s.io",
    "batch",
    "extensions",
    "http.keda.sh",
    "keda.sh",
    "monitoring.coreos.com",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
];

/// Versions that were served once, or that others may serve.
const OLD: [(&str, &[&str]); 9] = [
    ("Deployment", &["extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"]),
    ("StatefulSet", &["apps/v1beta1", "apps/v1beta2"]),
    ("DaemonSet", &["extensions/v1beta1", "apps/v1beta2"]),
    ("ReplicaSet", &["extensions/v1beta1", "apps/v1beta2"]),
    ("HorizontalPodAutoscaler", &["extensions/v1beta1", "autoscaling/v2alpha1"]),
    ("VerticalPodAutoscaler", &["autoscaling.k8s.io/v1beta1", "autoscaling.k8s.io/v1beta2"]),
    ("PodDisruptionBudget", &["policy/v1beta1", "policy/v1alpha1"]),
    // The operator means to raise these two.
    ("ScrapeConfig", &["monitoring.coreos.com/v1beta1", "monitoring.coreos.com/v1"]),
    ("PrometheusAgent", &["monitoring.coreos.com/v1beta1"]),
];

/// The `apiVersion` under which a kind is there, where it is surely not under this one.
pub(super) fn right(kind: &str, api_version: &str) -> Option<&'static str> {
    let own = || TABLES.iter().filter(|(known, ..)| *known == kind).map(|(_, own, _)| *own);
    let first = own().next()?;
    let old = OLD.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, old)| old);
    if own().any(|own| own == api_version) || old.contains(&api_version) {
        return None;
    }
    let group = match api_version.split_once('/') {
        Some((group, version)) => is_version(version).then_some(group)?,
        None if is_version(api_version) => "",
        // The group alone: all of it is taken for a version of the core.
        None => own().any(|own| own.split('/').next() == Some(api_version)).then_some("")?,
    };
    // Of several versions that are served today any is right, and the newest stands first.
    CLOSED.contains(&group).then_some(first)
}

/// `v1`, `v2beta1`.
fn is_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('v').is_some_and(|rest| {
        let early = ["alpha", "beta"].into_iter().find_map(|word| rest.split_once(word));
        early.map_or(digits(rest), |(one, two)| digits(one) && digits(two))
    })
}

#[cfg(test)]
mod tests {
    use super::right;

    #[test]
    fn a_kind_is_where_its_group_is() {
        for (api_version, kind, wanted) in [
            ("v1", "ServiceMonitor", Some("monitoring.coreos.com/v1")),
            ("apps/v1", "HorizontalPodAutoscaler", Some("autoscaling/v2")),
            ("autoscaling/v1", "ScaledObject", Some("keda.sh/v1alpha1")),
            ("keda.sh/v1", "ScaledObject", Some("keda.sh/v1alpha1")),
            ("keda.sh", "ScaledJob", Some("keda.sh/v1alpha1")),
            ("v1", "Deployment", Some("apps/v1")),
            ("apps", "Deployment", Some("apps/v1")),
            ("apps/v1", "Service", Some("v1")),
            ("autoscaling/v3", "HorizontalPodAutoscaler", Some("autoscaling/v2")),
            ("extensions/v1beta1", "Deployment", None),
            ("apps/v1beta2", "StatefulSet", None),
            ("autoscaling/v2beta1", "HorizontalPodAutoscaler", None),
            ("azmonitoring.coreos.com/v1", "ServiceMonitor", None),
            ("serving.knative.dev/v1", "Service", None),
            ("keda.k8s.io/v1alpha1", "ScaledObject", None),
            ("{{ .Values.api }}", "Deployment", None),
            ("1", "Service", None),
            ("v1", "Application", None),
        ] {
            assert_eq!(right(kind, api_version), wanted, "{api_version} {kind}");
        }
    }
}

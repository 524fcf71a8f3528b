//! Addresses that say more than where Prometheus is: a managed service that asks for credentials, a store of many
//! tenants, a port that is only implied.
//!
//! Sources: kedacore/keda pkg/scalers/prometheus_scaler.go; kedacore/keda-docs content/docs/scalers/prometheus.md;
//! prometheus-operator/prometheus-operator pkg/operator/operator.go (web port 9090).

use super::address::Address;
use super::cards::{ADDRESS, CREDENTIALS_MISSING, TENANT};
use super::{Checker, Trigger};
use crate::finding::{Finding, Severity};

/// Hosts of managed services, by a part of their names, and what each asks for.
const MANAGED: [(&str, &str, &str); 5] = [
    (
        "aps-workspaces.",
        "Amazon Managed Prometheus",
        "podIdentity with `provider: aws`, and `awsRegion` in the metadata",
    ),
    (".prometheus.monitor.azure.com", "Azure Monitor", "podIdentity with `provider: azure-workload`"),
    ("monitoring.googleapis.com", "Google Cloud", "podIdentity with `provider: gcp`"),
    (".grafana.net", "Grafana Cloud", "`authModes: basic`, with the username and the token"),
    (
        "thanos-querier.openshift-monitoring",
        "OpenShift",
        "`authModes: bearer`, with a bearerToken and the ca",
    ),
];

/// Names of Services that the operator and its charts make; they listen on 9090 alone.
const OF_THE_OPERATOR: [&str; 4] = [
    "prometheus-operated",
    "prometheus-k8s",
    "kube-prometheus-prometheus",
    "kube-prometheus-stack-prometheus",
];

impl Checker<'_> {
    pub(super) fn reach(&mut self, trigger: &Trigger<'_>) {
        let Some((place, text)) = self.address_of(trigger) else { return };
        let Some(address) = Address::read(&text) else { return };
        let (name, port) = (address.host, address.port);
        // Amazon's credentials may be those of KEDA's own pod, or stand in the metadata, like Google's (source:
        // kedacore/keda pkg/scalers/gcp/gcp_common.go, GetGCPAuthorization).
        let by_operator = trigger
            .value("identityOwner")
            .is_some_and(|owner| owner == "operator" || !super::is_known(&owner));
        let by_key =
            ["awsAccessKeyID", "awsAccessKeyIDFromEnv", "credentialsFromEnv", "credentialsFromEnvFile"]
                .iter()
                .any(|key| trigger.entry(key).is_some())
                || trigger.value("customHeaders").is_some_and(|headers| headers.contains("Authorization"));
        let managed = MANAGED.iter().find(|(part, ..)| name.contains(part));
        let is_given =
            trigger.node.get("authenticationRef").is_some() || by_operator || by_key || address.has_user();
        if let (Some((_, service, wanted)), false) = (managed, is_given) {
            self.push(
                Finding::new(&CREDENTIALS_MISSING, place, format!("{service} is asked without credentials"))
                    .why("it answers 401 or 403: KEDA has no metric, and nothing scales")
                    .help(format!("write an `authenticationRef` to a TriggerAuthentication: {wanted}")),
            );
        }
        let has_tenant =
            ["customHeaders", "queryParameters", "namespace"].iter().any(|key| trigger.entry(key).is_some());
        let is_shared = ["mimir", "cortex"].iter().any(|part| name.contains(part));
        if is_shared && !has_tenant && managed.is_none() && trigger.node.get("authenticationRef").is_none() {
            self.push(
                Finding::new(&TENANT, place, "no tenant is named")
                    .why("Mimir and Cortex with several tenants answer `no org id`, which is an error at every poll")
                    .help("write `customHeaders: X-Scope-OrgID=<tenant>`"),
            );
        }
        let service = name.split('.').next().unwrap_or_default();
        let of_the_operator = OF_THE_OPERATOR.iter().any(|known| service.ends_with(known));
        if port.is_none() && address.is_plain() && name.contains('.') && of_the_operator {
            let mut finding = Finding::new(&ADDRESS, place, "without a port, this is port 80")
                .why(format!("the Service `{service}` of the operator listens on 9090: connection refused, and nothing scales"))
                .help(format!("write \"{}\"", address.with(name, Some("9090"), address.path)));
            finding.severity = Severity::Warning;
            self.push(finding);
        }
    }
}

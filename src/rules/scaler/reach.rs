//! Addresses that say more than where Prometheus is: a managed service that asks for credentials, a store of many
//! tenants, a port that is only implied.
//!
//! Sources: kedacore/keda pkg/scalers/prometheus_scaler.go; kedacore/keda-docs content/docs/scalers/prometheus.md;
//! prometheus-operator/prometheus-operator pkg/operator/operator.go (web port 9090).

use super::address::Address;
use super::cards::{ADDRESS, COMBINATION, CREDENTIALS_MISSING, TENANT};
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Related, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

/// The beginning of the hosts of Amazon's Prometheus.
const AMAZON: &str = "aps-workspaces.";

/// Hosts of managed services, by a part of their names, and what each asks for.
const MANAGED: [(&str, &str, &str); 5] = [
    (
        AMAZON,
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
        self.unsigned(trigger);
        let Some((place, text)) = self.address_of(trigger) else { return };
        let Some(address) = Address::read(&text) else { return };
        let (name, port) = (address.host, address.port);
        // Google's credentials may stand in the metadata (source: kedacore/keda pkg/scalers/gcp/gcp_common.go,
        // GetGCPAuthorization).
        let by_key =
            ["credentialsFromEnv", "credentialsFromEnvFile"].iter().any(|key| trigger.entry(key).is_some())
                || trigger.value("customHeaders").is_some_and(|headers| headers.contains("Authorization"));
        let managed = MANAGED.iter().find(|(part, ..)| name.contains(part));
        let is_given = trigger.node.get("authenticationRef").is_some() || by_key || address.has_user();
        let managed_elsewhere = managed.filter(|(part, ..)| *part != AMAZON);
        if let (Some((_, service, wanted)), false) = (managed_elsewhere, is_given) {
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
        self.of_another_region(trigger, name);
        // Source: openshift/cluster-monitoring-operator manifests of thanos-querier: behind this port prom-label-proxy asks
        // for the namespace, and answers 400 without it.
        if name.starts_with("thanos-querier.openshift-monitoring") && port == Some("9092") && !has_tenant {
            let mut finding = Finding::new(&TENANT, place, "no namespace is named on the port of the tenants")
                .why("on port 9092 OpenShift answers 400 to a question without `namespace`: an error at every poll, and nothing scales")
                .help("write `namespace: <namespace of the metrics>` in the metadata of the trigger");
            finding.severity = Severity::Error;
            self.push(finding);
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

    /// The region that is signed for, against that of the workspace.
    ///
    /// Source: kedacore/keda pkg/scalers/aws/aws_sigv4.go, NewSigV4RoundTripper: `awsRegion` goes into the signature.
    fn of_another_region(&mut self, trigger: &Trigger<'_>, host: &str) {
        let of_host = host.strip_prefix(AMAZON).and_then(|rest| rest.strip_suffix(".amazonaws.com"));
        let Some(entry) = trigger.entry("awsRegion") else { return };
        let region = trigger.value("awsRegion").filter(|text| is_known(text));
        if let (Some(of_host), Some(region)) = (of_host, region)
            && of_host != region
        {
            let place = self.place(&entry.node);
            let mut finding =
                Finding::new(&COMBINATION, place, format!("a workspace in {of_host}, signed for in {region}"))
                    .why("Amazon answers 403, `Credential should be scoped to a valid region`: every poll fails, and nothing scales")
                    .help(format!("write `awsRegion: {of_host}`"));
            if let Some(address) = trigger.entry("serverAddress") {
                finding = finding.related(self.place(&address.node), "the workspace");
            }
            self.push(finding);
        }
    }

    /// Amazon's Prometheus takes signed requests alone. Region and workspace may be filled in later: the host is known by
    /// its beginning.
    ///
    /// Sources: kedacore/keda pkg/scalers/aws/aws_common.go, GetAwsAuthorization (without an `identityOwner`, and with
    /// `pod`, no key is an error); pkg/scalers/aws/aws_sigv4.go, NewSigV4RoundTripper (that error is hidden, and nothing
    /// signs).
    fn unsigned(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("serverAddress") else { return };
        let Some(text) = trigger.value("serverAddress").filter(|text| !text.contains("{{")) else { return };
        let start = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let is_pod = trigger.value("identityOwner").is_none_or(|owner| owner == "pod");
        let has_key =
            ["awsAccessKeyID", "awsAccessKeyIDFromEnv"].iter().any(|key| trigger.entry(key).is_some())
                || trigger.value("customHeaders").is_some_and(|headers| headers.contains("Authorization"));
        let is_given = trigger.node.get("authenticationRef").is_some() || has_key || !is_pod;
        if !start.starts_with(AMAZON) || is_given {
            return;
        }
        let place = self.place(&entry.node);
        let region = match trigger.entry("awsRegion") {
            Some(_) => "",
            None => ", and `awsRegion` in the metadata",
        };
        let mut finding = Finding::new(
            &CREDENTIALS_MISSING,
            place,
            "Amazon Managed Prometheus is asked without credentials",
        )
        .help(format!("write an `authenticationRef` to a TriggerAuthentication: podIdentity with `provider: aws`{region}; or `identityOwner: operator`, where KEDA's own pod may ask"));
        finding = match trigger.entry("identityOwner") {
            Some(owner) => finding
                .related(self.key(owner), "needs a TriggerAuthentication beside it")
                .why("without one KEDA has no identity to sign with, says nothing about it, and sends the request unsigned: Amazon answers 403, KEDA has no metric, and nothing scales"),
            None => finding.why("KEDA has no identity to sign with, says nothing about it, and sends the request unsigned: Amazon answers 403, KEDA has no metric, and nothing scales"),
        };
        self.push(finding);
    }
}

/// The identity that stands beside a trigger without one, and that nobody names.
pub fn beside(inventory: &Inventory<'_>, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.rule == &CREDENTIALS_MISSING) {
        let is_asker = |object: &&Object<'_>| {
            object.document.file == finding.place.file
                && object.document.node.span.range().contains(&finding.place.span.range().start)
        };
        let Some(asker) = inventory.objects.iter().find(is_asker) else { continue };
        let is_named = |given: &Object<'_>| {
            inventory.objects.iter().any(|object| {
                let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
                let mut names = triggers
                    .iter()
                    .filter_map(|trigger| trigger.at(&["authenticationRef", "name"])?.as_str());
                names.any(|name| given.is_called(name))
            })
        };
        let mut given = inventory.kind("TriggerAuthentication").filter(|given| {
            let provider = given.text(&["spec", "podIdentity", "provider"]).unwrap_or_default();
            provider.starts_with("aws")
                && finding.message.starts_with("Amazon")
                && given.meets(asker)
                && given.is_beside(asker)
                && !is_named(given)
        });
        if let Some(given) = given.next() {
            let name = format!("`{}` has an identity, and nobody names it", given.name.escape_debug());
            finding.related.push(Related { place: given.name_place(), message: name });
        }
    }
}

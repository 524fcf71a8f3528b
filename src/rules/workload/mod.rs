//! Workloads and what stands around them: selectors, budgets, other controllers, credentials, the API that carries
//! the metrics.

mod asleep;
mod authentication;
mod authentication_namespace;
mod broker_names;
mod budget;
mod canary;
mod config;
mod database;
mod egress;
mod environment;
mod external;
mod fixed_budget;
mod given;
mod given_twice;
mod grace;
mod hpa_name;
mod idle_target;
mod kafka_login;
mod kept_out;
mod line_end;
mod locked;
mod metrics_api;
mod missing_key;
mod namespace_order;
mod not_given;
mod one_node;
mod partitions;
mod pod_security;
mod probe_variable;
mod prometheus;
mod quota;
mod rendered;
mod rights;
mod secret_keys;
mod selectors;
mod service;
mod service_account;
mod service_name;
mod sidecar;
mod stale;
mod target;
mod topic;
mod twice;
mod unexpanded;
mod unread_parameter;
mod unreferred;
mod usage;
mod vertical;
mod watched_host;
mod watched_name;

use crate::finding::{Finding, cards};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

cards! {
    "workload":
    SELECTOR_MISMATCH Error "selector-mismatch" "a selector that the pod template does not satisfy";
    OVERLAPPING_SELECTORS Warning "overlapping-selectors" "two autoscaled workloads that select each other's pods";
    CANARY Error "canary" "an autoscaler on a Deployment that Flagger scales to 0";
    DISRUPTION_BUDGET Warning "disruption-budget" "a budget that lets no pod go, or protects none";
    VERTICAL_AUTOSCALER Warning "vertical-autoscaler" "two controllers that read the same resource";
    METRICS_API Error "metrics-api" "the API of external metrics belongs to somebody else";
    TARGET_ELSEWHERE Warning "target-elsewhere" "an autoscaler whose target is called or placed otherwise";
    CREDENTIALS Error "credentials" "a TriggerAuthentication that does not give what the trigger needs";
    PROMETHEUS_PORT Warning "prometheus-port" "an address whose Service has no such port";
    SERVICE_NAME Warning "service-name" "an address to which no Service answers";
    SERVICE_NOWHERE Error "service-nowhere" "a Service beside a scaled or scraped workload that leads to no pods";
    MISSING_KEY Error "missing-key" "a variable of a scaled workload from a key that is not there";
    ENVIRONMENT Warning "environment" "a variable that the target's container does not have";
    INJECTED_SIDECAR Warning "injected-sidecar" "a sidecar without the request that the autoscaler compares with, or that counts beside it";
    PROBE_VARIABLE Warning "probe-variable" "a variable in a probe that the kubelet does not fill in";
    IDLE_TARGET Warning "idle-target" "a cpu target that an idle process reaches";
    EXTERNAL_METRIC Warning "external-metric" "an external metric for which nobody answers";
    HPA_NAME Error "hpa-name" "a HorizontalPodAutoscaler that belongs to two";
    APPLIED_TWICE Warning "applied-twice" "two objects of one name, of which one is lost";
    WATCHES_ANOTHER Warning "watches-another" "a trigger that watches something else than the pods work on";
    CONFIG_MISSING Note "config-missing" "a ConfigMap or ServiceAccount that the pods need and no file has";
    PARTITIONS Warning "partitions" "more pods than partitions of the topic that they read";
    TOPIC_ELSEWHERE Warning "topic-elsewhere" "a Kafka topic in a namespace where its operator does not look";
    QUOTA Warning "quota" "a quota that holds fewer pods than the autoscaler may start";
    EGRESS_PORT Warning "egress-port" "a NetworkPolicy that names the port of a Service instead of that of the pods";
    KEDA_KEPT_OUT Error "keda-kept-out" "a NetworkPolicy between KEDA and what its trigger asks";
    OWN_DATABASE Warning "own-database" "a database in a file, under several pods";
    ONE_NODE_VOLUME Warning "one-node-volume" "a volume of one node, under pods that are to be on several";
    LOCKED_DATA Warning "locked-data" "an update that starts a second Prometheus on the data of the first";
    STALE_MOUNT Warning "stale-mount" "a configuration that no reload of Prometheus ever sees";
    ASLEEP Warning "asleep" "a workload that sleeps while requests lead to it";
    NAMESPACE_ORDER Note "namespace-order" "a Namespace that is applied after what lives in it";
    DISCOVERY_RIGHTS Warning "discovery-rights" "a Prometheus that may not list what it discovers";
    UNEXPANDED Error "unexpanded" "a reference to a variable that Kubernetes leaves as it stands";
    GRACE_PERIOD Warning "grace-period" "a hook that sleeps longer than the pod is given";
    POD_SECURITY Error "pod-security" "pods that their namespace does not admit";
}

/// Everything between the objects of a repository that is not about scraping and not about one owner.
pub fn check<'i>(inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let scaled: Vec<Scaled<'i>> =
        inventory.objects.iter().filter_map(|object| Scaled::of(inventory, object)).collect();
    for object in inventory.objects.iter().filter(|object| !object.is_fragment) {
        selectors::alone(object, &mut findings);
    }
    selectors::overlapping(&scaled, &mut findings);
    budget::check(inventory, &scaled, &mut findings);
    findings.extend(canary::check(inventory));
    fixed_budget::check(inventory, &mut findings);
    vertical::check(inventory, &scaled, &mut findings);
    metrics_api::check(inventory, &mut findings);
    target::check(inventory, &mut findings);
    external::check(inventory, &mut findings);
    rights::check(inventory, &mut findings);
    secret_keys::check(inventory, &mut findings);
    line_end::check(inventory, &mut findings);
    unreferred::check(inventory, &mut findings);
    unread_parameter::check(inventory, &mut findings);
    twice::check(inventory, &mut findings);
    hpa_name::check(inventory, &mut findings);
    service::check(inventory, &scaled, &mut findings);
    config::check(inventory, &scaled, &mut findings);
    service_account::check(inventory, &scaled, &mut findings);
    partitions::check(inventory, &mut findings);
    topic::check(inventory, &mut findings);
    quota::check(inventory, &scaled, &mut findings);
    egress::check(inventory, &mut findings);
    kept_out::check(inventory, &mut findings);
    database::check(inventory, &scaled, &mut findings);
    one_node::check(inventory, &scaled, &mut findings);
    locked::check(inventory, &mut findings);
    stale::check(inventory, &mut findings);
    asleep::check(inventory, &scaled, &mut findings);
    namespace_order::check(inventory, &mut findings);
    probe_variable::check(inventory, &scaled, &mut findings);
    unexpanded::check(inventory, &scaled, &mut findings);
    grace::check(&scaled, &mut findings);
    pod_security::check(inventory, &scaled, &mut findings);
    for one in &scaled {
        sidecar::check(inventory, one, &mut findings);
        idle_target::check(inventory, one, &mut findings);
        missing_key::check(inventory, one, &mut findings);
        if one.autoscaler.kind() == "ScaledObject" {
            environment::check(inventory, one, &mut findings);
        }
    }
    for object in inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh") {
        authentication::check(inventory, object, &mut findings);
        not_given::check(inventory, object, &mut findings);
        prometheus::check(inventory, object, &mut findings);
        service_name::check(inventory, object, &mut findings);
        watched(inventory, object, &mut findings);
    }
    for object in inventory.kind("ScaledJob").filter(|object| object.group() == "keda.sh") {
        let at = findings.len();
        if !object.is_fragment {
            environment::check(inventory, &Scaled { autoscaler: object, workload: object }, &mut findings);
        }
        authentication::check(inventory, object, &mut findings);
        not_given::check(inventory, object, &mut findings);
        prometheus::check(inventory, object, &mut findings);
        service_name::check(inventory, object, &mut findings);
        watched(inventory, object, &mut findings);
        crate::rules::scaler::in_words_of_jobs(&mut findings[at..]);
    }
    findings
}

/// What the triggers watch, against what the pods work on.
fn watched<'i>(inventory: &'i Inventory<'i>, object: &'i Object<'i>, findings: &mut Vec<Finding>) {
    let Some(workload) = given::target(inventory, object).filter(|workload| workload.belongs_to(object))
    else {
        return;
    };
    let environment = inventory.environment(workload);
    if environment.is_open {
        return;
    }
    for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let other = watched_host::check(inventory, object, trigger, workload, &environment);
        findings.extend(kafka_login::check(object, trigger, &environment));
        findings.extend(
            other.or_else(|| watched_name::check(inventory, object, trigger, workload, &environment)),
        );
    }
}

/// An autoscaler and the workload that it means.
struct Scaled<'i> {
    autoscaler: &'i Object<'i>,
    workload: &'i Object<'i>,
}

impl<'i> Scaled<'i> {
    fn of(inventory: &'i Inventory<'i>, autoscaler: &'i Object<'i>) -> Option<Self> {
        if autoscaler.is_fragment || !is_autoscaler(autoscaler) {
            return None;
        }
        let kind = autoscaler.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        let name = autoscaler.text(&["spec", "scaleTargetRef", "name"])?;
        Some(Scaled { autoscaler, workload: inventory.meant(kind, name, autoscaler)? })
    }

    /// The most pods that the autoscaler starts, as far as it is known.
    fn maximum(&self) -> i64 {
        let (key, default) = match self.autoscaler.kind() {
            "ScaledObject" => ("maxReplicaCount", 100),
            _ => ("maxReplicas", 0),
        };
        match self.autoscaler.at(&["spec", key]) {
            Some(_) => self.autoscaler.integer(&["spec", key]).unwrap_or(0),
            None => default,
        }
    }
}

fn is_autoscaler(object: &Object<'_>) -> bool {
    matches!(
        (object.kind(), object.group()),
        ("ScaledObject", "keda.sh") | ("HorizontalPodAutoscaler", "autoscaling")
    )
}

/// Labels of the pods of a workload, as they are applied.
fn pod_labels(workload: &Object<'_>) -> Vec<(String, String)> {
    workload.pod_labels()
}

/// The `matchLabels` of a selector; None where it has none, or expressions beside them.
fn match_labels(selector: Option<&Node>) -> Option<Vec<(String, String)>> {
    let selector = selector?;
    if selector.get("matchExpressions").is_some_and(|node| !node.items().is_empty()) {
        return None;
    }
    let labels: Vec<_> =
        selector.get("matchLabels")?.pairs().map(|(name, value)| (name.to_string(), value)).collect();
    (!labels.is_empty()).then_some(labels)
}

fn carries(labels: &[(String, String)], wanted: &[(String, String)]) -> bool {
    wanted.iter().all(|pair| labels.contains(pair))
}

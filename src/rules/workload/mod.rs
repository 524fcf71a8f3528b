//! Workloads and what stands around them: selectors, budgets, other controllers, credentials, the API that carries
//! the metrics.

mod above_limit;
mod advertised;
mod agents;
mod amounts;
mod asleep;
mod authentication;
mod authentication_namespace;
mod broker_names;
mod budget;
mod by_hand;
mod canary;
mod config;
mod database;
mod dumped;
mod egress;
mod encoded;
mod environment;
mod external;
mod fixed_budget;
mod given;
mod given_twice;
mod grace;
mod hpa_name;
mod identity;
mod idle_target;
mod kafka_login;
mod kept_out;
mod knative;
mod limit_range;
mod line_end;
mod locked;
mod metrics_api;
mod missing_key;
mod namespace_order;
mod not_given;
mod not_prometheus;
mod offsets;
mod one_node;
mod partitions;
mod pod_security;
mod probe_port;
mod probe_variable;
mod prometheus;
mod quota;
mod rabbit_address;
mod refused;
mod refused_identity;
mod released;
mod removed_api;
mod rendered;
mod rights;
mod rights_given;
mod same_service;
mod second_consumer;
mod secret_keys;
mod selectors;
mod service;
mod service_account;
mod service_name;
mod service_port;
mod several;
mod sidecar;
mod source_container;
mod spread;
mod stack_service;
mod stale;
mod strategy;
mod taken_out;
mod target;
mod token_secret;
mod topic;
mod twice;
mod unexpanded;
mod unread_parameter;
mod unreferred;
mod usage;
mod vault_identity;
mod vertical;
mod watched_database;
mod watched_host;
mod watched_key;
mod watched_name;

pub use removed_api::removed_api;

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
    NOT_PROMETHEUS Error "not-prometheus" "a Prometheus trigger whose address is something else";
    SERVICE_NAME Warning "service-name" "an address to which no Service answers";
    SERVICE_NOWHERE Error "service-nowhere" "a Service beside a scaled or scraped workload that leads to no pods";
    MISSING_KEY Error "missing-key" "a variable of a scaled or scraped workload from a key that is not there";
    ENVIRONMENT Warning "environment" "a variable that the target's container does not have";
    INJECTED_SIDECAR Warning "injected-sidecar" "a sidecar without the request that the autoscaler compares with, or that counts beside it";
    PROBE_VARIABLE Warning "probe-variable" "a variable in a probe that the kubelet does not fill in";
    IDLE_TARGET Warning "idle-target" "a target that an idle process reaches";
    ABOVE_LIMIT Warning "above-limit" "a target of cpu or memory that the limit keeps out of reach";
    EXTERNAL_METRIC Warning "external-metric" "an external metric for which nobody answers";
    HPA_NAME Error "hpa-name" "a HorizontalPodAutoscaler that belongs to two";
    APPLIED_TWICE Warning "applied-twice" "two objects of one name, of which one is lost";
    WATCHES_ANOTHER Warning "watches-another" "a trigger that watches something else than the pods work on";
    SECOND_CONSUMER Warning "second-consumer" "a Deployment that takes the work of a ScaledJob";
    CONFIG_MISSING Note "config-missing" "a ConfigMap or ServiceAccount that the pods need and no file has";
    PARTITIONS Warning "partitions" "more pods than partitions of the topic that they read";
    OFFSETS_TOPIC Error "offsets-topic" "a Kafka that cannot keep the offsets of consumer groups";
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
    RESOURCE_AMOUNT Error "resource-amount" "an amount of memory or cpu in the wrong unit, or a limit below the request";
    PROBE_PORT Error "probe-port" "a probe for a port that the container does not name";
    LIMIT_RANGE Error "limit-range" "amounts that the LimitRange of the namespace does not allow";
    SPREAD Warning "spread" "rules about where pods may be, against how many there are to be";
    KNATIVE Error "knative" "annotations by which Knative does not scale";
    SCALED_BY_HAND Warning "scaled-by-hand" "a CronJob that sets what an autoscaler decides";
    POD_REFUSED Error "pod-refused" "a pod template that the API server does not take";
    REMOVED_API Error "removed-api" "a version of Kubernetes' own kinds that clusters do not have any more";
    AGENTS Warning "agents" "build agents that a scale-in ends in the middle of a build";
    DUMPED Warning "dumped" "an object that was taken out of a cluster as it was";
    SECRET_ENCODING Error "secret-encoding" "a value of a Secret under `data` that is no base64";
    UPDATE_STRATEGY Error "update-strategy" "a strategy by which no pod can be replaced";
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
    taken_out::check(inventory, &mut findings);
    external::check(inventory, &mut findings);
    rights::check(inventory, &mut findings);
    secret_keys::check(inventory, &mut findings);
    line_end::check(inventory, &mut findings);
    encoded::check(inventory, &mut findings);
    dumped::check(inventory, &mut findings);
    agents::check(&scaled, &mut findings);
    refused_identity::check(inventory, &mut findings);
    vault_identity::check(inventory, &mut findings);
    unreferred::check(inventory, &mut findings);
    unread_parameter::check(inventory, &mut findings);
    twice::check(inventory, &mut findings);
    hpa_name::check(inventory, &mut findings);
    service::check(inventory, &scaled, &mut findings);
    config::check(inventory, &scaled, &mut findings);
    service_account::check(inventory, &scaled, &mut findings);
    partitions::check(inventory, &mut findings);
    second_consumer::check(inventory, &mut findings);
    topic::check(inventory, &mut findings);
    offsets::check(inventory, &mut findings);
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
    amounts::check(inventory, &mut findings);
    probe_port::check(inventory, &mut findings);
    strategy::check(inventory, &mut findings);
    refused::check(inventory, &mut findings);
    limit_range::check(inventory, &mut findings);
    spread::check(inventory, &scaled, &mut findings);
    knative::check(inventory, &mut findings);
    by_hand::check(inventory, &scaled, &mut findings);
    identity::check(inventory, &mut findings);
    for one in &scaled {
        sidecar::check(inventory, one, &mut findings);
        idle_target::check(inventory, one, &mut findings);
        above_limit::check(inventory, one, &mut findings);
        missing_key::check(inventory, one, &mut findings);
        if one.autoscaler.kind() == "ScaledObject" {
            environment::check(inventory, one, &mut findings);
            source_container::check(inventory, one, &mut findings);
        }
    }
    missing_key::of_others(inventory, &mut findings);
    token_secret::check(inventory, &mut findings);
    let releases = inventory.releases();
    let taken_up = stack_service::taken_up(inventory);
    for object in inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh") {
        authentication::check(inventory, object, &mut findings);
        not_given::check(inventory, object, &mut findings);
        prometheus::check(inventory, object, &mut findings);
        not_prometheus::check(inventory, object, &mut findings);
        released::check(inventory, object, releases, &mut findings);
        service_name::check(inventory, object, &mut findings);
        advertised::check(inventory, object, &mut findings);
        stack_service::check(inventory, taken_up, object, &mut findings);
        watched(inventory, object, &mut findings);
    }
    for object in inventory.kind("ScaledJob").filter(|object| object.group() == "keda.sh") {
        let at = findings.len();
        if !object.is_fragment {
            let one = Scaled { autoscaler: object, workload: object };
            environment::check(inventory, &one, &mut findings);
            source_container::check(inventory, &one, &mut findings);
        }
        authentication::check(inventory, object, &mut findings);
        not_given::check(inventory, object, &mut findings);
        prometheus::check(inventory, object, &mut findings);
        not_prometheus::check(inventory, object, &mut findings);
        released::check(inventory, object, releases, &mut findings);
        service_name::check(inventory, object, &mut findings);
        advertised::check(inventory, object, &mut findings);
        stack_service::check(inventory, taken_up, object, &mut findings);
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
    let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
    findings.extend(triggers.iter().filter_map(|trigger| watched_key::check(object, trigger, workload)));
    let environment = inventory.environment(workload);
    if environment.is_open {
        return;
    }
    for trigger in triggers {
        let other = watched_host::check(inventory, object, trigger, workload, &environment);
        findings.extend(kafka_login::check(object, trigger, &environment));
        findings.extend(
            other
                .or_else(|| watched_name::check(inventory, object, trigger, workload, &environment))
                .or_else(|| watched_database::check(inventory, object, trigger, workload, &environment)),
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
        let workload = inventory.meant(kind, name, autoscaler)?;
        // One of another kind beside it is meant rather than a namesake of another set of manifests.
        let is_nearer = |other: &&str| {
            *other != kind && inventory.named(other, name).any(|object| object.is_beside(autoscaler))
        };
        let is_of_others =
            !workload.is_beside(autoscaler) && ["Deployment", "StatefulSet", "Rollout"].iter().any(is_nearer);
        (!is_of_others).then_some(Scaled { autoscaler, workload })
    }

    /// The most pods that the autoscaler starts, as far as it is known.
    fn maximum(&self) -> i64 {
        let (key, default) = match self.autoscaler.kind() {
            "ScaledObject" => (&["spec", "maxReplicaCount"][..], 100),
            "HTTPScaledObject" => (&["spec", "replicas", "max"][..], 100),
            _ => (&["spec", "maxReplicas"][..], 0),
        };
        match self.autoscaler.at(key) {
            Some(_) => self.autoscaler.integer(key).unwrap_or(0),
            None => default,
        }
    }
}

fn is_autoscaler(object: &Object<'_>) -> bool {
    matches!(
        (object.kind(), object.group()),
        ("ScaledObject", "keda.sh")
            | ("HorizontalPodAutoscaler", "autoscaling")
            | ("HTTPScaledObject", "http.keda.sh")
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

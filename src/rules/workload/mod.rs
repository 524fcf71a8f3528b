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
mod cards;
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

pub use cards::*;
pub use removed_api::removed_api;

use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

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

//! Alerts that take a sleeping workload for a dead one.
//!
//! The query is worked out for the moment in which KEDA has scaled the workload to 0: kube-state-metrics says 0 for its
//! numbers of replicas, and its own pods are gone, with all of their series.
//!
//! Sources: kedacore/keda pkg/scaling/executor/scale_scaledobjects.go, scaleToZeroOrIdle; kubernetes/kube-state-metrics
//! internal/store/deployment.go.

mod value;

use super::FIRES_ASLEEP;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node as Yaml, has_variable};
use crate::promql::ast::*;
use crate::rules::scaler::View;
use crate::scrape::{are_environments, is_compose};
use crate::source::Span;
use value::Value;

pub(super) use value::fits;

/// A workload that KEDA scales to 0.
pub(super) struct Sleeper<'i> {
    scaled: &'i Object<'i>,
    kind: &'i str,
    target: &'i str,
    /// Jobs that scrape it by the address of its Service, which stays when the pods go.
    jobs: Vec<String>,
    /// How the names of its own metrics begin, where no other workload is called alike.
    prefix: Option<String>,
}

/// The ScaledObjects whose workloads sleep.
pub(super) fn sleepers<'i>(inventory: &'i Inventory<'i>) -> Vec<Sleeper<'i>> {
    let plain = inventory.objects.iter().filter(|object| object.kind().is_empty());
    let written: Vec<&Yaml> = plain.filter_map(|object| object.at(&["scrape_configs"])).collect();
    // The short name of a container, in Docker Compose, is not that of a Service: nobody scales it.
    let has_container = |target: &str| {
        let files = inventory.objects.iter().filter(|object| is_compose(object));
        files.filter_map(|object| object.at(&["services"])).any(|services| services.get(target).is_some())
    };
    let all = inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh");
    let sleeping = all.filter(|object| sleeps(object)).filter_map(|scaled| {
        let target = scaled.text(&["spec", "scaleTargetRef", "name"]).filter(|name| !has_variable(name))?;
        let kind = scaled.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        Some(Sleeper {
            scaled,
            kind,
            target,
            jobs: jobs(&written, target, has_container(target)),
            prefix: prefix(inventory, target),
        })
    });
    sleeping.collect()
}

/// `checkout_` for `checkout`: metrics of an application are often called after it.
fn prefix(inventory: &Inventory<'_>, target: &str) -> Option<String> {
    let own = target.replace('-', "_");
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Rollout", "Job", "CronJob"];
    let mut all = kinds.into_iter().flat_map(|kind| inventory.kind(kind));
    let is_unique = all.all(|other| other.name == target || !other.name.replace('-', "_").starts_with(&own));
    (is_unique && own.len() > 3).then(|| own + "_")
}

/// Whether KEDA brings the workload to 0, in every overlay.
///
/// Source: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go: minReplicaCount is 0 where it is not written, and with
/// cpu and memory alone it may not be.
fn sleeps(object: &Object<'_>) -> bool {
    let Some(view) = View::of(object) else { return false };
    let annotations = object.at(&["metadata", "annotations"]).map(Yaml::entries).unwrap_or_default();
    let is_paused = annotations.iter().any(|entry| entry.key.starts_with("autoscaling.keda.sh/paused"));
    let is_patched = object.patched.iter().any(|path| {
        let last = path.last().map(String::as_str);
        matches!(last, None | Some("spec" | "minReplicaCount" | "idleReplicaCount"))
    });
    !view.is_open
        && !is_paused
        && !is_patched
        && (view.idle == Some(0) || view.idle.is_none() && view.min.unwrap_or(0) == 0)
        && view.triggers.iter().any(|trigger| !trigger.is_resource())
}

/// Jobs of hand-written configurations all of whose addresses are those of the workload's Service. `is_container`: there is
/// a container of that name as well.
fn jobs(written: &[&Yaml], target: &str, is_container: bool) -> Vec<String> {
    let of_one = |job: &Yaml| {
        let fixed = job.get("static_configs").map(Yaml::items).unwrap_or_default();
        let addresses: Vec<String> = fixed
            .iter()
            .flat_map(|one| one.get("targets").map(Yaml::items).unwrap_or_default())
            .filter_map(Yaml::as_written)
            .collect();
        let is_own = |address: &String| {
            address.split(['.', ':']).next() == Some(target) && (address.contains('.') || !is_container)
        };
        let name = job.get("job_name").and_then(Yaml::as_written)?;
        (!addresses.is_empty() && addresses.iter().all(is_own)).then_some(name)
    };
    written.iter().flat_map(|list| list.items()).filter_map(of_one).collect()
}

/// The alert, if it fires while one of them sleeps.
pub(super) fn check(
    alert: &Alert<'_>,
    sleepers: &[Sleeper<'_>],
    inventory: &Inventory<'_>,
) -> Option<Finding> {
    // Nothing else gives a series for pods that are not there.
    let can = ["replicas", "absent", "vector(", "up"].iter().any(|word| alert.expression.text.contains(word));
    if !can || says_so(alert) {
        return None;
    }
    let near = sleepers.iter().filter(|sleeper| !are_environments(sleeper.scaled.path, alert.object.path));
    let mut fired = near.filter_map(|sleeper| {
        let span = sleeper.fires(&alert.expression.root)?;
        sleeper.always(inventory).then_some((sleeper, span))
    });
    let (sleeper, span) = fired.next()?;
    let mut others: Vec<&str> = fired.map(|(other, _)| other.target).collect();
    others.retain(|other| *other != sleeper.target);
    others.sort_unstable();
    others.dedup();
    let (kind, target) = (sleeper.kind, sleeper.target);
    let message = match others.len() {
        0 => format!("this alert fires each time `{target}` sleeps"),
        more => format!("this alert fires each time `{target}` or {more} more sleep"),
    };
    let after = match alert.rule.get("for").and_then(Yaml::as_written) {
        Some(time) => format!("{time} later"),
        None => "at once".to_string(),
    };
    let label = if kind == "StatefulSet" { "statefulset" } else { "deployment" };
    let wanted = match label {
        "statefulset" => "kube_statefulset_replicas",
        _ => "kube_deployment_spec_replicas",
    };
    let mut finding = Finding::new(&FIRES_ASLEEP, alert.place(span), message)
        .related(sleeper.scaled.name_place(), format!("it scales `{target}` down to 0 when there is nothing to do"))
        .why(format!(
            "without work KEDA takes all pods of `{target}` away, and {after} somebody is paged who finds nothing wrong; when it is dead it looks the same"
        ))
        .help(format!(
            "let it count only while pods are wanted: `… and on () {wanted}{{{label}=\"{target}\"}} > 0`"
        ));
    if matches!(alert.severity(), "info" | "none" | "information") {
        finding.severity = Severity::Note;
    }
    Some(finding)
}

/// Whether an alert is about being at 0, and means it.
fn says_so(alert: &Alert<'_>) -> bool {
    let plain: String = alert.name().to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    ["tozero", "idle", "sleep", "scaleddown"].iter().any(|word| plain.contains(word))
}

impl Sleeper<'_> {
    /// Whether every ScaledObject of this workload lets it sleep: of copies for environments one may keep a pod.
    fn always(&self, inventory: &Inventory<'_>) -> bool {
        let mut all = inventory.kind("ScaledObject").filter(|object| {
            object.text(&["spec", "scaleTargetRef", "name"]) == Some(self.target) && object.meets(self.scaled)
        });
        all.all(sleeps)
    }

    /// The fragment by which a query gives a series while the workload sleeps.
    fn fires(&self, node: &Node) -> Option<Span> {
        let node = node.bare();
        if let Kind::Binary(binary) = &node.kind
            && binary.operator == Operator::Or
        {
            return self.fires(&binary.left).or_else(|| self.fires(&binary.right));
        }
        let is_scalar = node.value_type() != ValueType::Vector;
        let given = matches!(self.value(node, 0), Value::Number(..)) && !is_scalar;
        (given && self.is_asked_for(node)).then_some(node.span)
    }

    /// Whether the workload occurs in a part of a query.
    fn is_asked_for(&self, node: &Node) -> bool {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            match &node.kind {
                Kind::Selector(selector) if !matches!(self.selected(selector), Value::Unknown) => {
                    return true;
                }
                _ => stack.extend(node.children()),
            }
        }
        false
    }
}

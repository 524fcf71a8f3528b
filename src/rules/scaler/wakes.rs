//! Workloads that sleep, and that only their own pods could wake.
//!
//! Sources: kedacore/keda pkg/scaling/scale_handler.go, getScaledObjectState (cpu and memory take no part in waking beside
//! another trigger); pkg/scaling/executor/scale_scaledobjects.go (below the idle count nothing but an active trigger starts
//! pods).

use super::cards::NEVER_WAKES;
use super::own::Own;
use super::{Trigger, View};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Entry;
use crate::model::Versions;

/// ScaledObjects whose workload nothing wakes.
pub fn across<'i>(inventory: &'i Inventory<'i>, versions: &Versions) -> Vec<Finding> {
    let all = inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh");
    all.filter_map(|object| never_wakes(inventory, object, versions)).collect()
}

fn never_wakes<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    versions: &Versions,
) -> Option<Finding> {
    let view = View::of(object)?;
    let sleeps = match view.idle {
        Some(idle) => idle == 0,
        None => view.min.unwrap_or(0) == 0,
    };
    // An overlay may keep a pod.
    let is_changed =
        object.bounds.iter().flatten().any(|(key, _)| matches!(*key, "minReplicaCount" | "idleReplicaCount"));
    if view.is_open || !sleeps || is_changed || view.has_formula() {
        return None;
    }
    let own = Own::of(inventory, object)?;
    let mut first: Option<(&Trigger<'_>, &Entry)> = None;
    let mut is_error = false;
    let mut is_proven = true;
    for trigger in view.triggers.iter().filter(|trigger| !trigger.is_resource()) {
        let entry = own.source(trigger)?;
        let answers_zero = trigger.kind == "prometheus"
            && (trigger.ignores_null_values() != Some(false)
                || entry.node.as_str().is_some_and(|text| text.contains("vector(")));
        is_error |= !answers_zero;
        is_proven &= own.is_proven(trigger);
        first.get_or_insert((trigger, entry));
    }
    let (trigger, entry) = first?;
    let zero = view.entry("idleReplicaCount").or_else(|| view.entry("minReplicaCount"));
    // A fallback counts as work since 2.19. Source: kedacore/keda CHANGELOG.md 2.19.
    let is_woken = is_error && view.has_fallback() && versions.keda.at_least(2, 19);
    let what = match trigger.kind {
        "prometheus" => "exposes this metric",
        _ => "answers at this address",
    };
    let asks = match trigger.kind {
        "prometheus" => "the query counts what the pods themselves tell: without pods it is empty, that is",
        _ => "KEDA asks the pods themselves: without pods that is",
    };
    let message = if is_woken {
        format!("at 0 pods nobody {what}, and the fallback wakes the workload")
    } else {
        format!("at 0 pods nobody {what}")
    };
    let why = if is_woken {
        "without pods the answer is empty, which is an error here: after `failureThreshold` polls KEDA starts pods again, whether anybody waits or not, and no sleep lasts".to_string()
    } else {
        let is = if is_error { "an error at every poll" } else { "0" };
        let besides =
            if view.triggers.iter().any(Trigger::is_resource) { "; cpu and memory wake nobody" } else { "" };
        format!("{asks} {is}, and the workload sleeps for ever{besides}")
    };
    let keep = if view.idle.is_some() { "no `idleReplicaCount`" } else { "`minReplicaCount: 1`" };
    let place = crate::source::Place::new(object.document.file, entry.key_span);
    let mut finding = Finding::new(&NEVER_WAKES, place, message).why(why).help(format!(
        "keep one pod ({keep}), or add a trigger that sees the work from outside: the queue, the ingress"
    ));
    finding.severity = match (is_woken, is_proven) {
        (true, _) => Severity::Note,
        (false, true) => Severity::Error,
        (false, false) => Severity::Warning,
    };
    Some(match zero {
        Some(zero) => finding.related(object.place(&zero.node), "scaled to zero"),
        None => match view.spec.get("scaleTargetRef") {
            Some(target) => {
                finding.related(object.place(target), "without a `minReplicaCount` it is scaled to zero")
            }
            None => finding,
        },
    })
}

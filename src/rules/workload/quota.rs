//! A ResourceQuota that holds fewer pods than the autoscaler may start.
//!
//! Sources: kubernetes/kubernetes pkg/quota/v1/evaluator/core/pods.go, podComputeUsageHelper and podUsageHelper (`cpu`
//! and `memory` mean requests; init containers do not add up); pkg/apis/core/v1/defaults.go, SetDefaults_Pod (a limit
//! without a request is the request).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{QUOTA, Scaled};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Entry, Node};
use crate::model::{plain, quantity_value};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    // A scope leaves most pods out.
    let has_scope =
        |quota: &Object<'_>| ["scopes", "scopeSelector"].iter().any(|key| quota.at(&["spec", key]).is_some());
    let quotas: Vec<&Object<'i>> = inventory
        .kind("ResourceQuota")
        .filter(|quota| quota.group().is_empty() && quota.patched.is_empty() && !has_scope(quota))
        .collect();
    if quotas.is_empty() {
        return;
    }
    let of_jobs = inventory.kind("ScaledJob").filter(|object| object.group() == "keda.sh");
    let of_jobs = of_jobs.map(|object| Scaled { autoscaler: object, workload: object });
    let of_jobs: Vec<Scaled<'i>> = of_jobs.collect();
    for quota in &quotas {
        let is_alone = quotas.iter().filter(|other| other.name == quota.name).count() == 1;
        findings.extend(together(quota, of_jobs.iter().chain(scaled)).filter(|_| is_alone));
    }
    for one in of_jobs.iter().chain(scaled) {
        let own: Vec<&Object<'i>> = quotas.iter().filter(|quota| is_for(quota, one)).copied().collect();
        let tight = own.iter().filter_map(|quota| tightest(one, quota).map(|found| (found, quota)));
        // Of one name there are several for several environments: the largest counts.
        let is_held =
            |name: &str| own.iter().any(|other| other.name == name && tightest(one, other).is_none());
        let least = tight.filter(|(_, quota)| !is_held(&quota.name)).min_by_key(|(tight, _)| tight.pods);
        findings.extend(least.and_then(|(tight, quota)| told(one, quota, &tight)));
    }
}

/// Whether a quota is surely for the pods of a workload.
fn is_for(quota: &Object<'_>, one: &Scaled<'_>) -> bool {
    let is_near = match &quota.namespace {
        Some(namespace) => one.workload.namespace.as_ref() == Some(namespace),
        None => one.workload.namespace.is_none() && quota.is_beside(one.workload),
    };
    is_near && quota.meets(one.autoscaler)
}

/// What of a quota ends first.
struct Tight<'q> {
    entry: &'q Entry,
    pods: i64,
    /// What each pod takes of it, and all of them together.
    each: Decimal,
}

/// The range of an autoscaler, as it is written.
fn maximum<'o>(one: &'o Scaled<'_>) -> Option<(&'static str, i64, &'o Node)> {
    let key = if one.autoscaler.group() == "keda.sh" { "maxReplicaCount" } else { "maxReplicas" };
    let node = one.autoscaler.at(&["spec", key])?;
    // Of several overlays any may be the one with the quota.
    let is_changed = one.autoscaler.bounds.iter().flatten().any(|(changed, _)| *changed == key);
    let max = one.autoscaler.integer(&["spec", key]).filter(|_| !is_changed)?;
    Some((key, max, node))
}

fn tightest<'q>(one: &Scaled<'_>, quota: &'q Object<'_>) -> Option<Tight<'q>> {
    let (_, max, _) = maximum(one)?;
    let entries = quota.at(&["spec", "hard"])?.entries();
    let counted = entries.iter().filter_map(|entry| {
        let hard = quantity_value(&entry.node.as_written()?)?;
        let each = counted_as(&entry.key, one.workload)?;
        let pods = hard.checked_div(each)?.floor().to_i64()?;
        (pods < max).then_some(Tight { entry, pods, each })
    });
    counted.min_by_key(|tight| tight.pods)
}

/// What one pod takes of what a quota counts.
fn counted_as(what: &str, workload: &Object<'_>) -> Option<Decimal> {
    match what {
        "pods" | "count/pods" => Some(Decimal::ONE),
        "cpu" | "requests.cpu" => taken(workload, "cpu", &["requests", "limits"]),
        "memory" | "requests.memory" => taken(workload, "memory", &["requests", "limits"]),
        "limits.cpu" => taken(workload, "cpu", &["limits"]),
        "limits.memory" => taken(workload, "memory", &["limits"]),
        _ => None,
    }
}

/// Several autoscalers of which each fits into the quota, and all of them at their maximum do not.
fn together<'s, 'i: 's>(quota: &Object<'i>, scaled: impl Iterator<Item = &'s Scaled<'i>>) -> Option<Finding> {
    let mut members: Vec<&Scaled<'i>> = Vec::new();
    for one in scaled.filter(|one| is_for(quota, one)) {
        // What does not fit alone is told so.
        if tightest(one, quota).is_some() {
            return None;
        }
        if !members.iter().any(|other| std::ptr::eq(other.workload, one.workload)) {
            members.push(one);
        }
    }
    let (entry, wanted, count) = quota.at(&["spec", "hard"])?.entries().iter().find_map(|entry| {
        let hard = quantity_value(&entry.node.as_written()?)?;
        let each = members.iter().filter_map(|one| {
            let (_, max, _) = maximum(one)?;
            counted_as(&entry.key, one.workload)?.checked_mul(Decimal::from(max))
        });
        let each: Vec<Decimal> = each.collect();
        let sum = each.iter().try_fold(Decimal::ZERO, |sum, one| sum.checked_add(*one))?;
        (each.len() > 1 && sum > hard).then_some((entry, sum, each.len()))
    })?;
    let what = entry.key.as_str();
    let is_count = what.ends_with("pods");
    let wanted = if is_count { plain(wanted) } else { amount(wanted, what) };
    let hard = entry.node.as_written().unwrap_or_default();
    let mut finding = Finding::new(
        &QUOTA,
        quota.place(&entry.node),
        format!("{count} autoscalers may ask for {wanted} together, and the quota holds {hard}"),
    )
    .why("each fits alone: under load for all of them the first ones take what there is, and the API server refuses the pods of the others (`exceeded quota`)")
    .help(format!("raise `{what}` to {wanted} and what else runs in the namespace, or lower the maxima, if they may be at them at the same time"));
    for one in members.iter().take(3) {
        if let Some((key, max, node)) = maximum(one) {
            finding = finding.related(one.autoscaler.place(node), format!("`{key}: {max}`"));
        }
    }
    finding.severity = Severity::Note;
    Some(finding)
}

/// What the containers of a pod take together, at least; None: nothing that is written.
fn taken(workload: &Object<'_>, resource: &str, kinds: &[&str]) -> Option<Decimal> {
    let is_changed = workload.patched.iter().any(|path| path.iter().any(|key| key == "resources"));
    // A Job may have several pods.
    let is_several = workload.at(&["spec", "jobTargetRef", "parallelism"]).is_some();
    if is_changed || is_several {
        return None;
    }
    let mut sum = Decimal::ZERO;
    for container in workload.containers() {
        let written = |kind: &&str| container.at(&["resources", kind, resource]);
        if let Some(node) = kinds.iter().find_map(written) {
            sum = sum.checked_add(quantity_value(&node.as_written()?)?)?;
        }
    }
    (sum > Decimal::ZERO).then_some(sum)
}

fn told(one: &Scaled<'_>, quota: &Object<'_>, tight: &Tight<'_>) -> Option<Finding> {
    let (key, max, node) = maximum(one)?;
    let Tight { entry, pods, each } = tight;
    let hard = entry.node.as_written().unwrap_or_default();
    let plural = if *pods == 1 { "pod" } else { "pods" };
    let what = entry.key.as_str();
    let is_count = what.ends_with("pods");
    let needed = each.checked_mul(Decimal::from(max))?;
    let sum = if is_count {
        format!("the namespace may have {hard} pods, all others among them")
    } else {
        let (kind, resource) = what.split_once('.').unwrap_or(("requests", what));
        let verb = if kind == "limits" { "has limits of" } else { "requests" };
        format!(
            "each pod {verb} {} of {resource}, and the namespace has {hard} for all that runs in it",
            amount(*each, resource)
        )
    };
    let wanted = if is_count { plain(needed) } else { amount(needed, what) };
    Some(
        Finding::new(
            &QUOTA,
            one.autoscaler.place(node),
            format!("up to {max} pods, and the quota `{}` holds {pods} {plural}", quota.name),
        )
        .related(quota.place(&entry.node), format!("`{what}: {hard}`"))
        .related(one.workload.name_place(), "the workload")
        .why(format!(
            "{sum}: the API server refuses every further one (`exceeded quota`), however great the load is, and no new node helps"
        ))
        .help(match pods {
            0 => format!("raise `{what}` of the quota to at least {wanted}"),
            _ => format!("raise `{what}` of the quota to at least {wanted}, or write `{key}: {pods}`"),
        }),
    )
}

/// Memory in the largest power of two that leaves a whole number.
fn amount(value: Decimal, resource: &str) -> String {
    let is_memory = resource.ends_with("memory");
    let units = [("Gi", 1_i64 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let whole = units.iter().filter(|_| is_memory).find_map(|(unit, size)| {
        let count = value.checked_div(Decimal::from(*size))?;
        (count.fract().is_zero() && count >= Decimal::ONE).then(|| format!("{}{unit}", plain(count)))
    });
    let small = || (!is_memory && value < Decimal::ONE).then(|| value.checked_mul(Decimal::from(1000)));
    whole
        .or_else(|| small().flatten().map(|value| format!("{}m", plain(value))))
        .unwrap_or_else(|| plain(value))
}

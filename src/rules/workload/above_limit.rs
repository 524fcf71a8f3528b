//! A target of cpu or memory that the pods cannot pass, because their limit comes first.
//!
//! Sources: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, GetResourceReplicas: nothing changes
//! while the usage is within the tolerance of the target, 10 % unless `behavior` or the cluster says otherwise.

use rust_decimal::Decimal;

use super::sidecar::is_injected;
use super::usage::{Usage, sum};
use super::{ABOVE_LIMIT, Scaled};
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::model::{plain, quantity_value};

/// What the usage has to be of the target before a pod is added.
const PASSED: Decimal = Decimal::from_parts(11, 0, 0, false, 1);

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>, findings: &mut Vec<Finding>) {
    let is_changed = one.autoscaler.patched.iter().flatten().any(|key| key == "triggers" || key == "metrics");
    if is_changed || !one.workload.belongs_to(one.autoscaler) {
        return;
    }
    let all = Usage::all(one.autoscaler).into_iter();
    findings.extend(all.filter_map(|usage| out_of_reach(inventory, one, &usage)));
}

fn out_of_reach<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>, usage: &Usage<'i>) -> Option<Finding> {
    let container = usage.container.as_deref();
    // The limit of a sidecar is not here.
    if !matches!(usage.resource.as_str(), "cpu" | "memory")
        || container.is_none() && is_injected(inventory, one.workload)
    {
        return None;
    }
    let resource = usage.resource.as_str();
    let written = usage.target.as_written()?;
    let number = quantity_value(&written)?;
    let limit = sum(one.workload, (&["limits"], resource), container)?;
    let (target, of) = match usage.is_share {
        true => {
            let request = sum(one.workload, (&["requests", "limits"], resource), container)?;
            let share = number.checked_mul(request)?.checked_div(Decimal::ONE_HUNDRED)?;
            (share, format!("{} % of {}", plain(number), amount(resource, request)))
        }
        false => (number, format!("`{}`", written.escape_debug())),
    };
    let behavior = ["behavior", "advanced"].iter().find_map(|key| {
        let node = one.autoscaler.at(&["spec", key])?;
        if *key == "behavior" { Some(node) } else { node.at(&["horizontalPodAutoscalerConfig", "behavior"]) }
    });
    let has_tolerance = behavior.is_some_and(|node| node.at(&["scaleUp", "tolerance"]).is_some());
    let needed = if has_tolerance { target } else { target.checked_mul(PASSED)? };
    if target <= Decimal::ZERO || limit > needed || limit == needed && !has_tolerance && limit > target {
        return None;
    }
    let what = match container {
        Some(name) => format!("the container `{name}`"),
        None => "a pod".to_string(),
    };
    let end = if resource == "cpu" { "is throttled there" } else { "is killed there" };
    let unit = match (resource, usage.is_share) {
        ("cpu", false) if !written.ends_with('m') => "; without a unit it is whole cores",
        _ => "",
    };
    Some(
        Finding::new(
            &ABOVE_LIMIT,
            one.autoscaler.place(usage.target),
            format!("the target of {of} is out of reach: {what} has a limit of {} {resource}", amount(resource, limit)),
        )
        .related(one.workload.name_place(), "the workload")
        .why(format!(
            "the HPA adds a pod when the usage is more than 10 % above the target, that is above {}, and at {} it {end}: by this metric nothing ever scales out{unit}",
            amount(resource, needed),
            amount(resource, limit)
        ))
        .help(match usage.is_share {
            true => "write 60 to 80, or a request nearer to what a busy pod uses".to_string(),
            false => format!("write 60 to 80 % of the limit, such as `{}`", amount(resource, seven_tenths(limit)?)),
        }),
    )
}

fn seven_tenths(limit: Decimal) -> Option<Decimal> {
    limit.checked_mul(Decimal::from(7))?.checked_div(Decimal::TEN)
}

/// `500m`, `256Mi`.
fn amount(resource: &str, value: Decimal) -> String {
    if resource == "cpu" {
        return match value.checked_mul(Decimal::from(1000)) {
            Some(small) if !value.fract().is_zero() => format!("{}m", plain(small.trunc())),
            _ => plain(value),
        };
    }
    let mebibytes = value.checked_div(Decimal::from(1024 * 1024)).unwrap_or_default();
    match mebibytes >= Decimal::ONE {
        true => format!("{}Mi", plain(mebibytes.trunc())),
        false => plain(value.trunc()),
    }
}

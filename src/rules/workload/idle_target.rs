//! A cpu target so low that a process reaches it without any load, and an amount of memory that no process stays below.
//!
//! Source: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, GetResourceReplicas: the number of pods
//! grows as the usage of each is to its target.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::sidecar::is_injected;
use super::usage::{Usage, sum};
use super::{IDLE_TARGET, Scaled};
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::model::{plain, quantity_value};

/// Cores below which a target is not told apart from idling.
const IDLE: Decimal = Decimal::from_parts(10, 0, 0, false, 3);

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>, findings: &mut Vec<Finding>) {
    let all = Usage::all(one.autoscaler).into_iter();
    findings.extend(all.filter_map(|usage| low(inventory, one, &usage).or_else(|| few_bytes(one, &usage))));
}

fn low<'i>(inventory: &'i Inventory<'i>, one: &Scaled<'i>, usage: &Usage<'i>) -> Option<Finding> {
    let container = usage.container.as_deref();
    // The request of a sidecar is not here.
    if usage.resource != "cpu" || container.is_none() && is_injected(inventory, one.workload) {
        return None;
    }
    let written = quantity_value(&usage.target.as_written()?)?;
    let cpu = |kinds: &[&str]| sum(one.workload, (kinds, "cpu"), container);
    let (target, of) = if usage.is_share {
        let request = cpu(&["requests", "limits"])?;
        let share = written.checked_mul(request)?.checked_div(Decimal::ONE_HUNDRED)?;
        (share, format!(" ({} % of {})", plain(written), millicores(request)))
    } else {
        (written, String::new())
    };
    if target <= Decimal::ZERO || target >= IDLE {
        return None;
    }
    let grown = cpu(&["limits"]).and_then(|limit| {
        let pods = limit.checked_div(target)?.ceil().to_i64()?;
        let max = one.maximum();
        let most = if max > 0 { format!(", and the maximum is {max}") } else { String::new() };
        Some(format!("; one pod at its limit of {} asks for {pods}{most}", millicores(limit)))
    });
    let request = "ask of the metrics what a busy pod uses, write that as its request";
    Some(
        Finding::new(
            &IDLE_TARGET,
            one.autoscaler.place(usage.target),
            format!(
                "the target is {} of cpu{of} in each pod: an idle process may use that much",
                millicores(target)
            ),
        )
        .related(one.workload.name_place(), "the workload")
        .why(format!(
            "probes, timers and the garbage collector reach it without any load: pods are added, and stay{}",
            grown.unwrap_or_default()
        ))
        .help(match usage.is_share {
            true => format!("{request}, and let the target be 60 to 80 % of it"),
            false => "ask of the metrics what a busy pod uses, and write 60 to 80 % of that".to_string(),
        }),
    )
}

/// Bytes below which no process stays.
const FEW: i64 = 1024 * 1024;

/// An amount of memory whose unit was left out.
fn few_bytes(one: &Scaled<'_>, usage: &Usage<'_>) -> Option<Finding> {
    let written = usage.target.as_written()?;
    let value = quantity_value(&written)?;
    let is_changed = one.autoscaler.patched.iter().flatten().any(|key| key == "triggers" || key == "metrics");
    // Of an HPA it is told where its metric is read.
    if one.autoscaler.kind() != "ScaledObject" || usage.resource != "memory" || usage.is_share || is_changed {
        return None;
    }
    if value <= Decimal::ZERO || value >= Decimal::from(FEW) {
        return None;
    }
    let digits: String = written.chars().take_while(char::is_ascii_digit).collect();
    Some(
        Finding::new(
            &IDLE_TARGET,
            one.autoscaler.place(usage.target),
            format!("the target is {} bytes of memory in each pod", plain(value)),
        )
        .related(one.workload.name_place(), "the workload")
        .why("every process uses more, busy or not: the workload goes to its maximum and stays there")
        .help(format!("write the unit, such as `{digits}Mi`")),
    )
}

/// `7.5m`, and whole cores as such.
fn millicores(cores: Decimal) -> String {
    match cores.checked_mul(Decimal::from(1000)) {
        Some(small) if cores < Decimal::ONE || !cores.fract().is_zero() => format!("{}m", plain(small)),
        _ => plain(cores),
    }
}

//! PodDisruptionBudgets beside the minimum of an autoscaler, and beside the pods that they are called after.
//!
//! Source: kubernetes/kubernetes pkg/controller/disruption/disruption.go, getExpectedPodCount and getPodsForPdb.

use std::collections::HashMap;

use super::rendered::{Pair, together};
use super::service::may_be_met;
use super::several;
use super::{DISRUPTION_BUDGET, Scaled, carries, match_labels, pod_labels};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::has_variable;
use crate::source::Place;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    let mut budgets: HashMap<(String, String), Vec<&Object<'i>>> = HashMap::new();
    for budget in inventory.kind("PodDisruptionBudget") {
        if let Some(wanted) = match_labels(budget.at(&["spec", "selector"])) {
            budgets.entry(wanted[0].clone()).or_default().push(budget);
        }
    }
    let mut members: Vec<(&Object<'i>, Vec<&Scaled<'i>>)> = Vec::new();
    for one in scaled {
        let labels = pod_labels(one.workload);
        for budget in labels.iter().filter_map(|pair| budgets.get(pair)).flatten() {
            let wanted = match_labels(budget.at(&["spec", "selector"])).unwrap_or_default();
            let is_of_them = budget.belongs_to(one.workload) || budget.belongs_to(one.autoscaler);
            if !is_of_them
                || !budget.meets(one.workload)
                || !budget.meets(one.autoscaler)
                || !carries(&labels, &wanted)
            {
                continue;
            }
            match members.iter_mut().find(|(other, _)| std::ptr::eq(*other, *budget)) {
                Some((_, all)) => all.push(one),
                None => members.push((budget, vec![one])),
            }
        }
    }
    for (budget, all) in members {
        match several::check(inventory, budget, &all) {
            Some(finding) => findings.extend(finding),
            None => findings.extend(all.iter().flat_map(|one| tight(one, budget))),
        }
    }
    let kinds = ["Deployment", "StatefulSet", "Rollout"];
    let workloads: Vec<&Object<'i>> = kinds.into_iter().flat_map(|kind| inventory.kind(kind)).collect();
    for budget in budgets.values().flatten() {
        let workload = workloads.iter().find(|workload| {
            stem(&budget.name) == stem(&workload.name) && budget.is_beside(workload) && budget.meets(workload)
        });
        findings.extend(workload.and_then(|workload| nowhere(inventory, budget, workload)));
    }
    findings.extend(inventory.kind("PodDisruptionBudget").filter_map(both));
}

/// Both numbers at once, as it is written or in an overlay whose patch adds the other one.
///
/// Source: kubernetes/kubernetes pkg/apis/policy/validation/validation.go, ValidatePodDisruptionBudgetSpec.
fn both(budget: &Object<'_>) -> Option<Finding> {
    let is_open = |at: &usize| budget.renders.get(*at).is_some_and(|render| render.is_open);
    let renders: Vec<Option<usize>> = match budget.renders.len() {
        0 => vec![None],
        count => (0..count).filter(|at| !is_open(at)).map(Some).collect(),
    };
    let (least, most) = renders.into_iter().find_map(|render| {
        let written = |key: &str| budget.number(render, key).filter(|number| number.text.is_some());
        Some((written("minAvailable")?, written("maxUnavailable")?))
    })?;
    let (own, other) = if least.is_changed { (&least, &most) } else { (&most, &least) };
    let with = if own.is_changed { "with this patch, " } else { "" };
    Some(
        Finding::new(&DISRUPTION_BUDGET, own.place?, format!("{with}`minAvailable` and `maxUnavailable` at once"))
            .related(other.place?, "the other one")
            .why("the API server refuses the object: nothing is protected, and draining nodes may stop all pods at once")
            .help("keep one of them: `maxUnavailable: 1` follows the number of pods; a patch takes the other one out with `minAvailable: null`"),
    )
    .map(|mut finding| {
        finding.severity = Severity::Error;
        finding
    })
}

/// A name without what says that it is that of a budget or Deployment.
fn stem(name: &str) -> &str {
    const ENDS: [&str; 6] =
        ["-pdb", "-disruption-budget", "-poddisruptionbudget", "-budget", "-deployment", "-deploy"];
    ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// A selector that no pods of the repository satisfy, beside the workload that the budget is called after.
fn nowhere<'i>(inventory: &'i Inventory<'i>, budget: &Object<'i>, workload: &Object<'i>) -> Option<Finding> {
    let node = budget.at(&["spec", "selector"])?;
    let wanted = match_labels(Some(node))?;
    let is_open = wanted.iter().any(|(name, value)| has_variable(name) || has_variable(value));
    let is_patched = !budget.patched.is_empty() || !workload.patched.is_empty();
    // Labels that an overlay writes go into selectors as well.
    let is_written = |name: &str| workload.added_pod_labels.iter().any(|(added, _)| added == name);
    if is_open
        || is_patched
        || wanted.iter().any(|(name, _)| is_written(name))
        || may_be_met(inventory, budget, &wanted)
    {
        return None;
    }
    let labels = pod_labels(workload);
    let (name, asked) = wanted.iter().find(|pair| !labels.contains(pair))?;
    let node = node.at(&["matchLabels", name]).unwrap_or(node);
    let own = labels.iter().find(|(other, _)| other == name);
    let has =
        own.map_or("do not carry that label".to_string(), |(name, value)| format!("carry `{name}: {value}`"));
    let finding = Finding::new(
        &DISRUPTION_BUDGET,
        budget.place(node),
        format!("it protects no pod: it selects `{name}: {asked}`, and the pods of `{}` {has}", workload.name),
    )
    .related(workload.name_place(), "the workload that it is called after")
    .why(format!("no error tells: draining nodes, as every upgrade of the cluster does, may stop all pods of `{}` at once", workload.name));
    Some(match own {
        Some((name, value)) => finding.help(format!("write `{name}: {value}`")),
        None => finding.help("select by a label of the pod template"),
    })
}

/// What a budget keeps, in one overlay or as it is written.
pub(super) struct Kept {
    text: String,
    pub(super) place: Place,
    pub(super) is_changed: bool,
}

impl Kept {
    pub(super) fn of(budget: &Object<'_>, render: Option<usize>) -> Option<Self> {
        let least = budget.number(render, "minAvailable")?;
        let most = budget.number(render, "maxUnavailable")?;
        let (number, text) = match (least.text.clone(), most.text.as_deref()) {
            (Some(text), _) => (least, text),
            (None, Some("0" | "0%")) => (most, "100%".to_string()),
            _ => return None,
        };
        Some(Kept { text, place: number.place?, is_changed: number.is_changed })
    }

    /// Whether it keeps all pods, however many there are.
    pub(super) fn is_all(&self) -> bool {
        self.text == "100%"
    }

    /// Whether none of so many pods may go.
    pub(super) fn stops_all(&self, pods: i64) -> bool {
        // A share is rounded up to whole pods.
        let share = self.text.strip_suffix('%').and_then(|share| share.parse::<i64>().ok());
        let least = match share {
            Some(share) => share.checked_mul(pods).map(|all| all.saturating_add(99) / 100),
            None => self.text.parse().ok(),
        };
        self.text == "100%" || least.is_some_and(|least| least >= pods && pods > 0)
    }
}

/// A budget against the range of an autoscaler, in each overlay that holds both.
fn tight(one: &Scaled<'_>, budget: &Object<'_>) -> Vec<Finding> {
    // Which pods it selects there cannot be told.
    let is_patched = budget.patched.iter().any(|path| path.get(1).is_some_and(|key| key == "selector"));
    if is_patched {
        return Vec::new();
    }
    let all = together(one.autoscaler, budget, one.workload).into_iter();
    let mut found = Vec::new();
    for finding in all.filter_map(|pair| tight_in(one, budget, pair)) {
        let is_told = found.iter().any(|other: &Finding| other.place == finding.place);
        if !is_told {
            found.push(finding);
        }
    }
    found
}

fn tight_in(one: &Scaled<'_>, budget: &Object<'_>, (scaler_at, budget_at): Pair) -> Option<Finding> {
    let is_keda = one.autoscaler.kind() == "ScaledObject";
    let [(low, least), (high, most)] = match is_keda {
        true => [("minReplicaCount", 0), ("maxReplicaCount", 100)],
        false => [("minReplicas", 1), ("maxReplicas", 0)],
    };
    let (low, high) = (one.autoscaler.number(scaler_at, low)?, one.autoscaler.number(scaler_at, high)?);
    let (min, max) = (low.or(least)?, high.or(most).unwrap_or(0));
    let kept = Kept::of(budget, budget_at)?;
    let is_never = max > 0 && kept.stops_all(max);
    if !is_never && !kept.stops_all(min) {
        return None;
    }
    let changed = [&low, &high].into_iter().take(if is_never { 2 } else { 1 });
    let changed = changed.filter(|number| number.is_changed).find_map(|number| number.place);
    let is_of_overlay = changed.is_some() || kept.is_changed;
    let name = if is_of_overlay { one.workload.document.name() } else { &one.workload.name };
    let with = if is_of_overlay { "with this patch, " } else { "" };
    let message = if is_never {
        let pods = if max == 1 { "pod" } else { "pods" };
        format!("{with}not even at its maximum of {max} {pods} a pod of `{name}` may go")
    } else {
        let pods = if min == 1 { "pod" } else { "pods" };
        format!("{with}at its minimum of {min} {pods} no pod of `{name}` may go")
    };
    let mut finding = Finding::new(&DISRUPTION_BUDGET, changed.unwrap_or(kept.place), message);
    if changed.is_some() {
        finding = finding.related(kept.place, "the budget");
    } else {
        finding = finding.related(one.autoscaler.name_place(), "the autoscaler");
    }
    let why = if is_never || min > 0 && max == min {
        "draining a node waits for ever, and so does every upgrade of the cluster"
    } else {
        "while the load is low, draining a node waits, and so does every upgrade of the cluster"
    };
    let help = match min {
        1 if !is_never => {
            "keep at least 2 pods, and write `maxUnavailable: 1`, which follows their number; or leave the budget out, and one pod is away for a moment at every upgrade"
        }
        _ => "write `maxUnavailable: 1`, which follows the number of pods",
    };
    Some(finding.why(why).help(help))
}

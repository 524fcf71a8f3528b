//! A hook before the end of a pod that sleeps longer than the pod is given.
//!
//! Source: kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go, killContainer: the time of the hook is
//! taken from the grace period, and 2 seconds are left at least.

use super::{GRACE_PERIOD, Scaled};
use crate::finding::Finding;
use crate::manifest::Node;
use crate::source::Place;

/// What Kubernetes writes where nothing is.
const DEFAULT: i64 = 30;

pub(super) fn check(scaled: &[Scaled<'_>], findings: &mut Vec<Finding>) {
    let mut told: Vec<Place> = Vec::new();
    for one in scaled {
        let workload = one.workload;
        let is_changed = |path: &Vec<String>| {
            path.iter().any(|key| matches!(key.as_str(), "terminationGracePeriodSeconds" | "lifecycle"))
        };
        if workload.patched.iter().any(is_changed) {
            continue;
        }
        let Some(spec) = workload.pod_template().and_then(|template| template.get("spec")) else { continue };
        let written = spec.get("terminationGracePeriodSeconds");
        let Some(grace) = written.map_or(Some(DEFAULT), |node| node.as_written()?.parse().ok()) else {
            continue;
        };
        for container in workload.containers() {
            let Some(hook) = container.at(&["lifecycle", "preStop"]) else { continue };
            let Some((seconds, node)) = slept(hook).filter(|(seconds, _)| *seconds > grace) else { continue };
            let place = workload.place(node);
            if told.contains(&place) {
                continue;
            }
            told.push(place);
            let message = format!("the hook sleeps {seconds} s, and the pod has {grace} s to end");
            let finding = Finding::new(&GRACE_PERIOD, place, message)
                .why(format!(
                    "at each scale-in the hook is killed after {grace} s, and the process has 2 s more: requests and jobs in work are cut off"
                ))
                .help(format!(
                    "write `terminationGracePeriodSeconds: {}` or more: the sleep, and the time that the process needs to end",
                    seconds.saturating_add(DEFAULT)
                ));
            findings.push(match written {
                Some(node) => finding.related(workload.place(node), "so long"),
                None => finding
                    .related(workload.name_place(), "without a `terminationGracePeriodSeconds` it is 30 s"),
            });
        }
    }
}

/// How long a hook sleeps at least, and where it says so.
fn slept(hook: &Node) -> Option<(i64, &Node)> {
    if let Some(node) = hook.at(&["sleep", "seconds"]) {
        return Some((node.as_written()?.parse().ok()?, node));
    }
    let command = hook.at(&["exec", "command"])?.items();
    let words: Vec<&str> = command.iter().filter_map(Node::as_str).collect();
    let written: Vec<String> = command.iter().filter_map(Node::as_written).collect();
    let is = |word: &str, name: &str| word.rsplit('/').next() == Some(name);
    match words.as_slice() {
        [first, ..] if is(first, "sleep") => Some((duration(written.get(1)?)?, command.get(1)?)),
        [first, flag, script] if (is(first, "sh") || is(first, "bash")) && flag.ends_with('c') => {
            // What is done on a condition may not be done, and a loop ends early.
            let has =
                |word: &str| script.split(|c: char| !c.is_ascii_alphanumeric()).any(|other| other == word);
            if ["if", "while", "until", "for", "case", "timeout"].into_iter().any(has)
                || script.contains("||")
            {
                return None;
            }
            let statements = script.split([';', '\n']).flat_map(|part| part.split("&&")).map(str::trim);
            let sleeps = statements.filter_map(|one| {
                let (first, rest) = one.split_once(' ')?;
                is(first, "sleep").then(|| duration(rest.trim()))?
            });
            let seconds = sleeps.fold(0_i64, i64::saturating_add);
            Some((seconds, command.get(2)?))
        }
        _ => None,
    }
}

/// `300`, `5m`, `1.5h`, in seconds.
fn duration(text: &str) -> Option<i64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let factor = match &text[end..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = text[..end].parse::<f64>().ok()? * factor;
    (seconds < 1e9).then_some(seconds as i64)
}

//! A CronJob that sets the number of pods which an autoscaler decides.
//!
//! Sources: kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, reconcileAutoscaler (0 switches it off; what
//! is out of range is brought back); kedacore/keda pkg/scaling/executor/scale_scaledobjects.go.

use super::{SCALED_BY_HAND, Scaled};
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, scaled: &[Scaled<'i>], findings: &mut Vec<Finding>) {
    for cron in inventory.kind("CronJob") {
        let containers = cron.at(&["spec", "jobTemplate", "spec", "template", "spec", "containers"]);
        for container in containers.map(Node::items).unwrap_or_default() {
            for key in ["command", "args"] {
                let Some(list) = container.get(key) else { continue };
                findings.extend(commands(list).iter().find_map(|words| told(cron, list, words, scaled)));
            }
        }
    }
}

/// The commands of a list of words, or of the script in one of them.
fn commands(list: &Node) -> Vec<Vec<String>> {
    let words: Vec<String> = list.items().iter().filter_map(Node::as_written).collect();
    let script = words.iter().filter(|word| word.contains(char::is_whitespace));
    let mut all: Vec<Vec<String>> = script
        .flat_map(|script| script.split(['\n', ';']).flat_map(|line| line.split("&&")))
        .map(|line| line.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_string()).collect())
        .collect();
    all.push(words);
    all
}

fn told(cron: &Object<'_>, list: &Node, words: &[String], scaled: &[Scaled<'_>]) -> Option<Finding> {
    let at = words.iter().position(|word| word == "scale")?;
    if at == 0 || !words[..at].iter().any(|word| word.rsplit('/').next() == Some("kubectl")) {
        return None;
    }
    let rest = &words[at + 1..];
    let count = rest.iter().enumerate().find_map(|(number, word)| {
        let value = word.strip_prefix("--replicas")?;
        let value = value.strip_prefix('=').or_else(|| rest.get(number + 1).map(String::as_str))?;
        value.parse::<i64>().ok()
    })?;
    let one = scaled.iter().find(|one| {
        let name = one.workload.document.name();
        let kind = one.workload.kind().to_lowercase();
        let short = if kind == "deployment" { "deploy" } else { "sts" };
        let is_kind = |word: &str| {
            [kind.as_str(), short].contains(&word) || word.strip_suffix('s') == Some(kind.as_str())
        };
        let is_named = rest.iter().enumerate().any(|(number, word)| match word.split_once('/') {
            Some((kind, own)) => own == name && is_kind(kind),
            None => is_kind(word) && rest.get(number + 1).is_some_and(|own| own == name),
        });
        let space = rest.iter().enumerate().find_map(|(number, word)| {
            let value = word.strip_prefix("--namespace=").or_else(|| word.strip_prefix("-n="));
            value.or_else(|| {
                matches!(word.as_str(), "-n" | "--namespace")
                    .then(|| rest.get(number + 1).map(String::as_str))?
            })
        });
        let space = space.or(cron.namespace.as_deref());
        let is_there = space.is_none_or(|space| has_variable(space) || one.workload.may_be_in(space));
        is_named && is_there && cron.document.name() != name
    })?;
    let is_keda = one.autoscaler.kind() == "ScaledObject";
    // An HPA leaves a workload with 0 replicas alone: so it is switched off for the night.
    let is_off = |key: &str| one.autoscaler.integer(&["spec", key]);
    if count == 0 && !is_keda || is_keda && is_off("minReplicaCount").unwrap_or(0) == count && count != 0 {
        return None;
    }
    let why = match is_keda {
        true => "at its next look KEDA scales by the triggers again: what the CronJob sets holds for seconds",
        false => {
            "at its next look, within 15 s, the HPA decides by its metrics again: what the CronJob sets is gone before it had an effect"
        }
    };
    let help = match is_keda {
        true => {
            "write a trigger of type cron with the `desiredReplicas` of that time, or set the annotation `autoscaling.keda.sh/paused-replicas`"
        }
        false => "change `minReplicas` of the HPA at that time instead, or use KEDA's trigger of type cron",
    };
    let message =
        format!("this CronJob sets `{}` to {count}, which an autoscaler decides", one.workload.name);
    Some(
        Finding::new(&SCALED_BY_HAND, cron.place(list), message)
            .related(one.autoscaler.name_place(), "the autoscaler")
            .why(why)
            .help(help),
    )
}

//! A ScaledJob, and a Deployment of the same program that takes the same work all the time.
//!
//! Source: kedacore/keda-docs content/docs/concepts/scaling-jobs.md: a Job is started for what waits, and takes it itself.

use super::SECOND_CONSUMER;
use crate::finding::Finding;
use crate::inventory::{Environment, Inventory, Object};
use crate::manifest::{Node, has_variable};

/// Keys of triggers that name what is worked on.
const NAMES: [&str; 8] =
    ["queueName", "listName", "stream", "topic", "topicName", "subscriptionName", "queueURL", "subscription"];

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let jobs = inventory.kind("ScaledJob").filter(|object| object.group() == "keda.sh");
    for job in jobs.filter(|job| job.patched.is_empty()) {
        let own = inventory.environment(job);
        let triggers = job.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default().iter();
        let work = triggers.filter_map(|trigger| {
            let metadata = trigger.get("metadata")?;
            let node = NAMES.iter().find_map(|key| metadata.get(key))?;
            let name = node.as_str().filter(|name| !has_variable(name) && !name.contains("{{"))?;
            names(&own, name).then_some((node, name))
        });
        let Some((node, name)) = work.into_iter().next() else { continue };
        let others = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind));
        let runs = |other: &&Object<'_>| {
            other.belongs_to(job)
                && other.meets(job)
                && other.replicas.is_empty()
                && other.at(&["spec", "replicas"]).and_then(Node::as_written).as_deref() != Some("0")
                && other
                    .containers()
                    .iter()
                    .any(|container| job.containers().iter().any(|own| is_same(container, own)))
        };
        let Some(other) =
            others.into_iter().find(|other| runs(other) && names(&inventory.environment(other), name))
        else {
            continue;
        };
        findings.push(
            Finding::new(
                &SECOND_CONSUMER,
                job.place(node),
                format!("the {} `{}` takes what is in `{}` as well", other.kind(), other.name, name.escape_debug()),
            )
            .related(other.name_place(), "the same image and command, with the same queue, all the time")
            .why("its pods take what waits before a Job does: Jobs start, find nothing, and wait or end, and as long as nothing waits no Job starts at all")
            .help(format!("delete the {}, or write `replicas: 0`; or scale it by a ScaledObject instead", other.kind())),
        );
    }
}

/// Whether some variable holds the name.
fn names(environment: &Environment<'_>, name: &str) -> bool {
    environment.variables.iter().any(|variable| variable.held.as_ref().is_some_and(|held| held.text == name))
}

/// Whether two containers run one program in one way.
fn is_same(one: &Node, other: &Node) -> bool {
    let image = |node: &Node| {
        let image = node.get("image")?.as_str()?.split('@').next()?.to_string();
        let name =
            image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map(|(name, _)| name.to_string());
        Some(name.unwrap_or(image))
    };
    let words = |node: &Node, key: &str| -> Vec<Option<String>> {
        node.get(key).map(Node::items).unwrap_or_default().iter().map(Node::as_written).collect()
    };
    image(one).is_some()
        && image(one) == image(other)
        && ["command", "args"].iter().all(|key| words(one, key) == words(other, key))
}

//! Amounts of memory and cpu in another unit than is meant, and limits below requests.
//!
//! Sources: kubernetes/apimachinery pkg/api/resource/quantity.go (`m` is a thousandth, of whatever is counted);
//! kubernetes/kubernetes pkg/apis/core/validation/validation.go, ValidateContainerResourceRequirements ("must be less than or
//! equal to <resource> limit").

use rust_decimal::Decimal;

use super::RESOURCE_AMOUNT;
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::model::{is_quantity, plain, quantity_value};

/// Less than this no container starts in.
const LEAST_MEMORY: i64 = 1 << 20;

/// Hardly a node has so many.
const MOST_CORES: i64 = 256;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Rollout", "ReplicaSet", "ScaledJob"];
    for workload in inventory.objects.iter().filter(|object| kinds.contains(&object.kind())) {
        // What a patch makes of it is not known.
        if workload.patched.iter().any(|path| path.iter().any(|key| key == "resources")) {
            continue;
        }
        for container in workload.containers() {
            let Some(resources) = container.get("resources") else { continue };
            let broken = unreadable(workload, resources);
            if broken.is_some() {
                findings.extend(broken);
                continue;
            }
            findings.extend(unit(workload, resources, "memory"));
            findings.extend(unit(workload, resources, "cpu"));
            findings.extend(reversed(workload, container, resources).filter(|_| !workload.is_fragment));
        }
    }
}

/// An amount that is written.
struct Amount<'n> {
    node: &'n Node,
    text: String,
    value: Decimal,
}

fn amount<'n>(resources: &'n Node, kind: &str, resource: &str) -> Option<Amount<'n>> {
    let node = resources.at(&[kind, resource])?;
    let text = node.as_written().filter(|text| !has_variable(text))?;
    Some(Amount { node, value: quantity_value(&text)?, text })
}

/// The first amount that Kubernetes cannot read.
fn unreadable(workload: &Object<'_>, resources: &Node) -> Option<Finding> {
    let all = ["limits", "requests"]
        .into_iter()
        .flat_map(|kind| ["memory", "cpu"].map(|resource| (kind, resource)));
    let (node, text) = all.into_iter().find_map(|(kind, resource)| {
        let node = resources.at(&[kind, resource])?;
        let text = node.as_written().filter(|text| !has_variable(text) && !text.contains(['{', '<', '$']))?;
        (!is_quantity(&text) && quantity_value(&text).is_none()).then_some((node, text))
    })?;
    let short = text.trim_end_matches(['b', 'B', ' ']).replace(' ', "");
    let finding = Finding::new(
        &RESOURCE_AMOUNT,
        workload.place(node),
        format!("`{}` is no quantity", text.escape_debug()),
    )
    .why("the API server refuses the object: there is no workload to scale");
    Some(match is_quantity(&short) && !short.ends_with('m') {
        true => finding.help(format!("write `{short}`")),
        false => finding.help("write memory as `512Mi` or `2Gi`, and cpu as `500m` or `2`"),
    })
}

/// The first amount of a container that is absurd as it is written.
fn unit(workload: &Object<'_>, resources: &Node, resource: &str) -> Option<Finding> {
    let mut all = ["limits", "requests"].into_iter().filter_map(|kind| {
        let amount = amount(resources, kind, resource)?;
        let is_absurd = match resource {
            "memory" => amount.value > Decimal::ZERO && amount.value < Decimal::from(LEAST_MEMORY),
            _ => amount.value > Decimal::from(MOST_CORES),
        };
        is_absurd.then_some((kind, amount))
    });
    let (kind, amount) = all.next()?;
    let second = all.next();
    let digits = amount.text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let said = match resource {
        "memory" if amount.value == Decimal::ONE => "1 byte".to_string(),
        "memory" => format!("{} bytes", plain(amount.value)),
        _ => format!("{} cores", plain(amount.value)),
    };
    let message = format!("`{resource}: {}` is {said}", amount.text);
    let why = match (resource, kind) {
        ("memory", "limits") => "the container is killed before it has started: no pod is ever ready",
        ("memory", _) => {
            "the scheduler takes the pod for nothing and fills the node with them, and any use is thousands of percent of the request: an autoscaler by memory goes to its maximum and stays"
        }
        _ => "no node has so many: the pods stay Pending, and no new node helps",
    };
    let meant = if resource == "memory" { "Mi" } else { "m" };
    let mut finding = Finding::new(&RESOURCE_AMOUNT, workload.place(amount.node), message)
        .why(why)
        .help(format!("write `{digits}{meant}`, if that is meant"));
    if let Some((_, other)) = second {
        finding = finding.related(workload.place(other.node), "here too");
    }
    // Of cpu there are a few machines, and a limit alone may mean none at all.
    if !(resource == "memory" && kind == "limits") {
        finding.severity = Severity::Warning;
    }
    if resource == "cpu" && kind == "limits" && amount_of(resources, resource) {
        return None;
    }
    Some(finding)
}

/// Whether a request of its own is written, which is what is scheduled by.
fn amount_of(resources: &Node, resource: &str) -> bool {
    amount(resources, "requests", resource).is_some_and(|own| own.value <= Decimal::from(MOST_CORES))
}

/// A request above the limit.
fn reversed(workload: &Object<'_>, container: &Node, resources: &Node) -> Option<Finding> {
    let (resource, request, limit) =
        ["cpu", "memory", "ephemeral-storage"].into_iter().find_map(|resource| {
            let request = amount(resources, "requests", resource)?;
            let limit = amount(resources, "limits", resource)?;
            (request.value > limit.value).then_some((resource, request, limit))
        })?;
    let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
    let message = format!(
        "the container `{}` requests {} of {resource}, and its limit is {}",
        name.escape_debug(),
        request.text,
        limit.text
    );
    Some(
        Finding::new(&RESOURCE_AMOUNT, workload.place(request.node), message)
            .related(workload.place(limit.node), "the limit")
            .why("the API server refuses the object: there is no workload to scale")
            .help("write a limit that is at least the request"),
    )
}

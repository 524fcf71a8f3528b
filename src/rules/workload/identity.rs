//! KEDA as the identity of the workload, whose ServiceAccount names no role.
//!
//! Source: kedacore/keda pkg/scaling/resolver/scale_resolvers.go, ResolveAuthRefAndPodIdentity: with `provider: aws` and
//! `identityOwner: workload` the annotation `eks.amazonaws.com/role-arn` has to be there, and `roleArn` may not.

use super::{CREDENTIALS, given};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

const ROLE: &str = "eks.amazonaws.com/role-arn";

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let all = ["TriggerAuthentication", "ClusterTriggerAuthentication"];
    for given in all.into_iter().flat_map(|kind| inventory.kind(kind)) {
        let Some(identity) = given.at(&["spec", "podIdentity"]) else { continue };
        let text = |key: &str| identity.get(key).and_then(Node::as_str);
        if text("provider") != Some("aws") || text("identityOwner") != Some("workload") {
            continue;
        }
        // What does not go together is told of beside this.
        if identity.get("roleArn").is_some() {
            continue;
        }
        for scaler in ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind)) {
            findings.extend(without_role(inventory, given, identity, scaler));
        }
    }
}

fn without_role<'i>(
    inventory: &'i Inventory<'i>,
    auth: &Object<'i>,
    identity: &Node,
    scaler: &'i Object<'i>,
) -> Option<Finding> {
    let triggers = scaler.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
    let uses = |trigger: &Node| {
        let of = |key: &str| trigger.at(&["authenticationRef", key]).and_then(Node::as_str);
        of("name") == Some(auth.document.name())
            && of("kind").unwrap_or("TriggerAuthentication") == auth.kind()
    };
    let is_near = auth.kind() != "TriggerAuthentication" || auth.meets(scaler);
    if !is_near || !triggers.iter().any(uses) {
        return None;
    }
    let workload = given::target(inventory, scaler).filter(|workload| workload.belongs_to(scaler))?;
    let node = workload.pod_template()?.at(&["spec", "serviceAccountName"])?;
    let name = node.as_str()?;
    let mut accounts = inventory.named("ServiceAccount", name).filter(|account| account.meets(workload));
    let account = accounts.next().filter(|_| accounts.next().is_none())?;
    let is_changed =
        |path: &Vec<String>| path.iter().any(|key| key == "annotations" || key == "serviceAccountName");
    let annotations = account.at(&["metadata", "annotations"]);
    if annotations.is_some_and(|all| all.get(ROLE).is_some() || all.as_str().is_some())
        || account.patched.iter().chain(&workload.patched).any(is_changed)
    {
        return None;
    }
    let mut finding = Finding::new(
        &CREDENTIALS,
        account.name_place(),
        format!("the ServiceAccount `{name}` names no role, and KEDA is to take that of the workload"),
    )
    .related(auth.place(identity.get("identityOwner")?), "the workload is the owner")
    .related(workload.place(node), "its pods run as this account")
    .why(format!("KEDA reads the annotation `{ROLE}` of the account, and without it builds no scaler: nothing scales"))
    .help(format!("write `{ROLE}: arn:aws:iam::…:role/…` under its annotations, or leave `identityOwner` out and give KEDA's own role the rights"));
    // eksctl and others annotate it in the cluster.
    finding.severity = Severity::Warning;
    Some(finding)
}

//! Two objects of one kind, namespace and name that are applied together: the last one replaces the first.
//!
//! Sources: kubernetes/kubectl pkg/cmd/apply/apply.go, which goes through files and documents in their order;
//! kubernetes-sigs/kustomize api/resmap/reswrangler.go, Append: "may not add resource with an already registered id".

use std::collections::BTreeMap;

use super::{APPLIED_TWICE, same_service};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, Value, has_variable};

/// Earlier ones that are shown.
const MOST_SHOWN: usize = 3;

pub(super) fn check<'i>(inventory: &'i Inventory<'i>, findings: &mut Vec<Finding>) {
    let mut named: BTreeMap<_, Vec<&Object<'i>>> = BTreeMap::new();
    for object in inventory.objects.iter().filter(|object| is_whole(object)) {
        let id = (object.kind(), object.group(), object.namespace.as_deref(), object.name.as_str());
        named.entry(id).or_default().push(object);
    }
    // Files that hold the same are told of once.
    let mut pairs: BTreeMap<(&str, &str), (Finding, usize)> = BTreeMap::new();
    for all in named.values().filter(|all| all.len() > 1) {
        for (at, last) in all.iter().enumerate().rev() {
            let others: Vec<&Object<'i>> = all[..at]
                .iter()
                .copied()
                .filter(|other| {
                    are_applied_together(other, last)
                        && !is_same(&other.document.node, &last.document.node)
                        && !(last.kind() == "Service"
                            && !is_built_with(other, last)
                            && same_service::loses_nothing(other, last))
                })
                .collect();
            let Some(first) = others.first() else { continue };
            if first.path == last.path {
                findings.push(tell(&others, last));
            } else {
                let pair = pairs.entry((first.path, last.path));
                pair.and_modify(|(_, more)| *more += 1).or_insert_with(|| (tell(&others, last), 0));
            }
            break;
        }
    }
    findings.extend(pairs.into_values().map(|(finding, more)| match more {
        0 => finding,
        1 => finding.label("and one more of the same name in both files"),
        _ => finding.label(format!("and {more} more of the same names in both files")),
    }));
}

fn tell(others: &[&Object<'_>], last: &Object<'_>) -> Finding {
    let (kind, name) = (last.kind(), &last.name);
    let target = |object: &Object<'_>| object.text(&["spec", "scaleTargetRef", "name"]).map(str::to_string);
    let lost =
        others.iter().filter_map(|other| target(other)).find(|other| Some(other) != target(last).as_ref());
    let message = match (&lost, target(last)) {
        (Some(lost), Some(kept)) => {
            format!("two {kind}s of the name `{name}`, for `{lost}` and for `{kept}`: the last one counts")
        }
        _ => format!("a second {kind} of the name `{name}`: the last one counts"),
    };
    let is_built = others.iter().any(|other| is_built_with(other, last));
    let why = match &lost {
        _ if is_built => {
            "`kustomize build` refuses two objects of one name, and nothing is applied".to_string()
        }
        Some(lost) => format!("where both are applied the second replaces the first: nobody scales `{lost}`"),
        None => "where both are applied the second replaces the first: what only the first one says is lost"
            .to_string(),
    };
    let mut finding = Finding::new(&APPLIED_TWICE, last.name_place(), message)
        .why(why)
        .help("give one of them another name, or delete it; where they are alternatives, keep them in folders of their own");
    for other in others.iter().rev().take(MOST_SHOWN).rev() {
        finding = finding.related(other.name_place(), "the same name");
    }
    if is_built {
        finding.severity = Severity::Error;
    } else if others.iter().all(|other| other.path != last.path && are_ways(other.path, last.path)) {
        finding.severity = Severity::Note;
    }
    finding
}

/// Whether it is an object for itself, of a kind that slogen speaks of, and surely called so.
fn is_whole(object: &Object<'_>) -> bool {
    let needed: &[&str] = match (object.kind(), object.group()) {
        ("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet", "apps") | ("Rollout", "argoproj.io") => {
            &["spec", "template", "spec", "containers"]
        }
        ("ScaledObject", "keda.sh") | ("HorizontalPodAutoscaler", "autoscaling") => {
            &["spec", "scaleTargetRef"]
        }
        ("Service", "") | ("PodDisruptionBudget", "policy") => &["spec"],
        ("ServiceMonitor" | "PodMonitor", "monitoring.coreos.com") => &["spec", "selector"],
        ("TriggerAuthentication" | "ClusterTriggerAuthentication", "keda.sh") => &["spec"],
        _ => return false,
    };
    let is_open = |text: &str| has_variable(text) || text.contains("{{") || text.contains('<');
    !object.is_fragment
        && !object.document.name().is_empty()
        && !is_open(&object.name)
        && !object.namespace.as_deref().is_some_and(is_open)
        && object.at(needed).is_some()
        && !object.path.split(['/', '.', '-', '_']).any(is_illustration)
}

/// Folders and files of which one is chosen, or none.
fn is_illustration(word: &str) -> bool {
    const WORDS: [&str; 16] = [
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "docs",
        "test",
        "tests",
        "testdata",
        "templates",
        "backup",
        "old",
        "archive",
        "deprecated",
        "scenarios",
    ];
    WORDS.contains(&word.to_lowercase().as_str())
}

fn are_applied_together(one: &Object<'_>, other: &Object<'_>) -> bool {
    if one.path == other.path || is_built_with(one, other) {
        return true;
    }
    // In one folder, unless a kustomization chooses among its files, or the names say that people do.
    one.is_beside(other)
        && !one.is_built
        && !other.is_built
        && !is_variant(one.path)
        && !is_variant(other.path)
}

/// Whether one kustomization names the files of both.
fn is_built_with(one: &Object<'_>, other: &Object<'_>) -> bool {
    one.built_by.iter().any(|builder| other.built_by.contains(builder))
}

/// Whether the name of a file says that it is one of several ways, places or versions, or all of the others in one.
fn is_variant(path: &str) -> bool {
    const WORDS: [&str; 46] = [
        "dev",
        "development",
        "develop",
        "staging",
        "stage",
        "stg",
        "prod",
        "production",
        "prd",
        "qa",
        "uat",
        "local",
        "kind",
        "minikube",
        "k3s",
        "k3d",
        "eks",
        "gke",
        "aks",
        "aws",
        "gcp",
        "azure",
        "openshift",
        "canary",
        "blue",
        "green",
        "all",
        "bundle",
        "rendered",
        "install",
        "generated",
        "manifest",
        "manifests",
        "combined",
        "full",
        "minimal",
        "simple",
        "basic",
        "advanced",
        "alternative",
        "alt",
        "new",
        "fixed",
        "optimized",
        "gpu",
        "cpu",
    ];
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let is_version = |word: &str| {
        let digits = word.strip_prefix('v').unwrap_or(word);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.split(['.', '-', '_']).any(|word| WORDS.contains(&word) || is_version(word))
}

/// Whether the names of two files differ in a word only, as those of two ways to do one thing: `hpa` and `custom-hpa`,
/// `scaler-amqp` and `scaler-http`.
fn are_ways(one: &str, other: &str) -> bool {
    let words = |path: &str| -> Vec<String> {
        let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
        let name = name.split('.').next().unwrap_or_default();
        name.split(['-', '_']).map(str::to_string).collect()
    };
    let (one, other) = (words(one), words(other));
    let lacking = |all: &[String], of: &[String]| of.iter().filter(|word| !all.contains(word)).count();
    let (mine, theirs) = (lacking(&other, &one), lacking(&one, &other));
    mine == 0 || theirs == 0 || mine == 1 && theirs == 1 && one.len() > 1
}

/// Whether two say the same, in whatever order and spelling.
pub(super) fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Sequence(one), Value::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Mapping(mine), Value::Mapping(theirs)) => {
            let holds = |name: &str, node: &Node| {
                theirs.iter().any(|entry| entry.key == name && is_same(node, &entry.node))
            };
            mine.len() == theirs.len() && mine.iter().all(|entry| holds(&entry.key, &entry.node))
        }
        _ => one.as_written() == other.as_written(),
    }
}

//! A Secret of a token that one cluster made up for itself.
//!
//! Source: kubernetes/kubernetes pkg/controller/serviceaccount/tokens_controller.go, before 1.24 (the name is that of the
//! account, `-token-` and five letters and digits by chance); apimachinery pkg/util/rand/rand.go (which ones).

use super::CREDENTIALS;
use crate::finding::{Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::Node;

/// What names by chance are made of.
const LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";

pub(super) fn check(inventory: &Inventory<'_>, findings: &mut Vec<Finding>) {
    let all = inventory.kind("TriggerAuthentication").chain(inventory.kind("ClusterTriggerAuthentication"));
    for object in all.filter(|object| object.group() == "keda.sh") {
        let mut told: Vec<&str> = Vec::new();
        for item in object.at(&["spec", "secretTargetRef"]).map(Node::items).unwrap_or_default() {
            let Some(node) = item.get("name") else { continue };
            let Some((name, account)) = node.as_str().and_then(|name| Some((name, account(name)?))) else {
                continue;
            };
            if told.contains(&name)
                || !inventory.makers("Secret", name, object).is_empty()
                || inventory.is_generated("Secret", name)
            {
                continue;
            }
            told.push(name);
            let message = format!("`{name}` is a name that one cluster has made up");
            let finding = Finding::new(&CREDENTIALS, object.place(node), message)
                .why(format!(
                    "the end of it is by chance: in another cluster, or once the ServiceAccount `{account}` is made again, there is no such Secret, and the trigger is without credentials"
                ))
                .help(format!(
                    "write a Secret of type `kubernetes.io/service-account-token` under a name of its own, with the annotation `kubernetes.io/service-account.name: {account}`, and refer to that"
                ));
            findings.push(Finding { severity: Severity::Warning, ..finding });
        }
    }
}

/// The ServiceAccount of a token whose name is made by chance.
fn account(name: &str) -> Option<&str> {
    let (account, chance) = name.rsplit_once("-token-")?;
    let is_chance = chance.len() == 5
        && chance.chars().all(|letter| LETTERS.contains(letter))
        // A word of five letters without a vowel is none.
        && chance.chars().any(|letter| letter.is_ascii_digit());
    (is_chance && !account.is_empty()).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn knows_names_by_chance() {
        assert_eq!(account("thanos-token-f88g7"), Some("thanos"));
        for name in ["thanos-token", "thanos-token-v1", "api-token-prmth", "api-token-store", "-token-f88g7"]
        {
            assert_eq!(account(name), None, "{name}");
        }
    }
}

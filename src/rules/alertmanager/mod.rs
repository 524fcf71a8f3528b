//! Configurations of Alertmanager: files of their own, in ConfigMaps, Secrets and Helm values, and AlertmanagerConfigs.

mod inhibit;
mod literal;
mod namespaced;
mod refused;
mod routes;
mod tree;

use crate::finding::{Finding, cards};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::{Place, Sources};

cards! {
    "alertmanager":
    UNKNOWN_NAME Error "unknown-name" "a receiver or time interval that is not defined";
    REFUSED Error "refused" "a configuration that Alertmanager refuses";
    NOT_FILLED_IN Error "not-filled-in" "a variable that Alertmanager takes as it stands";
    SHADOWED_ROUTE Error "shadowed-route" "a route that an earlier one leaves nothing for";
    OTHER_SEVERITY Warning "other-severity" "a route for a severity that no alert has";
    INHIBITS_NOTHING Warning "inhibits-nothing" "an inhibition that never happens";
    OTHER_NAMESPACE Error "other-namespace" "alerts that an AlertmanagerConfig never gets";
}

/// One configuration: its routes, and what they refer to.
struct Configuration<'i> {
    object: &'i Object<'i>,
    root: &'i Node,
    /// Whether it is an AlertmanagerConfig, whose keys are written in another way.
    is_custom: bool,
}

impl<'i> Configuration<'i> {
    /// Whether nothing is laid under it: a file of its own, or an object, and not the values of a chart.
    fn is_whole(&self) -> bool {
        self.is_custom || std::ptr::eq(self.root, &self.object.document.node)
    }

    fn place(&self, node: &Node) -> Place {
        self.object.place(node)
    }

    fn names(&self, key: &str) -> Vec<&'i str> {
        let items = self.root.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.get("name")?.as_str()).collect()
    }
}

/// Everything about how alerts are sent on.
pub fn check<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = configurations(inventory);
    for configuration in &all {
        findings.extend(refused::check(configuration));
        findings.extend(routes::shadowed(configuration));
    }
    if all.is_empty() {
        return findings;
    }
    let alerts = super::alerting::sent(sources, inventory);
    for configuration in all.iter().filter(|one| !one.is_custom) {
        findings.extend(literal::check(configuration, inventory));
        findings.extend(routes::severities(configuration, &alerts, inventory));
        findings.extend(inhibit::check(configuration, &alerts, inventory));
    }
    let custom: Vec<&Configuration<'i>> = all.iter().filter(|one| one.is_custom).collect();
    findings.extend(namespaced::check(&custom, &alerts, inventory));
    findings
}

fn configurations<'i>(inventory: &'i Inventory<'i>) -> Vec<Configuration<'i>> {
    const HOSTS: [&str; 5] = ["", "HelmRelease", "Application", "HelmChart", "HelmChartConfig"];
    let mut all = Vec::new();
    for object in &inventory.objects {
        if object.kind() == "AlertmanagerConfig" {
            let spec = object.at(&["spec"]).filter(|_| !object.is_fragment && object.patched.is_empty());
            all.extend(spec.map(|root| Configuration { object, root, is_custom: true }));
        } else if HOSTS.contains(&object.kind()) {
            find(object, &object.document.node, 0, &mut all);
        }
    }
    all
}

/// A mapping with `route` and `receivers`, wherever it stands in values.
fn find<'i>(object: &'i Object<'i>, node: &'i Node, depth: usize, all: &mut Vec<Configuration<'i>>) {
    const MOST_LEVELS: usize = 8;
    if depth > MOST_LEVELS {
        return;
    }
    let is_it = node.at(&["route", "receiver"]).is_some()
        && node.get("receivers").is_some_and(|list| !list.items().is_empty());
    if is_it {
        all.push(Configuration { object, root: node, is_custom: false });
        return;
    }
    for entry in node.entries() {
        find(object, &entry.node, depth + 1, all);
    }
}

/// A text in which nothing is filled in later.
fn plain(node: &Node) -> Option<&str> {
    node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"))
}

//! Networks of Docker Compose: a container finds by their names only those that share one with it.
//!
//! Source: compose-spec/compose-spec 06-networks.md (without `networks` a service is in the one called `default`).

use std::collections::BTreeSet;

use super::{Compose, Server};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::scrape::address::host;
use crate::scrape::config::Job;
use crate::scrape::rules::NO_SUCH_SERVICE;
use crate::source::Place;

/// What the networks of a service are called in the end; None where they are not all written out.
fn networks(object: &Object<'_>, service: &Node) -> Option<BTreeSet<String>> {
    if service.get("network_mode").is_some() || service.get("extends").is_some() {
        return None;
    }
    let node = service.get("networks");
    let listed = node.map(Node::items).unwrap_or_default().iter().filter_map(Node::as_written);
    let keys = node.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.clone());
    let mut all: Vec<String> = listed.chain(keys).collect();
    if all.is_empty() {
        all.push("default".to_string());
    }
    let called = |key: String| {
        let name = object.at(&["networks", &key, "name"]).and_then(Node::as_written).unwrap_or(key);
        (!has_variable(&name)).then_some(name)
    };
    all.into_iter().map(called).collect()
}

impl Compose<'_> {
    /// The networks that the definitions of one service, in whichever files, bring it into.
    fn networks_of(&self, name: &str) -> Option<BTreeSet<String>> {
        let mut all = BTreeSet::new();
        for object in &self.files {
            let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
            for entry in services {
                let own = entry.node.get("container_name").or_else(|| entry.node.get("hostname"));
                if entry.key == name || own.and_then(Node::as_written).as_deref() == Some(name) {
                    all.extend(networks(object, &entry.node)?);
                }
            }
        }
        (!all.is_empty()).then_some(all)
    }
}

impl Compose<'_> {
    /// Whether a network gives this name to a service beside its own.
    fn is_alias(&self, name: &str) -> bool {
        let services = self.files.iter().filter_map(|object| object.at(&["services"]));
        let networks = services.flat_map(Node::entries).filter_map(|entry| entry.node.get("networks"));
        let mut aliases = networks.flat_map(Node::entries).filter_map(|network| network.node.get("aliases"));
        aliases.any(|list| list.items().iter().any(|alias| alias.as_str() == Some(name)))
    }
}

/// A target that is in other networks than the server.
pub fn apart(compose: &Compose<'_>, server: &Server<'_>, job: &Job) -> Option<Finding> {
    let name = compose.key(server)?;
    let own = compose.networks_of(name)?;
    let given = super::pairs_of(server.service, "extra_hosts", &[':', '=']);
    job.addresses().find_map(|(_, node, address)| {
        let other = host(&address);
        if has_variable(&address) || given.iter().any(|name| name == other) {
            return None;
        }
        let (object, entry) = compose.service(other)?;
        let theirs = compose.networks_of(other)?;
        let is_beside = object.path == server.object.path;
        if !own.is_disjoint(&theirs) || compose.is_alias(other) {
            return None;
        }
        let shown = |all: &BTreeSet<String>| {
            all.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        // A service without a word about networks is shown by its name.
        let place_of_theirs = match entry.node.get("networks") {
            Some(node) => object.place(node),
            None => Place::new(object.document.file, entry.key_span),
        };
        let help = match theirs.contains("default") {
            _ if !is_beside => format!("let both files name one network with `external: true`, such as that of `{other}`, and write the Prometheus into it"),
            true => format!("write the network of one of them into the `networks` of the other as well, such as `default` beside {}", shown(&own)),
            false => format!("write {} into the `networks` of the Prometheus as well", shown(&theirs)),
        };
        let mut finding =
            Finding::new(
                &NO_SUCH_SERVICE,
                job.place(node),
                format!("`{other}` {APART}"),
            )
            .related(place_of_theirs, format!("it is in {}", shown(&theirs)))
            .related(server.place(), format!("this container asks, and is in {}", shown(&own)))
            .why("names of containers are found in a common network only: the target is down from the first scrape on, and no series of it comes")
            .help(help);
        // Files may be joined by hand.
        if !is_beside {
            finding.severity = Severity::Warning;
        }
        Some(finding)
    })
}

const APART: &str = "shares no network with this Prometheus";

/// What one server is told of its jobs: services of other files are out of reach for one reason, and the first of them is
/// enough.
pub fn gathered(told: Vec<Finding>) -> Vec<Finding> {
    let is_far =
        |finding: &Finding| finding.severity == Severity::Warning && finding.message.ends_with(APART);
    let (far, mut near): (Vec<Finding>, Vec<Finding>) = told.into_iter().partition(is_far);
    let more = far.len().saturating_sub(1);
    near.extend(far.into_iter().next().map(|mut first| {
        if more > 0 {
            first.label = Some(format!("and {more} more of its jobs"));
        }
        first
    }));
    near
}

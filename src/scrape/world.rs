//! What a repository holds of scraping, found once for all rules.

use std::sync::OnceLock;

use super::address;
use super::config::{self, Configs};
use super::index::Index;
use super::network::Policies;
use super::operator::Operators;
use super::verdict::is_collected;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::{Place, Sources};

/// What a repository holds of scraping.
pub struct World<'i> {
    pub sources: &'i Sources,
    pub index: Index<'i>,
    pub configs: Configs,
    pub operators: Operators<'i>,
    pub policies: Policies<'i>,
    /// The name of a workload that is scraped, if there is one.
    pub somebody: OnceLock<Option<String>>,
    /// The Prometheus beside which nobody reads monitors, if it is so.
    pub reader_of_files: OnceLock<Option<Place>>,
    /// The one server that all triggers ask.
    pub asked: Option<Asked>,
}

/// A server that triggers ask.
pub struct Asked {
    pub namespace: String,
    /// An address of it.
    pub place: Place,
    /// Whether it scrapes itself, by its name.
    pub is_prometheus: bool,
}

impl<'i> World<'i> {
    pub fn new(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Self {
        let operators = Operators::new(inventory);
        World {
            sources,
            index: Index::new(inventory),
            configs: config::find(inventory, &operators),
            operators,
            policies: Policies::new(inventory),
            somebody: OnceLock::new(),
            reader_of_files: OnceLock::new(),
            asked: asked(inventory),
        }
    }
}

/// The server that all Prometheus triggers ask, where it is one and its namespace is written.
fn asked(inventory: &Inventory<'_>) -> Option<Asked> {
    let triggers = inventory.kind("ScaledObject").flat_map(|object| {
        let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
        triggers.iter().filter_map(move |trigger| Some((object, trigger.at(&["metadata", "serverAddress"])?)))
    });
    let mut only: Option<Asked> = None;
    for (object, node) in triggers {
        let Some(address) = node.as_str() else { continue };
        let mut parts = address::host(address).split('.');
        let (name, namespace) = (parts.next()?, parts.next()?);
        let is_service = match parts.next() {
            Some(third) => third == "svc",
            // Two words may be a domain as well.
            None => inventory.objects.iter().any(|object| lives_in(object, namespace)),
        };
        if !is_service || has_variable(namespace) {
            return None;
        }
        let is_prometheus = name.contains("prom") && !is_collected(address);
        match &mut only {
            Some(asked) if asked.namespace != namespace => return None,
            Some(asked) => asked.is_prometheus &= is_prometheus,
            None => {
                let (namespace, place) = (namespace.to_string(), object.place(node));
                only = Some(Asked { namespace, place, is_prometheus });
            }
        }
    }
    only
}

/// Whether an object shows that there is such a namespace.
fn lives_in(object: &Object<'_>, namespace: &str) -> bool {
    object.namespace.as_deref() == Some(namespace) || object.kind() == "Namespace" && object.name == namespace
}

//! Which services a container finds by their names: those of its own project.
//!
//! Sources: compose-spec/compose-spec 04-version-and-name.md (a top-level `name` is that of the project) and
//! 06-networks.md (the default network is the project's own).

use std::collections::HashSet;

use super::{Compose, Server, is_own, pairs_of};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Entry, Node, has_variable};
use crate::scrape::address::host;
use crate::scrape::job::is_probe;
use crate::scrape::rules::NO_SUCH_SERVICE;
use crate::scrape::world::World;

/// Names that are found.
pub type Names = HashSet<String>;

/// Whether two files are projects with names of their own, which do not find each other.
pub fn are_apart(one: &Object<'_>, other: &Object<'_>) -> bool {
    let name = |object: &Object<'_>| {
        object.at(&["name"]).and_then(Node::as_written).filter(|name| !has_variable(name) && !name.is_empty())
    };
    matches!((name(one), name(other)), (Some(one), Some(other)) if one != other)
}

impl Compose<'_> {
    /// Whether there may be services, or names, that do not stand in these files.
    pub fn is_open(&self) -> bool {
        let is_external = |entry: &Entry| {
            entry.node.get("external").is_some_and(|node| node.as_written().as_deref() != Some("false"))
        };
        self.files.iter().any(|object| {
            let entries = |key: &str| object.at(&[key]).map(Node::entries).unwrap_or_default();
            object.at(&["include"]).is_some()
                || entries("networks").iter().any(is_external)
                || entries("services").iter().any(|entry| entry.node.get("extends").is_some())
        })
    }

    /// The names at which the services of some compose files are found.
    pub fn names_of(&self, is_meant: impl Fn(&Object<'_>) -> bool) -> Names {
        let mut names = Names::new();
        for object in self.files.iter().filter(|object| is_meant(object)) {
            for entry in object.at(&["services"]).map(Node::entries).unwrap_or_default() {
                let service = &entry.node;
                names.insert(entry.key.clone());
                let own = ["container_name", "hostname"].into_iter().filter_map(|key| service.get(key));
                names.extend(own.filter_map(Node::as_written));
                let aliases = service.get("networks").map(Node::entries).unwrap_or_default();
                let aliases = aliases.iter().filter_map(|network| network.node.get("aliases"));
                names.extend(aliases.flat_map(Node::items).filter_map(Node::as_written));
                names.extend(pairs_of(service, "extra_hosts", &[':', '=']));
                names.extend(service.get("links").map(Node::items).unwrap_or_default().iter().filter_map(
                    |link| Some(link.as_str()?.rsplit(':').next().unwrap_or_default().to_string()),
                ));
            }
        }
        names
    }
}

/// Targets of a configuration that only the services of another project are called: told at the server, because there
/// the configuration may be right.
pub fn known_elsewhere(
    world: &World<'_>,
    compose: &Compose<'_>,
    server: &Server<'_>,
    (path, names, everywhere): (&str, &Names, &Names),
) -> Option<Finding> {
    let jobs = world.configs.jobs.iter().filter(|job| world.sources.get(job.file).name == path);
    let mut missed: Vec<(String, crate::source::Place)> = Vec::new();
    for job in jobs.filter(|job| !is_probe(job)) {
        for (_, node, address) in job.addresses() {
            let name = host(&address);
            let is_missed = !names.contains(name) && everywhere.contains(name) && !is_own(&address, job);
            if is_missed && !has_variable(&address) && !missed.iter().any(|(other, _)| other == name) {
                missed.push((name.to_string(), job.place(node)));
            }
        }
    }
    let ((first, place), more) = missed.split_first()?;
    let has_it = |object: &&&Object<'_>| {
        object.at(&["services"]).is_some()
            && compose.names_of(|other| other.path == object.path).contains(first)
    };
    let other = compose.files.iter().find(has_it)?;
    let more = match more.len() {
        0 => String::new(),
        number => format!(" (and {number} more)"),
    };
    let shown = other.path.rsplit('/').next().unwrap_or(other.path);
    Some(
        Finding::new(
            &NO_SUCH_SERVICE,
            server.place(),
            format!("no service of this compose file is called `{first}`{more}, and its Prometheus scrapes it"),
        )
        .related(*place, "this target")
        .why(format!(
            "`{first}` is a service of {shown}, which is a project of another `name:`, with networks of its own: the target is down from the first scrape on"
        ))
        .help(match on_the_host(server) {
            true => "where they run on the machine itself write `host.docker.internal:<port>`, for which this service has an `extra_hosts`; or mount a configuration that names the services of this file",
            false => "mount a configuration that names the services of this file, or write both into one network",
        }),
    )
}

/// Whether a server has a name for the machine that it runs on.
fn on_the_host(server: &Server<'_>) -> bool {
    pairs_of(server.service, "extra_hosts", &[':', '=']).iter().any(|name| name == "host.docker.internal")
}

//! The configuration that a Prometheus is started with, against the files that its container has.
//!
//! Sources: prometheus/prometheus Dockerfile (`WORKDIR /prometheus`; `CMD` names `/etc/prometheus/prometheus.yml`, and
//! arguments of one's own replace it; the image holds a configuration that scrapes Prometheus alone) and
//! cmd/prometheus/main.go (`--config.file`, `prometheus.yml` by default; a configuration that cannot be read ends it).

use super::rules::CONFIG_NOT_READ;
use super::world::World;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// The configuration of the image.
pub const OF_IMAGE: &str = "/etc/prometheus/prometheus.yml";

const ENDS: &str = "Prometheus does not find its configuration and ends: the container starts again and again, and nothing is scraped";

/// The words with which a container starts Prometheus; None where it starts something else.
pub fn words<'n>(program: Option<&'n Node>, arguments: Option<&'n Node>) -> Option<Vec<&'n str>> {
    let own: Vec<&str> = program.into_iter().flat_map(list).collect();
    if own.first().is_some_and(|first| !first.ends_with("prometheus")) {
        return None;
    }
    let all: Vec<&str> = own.into_iter().chain(arguments.into_iter().flat_map(list)).collect();
    (!all.iter().any(|word| has_variable(word) || word.contains("{{"))).then_some(all)
}

/// A list of words, or a text of them.
fn list(node: &Node) -> impl Iterator<Item = &str> {
    node.as_str()
        .into_iter()
        .flat_map(str::split_whitespace)
        .chain(node.items().iter().filter_map(Node::as_str).flat_map(str::split_whitespace))
}

/// What the words say of the configuration.
pub enum Named<'n> {
    /// Nothing was said: the image's own words count.
    ByImage,
    File(&'n str),
    /// Words, and none of them about it.
    Missing,
}

pub fn named<'n>(words: &[&'n str]) -> Named<'n> {
    let flag = |word: &&str| word.trim_start_matches('-').starts_with("config.file");
    let Some(at) = words.iter().position(flag) else {
        let is_said = words.iter().any(|word| word.starts_with('-'));
        return if is_said { Named::Missing } else { Named::ByImage };
    };
    match words[at].split_once('=') {
        Some((_, path)) => Named::File(path),
        None => words.get(at + 1).map_or(Named::Missing, |path| Named::File(path)),
    }
}

pub fn missing(place: Place) -> Finding {
    Finding::new(&CONFIG_NOT_READ, place, "Prometheus is started without `--config.file`")
        .why(format!("arguments replace those of the image, and without this one Prometheus looks for `prometheus.yml` in its folder `/prometheus`. {ENDS}"))
        .help(format!("write `--config.file={OF_IMAGE}` among them, with the path at which the file is mounted"))
}

/// `beside`: what is mounted elsewhere, and most likely meant.
pub fn not_there(place: Place, path: &str, beside: Option<(Place, String)>) -> Finding {
    let message = format!("nothing is mounted at `{path}`, which Prometheus reads");
    let mut finding = Finding::new(&CONFIG_NOT_READ, place, message);
    if let Some((place, what)) = &beside {
        finding = finding.related(*place, what.clone());
    }
    let is_of_image = path == OF_IMAGE;
    finding
        .why(if is_of_image {
            "the image has a configuration of its own there, which scrapes Prometheus alone: what is written here is never read, and no error tells"
        } else {
            ENDS
        })
        .help(format!("mount the file at `{path}`, or name the path at which it is mounted with `--config.file=`"))
}

/// Deployments and StatefulSets of Prometheus.
pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let kinds = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind));
    kinds.filter_map(|object| of_workload(world, inventory, object)).collect()
}

fn of_workload<'i>(
    world: &World<'i>,
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
) -> Option<Finding> {
    if !object.patched.is_empty() {
        return None;
    }
    let container = object.containers().iter().find(|container| is_server(container))?;
    if container.get("workingDir").is_some() {
        return None;
    }
    let (program, arguments) = (container.get("command"), container.get("args"));
    let words = words(program, arguments)?;
    let place = object.place(arguments.or(program).or_else(|| container.get("image"))?);
    let mounts = container.get("volumeMounts").map(Node::items).unwrap_or_default();
    let at = |mount: &Node| Some(mount.get("mountPath")?.as_str()?.trim_end_matches('/').to_string());
    let path = match named(&words) {
        // A file in the folder in which it is started.
        Named::Missing
            if mounts.iter().any(|mount| at(mount).is_some_and(|to| to.starts_with("/prometheus/"))) =>
        {
            return None;
        }
        Named::Missing => return Some(missing(place)),
        Named::ByImage => OF_IMAGE,
        Named::File(path) if path.starts_with('/') => path,
        Named::File(_) => return None,
    };
    let covers = |to: &str| path == to || path.starts_with(&format!("{to}/"));
    let covering = mounts.iter().filter(|mount| at(mount).is_some_and(|to| covers(&to)));
    let volumes = object.at(&["spec", "template", "spec", "volumes"]).map(Node::items).unwrap_or_default();
    let volume = |mount: &Node| {
        let name = mount.get("name").and_then(Node::as_str)?;
        volumes.iter().find(|volume| volume.get("name").and_then(Node::as_str) == Some(name))
    };
    let Some(mount) = covering.max_by_key(|mount| at(mount).map_or(0, |to| to.len())) else {
        // A ConfigMap with a configuration that is mounted somewhere else.
        let configured = |mount: &&Node| {
            let map = volume(mount)?.at(&["configMap", "name"])?.as_str()?;
            let map = inventory.meant("ConfigMap", map, object)?;
            let file = map.document.file;
            let is_it = world.configs.seen.iter().any(|place| {
                let span = map.document.node.span;
                place.file == file && span.start <= place.span.start && place.span.end <= span.end
            });
            is_it.then(|| (object.place(mount), format!("the ConfigMap `{}` is mounted here", map.name)))
        };
        let beside = mounts.iter().find_map(|mount| configured(&mount));
        return beside.is_some().then(|| not_there(place, path, beside));
    };
    let source = volume(mount)?.get("configMap")?;
    let map = inventory.meant("ConfigMap", source.get("name")?.as_str()?, object)?;
    let is_open =
        !map.patched.is_empty() || map.keys().is_empty() || map.keys().iter().any(|key| has_variable(key));
    if is_open || inventory.named("ConfigMap", &map.name).count() > 1 {
        return None;
    }
    let to = at(mount)?;
    let rest = path[to.len()..].trim_start_matches('/');
    let wanted = match mount.get("subPath").and_then(Node::as_str) {
        Some(key) if rest.is_empty() => key,
        // A file that is mounted where a folder is wanted.
        Some(_) => return None,
        None => rest,
    };
    let items = source.get("items").map(Node::items).unwrap_or_default();
    let written = |item: &Node, key: &str| item.get(key).and_then(Node::as_written);
    let is_there = match items {
        [] => map.keys().contains(&wanted),
        items => items.iter().any(|item| written(item, "path").as_deref() == Some(wanted)),
    };
    if wanted.is_empty() || has_variable(wanted) || is_there {
        return None;
    }
    let keys = match items {
        [] => map.keys().iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
        items => items.iter().filter_map(|item| written(item, "path")).collect::<Vec<_>>().join(", "),
    };
    Some(
        Finding::new(&CONFIG_NOT_READ, place, format!("there is no file `{path}`, which Prometheus reads"))
            .related(map.name_place(), format!("the ConfigMap that is mounted there has {keys}"))
            .why(ENDS)
            .help("call the key as `--config.file` does, or name the key there"),
    )
}

fn is_server(container: &Node) -> bool {
    container.get("image").and_then(Node::as_str).is_some_and(is_image)
}

/// Whether an image is that of Prometheus as its makers build it.
pub fn is_image(image: &str) -> bool {
    let bare = image.split('@').next().unwrap_or(image);
    let name = match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => bare,
    };
    ["prom/prometheus", "quay.io/prometheus/prometheus", "docker.io/prom/prometheus"].contains(&name)
}

//! Prometheus servers to which somebody writes, and which take nothing that is written.
//!
//! Sources: prometheus/prometheus web/api/v1/api.go (`/api/v1/write` and `/api/v1/otlp` answer 404 unless the receiver is
//! enabled) and cmd/prometheus/main.go (`--web.enable-remote-write-receiver`, `--web.enable-otlp-receiver`; until 3.0 also
//! `--enable-feature=remote-write-receiver` and `otlp-write-receiver`).

use super::compose::Compose;
use super::rules::WRITE_REFUSED;
use super::started::{is_image, words};
use super::world::World;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::{Place, Span};

/// A path at which is written, the flag that opens it, and the feature that once did.
const PATHS: [(&str, &str, &str); 2] = [
    ("/api/v1/write", "--web.enable-remote-write-receiver", "remote-write-receiver"),
    ("/api/v1/otlp", "--web.enable-otlp-receiver", "otlp-write-receiver"),
];

/// An address to which is written.
struct Written<'s> {
    host: &'s str,
    place: Place,
    path: usize,
}

pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>, compose: &Compose<'i>) -> Vec<Finding> {
    let mut told: Vec<Place> = Vec::new();
    let mut findings = Vec::new();
    for (file, source) in world.sources.iter() {
        for (number, (path, flag, _)) in PATHS.iter().enumerate() {
            for (at, _) in source.text.match_indices(path) {
                let Some((host, span)) = address(&source.text, at, path.len()) else { continue };
                let written = Written { host, place: Place::new(file, span), path: number };
                let beside = inventory.objects.iter().find(|object| object.document.file == file);
                let is_of_a_cluster = beside.is_some_and(|object| !object.kind().is_empty());
                let server = of_compose(compose, &written, &source.name)
                    .filter(|_| !is_of_a_cluster)
                    .or_else(|| of_cluster(inventory, &written, beside));
                let Some(server) = server.filter(|server| !told.contains(server)) else { continue };
                told.push(server);
                findings.push(
                    Finding::new(
                        &WRITE_REFUSED,
                        written.place,
                        format!("`{host}` is a Prometheus that takes nothing which is written to it"),
                    )
                    .related(server, format!("it is started without `{flag}`"))
                    .why("it answers 404: whoever writes drops what it has, and no query here ever sees a series of it")
                    .help(format!("start it with `{flag}`")),
                );
            }
        }
    }
    findings
}

/// The host of an address whose path begins here, and where the whole stands; None in comments.
fn address(text: &str, at: usize, length: usize) -> Option<(&str, Span)> {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line..at];
    let start = before.rfind("http")?;
    let is_comment = before.trim_start().starts_with('#') || before[..start].contains(" #");
    let (_, place) = before[start..].split_once("://")?;
    // Behind a proxy it may be somebody else.
    let (host, port) = place.split_once(':')?;
    let is_plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_it = port == "9090" && is_plain(host) && !host.is_empty() && !is_comment;
    is_it.then(|| (host, Span::new(line + start, at + length)))
}

fn takes(words: &[&str], path: usize) -> bool {
    let (_, flag, feature) = PATHS[path];
    words.iter().any(|word| {
        word.starts_with(flag) || word.starts_with("--enable-feature") && word.contains(feature)
            // The list may be the next word.
            || word.split(',').any(|one| one == feature)
    })
}

/// Whether a service or container is a plain Prometheus that is started without the flag.
fn refuses(service: &Node, program: Option<&Node>, arguments: Option<&Node>, path: usize) -> bool {
    let is_server = service.get("image").and_then(Node::as_str).is_some_and(is_image);
    is_server && words(program, arguments).is_some_and(|words| !takes(&words, path))
}

fn of_compose(compose: &Compose<'_>, written: &Written<'_>, file: &str) -> Option<Place> {
    let (object, entry) = compose.service(written.host)?;
    // Several projects may have a service of that name: the one that reads the file is meant.
    if compose.several_called(written.host) || !is_near(object.path, file) {
        return None;
    }
    let service = &entry.node;
    let is_open = service.get("build").is_some() || service.get("extends").is_some();
    let refuses = refuses(service, service.get("entrypoint"), service.get("command"), written.path);
    (refuses && !is_open).then(|| Place::new(object.document.file, entry.key_span))
}

/// Whether a file lies in the folder of another, or below it.
fn is_near(compose: &str, file: &str) -> bool {
    let folder = compose.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    file.starts_with(&folder)
}

fn of_cluster<'i>(
    inventory: &'i Inventory<'i>,
    written: &Written<'_>,
    beside: Option<&Object<'i>>,
) -> Option<Place> {
    let beside = beside.filter(|object| !object.kind().is_empty())?;
    let service = inventory.service_at(written.host, beside)?;
    let mut servers =
        ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind)).filter(|workload| {
            service.meets(workload) && crate::inventory::selects(service, &workload.pod_labels())
        });
    let server = servers.next()?;
    if servers.next().is_some() || !server.patched.is_empty() {
        return None;
    }
    let container = server.containers().iter().find(|container| {
        refuses(container, container.get("command"), container.get("args"), written.path)
    })?;
    Some(server.place(container.get("args").or_else(|| container.get("image"))?))
}

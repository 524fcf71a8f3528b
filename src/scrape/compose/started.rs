//! The configuration that a Prometheus in Docker Compose reads, and whether it is one that is mounted.

use super::{Compose, Server, bind};
use crate::finding::Finding;
use crate::manifest::Node;
use crate::scrape::started::{Named, OF_IMAGE, is_image, missing, named, not_there, words};

pub fn check(compose: &Compose<'_>) -> Vec<Finding> {
    compose.servers.iter().filter_map(of_server).collect()
}

fn of_server(server: &Server<'_>) -> Option<Finding> {
    let service = server.service;
    let is_open =
        ["build", "extends", "working_dir", "env_file"].iter().any(|key| service.get(key).is_some());
    if is_open || !service.get("image").and_then(Node::as_str).is_some_and(is_image) {
        return None;
    }
    let (program, arguments) = (service.get("entrypoint"), service.get("command"));
    let words = words(program, arguments)?;
    let place = arguments.map_or(server.place, |node| server.object.place(node));
    let volumes = service.get("volumes").map(Node::items).unwrap_or_default();
    let to =
        |path: &str| volumes.iter().any(|volume| bind(volume).is_some_and(|(_, to)| to.starts_with(path)));
    let path = match named(&words) {
        Named::Missing if to("/prometheus/") => return None,
        Named::Missing => return Some(missing(place)),
        Named::ByImage => OF_IMAGE,
        Named::File(path) if path.starts_with('/') => path,
        Named::File(_) => return None,
    };
    if server.sees(path) {
        return None;
    }
    // A configuration that is mounted somewhere else.
    let configured = volumes.iter().find(|volume| {
        bind(volume).is_some_and(|(from, to)| {
            let is_file = [".yml", ".yaml"].iter().any(|end| to.ends_with(end));
            let file = from.rsplit('/').next().unwrap_or_default();
            is_file && file.contains("prom") && !file.contains("rule") && !file.contains("alert")
        })
    });
    let beside = configured.map(|volume| (server.object.place(volume), "this is mounted".to_string()));
    (beside.is_some() || path != OF_IMAGE).then(|| not_there(place, path, beside))
}

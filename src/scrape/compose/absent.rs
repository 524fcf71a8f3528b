//! Mounts of a Prometheus in Docker Compose whose source is not there.
//!
//! Sources: compose-spec/compose-spec 05-services.md (`volumes`: a relative path is one beside the first Compose file, or
//! below `--project-directory`; in the short form a source that is not there becomes a folder); prometheus/prometheus
//! cmd/prometheus/main.go (a configuration that cannot be read ends it).

use super::{Compose, Server, bind};
use crate::finding::{Finding, Severity};
use crate::inventory::{Object, join};
use crate::manifest::Node;
use crate::scrape::rules::MOUNT_MISSING;
use crate::scrape::world::World;
use crate::source::{FileId, Place, SourceFile, Span};

/// What the file is called from which another is made.
const MADE_FROM: [&str; 10] =
    [".template", ".tmpl", ".tpl", ".example", ".sample", ".dist", ".j2", ".in", ".erb", ".jsonnet"];

/// What may make files before anything is started.
const MAKERS: [&str; 25] = [
    ".env",
    ".env.example",
    ".env.sample",
    ".env.template",
    ".gitmodules",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Justfile",
    "Taskfile.yml",
    "Taskfile.yaml",
    "Vagrantfile",
    "ansible",
    "bin",
    "scripts",
    "script",
    "setup.sh",
    "install.sh",
    "start.sh",
    "run.sh",
    "init.sh",
    "deploy.sh",
    "bootstrap.sh",
    "generate.sh",
];

/// The file that the image brings along.
///
/// Source: prometheus/prometheus Dockerfile.
const OWN_FILE: &str = "/etc/prometheus/prometheus.yml";

/// Folders and files that a server mounts as its configuration, and that are not there.
pub fn check(world: &World<'_>, compose: &Compose<'_>, exists: fn(&str) -> bool) -> Vec<Finding> {
    let is_below = |name: &str, path: &str| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let is_there = |path: &str| {
        let mut all = world.sources.iter();
        all.any(|(_, source)| source.name == path || is_below(&source.name, path)) || exists(path)
    };
    let all = compose.servers.iter().flat_map(|server| {
        let volumes = server.service.get("volumes").map(Node::items).unwrap_or_default();
        volumes.iter().find_map(|volume| absent(world, compose, server, volume, &is_there))
    });
    all.collect()
}

fn absent(
    world: &World<'_>,
    compose: &Compose<'_>,
    server: &Server<'_>,
    volume: &Node,
    is_there: &dyn Fn(&str) -> bool,
) -> Option<Finding> {
    let (from, to) = bind(volume)?;
    // What a variable says by default is read as written, and may be something else.
    let raw = world.sources.get(server.object.document.file).text.get(volume.span.range());
    if raw.is_none_or(|raw| raw.contains('$')) {
        return None;
    }
    let is_relative = from.starts_with("./") || from.starts_with("../");
    if !is_relative || !to.starts_with("/etc/prometheus") {
        return None;
    }
    let path = join(server.folder(), from);
    let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
    let is_file = name.ends_with(".yml") || name.ends_with(".yaml");
    let is_all = to.trim_end_matches('/') == "/etc/prometheus";
    // What lies outside of the folders that were given is not known.
    if path.starts_with("..") || path.starts_with('/') || !is_file && !is_all {
        return None;
    }
    // Several files may be read as one, from the folder of the first, or from another by an option.
    let mut folder = server.folder();
    // One with a Prometheus of its own that mounts the same is a project of its own.
    let mounts_it = |object: &Object<'_>| {
        let own = compose.servers.iter().filter(|other| other.object.path == object.path);
        own.flat_map(|other| other.service.get("volumes").map(Node::items).unwrap_or_default())
            .any(|volume| bind(volume).is_some_and(|(other, _)| other == from))
    };
    let mut homes: Vec<&str> = compose
        .files
        .iter()
        .filter(|object| !mounts_it(object))
        .map(|object| super::folder(object.path))
        .collect();
    while !folder.is_empty() {
        folder = super::folder(folder);
        homes.push(folder);
    }
    if is_there(&path) || homes.iter().any(|home| is_there(&join(home, from))) {
        return None;
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let parent = super::folder(&path);
    let beside = |name: String| if parent.is_empty() { name } else { format!("{parent}/{name}") };
    let is_made = MADE_FROM
        .iter()
        .any(|end| is_there(&format!("{path}{end}")) || is_file && is_there(&beside(format!("{stem}{end}"))));
    if is_made {
        return None;
    }
    let fits = |source: &&(FileId, &SourceFile)| {
        source.1.name.rsplit('/').next() == Some(name)
            && (source.1.text.contains("scrape_configs") || source.1.text.contains("groups:"))
    };
    let others: Vec<(FileId, &SourceFile)> =
        if is_file { world.sources.iter().filter(|one| fits(&one)).collect() } else { Vec::new() };
    let other = others.first().copied();
    let what = if is_file { "file" } else { "folder" };
    let mut finding = Finding::new(
        &MOUNT_MISSING,
        server.object.place(volume),
        format!("no {what} `{from}` is here, and Docker mounts an empty folder instead"),
    )
    .why(match is_file {
        true if server.configuration().as_deref() == Some(path.as_str()) => {
            "Docker makes a folder of that name, and Prometheus, which wants a file there, does not start"
        }
        true => "Docker makes a folder of that name: the rules or targets in the file do not exist, and where the configuration names it Prometheus does not start",
        false => "Docker makes it, and Prometheus, which finds no configuration in it, does not start",
    });
    let is_made_here = || {
        let mut homes = homes.iter().copied().chain([server.folder(), parent]);
        homes.any(|home| MAKERS.iter().any(|name| is_there(&join(home, name))))
    };
    // The image has a file there: a folder cannot be mounted onto it, and the container is not made.
    let is_refused = is_file && to == OWN_FILE && server.service.get("build").is_none() && !is_made_here();
    finding = match other {
        Some((file, source)) => {
            // From the folder above that one the path is right.
            let is_right_elsewhere =
                source.name.ends_with(&format!("/{}", from.trim_start_matches(['.', '/'])));
            if !is_right_elsewhere && (is_refused || !parent.is_empty() && !is_there(parent)) {
                finding.severity = Severity::Error;
            }
            let place = Place::new(file, Span::new(0, source.text.lines().next().map_or(0, str::len)));
            let said = match others.len() {
                1 => "this one is meant".to_string(),
                2 => "this one may be meant, or one more of that name".to_string(),
                many => format!("this one may be meant, or one of {} more of that name", many - 1),
            };
            finding.related(place, said).help(format!(
                "write `{}:{to}`: a path is one beside the Compose file",
                server.seen_from(&source.name)
            ))
        }
        None => {
            if is_refused {
                finding.severity = Severity::Error;
            }
            finding.help("add it, or write where it is: a path is one beside the Compose file")
        }
    };
    Some(finding)
}

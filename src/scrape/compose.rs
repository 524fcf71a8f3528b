//! Docker Compose beside a plain `prometheus.yml`: what the container of Prometheus sees of the files and of its
//! neighbours.
//!
//! Sources: compose-spec/compose-spec 05-services.md (`volumes`, `extra_hosts`, `network_mode`) and 06-networks.md: a
//! service is found by its name, its `container_name` and its aliases by those who share a network with it.

mod absent;
mod network;
mod port;
mod project;
mod started;

use project::Names;

use super::address::host;
use super::config::Job;
use super::job::is_probe;
use super::rules::{NO_SUCH_SERVICE, SERVICE_ADDRESS};
use super::world::World;
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object, folder, join};
use crate::manifest::{Entry, Node, has_variable};
use crate::source::Place;

/// What Docker Desktop calls the machine.
const MACHINE: &str = "host.docker.internal";

/// A service of a compose file that runs Prometheus.
pub struct Server<'i> {
    object: &'i Object<'i>,
    service: &'i Node,
    place: Place,
}

/// A file or folder that a container sees: its path on the machine, if it is one, and in the container.
struct Mount {
    from: Option<String>,
    to: String,
}

/// Every compose file; the services of all of them may run beside each other, but for those of projects of their own.
pub struct Compose<'i> {
    files: Vec<&'i Object<'i>>,
    pub servers: Vec<Server<'i>>,
}

/// Whether this is a file of Docker Compose.
pub fn is_compose(object: &Object<'_>) -> bool {
    if !object.kind().is_empty() {
        return false;
    }
    let name = object.path.rsplit('/').next().unwrap_or(object.path);
    let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
    // A stack of Docker Swarm is called as one likes.
    let runs_one = || services.iter().any(|entry| server_image(&entry.node).is_some());
    !services.is_empty() && (name.contains("compose") || runs_one())
}

/// The image of a service, where it is that of Prometheus.
fn server_image(service: &Node) -> Option<&str> {
    let image = service.get("image").and_then(Node::as_str)?;
    let is_server = image.contains("prom/prometheus") || image.contains("/prometheus/prometheus");
    is_server.then_some(image)
}

impl<'i> Compose<'i> {
    pub fn new(inventory: &'i Inventory<'i>) -> Self {
        let files: Vec<&'i Object<'i>> =
            inventory.objects.iter().filter(|object| is_compose(object)).collect();
        let servers = files.iter().flat_map(|object| {
            let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
            services.iter().filter_map(|entry| {
                let place = Place::new(object.document.file, entry.key_span);
                server_image(&entry.node).map(|_| Server { object, service: &entry.node, place })
            })
        });
        Compose { servers: servers.collect(), files }
    }

    /// The server that reads a configuration of this path.
    pub fn server(&self, path: &str) -> Option<&Server<'i>> {
        self.servers_of(path).next()
    }

    /// All servers that read it, each of a compose file of its own.
    pub fn servers_of(&self, path: &str) -> impl Iterator<Item = &Server<'i>> {
        self.servers.iter().filter(move |server| server.configuration().as_deref() == Some(path))
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<(&'i Object<'i>, &'i Entry)> {
        self.files.iter().find_map(|object| {
            let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
            let is_it = |entry: &&Entry| {
                let own = entry.node.get("container_name").and_then(Node::as_str);
                entry.key == name || own == Some(name)
            };
            Some((*object, services.iter().find(is_it)?))
        })
    }

    /// Whether more than one file has a service of this name.
    pub fn several_called(&self, name: &str) -> bool {
        let has = |object: &&&Object<'_>| object.at(&["services", name]).is_some();
        self.files.iter().filter(has).count() > 1
    }

    /// What a server is called in its file.
    fn key(&self, server: &Server<'i>) -> Option<&'i str> {
        let services = server.object.at(&["services"])?.entries();
        let entry = services.iter().find(|entry| std::ptr::eq(&entry.node, server.service))?;
        Some(&entry.key)
    }

    /// The names at which the services of all compose files are found; None where there may be others.
    pub fn names(&self) -> Option<project::Names> {
        (!self.is_open()).then(|| self.names_of(|_| true))
    }
}

/// The two halves of a volume.
fn bind(volume: &Node) -> Option<(&str, &str)> {
    let Some(text) = volume.as_str() else {
        return Some((volume.get("source")?.as_str()?, volume.get("target")?.as_str()?));
    };
    let mut parts = text.split(':');
    Some((parts.next()?, parts.next()?))
}

/// The first halves of what is written as a mapping, or as a list of pairs.
fn pairs_of(service: &Node, key: &str, separators: &[char]) -> Vec<String> {
    let Some(node) = service.get(key) else { return Vec::new() };
    let listed = node.items().iter().filter_map(|item| {
        let text = item.as_str()?;
        Some(text.split(separators).next().unwrap_or(text).to_string())
    });
    node.entries().iter().map(|entry| entry.key.clone()).chain(listed).collect()
}

impl<'i> Server<'i> {
    pub fn place(&self) -> Place {
        self.place
    }

    fn folder(&self) -> &'i str {
        folder(self.object.path)
    }

    /// A path as it is written beside the compose file, upwards where it lies in another folder.
    pub fn seen_from(&self, path: &str) -> String {
        let mut own: Vec<&str> = self.folder().split('/').filter(|part| !part.is_empty()).collect();
        let mut parts: Vec<&str> = path.split('/').collect();
        while parts.len() > 1 && own.first().is_some_and(|first| *first == parts[0]) {
            own.remove(0);
            parts.remove(0);
        }
        let up = if own.is_empty() { "./".to_string() } else { "../".repeat(own.len()) };
        format!("{up}{}", parts.join("/"))
    }

    fn mounts(&self) -> Vec<Mount> {
        let volumes = self.service.get("volumes").map(Node::items).unwrap_or_default();
        let one = |from: &str, to: &str| {
            let is_path = from.starts_with(['.', '/', '~']);
            let from = is_path.then(|| join(self.folder(), from));
            Mount { from, to: to.trim_end_matches('/').to_string() }
        };
        let mut all: Vec<Mount> = volumes.iter().filter_map(bind).map(|(from, to)| one(from, to)).collect();
        // Files of `configs` are mounted as well.
        let configs = self.service.get("configs").map(Node::items).unwrap_or_default();
        all.extend(configs.iter().filter_map(|config| {
            let to = config.get("target")?.as_str()?.to_string();
            let name = config.get("source")?.as_str()?;
            let file = self.object.at(&["configs", name, "file"]).and_then(Node::as_str);
            Some(Mount { from: file.map(|file| join(self.folder(), file)), to })
        }));
        all
    }

    /// Whether a file is mounted at this very path.
    pub fn mounts_at(&self, path: &str) -> bool {
        self.mounts().iter().any(|mount| mount.to == path && mount.from.is_some())
    }

    /// The path in the container of a file on the machine, where it is mounted.
    pub fn seen_at(&self, path: &str) -> Option<String> {
        self.mounts().iter().find_map(|mount| {
            let rest = path.strip_prefix(mount.from.as_deref()?)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", mount.to))
        })
    }

    /// The path on the machine of what the container sees at a path.
    fn behind(&self, path: &str) -> Option<String> {
        let mounts = self.mounts();
        let holds = |mount: &&Mount| path == mount.to || path.starts_with(&format!("{}/", mount.to));
        let mount = mounts.iter().filter(holds).max_by_key(|mount| mount.to.len())?;
        Some(format!("{}{}", mount.from.as_deref()?, &path[mount.to.len()..]))
    }

    /// Whether something is mounted at a path, or around it.
    pub fn sees(&self, path: &str) -> bool {
        let is_it = |mount: &Mount| {
            path == mount.to || path.starts_with(&format!("{}/", mount.to)) || {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                mount.to.rsplit_once('/').is_some_and(|(parent, _)| parent == folder) && path.contains('*')
            }
        };
        self.service.get("build").is_some() || self.mounts().iter().any(is_it)
    }

    /// The configuration on the machine.
    fn configuration(&self) -> Option<String> {
        let command = self.service.get("command");
        let words = command.map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str);
        let text = command.and_then(Node::as_str).unwrap_or_default();
        let flag = words.chain(text.split_whitespace()).find_map(|word| word.strip_prefix("--config.file="));
        self.behind(flag.unwrap_or("/etc/prometheus/prometheus.yml"))
    }

    fn shares_the_machine(&self) -> bool {
        self.service.get("network_mode").is_some()
    }
}

/// Targets and Alertmanagers of configurations that compose files mount.
pub fn check(
    world: &World<'_>,
    compose: &Compose<'_>,
    inventory: &Inventory<'_>,
    exists: fn(&str) -> bool,
) -> Vec<Finding> {
    let mut findings = absent::check(world, compose, exists);
    findings.extend(started::check(compose));
    if compose.is_open() {
        findings.extend(unknown_machine(world, compose));
        return findings;
    }
    let everywhere = compose.names_of(|_| true);
    for server in compose.servers.iter().filter(|server| !server.shares_the_machine()) {
        let Some(path) = server.configuration() else { continue };
        let mut names = compose.names_of(|object| !project::are_apart(object, server.object));
        let elsewhere = project::known_elsewhere(world, compose, server, (&path, &names, &everywhere));
        if elsewhere.is_some() {
            // It is told once, at the server: in another project the configuration may be right.
            names.clone_from(&everywhere);
        }
        findings.extend(elsewhere);
        let jobs = world.configs.jobs.iter().filter(|job| world.sources.get(job.file).name == path);
        let mut of_jobs: Vec<Finding> = Vec::new();
        for job in jobs.filter(|job| !is_probe(job)) {
            let mut wrong = job.addresses().filter_map(|(_, node, address)| {
                told(server, &names, &address, job.place(node), is_own(&address, job))
                    .map(|finding| by_its_name(compose, server, &address, finding))
            });
            // Of one job the first is enough.
            let told = wrong.next().or_else(|| beside(compose, server, job));
            of_jobs.extend(told.or_else(|| at_random(compose, job)));
        }
        findings.extend(network::gathered(of_jobs));
        let root = inventory.objects.iter().find(|object| object.path == path && object.kind().is_empty());
        let Some(root) = root else { continue };
        let managers = root.at(&["alerting", "alertmanagers"]).map(Node::items).unwrap_or_default();
        let targets = managers
            .iter()
            .flat_map(|manager| manager.get("static_configs").map(Node::items).unwrap_or_default())
            .flat_map(|fixed| fixed.get("targets").map(Node::items).unwrap_or_default());
        findings.extend(targets.filter_map(|node| {
            told(server, &names, &node.as_written()?, root.place(node), false).map(|finding| {
                finding.why("Prometheus does not find it: alerts fire, and nobody is ever told")
            })
        }));
    }
    findings
}

/// What is wrong with the networks or ports of services that are there.
fn beside(compose: &Compose<'_>, server: &Server<'_>, job: &Job) -> Option<Finding> {
    network::apart(compose, server, job).or_else(|| port::closed(compose, server, job))
}

/// Targets on the machine itself, where other services may be somewhere else: no network gives its name.
fn unknown_machine(world: &World<'_>, compose: &Compose<'_>) -> Vec<Finding> {
    let names = compose.names_of(|_| true);
    // What a service takes over from another file may name hosts as well.
    let is_whole = |server: &&Server<'_>| {
        !server.shares_the_machine()
            && server.service.get("extends").is_none()
            && server.object.at(&["include"]).is_none()
    };
    let told_of = |server: &Server<'_>| -> Vec<Finding> {
        let Some(path) = server.configuration() else { return Vec::new() };
        let jobs = world.configs.jobs.iter().filter(|job| world.sources.get(job.file).name == path);
        let first = |job: &Job| {
            let mut all = job.addresses().filter(|(_, _, address)| host(address) == MACHINE);
            let unknown = all.find_map(|(_, node, address)| {
                told(server, &names, &address, job.place(node), false)
                    .map(|finding| by_its_name(compose, server, &address, finding))
            });
            unknown.or_else(|| beside(compose, server, job))
        };
        network::gathered(jobs.filter(|job| !is_probe(job)).filter_map(first).collect())
    };
    compose.servers.iter().filter(is_whole).flat_map(told_of).collect()
}

impl Compose<'_> {
    /// A service of which several containers run, by its name.
    fn several(&self, name: &str) -> Option<(Place, i64)> {
        self.files.iter().find_map(|object| {
            let services = object.at(&["services"])?;
            let entry = services.entries().iter().find(|entry| entry.key == name)?;
            let written = entry.node.at(&["deploy", "replicas"]).or_else(|| entry.node.get("scale"))?;
            let number = written.as_written()?.parse().ok().filter(|number| *number > 1)?;
            Some((object.place(written), number))
        })
    }
}

/// One address for several containers: the name leads to another one each time.
fn at_random(compose: &Compose<'_>, job: &Job) -> Option<Finding> {
    job.addresses().find_map(|(_, node, address)| {
        let name = host(&address);
        let (place, number) = compose.several(name)?;
        Some(
            Finding::new(&SERVICE_ADDRESS, job.place(node), format!("`{address}` is {number} containers"))
                .related(place, "so many run")
                .why("each scrape meets one of them at random: counters jump up and down, and a `rate` over them is far too high")
                .help(format!("write `dns_sd_configs: [{{names: [{name}], type: A, port: {}}}]`, which finds them all", address.rsplit_once(':').map_or("80", |(_, port)| port))),
        )
    })
}

/// What runs in the same compose file is asked by the name of its service.
fn by_its_name(compose: &Compose<'_>, server: &Server<'_>, address: &str, finding: Finding) -> Finding {
    match compose.inside(server, address).filter(|_| host(address) == MACHINE) {
        Some(inner) => finding.help(format!(
            "write `{inner}`: the service that publishes this port is in the same compose file"
        )),
        None => finding,
    }
}

/// Prometheus may scrape itself.
fn is_own(address: &str, job: &Job) -> bool {
    address.ends_with(":9090") || job.name.contains("prometheus")
}

fn told(server: &Server<'_>, names: &Names, address: &str, place: Place, is_own: bool) -> Option<Finding> {
    let name = host(address);
    if has_variable(address) || name.is_empty() || names.contains(name) {
        return None;
    }
    let finding = |message: String| {
        Finding::new(&NO_SUCH_SERVICE, place, message)
            .related(server.place(), "this container asks")
            .why("the target is down from the first scrape on: `up` is 0, and no series of it comes")
    };
    if matches!(name, "localhost" | "127.0.0.1") {
        let port = address.rsplit_once(':').map_or("", |(_, port)| port);
        return (!is_own).then(|| {
            finding(format!("`{address}` is the container of Prometheus itself"))
                .help(format!("write the name of the service: `<service>:{port}`"))
        });
    }
    if name == MACHINE {
        let mut finding = finding(format!("`{name}` is not known in this container"))
            .why("only Docker Desktop knows the name by itself: on Linux the target is down, and no series of it comes")
            .help("write `extra_hosts: [\"host.docker.internal:host-gateway\"]` into the service of Prometheus");
        finding.severity = Severity::Warning;
        return Some(finding);
    }
    // The DNS of a cluster answers only inside of it; what bridges the two is seldom, and nowhere in these files.
    if name.ends_with(".svc") || name.ends_with(".svc.cluster.local") {
        let mut finding = finding(format!(
            "`{name}` is a name of Kubernetes, which a container does not find"
        ))
        .help("write the name of the service of this compose file, or run this Prometheus in the cluster");
        finding.severity = Severity::Warning;
        return Some(finding);
    }
    // What has a domain is looked up in the world.
    if name.contains('.') || name.starts_with('[') {
        return None;
    }
    let mut known: Vec<&str> = names.iter().map(String::as_str).collect();
    known.sort_unstable();
    let finding = finding(format!("no service of the compose files is called `{name}`"));
    Some(match nearest(name, known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{}`?", address.replacen(name, near, 1))),
        None => finding.help("add the service, or take the target out"),
    })
}

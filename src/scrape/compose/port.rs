//! Ports of services of Docker Compose at which Prometheus is told to scrape, and nobody speaks HTTP, or nobody listens.
//!
//! Sources: compose-spec/compose-spec 05-services.md (`ports` is `host:container`, and the first half is for those
//! outside); docker/docs content/manuals/desktop/features/networking (`host.docker.internal` is the machine, at whose
//! ports the first halves are found); confluentinc/kafka-images (`KAFKA_JMX_PORT`: JMX speaks RMI).

use super::{Compose, MACHINE, Server};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::{Entry, Node, has_variable};
use crate::scrape::address::host;
use crate::scrape::config::Job;
use crate::scrape::rules::{OTHER_PROTOCOL, PORT_MISSING};
use crate::scrape::speaks;

/// Programs that have no page of metrics of their own: the last part of their images, who they are, what to scrape
/// instead.
const SILENT: [(&[&str], &str, &str); 7] = [
    (
        &["redis", "redis-stack", "redis-stack-server", "valkey"],
        "Redis",
        "deploy redis_exporter (9121) and scrape that",
    ),
    (
        &["postgres", "postgresql", "timescaledb", "pgvector", "postgis"],
        "PostgreSQL",
        "deploy postgres_exporter (9187) and scrape that",
    ),
    (&["mysql", "mariadb"], "MySQL", "deploy mysqld_exporter (9104) and scrape that"),
    (&["mongo", "mongodb"], "MongoDB", "deploy mongodb_exporter (9216) and scrape that"),
    (&["memcached"], "memcached", "deploy memcached_exporter (9150) and scrape that"),
    (
        &["zookeeper", "cp-zookeeper"],
        "ZooKeeper",
        "switch on its PrometheusMetricsProvider (7000) and scrape that",
    ),
    (
        &["kafka", "cp-kafka", "cp-server"],
        "Kafka",
        "deploy kafka_exporter (9308) or the JMX exporter, and scrape that",
    ),
];

/// Words of a service that show that something in it makes metrics after all.
const SPEAKING: [&str; 5] = ["exporter", "javaagent", "prometheus", "metrics", "jmx_"];

/// The halves of one entry of `ports`, without protocol: that of the machine, and that of the container.
fn halves(node: &Node) -> Option<(Option<String>, String)> {
    if !node.entries().is_empty() {
        let text = |key: &str| node.get(key).and_then(Node::as_written);
        return Some((text("published"), text("target")?));
    }
    let text = node.as_written().filter(|text| !has_variable(text) && !text.contains('$'))?;
    let text = text.split('/').next()?.to_string();
    let mut parts = text.rsplit(':');
    let container = parts.next()?.to_string();
    Some((parts.next().map(str::to_string), container))
}

fn ports(service: &Node) -> impl Iterator<Item = (&Node, Option<String>, String)> {
    let all = service.get("ports").map(Node::items).unwrap_or_default();
    all.iter().filter_map(|node| halves(node).map(|(outer, inner)| (node, outer, inner)))
}

/// Whether a service speaks of a port, or of a word, anywhere but in its ports.
fn speaks_of(node: &Node, word: &str) -> bool {
    let has = |text: &str| {
        text.match_indices(word).any(|(at, _)| {
            let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
            let around =
                [text[..at].chars().next_back(), text[at + word.len()..].chars().next()].map(is_digit);
            around == [false, false]
        })
    };
    node.as_written().is_some_and(|text| has(&text.to_lowercase()))
        || node.items().iter().any(|item| speaks_of(item, word))
        || node.entries().iter().any(|entry| {
            !matches!(entry.key.as_str(), "ports" | "image" | "networks" | "depends_on" | "container_name")
                && (has(&entry.key.to_lowercase()) || speaks_of(&entry.node, word))
        })
}

/// Whether something about a service comes from elsewhere.
fn is_open(service: &Node) -> bool {
    ["env_file", "extends"].iter().any(|key| service.get(key).is_some())
}

/// A silent program, by the image of a service.
fn silent(service: &Node) -> Option<(&'static str, &'static str)> {
    let image = service.get("image").and_then(Node::as_str).filter(|image| !has_variable(image))?;
    let last = image.split('@').next()?.rsplit('/').next()?;
    let name = last.split(':').next()?;
    let (.., who, help) = SILENT.iter().find(|(names, ..)| names.contains(&name))?;
    Some((who, help))
}

impl<'i> Compose<'i> {
    /// What an address of the machine is called inside of a network: the name of the service that publishes its port.
    pub fn inside(&self, server: &Server<'_>, address: &str) -> Option<String> {
        let port = address.rsplit_once(':').map(|(_, port)| port)?;
        let (object, entry, inner) = self.published(port)?;
        (object.path == server.object.path).then(|| format!("{}:{inner}", entry.key))
    }

    /// The only service that a port of the machine leads to, and its own port.
    fn published(&self, port: &str) -> Option<(&'i Object<'i>, &'i Entry, String)> {
        let all = self.files.iter().flat_map(|object| {
            let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
            services.iter().flat_map(move |entry| ports(&entry.node).map(move |port| (*object, entry, port)))
        });
        let mut meant = all.filter(|(_, _, (_, outer, _))| outer.as_deref() == Some(port));
        let (object, entry, (_, _, inner)) = meant.next()?;
        let is_same = |other: &Entry| other.node.get("image") == entry.node.get("image");
        meant.all(|(_, other, _)| is_same(other)).then_some((object, entry, inner))
    }
}

/// The first address of a job at which nothing is to be had.
pub fn closed(compose: &Compose<'_>, server: &Server<'_>, job: &Job) -> Option<Finding> {
    let path = job.node.get("metrics_path").and_then(Node::as_str);
    job.addresses().find_map(|(_, node, address)| {
        let (name, port) = (host(&address), address.rsplit_once(':').map_or("80", |(_, port)| port));
        if has_variable(&address) || port.bytes().any(|byte| !byte.is_ascii_digit()) {
            return None;
        }
        let place = job.place(node);
        if name == MACHINE {
            let (object, entry, inner) = compose.published(port)?;
            let by = object.place(entry.node.get("image").unwrap_or(&entry.node));
            let told = |who: &str, help: &str| {
                no_metrics(Finding::new(&OTHER_PROTOCOL, place, format!("port {port} of the machine is {who}, which has no metrics to scrape")), help)
                    .related(by, format!("it is published here, from port {inner} of `{}`", entry.key))
            };
            let of_port = speaks::at(&inner, &entry.key).filter(|_| path.is_none()).map(|spoken| (spoken.who, spoken.help));
            let of_image = silent(&entry.node).filter(|_| !is_spoken_of(&entry.node));
            return of_image.or(of_port).map(|(who, help)| told(who, help));
        }
        let (object, entry) = compose.service(name).filter(|(object, _)| object.path == server.object.path)?;
        let service = &entry.node;
        if is_open(service) {
            return None;
        }
        let by = object.place(service.get("image").unwrap_or(service));
        if let Some((who, help)) = silent(service) {
            // JMX speaks RMI, to which no word about metrics changes anything.
            let jmx = variable(service, "KAFKA_JMX_PORT").filter(|jmx| jmx == port);
            // By its usual port it is told elsewhere.
            if jmx.is_none() && (is_spoken_of(service) || speaks::at(port, name).is_some()) {
                return None;
            }
            let message = match jmx {
                Some(_) => format!("`{address}` is the JMX of {who}, which speaks RMI and no HTTP"),
                None => format!("`{address}` is {who} itself, which has no metrics to scrape"),
            };
            return Some(no_metrics(Finding::new(&OTHER_PROTOCOL, place, message), help).related(by, "this image"));
        }
        only_outside(service, port).map(|(written, inner)| {
            Finding::new(&PORT_MISSING, place, format!("{} scrapes `{address}`, and nothing listens there", job.what()))
                .related(object.place(written), format!("{port} is the port of the machine: in the container it is {inner}"))
                .why("Prometheus asks the container itself, where only its own ports are open: every scrape is refused, `up` stays 0, and no series comes")
                .help(format!("write `{name}:{inner}`"))
        })
    })
}

/// A variable of a service, written as a mapping or as a list of pairs.
fn variable(service: &Node, name: &str) -> Option<String> {
    let environment = service.get("environment")?;
    let mut listed = environment.items().iter().filter_map(Node::as_str);
    let of_list = || listed.find_map(|item| item.strip_prefix(name)?.strip_prefix('=').map(str::to_string));
    environment.get(name).and_then(Node::as_written).or_else(of_list)
}

fn no_metrics(finding: Finding, help: &str) -> Finding {
    finding
        .why("each scrape fails: `up` stays 0, no series comes, and an alert on `up` fires for ever")
        .help(help)
}

fn is_spoken_of(service: &Node) -> bool {
    service.get("build").is_some() || SPEAKING.iter().any(|word| speaks_of(service, word))
}

/// A port that a service has for those outside only, and the one behind it.
fn only_outside<'n>(service: &'n Node, port: &str) -> Option<(&'n Node, String)> {
    let is_inner = ports(service).any(|(_, _, inner)| inner == port);
    let (node, _, inner) = ports(service).find(|(_, outer, _)| outer.as_deref() == Some(port))?;
    let is_single = !inner.contains('-');
    (!is_inner && is_single && !speaks_of(service, port)).then_some((node, inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;
    use crate::source::FileId;

    #[test]
    fn takes_ports_apart() {
        for (text, outer, inner) in [
            ("'8081:8080'", Some("8081"), "8080"),
            ("'127.0.0.1:8081:8080/tcp'", Some("8081"), "8080"),
            ("'8080'", None, "8080"),
            ("{target: 80, published: 8000}", Some("8000"), "80"),
        ] {
            let reading = read(FileId(0), text);
            let found = halves(&reading.documents[0].node);
            assert_eq!(found, Some((outer.map(str::to_string), inner.to_string())), "{text}");
        }
    }
}

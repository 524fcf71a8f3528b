//! Exporters that look for their program in their own container or pod, where it is not, or ask it for an encryption that
//! it does not have.
//!
//! Sources: oliver006/redis_exporter README.md (`REDIS_ADDR`, redis://localhost:6379); prometheus/memcached_exporter
//! README.md (`--memcached.address`, localhost:11211); nginx/nginx-prometheus-exporter README.md (`--nginx.scrape-uri`,
//! http://127.0.0.1:8080/stub_status); prometheus-community/elasticsearch_exporter README.md (`--es.uri`,
//! http://localhost:9200); kbudde/rabbitmq_exporter README.md (`RABBIT_URL`, http://127.0.0.1:15672); Lusitaniae/apache_exporter
//! README.md (`--scrape_uri`); hipages/php-fpm_exporter README.md (`PHP_FPM_SCRAPE_URI`); lib/pq doc.go (`sslmode` is
//! `require` by default) and prometheus-community/postgres_exporter README.md (`DATA_SOURCE_NAME`); docker-library/postgres
//! (a server without certificates, unless it is given some).

use super::rules::EXPORTER_BLIND;
use super::world::World;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// An exporter: the last part of its image, what it is for, and how it is told where that is.
struct Exporter {
    images: &'static [&'static str],
    of: &'static str,
    variables: &'static [&'static str],
    flags: &'static [&'static str],
    /// Where it looks by itself; empty: nowhere.
    default: &'static str,
    /// Paths by which it is asked about others, which then need not be told.
    asked: &'static str,
}

const EXPORTERS: [Exporter; 9] = [
    Exporter {
        images: &["redis_exporter", "redis-exporter"],
        of: "Redis",
        variables: &["REDIS_ADDR", "REDIS_EXPORTER_REDIS_ADDR", "REDIS_FILE"],
        flags: &["redis.addr", "redis-only-metrics"],
        default: "redis://localhost:6379",
        asked: "/scrape",
    },
    Exporter {
        images: &["memcached-exporter", "memcached_exporter"],
        of: "memcached",
        variables: &[],
        flags: &["memcached.address"],
        default: "localhost:11211",
        asked: "/scrape",
    },
    Exporter {
        images: &["nginx-prometheus-exporter"],
        of: "nginx",
        variables: &["SCRAPE_URI", "NGINX_SCRAPE_URI"],
        flags: &["nginx.scrape-uri"],
        default: "http://127.0.0.1:8080/stub_status",
        asked: "/probe",
    },
    Exporter {
        images: &["elasticsearch-exporter", "elasticsearch_exporter"],
        of: "Elasticsearch",
        variables: &["ES_URI"],
        flags: &["es.uri"],
        default: "http://localhost:9200",
        asked: "/probe",
    },
    Exporter {
        images: &["rabbitmq-exporter", "rabbitmq_exporter"],
        of: "RabbitMQ",
        variables: &["RABBIT_URL"],
        flags: &["config-file"],
        default: "http://127.0.0.1:15672",
        asked: "/probe",
    },
    Exporter {
        images: &["apache_exporter", "apache-exporter"],
        of: "Apache",
        variables: &[],
        flags: &["scrape_uri"],
        default: "http://localhost/server-status/?auto",
        asked: "/probe",
    },
    Exporter {
        images: &["php-fpm_exporter", "php-fpm-exporter"],
        of: "PHP-FPM",
        variables: &["PHP_FPM_SCRAPE_URI"],
        flags: &["phpfpm.scrape-uri"],
        default: "tcp://127.0.0.1:9000/status",
        asked: "/probe",
    },
    Exporter {
        images: &["postgres-exporter", "postgres_exporter"],
        of: "PostgreSQL",
        variables: &["DATA_SOURCE_NAME", "DATA_SOURCE_URI"],
        flags: &["config.file"],
        default: "",
        asked: "/probe",
    },
    Exporter {
        images: &["mongodb_exporter", "mongodb-exporter"],
        of: "MongoDB",
        variables: &["MONGODB_URI"],
        flags: &["mongodb.uri"],
        default: "",
        asked: "/scrape",
    },
];

pub fn check<'i>(world: &World<'i>, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in inventory.objects.iter().filter(|object| super::is_compose(object)) {
        for entry in object.at(&["services"]).map(Node::entries).unwrap_or_default() {
            let service = &entry.node;
            let key = Place::new(object.document.file, entry.key_span);
            let is_open = ["network_mode", "env_file", "extends", "build", "pid"]
                .iter()
                .any(|key| service.get(key).is_some());
            let environment = if is_open { None } else { variables_of_compose(service) };
            let Some(variables) = environment else { continue };
            let own = Run { object, node: service, key, what: "container", variables };
            findings.extend(alone(world, &own).or_else(|| encrypted(inventory, &own)));
        }
    }
    for object in ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind)) {
        let [container] = object.containers() else { continue };
        let template = object.at(&["spec", "template", "spec"]);
        let has = |key: &str| template.is_some_and(|spec| spec.get(key).is_some());
        if container.get("envFrom").is_some()
            || has("hostNetwork")
            || has("initContainers")
            || !object.patched.is_empty()
        {
            continue;
        }
        let key = object.name_place();
        let variables = variables_of_pods(container);
        let own = Run { object, node: container, key, what: "pod", variables };
        let told = alone(world, &own).or_else(|| encrypted(inventory, &own));
        findings.extend(told.or_else(|| closed(inventory, &own)));
    }
    findings
}

/// A variable: its name, and its value where it is written out.
type Variable<'n> = (String, Option<String>, &'n Node);

/// One container.
struct Run<'i> {
    object: &'i Object<'i>,
    node: &'i Node,
    key: Place,
    /// What it is alone in.
    what: &'static str,
    variables: Vec<Variable<'i>>,
}

fn variables_of_compose(service: &Node) -> Option<Vec<Variable<'_>>> {
    let Some(node) = service.get("environment") else { return Some(Vec::new()) };
    let listed = node.items().iter().map(|item| {
        let text = item.as_str().unwrap_or_default();
        match text.split_once('=') {
            Some((name, value)) => (name.to_string(), Some(value.to_string()), item),
            None => (text.to_string(), None, item),
        }
    });
    let keys = node.entries().iter().map(|entry| (entry.key.clone(), entry.node.as_written(), &entry.node));
    let all: Vec<Variable<'_>> = listed.chain(keys).collect();
    (!all.iter().any(|(name, ..)| name == "<<")).then_some(all)
}

fn variables_of_pods(container: &Node) -> Vec<Variable<'_>> {
    let all = container.get("env").map(Node::items).unwrap_or_default().iter();
    let one = |item: &'_ Node| {
        let text = |key: &str| item.get(key).and_then(Node::as_written);
        Some((text("name")?, text("value")))
    };
    all.filter_map(|item| one(item).map(|(name, value)| (name, value, item.get("value").unwrap_or(item))))
        .collect()
}

impl<'i> Run<'i> {
    fn exporter(&self) -> Option<&'static Exporter> {
        let image = self.node.get("image").and_then(Node::as_str).filter(|image| !has_variable(image))?;
        let last = image.split('@').next()?.rsplit('/').next()?;
        let name = last.split(':').next()?;
        EXPORTERS.iter().find(|exporter| exporter.images.contains(&name))
    }

    fn words(&self) -> impl Iterator<Item = (&'i Node, &'i str)> {
        let parts = ["command", "args", "entrypoint"].into_iter().filter_map(|key| self.node.get(key));
        parts.flat_map(|node| {
            let own = node.as_str().map(|text| (node, text));
            own.into_iter().chain(node.items().iter().filter_map(|item| Some((item, item.as_str()?))))
        })
    }

    /// Where it is told to look, with the value as far as it is written out.
    fn address(&self, exporter: &Exporter) -> Option<(&'i Node, Option<String>)> {
        let flag = self.words().find_map(|(node, word)| {
            let flag = exporter.flags.iter().find(|flag| word.contains(**flag))?;
            let value = word
                .split_once(&format!("{flag}="))
                .map(|(_, value)| value.split_whitespace().next().unwrap_or_default());
            Some((node, value.map(str::to_string)))
        });
        let variable = self.variables.iter().find(|(name, ..)| exporter.variables.contains(&name.as_str()));
        flag.or_else(|| variable.map(|(_, value, node)| (*node, value.clone())))
    }
}

/// Whether an address is the container or pod itself.
fn is_here(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.strip_prefix('(').unwrap_or(rest);
    ["localhost", "127.0.0.1"].iter().any(|host| {
        rest.strip_prefix(host).is_some_and(|behind| behind.is_empty() || behind.starts_with([':', '/', '?']))
    })
}

/// An exporter that looks for its program where it runs itself, alone.
fn alone<'i>(world: &World<'i>, own: &Run<'i>) -> Option<Finding> {
    let exporter = own.exporter()?;
    let told = own.address(exporter);
    // One that is asked about others need not know any.
    if world.sources.iter().any(|(_, source)| {
        source.text.contains(&format!("path: {}", exporter.asked)) || source.text.contains("__param_target")
    }) {
        return None;
    }
    let how = match (exporter.variables.first(), exporter.flags.first()) {
        (Some(name), _) => format!("`{name}`"),
        (None, Some(flag)) => format!("`--{flag}`"),
        (None, None) => return None,
    };
    let (place, message) = match told {
        Some((node, Some(address))) if is_here(&address) => {
            let shown = address.rsplit_once('@').map_or(address.as_str(), |(_, rest)| rest);
            (own.object.place(node), format!("`{shown}` is the {} of this exporter itself", own.what))
        }
        Some(_) => return None,
        None if exporter.default.is_empty() => return None,
        None => {
            let image = own.node.get("image").map_or(own.key, |node| own.object.place(node));
            (image, format!("nothing tells this exporter where {} is", exporter.of))
        }
    };
    let default = match exporter.default {
        "" => String::new(),
        default => format!("by itself it asks `{default}`, and "),
    };
    Some(
        Finding::new(&EXPORTER_BLIND, place, message)
            .why(format!("{default}beside it in this {} nothing runs: it answers each scrape, and has nothing of {} to tell", own.what, exporter.of))
            .help(format!("write the address of {} into {how}, or run the exporter beside it in one pod", exporter.of)),
    )
}

/// An exporter that asks at a port which the Service of its program does not have.
fn closed<'i>(inventory: &'i Inventory<'i>, own: &Run<'i>) -> Option<Finding> {
    let (node, text) = own.address(own.exporter()?)?;
    let text = text.filter(|text| !has_variable(text) && !text.contains("{{"))?;
    let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, port) = rest.split(['/', '?']).next()?.split_once(':')?;
    let service = inventory.service_at(host, own.object).filter(|service| service.patched.is_empty())?;
    let ports = service.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
    let ports: Vec<String> =
        ports.iter().filter_map(|port| port.get("port").and_then(Node::as_written)).collect();
    // The name of a headless Service is that of its pods, whose ports count.
    let is_headless = service.text(&["spec", "clusterIP"]) == Some("None");
    if is_headless || ports.is_empty() || ports.iter().any(|own| own == port) || port.parse::<u16>().is_err()
    {
        return None;
    }
    let message = format!("the Service `{}` has no port {port}", service.name);
    Some(
        Finding::new(&EXPORTER_BLIND, own.object.place(node), message)
            .related(service.name_place(), format!("it has {}", ports.join(", ")))
            .why("nobody answers there: the exporter is up, answers each scrape, and has nothing of its program to tell")
            .help(format!("add the port {port} to the Service, or write one that it has")),
    )
}

/// An exporter of PostgreSQL that wants encryption from a server that has none.
fn encrypted<'i>(inventory: &'i Inventory<'i>, own: &Run<'i>) -> Option<Finding> {
    own.exporter().filter(|exporter| exporter.of == "PostgreSQL")?;
    let is_told = own.variables.iter().any(|(name, ..)| name == "PGSSLMODE");
    let (_, value, node) = own
        .variables
        .iter()
        .find(|(name, ..)| matches!(name.as_str(), "DATA_SOURCE_NAME" | "DATA_SOURCE_URI"))?;
    let text = value.as_deref().filter(|text| !text.contains("sslmode") && !is_told)?;
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let place = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let host = match text.contains("host=") {
        true => text.split_once("host=")?.1.split_whitespace().next()?,
        false => place.split([':', '/', '?']).next()?,
    };
    let server = if super::is_compose(own.object) {
        let service = own.object.at(&["services", host])?;
        is_plain(service).then(|| service.get("image").map(|node| own.object.place(node)))??
    } else {
        let service = inventory.service_at(host, own.object)?;
        let mut all = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind));
        let workload = all.find(|workload| {
            service.meets(workload) && crate::inventory::selects(service, &workload.pod_labels())
        })?;
        let [container] = workload.containers() else { return None };
        is_plain(container).then(|| container.get("image").map(|node| workload.place(node)))??
    };
    let sign = if text.contains('?') { '&' } else { '?' };
    let help = match text.contains("host=") {
        true => "write `sslmode=disable` at its end".to_string(),
        false => format!("write `{sign}sslmode=disable` at its end"),
    };
    Some(
        Finding::new(&EXPORTER_BLIND, own.object.place(node), "the exporter asks for TLS, and this PostgreSQL has none")
            .related(server, "the image has no certificates, and nothing here gives it some")
            .why("without `sslmode` the driver wants TLS (`pq: SSL is not enabled on the server`): `pg_up` is 0, and no other series comes")
            .help(help),
    )
}

/// A stock PostgreSQL that nobody speaks of TLS to.
fn is_plain(container: &Node) -> bool {
    let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
    let name = image.split(':').next().unwrap_or(image);
    let is_stock =
        matches!(name, "postgres" | "docker.io/postgres" | "docker.io/library/postgres" | "library/postgres")
            || name.ends_with("timescaledb")
            || name.ends_with("pgvector");
    let mut words = Vec::new();
    for key in ["command", "args", "environment", "env", "volumes", "volumeMounts"] {
        let Some(node) = container.get(key) else { continue };
        words.push(node.to_json().to_string());
    }
    is_stock
        && !words
            .iter()
            .any(|text| text.contains("ssl") || text.contains("postgresql.conf") || text.contains("cert"))
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn knows_addresses_of_the_machine_itself() {
        for (address, expected) in [
            ("redis://localhost:6379", true),
            ("postgresql://u:p@localhost:5432/db?sslmode=disable", true),
            ("127.0.0.1:11211", true),
            ("redis://redis:6379", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_here(address), expected, "{address}");
        }
    }
}

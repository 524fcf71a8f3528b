//! A trigger that watches another broker than the pods work on.
//!
//! Source: kedacore/keda pkg/scalers/redis_scaler.go, rabbitmq_scaler.go, kafka_scaler.go, nats_jetstream_scaler.go,
//! postgresql_scaler.go, mysql_scaler.go, mongo_scaler.go: the keys that hold addresses.

use super::WATCHES_ANOTHER;
use super::broker_names::{are_one, differ, is_in_cluster, is_name};
use super::given::given;
use crate::finding::Finding;
use crate::inventory::{Behind, Environment, Inventory, Object, hosts};
use crate::manifest::{Node, has_variable};

/// Scalers of one kind of broker, and by what variables with its address are known.
struct Family {
    kinds: &'static [&'static str],
    keys: &'static [&'static str],
    /// Parts of the names of variables.
    words: &'static [&'static str],
    schemes: &'static [&'static str],
}

const FAMILIES: [Family; 7] = [
    Family {
        kinds: &["redis", "redis-cluster", "redis-streams", "redis-cluster-streams"],
        keys: &["address", "addresses", "host", "hosts"],
        words: &["REDIS", "VALKEY"],
        schemes: &["redis", "rediss", "valkey"],
    },
    Family {
        kinds: &["rabbitmq"],
        keys: &["host"],
        words: &["RABBIT", "AMQP"],
        schemes: &["amqp", "amqps", "pyamqp"],
    },
    Family {
        kinds: &["kafka", "apache-kafka"],
        keys: &["bootstrapServers"],
        words: &["KAFKA", "BOOTSTRAPSERVERS"],
        schemes: &[],
    },
    Family {
        kinds: &["nats-jetstream"],
        keys: &["natsServerMonitoringEndpoint"],
        words: &["NATS"],
        schemes: &["nats"],
    },
    Family {
        kinds: &["postgresql"],
        keys: &["host", "connection"],
        words: &["POSTGRES", "PGHOST"],
        schemes: &["postgres", "postgresql"],
    },
    Family {
        kinds: &["mysql"],
        keys: &["host", "connectionString"],
        words: &["MYSQL", "MARIADB"],
        schemes: &["mysql", "mariadb"],
    },
    Family {
        kinds: &["mongodb"],
        keys: &["host", "connectionString"],
        words: &["MONGO"],
        schemes: &["mongodb"],
    },
];

/// What the name of a variable with an address ends in.
const ADDRESSES: [&str; 18] = [
    "HOST",
    "HOSTS",
    "HOSTNAME",
    "URL",
    "URLS",
    "URI",
    "URIS",
    "ADDR",
    "ADDRESS",
    "ADDRESSES",
    "BROKER",
    "BROKERS",
    "SERVER",
    "SERVERS",
    "ENDPOINT",
    "ENDPOINTS",
    "DSN",
    "NODES",
];

/// Words of variables with the address of something beside the broker, or of a broker for something else.
const BESIDE: [&str; 19] = [
    "SCHEMA",
    "REGISTRY",
    "REST",
    "CONNECTURL",
    "ZOOKEEPER",
    "CONSOLE",
    "EXPORTER",
    "METRICS",
    "CACHE",
    "SESSION",
    "RATELIMIT",
    "RATE_LIMIT",
    "RESULT",
    "MANAGEMENT",
    "SENTINEL",
    "LOCK",
    "PROXY",
    "REPLICA",
    "ADMIN",
];

pub(super) fn check<'i>(
    inventory: &'i Inventory<'i>,
    object: &'i Object<'i>,
    trigger: &'i Node,
    workload: &'i Object<'i>,
    environment: &Environment<'i>,
) -> Option<Finding> {
    let kind = trigger.get("type")?.as_str()?;
    let family = FAMILIES.iter().find(|family| family.kinds.contains(&kind))?;
    let given = given(inventory, object, trigger, family.keys);
    let watched: Vec<&str> = given.iter().flat_map(|given| hosts(&given.text)).collect();
    let first = given.first()?;
    // Several that differ, placeholders, numbers: it cannot be told which broker is watched.
    if watched.is_empty() || !watched.iter().all(|host| is_name(host)) {
        return None;
    }
    if watched.iter().any(|host| !are_one(host, watched[0])) {
        return None;
    }
    let mut used: Vec<(&str, &str, &Behind<'_>)> = Vec::new();
    for variable in &environment.variables {
        let speaks = speaks_of(family, &variable.name);
        let Some(held) = &variable.held else {
            if speaks {
                return None;
            }
            continue;
        };
        let is_theirs = speaks || has_scheme(family, &held.text);
        // `redis` alone may be a word for something else.
        let is_address = is_theirs || held.text.contains([':', '.']);
        let own = if is_address { hosts(&held.text) } else { Vec::new() };
        // Who and with what password may be filled in later, but not where.
        if is_theirs && own.iter().any(|host| has_variable(host) || host.contains(['<', '{', '$'])) {
            return None;
        }
        // Some variable names the broker that is watched.
        if own.iter().any(|host| watched.iter().any(|other| are_one(host, other))) {
            return None;
        }
        if is_theirs && !is_beside(&variable.name) {
            used.extend(own.into_iter().map(|host| (variable.name.as_str(), host, held)));
        }
    }
    // Brokers in the cluster alone have one name; others have as many as there are ways to them.
    if used.is_empty() || !used.iter().all(|(_, host, _)| is_name(host) && is_in_cluster(host)) {
        return None;
    }
    let (name, host, held) = used[0];
    if !differ(inventory, workload, host, watched[0]) {
        return None;
    }
    let place = match held.object.kind() {
        "Secret" => held.object.name_place(),
        _ => held.object.place(held.node),
    };
    Some(
        Finding::new(
            &WATCHES_ANOTHER,
            first.place,
            format!("the trigger watches `{}`, the pods work on `{host}`", watched[0]),
        )
        .related(place, format!("`{name}` of `{}`", workload.name))
        .why("what waits for these pods is not what KEDA sees: they are scaled by the load of another broker, or by none")
        .help(format!("write the address of the same broker in both; KEDA wants the full name, such as `{}`", full(host, workload))),
    )
}

/// Whether a variable, by its name, holds the address of such a broker.
fn speaks_of(family: &Family, name: &str) -> bool {
    let name = flat(name);
    family.words.iter().any(|word| name.contains(word))
        && (ADDRESSES.iter().any(|end| name.ends_with(end))
            || name.starts_with("CONNECTIONSTRING")
            || family.words.contains(&name.as_str()))
        && !BESIDE.iter().any(|word| name.contains(word))
}

pub(super) fn is_beside(name: &str) -> bool {
    let name = flat(name);
    BESIDE.iter().any(|word| name.contains(word))
}

fn flat(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
}

fn has_scheme(family: &Family, text: &str) -> bool {
    // `jdbc:mysql://`, `postgresql+asyncpg://`, `mongodb+srv://`
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let scheme = scheme.rsplit(':').next().and_then(|scheme| scheme.split('+').next()).unwrap_or_default();
    family.schemes.contains(&scheme)
}

fn full(host: &str, workload: &Object<'_>) -> String {
    match (host.contains('.'), &workload.namespace) {
        (true, _) => host.to_string(),
        (false, Some(namespace)) => format!("{host}.{namespace}.svc"),
        (false, None) => format!("{host}.<namespace>.svc"),
    }
}

//! Names of brokers: which may be those of one broker, and which surely are not.
//!
//! Sources: strimzi/strimzi-kafka-operator (`-kafka-bootstrap`, `-kafka-brokers`), bitnami/charts (`-master`, `-headless`),
//! cloudnative-pg/cloudnative-pg (`-rw`, `-ro`, `-r`): the Services of one broker.

use crate::inventory::{Inventory, Object, selects};
use crate::manifest::Node;
use crate::rules::scaler::gap;

/// The name of a host: no number, not the pod itself, no placeholder.
pub(super) fn is_name(host: &str) -> bool {
    let is_number = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    // What stands between the pods and the broker has a name of its own.
    let is_between = ["bouncer", "pgpool", "pgcat", "proxy", "router"].iter().any(|word| host.contains(word));
    host.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
        && !is_number
        && !is_between
        && gap(host).is_none()
        && host != "localhost"
        && host != "host.docker.internal"
}

pub(super) fn is_in_cluster(host: &str) -> bool {
    let mut parts = host.split('.').skip(1);
    parts.next();
    parts.next().is_none_or(|third| third == "svc")
}

/// Whether two names may be those of one broker: the Service for the first contact, that of its pods, one of them.
pub(super) fn are_one(one: &str, other: &str) -> bool {
    let names = |host: &str| -> Vec<String> {
        let mut parts = host.split('.');
        let first = parts.next().unwrap_or_default();
        let mut all = vec![stem(first).to_string()];
        // A pod of a StatefulSet, before its Service.
        if first.ends_with(|c: char| c.is_ascii_digit()) {
            all.extend(parts.next().map(|service| stem(service).to_string()));
        }
        all
    };
    let (one, other) = (names(one), names(other));
    one.iter().any(|name| other.contains(name))
}

/// The name of a Service without what says which side of the broker it is.
fn stem(name: &str) -> &str {
    const SIDES: [&str; 36] = [
        "bootstrap",
        "brokers",
        "broker",
        "headless",
        "master",
        "leader",
        "follower",
        "slave",
        "replicas",
        "replica",
        "nodes",
        "node",
        "management",
        "svc",
        "service",
        "primary",
        "rw",
        "ro",
        "r",
        "pooler",
        "lb",
        "internal",
        "external",
        "client",
        "cluster",
        "monitoring",
        "metrics",
        "hs",
        "cs",
        "server",
        "mgmt",
        "admin",
        "http",
        "api",
        "amqp",
        "tcp",
    ];
    let mut name = name;
    while let Some((start, end)) = name.rsplit_once('-') {
        if !SIDES.contains(&end) && !end.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        name = start;
    }
    name
}

/// Whether two names are surely not those of one broker.
pub(super) fn differ(inventory: &Inventory<'_>, workload: &Object<'_>, used: &str, watched: &str) -> bool {
    let (mine, theirs) = (inventory.service_at(used, workload), inventory.service_at(watched, workload));
    // A Service that only leads to another name, or that has one outside of the cluster.
    let leads = |service: &Object<'_>| {
        let kind = service.text(&["spec", "type"]);
        kind == Some("ExternalName")
            || matches!(kind, Some("LoadBalancer" | "NodePort")) && !is_in_cluster(watched)
            || service.at(&["spec", "selector"]).is_none()
    };
    if mine.is_some_and(leads) || theirs.is_some_and(leads) {
        return false;
    }
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => {
            let selector = |service: &Object<'_>| service.at(&["spec", "selector"]).map(Node::to_json);
            let kinds = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| inventory.kind(kind));
            let is_of_both = |broker: &Object<'_>| {
                let labels = broker.pod_labels();
                selects(mine, &labels) && selects(theirs, &labels)
            };
            mine.name != theirs.name
                && selector(mine) != selector(theirs)
                && !kinds.into_iter().any(is_of_both)
        }
        // A Service of their own before the pods of an operator, whose Services nobody writes.
        (Some(mine), None) if is_before_operator(mine) => false,
        // The name of the broker's workload instead of its Service is told where addresses are looked at.
        (Some(mine), None) => {
            let name = watched.split('.').next().unwrap_or_default();
            let kinds = ["Deployment", "StatefulSet"].into_iter();
            !kinds
                .filter_map(|kind| inventory.meant(kind, name, workload))
                .any(|broker| selects(mine, &broker.pod_labels()))
        }
        (None, Some(_)) => !is_part(used, watched),
        // Charts call their Services after the release.
        (None, None) => !is_part(used, watched) && is_in_cluster(watched),
    }
}

fn is_before_operator(service: &Object<'_>) -> bool {
    let selector = service.at(&["spec", "selector"]).map(Node::entries).unwrap_or_default();
    selector.iter().any(|entry| entry.key.contains('/') && !entry.key.contains("kubernetes.io/"))
}

/// Whether one name is the other with words before or behind it.
fn is_part(one: &str, other: &str) -> bool {
    let first = |host: &str| format!("-{}-", host.split('.').next().unwrap_or_default());
    let (one, other) = (first(one), first(other));
    one.contains(&other) || other.contains(&one)
}

#[cfg(test)]
mod tests {
    use super::{are_one, is_name};

    #[test]
    fn knows_the_spellings_of_one_broker() {
        for (one, other, same) in [
            ("redis", "redis.shop.svc.cluster.local", true),
            ("redis-master.shop.svc", "redis-headless", true),
            ("my-cluster-kafka-bootstrap.kafka.svc", "my-cluster-kafka-brokers.kafka", true),
            ("kafka-0.kafka-headless.shop.svc", "kafka", true),
            ("redis-queue", "redis", false),
            ("redis.example.net", "redis-sender", false),
        ] {
            assert_eq!(are_one(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn knows_what_is_no_name() {
        for host in ["10.0.0.1", "localhost", "your-redis", "REDIS_HOST", "pgbouncer", "", "[::1]"] {
            assert!(!is_name(host), "{host}");
        }
        assert!(is_name("redis.shop.svc"));
    }
}

//! Which Services stand before the pods of a workload, and which one the name of a host means.

use super::{Inventory, Object};
use crate::manifest::Node;

impl<'d> Inventory<'d> {
    /// The Services that select the pods of a workload.
    pub fn services_of(&self, workload: &Object<'_>) -> Vec<&Object<'d>> {
        let labels = workload.pod_labels();
        self.kind("Service").filter(|service| service.meets(workload) && selects(service, &labels)).collect()
    }

    /// The Service that an object means by the name of a host; a name without a namespace is looked up beside it.
    pub fn service_at(&self, host: &str, by: &Object<'_>) -> Option<&Object<'d>> {
        let mut parts = host.split('.');
        let name = parts.next().filter(|name| !name.is_empty())?;
        let is_service = |service: &&Object<'d>| service.document.api_version() == "v1";
        match parts.next() {
            None => self.meant("Service", name, by).filter(is_service),
            Some(_) if parts.next().is_some_and(|third| third != "svc") => None,
            Some(namespace) => self
                .named("Service", name)
                .filter(is_service)
                .filter(|service| service.may_be_in(namespace))
                .max_by_key(|service| (service.is_beside(by), service.nearness(by))),
        }
    }
}

/// Whether a Service is one of Kubernetes itself that takes pods with these labels.
pub fn selects(service: &Object<'_>, labels: &[(String, String)]) -> bool {
    let mut wanted = service.at(&["spec", "selector"]).map(Node::pairs).into_iter().flatten().peekable();
    service.document.api_version() == "v1"
        && wanted.peek().is_some()
        && wanted.all(|(name, value)| labels.iter().any(|(key, other)| key == name && *other == value))
}

/// The hosts of an address, which may be a list: `amqp://user:password@host:5672/vhost`, `host:9092,other:9092`,
/// `user:password@tcp(host:3306)/database`, `host=… port=…`.
pub fn hosts(address: &str) -> Vec<&str> {
    if let Some(words) = address.split_whitespace().find_map(|word| word.strip_prefix("host=")) {
        return words.split(',').collect();
    }
    let rest = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
    let mut all = Vec::new();
    for one in rest.split(',') {
        let one = one.trim().split_once("://").map_or(one.trim(), |(_, rest)| rest);
        let one = one.strip_prefix("tcp(").unwrap_or(one);
        let end = one.find(['/', '?', '#', ')']).unwrap_or(one.len());
        let host = one[..end].split(':').next().unwrap_or_default();
        if !host.is_empty() {
            all.push(host);
        }
        // Behind a path nothing but options follows.
        if end < one.len() {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn finds_the_hosts_of_addresses() {
        for (text, expected) in [
            ("amqp://u:p@rabbit.shop.svc:5672/%2f", vec!["rabbit.shop.svc"]),
            ("kafka-0.kafka:9092, kafka-1.kafka:9092", vec!["kafka-0.kafka", "kafka-1.kafka"]),
            ("PLAINTEXT://kafka:9092", vec!["kafka"]),
            ("root:p@tcp(mysql.shop:3306)/orders", vec!["mysql.shop"]),
            ("host=pg port=5432 user=u", vec!["pg"]),
            ("mongodb://u:p@m0:27017,m1:27017/db?replicaSet=rs", vec!["m0", "m1"]),
            ("SSL://a:9092,SSL://b:9092", vec!["a", "b"]),
            ("redis", vec!["redis"]),
            ("", vec![]),
        ] {
            assert_eq!(hosts(text), expected, "{text}");
        }
    }
}

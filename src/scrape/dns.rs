//! Names that a job asks the DNS for: those of headless Services have a record for each pod.
//!
//! Sources: prometheus/prometheus discovery/dns/dns.go; kubernetes/dns docs/specification.md: a Service with an address
//! of its own has that one, a headless one those of its pods, and SRV records go by the names of its ports.

use super::address::{names, no_such_port};
use super::config::Job;
use super::index::Index;
use super::job::{scraped, through};
use super::relabel::{Labels, UNKNOWN};
use super::rules::PORT_MISSING;
use super::target::{Pods, Service};
use super::way::{Passage, describe};
use crate::finding::Finding;
use crate::manifest::{Node, has_variable};

/// One discovery of a job.
fn discoveries(job: &Job) -> &[Node] {
    job.list("dns_sd_configs", "dnsSDConfigs")
}

/// The type of record, and the port that is written beside it.
fn record(discovery: &Node) -> (String, Option<String>) {
    let kind = discovery.get("type").and_then(Node::as_written).unwrap_or_else(|| "SRV".to_string());
    (kind.to_uppercase(), discovery.get("port").and_then(Node::as_written))
}

/// The name of a port, if there is one, and the host behind it: `_http._tcp.checkout.shop.svc`.
fn parts(name: &str) -> (Option<&str>, &str) {
    let split = || {
        let (port, rest) = name.strip_prefix('_')?.split_once('.')?;
        let (_, host) = rest.strip_prefix('_')?.split_once('.')?;
        Some((port, host))
    };
    split().map_or((None, name), |(port, host)| (Some(port), host))
}

/// The names that a job asks for, each with what stands before the host.
pub fn asked(job: &Job) -> impl Iterator<Item = (&Node, &str, &str)> {
    let all = discoveries(job).iter().flat_map(|one| one.get("names").map(Node::items).unwrap_or_default());
    all.filter_map(|node| {
        let text = node.as_str().filter(|text| !has_variable(text))?.trim_end_matches('.');
        let (_, host) = parts(text);
        Some((node, &text[..text.len() - host.len()], host))
    })
}

/// Whether a job asks only for names of Services that are here: whose targets they are is known.
pub fn is_told(job: &Job, index: &Index<'_>) -> bool {
    let mut names_of_all =
        discoveries(job).iter().flat_map(|one| one.get("names").map(Node::items).unwrap_or_default());
    let is_here = |name: &Node| {
        name.as_str().is_some_and(|name| {
            let (_, host) = parts(name.trim_end_matches('.'));
            let first = host.split('.').next().unwrap_or_default();
            index.services_named(first).any(|service| names(host, service))
        })
    };
    names_of_all.all(is_here)
}

/// What the names that a job asks for do with pods.
pub fn named(job: &Job, pods: &Pods<'_>, services: &[&Service<'_>]) -> Option<Passage> {
    let what = job.what();
    let mut blocked = None;
    for discovery in discoveries(job) {
        let (kind, port) = record(discovery);
        for node in discovery.get("names").map(Node::items).unwrap_or_default() {
            let Some(text) = node.as_str().filter(|text| !has_variable(text)) else { continue };
            let (port_name, host) = parts(text.trim_end_matches('.'));
            let Some(service) = services.iter().find(|service| names(host, service)) else { continue };
            let by = job.place(node);
            let address = match kind.as_str() {
                "SRV" => behind(service, port_name, pods),
                _ => of_addresses(service, host, port.as_deref(), pods),
            };
            let address = match address {
                Ok(address) => address,
                Err((why, is_sure)) => {
                    let (what, help) = (what.clone(), None);
                    blocked = Some(Passage::Blocked { by, what, why, help, is_sure });
                    continue;
                }
            };
            let mut labels = Labels::new();
            labels.insert("__address__".to_string(), address);
            labels.insert("__meta_dns_name".to_string(), text.to_string());
            match through(job, vec![labels]) {
                Some(Ok(_)) if !service.is_headless => return Some(Passage::Random { by, what }),
                Some(Ok(passed)) => return Some(Passage::Scraped(Box::new(scraped(job, passed)))),
                Some(Err((rule, value))) => {
                    let (by, what, why) = (job.place(rule), what.clone(), describe(rule, &value));
                    blocked = Some(Passage::Blocked { by, what, why, help: None, is_sure: true });
                }
                None => {}
            }
        }
    }
    blocked
}

/// The address of an SRV record, or why there is none.
fn behind(service: &Service<'_>, wanted: Option<&str>, pods: &Pods<'_>) -> Result<String, (String, bool)> {
    let name = &service.object.name;
    let found = service.ports.iter().find(|(own, ..)| wanted.is_none_or(|wanted| wanted == own));
    let Some((_, number, behind)) = found else {
        let names: Vec<&str> =
            service.ports.iter().map(|(own, ..)| own.as_str()).filter(|own| !own.is_empty()).collect();
        let has = if names.is_empty() { "none with a name".to_string() } else { names.join(", ") };
        let wanted = wanted.unwrap_or_default();
        return match service.ports.is_empty() {
            true => Ok(format!("10.0.0.1:{UNKNOWN}")),
            false => {
                let why = format!("it asks for the port `{wanted}` of the Service `{name}`, which has {has}");
                Err((why, true))
            }
        };
    };
    // Without an address of its own the port is that of the pod.
    let of_pod = pods.ports.iter().find(|port| port.is_called(behind)).and_then(|port| port.number);
    let number = if service.is_headless { of_pod.or(*number) } else { *number };
    Ok(number.map_or(format!("10.0.0.1:{UNKNOWN}"), |number| format!("10.0.0.1:{number}")))
}

/// The address of an A record with the port that is written, or why nothing answers there.
fn of_addresses(
    service: &Service<'_>,
    host: &str,
    port: Option<&str>,
    pods: &Pods<'_>,
) -> Result<String, (String, bool)> {
    let Some(port) = port else {
        return Err((
            "Prometheus refuses it, because records other than SRV need a `port`".to_string(),
            true,
        ));
    };
    if let Some(why) = no_such_port(&format!("{host}:{port}"), &[service]) {
        return Err((why, true));
    }
    let declares = pods.ports.iter().any(|own| own.is_number(port));
    if service.is_headless && !pods.ports.is_empty() && !declares && !has_variable(port) {
        let all: Vec<String> = pods.ports.iter().filter_map(|own| Some(own.number?.to_string())).collect();
        // A container may listen on what it does not declare.
        let why = format!("it scrapes the port {port} of the pods, which declare {}", all.join(", "));
        return Err((why, false));
    }
    Ok(format!("10.0.0.1:{port}"))
}

/// Discoveries that Prometheus refuses.
pub fn refused(job: &Job) -> Vec<Finding> {
    let lacks = |discovery: &&Node| {
        let (kind, port) = record(discovery);
        ["A", "AAAA", "MX", "NS"].contains(&kind.as_str()) && port.is_none_or(|port| port == "0")
    };
    let refused = discoveries(job).iter().filter(lacks);
    refused
        .map(|discovery| {
            let node = discovery.get("type").unwrap_or(discovery);
            let message = "names with addresses and no port: only SRV records bring one";
            Finding::new(&PORT_MISSING, job.place(node), message)
                .why("Prometheus refuses the whole file: it does not start, or goes on with the old one")
                .help("write `port:` with the port of the pods beside it")
        })
        .collect()
}

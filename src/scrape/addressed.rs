//! Addresses that jobs list, against the Services of the repository.
//!
//! Sources: kubernetes/dns docs/specification.md (a Service is found as `name` in its own namespace, as `name.namespace`
//! or `name.namespace.svc…` everywhere); kubernetes/kubernetes pkg/proxy (ports that a Service does not have are closed).

use super::address::{host, names, no_such_port};
use super::config::Job;
use super::dns;
use super::index::{Index, are_environments};
use super::job::is_probe;
use super::rules::{NO_SUCH_SERVICE, PORT_MISSING};
use super::target::Service;
use crate::finding::{Finding, nearest};
use crate::manifest::{Node, has_variable};
use crate::source::Sources;

/// What is wrong with the addresses of one job. `asked_at`: the namespace of the one server that all triggers ask.
pub fn check(job: &Job, index: &Index<'_>, sources: &Sources, asked_at: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, target, address) in job.addresses() {
        let name = host(&address);
        // Beside Docker Compose the same name may be that of a container.
        if has_variable(&address) || job.is_local && !name.contains('.') {
            continue;
        }
        let path = &sources.get(job.file).name;
        let services = meant(job, name, index, sources);
        findings.extend(closed(job, target, &address, &services));
        if !is_probe(job) && !job.is_local {
            findings.extend(
                elsewhere(job, (target, ""), &address, &services, asked_at)
                    .or_else(|| unknown(job, target, &address, index, path)),
            );
        }
    }
    for (node, before, host) in dns::asked(job).filter(|_| !job.is_local) {
        let services = meant(job, host, index, sources);
        findings.extend(elsewhere(job, (node, before), host, &services, asked_at));
    }
    findings
}

/// The Services that a host may name.
fn meant<'a, 'i>(job: &Job, host: &str, index: &'a Index<'i>, sources: &Sources) -> Vec<&'a Service<'i>> {
    let path = &sources.get(job.file).name;
    let first = host.split('.').next().unwrap_or_default();
    index.services_named(first).filter(|service| !are_environments(service.object.path, path)).collect()
}

/// A port that the Service does not have.
fn closed(job: &Job, target: &Node, address: &str, services: &[&Service<'_>]) -> Option<Finding> {
    let why = no_such_port(address, services)?;
    let message = format!("{} scrapes `{address}`, a port that the Service does not have", job.what());
    let named = services.iter().find(|service| names(host(address), service)).or(services.first())?;
    Some(
        Finding::new(&PORT_MISSING, job.place(target), message)
            .label(why)
            .related(named.object.name_place(), "the Service")
            .why("every scrape fails, and what the query asks for is never there")
            .help("write a port of the Service, which is not always that of the container; or add this one to it, where its pods listen there"),
    )
}

const WHY: &str =
    "the name is not found: every scrape fails, `up` stays 0, and no query and no alert gets a series of it";

/// A Service of that name in another namespace than the address leads to.
fn elsewhere(
    job: &Job,
    (target, before): (&Node, &str),
    address: &str,
    services: &[&Service<'_>],
    asked_at: Option<&str>,
) -> Option<Finding> {
    let name = host(address);
    let mut parts = name.split('.');
    let (first, written) = (parts.next()?, parts.next());
    // The Prometheus of a ScrapeConfig may live elsewhere.
    let home = job.namespace.as_deref().or(asked_at).filter(|_| job.node.get("job_name").is_some());
    let looked_in = written.or(home)?;
    // `db.example.com` is no Service.
    if written.is_some() && parts.next().is_some_and(|third| third != "svc") {
        return None;
    }
    let other = services.first()?;
    let is_other =
        |service: &&Service<'_>| service.object.namespace.as_deref().is_some_and(|own| own != looked_in);
    if !services.iter().all(is_other) {
        return None;
    }
    let theirs = other.object.namespace_text();
    let message = match written {
        Some(_) => format!("the Service `{first}` is in `{theirs}`, not in `{looked_in}`"),
        None => format!(
            "`{first}` is looked up in `{looked_in}`, where this Prometheus lives, and the Service is in `{theirs}`"
        ),
    };
    let port = address.rsplit_once(':').map_or(String::new(), |(_, port)| format!(":{port}"));
    Some(
        Finding::new(&NO_SUCH_SERVICE, job.place(target), message)
            .related(other.object.name_place(), "the Service")
            .why(WHY)
            .help(format!("write `{before}{first}.{theirs}.svc{port}`")),
    )
}

/// The name of a workload whose Service is called otherwise.
fn unknown(job: &Job, target: &Node, address: &str, index: &Index<'_>, path: &str) -> Option<Finding> {
    let name = host(address);
    let mut parts = name.split('.');
    let (first, namespace) = (parts.next()?, parts.next());
    if index.services_named(first).next().is_some() || parts.next().is_some_and(|third| third != "svc") {
        return None;
    }
    let looked_in = namespace.or(job.namespace.as_deref());
    let pods = index.workloads().iter().find(|pods| {
        let is_there = looked_in.is_none_or(|namespace| pods.object.may_be_in(namespace));
        pods.object.name == first && is_there && !are_environments(pods.object.path, path)
    })?;
    let services = index.services_of(pods);
    let called: Vec<&str> = services.iter().map(|service| service.object.name.as_str()).collect();
    // The pods of a StatefulSet are found below its Service.
    let own = nearest(first, called.iter().copied()).or(called.first().copied())?;
    let service = services.iter().find(|service| service.object.name == own)?;
    Some(
        Finding::new(&NO_SUCH_SERVICE, job.place(target), format!("no Service here is called `{first}`"))
            .related(pods.object.name_place(), format!("that is the {}", pods.object.kind()))
            .related(service.object.name_place(), "the Service in front of it")
            .why(WHY)
            .help(format!("write `{}`", address.replacen(first, own, 1))),
    )
}

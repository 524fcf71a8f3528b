//! Addresses that a job lists one by one.

use super::config::Job;
use super::job::{is_probe, scraped, through};
use super::relabel::Labels;
use super::target::{Pods, Service, pairs};
use super::way::{Passage, describe};

/// What the addresses that a job lists do with pods.
pub fn fixed(job: &Job, pods: &Pods<'_>, services: &[&Service<'_>]) -> Option<Passage> {
    if is_probe(job) {
        return None;
    }
    let what = job.what();
    let mut blocked = None;
    for (fixed, target, address) in job.addresses() {
        let host = host(&address);
        let first = host.split('.').next().unwrap_or_default();
        // The name of one pod of a StatefulSet, before that of its Service.
        let number = first.strip_prefix(pods.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let is_pod = pods.object.kind() == "StatefulSet"
            && number
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let behind = if is_pod { host.split_once('.').map_or("", |(_, rest)| rest) } else { host };
        let is_meant = services.iter().any(|service| names(behind, service));
        if !is_meant {
            continue;
        }
        if let Some((home, service)) = at_home(job, &address, services) {
            let theirs = service.object.namespace_text();
            let name = &service.object.name;
            blocked = Some(Passage::Blocked {
                by: job.place(target),
                what: what.clone(),
                why: format!(
                    "`{host}` is looked up in `{home}`, where this Prometheus lives, and the Service is in `{theirs}`"
                ),
                help: Some(format!(
                    "write `{}`",
                    address.replacen(name.as_str(), &format!("{name}.{theirs}.svc"), 1)
                )),
                is_sure: true,
            });
            continue;
        }
        // A name and a port of a Service, and of no container, are those of the Service.
        let is_of_service = job.is_without_containers && no_such_port(&address, services).is_none();
        if job.is_local && !host.contains('.') && !is_of_service {
            let why =
                format!("`{address}` may be the name of a container beside Prometheus, as in Docker Compose");
            return Some(Passage::Open { what, why });
        }
        if !is_pod && let Some(why) = no_such_port(&address, services) {
            blocked = Some(Passage::Blocked {
                by: job.place(target),
                what: what.clone(),
                why,
                help: None,
                is_sure: true,
            });
            continue;
        }
        let mut labels: Labels = pairs(fixed.get("labels"));
        labels.insert("__address__".to_string(), address.clone());
        labels.entry("job".to_string()).or_insert_with(|| job.name.clone());
        match through(job, vec![labels]) {
            Some(Ok(passed)) if is_pod => return Some(Passage::Scraped(Box::new(scraped(job, passed)))),
            Some(Ok(_)) => return Some(Passage::Random { by: job.place(target), what }),
            Some(Err((rule, value))) => {
                let (by, what, why) = (job.place(rule), what.clone(), describe(rule, &value));
                blocked = Some(Passage::Blocked { by, what, why, help: None, is_sure: true });
            }
            None => {}
        }
    }
    blocked
}

/// The namespace in which a short name is looked up, and the Service elsewhere that was meant.
fn at_home<'a, 'd>(
    job: &'a Job,
    address: &str,
    services: &[&'a Service<'d>],
) -> Option<(&'a str, &'a Service<'d>)> {
    // The Prometheus of a ScrapeConfig may live elsewhere.
    let home = job.namespace.as_deref().filter(|_| job.node.get("job_name").is_some())?;
    let host = host(address);
    let is_elsewhere = |service: &&&Service<'_>| {
        service.object.name == host && service.object.namespace.as_deref().is_some_and(|own| own != home)
    };
    let meant = services.iter().filter(|service| names(host, service));
    meant
        .clone()
        .all(|service| is_elsewhere(&service))
        .then(|| meant.clone().next())
        .flatten()
        .map(|one| (home, *one))
}

/// Why an address has no answer: none of the Services that it names has its port. Those without an address of their own
/// hand every port on.
pub fn no_such_port(address: &str, services: &[&Service<'_>]) -> Option<String> {
    let port = address.rsplit_once(':').map(|(_, port)| port)?;
    let number: i64 = port.parse().ok()?;
    let meant: Vec<&&Service<'_>> = services.iter().filter(|service| names(host(address), service)).collect();
    let lacks = |service: &&&Service<'_>| {
        let is_plain = !service.is_headless && service.object.text(&["spec", "type"]) != Some("ExternalName");
        is_plain
            && !service.ports.is_empty()
            && service.ports.iter().all(|(_, own, _)| own.is_some_and(|own| own != number))
    };
    let service = meant.first()?;
    let numbers: Vec<String> =
        service.ports.iter().filter_map(|(_, own, _)| Some(own.as_ref()?.to_string())).collect();
    meant.iter().all(lacks).then(|| {
        format!("the Service `{}` has no port {number}: it has {}", service.object.name, numbers.join(", "))
    })
}

/// The host of an address.
pub fn host(address: &str) -> &str {
    let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or(bare);
    bare.rsplit_once(':').map_or(bare, |(host, _)| host)
}

/// Whether a host is that of a Service.
pub fn names(host: &str, service: &Service<'_>) -> bool {
    let mut parts = host.split('.');
    let name = parts.next().unwrap_or_default();
    let namespace = parts.next();
    name == service.object.name
        && namespace
            .is_none_or(|namespace| service.object.namespace.as_deref().is_none_or(|own| own == namespace))
}

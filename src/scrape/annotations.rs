//! `prometheus.io/*`, which a usual configuration reads from pods.

use super::config::{Configs, Job};
use super::index::Index;
use super::target::{Pods, Service};
use super::way::{Passage, Scraped};
use super::world::World;
use super::{job, relabel, rules};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::source::Place;

/// `prometheus.io/*` where nobody looks, or with a port that is not there.
pub fn check(object: &Object<'_>) -> Vec<Finding> {
    let Some(pods) = Pods::of(object) else { return Vec::new() };
    let mut findings = Vec::new();
    let own = object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let misplaced = own.iter().find(|entry| entry.key == "prometheus.io/scrape");
    if let (Some(entry), false) = (misplaced, pods.annotations.contains_key("prometheus.io/scrape")) {
        findings.push(
            Finding::new(
                &rules::MISPLACED_ANNOTATION,
                Place::new(object.document.file, entry.key_span),
                format!("`prometheus.io/scrape` stands on the {}", object.kind()),
            )
            .why("discovery reads the annotations of pods: these are not on them, and nothing is scraped")
            .help("write it under `spec.template.metadata.annotations`"),
        );
    }
    let template =
        object.at(&["spec", "template", "metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let scrapes = pods.annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
    for entry in template.iter().filter(|entry| entry.key == "prometheus.io/port" && scrapes) {
        let port = entry.node.as_written().unwrap_or_default();
        let declared = pods.ports.iter().any(|other| other.is_number(&port));
        if !declared && !pods.ports.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
            let mut finding = Finding::new(&rules::ANNOTATION_PORT, object.place(&entry.node), format!("no container declares the port {port}"))
                .why("the usual configuration replaces the port of each declared one by this: it works only if something listens there, and scrapes the pod once per declared port")
                .help("declare the port, or write one that is declared");
            // A port that is there for metrics makes another one unlikely.
            let for_metrics = |name: &str| name.contains("metric") || name.contains("prom");
            match pods.ports.iter().find_map(|own| for_metrics(&own.name).then_some((&own.name, own.number?)))
            {
                Some((name, number)) => {
                    finding.severity = Severity::Warning;
                    finding = finding.help(format!("write \"{number}\", which the pods declare as `{name}`"));
                }
                None => finding.severity = Severity::Note,
            }
            findings.push(finding);
        }
    }
    findings
}

/// Annotated pods in namespaces into which no job that reads annotations looks.
pub fn out_of_reach(world: &World<'_>) -> Vec<Finding> {
    let configs = &world.configs;
    let reads = |job: &&Job| {
        job.list("relabel_configs", "relabelings").iter().any(|rule| {
            relabel::sources(rule).any(|source| source.contains("_annotation_prometheus_io_scrape"))
        })
    };
    let jobs: Vec<&Job> = configs.jobs.iter().filter(reads).collect();
    let is_open = configs.open.is_some() || configs.pushes.is_some() || !world.operators.is_empty();
    if jobs.is_empty() || is_open {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = Vec::new();
    for pods in world.index.workloads() {
        let template = pods.object.at(&["spec", "template", "metadata", "annotations"]);
        let entries = template.map(Node::entries).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.key == "prometheus.io/scrape");
        let Some(entry) = entry.filter(|entry| entry.node.as_written().as_deref() == Some("true")) else {
            continue;
        };
        let passages = world.passages(pods);
        let is_reached = |passage: &Passage| {
            matches!(passage, Passage::Scraped(_) | Passage::Random { .. } | Passage::Open { .. })
        };
        let mut outside = jobs.iter().map(|job| job::out_of_sight(job, pods));
        if passages.iter().any(is_reached) || !outside.clone().all(|one| one.is_some()) {
            continue;
        }
        let Some(Some((by, why))) = outside.next() else { continue };
        let own = pods.object.namespace_text();
        findings.push(
            Finding::new(
                &rules::UNREAD_ANNOTATION,
                Place::new(pods.object.document.file, entry.key_span),
                format!("no job that reads `prometheus.io/scrape` looks into `{own}`"),
            )
            .related(by, why)
            .why("discovery finds pods of the named namespaces only: these are not among its targets, and no error tells")
            .help(format!("write `{own}` among the `names` there, or leave `namespaces` out")),
        );
    }
    findings
}

/// Annotations on a Service, where the jobs that are here read those of pods.
pub fn of_service(service: &Service<'_>, configs: &Configs, index: &Index<'_>) -> Option<Finding> {
    let entries = service.object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let entry = entries.iter().find(|entry| entry.key == "prometheus.io/scrape")?;
    if entry.node.as_written().as_deref() != Some("true") || configs.open.is_some() {
        return None;
    }
    let reads = |job: &Job, of: &str| {
        let name = format!("__meta_kubernetes_{of}_annotation_prometheus_io_scrape");
        job.list("relabel_configs", "relabelings")
            .iter()
            .any(|rule| relabel::sources(rule).any(|source| source == name))
    };
    if configs.jobs.iter().any(|job| reads(job, "service")) {
        return None;
    }
    let job = configs.jobs.iter().find(|job| reads(job, "pod"))?;
    let pods = index.workloads().iter().find(|pods| service.selects(pods))?;
    if pods.annotations.contains_key("prometheus.io/scrape") {
        return None;
    }
    let message =
        format!("`prometheus.io/scrape` stands on the Service, and {} reads it from pods", job.what());
    let place = Place::new(service.object.document.file, entry.key_span);
    Some(
        Finding::new(&rules::MISPLACED_ANNOTATION, place, message)
            .related(job.name_place(), "the job that reads annotations")
            .why("nobody reads the annotations of Services here: nothing is scraped, and no error tells")
            .help(format!(
                "write them into `spec.template.metadata.annotations` of {} `{}`",
                pods.object.kind(),
                pods.object.name
            )),
    )
}

/// A way that asks for another path than the pods say themselves.
pub fn path(pods: &Pods<'_>, way: &Scraped) -> Option<Finding> {
    let known = |name: &str| {
        pods.annotations.get(name).map(String::as_str).filter(|value| relabel::known(value) == *value)
    };
    let wanted = known("prometheus.io/path")?;
    let port = known("prometheus.io/port");
    let bare = |path: &str| path.split('?').next().unwrap_or_default().trim_matches('/').to_string();
    let mut same = way
        .endpoints
        .iter()
        .filter(|(own, path)| port.is_none_or(|port| port == own) && !relabel::is_unknown(path));
    if same.clone().any(|(_, path)| bare(path) == bare(wanted)) {
        return None;
    }
    let (_, path) = same.next()?;
    let entries = pods.object.at(&["spec", "template", "metadata", "annotations"]).map(Node::entries);
    let entry = entries.unwrap_or_default().iter().find(|entry| entry.key == "prometheus.io/path")?;
    let message = format!("{} asks for `{path}`, and the annotations of the pods say `{wanted}`", way.what);
    Some(
        Finding::new(&rules::PATH_DIFFERS, way.by, message)
            .related(pods.object.place(&entry.node), "the path that the pods name")
            .why("one of the two most likely answers with 404: the target is down, and the query is empty")
            .help(format!(
                "write `{}: {wanted}` there, or mend the annotation",
                match way.what.as_str() {
                    what if what.contains("ScrapeConfig") => "metricsPath",
                    what if what.starts_with("the job") => "metrics_path",
                    _ => "path",
                }
            )),
    )
}

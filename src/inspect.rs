//! The pipeline for Kubernetes YAML, from texts to findings. Short enough to be read first.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::finding::{Finding, Rule, Severity};
use crate::inventory::Inventory;
use crate::manifest::{self, Document, Reading};
use crate::model::{Version, Versions};
use crate::rules::{
    alerting, alertmanager, allow, analysis, autoscaler, compose, filled, http, kustomize, patched,
    repository, scaler, workload,
};
use crate::schema::{self, Shapes};
use crate::scrape;
use crate::source::{FileId, Place, Sources};

/// What was looked at, and what was found.
#[derive(Debug)]
pub struct Inspection {
    pub findings: Vec<Finding>,
    /// Objects that slogen has rules for.
    pub objects: usize,
    /// For each metric of each scaler, who scrapes it.
    pub coverage: Vec<scrape::Row>,
}

/// What an inspection may rely on.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub versions: Versions,
    /// Whether the version of KEDA is the newest for want of a better; what the objects install is one.
    pub is_keda_open: bool,
    /// Whether the files are all there is, so that an exception that excuses nothing is one too many.
    pub is_whole: bool,
    /// Whether a path that is not among the sources exists.
    pub exists: fn(&str) -> bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { versions: Versions::default(), is_keda_open: true, is_whole: true, exists: |_| false }
    }
}

/// Looks at all of the files together.
pub fn inspect(sources: &Sources, files: &[FileId], settings: &Settings) -> Inspection {
    let readings: Vec<Reading> = files
        .par_iter()
        .map(|file| {
            let text = &sources.get(*file).text;
            let mut reading = manifest::read(*file, text);
            let inner: Vec<Reading> =
                reading.documents.iter().map(|document| manifest::embedded(document, text)).collect();
            for inner in inner {
                reading.documents.extend(inner.documents);
                reading.findings.extend(inner.findings);
            }
            reading
        })
        .collect();
    let mut findings = Vec::new();
    let mut documents: Vec<Document> = Vec::new();
    for reading in readings {
        documents.extend(reading.documents);
        findings.extend(reading.findings);
    }
    documents.iter_mut().for_each(Document::modernize);
    let inventory = Inventory::new(sources, &documents);
    let versions = &versions(settings, &inventory);
    let shapes = Shapes::with_definitions(&documents);
    let own: Vec<Vec<Finding>> = inventory
        .objects
        .par_iter()
        .map(|object| {
            if object.is_sample() && !shapes.is_own(object.document) {
                return Vec::new();
            }
            let mut found =
                schema::check(sources, object.document, &shapes, (object.is_fragment, object.is_built));
            if shapes.is_own(object.document) && (!object.is_fragment || object.document.name().is_empty()) {
                found.extend(schema::name(object.document));
            }
            if is_known(object.document) && !object.is_fragment {
                found.extend(manifest::quoted_template(object.document, object.path));
            }
            found.extend(scaler::removed_api(sources, object).filter(|_| !object.is_fragment));
            found.extend(workload::removed_api(object, versions).filter(|_| !object.is_fragment));
            match (object.kind(), object.group()) {
                _ if object.is_fragment && !is_rule_file(object.document) => {}
                ("ScaledObject", "keda.sh") => found.extend(scaler::check(sources, object, versions)),
                ("ScaledJob", "keda.sh") => found.extend(scaler::check_job(sources, object, versions)),
                ("HorizontalPodAutoscaler", "autoscaling") => {
                    found.extend(autoscaler::check(object, versions))
                }
                ("PrometheusRule", _) => found.extend(alerting::check(sources, object, versions)),
                _ if is_rule_file(object.document) => {
                    found.extend(alerting::check(sources, object, versions))
                }
                _ => {}
            }
            found
        })
        .collect();
    findings.extend(own.into_iter().flatten());
    once_a_file(&mut findings, &manifest::rules::QUOTED_TEMPLATE);
    scaler::leave_out_real(sources, &inventory, &mut findings);
    scaler::beside(&inventory, &mut findings);
    scaler::leave_out_alone(&inventory, &mut findings);
    // What is between objects, and what is scraped: neither waits for the other.
    let (between, (scraping, coverage, listed)) = rayon::join(
        || {
            let mut found = repository::check(sources, &inventory);
            found.extend(scaler::across(&inventory, versions));
            found.extend(scaler::lists(&inventory));
            found.extend(scaler::at_work(&inventory));
            found.extend(scaler::own_pods(&inventory));
            found.extend(workload::check(&inventory));
            found.extend(http::check(&inventory));
            found.extend(kustomize::check(sources, &inventory, settings.exists));
            found.extend(alerting::across(sources, &inventory));
            found.extend(alertmanager::check(sources, &inventory));
            found.extend(analysis::check(&inventory));
            found.extend(compose::check(&inventory));
            found.extend(autoscaler::across(&inventory));
            found
        },
        || scrape::check(sources, &inventory, settings.exists),
    );
    findings.extend(between);
    findings.extend(scraping);
    scrape::soften(&mut findings, &listed);
    told_by_the_way(&mut findings);
    told_better(&mut findings);
    scaler::in_no_quotes(&inventory, &mut findings);
    scrape::leave_out_consequences(&mut findings);
    leave_open(sources, &mut findings);
    filled::soften(sources, &mut findings);
    patched::leave_out(&inventory, &mut findings);
    findings.extend(patched::check(&inventory));
    allow::apply(sources, files, settings.is_whole, &mut findings);
    crate::finding::sort(&mut findings);
    findings.dedup();
    let objects = documents.iter().filter(|document| is_known(document)).count();
    Inspection { findings, objects, coverage }
}

/// The versions that rules may rely on. Several that are installed are of several clusters.
fn versions(settings: &Settings, inventory: &Inventory<'_>) -> Versions {
    let mut versions = settings.versions;
    if settings.is_keda_open {
        let mut installed = inventory.installed_keda().into_iter().filter_map(Version::parse);
        if let Some(first) = installed.next()
            && installed.all(|other| other.to_string() == first.to_string())
        {
            versions.keda = first;
        }
    }
    versions
}

/// Of one rule the first finding in each file is enough.
fn once_a_file(findings: &mut Vec<Finding>, rule: &Rule) {
    let mut told = HashSet::new();
    findings.retain(|finding| finding.rule != rule || told.insert(finding.place.file));
}

/// A Service that leads nowhere is told with what is not scraped through it.
fn told_by_the_way(findings: &mut Vec<Finding>) {
    let is_of_scraping = |finding: &&Finding| finding.rule.id.starts_with("scrape/");
    let told: HashSet<Place> = findings
        .iter()
        .filter(is_of_scraping)
        .flat_map(|finding| finding.related.iter().map(|related| related.place).chain([finding.place]))
        .collect();
    findings.retain(|finding| {
        let service = finding.related.iter().filter(|related| related.message == "the Service");
        let mut places = service.map(|related| related.place).chain([finding.place]);
        finding.rule != &workload::SERVICE_NOWHERE || !places.any(|place| told.contains(&place))
    });
}

/// A value of another type is told once where a rule knows what its author meant.
fn told_better(findings: &mut Vec<Finding>) {
    const MISPLACED: &str = "`authenticationRef` ";
    let of = |rule: &'static Rule| findings.iter().filter(move |finding| finding.rule == rule);
    let numbers: HashSet<Place> = of(&scrape::PORT_NUMBER).map(|finding| finding.place).collect();
    let references: HashSet<FileId> = of(&scaler::UNKNOWN_KEY)
        .filter(|finding| finding.message.starts_with(MISPLACED))
        .map(|finding| finding.place.file)
        .collect();
    findings.retain(|finding| {
        let is_again = numbers.contains(&finding.place)
            || finding.message.starts_with(MISPLACED) && references.contains(&finding.place.file);
        finding.rule != &schema::rules::WRONG_TYPE || !is_again
    });
}

/// What is not among the files may stand in a template beside them, which is not read.
fn leave_open(sources: &Sources, findings: &mut Vec<Finding>) {
    let folder = |finding: &Finding| {
        let path = sources.get(finding.place.file).name.as_str();
        path.rsplit_once('/').map_or("", |(folder, _)| folder).to_string()
    };
    let is_template = |finding: &&Finding| finding.rule == &manifest::rules::TEMPLATE;
    let templates: HashSet<String> = findings.iter().filter(is_template).map(folder).collect();
    findings.retain(|finding| {
        let is_absence = finding.rule == &workload::TARGET_ELSEWHERE
            && finding.severity == Severity::Note
            && finding.message.ends_with("in these files");
        !is_absence || !templates.contains(&folder(finding))
    });
}

/// A plain file of Prometheus rules.
fn is_rule_file(document: &Document) -> bool {
    document.kind().is_empty() && document.node.get("groups").is_some()
}

/// Whether slogen has anything to say of a document, or reads something from it.
pub fn knows(document: &Document) -> bool {
    is_known(document) || is_configuration(document) || schema::knows_group(document)
}

/// What configures a Prometheus by hand, or says how objects are applied.
fn is_configuration(document: &Document) -> bool {
    match document.kind() {
        "" => ["scrape_configs", "global"].iter().any(|key| document.node.get(key).is_some()),
        kind => ["Kustomization", "Component", "CustomResourceDefinition", "LimitRange"].contains(&kind),
    }
}

fn is_known(document: &Document) -> bool {
    const KINDS: [&str; 27] = [
        "ScaledObject",
        "HTTPScaledObject",
        "InterceptorRoute",
        "ScaledJob",
        "HorizontalPodAutoscaler",
        "ServiceMonitor",
        "PodMonitor",
        "Probe",
        "ScrapeConfig",
        "PrometheusRule",
        "Prometheus",
        "PrometheusAgent",
        "Service",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Rollout",
        "PodDisruptionBudget",
        "VerticalPodAutoscaler",
        "TriggerAuthentication",
        "ClusterTriggerAuthentication",
        "APIService",
        "PodMonitoring",
        "ClusterPodMonitoring",
        "VMServiceScrape",
        "VMPodScrape",
    ];
    let is_plain = || document.kind().is_empty() && document.node.get("scrape_configs").is_some();
    KINDS.contains(&document.kind()) || is_rule_file(document) || is_plain()
}

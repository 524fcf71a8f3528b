//! Whether a file may hold something for slogen: told by a few words in it, which takes a tenth of the time of reading it
//! as YAML.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::Context;
use memchr::memmem::Finder;
use rayon::prelude::*;

use crate::inspect::knows;
use crate::manifest;
use crate::source::FileId;

/// Larger files are somebody's data, not a manifest.
const MOST_BYTES: u64 = 64 << 20;

/// One file that may hold something for slogen.
pub(super) enum Sifted {
    Policy(String),
    Kept(String),
    /// An object of a kind that only a definition found elsewhere can speak of, or that is of interest only to those who
    /// refer to it: which words of [`REFERRED`] it has.
    Foreign([bool; REFERRED.len()]),
    Nothing,
}

/// Reads a file, as far as it takes to know whether slogen has anything to say of it.
pub(super) fn sift(path: &Path, is_named: bool) -> anyhow::Result<Sifted> {
    let most = if is_named { u64::MAX } else { MOST_BYTES };
    let read = read_up_to(path, most).with_context(|| format!("cannot read {}", path.display()))?;
    let Some(mut bytes) = read else { return Ok(Sifted::Nothing) };
    if matches!(bytes.get(..2), Some([0xff, 0xfe] | [0xfe, 0xff])) {
        bytes = text(bytes).into_bytes();
    }
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    if is_toml {
        let is_policy = is_named || is_policy(&bytes);
        return Ok(if is_policy { Sifted::Policy(text(bytes)) } else { Sifted::Nothing });
    }
    // Azure's templates have an `apiVersion` and a `kind`, and comments, which JSON has not.
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    if is_json && !is_named && has(&bytes, "deploymentTemplate.json") {
        return Ok(Sifted::Nothing);
    }
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    // Docker Compose says what a Prometheus beside it sees, and a helmfile which charts bring one.
    let is_compose = name.contains("compose") && has(&bytes, "services:");
    let is_helmfile = name.contains("helmfile") && has(&bytes, "releases:");
    // Values of a chart that makes autoscalers.
    let is_scaling = ["executor:", "workers:", "keda:"].iter().all(|word| has(&bytes, word));
    if is_kustomization(path) || is_compose || is_helmfile || is_scaling || is_known(&bytes) {
        return Ok(Sifted::Kept(text(bytes)));
    }
    if !has(&bytes, "apiVersion") && !has(&bytes, "groups:") {
        return Ok(Sifted::Nothing);
    }
    // An object, or something like it: it is worth a look whether it can be read at all.
    let text = text(bytes);
    let reading = manifest::read(FileId(0), &text);
    if !reading.findings.is_empty() || reading.documents.iter().any(knows) {
        return Ok(Sifted::Kept(text));
    }
    Ok(Sifted::Foreign(REFERRED.map(|word| has(text.as_bytes(), word))))
}

/// The bytes of a file, unless they are more. The size is asked of the open file, and nothing is read behind it: of six
/// calls of the system for each file, two are saved so.
fn read_up_to(path: &Path, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut file = std::fs::File::open(path)?;
    let size = file.metadata()?.len();
    if size > most {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    if (1..=MOST_BYTES).contains(&size) {
        bytes.reserve_exact(usize::try_from(size).unwrap_or_default());
        file.take(size).read_to_end(&mut bytes)?;
    } else {
        // A pipe, or a file that does not know its size.
        file.read_to_end(&mut bytes)?;
    }
    Ok(Some(bytes))
}

pub(super) fn is_kustomization(path: &Path) -> bool {
    let stem = path.file_stem().and_then(std::ffi::OsStr::to_str);
    stem.is_some_and(|stem| stem.eq_ignore_ascii_case("kustomization"))
}

/// Bytes as a text: UTF-8, or UTF-16 that says so in its first bytes, as some shells write it.
pub fn text(bytes: Vec<u8>) -> String {
    let wide: Option<fn([u8; 2]) -> u16> = match bytes.get(..2) {
        Some([0xff, 0xfe]) => Some(u16::from_le_bytes),
        Some([0xfe, 0xff]) => Some(u16::from_be_bytes),
        _ => None,
    };
    if let Some(unit) = wide {
        let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        return char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A policy has a version, a workload and signals.
fn is_policy(bytes: &[u8]) -> bool {
    ["[workload]", "[signal.", "[scaling]"].iter().all(|word| has(bytes, word))
}

/// Kinds of which slogen has something to say, or from which it reads something. A kind that only begins like one of
/// them costs a look, no more.
const KINDS: [&str; 45] = [
    "AnalysisTemplate",
    "ClusterAnalysisTemplate",
    "MetricTemplate",
    "APIService",
    "AdminNetworkPolicy",
    "Alertmanager",
    "Application",
    "Canary",
    "Cilium",
    "ClusterPodMonitoring",
    "ClusterRole",
    "ClusterTriggerAuthentication",
    "Component",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "GlobalNetworkPolicy",
    "HTTPScaledObject",
    "HelmRelease",
    "HorizontalPodAutoscaler",
    "InterceptorRoute",
    "Kustomization",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "OpenTelemetryCollector",
    "PeerAuthentication",
    "PodDisruptionBudget",
    "PodMonitor",
    "Probe",
    "Prometheus",
    "ReplicaSet",
    "Role",
    "Rollout",
    "ScaledJob",
    "ScaledObject",
    "ScrapeConfig",
    "Service",
    "StatefulSet",
    "ThanosRuler",
    "TriggerAuthentication",
    "VMAgent",
    "VMPodScrape",
    "VMServiceScrape",
    "VerticalPodAutoscaler",
];

/// Kinds, or other words, of files that are of interest only where something that is scaled refers to them.
const REFERRED: [&str; 13] = [
    "CronJob",
    "Secret",
    "ServiceAccount",
    "ConfigMap",
    "Ingress",
    "HTTPRoute",
    "VirtualService",
    "KafkaTopic",
    "kafka-topics",
    "topicOperator",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "NetworkPolicy",
];

/// Words to look for in every file; what a search needs is made once.
type Words<const N: usize> = LazyLock<[Finder<'static>; N]>;

/// Words of a configuration of Prometheus, or of its adapter, also inside of ConfigMaps and Helm values. One is enough.
static CONFIGURATION: Words<12> = LazyLock::new(|| {
    [
        "prometheus-adapter",
        "additionalServiceMonitors",
        "additionalPodMonitors",
        "metricLabelsAllowlist",
        "seriesQuery",
        "scrape_configs",
        "scrape_interval",
        "job_name",
        "ScrapeConfigs",
        "prometheusSpec",
        "kube-prometheus-stack",
        "prometheusremotewrite",
    ]
    .map(Finder::new)
});

/// Words of a file of rules, all of which it has.
static RULES: Words<3> = LazyLock::new(|| ["groups:", "rules:", "expr:"].map(Finder::new));

/// Words of the configuration of an OpenTelemetry collector that gives metrics to Prometheus, all of which it has.
const COLLECTOR: [&str; 4] = ["receivers:", "exporters:", "pipelines:", "prometheus"];

/// Words of a configuration of Alertmanager, all of which it has.
const ROUTES: [&str; 3] = ["route:", "receiver:", "receivers:"];

/// Words of a patch that is a list of JSON operations.
static OPERATIONS: Words<3> = LazyLock::new(|| ["op: replace", "op: add", "op: remove"].map(Finder::new));

fn has(bytes: &[u8], word: &str) -> bool {
    memchr::memmem::find(bytes, word.as_bytes()).is_some()
}

/// Whether a text speaks of something that slogen knows: an object of a known kind, or how Prometheus scrapes.
fn is_known(bytes: &[u8]) -> bool {
    kinds_of(bytes).any(|kind| KINDS.iter().any(|known| kind.starts_with(known.as_bytes())))
        || CONFIGURATION.iter().any(|word| word.find(bytes).is_some())
        || RULES.iter().all(|word| word.find(bytes).is_some())
        || ROUTES.iter().all(|word| has(bytes, word))
        || COLLECTOR.iter().all(|word| has(bytes, word))
        || OPERATIONS.iter().any(|word| word.find(bytes).is_some())
}

/// Objects of foreign kinds are looked at after all where a definition of theirs is among the files, and others where
/// something that is scaled refers to them: the ConfigMaps and Secrets of its variables, the ways that lead to its
/// Service, its topics, the volume of its database, and itself where another operator runs it.
pub(super) fn foreign(read: &mut [(PathBuf, Sifted)], is_sure: bool) -> anyhow::Result<()> {
    let any_has = |read: &[(PathBuf, Sifted)], words: &[&str]| {
        read.iter().any(|(_, sifted)| {
            matches!(sifted, Sifted::Kept(text) if words.iter().any(|word| has(text.as_bytes(), word)))
        })
    };
    let is_defined = is_sure || any_has(read, &["CustomResourceDefinition"]);
    let is_by_keda = any_has(read, &["ScaledObject", "ScaledJob"]);
    let is_scaled = is_by_keda || any_has(read, &["HorizontalPodAutoscaler", "prom/prometheus"]);
    let is_referred_to =
        any_has(read, &["FromEnv", "secretTargetRef", "configMapTargetRef", "behavior: ", "replacements:"])
            || is_scaled && any_has(read, &["configMapRef", "secretRef", "KeyRef", "configMap:"]);
    // Kinds, or other words of such files.
    let mut kinds: Vec<&str> = Vec::new();
    if is_referred_to {
        kinds.extend(["Secret", "ConfigMap"]);
    }
    if is_by_keda {
        kinds.extend(["Ingress", "HTTPRoute", "GRPCRoute", "VirtualService"]);
        kinds.extend(["KafkaTopic", "kafka-topics", "topicOperator"]);
    }
    // A patch for an Ingress that is not there ends a build.
    if any_has(read, &["stableIngress", "patches:", "patchesStrategicMerge", "replacements:"]) {
        kinds.push("Ingress");
    }
    if any_has(read, &["identityOwner: workload"]) {
        kinds.push("ServiceAccount");
    }
    if is_scaled && any_has(read, &["persistentVolumeClaim"]) {
        kinds.push("PersistentVolumeClaim");
    }
    let targets = targets(read);
    if is_scaled {
        kinds.extend(["CronJob", "ResourceQuota", "NetworkPolicy"]);
    }
    if !is_defined && kinds.is_empty() && targets.is_empty() {
        return Ok(());
    }
    let is_asked_for = |sifted: &Sifted| match sifted {
        Sifted::Foreign(words) => {
            let mut own = REFERRED.iter().zip(words).filter(|(_, has)| **has).map(|(word, _)| word);
            is_defined || own.any(|word| kinds.contains(word))
        }
        _ => false,
    };
    let is_foreign = |sifted: &Sifted| matches!(sifted, Sifted::Foreign(_));
    read.par_iter_mut().filter(|(_, sifted)| is_foreign(sifted)).try_for_each(|(path, sifted)| {
        let is_asked_for = is_asked_for(sifted);
        if !is_asked_for && targets.is_empty() {
            return Ok(());
        }
        let bytes = std::fs::read(&*path).with_context(|| format!("cannot read {}", path.display()))?;
        if is_asked_for || targets.iter().any(|kind| kinds_of(&bytes).any(|own| own == kind.as_bytes())) {
            *sifted = Sifted::Kept(text(bytes));
        }
        Ok(())
    })
}

/// Kinds of other operators that something here scales.
fn targets(read: &[(PathBuf, Sifted)]) -> BTreeSet<String> {
    const REFERENCE: &str = "scaleTargetRef";
    let mut all = BTreeSet::new();
    for (_, sifted) in read {
        let Sifted::Kept(text) = sifted else { continue };
        for at in memchr::memmem::find_iter(text.as_bytes(), REFERENCE) {
            // Three short lines follow, in any order.
            let rest = &text.as_bytes()[at..];
            let end = memchr::memchr_iter(b'\n', rest).nth(3).unwrap_or(rest.len());
            let kind = kinds_of(&rest[..end]).next();
            let kind = kind.and_then(|kind| std::str::from_utf8(kind).ok()).filter(|kind| !kind.is_empty());
            all.extend(kind.filter(|kind| !KINDS.contains(kind)).map(str::to_string));
        }
    }
    all
}

/// The words behind `kind:`.
fn kinds_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_punctuation = |byte: &u8| matches!(byte, b'"' | b'\'' | b':' | b' ' | b'\t');
    memchr::memmem::find_iter(bytes, b"kind").filter_map(move |at| {
        let rest = &bytes[at + "kind".len()..];
        let start = rest.iter().take(16).take_while(|byte| is_punctuation(byte)).count();
        let length = rest[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        (start > 0).then_some(&rest[start..start + length])
    })
}

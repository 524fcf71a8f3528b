//! The files of a repository, as git sees them: walked, read and sifted on all threads at once, so that what slogen has
//! nothing to say of never fills the memory.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context;
use ignore::{DirEntry, WalkBuilder, WalkState};
use rayon::prelude::*;

use super::config::{clean, relative};
use crate::inspect::knows;
use crate::manifest;
use crate::source::{FileId, SourceFile, Sources};

/// Larger files are somebody's data, not a manifest.
const MOST_BYTES: u64 = 64 << 20;

/// What was found below the named paths.
#[derive(Debug, Default)]
pub struct Found {
    /// Kubernetes YAML and Prometheus configuration.
    pub files: Vec<FileId>,
    /// Policies of slogen.
    pub policies: Vec<FileId>,
    /// Number of all files that could have been one of these.
    pub all: usize,
    /// What could not be read, and why.
    pub unreadable: Vec<String>,
}

/// Files below one folder.
#[derive(Default)]
struct Below {
    read: Vec<(PathBuf, Sifted)>,
    unreadable: Vec<String>,
}

/// Which files and folders are left out; the second argument says whether it is a folder.
pub type Exclude = Arc<dyn Fn(&Path, bool) -> bool + Send + Sync>;

/// Nothing is left out.
pub fn everything() -> Exclude {
    Arc::new(|_, _| false)
}

/// One file that may hold something for slogen.
enum Sifted {
    Policy(String),
    Kept(String),
    /// An object of a kind that only a definition found elsewhere can speak of, or that is of interest only to those who
    /// refer to it: which words of [`REFERRED`] it has.
    Foreign([bool; REFERRED.len()]),
    Nothing,
}

/// All YAML and JSON below the named paths that may hold something for slogen, and the policies; objects of foreign
/// kinds as well where their definitions are known.
pub fn manifests(
    sources: &mut Sources,
    named: &[PathBuf],
    exclude: &Exclude,
    with_foreign: bool,
) -> anyhow::Result<Found> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let mut read: Vec<(PathBuf, Sifted)> = Vec::new();
    let mut unreadable = Vec::new();
    for path in named {
        let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if exclude(path, metadata.is_dir()) {
            continue;
        }
        // However it was written, a file has one name: as seen from here.
        let whole = clean(&here.join(path));
        let seen = relative(&here, &whole);
        if metadata.is_dir() {
            let found = below(path, exclude)?;
            unreadable.extend(found.unreadable);
            let named = |(at, sifted): (PathBuf, Sifted)| {
                let name = match at.strip_prefix(path) {
                    // A folder around this one may hold this one as well.
                    Ok(rest) if seen.starts_with("..") => relative(&here, &whole.join(rest)),
                    Ok(rest) if seen == Path::new(".") => rest.to_path_buf(),
                    Ok(rest) => seen.join(rest),
                    Err(_) => at,
                };
                (name, sifted)
            };
            read.extend(found.read.into_iter().map(named));
        } else {
            match sift(path, true) {
                Ok(sifted) => read.push((seen, sifted)),
                Err(error) => unreadable.push(format!("{error:#}")),
            }
        }
    }
    unreadable.sort();
    // As far as it goes the order of the paths; `a/./b` and `a/b` are one file.
    read.sort_by(|one, other| one.0.cmp(&other.0));
    read.dedup_by(|one, other| one.0 == other.0);
    foreign(&mut read, with_foreign)?;
    let mut found = Found { all: read.len(), unreadable, ..Found::default() };
    let has_kustomization = read.iter().any(|(path, _)| is_kustomization(path));
    for (path, sifted) in read {
        let name = path.to_string_lossy();
        let name = if cfg!(windows) { name.replace('\\', "/").into() } else { name };
        match sifted {
            Sifted::Policy(text) => found.policies.push(sources.add(SourceFile::new(name.as_ref(), text))),
            Sifted::Kept(text) => found.files.push(sources.add(SourceFile::new(name.as_ref(), text))),
            // A kustomization names it, perhaps.
            Sifted::Foreign(_) if has_kustomization => sources.pass_over(name.as_ref()),
            Sifted::Foreign(_) | Sifted::Nothing => {}
        }
    }
    Ok(found)
}

/// What git would not ignore, without following links.
fn below(folder: &Path, exclude: &Exclude) -> anyhow::Result<Below> {
    let mut walk = WalkBuilder::new(folder);
    let exclude = exclude.clone();
    walk.hidden(false)
        .require_git(false)
        .filter_entry(move |entry| entry.file_name() != ".git" && !exclude(entry.path(), is_folder(entry)));
    if let Some(few) = alone(&walk) {
        return Ok(few);
    }
    let found = Mutex::new(Vec::new());
    let unreadable = Mutex::new(Vec::new());
    walk.threads(threads()).build_parallel().run(|| {
        let mut batch = Batch { own: Vec::new(), all: &found };
        let unreadable = &unreadable;
        Box::new(move |entry| {
            let sifted = match entry {
                Ok(entry) if is_candidate(&entry) => {
                    sift(entry.path(), false).map(|sifted| batch.own.push((entry.into_path(), sifted)))
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = sifted {
                unreadable.lock().expect("no panic").push(format!("{error:#}"));
            }
            WalkState::Continue
        })
    });
    Ok(Below {
        read: found.into_inner().expect("no panic"),
        unreadable: unreadable.into_inner().expect("no panic"),
    })
}

/// Folders with fewer entries are walked without threads, which take longer to start and to stop.
const FEW: usize = 200;

/// All of a small folder; None: it is not small.
fn alone(walk: &WalkBuilder) -> Option<Below> {
    let mut below = Below::default();
    let mut paths = Vec::new();
    for (seen, entry) in walk.build().enumerate() {
        if seen > FEW {
            return None;
        }
        match entry {
            Ok(entry) if is_candidate(&entry) => paths.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => below.unreadable.push(error.to_string()),
        }
    }
    for path in paths {
        match sift(&path, false) {
            Ok(sifted) => below.read.push((path, sifted)),
            Err(error) => below.unreadable.push(format!("{error:#}")),
        }
    }
    Some(below)
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

fn is_candidate(entry: &DirEntry) -> bool {
    let extension = entry.path().extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    entry.file_type().is_some_and(|kind| kind.is_file())
        && (matches!(extension, "yaml" | "yml" | "json" | "toml") || entry.file_name() == "Kustomization")
}

/// As many as the processors, or as `RAYON_NUM_THREADS` says; asking rayon would start its threads.
fn threads() -> usize {
    let wanted = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    wanted.filter(|number| *number > 0).unwrap_or_else(all)
}

/// For a handful of files, threads cost more than they give: the work is done right here.
pub fn few(files: usize) {
    if files <= 8 {
        // Fails where a pool is there already, which is as good.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    }
}

/// What one thread found; handed over when the thread ends.
struct Batch<'b> {
    own: Vec<(PathBuf, Sifted)>,
    all: &'b Mutex<Vec<(PathBuf, Sifted)>>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if let Ok(mut all) = self.all.lock() {
            all.append(&mut self.own);
        }
    }
}

/// Reads a file, as far as it takes to know whether slogen has anything to say of it.
fn sift(path: &Path, is_named: bool) -> anyhow::Result<Sifted> {
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
    // Docker Compose says what a Prometheus beside it sees.
    let is_compose =
        path.file_name().and_then(std::ffi::OsStr::to_str).is_some_and(|name| name.contains("compose"))
            && has(&bytes, "services:");
    if is_kustomization(path) || is_compose || is_known(&bytes) {
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

fn is_kustomization(path: &Path) -> bool {
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
const KINDS: [&str; 40] = [
    "APIService",
    "AdminNetworkPolicy",
    "Alertmanager",
    "Application",
    "Canary",
    "Cilium",
    "ClusterPodMonitoring",
    "ClusterRoleBinding",
    "ClusterTriggerAuthentication",
    "Component",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "GlobalNetworkPolicy",
    "HelmRelease",
    "HorizontalPodAutoscaler",
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
    "RoleBinding",
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
const REFERRED: [&str; 11] = [
    "Secret",
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

/// Words of a configuration of Prometheus, also inside of ConfigMaps and Helm values. One is enough.
const CONFIGURATION: [&str; 7] = [
    "scrape_configs",
    "scrape_interval",
    "job_name",
    "ScrapeConfigs",
    "prometheusSpec",
    "kube-prometheus-stack",
    "prometheusremotewrite",
];

/// Words of a file of rules, all of which it has.
const RULES: [&str; 3] = ["groups:", "rules:", "expr:"];

/// Words of a patch that is a list of JSON operations.
const OPERATIONS: [&str; 3] = ["op: replace", "op: add", "op: remove"];

fn has(bytes: &[u8], word: &str) -> bool {
    memchr::memmem::find(bytes, word.as_bytes()).is_some()
}

/// Whether a text speaks of something that slogen knows: an object of a known kind, or how Prometheus scrapes.
fn is_known(bytes: &[u8]) -> bool {
    kinds_of(bytes).any(|kind| KINDS.iter().any(|known| kind.starts_with(known.as_bytes())))
        || CONFIGURATION.iter().any(|word| has(bytes, word))
        || RULES.iter().all(|word| has(bytes, word))
        || OPERATIONS.iter().any(|word| has(bytes, word))
}

/// Objects of foreign kinds are looked at after all where a definition of theirs is among the files, and others where
/// something that is scaled refers to them: the ConfigMaps and Secrets of its variables, the ways that lead to its
/// Service, its topics, the volume of its database, and itself where another operator runs it.
fn foreign(read: &mut [(PathBuf, Sifted)], is_sure: bool) -> anyhow::Result<()> {
    let any_has = |read: &[(PathBuf, Sifted)], words: &[&str]| {
        read.iter().any(|(_, sifted)| {
            matches!(sifted, Sifted::Kept(text) if words.iter().any(|word| has(text.as_bytes(), word)))
        })
    };
    let is_defined = is_sure || any_has(read, &["CustomResourceDefinition"]);
    let is_by_keda = any_has(read, &["ScaledObject", "ScaledJob"]);
    let is_scaled = is_by_keda || any_has(read, &["HorizontalPodAutoscaler", "prom/prometheus"]);
    let is_referred_to = any_has(read, &["FromEnv", "secretTargetRef", "configMapTargetRef", "behavior: "])
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
    if is_scaled && any_has(read, &["persistentVolumeClaim"]) {
        kinds.push("PersistentVolumeClaim");
    }
    let targets = targets(read);
    if is_scaled {
        kinds.extend(["ResourceQuota", "NetworkPolicy"]);
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

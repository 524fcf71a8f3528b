//! The files of a repository, as git sees them: walked, read and sifted on all threads at once, so that what slogen has
//! nothing to say of never fills the memory.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use anyhow::Context;
use ignore::{WalkBuilder, WalkState};
use rayon::prelude::*;
use regex::bytes::Regex;

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
}

/// Which files are left out.
pub trait Exclude: Sync {
    fn excludes(&self, path: &Path, is_folder: bool) -> bool;
}

/// Nothing is left out.
impl Exclude for () {
    fn excludes(&self, _: &Path, _: bool) -> bool {
        false
    }
}

/// One file that may hold something for slogen.
enum Sifted {
    Policy(String),
    Kept(String),
    /// An object of a kind that only a definition found elsewhere can speak of.
    Foreign,
    Nothing,
}

/// All YAML and JSON below the named paths that may hold something for slogen, and the policies.
pub fn manifests(sources: &mut Sources, named: &[PathBuf], exclude: &impl Exclude) -> anyhow::Result<Found> {
    let mut read: Vec<(PathBuf, Sifted)> = Vec::new();
    for path in named {
        let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if exclude.excludes(path, metadata.is_dir()) {
            continue;
        }
        if metadata.is_dir() {
            read.extend(below(path, exclude)?);
        } else {
            read.push((path.clone(), sift(path, true)?));
        }
    }
    // As far as it goes the order of the paths; `a/./b` and `a/b` are one file.
    read.sort_by(|one, other| one.0.cmp(&other.0));
    read.dedup_by(|one, other| one.0 == other.0);
    definitions(&mut read)?;
    let mut found = Found { all: read.len(), ..Found::default() };
    for (path, sifted) in read {
        let name = path.to_string_lossy().replace('\\', "/");
        let name = name.strip_prefix("./").unwrap_or(&name);
        match sifted {
            Sifted::Policy(text) => found.policies.push(sources.add(SourceFile::new(name, text))),
            Sifted::Kept(text) => found.files.push(sources.add(SourceFile::new(name, text))),
            Sifted::Foreign | Sifted::Nothing => {}
        }
    }
    Ok(found)
}

/// What git would not ignore, without following links.
fn below(folder: &Path, exclude: &impl Exclude) -> anyhow::Result<Vec<(PathBuf, Sifted)>> {
    let found = Mutex::new(Vec::new());
    let failed = Mutex::new(None);
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .threads(rayon::current_num_threads())
        .build_parallel();
    walk.run(|| {
        let mut own = Batch { own: Vec::new(), all: &found };
        let failed = &failed;
        Box::new(move |entry| {
            let Ok(entry) = entry else { return WalkState::Continue };
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            if exclude.excludes(entry.path(), is_folder) {
                return WalkState::Skip;
            }
            let extension = entry.path().extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let concerns = matches!(extension, "yaml" | "yml" | "json" | "toml")
                || entry.file_name() == "Kustomization";
            if is_file && concerns {
                match sift(entry.path(), false) {
                    Ok(sifted) => own.own.push((entry.into_path(), sifted)),
                    Err(error) => *failed.lock().expect("no panic") = Some(error),
                }
            }
            WalkState::Continue
        })
    });
    match failed.into_inner().expect("no panic") {
        Some(error) => Err(error),
        None => Ok(found.into_inner().expect("no panic")),
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
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > MOST_BYTES && !is_named {
        return Ok(Sifted::Nothing);
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    if is_toml {
        let is_policy = is_named || is_policy(&bytes);
        return Ok(if is_policy { Sifted::Policy(text(bytes)) } else { Sifted::Nothing });
    }
    let is_kustomization =
        path.file_stem().and_then(std::ffi::OsStr::to_str).is_some_and(|stem| stem.eq_ignore_ascii_case("kustomization"));
    let words = words();
    if is_kustomization || words.known.is_match(&bytes) {
        return Ok(Sifted::Kept(text(bytes)));
    }
    if !words.kubernetes.is_match(&bytes) {
        return Ok(Sifted::Nothing);
    }
    // An object, or something like it: it is worth a look whether it can be read at all.
    let text = text(bytes);
    let reading = manifest::read(FileId(0), &text);
    if !reading.findings.is_empty() || reading.documents.iter().any(knows) {
        return Ok(Sifted::Kept(text));
    }
    Ok(Sifted::Foreign)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A policy has a version, a workload and signals.
fn is_policy(bytes: &[u8]) -> bool {
    let has = |word: &str| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    has("[workload]") && has("[signal.") && has("[scaling]")
}

/// What tells of a text whether it concerns slogen.
struct Words {
    /// A kind that slogen has rules for, or a part of a configuration of Prometheus.
    known: Regex,
    kubernetes: Regex,
}

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| Words {
        known: Regex::new(
            r#"(?x) kind"?\s*:\s*["']?(?: ScaledObject | HorizontalPodAutoscaler | ServiceMonitor | PodMonitor | Probe
            | ScrapeConfig | Prometheus | Service\b | Deployment | StatefulSet | DaemonSet | ReplicaSet | Rollout
            | PodDisruptionBudget | VerticalPodAutoscaler | TriggerAuthentication | ClusterTriggerAuthentication | LimitRange
            | Kustomization | Component\b | CustomResourceDefinition | APIService | PodMonitoring | ClusterPodMonitoring )
            | scrape_configs | scrape_interval | job_name | ScrapeConfigs"#,
        )
        .expect("a valid pattern"),
        kubernetes: Regex::new("apiVersion|groups:").expect("a valid pattern"),
    })
}

/// Objects of foreign kinds are looked at after all where a definition of theirs is among the files.
fn definitions(read: &mut [(PathBuf, Sifted)]) -> anyhow::Result<()> {
    let is_defined = |(_, sifted): &(PathBuf, Sifted)| matches!(sifted, Sifted::Kept(text) if text.contains("CustomResourceDefinition"));
    if !read.iter().any(is_defined) {
        return Ok(());
    }
    read.par_iter_mut().filter(|(_, sifted)| matches!(sifted, Sifted::Foreign)).try_for_each(|(path, sifted)| {
        let bytes = std::fs::read(&*path).with_context(|| format!("cannot read {}", path.display()))?;
        *sifted = Sifted::Kept(text(bytes));
        Ok(())
    })
}

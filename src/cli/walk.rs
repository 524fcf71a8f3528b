//! The files of a repository, as git sees them: walked, read and sifted (`sift.rs`) on all threads at once, so that what
//! slogen has nothing to say of never fills the memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context;
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::config::{clean, relative};
use super::sift::{Sifted, foreign, is_kustomization, sift};
use crate::source::{FileId, SourceFile, Sources};

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
    read.sort_by_cached_key(|(path, _)| by_parts(path));
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

/// What puts paths into the order of their parts, as comparing them would, without taking them apart each time.
fn by_parts(path: &Path) -> Vec<u8> {
    let separator = |byte: &u8| if *byte == b'/' || *byte == b'\\' && cfg!(windows) { 0 } else { *byte };
    path.as_os_str().as_encoded_bytes().iter().map(separator).collect()
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

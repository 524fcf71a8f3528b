//! Reading what was named, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::source::{FileId, SourceFile, Sources};

/// Deepest folder below a named one.
const MOST_DEPTH: usize = 32;
/// Larger files are somebody's data, not a policy or a manifest.
const MOST_BYTES: u64 = 64 << 20;

/// The policies that were named: files as they are, folders by their `*.toml` of the first level.
pub fn policies(sources: &mut Sources, named: &[PathBuf]) -> anyhow::Result<Vec<FileId>> {
    let mut paths = Vec::new();
    for path in named {
        if is_folder(path)? {
            let mut inside = entries(path)?;
            inside.retain(|path| {
                path.extension().is_some_and(|extension| extension == "toml") && path.is_file()
            });
            paths.extend(inside);
        } else {
            paths.push(path.clone());
        }
    }
    load(sources, paths)
}

/// All YAML and JSON below the named paths. Links are followed once, folders that begin with a dot are not entered.
pub fn manifests(sources: &mut Sources, named: &[PathBuf]) -> anyhow::Result<Vec<FileId>> {
    let mut paths = Vec::new();
    for path in named {
        if is_folder(path)? {
            walk(path, 0, &mut paths)?;
        } else {
            paths.push(path.clone());
        }
    }
    load(sources, paths)
}

fn is_folder(path: &Path) -> anyhow::Result<bool> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.is_dir())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read =
        fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut inside = Vec::new();
    for entry in read {
        inside.push(entry.with_context(|| format!("cannot read the folder {}", folder.display()))?.path());
    }
    inside.sort();
    Ok(inside)
}

fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth > MOST_DEPTH {
        return Ok(());
    }
    for path in entries(folder)? {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_link = path.is_symlink();
        if path.is_dir() {
            if !hidden && !is_link {
                walk(&path, depth + 1, paths)?;
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
            && path.is_file()
        {
            paths.push(path);
        }
    }
    Ok(())
}

fn load(sources: &mut Sources, mut paths: Vec<PathBuf>) -> anyhow::Result<Vec<FileId>> {
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if size > MOST_BYTES {
            bail!("{} has {size} bytes; slogen reads files of up to {MOST_BYTES}", path.display());
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            anyhow::anyhow!("{} is not text: byte {at} is not UTF-8", path.display())
        })?;
        let name = path.to_string_lossy().replace('\\', "/");
        files.push(sources.add(SourceFile::new(name, text)));
    }
    Ok(files)
}

/// Templates of the user: every `*.j2` of a folder.
pub fn templates(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut overlay = Vec::new();
    for path in entries(folder)? {
        if path.extension().is_some_and(|extension| extension == "j2") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            overlay.push((name, text));
        }
    }
    if overlay.is_empty() {
        bail!("there is no template (*.j2) in {}", folder.display());
    }
    Ok(overlay)
}

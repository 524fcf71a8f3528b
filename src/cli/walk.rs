//! The files of a repository, as git sees them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ignore::WalkBuilder;
use rayon::prelude::*;

use crate::source::{FileId, SourceFile, Sources};

/// Words of which a file that concerns slogen has at least one. Files without are not read further.
const WORDS: [&str; 4] = ["apiVersion", "scrape_configs", "groups:", "ScrapeConfigs"];

/// Larger files are somebody's data, not a manifest.
const MOST_BYTES: u64 = 64 << 20;

/// All YAML and JSON below the named paths that may hold something for slogen, and the number of all.
pub fn manifests(sources: &mut Sources, named: &[PathBuf]) -> anyhow::Result<(Vec<FileId>, usize)> {
    let mut paths = Vec::new();
    for path in named {
        let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            paths.extend(below(path));
        } else {
            paths.push(path.clone());
        }
    }
    paths.sort();
    paths.dedup();
    let all = paths.len();
    let texts: Vec<(PathBuf, anyhow::Result<Option<String>>)> =
        paths.into_par_iter().map(|path| (path.clone(), text(&path))).collect();
    let mut files = Vec::new();
    for (path, text) in texts {
        if let Some(text) = text? {
            let name = path.to_string_lossy().replace('\\', "/");
            let name = name.strip_prefix("./").unwrap_or(&name);
            files.push(sources.add(SourceFile::new(name, text)));
        }
    }
    Ok((files, all))
}

/// What git would not ignore, without following links.
fn below(folder: &Path) -> Vec<PathBuf> {
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    walk.filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .map(ignore::DirEntry::into_path)
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
        })
        .collect()
}

/// The text of a file, if it may hold something for slogen.
fn text(path: &Path) -> anyhow::Result<Option<String>> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > MOST_BYTES {
        return Ok(None);
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(concerns(&bytes).then(|| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

fn concerns(bytes: &[u8]) -> bool {
    WORDS.iter().any(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some())
}

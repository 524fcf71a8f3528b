//! All or nothing: every file is first written beside its place, then moved there; if one move fails, the moved ones
//! are moved back. Only files that slogen wrote from the same policy are touched.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::emit::MARK;
use crate::plan::Bundle;

/// What has to change on the disk.
#[derive(Debug, Default)]
pub struct Changes {
    /// Path, text now, text wanted.
    pub written: Vec<(PathBuf, Option<String>, String)>,
    pub removed: Vec<(PathBuf, String)>,
    /// Files that are as they should be.
    pub unchanged: usize,
}

/// Who wrote a file, by its first line.
enum Owner {
    Nobody,
    This,
    Other(String),
}

fn owner(text: &str, policy: &str) -> Owner {
    let first = text.lines().next().unwrap_or_default();
    let Some((_, rest)) = first.split_once(MARK) else { return Owner::Nobody };
    let Some((_, rest)) = rest.split_once(" from ") else { return Owner::Nobody };
    let name = rest.split(". Do not edit").next().unwrap_or_default();
    if name == policy { Owner::This } else { Owner::Other(name.to_string()) }
}

/// Compares bundles with the disk.
///
/// # Errors
/// A file in the way that slogen did not write, or that cannot be read.
pub fn compare(output: &Path, bundles: &[&Bundle]) -> anyhow::Result<Changes> {
    let mut changes = Changes::default();
    for bundle in bundles {
        let folder = output.join(&bundle.folder);
        let is_new = !folder.exists();
        for file in &bundle.files {
            let path = folder.join(file.name);
            let now = if is_new { None } else { read(&path)? };
            match now {
                None => changes.written.push((path, None, file.text.clone())),
                Some(now) => {
                    foreign(&path, &now, &bundle.policy)?;
                    if now == file.text {
                        changes.unchanged += 1;
                    } else {
                        changes.written.push((path, Some(now), file.text.clone()));
                    }
                }
            }
        }
        changes.removed.extend(stale(&folder, bundle)?);
    }
    Ok(changes)
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn foreign(path: &Path, text: &str, policy: &str) -> anyhow::Result<()> {
    match owner(text, policy) {
        Owner::This => Ok(()),
        Owner::Nobody => bail!(
            "{} is in the way, and slogen did not write it: move it, or choose another folder with -o",
            path.display()
        ),
        Owner::Other(other) => bail!(
            "{} was written from another policy, {other}: remove it if that policy is gone, or choose another folder with -o",
            path.display()
        ),
    }
}

/// Own files that are not part of the bundle any more.
fn stale(folder: &Path, bundle: &Bundle) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the folder {}", folder.display()));
        }
    };
    let mut stale = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_file() || bundle.files.iter().any(|file| file.name == name) {
            continue;
        }
        if let Some(text) = read(&path)?
            && matches!(owner(&text, &bundle.policy), Owner::This)
        {
            stale.push((path, text));
        }
    }
    stale.sort();
    Ok(stale)
}

/// Applies the changes, or none of them.
///
/// # Errors
/// Whatever the disk says; it is then as it was before.
pub fn apply(changes: &Changes) -> anyhow::Result<()> {
    let mut made = Vec::new();
    let mut staged: Vec<(PathBuf, &PathBuf)> = Vec::new();
    let result = stage(changes, &mut made, &mut staged).and_then(|()| commit(changes, &staged));
    if result.is_err() {
        for (temporary, _) in &staged {
            let _ = fs::remove_file(temporary);
        }
        // Only folders that are empty go away.
        for folder in made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
    result
}

fn stage<'c>(
    changes: &'c Changes,
    made: &mut Vec<PathBuf>,
    staged: &mut Vec<(PathBuf, &'c PathBuf)>,
) -> anyhow::Result<()> {
    for (path, ..) in &changes.written {
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder, made)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        staged.push((folder.join(format!(".{name}.slogen-new")), path));
    }
    staged.iter().zip(&changes.written).try_for_each(|((temporary, path), (_, _, text))| {
        fs::write(temporary, text).with_context(|| format!("cannot write {}", temporary.display()))?;
        // Whoever may read or run the file that is there may do so afterwards.
        match fs::metadata(path) {
            Ok(metadata) => fs::set_permissions(temporary, metadata.permissions())
                .with_context(|| format!("cannot write {}", temporary.display())),
            Err(_) => Ok(()),
        }
    })
}

fn make_folder(folder: &Path, made: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut at = folder;
    while !at.as_os_str().is_empty() && !at.exists() {
        missing.push(at.to_path_buf());
        at = at.parent().unwrap_or(Path::new(""));
    }
    for folder in missing.into_iter().rev() {
        fs::create_dir(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        made.push(folder);
    }
    Ok(())
}

fn commit(changes: &Changes, staged: &[(PathBuf, &PathBuf)]) -> anyhow::Result<()> {
    let mut moved: Vec<(&PathBuf, Option<&String>)> = Vec::new();
    let mut failure = None;
    for ((temporary, path), (_, before, _)) in staged.iter().zip(&changes.written) {
        match fs::rename(temporary, path) {
            Ok(()) => moved.push((path, before.as_ref())),
            Err(error) => {
                failure = Some(anyhow::Error::new(error).context(format!("cannot write {}", path.display())));
                break;
            }
        }
    }
    if failure.is_none() {
        for (path, text) in &changes.removed {
            match fs::remove_file(path) {
                Ok(()) => moved.push((path, Some(text))),
                Err(error) => {
                    failure =
                        Some(anyhow::Error::new(error).context(format!("cannot remove {}", path.display())));
                    break;
                }
            }
        }
    }
    let Some(failure) = failure else { return Ok(()) };
    for (path, before) in moved.into_iter().rev() {
        let _ = match before {
            Some(text) => fs::write(path, text),
            None => fs::remove_file(path),
        };
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_files() {
        let text = format!("# {}\nkind: X\n", crate::emit::header("a.toml"));
        assert!(matches!(owner(&text, "a.toml"), Owner::This));
        assert!(matches!(owner(&text, "b.toml"), Owner::Other(name) if name == "a.toml"));
        assert!(matches!(owner("kind: X\n", "a.toml"), Owner::Nobody));
    }
}

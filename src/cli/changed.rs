//! The files that changed since a commit, as git tells.

use std::collections::HashSet;
use std::process::Command;

use anyhow::{Context, bail};

/// Paths relative to the current folder: changed, staged, and not yet known to git.
///
/// # Errors
/// No git, no repository, or no such commit.
pub fn since(reference: &str) -> anyhow::Result<HashSet<String>> {
    if reference.starts_with('-') {
        bail!("`{reference}` is not a commit");
    }
    // What the other branch changed meanwhile is none of ours.
    let base = git(&["merge-base", reference, "HEAD"]).unwrap_or_else(|_| format!("{reference}\n"));
    let changed = git(&["diff", "--name-only", "-z", "--relative", "--diff-filter=d", base.trim(), "--"])?;
    let new = git(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    let names = changed.split('\0').chain(new.split('\0')).filter(|name| !name.is_empty());
    Ok(names.map(str::to_string).collect())
}

fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).output().context("cannot run git")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

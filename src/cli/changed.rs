//! The files that changed since a commit, as git tells.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::config::relative;

/// Paths relative to the current folder: changed, staged, and not yet known to git.
///
/// # Errors
/// No git, no repository, or no such commit.
pub fn since(reference: &str) -> anyhow::Result<HashSet<String>> {
    if reference.starts_with('-') {
        bail!("`{reference}` is not a commit");
    }
    let prefix = git(&["rev-parse", "--show-prefix"]).context("`--changed-since` needs a git repository")?;
    git(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")]).map_err(|_| {
        anyhow::anyhow!(
            "git knows no commit `{reference}`; a shallow clone lacks it: fetch it first (`fetch-depth: 0`)"
        )
    })?;
    // What the other branch changed meanwhile is none of ours.
    let base = git(&["merge-base", reference, "HEAD"]).unwrap_or_else(|_| format!("{reference}\n"));
    let changed = git(&["diff", "--name-only", "-z", "--diff-filter=d", base.trim(), "--"])?;
    let new = git(&["ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/"])?;
    let names = changed.split('\0').chain(new.split('\0')).filter(|name| !name.is_empty());
    let here = Path::new(prefix.trim_end_matches('\n'));
    let seen = |name: &str| relative(here, Path::new(name)).to_string_lossy().into_owned();
    Ok(names.map(seen).collect())
}

fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).output().context("cannot run git")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

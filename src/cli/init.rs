//! `slogen init`: a commented policy to start from, which compiles as it is.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::Ending;

/// The starter; a test compiles it.
pub const STARTER: &str = include_str!("../../templates/starter.toml");

pub fn run(file: &Path) -> anyhow::Result<Ending> {
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .with_context(|| format!("cannot write {}: it must not exist yet", file.display()))?;
    new.write_all(STARTER.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
    say!("wrote {0}; now change it and run: slogen build {0}", file.display());
    Ok(Ending::Clean)
}

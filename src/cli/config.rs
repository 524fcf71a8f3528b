//! `slogen.toml`: found upwards from where slogen runs, applied, and printed with its sources.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::walk::Exclude;
use super::{Ending, print, terminal};
use crate::config::{self, Config};
use crate::finding::{Finding, Severity};
use crate::model::Version;
use crate::output;
use crate::rules::{allow, find};
use crate::source::{FileId, Place, Placed, SourceFile, Sources};

const NAME: &str = "slogen.toml";

/// A configuration, and what surrounds it.
pub struct Loaded {
    pub config: Config,
    /// The folder that its paths are relative to; None: there is no file.
    folder: Option<PathBuf>,
    pub file: Option<FileId>,
}

/// The configuration that was named, or else the nearest one upwards.
///
/// # Errors
/// A file that cannot be read; findings in it are told on standard error, and end the run as well.
pub fn load(sources: &mut Sources, named: Option<&Path>) -> anyhow::Result<Option<Loaded>> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let path = match named {
        Some(path) => Some(path.to_path_buf()),
        None => upwards(&here),
    };
    let Some(path) = path else {
        return Ok(Some(Loaded { config: Config::default(), folder: None, file: None }));
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let folder = clean(&here.join(&path)).parent().map(Path::to_path_buf);
    let file = sources.add(SourceFile::new(path.to_string_lossy().replace('\\', "/"), text));
    let (config, findings) = config::read(file, sources.get(file), |id| find(id).map(|rule| rule.id));
    if findings.iter().any(Finding::is_error) {
        let style = terminal::style(super::arguments::Color::Auto, false);
        super::tell_people(&output::render(output::Format::Human, sources, &findings, &style))?;
        return Ok(None);
    }
    Ok(Some(Loaded { config, folder, file: Some(file) }))
}

/// The nearest `slogen.toml`, as a path relative to the current folder; not beyond the repository.
fn upwards(here: &Path) -> Option<PathBuf> {
    let mut relative = PathBuf::new();
    for folder in here.ancestors() {
        if folder.join(NAME).is_file() {
            return Some(relative.join(NAME));
        }
        if folder.join(".git").exists() {
            return None;
        }
        relative.push("..");
    }
    None
}

/// A path as seen from a folder; both absolute and clean.
pub fn relative(here: &Path, path: &Path) -> PathBuf {
    let shared = here.components().zip(path.components()).take_while(|(one, two)| one == two).count();
    let mut out: PathBuf = here.components().skip(shared).map(|_| "..").collect();
    out.extend(path.components().skip(shared));
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// A path without `.` and, where it can be told, without `..`.
pub fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.parent().is_some() => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

impl Loaded {
    fn patterns<'p>(&self, patterns: impl Iterator<Item = &'p str>) -> anyhow::Result<Gitignore> {
        let mut builder = GitignoreBuilder::new(self.folder.as_deref().unwrap_or(Path::new("/")));
        for pattern in patterns {
            let plain = pattern.strip_prefix("./").unwrap_or(pattern);
            builder.add_line(None, plain).with_context(|| format!("`{pattern}` is not a pattern"))?;
        }
        builder.build().context("cannot read the patterns")
    }

    /// Whether the file stands in the current folder.
    pub fn is_here(&self) -> bool {
        std::env::current_dir().is_ok_and(|here| self.folder.as_deref().is_none_or(|folder| folder == here))
    }

    /// Which paths are left out.
    ///
    /// # Errors
    /// A pattern that cannot be read.
    pub fn exclude(&self) -> anyhow::Result<Exclude> {
        if self.config.exclude.is_empty() {
            return Ok(super::walk::everything());
        }
        let patterns = self.patterns(self.config.exclude.iter().map(|pattern| pattern.value.as_str()))?;
        let (here, folder) = (std::env::current_dir()?, self.folder.clone().unwrap_or_default());
        Ok(Arc::new(move |path, is_folder| {
            let path = clean(&here.join(path));
            path.starts_with(&folder) && patterns.matched_path_or_any_parents(&path, is_folder).is_ignore()
        }))
    }

    /// Paths of the file, relative to the current folder.
    pub fn paths(&self, written: &[Placed<String>]) -> Vec<PathBuf> {
        let folder = self.folder.clone().unwrap_or_default();
        let here = std::env::current_dir().unwrap_or_default();
        written.iter().map(|path| relative(&here, &clean(&folder.join(&path.value)))).collect()
    }

    /// Severities and exceptions of the team; `is_whole`: everything below the folder of the file was looked at.
    ///
    /// # Errors
    /// A pattern that cannot be read.
    pub fn apply(
        &self,
        sources: &Sources,
        findings: &mut Vec<Finding>,
        is_whole: bool,
    ) -> anyhow::Result<()> {
        let here = std::env::current_dir()?;
        for allowance in &self.config.allowances {
            let patterns = self.patterns(allowance.paths.iter().map(String::as_str))?;
            let before = findings.len();
            findings.retain(|finding| {
                let path = clean(&here.join(&sources.get(finding.place.file).name));
                finding.rule.id != allowance.rule.value
                    || !path.starts_with(self.folder.as_deref().unwrap_or(Path::new("/")))
                    || !patterns.matched_path_or_any_parents(&path, false).is_ignore()
            });
            if findings.len() == before && is_whole {
                findings.push(allow::unused(allowance.place, &allowance.rule.value));
            }
        }
        findings.retain_mut(|finding| match self.config.severity_of(finding) {
            Some(severity) => {
                finding.severity = severity;
                true
            }
            None => false,
        });
        Ok(())
    }
}

/// `slogen config`.
pub fn run(named: Option<&Path>, schema: bool) -> anyhow::Result<Ending> {
    if schema {
        return print(&config::schema());
    }
    let mut sources = Sources::default();
    let Some(loaded) = load(&mut sources, named)? else { return Ok(Ending::Unusable) };
    let config = &loaded.config;
    let from = |place: Option<Place>| match place {
        Some(place) => {
            let file = sources.get(place.file);
            format!("{}:{}", file.name, file.line_column(place.span.start).line)
        }
        None => "default".to_string(),
    };
    let mut lines: Vec<[String; 3]> = Vec::new();
    let mut line = |key: &str, value: String, place: Option<Place>| {
        lines.push([key.to_string(), value, from(place)]);
    };
    let quoted = |text: &str| format!("\"{text}\"");
    let list = |all: &[Placed<String>]| {
        let all: Vec<String> = all.iter().map(|one| quoted(&one.value)).collect();
        format!("[{}]", all.join(", "))
    };
    let first = |all: &[Placed<String>]| all.first().map(|one| one.place);
    line("exclude", list(&config.exclude), first(&config.exclude));
    let fail_on = config.fail_on.as_ref();
    line(
        "fail_on",
        quoted(match fail_on.map_or(Some(Severity::Error), |level| level.value) {
            Some(severity) => severity.name(),
            None => "off",
        }),
        fail_on.map(|level| level.place),
    );
    let baseline = config.baseline.as_ref();
    line(
        "baseline",
        baseline.map_or("none".to_string(), |path| quoted(&path.value)),
        baseline.map(|path| path.place),
    );
    line("context", list(&config.context), first(&config.context));
    line("crds", list(&config.crds), first(&config.crds));
    let versions = config.versions();
    let place = |written: &Option<Placed<Version>>| written.as_ref().map(|version| version.place);
    line("versions.keda", quoted(&versions.keda.to_string()), place(&config.keda));
    line("versions.kubernetes", quoted(&versions.kubernetes.to_string()), place(&config.kubernetes));
    line("versions.prometheus", quoted(&versions.prometheus.to_string()), place(&config.prometheus));
    for (pattern, severity) in &config.severity {
        let level = severity.map_or("off", Severity::name);
        line(&format!("severity.\"{}\"", pattern.value), quoted(level), Some(pattern.place));
    }
    for allowance in &config.allowances {
        let paths: Vec<String> = allowance.paths.iter().map(|path| quoted(path)).collect();
        line(
            &format!("allow.\"{}\"", allowance.rule.value),
            format!("[{}]", paths.join(", ")),
            Some(allowance.place),
        );
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(0), width(1));
    let text: String =
        lines.iter().map(|[key, value, from]| format!("{key:keys$} = {value:values$}  # {from}\n")).collect();
    print(&text)
}

//! The text of a `slogen.toml` comes in; settings with their places go out, and what is wrong with them.
//!
//! Which file it is, and whose command line overrules it, is decided at the edge.

mod rules;
mod written;

pub use rules::RULES;
pub use written::Level;

use crate::finding::{Finding, Severity};
use crate::model::{Version, Versions};
use crate::policy;
use crate::source::{FileId, Place, Placed, SourceFile};
use written::{Document, Excuse};

use crate::policy::written::{Field, Many};

/// What a team has decided once for a repository. What was not written is None, or empty.
#[derive(Debug, Default)]
pub struct Config {
    /// Patterns as in a `.gitignore`, relative to the folder of the file.
    pub exclude: Vec<Placed<String>>,
    pub fail_on: Option<Placed<Option<Severity>>>,
    pub baseline: Option<Placed<String>>,
    /// Where `slogen lint` looks facts up.
    pub context: Vec<Placed<String>>,
    /// CustomResourceDefinitions that lie elsewhere.
    pub crds: Vec<Placed<String>>,
    pub keda: Option<Placed<Version>>,
    pub kubernetes: Option<Placed<Version>>,
    pub prometheus: Option<Placed<Version>>,
    /// Severities by id, or by family as in `conflict/*`; the last that fits counts. None: not told at all.
    pub severity: Vec<(Placed<String>, Option<Severity>)>,
    pub allowances: Vec<Allowance>,
}

/// An exception for some paths.
#[derive(Debug)]
pub struct Allowance {
    pub place: Place,
    pub rule: Placed<String>,
    pub paths: Vec<String>,
}

impl Config {
    /// The versions that rules may rely on.
    pub fn versions(&self) -> Versions {
        let mut versions = Versions::default();
        let set = |to: &mut Version, from: &Option<Placed<Version>>| {
            if let Some(from) = from {
                *to = from.value;
            }
        };
        set(&mut versions.keda, &self.keda);
        set(&mut versions.kubernetes, &self.kubernetes);
        set(&mut versions.prometheus, &self.prometheus);
        versions
    }

    /// The severity of a finding after the team's decision; None: it is not told.
    pub fn severity_of(&self, finding: &Finding) -> Option<Severity> {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => finding.rule.id.starts_with(start),
            None => finding.rule.id == pattern,
        };
        let decided = self.severity.iter().rev().find(|(pattern, _)| fits(&pattern.value));
        decided.map_or(Some(finding.severity), |(_, severity)| *severity)
    }
}

/// The JSON Schema of `slogen.toml`.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Document);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

/// Reads a `slogen.toml`. `known` tells the full id of a rule that may be named shortly.
pub fn read(
    file: FileId,
    source: &SourceFile,
    known: impl Fn(&str) -> Option<&'static str>,
) -> (Config, Vec<Finding>) {
    let (document, mut findings) = policy::written::read::<Document>(file, &source.text);
    for finding in &mut findings {
        // The reader speaks of policies; here it is the configuration.
        finding.rule = match finding.rule.id {
            "policy/syntax" => &rules::SYNTAX,
            "policy/unknown-key" => &rules::UNKNOWN_KEY,
            _ => &rules::WRONG_VALUE,
        };
    }
    let mut reader = Reader { known: &known, findings };
    let config = reader.config(document);
    (config, reader.findings)
}

struct Reader<'k> {
    known: &'k dyn Fn(&str) -> Option<&'static str>,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn config(&mut self, document: Document) -> Config {
        let mut config = Config {
            exclude: texts(&document.exclude),
            fail_on: document.fail_on.get().map(|level| Placed::new(level.value.severity(), level.place)),
            baseline: document.baseline.get().cloned(),
            context: texts(&document.context),
            crds: texts(&document.crds),
            ..Config::default()
        };
        if let Some(versions) = document.versions.value() {
            config.keda = self.version(&versions.keda);
            config.kubernetes = self.version(&versions.kubernetes);
            config.prometheus = self.version(&versions.prometheus);
        }
        for (pattern, level) in document.severity.value().map(|named| named.0.as_slice()).unwrap_or_default()
        {
            let Some(level) = level.value() else { continue };
            if let Some(pattern) = self.pattern(pattern) {
                config.severity.push((pattern, level.severity()));
            }
        }
        for excuse in document.allow.value().map(|many| many.0.as_slice()).unwrap_or_default() {
            if let Some(excuse) = excuse.get() {
                config.allowances.extend(self.allowance(excuse));
            }
        }
        config
    }

    fn version(&mut self, field: &Field<String>) -> Option<Placed<Version>> {
        let text = field.get()?;
        let version = Version::parse(&text.value);
        if version.is_none() {
            let message = format!("`{}` is not a version", text.value.escape_debug());
            self.findings
                .push(Finding::new(&rules::WRONG_VALUE, text.place, message).help("write it like \"2.20\""));
        }
        version.map(|version| Placed::new(version, text.place))
    }

    /// A rule, or a family of rules.
    fn pattern(&mut self, written: &Placed<String>) -> Option<Placed<String>> {
        if let Some(family) = written.value.strip_suffix("/*")
            && families().contains(&family)
        {
            return Some(written.clone());
        }
        self.rule(written, "`slogen rules` lists them all; `family/*` means all of a family")
    }

    fn rule(&mut self, written: &Placed<String>, help: &str) -> Option<Placed<String>> {
        let id = (self.known)(&written.value);
        if id.is_none() {
            let message = format!("there is no rule `{}`", written.value.escape_debug());
            self.findings.push(
                Finding::new(&rules::UNKNOWN_RULE, written.place, message)
                    .why("this line decides nothing")
                    .help(help),
            );
        }
        id.map(|id| Placed::new(id.to_string(), written.place))
    }

    fn allowance(&mut self, excuse: &Placed<Excuse>) -> Option<Allowance> {
        let place = excuse.place;
        let written = excuse.value.rule.get();
        if written.is_none() && excuse.value.rule.is_missing() {
            self.missing(place, "rule");
        }
        if excuse.value.reason.value().is_none_or(|reason| reason.trim().is_empty()) {
            self.missing(place, "reason");
        }
        let paths: Vec<String> = texts(&excuse.value.paths).into_iter().map(|path| path.value).collect();
        if paths.is_empty() {
            self.missing(place, "paths");
        }
        let rule = self.rule(written?, "an exception is for one rule; `slogen rules` lists them all")?;
        Some(Allowance { place: rule.place, rule, paths })
    }

    fn missing(&mut self, place: Place, key: &str) {
        self.findings.push(
            Finding::new(&rules::WRONG_VALUE, place, format!("an exception without `{key}`"))
                .why("whoever reads it next cannot know what it excuses, where, and whether it still holds")
                .help("write `rule`, `paths` and `reason`"),
        );
    }
}

/// Families by which severities may be set.
fn families() -> [&'static str; 10] {
    ["alerting", "conflict", "hpa", "policy", "promql", "scaler", "schema", "scrape", "workload", "yaml"]
}

fn texts(field: &Field<Many<String>>) -> Vec<Placed<String>> {
    let all = field.value().map(|many| many.0.as_slice()).unwrap_or_default();
    all.iter().filter_map(|one| one.get().cloned()).collect()
}

//! The keys of `slogen.toml`. These types read it, refuse what they do not know, and make its JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::finding::Severity;
use crate::policy::written::{Field, Many, Named};

/// What `slogen lint` and `slogen check` do in this repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "slogen configuration", rename = "Configuration")]
pub struct Document {
    /// Files and folders that are left out, as in a `.gitignore`, relative to this file.
    pub exclude: Field<Many<String>>,
    /// From which severity on the exit code is 1.
    pub fail_on: Field<Level>,
    /// A file of findings that are known already.
    pub baseline: Field<String>,
    /// Files or folders in which `slogen lint` looks facts up.
    pub context: Field<Many<String>>,
    /// Files or folders of CustomResourceDefinitions that lie elsewhere.
    pub crds: Field<Many<String>>,
    /// The versions that the cluster runs; the newest where nothing is written. Of KEDA, the one that the files install.
    pub versions: Field<Versions>,
    /// Severities by rule, such as `"scaler/empty-is-zero" = "warning"` or `"conflict/*" = "error"`.
    pub severity: Field<Named<Level>>,
    /// Exceptions by path.
    pub allow: Field<Many<Excuse>>,
}

/// Versions of what runs in the cluster.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct Versions {
    pub keda: Field<String>,
    pub kubernetes: Field<String>,
    pub prometheus: Field<String>,
}

/// How much a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Level {
    Off,
    Note,
    Warning,
    Error,
}

impl Level {
    /// None: it is not told at all.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Level::Off => None,
            Level::Note => Some(Severity::Note),
            Level::Warning => Some(Severity::Warning),
            Level::Error => Some(Severity::Error),
        }
    }
}

/// An exception for some paths, and why.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct Excuse {
    /// The rule that does not speak there.
    #[schemars(required)]
    pub rule: Field<String>,
    /// Files and folders, as in a `.gitignore`, relative to this file.
    #[schemars(required)]
    pub paths: Field<Many<String>>,
    /// Why it is right there.
    #[schemars(required)]
    pub reason: Field<String>,
}

//! The templates: those that come with slogen, and those that a user lays over them.

use std::fmt;

use minijinja::{Environment, UndefinedBehavior};

use super::formatter;
use crate::finding::nearest;

/// Name of the emitted file, and its template.
static BUILT_IN: &[(&str, &str)] = &[
    ("scaledobject.yaml", include_str!("../../templates/scaledobject.yaml.j2")),
    ("servicemonitor.yaml", include_str!("../../templates/servicemonitor.yaml.j2")),
    ("podmonitor.yaml", include_str!("../../templates/podmonitor.yaml.j2")),
    ("scrape-config.yaml", include_str!("../../templates/scrape-config.yaml.j2")),
    ("prometheusrule.yaml", include_str!("../../templates/prometheusrule.yaml.j2")),
    ("rules-group", include_str!("../../templates/rules-group.j2")),
    ("rules.yaml", include_str!("../../templates/rules.yaml.j2")),
    ("rules.test.yaml", include_str!("../../templates/rules.test.yaml.j2")),
    ("kustomization.yaml", include_str!("../../templates/kustomization.yaml.j2")),
    ("checklist.md", include_str!("../../templates/checklist.md.j2")),
    ("checklist.json", include_str!("../../templates/checklist.json.j2")),
];

/// A template that cannot be used, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmitError {
    /// File of the template, as the user knows it.
    pub template: String,
    /// From 1; 0 where no line is to blame.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for EmitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.template, self.message),
            line => write!(formatter, "{}:{line}: {}", self.template, self.message),
        }
    }
}

impl std::error::Error for EmitError {}

/// All templates, parsed once and shared by all policies.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Default for Templates {
    fn default() -> Self {
        Templates::with_overlay(Vec::new()).expect("the templates that come with slogen are valid")
    }
}

impl Templates {
    /// The built-in templates, some replaced by files of the user: name (`scaledobject.yaml.j2`) and text.
    ///
    /// # Errors
    /// A name that replaces nothing, or a template that does not parse.
    pub fn with_overlay(overlay: Vec<(String, String)>) -> Result<Templates, EmitError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(formatter::format);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        formatter::add_filters(&mut environment);
        for (name, text) in BUILT_IN {
            environment.add_template(name, text).map_err(|error| problem(&error))?;
        }
        for (file, text) in overlay {
            let name = file.trim_end_matches(".j2").to_string();
            let known = || BUILT_IN.iter().map(|(name, _)| *name);
            if !known().any(|known| known == name) {
                let message = match nearest(&name, known()) {
                    Some(word) => format!("there is no such template; did you mean {word}.j2?"),
                    None => format!(
                        "there is no such template; there are {}",
                        known().collect::<Vec<_>>().join(", ")
                    ),
                };
                return Err(EmitError { template: file, line: 0, message });
            }
            environment.add_template_owned(name, text).map_err(|error| problem(&error))?;
        }
        Ok(Templates { environment })
    }

    pub(super) fn render(&self, name: &str, values: &minijinja::Value) -> Result<String, EmitError> {
        let template = self.environment.get_template(name).map_err(|error| problem(&error))?;
        let mut text = template.render(values.clone()).map_err(|error| problem(&error))?;
        // The engine takes the last line break of a template away.
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }
}

/// What a template can print, made once for all templates of a plan.
pub(super) fn values(context: serde_json::Value) -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(context))
}

fn problem(error: &minijinja::Error) -> EmitError {
    EmitError {
        template: format!("{}.j2", error.name().unwrap_or("template")),
        line: error.line().unwrap_or(0),
        message: match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        },
    }
}

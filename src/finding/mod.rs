//! The vocabulary of what slogen says: a [`Rule`] (what can be wrong) and a [`Finding`] (where it is).

pub mod fix;
mod nearest;
mod rule;

pub use nearest::nearest;
pub(crate) use rule::cards;
pub use rule::{Rule, Severity};

use crate::source::Place;

/// Adds a finding, unless its file is told the same already.
pub fn push_once(findings: &mut Vec<Finding>, finding: Finding) {
    let is_same =
        |other: &Finding| other.message == finding.message && other.place.file == finding.place.file;
    if !findings.iter().any(is_same) {
        findings.push(finding);
    }
}

/// One thing to tell the user: one rule, one primary place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static Rule,
    pub severity: Severity,
    pub place: Place,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// A few words under the caret.
    pub label: Option<String>,
    /// Why it matters to the user, with numbers.
    pub why: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
    /// Other places that belong to the story.
    pub related: Vec<Related>,
    pub fix: Option<Fix>,
}

/// A second place, and what it has to do with the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    pub place: Place,
    pub message: String,
}

/// A change to the user's text that removes the finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    /// True where the change cannot alter what a correct reader understood.
    pub safe: bool,
    pub edits: Vec<Edit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub place: Place,
    pub replacement: String,
}

impl Finding {
    pub fn new(rule: &'static Rule, place: Place, message: impl Into<String>) -> Self {
        Finding {
            rule,
            severity: rule.severity,
            place,
            message: message.into(),
            label: None,
            why: None,
            help: None,
            related: Vec::new(),
            fix: None,
        }
    }

    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn related(mut self, place: Place, message: impl Into<String>) -> Self {
        self.related.push(Related { place, message: message.into() });
        self
    }

    /// A fix that replaces one stretch of text.
    pub fn replace(
        mut self,
        safe: bool,
        title: impl Into<String>,
        place: Place,
        with: impl Into<String>,
    ) -> Self {
        self.fix =
            Some(Fix { title: title.into(), safe, edits: vec![Edit { place, replacement: with.into() }] });
        self
    }

    /// The finding as it is told where only some places are asked about: at its own, or at a related one among them.
    pub fn told_in(mut self, is_asked: impl Fn(Place) -> bool) -> Option<Self> {
        if is_asked(self.place) {
            return Some(self);
        }
        // Two objects in each other's way are the business of both; a detail elsewhere is not.
        const OF_BOTH: [&str; 4] = ["conflict/", "workload/", "scrape/not-scraped", "scrape/scraped-twice"];
        let concerns_both = OF_BOTH.iter().any(|start| self.rule.id.starts_with(start));
        let other =
            self.related.iter_mut().find(|related| is_asked(related.place)).filter(|_| concerns_both)?;
        let label = self.label.take().unwrap_or_else(|| self.message.clone());
        self.label = Some(std::mem::replace(&mut other.message, label));
        std::mem::swap(&mut self.place, &mut other.place);
        self.fix = None;
        Some(self)
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The order in which findings are told: by file, then by place, then by rule.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (a.place, a.rule.id, &a.message).cmp(&(b.place, b.rule.id, &b.message)));
}

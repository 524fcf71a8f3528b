use std::fmt;

/// How bad it is. The order is the order of badness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Said so that nobody wonders; nothing has to change.
    Note,
    /// Very likely not what was meant; still compiles.
    Warning,
    /// Cannot work, or does the opposite; nothing is written.
    Error,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What can be wrong. A rule is a card and a page; the id names the defect and never changes its meaning.
#[derive(Debug)]
pub struct Rule {
    /// `family/what-is-wrong`.
    pub id: &'static str,
    /// Its short name in the catalogue, such as `H101`; empty where there is none.
    pub code: &'static str,
    pub severity: Severity,
    /// One line for lists.
    pub summary: &'static str,
    /// The page: why it hurts, what fires, what stays silent, how to fix it, sources. Markdown.
    pub page: &'static str,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

/// Cards of a family: `[code] NAME Severity "what-is-wrong" "one line";` each. The pages stand in `rules/` beside the file.
macro_rules! cards {
    ($family:literal: $($($code:literal)? $name:ident $severity:ident $what:literal $summary:literal;)*) => {
        $(pub static $name: $crate::finding::Rule = $crate::finding::Rule {
            id: concat!($family, "/", $what),
            code: concat!($($code)?),
            severity: $crate::finding::Severity::$severity,
            summary: $summary,
            page: include_str!(concat!("rules/", $what, ".md")),
        };)*

        /// All of them, for the index.
        pub static RULES: &[&$crate::finding::Rule] = &[$(&$name),*];
    };
}

pub(crate) use cards;

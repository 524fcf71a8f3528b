//! The cards of what can be wrong with a YAML file before anybody asks what it means.

use crate::finding::{Rule, Severity};

macro_rules! cards {
    ($($name:ident $severity:ident $what:literal $summary:literal;)*) => {
        $(pub static $name: Rule = Rule {
            id: concat!("yaml/", $what),
            code: "",
            severity: Severity::$severity,
            summary: $summary,
            page: include_str!(concat!("rules/", $what, ".md")),
        };)*

        /// All of them, for the index.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

cards! {
    SYNTAX Error "syntax" "the file is not YAML";
    DUPLICATE_KEY Error "duplicate-key" "one key twice in one mapping";
    TOO_LARGE Error "too-large" "a file that is larger or deeper than any manifest";
    TEMPLATE Note "template" "an unrendered template, which is not YAML yet";
}

//! What the parser found, as findings.

use super::{Lint, Role, rules};
use crate::promql::{ErrorKind, SyntaxError};

/// One finding for each error, in the same order.
pub fn syntax(errors: &[SyntaxError], role: &Role) -> Vec<Lint> {
    errors.iter().map(|error| one(error, role)).collect()
}

fn one(error: &SyntaxError, role: &Role) -> Lint {
    let rule = match error.kind {
        ErrorKind::Language => &rules::SYNTAX,
        ErrorKind::Pattern => &rules::INVALID_PATTERN,
        ErrorKind::Dialect => &rules::OTHER_DIALECT,
        ErrorKind::Feature => &rules::NEEDS_NEWER,
    };
    let mut lint = Lint::new(rule, error.mark, error.message.clone()).why(match role {
        Role::Alert | Role::Record => "Prometheus refuses the file, with all of its rules",
        _ => "Prometheus refuses it: KEDA would get a 400 at every poll, and nothing would scale",
    });
    lint.help = error.help.clone().map(Into::into);
    lint
}

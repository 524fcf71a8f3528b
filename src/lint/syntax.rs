//! What the parser found, as findings.

use super::{Lint, rules};
use crate::promql::{ErrorKind, SyntaxError};

/// One finding for each error, in the same order.
pub fn syntax(errors: &[SyntaxError]) -> Vec<Lint> {
    errors.iter().map(one).collect()
}

fn one(error: &SyntaxError) -> Lint {
    let rule = match error.kind {
        ErrorKind::Language => &rules::SYNTAX,
        ErrorKind::Pattern => &rules::INVALID_PATTERN,
        ErrorKind::Dialect => &rules::OTHER_DIALECT,
        ErrorKind::Feature => &rules::NEEDS_NEWER,
    };
    let mut lint = Lint::new(rule, error.mark, error.message.clone())
        .why("Prometheus refuses it: KEDA would get a 400 at every poll, and nothing would scale");
    lint.help = error.help.clone().map(Into::into);
    lint
}

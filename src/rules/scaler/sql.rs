//! Queries in SQL: what their answer is when no row fits, and which rows they count.
//!
//! Sources: kedacore/keda pkg/scalers/postgresql_scaler.go (getActiveNumber), mysql_scaler.go and mssql_scaler.go
//! (getQueryResult): the answer is scanned into a float64, and Go's database/sql makes an error of NULL there.

use super::cards::NULL_RESULT;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;

/// The outermost aggregate of a query: `SELECT MAX(x) FROM …`.
pub(super) struct Outer {
    /// `max`, `avg` …
    pub(super) function: String,
    /// Everything from `FROM` on.
    pub(super) rest: String,
}

/// The query in small letters, without comments and with single blanks.
pub(super) fn plain(query: &str) -> String {
    let lines = query.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    text.trim_end_matches([';', ' ']).to_lowercase()
}

/// The aggregate that is all that a query selects; None where something stands around it, or groups it.
pub(super) fn outer(query: &str) -> Option<Outer> {
    let text = plain(query);
    let mut rest = text.strip_prefix("select ")?.trim_start();
    // What NULL passes through.
    let mut depth = 0;
    while let Some((_, inner)) = rest
        .split_once('(')
        .filter(|(name, _)| matches!(name.trim(), "ceil" | "ceiling" | "floor" | "round" | "abs" | "cast"))
    {
        rest = inner.trim_start();
        depth += 1;
    }
    let (function, inner) = rest.split_once('(')?;
    let function = function.trim();
    if !matches!(function, "max" | "min" | "sum" | "avg") {
        return None;
    }
    let end = closing(inner)?;
    let after = &inner[end + 1..];
    let from = after.find(" from ")?;
    let between = &after[..from];
    // A second column, another function, or a default.
    let is_alone =
        between.matches(')').count() == depth && !between.contains('(') && !between.contains(" else ");
    let rest = &after[from..];
    let is_grouped = rest.contains(" group by ") || rest.contains(" having ") || rest.contains(" union ");
    (is_alone && !is_grouped).then(|| Outer { function: function.to_string(), rest: rest.to_string() })
}

/// Where the bracket closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    text.char_indices().find_map(|(at, letter)| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        (depth == 0).then_some(at)
    })
}

/// Whether a scaler asks a database in SQL, and reads one number.
pub(super) fn is_sql(kind: &str) -> bool {
    matches!(kind, "postgresql" | "mysql" | "mssql")
}

impl Checker<'_> {
    pub(super) fn null_result(&mut self, trigger: &Trigger<'_>) {
        if !is_sql(trigger.kind) {
            return;
        }
        let Some(entry) = trigger.entry("query") else { return };
        let Some(query) = trigger.value("query").filter(|text| is_known(text)) else { return };
        let Some(outer) = outer(&query) else { return };
        // A table without a condition is seldom empty.
        if !outer.rest.contains(" where ") {
            return;
        }
        let function = outer.function.to_uppercase();
        let default = match trigger.kind {
            "postgresql" => "COALESCE",
            "mysql" => "IFNULL",
            _ => "ISNULL",
        };
        let place = self.key(entry);
        self.push(
            Finding::new(&NULL_RESULT, place, format!("`{function}` of no row is NULL, which KEDA cannot read"))
                .why("while no row fits the condition every poll is an error and not a 0: no pod is started by it and none removed, until a row is there again")
                .help(format!("write `{default}({function}(…), 0)`")),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_aggregate_is_found() {
        let function = |query: &str| outer(query).map(|outer| outer.function);
        assert_eq!(
            function("SELECT MAX(n)\nFROM (SELECT n FROM t WHERE a > now()) t;").as_deref(),
            Some("max")
        );
        assert_eq!(function("select ceil(sum(a * (b + 1))) as load from t where c").as_deref(), Some("sum"));
        assert_eq!(function("SELECT AVG(a)::float / 60 FROM t WHERE b").as_deref(), Some("avg"));
        assert_eq!(function("SELECT COALESCE(MAX(n), 0) FROM t WHERE b"), None);
        assert_eq!(function("SELECT COUNT(*) FROM t WHERE b"), None);
        assert_eq!(function("SELECT SUM(n) + COALESCE(MAX(m), 0) FROM t WHERE b"), None);
        assert_eq!(function("SELECT SUM(n) FROM t WHERE b GROUP BY c"), None);
        assert_eq!(function("SELECT SUM(n FROM t"), None);
        assert_eq!(function("select"), None);
    }
}

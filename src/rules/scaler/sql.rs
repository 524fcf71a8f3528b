//! Queries in SQL: what their answer is when no row fits, and which rows they count.
//!
//! Sources: kedacore/keda pkg/scalers/postgresql_scaler.go (getActiveNumber), mysql_scaler.go and mssql_scaler.go
//! (getQueryResult): the answer is scanned into a float64, and Go's database/sql makes an error of NULL there.

use super::cards::{MANY_ROWS, NULL_RESULT};
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};

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

/// The columns that a query selects; None where it is no plain SELECT.
fn columns(query: &str) -> Option<Vec<String>> {
    let text = plain(query);
    let rest = text.strip_prefix("select ")?;
    let (mut depth, mut quote) = (0_usize, None);
    let (mut all, mut start, mut end) = (Vec::new(), 0, rest.len());
    for (at, letter) in rest.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                all.push(rest[start..at].trim().to_string());
                start = at + 1;
            }
            (None, ' ') if depth == 0 && rest[at..].starts_with(" from ") => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    all.push(rest.get(start..end)?.trim().to_string());
    (depth == 0 && quote.is_none()).then_some(all)
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
    /// More columns than the one number that KEDA reads.
    pub(super) fn columns(&mut self, trigger: &Trigger<'_>) {
        let Some(entry) = trigger.entry("query").filter(|_| is_sql(trigger.kind)) else { return };
        let Some(query) = trigger.value("query").filter(|text| is_known(text)) else { return };
        let Some(columns) = columns(&query) else { return };
        let has_all = columns.iter().any(|column| column == "*" || column.ends_with(".*"));
        let place = self.key(entry);
        if columns.len() > 1 {
            let message = match has_all {
                true => "the query gives more than one column".to_string(),
                false => format!("the query gives {} columns", columns.len()),
            };
            self.push(
                Finding::new(&MANY_ROWS, place, message)
                    .why("KEDA reads one number: with more columns every poll is an error, `expected … destination arguments in Scan`, and nothing scales")
                    .help("select one number alone, such as `SELECT COUNT(*) FROM … WHERE …`"),
            );
        } else if has_all {
            let mut finding = Finding::new(&MANY_ROWS, place, "the query gives all columns of a row")
                .why("KEDA reads one number: with more than one column every poll is an error, and of one column it reads the first row, and does not count")
                .help("count the rows: `SELECT COUNT(*) FROM … WHERE …`");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
    }

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
    fn columns_are_told_apart() {
        let count = |query: &str| columns(query).map(|all| all.len());
        assert_eq!(count("SELECT COUNT(*) FROM t WHERE a IN (1, 2)"), Some(1));
        assert_eq!(count("SELECT id, state FROM t"), Some(2));
        assert_eq!(count("SELECT COALESCE(SUM(n), 0) FROM t"), Some(1));
        assert_eq!(count("SELECT ceil((SELECT count(*) FROM a)::numeric / 2)"), Some(1));
        assert_eq!(count("SELECT concat('a, from b', x) FROM t"), Some(1));
        assert_eq!(count("WITH a AS (SELECT 1) SELECT 1, 2"), None);
        assert_eq!(count("SELECT a) FROM t"), None);
    }

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

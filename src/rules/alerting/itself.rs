//! Ratios of two recorded series that store the same.
//!
//! Source: prometheus/prometheus rules/recording.go, Eval: the result is stored under the name, and nothing else changes.

use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::lint::rules::DIVIDED_BY_ITSELF;
use crate::manifest::Node as Yaml;
use crate::promql::ast::*;
use crate::promql::{Facts, analyse};
use crate::source::Span;

/// `records`: those of the repository, of which the ones of the same file count.
pub(super) fn check(query: &Alert<'_>, records: &[Alert<'_>]) -> Option<Finding> {
    let text = &query.expression.text;
    if !text.contains('/') {
        return None;
    }
    let beside: Vec<&Alert<'_>> = records
        .iter()
        .filter(|record| record.object.document.file == query.object.document.file)
        .filter(|record| record.rule.get("labels").is_none())
        .collect();
    let facts = Facts::default();
    let analysis = analyse(&query.expression, &facts);
    analysis.nodes.iter().find_map(|info| {
        let Kind::Binary(binary) = &info.node.kind else { return None };
        if binary.operator != Operator::Divide {
            return None;
        }
        let (left, right) = (binary.left.span, binary.right.span);
        let (one, other) = (expanded(query, left, &beside, 0)?, expanded(query, right, &beside, 0)?);
        // What is the same as it stands is told by the rule for queries, or is meant: a 1 with labels.
        if one != other || squeezed(&text[left.range()]) == squeezed(&text[right.range()]) {
            return None;
        }
        let mut finding = Finding::new(
            &DIVIDED_BY_ITSELF,
            query.place(binary.operator_span),
            "both sides are recorded from the same expression",
        )
        .why("the ratio is 1, whatever happens")
        .help("record one of the two from what was meant: all requests below, those that fail above");
        finding.severity = Severity::Warning;
        for side in [left, right] {
            let name = text[side.range()].trim_matches(['(', ')', ' ']);
            if let Some(record) = recorded(&beside, name) {
                let whole = record.place(record.expression.root.span);
                finding = finding.related(whole, format!("`{name}` is recorded from this"));
            }
        }
        Some(finding)
    })
}

/// The only rule that records a name.
fn recorded<'a, 'i>(beside: &[&'a Alert<'i>], name: &str) -> Option<&'a Alert<'i>> {
    let own = |record: &&&Alert<'_>| record.rule.get("record").and_then(Yaml::as_str) == Some(name);
    let mut all = beside.iter().filter(own);
    let first = all.next()?;
    all.next().is_none().then_some(*first)
}

/// A stretch of a query, with the recorded expressions in place of their names. None: a name is recorded more than once.
fn expanded(query: &Alert<'_>, span: Span, beside: &[&Alert<'_>], depth: usize) -> Option<String> {
    const MOST_DEPTH: usize = 4;
    let text = &query.expression.text;
    let (mut at, mut result) = (span.start as usize, String::new());
    let mut selectors = query.expression.selectors();
    selectors.sort_by_key(|selector| selector.span.start);
    for selector in selectors {
        let (start, end) = (selector.span.start as usize, selector.span.end as usize);
        let is_inside = start >= at && end <= span.end as usize;
        let Some(name) = selector.name.as_deref().filter(|_| is_inside && depth < MOST_DEPTH) else {
            continue;
        };
        if text[start..end].trim() != name {
            continue;
        }
        let Some(record) = recorded(beside, name) else { continue };
        result.push_str(&text[at..start]);
        result.push('(');
        result.push_str(&expanded(record, record.expression.root.span, beside, depth + 1)?);
        result.push(')');
        at = end;
    }
    result.push_str(&text[at..span.end as usize]);
    Some(squeezed(&result))
}

/// Without blanks, and without brackets around the whole.
fn squeezed(text: &str) -> String {
    let mut bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    while bare.starts_with('(') && closes_at_end(&bare) {
        bare = bare[1..bare.len() - 1].to_string();
    }
    bare
}

/// Whether the first bracket is closed by the last character.
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return at + 1 == text.len();
        }
    }
    false
}

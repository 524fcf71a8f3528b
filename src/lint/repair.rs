//! Changes to a query, as edits of its text.

use super::Linter;
use crate::promql::ast::*;
use crate::source::Span;

/// Text around a stretch.
pub(super) fn wrap(span: Span, before: impl Into<String>, after: impl Into<String>) -> Vec<(Span, String)> {
    let (start, end) = (span.start as usize, span.end as usize);
    vec![(Span::at(start), before.into()), (Span::at(end), after.into())]
}

/// Something else in place of a stretch.
pub(super) fn replace(span: Span, with: impl Into<String>) -> Vec<(Span, String)> {
    vec![(span, with.into())]
}

/// `name` into the labels that an aggregation keeps.
pub(super) fn keep_label(text: &str, aggregate: &Aggregate, name: &str) -> Vec<(Span, String)> {
    match aggregate.grouping_span {
        None => vec![(Span::at(aggregate.operator_span.end as usize), format!(" by ({name})"))],
        Some(span) if !aggregate.without => {
            let Some(close) = text[span.range()].rfind(')') else { return Vec::new() };
            let at = span.start as usize + close;
            let separator = if aggregate.grouping.is_empty() { "" } else { ", " };
            vec![(Span::at(at), format!("{separator}{name}"))]
        }
        Some(span) => {
            let kept: Vec<&str> =
                aggregate.grouping.iter().map(String::as_str).filter(|label| *label != name).collect();
            if kept.iter().any(|label| !crate::promql::is_label_name(label)) {
                return Vec::new();
            }
            vec![(span, format!("without ({})", kept.join(", ")))]
        }
    }
}

impl Linter<'_> {
    /// The stretch between the brackets of a range or subquery.
    pub(super) fn brackets(&self, node: &Node) -> Option<Span> {
        let text = &self.text[node.span.range()];
        let open = text.rfind('[')?;
        let close = open + text[open..].find(']')?;
        let base = node.span.start as usize;
        Some(Span::new(base + open + 1, base + close))
    }

    /// `rate(…[5m])` around a selector; what stands behind it, such as `offset`, stays behind the range.
    pub(super) fn take_rate(&self, span: Span) -> Vec<(Span, String)> {
        let text = &self.text[span.range()];
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let series =
            text.rfind('}').map_or_else(|| text.find(|c| !is_name(c)).unwrap_or(text.len()), |at| at + 1);
        let (start, end) = (span.start as usize, span.end as usize);
        let window = format!("[{}]", self.good_window());
        let range = Span::at(start + series);
        if start + series == end {
            return wrap(span, "rate(", format!("{window})"));
        }
        vec![(Span::at(start), "rate(".to_string()), (range, window), (Span::at(end), ")".to_string())]
    }

    /// A window that holds four scrapes, as text; five minutes where the interval is unknown.
    pub(super) fn good_window(&self) -> String {
        match self.context.facts.scrape_interval {
            Some(interval) => seconds((interval * 4.0).max(60.0)),
            None => "5m".to_string(),
        }
    }
}

/// Seconds as PromQL writes them, in the largest unit that fits.
pub(super) fn seconds(value: f64) -> String {
    let milliseconds = (value * 1_000.0).round();
    if milliseconds % 60_000.0 == 0.0 {
        format!("{}m", milliseconds / 60_000.0)
    } else if milliseconds % 1_000.0 == 0.0 {
        format!("{}s", milliseconds / 1_000.0)
    } else {
        format!("{milliseconds}ms")
    }
}

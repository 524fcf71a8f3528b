//! A part and its whole that are counted over different times.

use super::{Lint, Linter, rules};
use crate::promql::ast::*;
use crate::source::Span;

/// What is counted, and over what time.
struct Counted<'e> {
    selector: &'e Selector,
    function: &'static str,
    seconds: f64,
    span: Span,
}

impl Linter<'_> {
    /// `rate(errors[30m]) / rate(all[6h])`.
    pub(super) fn other_window(&mut self, binary: &Binary) {
        if binary.operator != Operator::Divide {
            return;
        }
        let (Some(part), Some(whole)) = (counted(&binary.left, 0), counted(&binary.right, 0)) else { return };
        let has = |matcher: &Matcher| {
            part.selector.matchers.iter().any(|own| {
                (&own.name, own.operator, &own.value) == (&matcher.name, matcher.operator, &matcher.value)
            })
        };
        // The same series over two times is a trend.
        let is_part = part.selector.name.is_some()
            && part.selector.name == whole.selector.name
            && part.selector.matchers.len() > whole.selector.matchers.len()
            && whole.selector.matchers.iter().all(has);
        let plain =
            |selector: &Selector| selector.modifiers.offset.is_none() && selector.modifiers.at.is_none();
        if !is_part
            || part.function != whole.function
            || part.seconds == whole.seconds
            || !plain(part.selector)
            || !plain(whole.selector)
        {
            return;
        }
        let seconds = |seconds: f64| match seconds {
            hours if hours >= 3_600.0 && hours % 3_600.0 == 0.0 => format!("{}h", hours / 3_600.0),
            short => super::repair::seconds(short),
        };
        let (mine, theirs) = (seconds(part.seconds), seconds(whole.seconds));
        let why = if part.function == "rate" {
            format!(
                "after a change of traffic the share is wrong for {}: twice the requests with the same part of errors look like twice the errors",
                seconds(part.seconds.max(whole.seconds))
            )
        } else {
            format!("it is no share: what is counted in {mine} is divided by what is counted in {theirs}")
        };
        self.push(
            Lint::new(
                &rules::OTHER_WINDOW,
                part.span,
                format!("the part is counted over {mine}, and the whole over {theirs}"),
            )
            .related(whole.span, "the whole")
            .why(why)
            .help(format!("write the same window on both sides, `[{mine}]` or `[{theirs}]`")),
        );
    }
}

fn counted(node: &Node, depth: usize) -> Option<Counted<'_>> {
    if depth > 16 {
        return None;
    }
    match &node.bare().kind {
        Kind::Aggregate(aggregate) if aggregate.operator == "sum" => {
            counted(&aggregate.expression, depth + 1)
        }
        Kind::Call(call) if matches!(call.function.name, "rate" | "increase") => {
            let argument = call.arguments.first()?.bare();
            let Kind::Range(inner, duration) = &argument.kind else { return None };
            let Kind::Selector(selector) = &inner.bare().kind else { return None };
            let span = Span::new(inner.span.end as usize, argument.span.end as usize);
            Some(Counted { selector, function: call.function.name, seconds: duration.seconds()?, span })
        }
        _ => None,
    }
}

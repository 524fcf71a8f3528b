//! Alerts on a rate that fell, against its own mean, which falls after it.

use super::FADING;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::promql::ast::*;
use crate::source::Span;

/// A rate of one metric.
struct Rate<'e> {
    selector: &'e Selector,
    seconds: f64,
    span: Span,
}

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    if !matches!(binary.operator, Operator::Less | Operator::LessEqual) || binary.returns_bool {
        return None;
    }
    let now = rate(&binary.left, 0)?;
    let Kind::Binary(share) = &binary.right.bare().kind else { return None };
    let is_number = |node: &Node| matches!(node.bare().kind, Kind::Number(_));
    let inner = match (share.operator, is_number(&share.left), is_number(&share.right)) {
        (Operator::Multiply, true, false) => &share.right,
        (Operator::Multiply | Operator::Divide, false, true) => &share.left,
        _ => return None,
    };
    let before = rate(inner, 0)?;
    let is_same = now.selector.name.is_some() && now.selector.name == before.selector.name;
    if !is_same || before.seconds <= now.seconds || before.selector.modifiers.offset.is_some() {
        return None;
    }
    let waits = alert.waits()?;
    let never = waits >= before.seconds - now.seconds;
    let (window, waited) = (super::minutes(before.seconds), super::minutes(waits));
    let why = if never {
        format!(
            "{window} after everything stopped both sides are 0, and 0 is not below 0: the comparison never holds for {waited}, and the alert never fires"
        )
    } else {
        format!(
            "{window} after everything stopped both sides are 0, and 0 is not below 0: the alert ends while nothing works"
        )
    };
    let mut finding = Finding::new(
        &FADING,
        alert.place(before.span),
        format!("the mean of {window} falls after the rate, to 0 with it"),
    )
    .why(why)
    .help(format!(
        "compare with the same rate of before, as in `… offset 1d`, or add `or sum(rate(…[{}m])) == 0`",
        (now.seconds / 60.0).max(1.0).round()
    ));
    if !never {
        finding.severity = Severity::Note;
    }
    Some(finding)
}

fn rate(node: &Node, depth: usize) -> Option<Rate<'_>> {
    if depth > 8 {
        return None;
    }
    match &node.bare().kind {
        Kind::Aggregate(aggregate) => rate(&aggregate.expression, depth + 1),
        Kind::Call(call) if matches!(call.function.name, "rate" | "increase") => {
            let argument = call.arguments.first()?.bare();
            let Kind::Range(inner, duration) = &argument.kind else { return None };
            let Kind::Selector(selector) = &inner.bare().kind else { return None };
            Some(Rate { selector, seconds: duration.seconds()?, span: argument.span })
        }
        _ => None,
    }
}

//! Divisors that are held up from below.

use super::{Linter, rules};
use crate::promql::ast::*;

impl Linter<'_> {
    /// `x / clamp_min(rate(…), 1)`: below one request a second the share is smaller than it is.
    pub(super) fn clamped_divisor(&mut self, index: usize, binary: &Binary) {
        // A scaler may well look away from little traffic.
        if binary.operator != Operator::Divide || self.context.scaler().is_some() {
            return;
        }
        let children = &self.analysis.nodes[index].children;
        let &[left, right] = children.as_slice() else { return };
        let mut at = right;
        while let Kind::Paren(_) = &self.analysis.nodes[at].node.kind {
            let Some(inner) = self.analysis.nodes[at].children.first() else { return };
            at = *inner;
        }
        let info = &self.analysis.nodes[at];
        let Kind::Call(call) = &info.node.kind else { return };
        let &[held, least] = info.children.as_slice() else { return };
        let least = self.analysis.nodes[least].constant;
        let Some(least) = least.filter(|least| call.function.name == "clamp_min" && *least >= 1.0) else {
            return;
        };
        // Of a share both sides are rates of like things.
        let rates = |below: usize| {
            let text = &self.text[self.analysis.nodes[below].node.span.range()];
            text.contains("rate(") && !text.contains("_sum")
        };
        if !rates(held) || !rates(left) {
            return;
        }
        let span = self.analysis.nodes[at].node.span;
        let message = format!("below {least} a second this is no share any more");
        let lint = super::Lint::new(&rules::CLAMPED_DIVISOR, span, message)
            .why(format!(
                "at {} requests a second the divisor is {least} all the same, and the share a tenth of what it is: at night and in small services the alert comes late, or never",
                least / 10.0
            ))
            .help("write `clamp_min(…, 0.001)`, or `> 0` behind the divisor, which only keep it from being 0");
        self.found.push(lint);
    }
}

//! The tree as others look at it: its selectors, its nodes.

use super::ast::*;
use super::print;
use crate::source::Span;

/// A selector as rules and the planner look at it.
#[derive(Clone, Debug)]
pub struct SelectorView {
    pub name: Option<String>,
    pub matchers: Vec<Matcher>,
    /// Seconds of the range around it, if it has one that is constant.
    pub range: Option<f64>,
    pub span: Span,
}

impl Expression {
    /// All selectors, from left to right.
    pub fn selectors(&self) -> Vec<SelectorView> {
        let mut all = Vec::new();
        let mut stack = vec![(&self.root, None)];
        while let Some((node, range)) = stack.pop() {
            match &node.kind {
                Kind::Selector(selector) => all.push(SelectorView {
                    name: selector.name.clone(),
                    matchers: selector.matchers.clone(),
                    range,
                    span: node.span,
                }),
                Kind::Range(inner, range) => stack.push((inner, range.seconds())),
                _ => stack.extend(node.children().map(|child| (child, None))),
            }
        }
        all.sort_by_key(|selector| selector.span.start);
        all
    }

    /// Whether the whole query is one bare selector.
    pub fn root_is_selector(&self) -> bool {
        match &self.root.kind {
            Kind::Selector(selector) => {
                selector.modifiers.offset.is_none() && selector.modifiers.at.is_none()
            }
            _ => false,
        }
    }

    /// Kind and stretch of every node, in the order in which Prometheus walks them.
    pub fn nodes(&self) -> Vec<(&'static str, Span)> {
        let mut all = Vec::new();
        let mut stack = vec![&self.root];
        while let Some(node) = stack.pop() {
            all.push((print::kind_name(node), node.span));
            stack.extend(node.children().rev());
        }
        all
    }
}

//! What a query will give, told from its text and from what is known of the metrics.
//!
//! Every node gets an [`Info`]: which labels can be there and which fragment decided it, whether it is one series, its
//! unit, its bounds, when it is NaN and when it is empty. Never wrong in the direction "one": where nothing proves it,
//! the answer is many or unknown. What is not known is left open, and rules keep quiet about it.

mod aggregate;
mod binary;
mod call;
mod facts;
mod labels;
mod part;
mod selector;
mod shares;
mod unit;
mod values;

use std::borrow::Cow;

pub use facts::{Facts, MetricFacts, MetricKind};
pub use labels::{Label, Labels, Presence};
pub use unit::{Base, Unit};

use super::ast::*;
use crate::source::Span;

/// The fragment that decided something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub span: Span,
    pub text: Cow<'static, str>,
}

impl Reason {
    pub fn new(span: Span, text: impl Into<Cow<'static, str>>) -> Self {
        Reason { span, text: text.into() }
    }
}

/// How many series a query can give at most, at any one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Series {
    One,
    /// Several, and the fragment that makes it so.
    Many(Reason),
    /// Nothing proves either.
    Unknown(Reason),
}

impl Series {
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Series::One => None,
            Series::Many(reason) | Series::Unknown(reason) => Some(reason),
        }
    }
}

/// When a vector has no element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Empty {
    /// It is empty whatever happens.
    pub always: Option<Reason>,
    /// It is empty while a condition does not hold.
    pub filtered: Option<Reason>,
    /// It is empty when the metrics are not there.
    pub missing: bool,
}

impl Empty {
    /// Whether it can have no element at all.
    pub fn can_be(&self) -> bool {
        self.missing || self.always.is_some() || self.filtered.is_some()
    }
}

/// What is known of one node.
#[derive(Clone, Debug)]
pub struct Info<'e> {
    pub node: &'e Node,
    /// Index of the node around it.
    pub parent: Option<usize>,
    /// Indices of its operands: as [`Node::children`] gives them.
    pub children: Vec<usize>,
    pub value_type: ValueType,
    pub labels: Labels<'e>,
    pub series: Series,
    /// Whether it is one series because of its labels, so that it is the same series at every moment.
    pub is_same_series: bool,
    pub unit: Option<Unit>,
    /// Lowest and highest possible value.
    pub bounds: (f64, f64),
    /// Whether 0 is impossible.
    pub is_nonzero: bool,
    pub constant: Option<f64>,
    /// What makes it NaN or infinite, while nothing happens.
    pub nan: Option<Reason>,
    /// Whether it is never a finite number.
    pub is_always_nan: bool,
    pub empty: Empty,
}

/// All nodes of a query, with what is known of each. The root comes first.
pub struct Analysis<'e> {
    pub nodes: Vec<Info<'e>>,
    pub facts: &'e Facts,
}

/// How many series a query gives.
pub fn series(expression: &Expression, facts: &Facts) -> Series {
    analyse(expression, facts).root().series.clone()
}

/// Looks at every node.
pub fn analyse<'e>(expression: &'e Expression, facts: &'e Facts) -> Analysis<'e> {
    let mut analysis = Analysis { nodes: Vec::with_capacity(expression.text.len() / 12 + 2), facts };
    analysis.visit(&expression.root, None);
    analysis
}

impl<'e> Analysis<'e> {
    pub fn root(&self) -> &Info<'e> {
        &self.nodes[0]
    }

    /// The nodes around one, from the inside out; parentheses are left out.
    pub fn ancestors(&self, index: usize) -> impl Iterator<Item = &Info<'e>> {
        std::iter::successors(self.nodes[index].parent, |at| self.nodes[*at].parent)
            .map(|at| &self.nodes[at])
            .filter(|info| !matches!(info.node.kind, Kind::Paren(_)))
    }

    /// Indices of a node and of everything in it: nodes stand behind the one around them.
    pub fn below(&self, index: usize) -> std::ops::Range<usize> {
        let mut end = index + 1;
        while end < self.nodes.len() && self.nodes[end].parent.is_some_and(|parent| parent >= index) {
            end += 1;
        }
        index..end
    }

    /// The index without the parentheses around the node.
    pub fn bare(&self, mut index: usize) -> usize {
        while let Kind::Paren(_) = self.nodes[index].node.kind {
            index = self.nodes[index].children[0];
        }
        index
    }

    fn visit(&mut self, node: &'e Node, parent: Option<usize>) -> usize {
        let index = self.open(node, parent);
        if let Kind::Binary(_) = node.kind {
            self.chain(node, index);
            return index;
        }
        for child in node.children() {
            let child = self.visit(child, Some(index));
            self.nodes[index].children.push(child);
        }
        self.close(index);
        index
    }

    /// A chain of operators down its left side, without recursion: chains can be long.
    fn chain(&mut self, node: &'e Node, index: usize) {
        let mut spine = vec![index];
        let mut at = node;
        while let Kind::Binary(binary) = &at.kind {
            at = &binary.left;
            if let Kind::Binary(_) = at.kind {
                let parent = spine[spine.len() - 1];
                let next = self.open(at, Some(parent));
                self.nodes[parent].children.push(next);
                spine.push(next);
            }
        }
        let innermost = spine[spine.len() - 1];
        let first = self.visit(at, Some(innermost));
        self.nodes[innermost].children.push(first);
        for index in spine.into_iter().rev() {
            let node = self.nodes[index].node;
            let Kind::Binary(binary) = &node.kind else { continue };
            let right = self.visit(&binary.right, Some(index));
            self.nodes[index].children.push(right);
            self.close(index);
        }
    }

    fn open(&mut self, node: &'e Node, parent: Option<usize>) -> usize {
        self.nodes.push(Info {
            node,
            parent,
            children: Vec::new(),
            value_type: ValueType::Scalar,
            labels: Labels::none(node.span, "a number has no labels"),
            series: Series::One,
            is_same_series: true,
            unit: None,
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
            is_nonzero: false,
            constant: None,
            nan: None,
            is_always_nan: false,
            empty: Empty::default(),
        });
        self.nodes.len() - 1
    }

    /// Fills in what is known, once the operands are.
    fn close(&mut self, index: usize) {
        let node = self.nodes[index].node;
        match &node.kind {
            Kind::Number(number) => {
                let info = &mut self.nodes[index];
                info.constant = Some(number.value);
                info.bounds = (number.value, number.value);
                info.is_nonzero = number.value != 0.0;
                if !number.value.is_finite() {
                    info.nan = Some(Reason::new(node.span, "the number is not finite"));
                    info.is_always_nan = true;
                }
                info.unit = number.is_duration.then_some(Unit::level(Base::Seconds));
            }
            Kind::Text(_) => self.nodes[index].value_type = ValueType::String,
            Kind::Selector(selector) => self.selector(index, selector),
            Kind::Range(..) => {
                self.inherit(index, 0);
                self.nodes[index].value_type = ValueType::Matrix;
            }
            Kind::Subquery(_) => self.subquery(index),
            Kind::Paren(_) => self.inherit(index, 0),
            Kind::Unary(sign, _) => {
                self.inherit(index, 0);
                if *sign == Sign::Minus {
                    let info = &mut self.nodes[index];
                    // Adding 0 turns -0 into 0.
                    info.bounds = (0.0 - info.bounds.1, 0.0 - info.bounds.0);
                    info.constant = info.constant.map(|value| -value);
                }
            }
            Kind::Aggregate(aggregate) => self.aggregate(index, aggregate),
            Kind::Call(call) => self.call(index, call),
            Kind::Binary(binary) => self.binary(index, binary),
        }
        let info = &mut self.nodes[index];
        info.is_always_nan &= info.nan.is_some();
    }

    fn operand(&self, index: usize, which: usize) -> &Info<'e> {
        &self.nodes[self.nodes[index].children[which]]
    }

    /// Takes over everything that is known of an operand.
    fn inherit(&mut self, index: usize, which: usize) {
        let child = self.operand(index, which).clone();
        let info = &mut self.nodes[index];
        *info = Info {
            node: info.node,
            parent: info.parent,
            children: std::mem::take(&mut info.children),
            ..child
        };
    }

    fn subquery(&mut self, index: usize) {
        self.inherit(index, 0);
        let info = &mut self.nodes[index];
        info.value_type = ValueType::Matrix;
        if info.series == Series::One && !info.is_same_series {
            let text = "one series at a time, but not the same at every step";
            info.series = Series::Many(Reason::new(info.node.span, text));
        }
    }
}

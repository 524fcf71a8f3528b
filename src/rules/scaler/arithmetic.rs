//! What a formula comes to: a number or not, infinite, below 0.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go (the formula is wrapped in `float(…)`);
//! pkg/scaling/modifiers/formula.go (the value is not cut off at 0).

use super::Checker;
use super::cards::FORMULA;
use super::expression::{Kind, Term};
use crate::finding::{Finding, Severity};
use crate::manifest::Node;

impl Checker<'_> {
    /// What the whole formula gives: KEDA takes a number alone.
    pub(super) fn result(&mut self, node: &Node, formula: &str, term: &Term<'_>) {
        let given = given(term);
        // KEDA writes `float(…)` around a formula, unless it begins with that or holds `??`.
        let bare = formula.starts_with("float(") && !formula.contains("??");
        let finding = match given {
            Given::Truth | Given::Text | Given::List => {
                let what = match given {
                    Given::Truth => "true or false",
                    Given::Text => "a text",
                    _ => "a list",
                };
                Finding::new(&FORMULA, self.inside(node, formula, term.span), format!("the formula gives {what}, not a number"))
                    .why("KEDA refuses the ScaledObject, or fails at every poll: nothing scales")
                    .help(match given {
                        Given::Truth => "write `condition ? 5 : 1`: a number for each case",
                        Given::Text => "leave the quotes out",
                        _ => "write `max(…)`, `sum(…)` or `[…][0]`",
                    })
            }
            Given::Whole if bare => {
                Finding::new(&FORMULA, self.inside(node, formula, term.span), "the formula begins with `float(` and gives a whole number")
                    .why("KEDA leaves such a formula as it is and takes nothing but a fraction: it is accepted, and fails at every poll")
                    .help("leave `float` out: KEDA writes it around the whole")
            }
            _ => return,
        };
        self.push(finding);
    }

    /// Divisions that may be by 0, differences that may be negative.
    pub(super) fn arithmetic(&mut self, node: &Node, formula: &str, term: &Term<'_>, around: &Around<'_>) {
        let mut inner = around.clone();
        match &term.kind {
            Kind::Binary("/", _, divisor)
                if divisor.constant().is_none_or(|value| value == 0.0) && !is_above_zero(divisor, around) =>
            {
                let place = self.inside(node, formula, divisor.span);
                let mut finding = Finding::new(&FORMULA, place, "the formula divides by what may be 0")
                    .why("the result is infinite then, and comes out as a number that is far off or negative")
                    .help("write `max(1, …)` around the divisor, or `x > 0 ? … / x : 0`");
                finding.severity = Severity::Warning;
                self.push(finding);
            }
            Kind::Binary("-", left, right) if term.constant().is_none() && !around.is_clamped => {
                let guarded = left.constant().is_none() && around.tests_all(&[left, right]);
                if !guarded {
                    let place = self.inside(node, formula, term.span);
                    let mut finding = Finding::new(&FORMULA, place, "the formula may go below 0")
                        .why("KEDA does not stop a formula at 0; Kubernetes 1.34 and later take a negative number for the largest there is, and scale to the maximum")
                        .help("write `max(0, …)` around it");
                    finding.severity = Severity::Warning;
                    self.push(finding);
                    inner.is_clamped = true;
                }
            }
            _ => {}
        }
        match &term.kind {
            Kind::Call(name, items) => {
                let floor = *name == "max"
                    && items.iter().any(|item| item.constant().is_some_and(|value| value >= 0.0));
                inner.is_clamped |= floor || *name == "abs" || *name == "count" || *name == "len";
            }
            Kind::Binary(operator, ..)
                if !matches!(*operator, "+" | "-" | "*" | "/" | "%" | "**" | "^" | "??") =>
            {
                // Both sides are compared; neither is the value.
                inner.is_clamped = true;
            }
            _ => {}
        }
        match &term.kind {
            Kind::Choice(condition, then, otherwise) => {
                let mut asked = inner.clone();
                asked.is_clamped = true;
                self.arithmetic(node, formula, condition, &asked);
                inner.tested.extend(condition.variables().into_iter().map(|(name, _)| name));
                self.arithmetic(node, formula, then, &inner);
                self.arithmetic(node, formula, otherwise, &inner);
            }
            Kind::Member(of, key) => {
                self.arithmetic(node, formula, of, &inner);
                inner.is_clamped = true;
                if let Some(key) = key {
                    self.arithmetic(node, formula, key, &inner);
                }
            }
            _ => {
                for child in term.children() {
                    self.arithmetic(node, formula, child, &inner);
                }
            }
        }
    }
}

/// What is known about a part of a formula from what stands around it.
#[derive(Clone, Default)]
pub(super) struct Around<'t> {
    /// A value below 0 does no harm here.
    is_clamped: bool,
    /// Names that a condition around it has looked at.
    tested: Vec<&'t str>,
}

impl Around<'_> {
    fn tests_all(&self, terms: &[&Term<'_>]) -> bool {
        let mut names = terms.iter().flat_map(|term| term.variables());
        !self.tested.is_empty() && names.all(|(name, _)| self.tested.contains(&name))
    }
}

fn is_above_zero(divisor: &Term<'_>, around: &Around<'_>) -> bool {
    match &divisor.kind {
        _ if divisor.constant().is_some_and(|value| value > 0.0) => true,
        Kind::Call("max", items) => items.iter().any(|item| item.constant().is_some_and(|value| value > 0.0)),
        Kind::Call("float" | "int" | "ceil" | "abs", items) => {
            items.iter().all(|item| is_above_zero(item, around))
        }
        // Something is added: what divides is seldom negative.
        Kind::Binary("+", left, right) => {
            [left, right].iter().any(|side| side.constant().is_some_and(|value| value > 0.0))
        }
        Kind::Binary("*", left, right) => is_above_zero(left, around) && is_above_zero(right, around),
        Kind::Choice(..) | Kind::Let(..) => true,
        _ => around.tests_all(&[divisor]),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Given {
    Truth,
    Text,
    List,
    /// A number without a fraction.
    Whole,
    Unknown,
}

fn given(term: &Term<'_>) -> Given {
    match &term.kind {
        Kind::Truth => Given::Truth,
        Kind::Text => Given::Text,
        Kind::List(_) | Kind::Map(_) => Given::List,
        Kind::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Given::Whole,
        Kind::Unary("!" | "not", _) => Given::Truth,
        Kind::Unary(_, inner) => given(inner),
        Kind::Binary(operator, left, right) => match *operator {
            "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "and" | "||" | "or" | "in" | "matches"
            | "contains" | "startsWith" | "endsWith" => Given::Truth,
            ".." => Given::List,
            "+" | "-" | "*" | "%" if given(left) == Given::Whole && given(right) == Given::Whole => {
                Given::Whole
            }
            _ => Given::Unknown,
        },
        Kind::Choice(_, then, otherwise) => {
            let (then, otherwise) = (given(then), given(otherwise));
            if then == otherwise || then == Given::Whole { then } else { otherwise }
        }
        Kind::Let(_, _, rest) => given(rest),
        Kind::Call("int" | "len" | "count", _) => Given::Whole,
        Kind::Call("all" | "any" | "one" | "none", _) => Given::Truth,
        Kind::Call("string" | "upper" | "lower" | "join", _) => Given::Text,
        Kind::Call("sort" | "filter" | "map" | "keys" | "values" | "split", _) => Given::List,
        _ => Given::Unknown,
    }
}

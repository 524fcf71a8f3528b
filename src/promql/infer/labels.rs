//! Which labels a result can have, and which fragment decided it.

use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Must,
    Can,
    Cannot,
}

/// Labels that are followed by name. Real queries have ten; more than this are taken for "any", which proves less.
const MOST_NAMED: usize = 128;

/// What is known of one label.
#[derive(Clone, Copy, Debug)]
pub struct Label<'e> {
    pub name: &'e str,
    pub presence: Presence,
    /// Its only possible value.
    pub value: Option<&'e str>,
    /// The fragment that decided it.
    pub span: Span,
    pub why: &'static str,
}

/// What is known of all labels but the name of the metric.
#[derive(Clone, Debug)]
pub struct Labels<'e> {
    pub named: Vec<Label<'e>>,
    /// Whether labels that are not named can be there.
    pub others: bool,
    /// The fragment that decided about the others.
    pub span: Span,
    pub why: &'static str,
}

impl<'e> Labels<'e> {
    /// No labels at all.
    pub fn none(span: Span, why: &'static str) -> Self {
        Labels { named: Vec::new(), others: false, span, why }
    }

    /// Any labels.
    pub fn any(span: Span, why: &'static str) -> Self {
        Labels { named: Vec::new(), others: true, span, why }
    }

    /// What is known of the label of that name.
    pub fn get<'s>(&'s self, name: &'s str) -> Label<'s> {
        match self.named.iter().find(|label| label.name == name) {
            Some(label) => *label,
            None => {
                let presence = if self.others { Presence::Can } else { Presence::Cannot };
                Label { name, presence, value: None, span: self.span, why: self.why }
            }
        }
    }

    pub fn can_have(&self, name: &str) -> bool {
        self.get(name).presence != Presence::Cannot
    }

    pub fn set(&mut self, label: Label<'e>) {
        match self.named.iter().position(|other| other.name == label.name) {
            Some(at) => self.named[at] = label,
            None if self.named.len() < MOST_NAMED => self.named.push(label),
            None => self.others = true,
        }
    }

    pub fn remove(&mut self, name: &'e str, span: Span, why: &'static str) {
        self.set(Label { name, presence: Presence::Cannot, value: None, span, why });
    }

    /// Labels that can tell series apart: those that can be there and have no fixed value.
    pub fn varying(&self) -> impl Iterator<Item = &Label<'e>> {
        self.named.iter().filter(|label| label.presence != Presence::Cannot && label.value.is_none())
    }

    /// Labels that can be there, where the list is complete.
    pub fn complete(&self) -> Option<Vec<&'e str>> {
        (!self.others).then(|| {
            let present = self.named.iter().filter(|label| label.presence != Presence::Cannot);
            let mut names: Vec<&str> = present.map(|label| label.name).collect();
            names.sort_unstable();
            names
        })
    }

    /// What is known of a series that comes from either side.
    pub fn either(&self, other: &Labels<'e>, span: Span) -> Labels<'e> {
        let mut both = Labels {
            named: Vec::new(),
            others: self.others || other.others,
            span: if self.others { self.span } else { other.span },
            why: if self.others { self.why } else { other.why },
        };
        let names = self.named.iter().chain(&other.named).map(|label| label.name);
        for name in names {
            let (left, right) = (self.get(name), other.get(name));
            let presence = if left.presence == right.presence { left.presence } else { Presence::Can };
            let value = left.value.filter(|_| left.value == right.value && presence == left.presence);
            let value = self
                .named
                .iter()
                .find(|label| label.name == name)
                .and_then(|label| label.value)
                .filter(|_| value.is_some());
            both.set(Label { name, presence, value, span, why: "the sides of `or` differ in it" });
        }
        both
    }
}

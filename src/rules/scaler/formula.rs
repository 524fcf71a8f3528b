//! `scalingModifiers`.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, validateScalingModifiersFormula;
//! controllers/keda/hpa.go; pkg/scaling/modifiers/formula.go.

use super::cards::FORMULA;
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, nearest};
use crate::manifest::Node;

/// Words of the expression language that are no variables.
const WORDS: [&str; 50] = [
    "true",
    "false",
    "nil",
    "let",
    "in",
    "not",
    "and",
    "or",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "float",
    "int",
    "abs",
    "ceil",
    "floor",
    "round",
    "max",
    "min",
    "mean",
    "median",
    "sum",
    "count",
    "len",
    "all",
    "any",
    "one",
    "none",
    "map",
    "filter",
    "find",
    "reduce",
    "first",
    "last",
    "trim",
    "upper",
    "lower",
    "split",
    "join",
    "now",
    "duration",
    "date",
    "if",
    "else",
    "type",
    "string",
    "keys",
    "values",
    "sort",
];

impl Checker<'_> {
    pub(super) fn formula(&mut self, view: &View<'_>) {
        let Some(modifiers) = view.modifiers().filter(|node| !node.entries().is_empty()) else { return };
        let refuse = |place, message: String| {
            Finding::new(&FORMULA, place, message)
                .why("KEDA refuses the ScaledObject, or fails at every poll")
        };
        for key in ["formula", "target"] {
            if modifiers.get(key).is_none_or(|node| node.as_str() == Some("")) {
                self.push(
                    refuse(self.place(modifiers), format!("`scalingModifiers` without `{key}`"))
                        .help(format!("write `{key}`")),
                );
            }
        }
        if let Some(node) = modifiers.get("target")
            && let Some(text) = node.as_written().filter(|text| is_known(text))
            && !text.parse::<f64>().is_ok_and(|value| value > 0.0)
            && !text.is_empty()
        {
            self.push(
                refuse(self.place(node), format!("the target `{text}` is not a positive number"))
                    .help("write a number above 0, in quotes"),
            );
        }
        for trigger in view.triggers.iter().filter(|trigger| trigger.is_resource()) {
            if let Some(entry) = trigger.entry("containerName") {
                self.push(
                    Finding::new(&FORMULA, self.key(entry), "one container beside a formula")
                        .why("KEDA leaves metrics of one container out of the HPA as soon as there is a formula: this guard does not exist")
                        .help("leave `containerName` out"),
                );
            }
        }
        if let Some(node) = modifiers.get("formula")
            && let Some(text) = node.as_str().filter(|text| is_known(text))
        {
            self.variables(view, node, text);
        }
    }

    fn variables(&mut self, view: &View<'_>, node: &Node, formula: &str) {
        let named: Vec<&str> = view
            .triggers
            .iter()
            .filter(|trigger| !trigger.is_resource())
            .filter_map(|trigger| trigger.name)
            .collect();
        let used = words(formula);
        for (at, word) in &used {
            if named.contains(word) || WORDS.contains(word) {
                continue;
            }
            let resource =
                view.triggers.iter().any(|trigger| trigger.is_resource() && trigger.name == Some(word));
            let message = if resource {
                format!("the formula names `{word}`, which is cpu or memory")
            } else {
                format!("the formula names `{word}`, and no trigger is called so")
            };
            let place = self.inside(node, formula, crate::source::Span::new(*at, at + word.len()));
            let finding = Finding::new(&FORMULA, place, message)
                .why("KEDA cannot compute it: the composite metric is missing, and nothing scales");
            self.push(match nearest(word, named.iter().copied()) {
                Some(near) if !resource => finding.help(format!("did you mean `{near}`?")),
                _ if named.is_empty() => finding.help("give the triggers names: `name: …` beside `type`"),
                _ => finding.help(format!("the triggers are `{}`", named.join("`, `"))),
            });
        }
        let unused = |trigger: &&Trigger<'_>| {
            !trigger.is_resource()
                && trigger.name.is_some_and(|name| !used.iter().any(|(_, word)| *word == name))
        };
        for trigger in view.triggers.iter().filter(unused) {
            let mut finding = Finding::new(
                &FORMULA,
                self.place(trigger.node.get("name").unwrap_or(trigger.node)),
                "the formula does not use this trigger",
            )
            .why("KEDA asks for it all the same, and if it fails the whole formula fails")
            .help("use it, or remove the trigger");
            finding.severity = crate::finding::Severity::Warning;
            self.push(finding);
        }
    }
}

/// Identifiers of an expression that can be variables, and where they stand.
fn words(formula: &str) -> Vec<(usize, &str)> {
    let mut all = Vec::new();
    let mut chars = formula.char_indices().peekable();
    let mut before = ' ';
    while let Some((start, c)) = chars.next() {
        if c == '"' || c == '\'' || c == '`' {
            // A text.
            for (_, inner) in chars.by_ref() {
                if inner == c {
                    break;
                }
            }
        } else if c.is_ascii_alphabetic() || c == '_' {
            let mut end = start + 1;
            while let Some((at, next)) = chars.peek().copied() {
                if !next.is_ascii_alphanumeric() && next != '_' {
                    break;
                }
                end = at + 1;
                chars.next();
            }
            // A member (`.x`), the exponent of a number, and a function are none.
            let called = formula[end..].trim_start().starts_with('(');
            if before != '.' && !before.is_ascii_digit() && !called {
                all.push((start, &formula[start..end]));
            }
        }
        before = c;
    }
    all
}

//! `scalingModifiers`.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, validateScalingModifiersFormula;
//! controllers/keda/hpa.go; pkg/scaling/modifiers/formula.go; pkg/scaling/scale_handler.go (activationTarget).

use super::arithmetic::Around;
use super::cards::FORMULA;
use super::expression::{self, Kind, Problem, Term};
use super::{Checker, View, is_known};
use crate::finding::{Finding, Severity, nearest};
use crate::manifest::Node;
use crate::source::Span;

const FAILS: &str = "KEDA cannot compute it: the composite metric is missing, and nothing scales";

/// Functions of the expression language. Source: expr-lang/expr builtin/builtin.go.
const FUNCTIONS: &str = "all none any one filter map find findIndex findLast findLastIndex count sum groupBy sortBy reduce \
    len type abs ceil floor round int float string trim trimPrefix trimSuffix upper lower split \
    splitAfter replace repeat join indexOf lastIndexOf hasPrefix hasSuffix max min mean median toJSON \
    fromJSON toBase64 fromBase64 now duration date timezone first last get take keys values toPairs \
    fromPairs reverse uniq concat flatten sort bitand bitor bitxor bitnand bitnot bitshl bitshr bitushr";

/// Words of the language that no trigger can be called by; `float` is what KEDA writes around the formula.
const RESERVED: [&str; 16] = [
    "in",
    "not",
    "let",
    "if",
    "else",
    "and",
    "or",
    "true",
    "false",
    "nil",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "float",
    "_kedaCompositeResult",
];

impl Checker<'_> {
    pub(super) fn formula(&mut self, view: &View<'_>) {
        let Some(modifiers) = view.modifiers().filter(|node| !node.entries().is_empty()) else { return };
        if !self.versions.keda.at_least(2, 12) {
            let text = format!("KEDA {} has no `scalingModifiers`", self.versions.keda);
            self.push(
                Finding::new(&FORMULA, self.place(modifiers), text)
                    .why("it came with 2.12: the API server drops the block, and each trigger scales by itself")
                    .help("update KEDA, or compute the value in one query"),
            );
        }
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
        if let Some(node) = modifiers.get("activationTarget")
            && let Some(text) = node.as_written().filter(|text| is_known(text) && !text.is_empty())
            && text.parse::<f64>().is_err()
        {
            self.push(
                Finding::new(
                    &FORMULA,
                    self.place(node),
                    format!("the activationTarget `{}` is not a number", text.escape_debug()),
                )
                .why("KEDA reads it at every poll and gives up: the workload is never woken")
                .help("write a plain number in quotes"),
            );
        }
        for trigger in view.triggers.iter().filter(|trigger| trigger.is_resource()) {
            let named = trigger.value("containerName").is_some_and(|name| is_known(&name));
            if let Some(entry) = trigger.entry("containerName").filter(|_| named) {
                self.push(
                    Finding::new(&FORMULA, self.key(entry), "one container beside a formula")
                        .why("KEDA leaves metrics of one container out of the HPA as soon as there is a formula: this guard does not exist")
                        .help("leave `containerName` out"),
                );
            }
        }
        self.names_for_formula(view);
        let Some(node) = modifiers.get("formula") else { return };
        let Some(text) = node.as_str().filter(|text| is_known(text) && !text.is_empty()) else { return };
        match expression::read(text) {
            Ok(term) => {
                self.variables(view, node, text, &term);
                self.functions(node, text, &term);
                self.result(node, text, &term);
                self.arithmetic(node, text, &term, &Around::default());
                self.guarded(view, node, text, &term);
            }
            Err(problem) => self.unreadable(node, text, problem),
        }
    }

    fn unreadable(&mut self, node: &Node, text: &str, problem: Problem) {
        let (span, message, help) = match problem {
            Problem::Bracket(span) => (span, "a bracket that has no other half", "close it, or leave it out"),
            Problem::Mixed(span) => (
                span,
                "`??` beside another operator, without brackets",
                "write `(load ?? 0)`, with brackets around it",
            ),
            Problem::Comment(span) => {
                (span, "a comment at the end of the formula", "write `/* … */`, or leave it out")
            }
            Problem::Unfinished(span) => {
                (span, "the formula ends in an operator", "write what it works on, or leave it out")
            }
            Problem::Other => return,
        };
        let why = match problem {
            Problem::Comment(_) => {
                "KEDA writes `float(…)` around the formula, and the comment swallows its bracket: the ScaledObject is refused"
            }
            _ => "the formula cannot be compiled: KEDA refuses the ScaledObject, or fails at every poll",
        };
        let place = self.inside(node, text, span);
        self.push(Finding::new(&FORMULA, place, message).why(why).help(help));
    }

    /// Whether the triggers can be named in a formula at all.
    fn names_for_formula(&mut self, view: &View<'_>) {
        for trigger in view.triggers.iter().filter(|trigger| !trigger.is_resource()) {
            match (trigger.name, trigger.node.get("name")) {
                (Some(name), Some(node)) if RESERVED.contains(&name) => self.push(
                    Finding::new(
                        &FORMULA,
                        self.place(node),
                        format!("a trigger cannot be called `{name}` beside a formula"),
                    )
                    .why("it is a word of the expression language: the formula cannot be compiled")
                    .help("give it another name"),
                ),
                (None, _) if trigger.node.get("name").and_then(Node::as_str).is_none_or(is_known) => {
                    let place = self.place(trigger.node.get("type").unwrap_or(trigger.node));
                    let mut finding = Finding::new(&FORMULA, place, "a trigger without a name beside a formula")
                        .why("the formula cannot use it; KEDA asks for it all the same, and logs an error at every poll")
                        .help("write `name: …` beside `type`, or remove the trigger");
                    finding.severity = Severity::Warning;
                    self.push(finding);
                }
                _ => {}
            }
        }
    }

    fn variables(&mut self, view: &View<'_>, node: &Node, formula: &str, term: &Term<'_>) {
        let named: Vec<&str> = view
            .triggers
            .iter()
            .filter(|trigger| !trigger.is_resource())
            .filter_map(|trigger| trigger.name)
            .collect();
        // A name that is filled in later may be any of them.
        if named.iter().any(|name| !is_known(name)) {
            return;
        }
        let used = term.variables();
        // `rps-total` is read as a difference of two names.
        let odd: Vec<&str> = named
            .iter()
            .copied()
            .filter(|name| {
                !is_identifier(name) && used.iter().all(|(word, _)| word != name) && formula.contains(name)
            })
            .collect();
        for name in &odd {
            let Some(node) = view.triggers.iter().find(|trigger| trigger.name == Some(name)) else {
                continue;
            };
            let node = node.node.get("name").unwrap_or(node.node);
            let plain: String =
                name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            self.push(
                Finding::new(&FORMULA, self.place(node), format!("`{}` is no name that a formula can use", name.escape_debug()))
                    .why("the expression language takes letters, digits and `_` for a name, and anything else for an operator: the formula cannot be compiled")
                    .help(format!("call it `{plain}`, or write `$env[\"{name}\"]` in the formula")),
            );
        }
        let of_odd = |word: &str| {
            odd.iter()
                .any(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word))
        };
        for (word, span) in &used {
            if named.contains(word) || is_function(word) || *word == "$env" || of_odd(word) {
                continue;
            }
            let resource =
                view.triggers.iter().any(|trigger| trigger.is_resource() && trigger.name == Some(word));
            let message = if resource {
                format!("the formula names `{word}`, which is cpu or memory")
            } else {
                format!("the formula names `{word}`, and no trigger is called so")
            };
            let place = self.inside(node, formula, *span);
            let finding = Finding::new(&FORMULA, place, message).why(FAILS);
            self.push(match nearest(word, named.iter().copied()) {
                Some(near) if !resource => finding.help(format!("did you mean `{near}`?")),
                _ if named.is_empty() => finding.help("give the triggers names: `name: …` beside `type`"),
                _ => finding.help(format!("the triggers are `{}`", named.join("`, `"))),
            });
        }
        let unused = |name: &str| {
            !odd.contains(&name) && !RESERVED.contains(&name) && used.iter().all(|(word, _)| *word != name)
        };
        for trigger in
            view.triggers.iter().filter(|trigger| !trigger.is_resource() && trigger.name.is_some_and(unused))
        {
            let mut finding = Finding::new(
                &FORMULA,
                self.place(trigger.node.get("name").unwrap_or(trigger.node)),
                "the formula does not use this trigger",
            )
            .why("KEDA asks for it all the same, and if it fails the whole formula fails")
            .help("use it, or remove the trigger");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
    }

    fn functions(&mut self, node: &Node, formula: &str, term: &Term<'_>) {
        if let Kind::Call(name, _) = &term.kind
            && !is_function(name)
        {
            let start = term.span.start as usize;
            let place = self.inside(node, formula, Span::new(start, start + name.len()));
            let finding = Finding::new(
                &FORMULA,
                place,
                format!("the expression language has no function `{name}`"),
            )
            .why("the formula cannot be compiled: KEDA refuses the ScaledObject, or fails at every poll");
            self.push(match *name {
                "avg" | "average" => finding.help("write `mean([a, b])`"),
                "sqrt" => finding.help("write `a ** 0.5`"),
                "clamp_min" => finding.help("write `max(a, 1)`"),
                "clamp_max" => finding.help("write `min(a, 100)`"),
                _ => match nearest(name, FUNCTIONS.split(' ')) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help("compute it in the query: PromQL has more functions"),
                },
            });
        }
        for child in term.children() {
            self.functions(node, formula, child);
        }
    }

    /// With the behavior scalingModifiers a trigger that fails is nil in the formula.
    fn guarded(&mut self, view: &View<'_>, node: &Node, formula: &str, term: &Term<'_>) {
        let behavior = view.spec.at(&["fallback", "behavior"]).and_then(Node::as_str);
        if behavior != Some("scalingModifiers") || !formula.contains("??") {
            return;
        }
        let mut open = Vec::new();
        guarded(term, &mut open);
        let Some((name, span)) = open.first() else { return };
        let place = self.inside(node, formula, *span);
        self.push(
            Finding::new(&FORMULA, place, format!("`{name}` has no value here while its trigger fails"))
                .why("with this fallback a trigger that fails is nil in the formula: without `??` behind it the formula fails as well, and there is no fallback")
                .help(format!("write `({name} ?? 0)`")),
        );
    }
}

/// What to write where a formula has nothing for a trigger that fails.
pub(super) fn guards(formula: &str) -> String {
    let mut open = Vec::new();
    if let Ok(term) = expression::read(formula) {
        unguarded(&term, &mut open);
    }
    let mut names: Vec<String> = open.iter().map(|(name, _)| format!("`({name} ?? 0)`")).collect();
    names.dedup();
    match names.as_slice() {
        [] => "write `(load ?? 0)` for each trigger in the formula".to_string(),
        names => format!("write {} in the formula", names.join(" and ")),
    }
}

/// Names that are nil where nothing stands in for them. A whole formula may be nil: then `replicas` count.
fn unguarded<'t>(term: &Term<'t>, found: &mut Vec<(&'t str, Span)>) {
    match &term.kind {
        Kind::Name(name) => found.push((name, term.span)),
        Kind::Binary("??", left, right) => {
            guarded(left, found);
            unguarded(right, found);
        }
        // A name that `let` gives may be guarded where it is given.
        Kind::Let(_, value, _) => unguarded(value, found),
        _ => term.children().into_iter().for_each(|child| unguarded(child, found)),
    }
}

/// The same, of what may be nil: `a ?? b ?? 5`.
fn guarded<'t>(term: &Term<'t>, found: &mut Vec<(&'t str, Span)>) {
    match &term.kind {
        Kind::Name(_) => {}
        Kind::Binary("??", left, right) => {
            guarded(left, found);
            guarded(right, found);
        }
        _ => unguarded(term, found),
    }
}

fn is_function(name: &str) -> bool {
    FUNCTIONS.split(' ').any(|known| known == name)
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
}

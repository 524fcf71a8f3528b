//! Types: every error of a tree that can be read, in the order in which Prometheus finds them.
//!
//! Source: prometheus/prometheus promql/parser/parse.go, checkAST.

use super::SyntaxError;
use super::ast::*;
use super::functions::AGGREGATIONS;
use crate::source::Span;

pub fn check(text: &str, root: &Node) -> Vec<SyntaxError> {
    let mut checker = Checker { text, errors: Vec::new() };
    checker.node(root);
    checker.errors
}

struct Checker<'t> {
    text: &'t str,
    errors: Vec<SyntaxError>,
}

impl Checker<'_> {
    fn note(&mut self, span: Span, message: impl Into<String>) -> &mut SyntaxError {
        self.errors.push(SyntaxError::new(span, message));
        self.errors.last_mut().expect("just pushed")
    }

    fn node(&mut self, node: &Node) -> ValueType {
        match &node.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::String,
            Kind::Selector(selector) => {
                self.selector(selector, node.span, false);
                ValueType::Vector
            }
            Kind::Range(inner, _) => {
                self.node(inner);
                ValueType::Matrix
            }
            Kind::Paren(inner) => self.node(inner),
            Kind::Unary(_, inner) => {
                let found = self.node(inner);
                if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                    let found = found.text();
                    self.note(
                        node.span,
                        format!("a sign stands before a number or an instant vector, not before a {found}"),
                    );
                }
                found
            }
            Kind::Subquery(subquery) => {
                let found = self.node(&subquery.expression);
                if found != ValueType::Vector {
                    let message =
                        format!("a subquery repeats an instant vector, and this is a {}", found.text());
                    self.note(node.span, message);
                }
                ValueType::Matrix
            }
            Kind::Aggregate(aggregate) => {
                self.aggregate(aggregate);
                ValueType::Vector
            }
            Kind::Call(call) => {
                self.call(call, node.span);
                call.function.returns
            }
            Kind::Binary(_) => self.chain(node),
        }
    }

    /// A chain of operators, from its leftmost operand on: as long as it is, it does not nest.
    fn chain(&mut self, node: &Node) -> ValueType {
        let mut spine = Vec::new();
        let mut at = node;
        while let Kind::Binary(binary) = &at.kind {
            spine.push((at, &**binary));
            at = &binary.left;
        }
        let mut left = self.node(at);
        for (node, binary) in spine.into_iter().rev() {
            let right = self.node(&binary.right);
            self.binary(binary, node.span, left, right);
            let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
            left = if scalars { ValueType::Scalar } else { ValueType::Vector };
        }
        left
    }

    fn selector(&mut self, selector: &Selector, span: Span, may_be_empty: bool) {
        let second = |matcher: &&Matcher| matcher.name == "__name__";
        if selector.name.is_some() {
            if !selector.is_quoted
                && let Some(matcher) = selector.matchers.iter().find(second)
            {
                let mark = matcher.span;
                self.note(span, "the name of the metric stands here a second time").mark = mark;
            }
            return;
        }
        if !may_be_empty && !selector.matchers.iter().any(Matcher::excludes_empty) {
            let message = "a selector must have a name or a matcher that does not match the empty text";
            let help = "without it every series of the server is selected; write the name of the metric";
            self.note(span, message).help = Some(help.to_string());
        }
    }

    fn expect_type(&mut self, node: &Node, found: ValueType, wanted: ValueType, taker: &str) {
        if found == wanted {
            return;
        }
        let (article, other) = (article(wanted), article(found));
        let message =
            format!("{taker} takes {article} {}, and this is {other} {}", wanted.text(), found.text());
        let help = match (wanted, found) {
            (ValueType::Matrix, ValueType::Vector) => Some("give it a range: `metric[5m]`"),
            (ValueType::Vector, ValueType::Matrix) => {
                Some("put a function such as `rate(…)` around it, or leave the range out")
            }
            (ValueType::Vector, ValueType::Scalar) => Some("write `vector(…)` around it"),
            (ValueType::Scalar, ValueType::Vector) => Some("write a number, or `scalar(…)` around it"),
            _ => None,
        };
        self.note(node.span, message).help = help.map(str::to_string);
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        let found = self.node(&aggregate.expression);
        if found != ValueType::Vector {
            let name = format!("`{}`", aggregate.operator);
            self.expect_type(&aggregate.expression, found, ValueType::Vector, &name);
        }
        let Some(parameter) = &aggregate.parameter else { return };
        let known = AGGREGATIONS.iter().find(|known| known.name == aggregate.operator);
        let wanted = known.and_then(|known| known.parameter).unwrap_or(ValueType::Scalar);
        let found = self.node(parameter);
        if found != wanted {
            self.expect_type(
                parameter,
                found,
                wanted,
                &format!("the first argument of `{}`", aggregate.operator),
            );
        }
    }

    fn call(&mut self, call: &Call, span: Span) {
        let function = call.function;
        let (given, all) = (call.arguments.len(), function.arguments.len());
        let least = all - usize::from(function.variadic != 0);
        let most = match function.variadic {
            0 => all,
            more if more > 0 => all - 1 + more as usize,
            _ => usize::MAX,
        };
        if given < least || given > most {
            let wanted = match (least, most) {
                (0, 0) => "no argument".to_string(),
                (1, usize::MAX) => "at least one argument".to_string(),
                (least, usize::MAX) => format!("at least {least} arguments"),
                (1, 1) => "one argument".to_string(),
                (least, most) if least == most => format!("{most} arguments"),
                (least, most) => format!("{least} to {most} arguments"),
            };
            let here = if given == 1 { "here is 1".to_string() } else { format!("here are {given}") };
            self.note(span, format!("`{}` takes {wanted}, and {here}", function.name));
        }
        let info = function.name == "info" && call.arguments.len() > 1;
        if info {
            self.info(&call.arguments[1], span);
        }
        for (at, argument) in call.arguments.iter().enumerate() {
            if at >= all && function.variadic == 0 {
                break;
            }
            let found = match &argument.kind {
                Kind::Selector(selector) if info && at == 1 => {
                    self.selector(selector, argument.span, selector.name.is_none());
                    ValueType::Vector
                }
                _ => self.node(argument),
            };
            let wanted = function.arguments[at.min(all - 1)];
            if found != wanted {
                self.expect_type(argument, found, wanted, &format!("`{}`", function.name));
            }
        }
    }

    /// The second argument of `info` only names labels.
    fn info(&mut self, argument: &Node, call: Span) {
        let found = argument.value_type();
        if found != ValueType::Vector {
            let mark = argument.span;
            let message =
                format!("`info` takes labels in braces, and this is {} {}", article(found), found.text());
            self.note(call, message).mark = mark;
        }
        let nameless = matches!(&argument.kind, Kind::Selector(selector) if selector.name.is_none() || selector.is_quoted);
        if !nameless {
            self.note(argument.span, "`info` takes only labels in braces here, without the name of a metric");
        }
    }

    fn binary(&mut self, binary: &Binary, span: Span, left: ValueType, right: ValueType) {
        let operator = binary.operator;
        let text = operator.text();
        let mark = binary.operator_span;
        let simple = |found: ValueType| matches!(found, ValueType::Scalar | ValueType::Vector);
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if binary.returns_bool && !operator.is_comparison() {
            let at = self.between(binary);
            self.note(at, format!("`bool` belongs to a comparison, not to `{text}`")).mark = mark;
        }
        if operator.is_comparison() && scalars && !binary.returns_bool {
            let at = self.between(binary);
            let error = self.note(at, "two numbers are compared, which needs `bool`");
            error.mark = mark;
            error.help = Some(format!("write `{text} bool`"));
        }
        if let Some(Matching { on: true, labels, group: Some(group), .. }) = &binary.matching {
            let word = if group.left { "group_left" } else { "group_right" };
            for label in labels {
                for _ in group.include.iter().filter(|other| *other == label) {
                    let at = self.between(binary);
                    self.note(at, format!("the label `{label}` stands in `on` and in `{word}` at once"))
                        .mark = mark;
                }
            }
        }
        for (node, found) in [(&binary.left, left), (&binary.right, right)] {
            if !simple(found) {
                let message =
                    format!("`{text}` takes numbers and instant vectors, and this is a {}", found.text());
                self.note(node.span, message);
            }
        }
        let vectors = left == ValueType::Vector && right == ValueType::Vector;
        if let Some(matching) = &binary.matching {
            self.matching(binary, matching, span, vectors);
        }
        if operator.is_set() && (left == ValueType::Scalar || right == ValueType::Scalar) {
            let error = self.note(span, format!("`{text}` joins series, and one side is a number"));
            error.mark = mark;
            error.help = Some("write `vector(…)` around the number".to_string());
        }
    }

    fn matching(&mut self, binary: &Binary, matching: &Matching, span: Span, vectors: bool) {
        let mark = matching.span;
        let fills = matching.fill != [None, None];
        if !vectors {
            if !matching.labels.is_empty() {
                let message =
                    "`on` and `ignoring` match series with series, and one side is no instant vector";
                self.note(span, message).mark = mark;
            }
            if fills {
                self.note(span, "`fill` fills series, and one side is no instant vector").mark = mark;
            }
            return;
        }
        if !binary.operator.is_set() {
            return;
        }
        let text = binary.operator.text();
        if let Some(group) = &matching.group {
            let word = if group.left { "group_left" } else { "group_right" };
            self.note(span, format!("`{text}` matches many with many already: no `{word}`")).mark = mark;
        }
        if fills {
            self.note(span, format!("`{text}` fills nothing: no `fill`")).mark = mark;
        }
    }

    /// What stands between the operands, as Prometheus counts it: without its last byte.
    fn between(&self, binary: &Binary) -> Span {
        let bytes = self.text.as_bytes();
        let blank = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_whitespace);
        let mut start = binary.left.span.end as usize;
        while blank(start) {
            start += 1;
        }
        let mut end = (binary.right.span.start as usize).saturating_sub(1);
        while end > 0 && blank(end) {
            end -= 1;
        }
        Span::new(start, end.max(start))
    }
}

fn article(value: ValueType) -> &'static str {
    if value == ValueType::Vector { "an" } else { "a" }
}

//! Types: every error of the tree at once.
//!
//! Source: prometheus/prometheus promql/parser/parse.go, checkAST.

use super::ast::*;
use super::{SyntaxError, Target, functions};

pub fn check(root: &Node, target: &Target) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        node_errors(node, target, &mut errors);
        stack.extend(node.children());
    }
    errors.sort_by_key(|error| error.span);
    errors
}

fn node_errors(node: &Node, target: &Target, errors: &mut Vec<SyntaxError>) {
    match &node.kind {
        Kind::Unary(_, inner) => {
            let found = inner.value_type();
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                let message = format!(
                    "a sign stands before a number or an instant vector, not before a {}",
                    found.text()
                );
                errors.push(SyntaxError::new(node.span, message));
            }
        }
        Kind::Subquery(subquery) => {
            let found = subquery.expression.value_type();
            if found != ValueType::Vector {
                let message = format!("a subquery repeats an instant vector, and this is a {}", found.text());
                errors.push(SyntaxError::new(node.span, message));
            }
        }
        Kind::Aggregate(aggregate) => aggregate_errors(aggregate, errors),
        Kind::Call(call) => call_errors(call, node, errors),
        Kind::Binary(binary) => binary_errors(binary, target, errors),
        _ => {}
    }
}

fn expect_type(node: &Node, wanted: ValueType, where_: &str, errors: &mut Vec<SyntaxError>) {
    let found = node.value_type();
    if found == wanted {
        return;
    }
    let message = format!(
        "{where_} takes {} {}, and this is {} {}",
        article(wanted),
        wanted.text(),
        article(found),
        found.text()
    );
    let error = SyntaxError::new(node.span, message);
    errors.push(match (wanted, found) {
        (ValueType::Matrix, ValueType::Vector) => error.help("give it a range: `metric[5m]`"),
        (ValueType::Vector, ValueType::Matrix) => {
            error.help("put a function such as `rate(…)` around it, or leave the range out")
        }
        (ValueType::Vector, ValueType::Scalar) => error.help("write `vector(…)` around it"),
        (ValueType::Scalar, ValueType::Vector) => error.help("write a number, or `scalar(…)` around it"),
        _ => error,
    });
}

fn article(value: ValueType) -> &'static str {
    if value == ValueType::Vector { "an" } else { "a" }
}

fn aggregate_errors(aggregate: &Aggregate, errors: &mut Vec<SyntaxError>) {
    let name = format!("`{}`", aggregate.operator);
    expect_type(&aggregate.expression, ValueType::Vector, &name, errors);
    let wanted = functions::AGGREGATIONS
        .iter()
        .find(|(operator, ..)| *operator == aggregate.operator)
        .and_then(|(_, parameter, _)| *parameter);
    if let (Some(wanted), Some(parameter)) = (wanted, &aggregate.parameter) {
        expect_type(parameter, wanted, &format!("the first argument of {name}"), errors);
    }
}

fn call_errors(call: &Call, node: &Node, errors: &mut Vec<SyntaxError>) {
    let function = call.function;
    let (given, all) = (call.arguments.len(), function.arguments.len());
    let least = match function.variadic {
        0 => all,
        -1 => all - 1,
        optional => all - optional as usize,
    };
    let most = if function.variadic == -1 { usize::MAX } else { all };
    if given < least || given > most {
        let wanted = match (least, most) {
            (0, 0) => "no argument".to_string(),
            (least, usize::MAX) => format!("at least {least} arguments"),
            (least, most) if least == most => format!("{most} argument{}", if most == 1 { "" } else { "s" }),
            (least, most) => format!("{least} to {most} arguments"),
        };
        errors.push(SyntaxError::new(
            node.span,
            format!(
                "`{}` takes {wanted}, and here {} {given}",
                function.name,
                if given == 1 { "is" } else { "are" }
            ),
        ));
        return;
    }
    for (at, argument) in call.arguments.iter().enumerate() {
        let wanted = function.arguments[at.min(all - 1)];
        expect_type(argument, wanted, &format!("`{}`", function.name), errors);
    }
}

fn binary_errors(binary: &Binary, target: &Target, errors: &mut Vec<SyntaxError>) {
    let (left, right) = (binary.left.value_type(), binary.right.value_type());
    let operator = binary.operator;
    let span = binary.operator_span;
    let text = operator.text();
    for (node, found) in [(&binary.left, left), (&binary.right, right)] {
        if !matches!(found, ValueType::Scalar | ValueType::Vector) {
            errors.push(SyntaxError::new(
                node.span,
                format!("`{text}` takes numbers and instant vectors, and this is a {}", found.text()),
            ));
        }
    }
    if matches!(operator, Operator::TrimUpper | Operator::TrimLower) && !target.at_least(3, 11) {
        errors.push(SyntaxError::new(span, format!("`{text}` needs Prometheus 3.11")));
    }
    if binary.returns_bool && !operator.is_comparison() {
        errors.push(SyntaxError::new(span, format!("`bool` belongs to a comparison, not to `{text}`")));
    }
    let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
    if operator.is_comparison() && scalars && !binary.returns_bool {
        errors.push(
            SyntaxError::new(span, "two numbers are compared, which needs `bool`")
                .help(format!("write `{text} bool`")),
        );
    }
    if operator.is_set() && (left == ValueType::Scalar || right == ValueType::Scalar) {
        errors.push(
            SyntaxError::new(span, format!("`{text}` joins series, and one side is a number"))
                .help("write `vector(…)` around the number"),
        );
    }
    let Some(matching) = &binary.matching else { return };
    if left != ValueType::Vector || right != ValueType::Vector {
        let says = !matching.labels.is_empty() || matching.group.is_some() || matching.on;
        if says {
            errors.push(SyntaxError::new(
                span,
                "`on` and `ignoring` match series with series, and one side is a number",
            ));
        }
        return;
    }
    let Some(group) = &matching.group else { return };
    let word = if group.left { "group_left" } else { "group_right" };
    if operator.is_set() {
        errors.push(SyntaxError::new(span, format!("`{text}` matches many with many already: no `{word}`")));
    }
    if matching.on
        && let Some(both) = matching.labels.iter().find(|label| group.include.contains(label))
    {
        errors.push(SyntaxError::new(
            span,
            format!("the label `{both}` stands in `on` and in `{word}` at once"),
        ));
    }
}

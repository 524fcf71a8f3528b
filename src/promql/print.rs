//! The tree on one line, the way Prometheus prints it.
//!
//! Source: prometheus/prometheus promql/parser/printer.go.

use super::ast::*;
use super::{duration, names, selectors, string};

pub fn canonical(node: &Node) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out
}

fn write(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Number(value) => out.push_str(&number(*value)),
        Kind::Text(text) => out.push_str(&string::quote(text)),
        Kind::Selector(selector) => out.push_str(&selector_text(selector, None)),
        Kind::Range(inner, range) => {
            if let Kind::Selector(selector) = &inner.kind {
                out.push_str(&selector_text(selector, Some(range)));
            }
        }
        Kind::Subquery(subquery) => {
            write(&subquery.expression, out);
            out.push_str(&subquery_tail(subquery));
        }
        Kind::Unary(sign, inner) => {
            out.push(if *sign == Sign::Minus { '-' } else { '+' });
            write(inner, out);
        }
        Kind::Binary(binary) => {
            write(&binary.left, out);
            out.push_str(&format!(" {} ", operator_text(binary)));
            write(&binary.right, out);
        }
        Kind::Aggregate(aggregate) => {
            out.push_str(&aggregate_head(aggregate));
            out.push('(');
            if let Some(parameter) = &aggregate.parameter {
                write(parameter, out);
                out.push_str(", ");
            }
            write(&aggregate.expression, out);
            out.push(')');
        }
        Kind::Call(call) => {
            out.push_str(call.function.name);
            out.push('(');
            for (at, argument) in call.arguments.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(argument, out);
            }
            out.push(')');
        }
        Kind::Paren(inner) => {
            out.push('(');
            write(inner, out);
            out.push(')');
        }
    }
}

/// What Prometheus calls a node.
pub fn kind_name(node: &Node) -> &'static str {
    match &node.kind {
        Kind::Number(_) => "NumberLiteral",
        Kind::Text(_) => "StringLiteral",
        Kind::Selector(_) => "VectorSelector",
        Kind::Range(..) => "MatrixSelector",
        Kind::Subquery(_) => "SubqueryExpr",
        Kind::Unary(..) => "UnaryExpr",
        Kind::Binary(_) => "BinaryExpr",
        Kind::Aggregate(_) => "AggregateExpr",
        Kind::Call(_) => "Call",
        Kind::Paren(_) => "ParenExpr",
    }
}

/// A number as Go prints it with the shortest digits.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_string();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_string();
    }
    format!("{value}")
}

fn duration_text(value: &Duration) -> String {
    match value {
        Duration::Constant(milliseconds) => duration::text(*milliseconds),
        Duration::Computed(expression) => expression_text(expression),
    }
}

fn expression_text(expression: &DurationExpression) -> String {
    match expression {
        DurationExpression::Number(seconds, true) => duration::text((seconds * 1_000.0).round() as i64),
        DurationExpression::Number(seconds, false) => number(*seconds),
        DurationExpression::Step => "step()".to_string(),
        DurationExpression::Range => "range()".to_string(),
        DurationExpression::Function(name, first, second) => {
            format!("{name}({}, {})", expression_text(first), expression_text(second))
        }
        DurationExpression::Unary(Sign::Plus, inner) => format!("+{}", expression_text(inner)),
        DurationExpression::Unary(Sign::Minus, inner) => format!("-{}", expression_text(inner)),
        DurationExpression::Binary(operator, left, right) => {
            format!("{} {operator} {}", expression_text(left), expression_text(right))
        }
        DurationExpression::Paren(inner) => format!("({})", expression_text(inner)),
    }
}

/// A selector with its range and modifiers.
pub fn selector_text(selector: &Selector, range: Option<&Duration>) -> String {
    let mut matchers: Vec<String> = selector
        .matchers
        .iter()
        .map(|matcher| {
            let name = selectors::label_text(&matcher.name);
            format!("{name}{}{}", matcher.operator.text(), string::quote(&matcher.value))
        })
        .collect();
    matchers.sort();
    let mut out = String::new();
    match &selector.name {
        Some(name) if names::is_metric_name(name) => out.push_str(name),
        Some(name) => matchers.insert(0, string::quote(name)),
        None => {}
    }
    if !matchers.is_empty() {
        out.push_str(&format!("{{{}}}", matchers.join(",")));
    }
    if let Some(range) = range {
        out.push_str(&format!("[{}]", duration_text(range)));
    }
    out.push_str(&modifiers_text(&selector.modifiers));
    out
}

fn modifiers_text(modifiers: &Modifiers) -> String {
    let mut out = String::new();
    match modifiers.at {
        Some(At::Time(milliseconds)) => {
            let sign = if milliseconds < 0 { "-" } else { "" };
            let whole = milliseconds.unsigned_abs();
            out.push_str(&format!(" @ {sign}{}.{:03}", whole / 1_000, whole % 1_000));
        }
        Some(At::Start) => out.push_str(" @ start()"),
        Some(At::End) => out.push_str(" @ end()"),
        None => {}
    }
    if let Some(offset) = &modifiers.offset {
        out.push_str(&format!(" offset {}", duration_text(offset)));
    }
    out
}

pub fn subquery_tail(subquery: &Subquery) -> String {
    let step = subquery.step.as_ref().map(duration_text).unwrap_or_default();
    format!("[{}:{step}]{}", duration_text(&subquery.range), modifiers_text(&subquery.modifiers))
}

pub fn aggregate_head(aggregate: &Aggregate) -> String {
    let labels = label_list(&aggregate.grouping);
    match (aggregate.without, aggregate.grouping.is_empty()) {
        (true, _) => format!("{} without ({labels}) ", aggregate.operator),
        (false, false) => format!("{} by ({labels}) ", aggregate.operator),
        (false, true) => aggregate.operator.to_string(),
    }
}

fn label_list(labels: &[String]) -> String {
    let texts: Vec<String> = labels.iter().map(|label| selectors::label_text(label)).collect();
    texts.join(", ")
}

/// The operator with all that belongs to it.
pub fn operator_text(binary: &Binary) -> String {
    let mut out = binary.operator.text().to_string();
    if binary.returns_bool {
        out.push_str(" bool");
    }
    let Some(matching) = &binary.matching else { return out };
    let grouped = matching.group.is_some();
    if matching.on || !matching.labels.is_empty() || grouped {
        let word = if matching.on { "on" } else { "ignoring" };
        out.push_str(&format!(" {word} ({})", label_list(&matching.labels)));
    }
    if let Some(group) = &matching.group {
        let word = if group.left { "group_left" } else { "group_right" };
        out.push_str(&format!(" {word} ({})", label_list(&group.include)));
    }
    out
}

//! The tree on one line, the way Prometheus prints it.
//!
//! Source: prometheus/prometheus promql/parser/printer.go.

use super::ast::*;
use super::{duration, names, string};

pub fn canonical(node: &Node) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out
}

fn write(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Number(number) => out.push_str(&number_text(*number)),
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
            match &binary.left.kind {
                // With the sign that Prometheus prints, this would read back as +(Inf ^ …).
                Kind::Number(number)
                    if binary.operator == Operator::Power && number.value == f64::INFINITY =>
                {
                    out.push_str("Inf");
                }
                _ => write(&binary.left, out),
            }
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

/// A number, in seconds with units if it was written with units.
fn number_text(number: Number) -> String {
    if !number.is_duration {
        return float(number.value);
    }
    let sign = if number.value < 0.0 { "-" } else { "" };
    format!("{sign}{}", duration::text((number.value.abs() * 1e9) as i64 / 1_000_000))
}

/// A number as Go prints it with the shortest digits.
pub fn float(value: f64) -> String {
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
        Duration::Constant(nanoseconds) if nanoseconds % 1_000_000 == 0 => {
            duration::text(nanoseconds / 1_000_000)
        }
        // Prometheus would print the whole milliseconds only, which reads back as another duration.
        Duration::Constant(nanoseconds) => float(*nanoseconds as f64 / 1e9),
        Duration::Computed(expression) => expression_text(expression),
    }
}

fn expression_text(expression: &DurationExpression) -> String {
    match expression {
        DurationExpression::Number(value, is_duration) => {
            number_text(Number { value: *value, is_duration: *is_duration })
        }
        DurationExpression::Step => "step()".to_string(),
        DurationExpression::Range => "range()".to_string(),
        DurationExpression::Function(name, first, second) => {
            format!("{name}({}, {})", expression_text(first), expression_text(second))
        }
        DurationExpression::Minus(inner) => format!("-{}", expression_text(inner)),
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
            let name = label_text(&matcher.name);
            format!("{name}{}{}", matcher.operator.text(), string::quote(&matcher.value))
        })
        .collect();
    let mut out = String::new();
    match &selector.name {
        Some(name) if selector.is_quoted => matchers.push(format!("__name__={}", string::quote(name))),
        Some(name) => out.push_str(name),
        None => {}
    }
    matchers.sort();
    if !matchers.is_empty() {
        out.push_str(&format!("{{{}}}", matchers.join(",")));
    }
    let modifiers = &selector.modifiers;
    let extension = match modifiers.extension {
        Some(Extension::Anchored) => " anchored",
        Some(Extension::Smoothed) => " smoothed",
        None => "",
    };
    match range {
        // Prometheus prints `@` behind the word in one case and before it in the other.
        Some(range) => {
            out.push_str(&format!("[{}]{extension}{}", duration_text(range), at_text(modifiers)));
        }
        None => out.push_str(&format!("{}{extension}", at_text(modifiers))),
    }
    out.push_str(&offset_text(modifiers));
    out
}

fn at_text(modifiers: &Modifiers) -> String {
    match modifiers.at {
        Some(At::Time(milliseconds)) => format!(" @ {:.3}", milliseconds as f64 / 1_000.0),
        Some(At::Start) => " @ start()".to_string(),
        Some(At::End) => " @ end()".to_string(),
        None => String::new(),
    }
}

fn offset_text(modifiers: &Modifiers) -> String {
    match &modifiers.offset {
        None | Some(Duration::Constant(0)) => String::new(),
        Some(offset) => format!(" offset {}", duration_text(offset)),
    }
}

pub fn subquery_tail(subquery: &Subquery) -> String {
    let step = subquery.step.as_ref().map(duration_text).unwrap_or_default();
    let modifiers = &subquery.modifiers;
    format!("[{}:{step}]{}{}", duration_text(&subquery.range), at_text(modifiers), offset_text(modifiers))
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
    let texts: Vec<String> = labels.iter().map(|label| label_text(label)).collect();
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
    match matching.fill {
        [Some(left), Some(right)] if left == right => out.push_str(&format!(" fill ({})", float(left))),
        [left, right] => {
            let sides = [("fill_left", left), ("fill_right", right)];
            for (word, value) in sides.into_iter().filter_map(|(word, value)| Some((word, value?))) {
                out.push_str(&format!(" {word} ({})", float(value)));
            }
        }
    }
    out
}

/// A label as it must be written: quoted where it is no classic name.
fn label_text(name: &str) -> String {
    if names::is_label_name(name) { name.to_string() } else { string::quote(name) }
}

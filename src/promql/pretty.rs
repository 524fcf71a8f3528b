//! The tree on several lines, two spaces per level, for a block scalar in YAML.

use super::ast::*;
use super::print;

pub fn pretty(node: &Node, width: usize) -> String {
    write(node, 0, width)
}

/// `node` at a level; the first line has no indentation of its own.
fn write(node: &Node, level: usize, width: usize) -> String {
    let line = print::canonical(node);
    if line.chars().count() + 2 * level <= width {
        return line;
    }
    let inner = "  ".repeat(level + 1);
    let outer = "  ".repeat(level);
    match &node.kind {
        Kind::Paren(child) => format!("(\n{inner}{}\n{outer})", write(child, level + 1, width)),
        Kind::Unary(sign, child) => {
            let sign = if *sign == Sign::Minus { '-' } else { '+' };
            format!("{sign}{}", write(child, level, width))
        }
        Kind::Subquery(subquery) => {
            format!("{}{}", write(&subquery.expression, level, width), print::subquery_tail(subquery))
        }
        Kind::Aggregate(aggregate) => {
            let arguments: Vec<&Node> = aggregate.parameter.iter().chain([&aggregate.expression]).collect();
            call(&print::aggregate_head(aggregate), &arguments, level, width)
        }
        Kind::Call(function) => {
            let arguments: Vec<&Node> = function.arguments.iter().collect();
            call(function.function.name, &arguments, level, width)
        }
        Kind::Binary(binary) => {
            let left = write(&binary.left, level, width);
            let right = write(&binary.right, level, width);
            let operator = print::operator_text(binary);
            // A short left side does not need a line of its own, and an operator stands before its right side.
            if !left.contains('\n') && left.len() <= 8 {
                format!("{left} {operator} {right}")
            } else {
                format!("{left}\n{outer}{operator} {right}")
            }
        }
        _ => line,
    }
}

fn call(head: &str, arguments: &[&Node], level: usize, width: usize) -> String {
    let inner = "  ".repeat(level + 1);
    let outer = "  ".repeat(level);
    let lines: Vec<String> =
        arguments.iter().map(|argument| format!("{inner}{}", write(argument, level + 1, width))).collect();
    format!("{head}(\n{}\n{outer})", lines.join(",\n"))
}

//! Whether one expression counts a part of what another counts: their quotient is then a ratio from 0 to 1.

use super::super::ast::*;

/// Whether `part` is never more than `whole`, both counting the same series.
pub(super) fn is_part_of(part: &Node, whole: &Node) -> bool {
    within(part, whole, 0)
}

fn within(part: &Node, whole: &Node, depth: usize) -> bool {
    let (part, whole) = (part.bare(), whole.bare());
    if depth > 32 {
        return false;
    }
    // What makes the part no larger, and the whole no smaller.
    if let Kind::Binary(binary) = &part.kind {
        return match binary.operator {
            Operator::Or if is_zero(&binary.right) => within(&binary.left, whole, depth + 1),
            Operator::Subtract => within(&binary.left, whole, depth + 1),
            operator if operator.is_comparison() && !binary.returns_bool => {
                within(&binary.left, whole, depth + 1)
            }
            _ => false,
        };
    }
    match &whole.kind {
        Kind::Call(call) if call.function.name == "clamp_min" => {
            return within(part, &call.arguments[0], depth + 1);
        }
        Kind::Binary(binary) => {
            return match binary.operator {
                Operator::Add => {
                    within(part, &binary.left, depth + 1) || within(part, &binary.right, depth + 1)
                }
                Operator::Or => within(part, &binary.left, depth + 1),
                operator if operator.is_comparison() && !binary.returns_bool => {
                    within(part, &binary.left, depth + 1)
                }
                _ => false,
            };
        }
        _ => {}
    }
    match (&part.kind, &whole.kind) {
        (Kind::Aggregate(one), Kind::Aggregate(other)) => {
            let same = one.operator == other.operator
                && one.grouping == other.grouping
                && one.without == other.without;
            matches!(one.operator, "sum" | "count")
                && same
                && within(&one.expression, &other.expression, depth + 1)
        }
        (Kind::Call(one), Kind::Call(other)) => {
            let name = one.function.name;
            matches!(name, "rate" | "increase" | "irate" | "sum_over_time" | "count_over_time")
                && name == other.function.name
                && within(&one.arguments[0], &other.arguments[0], depth + 1)
        }
        (Kind::Range(one, first), Kind::Range(other, second)) => {
            first.seconds().is_some() && first.seconds() == second.seconds() && within(one, other, depth + 1)
        }
        (Kind::Selector(one), Kind::Selector(other)) => selects_part(one, other),
        _ => false,
    }
}

fn is_zero(node: &Node) -> bool {
    match &node.bare().kind {
        Kind::Call(call) if call.function.name == "vector" => {
            matches!(call.arguments[0].bare().kind, Kind::Number(number) if number.value == 0.0)
        }
        _ => false,
    }
}

/// Whether the first selects a part of what the second does.
fn selects_part(part: &Selector, whole: &Selector) -> bool {
    let (Some(one), Some(other)) = (part.name.as_deref(), whole.name.as_deref()) else { return false };
    let counts = ["_total", "_count", "_bucket"].iter().any(|suffix| one.ends_with(suffix));
    let one_bucket = || {
        let le = |matcher: &Matcher| matcher.name == "le" && matcher.operator == MatchOperator::Equal;
        one.strip_suffix("_bucket") == other.strip_suffix("_count").filter(|_| one.ends_with("_bucket"))
            && part.matchers.iter().any(le)
    };
    let has = |wanted: &Matcher| {
        part.matchers.iter().any(|matcher| {
            (&matcher.name, matcher.operator, &matcher.value)
                == (&wanted.name, wanted.operator, &wanted.value)
        })
    };
    let plain = |modifiers: &Modifiers| modifiers.offset.is_none() && modifiers.at.is_none();
    counts
        && (one == other || one_bucket())
        && plain(&part.modifiers)
        && plain(&whole.modifiers)
        && whole.matchers.iter().all(|wanted| has(wanted) || wanted.name == "le" && wanted.value == "+Inf")
}

//! What arithmetic makes of bounds, units and constants.

use super::super::ast::*;
use super::{Base, Info, Reason, Unit};

/// Arithmetic, and comparisons with `bool`.
pub(super) fn arithmetic<'e>(out: &mut Info<'e>, binary: &'e Binary, left: &Info<'e>, right: &Info<'e>) {
    if binary.returns_bool {
        (out.unit, out.bounds, out.is_nonzero, out.nan) = (None, (0.0, 1.0), false, None);
        if let (Some(first), Some(second)) = (left.constant, right.constant) {
            let value = f64::from(u8::from(holds(binary.operator, first, second)));
            (out.constant, out.bounds, out.is_nonzero) = (Some(value), (value, value), value != 0.0);
        }
        return;
    }
    let divides = matches!(binary.operator, Operator::Divide | Operator::Modulo);
    out.nan = left.nan.clone().or_else(|| right.nan.clone());
    // An infinite number may still make a finite one, such as `1 / Inf`.
    let stays = |info: &Info<'_>| info.is_always_nan && !info.constant.is_some_and(f64::is_infinite);
    out.is_always_nan = stays(left) || stays(right) || divides && right.constant == Some(0.0);
    if divides && !right.is_nonzero {
        let text = match right.constant {
            Some(_) => "a division by 0 is infinite, or NaN",
            None => "0 / 0 is NaN while the divisor is 0",
        };
        out.nan.get_or_insert(Reason::new(binary.operator_span, text));
    }
    out.unit = unit(binary.operator, left, right);
    if let (Some(first), Some(second)) = (left.constant, right.constant)
        && let Some(value) = fold(binary.operator, first, second)
    {
        (out.constant, out.is_nonzero) = (Some(value), value != 0.0);
        out.is_always_nan = !value.is_finite();
        if value.is_finite() {
            out.nan = None;
        } else {
            out.nan.get_or_insert(Reason::new(binary.operator_span, "the result is not finite"));
        }
        out.bounds = if value.is_nan() { (f64::NEG_INFINITY, f64::INFINITY) } else { (value, value) };
        return;
    }
    out.constant = None;
    out.bounds = bounds(binary.operator, left.bounds, right.bounds);
    out.is_nonzero = out.bounds.0 > 0.0
        || out.bounds.1 < 0.0
        || binary.operator == Operator::Multiply && left.is_nonzero && right.is_nonzero;
}

/// The value of an operation with two numbers.
fn fold(operator: Operator, left: f64, right: f64) -> Option<f64> {
    Some(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Modulo => left % right,
        Operator::Power => left.powf(right),
        Operator::Atan2 => left.atan2(right),
        _ => return None,
    })
}

fn holds(operator: Operator, left: f64, right: f64) -> bool {
    match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Less => left < right,
        Operator::LessEqual => left <= right,
        Operator::Greater => left > right,
        Operator::GreaterEqual => left >= right,
        _ => false,
    }
}

/// Interval arithmetic; an end that would be NaN is open.
fn bounds(operator: Operator, left: (f64, f64), right: (f64, f64)) -> (f64, f64) {
    let open = |(low, high): (f64, f64)| {
        (if low.is_nan() { f64::NEG_INFINITY } else { low }, if high.is_nan() { f64::INFINITY } else { high })
    };
    open(match operator {
        Operator::Add => (left.0 + right.0, left.1 + right.1),
        Operator::Subtract => (left.0 - right.1, left.1 - right.0),
        Operator::Multiply => {
            // 0 × infinity comes from a bound that is never reached: 0.
            let product = |one: f64, other: f64| if one == 0.0 || other == 0.0 { 0.0 } else { one * other };
            let corners = [
                product(left.0, right.0),
                product(left.0, right.1),
                product(left.1, right.0),
                product(left.1, right.1),
            ];
            (
                corners.iter().copied().fold(f64::INFINITY, f64::min),
                corners.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            )
        }
        Operator::Divide if right.0 >= 0.0 && left.0 >= 0.0 => {
            let low = if right.1.is_infinite() { 0.0 } else { left.0 / right.1 };
            let high = if right.0 > 0.0 { left.1 / right.0 } else { f64::INFINITY };
            (low, high)
        }
        Operator::Divide if right.0 > 0.0 => (left.0 / right.0, (left.1 / right.0).max(0.0)),
        Operator::Modulo if left.0 >= 0.0 && right.0 > 0.0 => (0.0, left.1.min(right.1)),
        Operator::Power if left.0 >= 0.0 => (0.0, f64::INFINITY),
        Operator::TrimUpper | Operator::TrimLower => left,
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    })
}

fn unit(operator: Operator, left: &Info<'_>, right: &Info<'_>) -> Option<Unit> {
    let plain = |info: &Info<'_>| info.constant.filter(|_| info.unit.is_none());
    match operator {
        Operator::Add | Operator::Subtract => match (left.unit, right.unit) {
            (Some(first), Some(second)) => (first == second).then_some(first),
            (Some(unit), None) if right.constant.is_some() => Some(unit),
            (None, Some(unit)) if left.constant.is_some() => Some(unit),
            _ => None,
        },
        Operator::Multiply => match (left.unit, right.unit) {
            (Some(unit), None) => plain(right).and_then(|factor| unit.scaled(factor)),
            (None, Some(unit)) => plain(left).and_then(|factor| unit.scaled(factor)),
            (Some(unit), Some(ratio)) if ratio == Unit::level(Base::Ratio) => Some(unit),
            (Some(ratio), Some(unit)) if ratio == Unit::level(Base::Ratio) => Some(unit),
            _ => None,
        },
        Operator::Divide => match (left.unit, right.unit) {
            (Some(unit), None) => plain(right).and_then(|divisor| unit.scaled(1.0 / divisor)),
            (Some(first), Some(second)) => first.divided_by(second),
            _ => None,
        },
        Operator::Modulo | Operator::TrimUpper | Operator::TrimLower => left.unit,
        _ => None,
    }
}

/// A comparison leaves only values for which it holds.
pub(super) fn narrow<'e>(out: &mut Info<'e>, binary: &'e Binary, left: &Info<'e>, right: &Info<'e>) {
    let turned = left.value_type != ValueType::Vector;
    let limit = if turned { left.constant } else { right.constant };
    let Some(limit) = limit.filter(|limit| !limit.is_nan()) else { return };
    let operator = match (binary.operator, turned) {
        (Operator::Less, true) => Operator::Greater,
        (Operator::LessEqual, true) => Operator::GreaterEqual,
        (Operator::Greater, true) => Operator::Less,
        (Operator::GreaterEqual, true) => Operator::LessEqual,
        (operator, _) => operator,
    };
    let (low, high) = out.bounds;
    let possible = match operator {
        Operator::Greater => {
            out.bounds.0 = low.max(limit);
            out.is_nonzero |= limit >= 0.0;
            high > limit
        }
        Operator::GreaterEqual => {
            out.bounds.0 = low.max(limit);
            out.is_nonzero |= limit > 0.0;
            high >= limit
        }
        Operator::Less => {
            out.bounds.1 = high.min(limit);
            out.is_nonzero |= limit <= 0.0;
            low < limit
        }
        Operator::LessEqual => {
            out.bounds.1 = high.min(limit);
            out.is_nonzero |= limit < 0.0;
            low <= limit
        }
        Operator::Equal => {
            out.bounds = (limit, limit);
            out.is_nonzero = limit != 0.0;
            low <= limit && limit <= high
        }
        Operator::NotEqual => {
            out.is_nonzero |= limit == 0.0;
            !(low == limit && high == limit)
        }
        _ => true,
    };
    if !possible {
        let text = "the comparison never holds: no value can pass it";
        out.empty.always.get_or_insert(Reason::new(binary.operator_span, text));
    }
}

//! Operators: which series of both sides meet, and what becomes of their values.

use super::super::ast::*;
use super::{Analysis, Empty, Info, Label, Labels, Presence, Reason, Series, part, values};

impl<'e> Analysis<'e> {
    pub(super) fn binary(&mut self, index: usize, binary: &'e Binary) {
        let (left, right) = (self.operand(index, 0).clone(), self.operand(index, 1).clone());
        let is_scalar = |info: &Info<'_>| info.value_type == ValueType::Scalar;
        let out = &mut self.nodes[index];
        match binary.operator {
            Operator::Or => either(out, binary, left, right),
            Operator::And | Operator::Unless => filtered_by(out, binary, left, right),
            _ if is_scalar(&left) && is_scalar(&right) => {
                out.value_type = ValueType::Scalar;
                compute(out, binary, &left, &right);
            }
            _ => {
                out.value_type = ValueType::Vector;
                match (is_scalar(&left), is_scalar(&right)) {
                    (true, _) => take_series(out, &right),
                    (_, true) => take_series(out, &left),
                    _ => joined(out, binary, &left, &right),
                }
                compute(out, binary, &left, &right);
            }
        }
        if binary.operator == Operator::Divide {
            self.share(index, binary);
        }
    }
}

impl Analysis<'_> {
    /// A part divided by its whole, which may be multiplied first: `100 * a / b`.
    fn share(&mut self, index: usize, binary: &Binary) {
        let (left, right) = (self.bare(self.nodes[index].children[0]), self.nodes[index].children[1]);
        let mut factor = 1.0;
        let mut part = left;
        if let Kind::Binary(inner) = &self.nodes[left].node.kind
            && inner.operator == Operator::Multiply
        {
            let [first, second] = [self.nodes[left].children[0], self.nodes[left].children[1]];
            match (self.nodes[first].constant, self.nodes[second].constant) {
                (Some(value), None) => (factor, part) = (value, second),
                (None, Some(value)) => (factor, part) = (value, first),
                _ => {}
            }
        }
        let is_part = factor >= 0.0 && part::is_part_of(self.nodes[part].node, &binary.right);
        let units = self.nodes[part].unit.zip(self.nodes[right].unit);
        let out = &mut self.nodes[index];
        if is_part {
            out.bounds = (out.bounds.0.max(0.0), out.bounds.1.min(factor));
        }
        if factor != 1.0 && out.unit.is_none() {
            out.unit =
                units.and_then(|(part, whole)| part.divided_by(whole)).and_then(|unit| unit.scaled(factor));
        }
    }
}

/// Labels, series and emptiness of the one side that has series.
fn take_series<'e>(out: &mut Info<'e>, side: &Info<'e>) {
    out.labels = side.labels.clone();
    out.series = side.series.clone();
    out.is_same_series = side.is_same_series;
    out.empty = side.empty.clone();
}

/// The values of arithmetic and comparisons.
fn compute<'e>(out: &mut Info<'e>, binary: &'e Binary, left: &Info<'e>, right: &Info<'e>) {
    if !binary.operator.is_comparison() || binary.returns_bool {
        return values::arithmetic(out, binary, left, right);
    }
    let is_vector = |info: &Info<'_>| info.value_type == ValueType::Vector;
    let kept = if is_vector(left) { left } else { right };
    (out.unit, out.bounds, out.is_nonzero, out.constant) =
        (kept.unit, kept.bounds, kept.is_nonzero, kept.constant);
    let text = "nothing is left while the comparison does not hold";
    out.empty.filtered = Some(Reason::new(binary.operator_span, text));
    // NaN is unequal to everything, and nothing else.
    let infinite = kept.constant.is_some_and(f64::is_infinite);
    out.nan = kept.nan.clone().filter(|_| infinite || binary.operator == Operator::NotEqual);
    out.is_always_nan = kept.is_always_nan && out.nan.is_some();
    values::narrow(out, binary, left, right);
}

/// `and` and `unless`: the left side, where the right allows it.
fn filtered_by<'e>(out: &mut Info<'e>, binary: &'e Binary, left: Info<'e>, right: Info<'e>) {
    let is_and = binary.operator == Operator::And;
    let text = if is_and {
        "nothing is left where the right side has no match"
    } else {
        "nothing is left where the right side has a match"
    };
    let mut empty = Empty {
        always: left.empty.always,
        filtered: Some(Reason::new(binary.operator_span, text)),
        missing: left.empty.missing || is_and && right.empty.missing,
    };
    if is_and {
        empty.always =
            empty.always.or(right.empty.always).or_else(|| never_meet(binary, &left.labels, &right.labels));
    }
    *out = Info {
        node: out.node,
        parent: out.parent,
        children: std::mem::take(&mut out.children),
        empty,
        value_type: ValueType::Vector,
        ..left
    };
}

/// `or`: the left side, and what the right side has besides.
fn either<'e>(out: &mut Info<'e>, binary: &'e Binary, left: Info<'e>, right: Info<'e>) {
    out.value_type = ValueType::Vector;
    out.labels = left.labels.either(&right.labels, binary.operator_span);
    let same = meets_always(binary, &left.labels, &right.labels);
    out.series = match (left.series, right.series) {
        (Series::One, Series::One) if same => Series::One,
        (Series::One, Series::One) => {
            let text = "both sides of `or` stay where their labels differ";
            let reason = Reason::new(binary.operator_span, text);
            let sure = left.labels.complete().is_some() && right.labels.complete().is_some();
            if sure { Series::Many(reason) } else { Series::Unknown(reason) }
        }
        (Series::One, several) | (several, _) => several,
    };
    out.is_same_series = out.series == Series::One && left.is_same_series && right.is_same_series && same;
    out.unit = match (left.constant, right.constant) {
        (Some(_), None) => right.unit,
        (None, Some(_)) => left.unit,
        _ => left.unit.filter(|_| left.unit == right.unit),
    };
    out.bounds = (left.bounds.0.min(right.bounds.0), left.bounds.1.max(right.bounds.1));
    out.is_nonzero = left.is_nonzero && right.is_nonzero;
    let right_shows = left.empty.can_be() || !same;
    out.is_always_nan = left.is_always_nan && (right.is_always_nan || !right_shows);
    out.nan = left.nan.or(right.nan.filter(|_| right_shows));
    let both = left.empty.can_be() && right.empty.can_be();
    let mixed = left.empty.filtered.clone().or_else(|| right.empty.filtered.clone());
    out.empty = Empty {
        always: left.empty.always.and(right.empty.always),
        filtered: left.empty.filtered.and(right.empty.filtered),
        missing: left.empty.missing && right.empty.missing,
    };
    // One side is empty because of a condition while the metric of the other is gone.
    if both && !out.empty.missing && out.empty.filtered.is_none() {
        out.empty.filtered = mixed;
    }
}

/// Whether an element of the left side always stands in for that of the right: one of each.
fn meets_always(binary: &Binary, left: &Labels<'_>, right: &Labels<'_>) -> bool {
    let relevant = |name: &str| match &binary.matching {
        Some(matching) if matching.on => matching.labels.iter().any(|label| label == name),
        Some(matching) => !matching.labels.iter().any(|label| label == name),
        None => true,
    };
    if matches!(&binary.matching, Some(matching) if matching.on && matching.labels.is_empty()) {
        return true;
    }
    let is_on = matches!(&binary.matching, Some(matching) if matching.on);
    if !is_on && (left.others || right.others) {
        return false;
    }
    let names = left.named.iter().chain(&right.named).map(|label| label.name);
    let named =
        names.chain(binary.matching.iter().flat_map(|matching| matching.labels.iter().map(String::as_str)));
    named.filter(|name| relevant(name)).all(|name| {
        let (left, right) = (left.get(name), right.get(name));
        let fixed = |label: &Label<'_>| label.presence == Presence::Must && label.value.is_some();
        left.presence == Presence::Cannot && right.presence == Presence::Cannot
            || fixed(&left) && fixed(&right) && left.value == right.value
    })
}

/// Why no element of one side can ever meet one of the other: a label that one must and the other cannot have.
fn never_meet(binary: &Binary, left: &Labels<'_>, right: &Labels<'_>) -> Option<Reason> {
    let relevant = |name: &str| match &binary.matching {
        Some(matching) if matching.on => matching.labels.iter().any(|label| label == name),
        Some(matching) => !matching.labels.iter().any(|label| label == name),
        None => true,
    };
    let names = left.named.iter().chain(&right.named).map(|label| label.name);
    for name in names.filter(|name| relevant(name)) {
        let (left, right) = (left.get(name), right.get(name));
        let differ = match (left.presence, right.presence) {
            (Presence::Must, Presence::Cannot) | (Presence::Cannot, Presence::Must) => true,
            (Presence::Must, Presence::Must) => {
                left.value.is_some() && right.value.is_some() && left.value != right.value
            }
            _ => false,
        };
        if differ {
            let text = format!("the two sides never agree in `{name}`");
            return Some(Reason::new(binary.operator_span, text));
        }
    }
    None
}

/// Arithmetic or a comparison of two vectors: pairs of series with the same labels.
fn joined<'e>(out: &mut Info<'e>, binary: &'e Binary, left: &Info<'e>, right: &Info<'e>) {
    let group = binary.matching.as_ref().and_then(|matching| matching.group.as_ref());
    let fills = binary.matching.as_ref().is_some_and(|matching| matching.fill.iter().any(Option::is_some));
    let (many, one) = if group.is_some_and(|group| !group.left) { (right, left) } else { (left, right) };
    out.labels = many.labels.clone();
    match (&binary.matching, group) {
        (_, Some(group)) => {
            for name in &group.include {
                let presence = one.labels.get(name).presence;
                let (span, why) = (binary.operator_span, "the one side brings it");
                out.labels.set(Label { name, presence, value: None, span, why });
            }
        }
        (Some(matching), None) if matching.on => {
            let mut labels = Labels::none(matching.span, "`on` keeps only the labels it names");
            for name in &matching.labels {
                labels.set(either_known(&left.labels, &right.labels, name));
            }
            out.labels = labels;
        }
        (Some(matching), None) => {
            for name in &matching.labels {
                out.labels.remove(name, matching.span, "`ignoring` drops it");
            }
        }
        (None, None) => {
            // Both sides have the same labels, or there is no pair.
            let names: Vec<&'e str> = right.labels.named.iter().map(|label| label.name).collect();
            for name in names {
                let label = either_known(&left.labels, &right.labels, name);
                out.labels.set(label);
            }
            if !right.labels.others && out.labels.others {
                (out.labels.others, out.labels.span, out.labels.why) =
                    (false, right.labels.span, right.labels.why);
            }
        }
    }
    let varying = out.labels.others || out.labels.varying().next().is_some();
    out.series = match group {
        Some(_) => many.series.clone(),
        None if fills => match (&left.series, &right.series) {
            (Series::One, Series::One) if !varying => Series::One,
            (Series::One, Series::One) => {
                Series::Many(Reason::new(binary.operator_span, "filled series of both sides stay apart"))
            }
            (Series::One, several) | (several, _) => several.clone(),
        },
        None if !varying || left.series == Series::One || right.series == Series::One => Series::One,
        None => left.series.clone(),
    };
    out.is_same_series =
        out.series == Series::One && (left.is_same_series || right.is_same_series || !varying);
    let (first, second) = (&left.empty, &right.empty);
    out.empty = Empty {
        always: first.always.clone().or_else(|| second.always.clone()),
        filtered: first.filtered.clone().or_else(|| second.filtered.clone()),
        missing: first.missing || second.missing,
    };
    if fills {
        return;
    }
    if out.empty.always.is_none() {
        out.empty.always = never_meet(binary, &left.labels, &right.labels);
    }
    // Labels that only one side is grouped by: no pair, unless no series has them.
    if binary.matching.is_none()
        && left.labels.complete() != right.labels.complete()
        && !left.labels.others
        && !right.labels.others
    {
        let reason = Reason::new(binary.operator_span, "series of the two sides have different labels");
        out.empty.filtered.get_or_insert(reason);
    }
}

/// What is known of a label that both sides agree in: the stronger of what is known of it.
fn either_known<'e>(left: &Labels<'e>, right: &Labels<'e>, name: &'e str) -> Label<'e> {
    let own = |labels: &Labels<'e>| labels.named.iter().find(|label| label.name == name).copied();
    let (first, second) = (left.get(name), right.get(name));
    let stronger = |presence| presence != Presence::Can;
    let value = own(left).and_then(|label| label.value).or(own(right).and_then(|label| label.value));
    let known = if stronger(first.presence) { first } else { second };
    Label { name, presence: known.presence, value, span: known.span, why: known.why }
}

//! The shape of a kind: from the compact tables beside this file, or from a CustomResourceDefinition.
//!
//! A line of a table is a field: one blank for each level, its name, `!` if it is required, then its type: `l` a list of,
//! `m` a map of, and `o` an object, `s` a text, `d` a duration, `i` an integer, `n` a number, `b` a boolean, `x` an
//! integer or a text, `a` anything. Behind it stand limits (`1..3600`), the words that are allowed (`=Pods|Percent`), or
//! the part that holds the fields of an object (`@pod-template`). A name with a `*` before it is the end of many names.

use std::borrow::Cow;

use crate::manifest::Node;

#[derive(Clone, Debug)]
pub enum Shape {
    Object(Vec<Field>),
    Map(Box<Shape>),
    List(Box<Shape>),
    /// A text; empty: any, else one of these.
    Text(Vec<Cow<'static, str>>),
    /// A duration as Prometheus reads it, with its unit.
    Duration,
    Integer(i64, i64),
    Number,
    Boolean,
    IntegerOrText,
    Any,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: Cow<'static, str>,
    pub is_required: bool,
    pub shape: Shape,
}

impl Field {
    pub fn is_called(&self, key: &str) -> bool {
        match self.name.strip_prefix('*') {
            Some(end) => key.ends_with(end),
            None => self.name == key,
        }
    }
}

/// What stands in several tables alike.
const PARTS: [(&str, &str); 3] = [
    ("object-meta", include_str!("tables/parts/object-meta.txt")),
    ("pod-template", include_str!("tables/parts/pod-template.txt")),
    ("scrape-job", include_str!("tables/parts/scrape-job.txt")),
];

fn part_called(name: &str) -> &'static str {
    PARTS.iter().find(|(part, _)| *part == name).expect("tables name parts that exist").1
}

/// Reads a table.
pub fn parse(table: &'static str) -> Shape {
    let lines: Vec<&'static str> = table.lines().collect();
    let mut at = 0;
    Shape::Object(fields(&lines, &mut at, 0))
}

fn fields(lines: &[&'static str], at: &mut usize, depth: usize) -> Vec<Field> {
    let mut all = Vec::new();
    while let Some(line) = lines.get(*at) {
        let blanks = line.bytes().take_while(|byte| *byte == b' ').count();
        let body = &line[blanks..];
        if blanks != depth {
            break;
        }
        *at += 1;
        let (name, rest) = until_blank(body);
        let (kind, limits) = until_blank(rest);
        let is_required = name.ends_with('!');
        let name = Cow::Borrowed(name.trim_end_matches('!'));
        let shape = shape(kind, limits, || fields(lines, at, depth + 1));
        all.push(Field { name, is_required, shape });
    }
    all
}

/// The first word and what follows it. These are a few letters each, for which the search of the standard library costs
/// more than it finds.
fn until_blank(text: &'static str) -> (&'static str, &'static str) {
    match text.bytes().position(|byte| byte == b' ') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

fn shape(kind: &'static str, limits: &'static str, inner: impl FnOnce() -> Vec<Field>) -> Shape {
    let Some((first, rest)) = kind.split_at_checked(1) else { return Shape::Any };
    match first {
        "l" => Shape::List(Box::new(shape(rest, limits, inner))),
        "m" => Shape::Map(Box::new(shape(rest, limits, inner))),
        "o" => match limits.strip_prefix('@') {
            Some(part) => parse(part_called(part)),
            None => Shape::Object(inner()),
        },
        "s" => {
            let words = limits.strip_prefix('=').unwrap_or_default();
            Shape::Text(words.split('|').filter(|word| !word.is_empty()).map(Cow::Borrowed).collect())
        }
        "d" => Shape::Duration,
        "i" => {
            let (low, high) = limits.split_once("..").unwrap_or_default();
            Shape::Integer(low.parse().unwrap_or(i64::MIN), high.parse().unwrap_or(i64::MAX))
        }
        "n" => Shape::Number,
        "b" => Shape::Boolean,
        "x" => Shape::IntegerOrText,
        _ => Shape::Any,
    }
}

/// Deepest level of a definition that is looked at.
const MOST_DEPTH: usize = 40;

/// The shape in an `openAPIV3Schema`.
pub fn from_definition(schema: &Node) -> Shape {
    let mut shape = definition(schema, 0);
    // What every object has need not be written.
    if let Shape::Object(fields) = &mut shape {
        for name in ["apiVersion", "kind", "metadata"] {
            if !fields.iter().any(|field| field.name == name) {
                fields.push(Field { name: Cow::Borrowed(name), is_required: false, shape: Shape::Any });
            }
        }
    }
    shape
}

fn definition(schema: &Node, depth: usize) -> Shape {
    let is_true =
        |key: &str| schema.get(key).is_some_and(|node| node.as_written().as_deref() == Some("true"));
    if depth > MOST_DEPTH || is_true("x-kubernetes-embedded-resource") {
        return Shape::Any;
    }
    if is_true("x-kubernetes-int-or-string") {
        return Shape::IntegerOrText;
    }
    let number =
        |key: &str| schema.get(key).and_then(Node::as_written).and_then(|text| text.parse::<i64>().ok());
    match schema.get("type").and_then(Node::as_str) {
        Some("object") => object(schema, is_true("x-kubernetes-preserve-unknown-fields"), depth),
        Some("array") => Shape::List(Box::new(
            schema.get("items").map_or(Shape::Any, |items| definition(items, depth + 1)),
        )),
        // The pattern of the operator's durations.
        Some("string")
            if schema
                .get("pattern")
                .and_then(Node::as_str)
                .is_some_and(|pattern| pattern.contains("([0-9]+)ms")) =>
        {
            Shape::Duration
        }
        Some("string") => {
            let words = schema.get("enum").map(Node::items).unwrap_or_default();
            Shape::Text(
                words.iter().filter_map(|word| Some(Cow::Owned(word.as_str()?.to_string()))).collect(),
            )
        }
        Some("integer") => {
            Shape::Integer(number("minimum").unwrap_or(i64::MIN), number("maximum").unwrap_or(i64::MAX))
        }
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        _ => Shape::Any,
    }
}

fn object(schema: &Node, keeps_unknown: bool, depth: usize) -> Shape {
    let properties = schema.get("properties").map(Node::entries).unwrap_or_default();
    if properties.is_empty() {
        let values = schema.get("additionalProperties").filter(|node| !node.entries().is_empty());
        return values.map_or(Shape::Any, |values| Shape::Map(Box::new(definition(values, depth + 1))));
    }
    if keeps_unknown {
        return Shape::Any;
    }
    let required = schema.get("required").map(Node::items).unwrap_or_default();
    let field = |entry: &crate::manifest::Entry| Field {
        name: Cow::Owned(entry.key.clone()),
        is_required: required.iter().any(|name| name.as_str() == Some(&entry.key)),
        shape: definition(&entry.node, depth + 1),
    };
    Shape::Object(properties.iter().map(field).collect())
}

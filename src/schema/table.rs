//! The shape of a kind: from the compact tables beside this file, or from a CustomResourceDefinition.
//!
//! A line of a table is a field: one blank for each level, its name, `!` if it is required, then its type: `l` a list of,
//! `m` a map of, and `o` an object, `s` a text, `d` a duration, `i` an integer, `n` a number, `b` a boolean, `x` an
//! integer or a text, `a` anything. Behind it stand limits (`1..3600`), the words that are allowed (`=Pods|Percent`), or
//! the part that holds the fields of an object (`@pod-template`). A name with a `*` before it is the end of many names.

use crate::manifest::Node;

#[derive(Clone, Debug)]
pub enum Shape {
    Object(Vec<Field>),
    Map(Box<Shape>),
    List(Box<Shape>),
    /// A text; empty: any, else one of these.
    Text(Vec<String>),
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
    pub name: String,
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
pub fn parse(table: &str) -> Shape {
    let lines: Vec<&str> = table.lines().collect();
    let mut at = 0;
    Shape::Object(fields(&lines, &mut at, 0))
}

fn fields(lines: &[&str], at: &mut usize, depth: usize) -> Vec<Field> {
    let mut all = Vec::new();
    while let Some(line) = lines.get(*at) {
        let body = line.trim_start_matches(' ');
        if line.len() - body.len() != depth {
            break;
        }
        *at += 1;
        let mut words = body.splitn(3, ' ');
        let name = words.next().unwrap_or_default();
        let (kind, limits) = (words.next().unwrap_or("a"), words.next().unwrap_or_default());
        let is_required = name.ends_with('!');
        let name = name.trim_end_matches('!').to_string();
        let shape = shape(kind, limits, || fields(lines, at, depth + 1));
        all.push(Field { name, is_required, shape });
    }
    all
}

fn shape(kind: &str, limits: &str, inner: impl FnOnce() -> Vec<Field>) -> Shape {
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
            Shape::Text(words.split('|').filter(|word| !word.is_empty()).map(str::to_string).collect())
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
                fields.push(Field { name: name.to_string(), is_required: false, shape: Shape::Any });
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
            Shape::Text(words.iter().filter_map(|word| word.as_str().map(str::to_string)).collect())
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
        name: entry.key.clone(),
        is_required: required.iter().any(|name| name.as_str() == Some(&entry.key)),
        shape: definition(&entry.node, depth + 1),
    };
    Shape::Object(properties.iter().map(field).collect())
}

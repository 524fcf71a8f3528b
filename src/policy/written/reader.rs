//! TOML in, written values with places out, and every problem of shape in one run.
//!
//! A serde format of its own: a value that does not fit is told and left out where it stands in a
//! [`Field`](super::field::Field), and the reading goes on. The key lists, types and choices are those of the
//! types in the neighbouring file, which also make the JSON Schema: they are written once.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::{StringDeserializer, U32Deserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::field::{FIELD, KEY, MANY};
use crate::finding::{Finding, Rule, nearest};
use crate::policy::rules;
use crate::source::{FileId, Place, Span};

/// What a read collects besides the value.
pub struct Context {
    file: FileId,
    findings: RefCell<Vec<Finding>>,
}

/// Reads a whole document into `T`, which must be able to stand for an empty table.
pub fn read<'de, T: de::Deserialize<'de> + Default>(file: FileId, text: &'de str) -> (T, Vec<Finding>) {
    let context = Context { file, findings: RefCell::default() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        context.syntax(error, text.len());
    }
    if !errors.is_empty() {
        // What a broken line was meant to be is a guess, and findings on guesses would be noise.
        return (T::default(), context.findings.into_inner());
    }
    let span = Span::at(0);
    let root = Table { context: &context, table: table.into_inner(), span, skip: None };
    let value = T::deserialize(root).unwrap_or_else(|problem| {
        context.tell(problem, span);
        T::default()
    });
    (value, context.findings.into_inner())
}

impl Context {
    fn place(&self, span: Span) -> Place {
        Place::new(self.file, span)
    }

    fn push(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    fn tell(&self, problem: Problem, fallback: Span) {
        let place = self.place(problem.span.unwrap_or(fallback));
        let mut finding = Finding::new(problem.rule, place, problem.message);
        finding.help = problem.help;
        self.push(finding);
    }

    fn syntax(&self, error: &toml::de::Error, length: usize) {
        let range = error.span().unwrap_or(length..length);
        let span = Span::new(range.start.min(length), range.end.min(length));
        let message = format!("this is not TOML: {}", error.message().replace('\n', ", "));
        self.push(
            Finding::new(&rules::SYNTAX, self.place(span), message)
                .why("nothing can be read from a file with a syntax error"),
        );
    }

    fn unknown_key(&self, key: &str, span: Span, known: &[&str]) {
        let finding =
            Finding::new(&rules::UNKNOWN_KEY, self.place(span), format!("there is no key `{key}` here"))
                .why("a misspelt key would otherwise do nothing, and nobody would notice");
        self.push(match nearest(key, known.iter().copied()) {
            Some(word) => finding
                .label(format!("did you mean `{word}`?"))
                .help(format!("write `{word}`; all keys here: {}", list(known)))
                .replace(false, format!("write `{word}`"), self.place(span), word),
            None => finding.label("not known here").help(format!("the keys here are {}", list(known))),
        });
    }
}

fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// One value that does not fit, on its way to the nearest place that can do without it.
#[derive(Debug)]
pub struct Problem {
    rule: &'static Rule,
    message: String,
    help: Option<String>,
    span: Option<Span>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    fn new(rule: &'static Rule, message: String) -> Self {
        Problem { rule, message, help: None, span: None }
    }
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Problem::new(&rules::WRONG_TYPE, message.to_string())
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => format!("the text \"{text}\""),
            Unexpected::Signed(number) => format!("the number {number}"),
            Unexpected::Float(number) => format!("the number {number}"),
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Seq => "a list".to_string(),
            Unexpected::Map => "a table".to_string(),
            other => other.to_string(),
        };
        Problem::new(&rules::WRONG_TYPE, format!("{} belongs here, not {found}", plain(expected)))
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        Problem::new(&rules::OUT_OF_RANGE, format!("{} belongs here, not {found}", plain(expected)))
    }
}

/// What was expected, in the words of a TOML file instead of Rust's.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" => "a text in quotes".to_string(),
        "a boolean" => "`true` or `false`".to_string(),
        "u8" => "a whole number from 0 to 255".to_string(),
        "u16" => "a whole number from 0 to 65535".to_string(),
        "u32" | "u64" | "usize" => "a whole number, 0 or more".to_string(),
        "i32" | "i64" => "a whole number".to_string(),
        "f32" | "f64" => "a number".to_string(),
        _ if text.starts_with("struct ") || text == "a map" => "a table".to_string(),
        _ if text == "a sequence" => "a list".to_string(),
        _ => text,
    }
}

fn span_of<T>(spanned: &Spanned<T>) -> Span {
    Span::from(spanned.span())
}

/// One table, and how to walk it in the order of the file.
struct Table<'c, 'de> {
    context: &'c Context,
    table: DeTable<'de>,
    span: Span,
    /// A key that was already understood (the `type` of a tagged table).
    skip: Option<&'static str>,
}

type Entries<'de> = std::vec::IntoIter<(Spanned<DeString<'de>>, Spanned<DeValue<'de>>)>;

impl<'de> Table<'_, 'de> {
    fn entries(table: DeTable<'de>, skip: Option<&str>) -> Entries<'de> {
        let mut entries: Vec<_> =
            table.into_iter().filter(|(key, _)| Some(key.get_ref().as_ref()) != skip).collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries.into_iter()
    }
}

impl<'c, 'de> Deserializer<'de> for Table<'c, 'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(Walk {
            context: self.context,
            entries: Self::entries(self.table, self.skip),
            known: None,
            next: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_map(Walk {
            context: self.context,
            entries: Self::entries(self.table, self.skip),
            known: Some(fields),
            next: None,
        })
    }

    /// A tagged table: the key `type` chooses, the others are the content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let Some(tag) = self.table.get("type") else {
            let mut problem = Problem::new(&rules::MISSING_KEY, "the key `type` is missing".into());
            problem.help = Some(format!("write `type = …`, one of {}", list(variants)));
            problem.span = Some(self.span);
            return Err(problem);
        };
        let span = span_of(tag);
        let DeValue::String(written) = tag.get_ref() else {
            let mut problem = Problem::new(&rules::WRONG_TYPE, "a text in quotes belongs here".into());
            problem.help = Some(format!("one of {}", list(variants)));
            problem.span = Some(span);
            return Err(problem);
        };
        let variant = choice(written, variants, span)?;
        visitor.visit_enum(Tagged { variant, content: Table { skip: Some("type"), ..self } })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The variant that a text names, or a finding with the nearest one.
fn choice(written: &str, variants: &'static [&'static str], span: Span) -> Result<&'static str, Problem> {
    variants.iter().find(|variant| **variant == written).copied().ok_or_else(|| {
        let mut problem =
            Problem::new(&rules::UNKNOWN_CHOICE, format!("`{written}` is not one of the choices here"));
        problem.help = Some(match nearest(written, variants.iter().copied()) {
            Some(word) => format!("did you mean `{word}`? The choices are {}", list(variants)),
            None => format!("the choices are {}", list(variants)),
        });
        problem.span = Some(span);
        problem
    })
}

struct Tagged<'c, 'de> {
    variant: &'static str,
    content: Table<'c, 'de>,
}

impl<'c, 'de> EnumAccess<'de> for Tagged<'c, 'de> {
    type Error = Problem;
    type Variant = Self;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Problem> {
        let name: de::value::StrDeserializer<Problem> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Tagged<'_, 'de> {
    type Error = Problem;
    fn unit_variant(self) -> Result<(), Problem> {
        Ok(())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Problem> {
        seed.deserialize(self.content)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Problem> {
        Err(Problem::custom("a table belongs here"))
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.content.deserialize_struct("", fields, visitor)
    }
}

struct Walk<'c, 'de> {
    context: &'c Context,
    entries: Entries<'de>,
    known: Option<&'static [&'static str]>,
    next: Option<Spanned<DeValue<'de>>>,
}

impl<'de> MapAccess<'de> for Walk<'_, 'de> {
    type Error = Problem;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        for (key, value) in self.entries.by_ref() {
            let span = span_of(&key);
            let text = key.into_inner();
            if let Some(known) = self.known
                && !known.contains(&text.as_ref())
            {
                self.context.unknown_key(&text, span, known);
                continue;
            }
            self.next = Some(value);
            let key = KeyReader { context: self.context, text: text.into_owned(), span };
            return seed.deserialize(key).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let value = self.next.take().expect("a value is asked for after its key");
        seed.deserialize(Value { context: self.context, value })
    }
}

struct KeyReader<'c> {
    context: &'c Context,
    text: String,
    span: Span,
}

impl<'de> Deserializer<'de> for KeyReader<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_string(self.text)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if name != KEY {
            return self.deserialize_any(visitor);
        }
        let place = self.context.place(self.span);
        let text: StringDeserializer<Problem> = self.text.into_deserializer();
        visitor.visit_seq(WithPlace { place, given: 0, last: Some(text), context: self.context })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A place as three numbers, then the value; a value that cannot be read is told and left out.
struct WithPlace<'c, D> {
    context: &'c Context,
    place: Place,
    given: u8,
    last: Option<D>,
}

impl<'de, D: Deserializer<'de, Error = Problem>> SeqAccess<'de> for WithPlace<'_, D> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Place { file, span } = self.place;
        let number = match self.given {
            0 => file.0,
            1 => span.start,
            2 => span.end,
            _ => {
                let Some(last) = self.last.take() else {
                    return Ok(None);
                };
                return Ok(match seed.deserialize(last) {
                    Ok(value) => Some(value),
                    Err(problem) => {
                        self.context.tell(problem, span);
                        None
                    }
                });
            }
        };
        self.given += 1;
        let number: U32Deserializer<Problem> = number.into_deserializer();
        seed.deserialize(number).map(Some)
    }
}

struct Value<'c, 'de> {
    context: &'c Context,
    value: Spanned<DeValue<'de>>,
}

impl<'c, 'de> Value<'c, 'de> {
    fn table(self) -> Result<Table<'c, 'de>, Value<'c, 'de>> {
        let span = span_of(&self.value);
        match self.value.get_ref() {
            DeValue::Table(_) => match self.value.into_inner() {
                DeValue::Table(table) => Ok(Table { context: self.context, table, span, skip: None }),
                _ => unreachable!("it was a table a line above"),
            },
            _ => Err(self),
        }
    }
}

impl<'c, 'de> Deserializer<'de> for Value<'c, 'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value.into_inner() {
            DeValue::String(text) => visitor.visit_string(text.into_owned()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(Problem::new(
                    &rules::OUT_OF_RANGE,
                    format!("{number} is too large for a whole number"),
                )),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => visitor.visit_f64(number),
                _ => Err(Problem::new(
                    &rules::OUT_OF_RANGE,
                    format!("{number} is not a number that can be used here"),
                )),
            },
            DeValue::Boolean(value) => visitor.visit_bool(value),
            DeValue::Datetime(moment) => visitor.visit_string(moment.to_string()),
            DeValue::Array(elements) => {
                visitor.visit_seq(Elements { context: self.context, elements: elements.into_iter() })
            }
            DeValue::Table(table) => visitor.visit_map(Walk {
                context: self.context,
                entries: Table::entries(table, None),
                known: None,
                next: None,
            }),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let span = span_of(&self.value);
        match name {
            FIELD => visitor.visit_seq(WithPlace {
                context: self.context,
                place: self.context.place(span),
                given: 0,
                last: Some(self),
            }),
            MANY if !matches!(self.value.get_ref(), DeValue::Array(_)) => {
                visitor.visit_seq(Elements { context: self.context, elements: std::iter::once(self.value) })
            }
            MANY => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.table() {
            Ok(table) => table.deserialize_struct(name, fields, visitor),
            Err(value) => value.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let span = span_of(&self.value);
        match self.table() {
            Ok(table) => table.deserialize_enum(name, variants, visitor),
            Err(value) => match value.value.into_inner() {
                DeValue::String(written) => {
                    let variant = choice(&written, variants, span)?;
                    visitor.visit_enum(variant.into_deserializer())
                }
                _ => {
                    let words = format!("one of {} belongs here", list(variants));
                    Err(Problem::new(&rules::WRONG_TYPE, words))
                }
            },
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'c, I> {
    context: &'c Context,
    elements: I,
}

impl<'de, I: Iterator<Item = Spanned<DeValue<'de>>>> SeqAccess<'de> for Elements<'_, I> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        self.elements.next().map(|value| seed.deserialize(Value { context: self.context, value })).transpose()
    }
}

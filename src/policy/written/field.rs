//! A key of the policy as it was written: absent, unreadable, or a value with its place.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::source::{FileId, Place, Placed, Span};

/// The names under which the reader knows that a place is wanted along with the value.
pub(super) const FIELD: &str = "$slogen::Field";
pub(super) const KEY: &str = "$slogen::Key";
pub(super) const MANY: &str = "$slogen::Many";

/// What stands behind one key. An unreadable value has been told already and is simply left out from then on, so
/// that it does not hide what else is wrong.
#[derive(Clone, Debug, Default)]
pub enum Field<T> {
    #[default]
    Missing,
    Broken(Place),
    Present(Placed<T>),
}

impl<T> Field<T> {
    pub fn get(&self) -> Option<&Placed<T>> {
        match self {
            Field::Present(placed) => Some(placed),
            Field::Missing | Field::Broken(_) => None,
        }
    }

    pub fn value(&self) -> Option<&T> {
        self.get().map(|placed| &placed.value)
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Field::Missing)
    }

    pub fn place(&self) -> Option<Place> {
        match self {
            Field::Missing => None,
            Field::Broken(place) => Some(*place),
            Field::Present(placed) => Some(placed.place),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
            type Value = Field<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a value with its place")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let place = next_place(&mut parts)?;
                Ok(match parts.next_element::<T>()? {
                    Some(value) => Field::Present(Placed::new(value, place)),
                    None => Field::Broken(place),
                })
            }
        }
        deserializer.deserialize_newtype_struct(FIELD, FieldVisitor(PhantomData))
    }
}

fn next_place<'de, A: SeqAccess<'de>>(parts: &mut A) -> Result<Place, A::Error> {
    let mut number = || {
        let part = parts.next_element::<u32>()?;
        Ok::<u32, A::Error>(part.unwrap_or_default())
    };
    let (file, start, end) = (number()?, number()?, number()?);
    Ok(Place::new(FileId(file), Span { start, end }))
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A table whose keys the user chose, in the order of the file.
#[derive(Clone, Debug)]
pub struct Named<T>(pub Vec<(Placed<String>, Field<T>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named(Vec::new())
    }
}

struct Key(Placed<String>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a key")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let place = next_place(&mut parts)?;
                let text = parts.next_element::<String>()?.unwrap_or_default();
                Ok(Key(Placed::new(text, place)))
            }
        }
        deserializer.deserialize_newtype_struct(KEY, KeyVisitor)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for NamedVisitor<T> {
            type Value = Named<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a table")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(name), value)) = map.next_entry::<Key, Field<T>>()? {
                    entries.push((name, value));
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(NamedVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        std::collections::BTreeMap::<String, T>::json_schema(generator)
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub struct Many<T>(pub Vec<Field<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ManyVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
            type Value = Many<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a value or a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(part) = parts.next_element::<Field<T>>()? {
                    all.push(part);
                }
                Ok(Many(all))
            }
        }
        deserializer.deserialize_newtype_struct(MANY, ManyVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Many{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one }] })
    }
}

/// A number or a text with a unit, not yet understood: what it means depends on the signal it stands in.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    Text(String),
    Number(String),
}

impl Quantity {
    pub fn written(&self) -> &str {
        match self {
            Quantity::Text(text) | Quantity::Number(text) => text,
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct QuantityVisitor;
        impl Visitor<'_> for QuantityVisitor {
            type Value = Quantity;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a quantity, such as \"500ms\" or 20")
            }
            fn visit_str<E>(self, text: &str) -> Result<Quantity, E> {
                Ok(Quantity::Text(text.to_string()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Quantity, E> {
                Ok(Quantity::Number(number.to_string()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity::Number(number.to_string()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Quantity, E> {
                Ok(Quantity::Number(number.to_string()))
            }
        }
        deserializer.deserialize_any(QuantityVisitor)
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "number"] })
    }
}

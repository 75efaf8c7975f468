use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A value, or a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub fn as_slice(&self) -> &[T] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// By hand, since what is tried in turn is copied first, and most of a suite stands under an `expect`. No `T` is itself a
/// list.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrNot(PhantomData))
    }
}

struct ListOrNot<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListOrNot<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMany::Many)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(OneOrMany::One)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(text.into_deserializer()).map(OneOrMany::One)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        T::deserialize(text.into_deserializer()).map(OneOrMany::One)
    }
}

/// Status codes that are meant: `401`, `2xx`, or a list of such.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StatusSet {
    /// One status code, 100 to 599.
    Code(u16),
    /// A class such as `4xx`, or a reference such as `${param.refusal}`.
    Text(String),
    List(Vec<StatusSet>),
}

/// A value that must be equal, or rules that it must obey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ValueMatch {
    Rules(Box<ValueRules>),
    Equals(Value),
}

/// Rules for one selected value. All that are given must hold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueRules {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// Equal without regard to ASCII case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals_ignoring_case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Value>,
    /// A list of allowed values, or a reference to one: `${list.NAME}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none_of: Option<Value>,
    /// For a list: every one of these is in it. For a text: every one is a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<Value>,
    /// The same for at least one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains_any: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excludes: Option<Value>,
    /// For a list: nothing but these is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Value>,
    /// A regular expression (RE2 syntax) found in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Value>,
    /// By so much a number may pass the bound of `at_least` or `at_most`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<f64>,
    /// JSON type: `string`, `integer`, `number`, `boolean`, `object`, `array`, `null`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub json_type: Option<String>,
    /// `false`: the path selects nothing (or only `null`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// Characters of a text, or members of a list or object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_at_least: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_at_most: Option<usize>,
    /// No two of the values that the path selects are equal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distinct: bool,
}

/// Rules for text as it was on the wire.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextRules {
    /// Every one of these occurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<OneOrMany<String>>,
    /// None of these occurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excludes: Option<OneOrMany<String>>,
    /// Every regular expression (RE2 syntax) is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<OneOrMany<String>>,
    /// No regular expression of these is found; `${list.NAME}` names a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_none: Option<OneOrMany<String>>,
}

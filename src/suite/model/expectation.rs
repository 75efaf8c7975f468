use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::matching::{OneOrMany, StatusSet, TextRules, ValueMatch};
use crate::judge::fields::Field;

/// A named answer of the contract (`accepted`, `unauthenticated`…), or conditions.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Expectation {
    Answer(String),
    Conditions(Box<Conditions>),
}

/// By hand, as [`OneOrMany`] is.
impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrConditions)
    }
}

struct NameOrConditions;

impl<'de> Visitor<'de> for NameOrConditions {
    type Value = Expectation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an answer, or conditions")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Expectation, A::Error> {
        Box::deserialize(MapAccessDeserializer::new(members)).map(Expectation::Conditions)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Expectation, E> {
        Ok(Expectation::Answer(name.to_owned()))
    }

    fn visit_string<E: Error>(self, name: String) -> Result<Expectation, E> {
        Ok(Expectation::Answer(name))
    }
}

/// Conditions on one exchange; all that are given must hold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Only judged where this holds; where it does not, the expectation says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Box<Conditions>>,
    /// A named answer of the contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusSet>,
    /// By field name, without regard to case. A name that is a reference to a list (`${list.NAME}`) stands for each
    /// member, one to an object for each of its keys.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub header: IndexMap<String, HeaderExpectation>,
    /// The same for field lines behind the body (RFC 9110 §6.5).
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub trailer: IndexMap<String, HeaderExpectation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<BodyExpectation>>,
    /// Over status line, field lines and body together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anywhere: Option<TextRules>,
    /// There is no HTTP answer, and the connection ended in one of these ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<OneOrMany<ConnectionEnd>>,
    /// What a `probe` step saw, or the tally of a step that sends many requests: JSONPath (RFC 9535) to rules.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub seen: IndexMap<String, ValueMatch>,
    /// What our listener noticed of this attempt until the answer had come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<Noticed>,
    /// How often the key set of the issuer that we play was asked for in this attempt until the answer had come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_fetches: Option<ValueMatch>,
    /// Seconds from when the request of an earlier step, by its `save` name, was sent until this answer was complete; of a
    /// step that sends many, the request whose answer stands for all. As a `control` it tells apart what came too late to
    /// say anything of a promise that ends.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub seconds_since: IndexMap<String, ValueMatch>,
    /// Interim (1xx) status codes that did not come before the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_interim: Vec<u16>,
    /// Equal to the exchange of an earlier step, by its `save` name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<SameAs>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Expectation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Expectation>>,
    /// What it means when this does not hold, for the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Whether anybody called at the address that this attempt put into its requests (`${listener}`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Noticed {
    Untouched,
    Called,
}

/// How a connection ended that brought no HTTP answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionEnd {
    /// TCP connect was refused.
    Refused,
    /// Broken off (RST) before an answer.
    Reset,
    /// Closed in good order before an answer.
    Closed,
    /// Silence. Cannot be told from a lost route.
    Timeout,
    /// No TCP connection in three tries alike, while the https port of the host takes them. Only of the plain address.
    Filtered,
    /// TLS failed.
    Tls,
    /// Something that is no HTTP answer came back.
    Malformed,
}

impl ConnectionEnd {
    pub fn word(self) -> &'static str {
        match self {
            ConnectionEnd::Refused => "refused",
            ConnectionEnd::Reset => "reset",
            ConnectionEnd::Closed => "closed",
            ConnectionEnd::Timeout => "timeout",
            ConnectionEnd::Filtered => "filtered",
            ConnectionEnd::Tls => "tls",
            ConnectionEnd::Malformed => "malformed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HeaderExpectation {
    Rule(HeaderRule),
    Conditions(Box<HeaderConditions>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeaderRule {
    Present,
    Absent,
}

/// Conditions on the field lines of one name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderConditions {
    /// Absence is accepted; the other conditions are for when the field is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// The value, white space at its ends aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals_ignoring_case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_of: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_none: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excludes: Option<OneOrMany<String>>,
    /// Sent in one line, or in several lines of the same value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_value: bool,
    /// It says at least what this value says, read as the field it is: the case of tokens, the order of directives and
    /// spaces do not count; a longer `max-age` of Strict-Transport-Security and further directives of a
    /// Content-Security-Policy are accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
    /// Parsed as this kind of field; a value that does not parse breaks the expectation.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub parsed_as: Option<Field>,
    /// JSONPath (RFC 9535) over the parsed value, to rules.
    #[serde(rename = "where", default, skip_serializing_if = "IndexMap::is_empty")]
    pub wherever: IndexMap<String, ValueMatch>,
}

/// Conditions on the body.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyExpectation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty: Option<bool>,
    /// Parses as JSON, or does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<bool>,
    /// A JSON Schema, or a reference to one such as `${param.error_schema}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// JSONPath (RFC 9535) over the JSON body, to rules.
    #[serde(rename = "where", default, skip_serializing_if = "IndexMap::is_empty")]
    pub wherever: IndexMap<String, ValueMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excludes: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_none: Option<OneOrMany<String>>,
    /// How often each text occurs, one after the other.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub counts: IndexMap<String, ValueMatch>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SameAs {
    Step(String),
    Rule(Box<SameAsRule>),
}

/// Equality with an earlier exchange. Status, fields and body unless `only` says less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SameAsRule {
    pub step: String,
    /// `status`, `header-names`, `headers`, `body`, `body-shape` (JSON member names and types), `body-members` (every
    /// member that the earlier JSON object has is here too, with a value of the same type).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<SamePart>,
    /// Field names, or references to them, that may differ. `Date` always may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_headers: Vec<String>,
    /// JSONPaths whose values may differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_body: Vec<String>,
    /// JSONPaths; of the bodies only what they select is compared. What both lack is equal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    /// It must differ instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub differs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SamePart {
    Status,
    HeaderNames,
    Headers,
    Body,
    BodyShape,
    BodyMembers,
}

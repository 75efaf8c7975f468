//! Request bodies: JSON and nothing else, read strictly (RFC 8259 §4, §8.1, §9; RFC 9110 §8.4, §15.5.16).

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Edge;
use super::errors::Error;
use super::limits;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::Request;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "malformed-json-crashes",
        "Answers 500 to a body that is no JSON.",
        "RFC 9110 §15.6",
    ),
    flaw(
        "wrong-type-crashes",
        "Answers 500 to a member of the wrong type.",
        "RFC 9110 §15.6",
    ),
    flaw(
        "deep-json-crashes",
        "Answers 500 to a document nested more than 64 deep.",
        "RFC 8259 §9",
    ),
    flaw(
        "bad-utf8-crashes",
        "Answers 500 to a body that is not UTF-8.",
        "RFC 8259 §8.1",
    ),
    flaw(
        "malformed-json-answered-as-schema-fault",
        "Answers a body that is no JSON like one that breaks the schema, with 422.",
        "RFC 9110 §15.5.1",
    ),
    flaw(
        "schema-fault-status-swapped",
        "Answers a body that breaks the schema with the other one of 400 and 422.",
        "RFC 9110 §15.5.21",
    ),
    flaw(
        "media-type-unchecked",
        "Reads any body as JSON, whatever its Content-Type says.",
        "RFC 9110 §15.5.16",
    ),
    flaw(
        "form-body-read",
        "Reads form bodies as well, though the contract knows JSON alone.",
        "RFC 9110 §15.5.16",
    ),
    flaw(
        "content-coding-crashes",
        "Answers 500 to a Content-Encoding that it does not know.",
        "RFC 9110 §8.4",
    ),
    flaw(
        "required-member-unchecked",
        "Takes a body without its required members.",
        "contract",
    ),
    flaw(
        "range-unchecked",
        "Takes numbers and texts beyond their bounds.",
        "contract",
    ),
    flaw(
        "hidden-schema-told",
        "Lists every member of the schema when one is wrong.",
        "CWE-209",
    ),
];

/// Nesting that is read.
const DEPTH: usize = 64;

/// What a member may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Characters, at least and at most.
    Text(usize, usize),
    Integer(i64, i64),
    Boolean,
    OneOf(&'static [&'static str]),
    /// Up to so many objects; their members are the handler's business.
    Objects(usize),
}

#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
}

pub const fn required(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        required: true,
    }
}

pub const fn optional(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        required: false,
    }
}

/// A body that was read and judged.
#[derive(Default)]
pub struct Members {
    /// Those that the schema knows.
    pub known: Map<String, Value>,
    /// Those that it does not, for deployments flawed enough to want them.
    pub unknown: Map<String, Value>,
}

/// Reads and judges the body: 413, 415, 400 for what is no JSON, the schema status for what is not as it should be.
pub fn read(edge: &Edge, request: &Request, schema: &[Member]) -> Result<Members, Error> {
    let octets = limits::body(request, &edge.flaws)?;
    check_media_type(edge, request)?;
    let document = parse(edge, request, octets)?;
    let Value::Object(mut known) = document else {
        return Err(fault(edge, schema, "The body must be an object."));
    };
    let mut unknown = Map::new();
    let names: Vec<String> = known.keys().cloned().collect();
    for name in names {
        if !schema.iter().any(|member| member.name == name)
            && let Some(value) = known.remove(&name)
        {
            unknown.insert(name, value);
        }
    }
    for member in schema {
        match known.get(member.name) {
            None if member.required && !edge.flaws.has("required-member-unchecked") => {
                let text = format!("{} is missing.", member.name);
                return Err(fault(edge, schema, &text));
            }
            None => {}
            Some(value) => check(edge, schema, member, value)?,
        }
    }
    Ok(Members { known, unknown })
}

fn check(edge: &Edge, schema: &[Member], member: &Member, value: &Value) -> Result<(), Error> {
    let has_type = match member.kind {
        Kind::Text(..) | Kind::OneOf(_) => value.is_string(),
        Kind::Integer(..) => value.is_i64(),
        Kind::Boolean => value.is_boolean(),
        Kind::Objects(_) => value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_object)),
    };
    if !has_type {
        if edge.flaws.has("wrong-type-crashes") {
            return Err(Error::internal());
        }
        let text = format!("{} has the wrong type.", member.name);
        return Err(fault(edge, schema, &text));
    }
    let is_within = match (member.kind, value) {
        (Kind::Text(least, most), Value::String(text)) => {
            (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        }
        (Kind::OneOf(names), Value::String(text)) => names.contains(&text.as_str()),
        (Kind::Integer(least, most), Value::Number(number)) => number
            .as_i64()
            .is_some_and(|number| (least..=most).contains(&number)),
        (Kind::Objects(most), Value::Array(items)) => items.len() <= most,
        _ => true,
    };
    let is_enum = matches!(member.kind, Kind::OneOf(_));
    if is_within || (!is_enum && edge.flaws.has("range-unchecked")) {
        return Ok(());
    }
    let text = format!("{} is out of bounds.", member.name);
    Err(fault(edge, schema, &text))
}

/// The refusal of a well-formed body that breaks the schema.
fn fault(edge: &Edge, schema: &[Member], message: &str) -> Error {
    let mut message = message.to_owned();
    if edge.flaws.has("hidden-schema-told") {
        let names: Vec<&str> = schema.iter().map(|member| member.name).collect();
        message = format!(
            "{message} Allowed: {}, role, internalNote.",
            names.join(", ")
        );
    }
    let status = if edge.flaws.has("schema-fault-status-swapped") {
        822 - edge.schema_status
    } else {
        edge.schema_status
    };
    Error::new(status, "VALIDATION_FAILED", message)
}

/// The refusal of a value that is well-typed but makes no sense.
pub fn invalid(edge: &Edge, message: &str) -> Error {
    fault(edge, &[], message)
}

fn check_media_type(edge: &Edge, request: &Request) -> Result<(), Error> {
    let fields = &request.fields;
    if let Some(coding) = fields.get("content-encoding")
        && !coding.eq_ignore_ascii_case("identity")
    {
        if edge.flaws.has("content-coding-crashes") {
            return Err(Error::internal());
        }
        return Err(unsupported("This content coding is not supported.")
            .field("Accept-Encoding", "identity"));
    }
    if edge.flaws.has("media-type-unchecked") {
        return Ok(());
    }
    let Some(media_type) = fields.get("content-type") else {
        return Err(unsupported("Content-Type is missing."));
    };
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_json = essence.eq_ignore_ascii_case("application/json");
    let is_form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if (is_json && is_utf8)
        || (is_form && edge.flaws.has("form-body-read"))
        || is_taken_by_cookie(request, &edge.flaws)
    {
        return Ok(());
    }
    Err(unsupported("Only application/json in UTF-8 is supported."))
}

fn is_form(request: &Request) -> bool {
    request
        .fields
        .get("content-type")
        .is_some_and(|media_type| media_type.starts_with("application/x-www-form-urlencoded"))
}

/// Bodies that a flawed deployment reads beside JSON where a browser's cookie comes with them.
pub fn is_taken_by_cookie(request: &Request, flaws: &FlawSet) -> bool {
    if !request.fields.has("cookie") || request.fields.has("authorization") {
        return false;
    }
    let media_type = request.fields.get("content-type").unwrap_or_default();
    (is_form(request) && flaws.has_if_declared("forms-taken-by-cookie"))
        || (media_type.contains("json")
            && !media_type.starts_with("application/json")
            && flaws.has_if_declared("json-named-anywhere"))
}

fn unsupported(message: &str) -> Error {
    Error::new(415, "UNSUPPORTED_MEDIA_TYPE", message)
}

fn parse(edge: &Edge, request: &Request, octets: &[u8]) -> Result<Value, Error> {
    let flaws = &edge.flaws;
    if is_form(request) && (flaws.has("form-body-read") || is_taken_by_cookie(request, flaws)) {
        return Ok(form(octets));
    }
    if std::str::from_utf8(octets).is_err() && flaws.has("bad-utf8-crashes") {
        return Err(Error::internal());
    }
    strict(octets).map_err(|error| match error {
        Unreadable::TooDeep if flaws.has("deep-json-crashes") => Error::internal(),
        Unreadable::Syntax if flaws.has("malformed-json-crashes") => Error::internal(),
        Unreadable::Syntax if flaws.has("malformed-json-answered-as-schema-fault") => {
            Error::new(422, "VALIDATION_FAILED", "The body is not valid.")
        }
        Unreadable::TooDeep => Error::malformed("The body is nested too deeply."),
        Unreadable::Syntax => Error::malformed("The body is not valid JSON."),
    })
}

/// Numbers become numbers, as lenient frameworks have it.
fn form(octets: &[u8]) -> Value {
    let members = url::form_urlencoded::parse(octets)
        .map(|(name, text)| {
            let value = match text.parse::<i64>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(text.as_ref()),
            };
            (name.into_owned(), value)
        })
        .collect();
    Value::Object(members)
}

/// Why a document cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    Syntax,
    TooDeep,
}

const TOO_DEEP: &str = "nested too deeply";

/// One JSON document in UTF-8 without a BOM: no repeated names, at most 64 levels, nothing behind it.
pub fn strict(octets: &[u8]) -> Result<Value, Unreadable> {
    let mut reader = serde_json::Deserializer::from_slice(octets);
    let value = Strict(DEPTH).deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        if error.to_string().starts_with(TOO_DEEP) {
            Unreadable::TooDeep
        } else {
            Unreadable::Syntax
        }
    })
}

/// Levels that are left.
struct Strict(usize);

impl Strict {
    fn deeper<E: de::Error>(&self) -> Result<Strict, E> {
        match self.0.checked_sub(1) {
            Some(levels) => Ok(Strict(levels)),
            None => Err(E::custom(TOO_DEEP)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            kept.push(item);
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper()?)?;
            if kept.insert(name, value).is_some() {
                return Err(de::Error::custom("repeated name"));
            }
        }
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_parsers_would_read_differently_is_refused() {
        assert!(strict(br#"{"a":[1,2.5,"x",null,true]}"#).is_ok());
        for document in [
            &b"{\"a\":1,\"a\":2}"[..],
            b"{} {}",
            b"[1,]",
            b"\xef\xbb\xbf{}",
            b"{\"a\":NaN}",
            b"[1e999]",
            b"// x\n{}",
            b"[\"\\ud800\"]",
            b"[\"\xff\"]",
            b"",
        ] {
            assert_eq!(strict(document), Err(Unreadable::Syntax), "{document:?}");
        }
    }

    #[test]
    fn depth_has_a_bound() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(strict(nested(DEPTH).as_bytes()).is_ok());
        assert_eq!(
            strict(nested(DEPTH + 2).as_bytes()),
            Err(Unreadable::TooDeep)
        );
        assert!(strict(nested(10_000).as_bytes()).is_err());
    }
}

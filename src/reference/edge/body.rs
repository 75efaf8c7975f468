//! Request bodies: JSON and nothing else, read strictly (RFC 8259 §4, §8.1, §9; RFC 9110 §8.4, §15.5.16).

use std::borrow::Cow;
use std::io::Read;

use serde_json::{Map, Value};

use super::Edge;
use super::errors::Error;
use super::json::{self, Repeated, Unreadable};
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
        "first-of-repeated-names-judged",
        "Judges the first of two members of one name, and uses the last.",
        "RFC 8259 §4",
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

/// Faults of deployments that take compressed bodies.
pub const COMPRESSION_FLAWS: &[Flaw] = &[flaw(
    "compressed-body-unbounded",
    "Unpacks gzip bodies, whatever they grow to.",
    "RFC 9110 §8.4",
)];

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
    let octets = match is_gzip(request) && edge.flaws.has_if_declared("compressed-body-unbounded") {
        true => Cow::Owned(unpacked(octets)?),
        false => Cow::Borrowed(octets),
    };
    let document = parse(edge, request, &octets)?;
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
    if edge.flaws.has("first-of-repeated-names-judged")
        && let Ok(Value::Object(last)) = json::read(&octets, Repeated::LastCounts)
    {
        known.extend(
            last.into_iter()
                .filter(|(name, _)| schema.iter().any(|member| member.name == name)),
        );
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
        && !(is_gzip(request) && edge.flaws.has_if_declared("compressed-body-unbounded"))
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

fn is_gzip(request: &Request) -> bool {
    let coding = request.fields.get("content-encoding");
    coding.is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"))
}

/// What a flawed deployment makes of a compressed body. It has no bound; we have one, since it runs in our process.
fn unpacked(octets: &[u8]) -> Result<Vec<u8>, Error> {
    const OURS: u64 = 64 * 1024 * 1024;
    let mut out = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(octets).take(OURS);
    reader
        .read_to_end(&mut out)
        .map_err(|_| Error::malformed("The body is not gzip."))?;
    Ok(out)
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
    let repeated = match flaws.has("first-of-repeated-names-judged") {
        true => Repeated::FirstCounts,
        false => Repeated::Refused,
    };
    json::read(octets, repeated).map_err(|error| match error {
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

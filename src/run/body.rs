//! The body of a request, from what step and operation say.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::suite::model::{Body, Operation};
use crate::suite::template::{Scope, TemplateError, fill_text, fill_value, show};

/// Most octets that a suite may ask us to send in one body.
pub const MAX_FILLER_BYTES: u64 = 64 * 1024 * 1024;
/// Most octets that a body of ours unpacks to. It is compressed while it is made: a thousandth of that is in memory.
pub const MAX_BOMB_BYTES: u64 = 1024 * 1024 * 1024;

/// A body ready to send, with the media type that it implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub octets: Bytes,
    pub media_type: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("`{0}` is no hexadecimal text")]
    Hex(String),
    #[error("the operation has no JSON body to lay members over")]
    NothingToPatch,
    #[error("the operation lists no violation `{0}`")]
    Violation(String),
    #[error("`{0}` gets no credential from this operation")]
    Exchange(String),
    #[error("the operation has no JSON object for a body")]
    NoObject,
    #[error("a filler of {0} octets is no number up to {1}, which is the most that is sent")]
    Filler(Value, u64),
    #[error("a filler cannot be compressed")]
    Bomb,
}

/// Makes the body: the step's where it has one, the operation's otherwise.
pub fn make(
    body: Option<&Body>,
    operation: Option<&Operation>,
    scope: &dyn Scope,
) -> Result<Option<Made>, BodyError> {
    let own = operation.and_then(|operation| operation.body.as_ref());
    let Some(body) = body.or(own) else {
        return Ok(None);
    };
    let json = |value: &Value| Made {
        octets: Bytes::from(value.to_string()),
        media_type: Some("application/json"),
    };
    Ok(Some(match body {
        Body::Json(value) => json(&fill_value(value, scope)?),
        Body::Patch(patch) => {
            let Some(Body::Json(under)) = own else {
                return Err(BodyError::NothingToPatch);
            };
            let mut value = fill_value(under, scope)?;
            merge(&mut value, &fill_value(patch, scope)?);
            json(&value)
        }
        Body::Text(text) => {
            let octets = Bytes::from(fill_text(text, scope)?);
            Made {
                octets,
                media_type: Some("application/json"),
            }
        }
        Body::Form(fields) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in fields {
                form.append_pair(name, &fill_text(value, scope)?);
            }
            Made {
                octets: Bytes::from(form.finish()),
                media_type: Some("application/x-www-form-urlencoded"),
            }
        }
        Body::Hex(text) => {
            let text = fill_text(text, scope)?;
            let octets = hex::decode(&text).map_err(|_| BodyError::Hex(text))?;
            Made {
                octets: Bytes::from(octets),
                media_type: Some("application/json"),
            }
        }
        Body::AsForm(()) => {
            let Some(Body::Json(under)) = own else {
                return Err(BodyError::NoObject);
            };
            let Value::Object(members) = fill_value(under, scope)? else {
                return Err(BodyError::NoObject);
            };
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &members {
                form.append_pair(name, &show(value));
            }
            Made {
                octets: Bytes::from(form.finish()),
                media_type: Some("application/x-www-form-urlencoded"),
            }
        }
        Body::Texts(text) => {
            let Some(Body::Json(under)) = own else {
                return Err(BodyError::NothingToPatch);
            };
            let mut value = under.clone();
            put_text(&mut value, &fill_text(text, scope)?);
            json(&value)
        }
        Body::Filler(amount) => {
            let length = length(amount, MAX_FILLER_BYTES, scope)?;
            Made {
                octets: filler(length).map_err(|_| BodyError::Bomb)?,
                media_type: Some("application/json"),
            }
        }
        Body::Bomb(amount) => {
            let length = length(amount, MAX_BOMB_BYTES, scope)?;
            let mut packing = GzEncoder::new(Vec::new(), Compression::default());
            let packed = fill(length, &mut packing).and_then(|()| packing.finish());
            Made {
                octets: Bytes::from(packed.map_err(|_| BodyError::Bomb)?),
                media_type: Some("application/json"),
            }
        }
        Body::Doubled(name) => {
            let name = fill_text(name, scope)?;
            let found = operation.and_then(|operation| operation.violations.get(&name));
            let (Some(Body::Json(first)), Some(Body::Json(last))) = (own, found) else {
                return Err(BodyError::Violation(name));
            };
            let (first, last) = (fill_value(first, scope)?, fill_value(last, scope)?);
            let (Value::Object(_), Value::Object(_)) = (&first, &last) else {
                return Err(BodyError::NoObject);
            };
            // Both texts are JSON objects: what ends the one and begins the other becomes a comma.
            let (first, last) = (first.to_string(), last.to_string());
            let both = format!("{},{}", &first[..first.len() - 1], &last[1..]);
            Made {
                octets: Bytes::from(both),
                media_type: Some("application/json"),
            }
        }
        Body::Nested(depth) => {
            let depth = *depth as usize;
            let octets = [b"[".repeat(depth), b"]".repeat(depth)].concat();
            Made {
                octets: Bytes::from(octets),
                media_type: Some("application/json"),
            }
        }
        Body::Violation(name) => {
            let name = fill_text(name, scope)?;
            let found = operation.and_then(|operation| operation.violations.get(&name));
            match found {
                Some(Body::Violation(_)) | None => return Err(BodyError::Violation(name)),
                Some(body) => return make(Some(body), operation, scope),
            }
        }
        Body::Exchange(name) => return Err(BodyError::Exchange(fill_text(name, scope)?)),
        Body::None(()) => return Ok(None),
    }))
}

/// The number that an amount of octets is, within the bound.
fn length(amount: &Value, most: u64, scope: &dyn Scope) -> Result<u64, BodyError> {
    let filled = fill_value(amount, scope)?;
    let octets = filled.as_u64().filter(|octets| *octets <= most);
    octets.ok_or(BodyError::Filler(filled, most))
}

/// So many octets of JSON. All that are under way share them: a matrix sends megabytes to every operation.
fn filler(length: u64) -> std::io::Result<Bytes> {
    static MADE: LazyLock<Mutex<HashMap<u64, Weak<Vec<u8>>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(octets) = made.get(&length).and_then(Weak::upgrade) {
        return Ok(Bytes::from_owner(Shared(octets)));
    }
    let mut octets = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    fill(length, &mut octets)?;
    let octets = Arc::new(octets);
    made.retain(|_, octets| octets.strong_count() > 0);
    made.insert(length, Arc::downgrade(&octets));
    Ok(Bytes::from_owner(Shared(octets)))
}

struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

const HEAD: &[u8] = br#"{"filler":""#;
const TAIL: &[u8] = br#""}"#;

/// Writes so many octets of JSON, piece by piece.
fn fill(length: u64, out: &mut impl Write) -> std::io::Result<()> {
    static PIECE: [u8; 64 * 1024] = [b'a'; 64 * 1024];
    let mut left = length.saturating_sub((HEAD.len() + TAIL.len()) as u64);
    out.write_all(HEAD)?;
    while left > 0 {
        let next = left.min(PIECE.len() as u64);
        out.write_all(&PIECE[..next as usize])?;
        left -= next;
    }
    out.write_all(TAIL)
}

/// Replaces every text in a value; member names stay.
fn put_text(value: &mut Value, text: &str) {
    match value {
        Value::String(own) => *own = text.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| put_text(item, text)),
        Value::Object(members) => members.values_mut().for_each(|item| put_text(item, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// JSON Merge Patch (RFC 7396).
fn merge(under: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *under = patch.clone();
        return;
    };
    if !under.is_object() {
        *under = Value::Object(serde_json::Map::new());
    }
    let Some(object) = under.as_object_mut() else {
        return;
    };
    for (key, value) in members {
        if value.is_null() {
            object.shift_remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::template::Found;
    use serde_json::json;

    struct Numbers;
    impl Scope for Numbers {
        fn find(&self, path: &[&str]) -> Option<Found> {
            match path {
                ["limit"] => Some(Found::Literal(json!(40))),
                ["word"] => Some(Found::Literal(json!("many"))),
                _ => None,
            }
        }
    }

    fn operation() -> Operation {
        serde_json::from_value(json!({
            "method": "POST", "path": "/", "allow": null, "kinds": [], "success": "2xx",
            "body": { "json": { "name": "${word} & more", "points": 5, "tags": ["a"] } },
            "violations": { "wrong-type": { "json": { "points": "${word}" } } }
        }))
        .expect("an operation")
    }

    fn text(body: &Body) -> Result<String, BodyError> {
        let made = make(Some(body), Some(&operation()), &Numbers)?.expect("a body");
        Ok(String::from_utf8(made.octets.to_vec()).expect("UTF-8"))
    }

    #[test]
    fn the_operations_body_in_other_clothes() {
        assert_eq!(
            text(&Body::AsForm(())).as_deref(),
            Ok("name=many+%26+more&points=5&tags=%5B%22a%22%5D")
        );
        assert_eq!(
            text(&Body::Texts("'${word}".into())).as_deref(),
            Ok(r#"{"name":"'many","points":5,"tags":["'many"]}"#)
        );
    }

    #[test]
    fn a_filler_is_as_long_as_the_reference_says() {
        let filler = |value| text(&Body::Filler(value)).map(|text| text.len());
        assert_eq!(filler(json!(25)), Ok(25));
        assert_eq!(filler(json!("${limit}")), Ok(40));
        for refused in [json!("${word}"), json!(-1), json!(MAX_FILLER_BYTES + 1)] {
            assert!(matches!(filler(refused), Err(BodyError::Filler(..))));
        }
    }

    #[test]
    fn names_stand_there_twice() {
        assert_eq!(
            text(&Body::Doubled("wrong-type".into())).as_deref(),
            Ok(r#"{"name":"many & more","points":5,"tags":["a"],"points":"many"}"#)
        );
        assert!(text(&Body::Doubled("other".into())).is_err());
    }

    #[test]
    fn a_bomb_unpacks_to_its_filler() {
        let body = Body::Bomb(json!(300_000));
        let made = make(Some(&body), None, &Numbers).unwrap().unwrap();
        assert!(made.octets.len() < 3_000);
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(&made.octets[..]);
        std::io::Read::read_to_end(&mut reader, &mut unpacked).unwrap();
        assert_eq!(unpacked.len(), 300_000);
        assert!(serde_json::from_slice::<Value>(&unpacked).is_ok());
        let large = Body::Bomb(json!(MAX_BOMB_BYTES + 1));
        assert!(make(Some(&large), None, &Numbers).is_err());
    }
}

//! The body of a request, from what step and operation say.

use bytes::Bytes;
use serde_json::Value;

use crate::suite::model::{Body, Operation};
use crate::suite::template::{Scope, TemplateError, fill_text, fill_value};

/// Most octets that a suite may ask us to send in one body.
pub const MAX_FILLER_BYTES: u64 = 64 * 1024 * 1024;

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
    #[error("a filler of {0} octets is over the {MAX_FILLER_BYTES} that are sent at most")]
    Filler(u64),
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
        Body::Filler(bytes) if *bytes > MAX_FILLER_BYTES => return Err(BodyError::Filler(*bytes)),
        Body::Filler(bytes) => {
            let (head, tail) = (br#"{"filler":""#, br#""}"#);
            let length = usize::try_from(*bytes)
                .unwrap_or(usize::MAX)
                .max(head.len() + tail.len());
            let mut octets = Vec::with_capacity(length);
            octets.extend_from_slice(head);
            octets.resize(length - tail.len(), b'a');
            octets.extend_from_slice(tail);
            Made {
                octets: Bytes::from(octets),
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

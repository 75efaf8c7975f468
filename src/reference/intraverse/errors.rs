//! The error body of the contract: exactly `success`, `error`, `message`, `statusCode`, and `retryAfter` with 429.

use serde_json::{Map, Value};

use super::Intraverse;
use crate::reference::edge::errors::{Envelope, Error};
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "error-success-true",
        "Says success: true in 404 bodies.",
        "Intraverse API, Error Handling",
    ),
    flaw(
        "invalid-key-message-altered",
        "Says something else than Invalid API key to a request without one.",
        "Intraverse API, Security-Specific Error Responses",
    ),
];

pub const ENVELOPE: Envelope = Envelope {
    content_type: "application/json",
    status_member: "statusCode",
    message_member: "message",
    build,
};

fn build(error: &Error, _id: &str) -> Map<String, Value> {
    let reason = http::StatusCode::from_u16(error.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let mut members = Map::new();
    members.insert("success".to_owned(), Value::Bool(false));
    members.insert("error".to_owned(), Value::from(reason));
    members.insert("message".to_owned(), Value::from(error.message.as_str()));
    members.insert("statusCode".to_owned(), Value::from(error.status));
    let wait = error.fields.iter().find(|(name, _)| *name == "Retry-After");
    if let Some((_, seconds)) = wait
        && let Ok(seconds) = seconds.parse::<u64>()
    {
        members.insert("retryAfter".to_owned(), Value::from(seconds));
    }
    members
}

/// Changes one word of an error body, as a flaw has it.
pub fn bend(app: &Intraverse, response: &mut Response) {
    for (id, status, right, wrong) in [
        (
            "error-success-true",
            404,
            "\"success\":false",
            "\"success\":true",
        ),
        (
            "invalid-key-message-altered",
            401,
            "\"Invalid API key\"",
            "\"No valid key in sight\"",
        ),
    ] {
        if app.flaws().has(id) && response.status == status {
            let body = String::from_utf8_lossy(&response.body);
            response.body = body.replace(right, wrong).into_bytes();
        }
    }
}

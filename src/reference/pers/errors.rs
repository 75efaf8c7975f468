//! The error body of the contract: `status`, `code`, `category`, `message`, `correlationId`.

use serde_json::{Map, Value};

use crate::reference::dpop::challenge::oauth_code;
use crate::reference::edge::errors::{Envelope, Error};
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "correlation-id-missing",
        "Leaves correlationId out of error bodies.",
        "PERS API, Error Handling",
    ),
    flaw(
        "category-of-403-wrong",
        "Files refusals for want of rights under VALIDATION.",
        "PERS API, Error Handling",
    ),
    flaw(
        "category-of-400-wrong",
        "Files bad payloads under SECURITY.",
        "PERS API, Error Handling",
    ),
    flaw(
        "code-of-401-wrong",
        "Calls missing authentication UNAUTHORIZED in place of AUTHENTICATION_REQUIRED.",
        "PERS API, Error Handling",
    ),
];

pub const ENVELOPE: Envelope = Envelope {
    content_type: "application/json",
    status_member: "status",
    message_member: "message",
    build,
};

fn build(error: &Error, id: &str) -> Map<String, Value> {
    let category = match error.status {
        401 | 403 => "SECURITY",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        429 => "RATE_LIMIT",
        500..=599 => "INTERNAL",
        _ => "VALIDATION",
    };
    let mut members = Map::new();
    members.insert("status".to_owned(), Value::from(error.status));
    members.insert("code".to_owned(), Value::from(error.code));
    members.insert("category".to_owned(), Value::from(category));
    members.insert("message".to_owned(), Value::from(error.message.as_str()));
    members.insert("correlationId".to_owned(), Value::from(id));
    // Clients of OAuth look for it here (RFC 9449 §5).
    let of_grant = match error.code {
        "INVALID_GRANT" => Some("invalid_grant"),
        "INVALID_REQUEST" => Some("invalid_request"),
        _ => None,
    };
    if let Some(code) = oauth_code(error.code).or(of_grant) {
        members.insert("error".to_owned(), Value::from(code));
    }
    members
}

/// Changes an error body, as a flaw has it.
pub fn bend(app: &super::Pers, response: &mut Response) {
    if app.flaws().has("correlation-id-missing")
        && response.status >= 400
        && let Ok(Value::Object(mut members)) = serde_json::from_slice(&response.body)
    {
        members.remove("correlationId");
        response.body = Value::Object(members).to_string().into_bytes();
    }
    for (id, status, right, wrong) in [
        (
            "category-of-403-wrong",
            403,
            "\"category\":\"SECURITY\"",
            "\"category\":\"VALIDATION\"",
        ),
        (
            "category-of-400-wrong",
            400,
            "\"category\":\"VALIDATION\"",
            "\"category\":\"SECURITY\"",
        ),
        (
            "code-of-401-wrong",
            401,
            "\"code\":\"AUTHENTICATION_REQUIRED\"",
            "\"code\":\"UNAUTHORIZED\"",
        ),
    ] {
        if app.flaws().has(id) && response.status == status {
            let body = String::from_utf8_lossy(&response.body);
            response.body = body.replace(right, wrong).into_bytes();
        }
    }
}

//! Errors as problem details (RFC 9457).

use serde_json::{Map, Value};

use crate::reference::edge::errors::{Envelope, Error, PROBLEM};

pub const ENVELOPE: Envelope = Envelope {
    content_type: PROBLEM,
    status_member: "status",
    message_member: "detail",
    build,
};

fn build(error: &Error, id: &str) -> Map<String, Value> {
    let title = http::StatusCode::from_u16(error.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let mut members = Map::new();
    members.insert("type".to_owned(), Value::from("about:blank"));
    members.insert("title".to_owned(), Value::from(title));
    members.insert("status".to_owned(), Value::from(error.status));
    members.insert("code".to_owned(), Value::from(error.code));
    members.insert("detail".to_owned(), Value::from(error.message.as_str()));
    members.insert(
        "instance".to_owned(),
        Value::from(format!("urn:request:{id}")),
    );
    members
}

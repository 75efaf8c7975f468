//! The OpenAPI document, as far as it is about idempotency keys (draft-ietf-httpapi-idempotency-key-header-06 §2.5.2).

use serde_json::json;

use super::Percus;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;

const SOURCE: &str = "draft-ietf-httpapi-idempotency-key-header §2.5.2";

pub const FLAWS: &[Flaw] = &[
    flaw(
        "openapi-without-expiry",
        "Does not tell how long idempotency keys are kept.",
        SOURCE,
    ),
    flaw(
        "openapi-without-idempotency",
        "Does not mention idempotency keys in its description.",
        SOURCE,
    ),
];

pub const ROUTES: &[Route<Percus>] = &[Route {
    operation: Operation::new("describe", "GET", "/openapi.json", &["anonymous"], 200),
    access: Access::Everybody,
    schema: None,
    run: describe,
}];

fn describe(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let expiry = match flaws.has("openapi-without-expiry") {
        true => "A key is remembered.",
        false => "A key is remembered for six seconds, and forgotten after it.",
    };
    let key = json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": format!("A string of structured fields (RFC 9651), or a bare token. {expiry}"),
        "schema": { "type": "string", "minLength": 16, "maxLength": 257 },
    });
    let parameters = match flaws.has("openapi-without-idempotency") {
        true => json!([]),
        false => json!([key]),
    };
    let operation = |status: &str| json!({ "parameters": parameters, "responses": { status: { "description": "Done." } } });
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Percus", "version": "1" },
        "paths": {
            "/api/projects/{id}/templates": { "post": operation("201") },
            "/api/projects/{id}/plays": { "patch": operation("200") },
            "/player/projects/{id}/templates": { "post": operation("201") },
        },
    });
    Ok(Response::json(200, &document).holds(Holds::Public))
}

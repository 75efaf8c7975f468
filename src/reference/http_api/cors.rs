//! Which foreign origin may read answers in a browser (Fetch §3.2 CORS protocol): one, declared by name.

use super::HttpApi;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "vary-origin-missing",
        "Does not say that its answers vary by origin.",
        "Fetch §CORS protocol and HTTP caches",
    ),
    flaw(
        "preflight-without-hsts",
        "Answers preflights before the layer that adds HSTS and nosniff.",
        "good practice",
    ),
];

/// The origin that may.
pub const ORIGIN: &str = "https://app.example";
const HEADERS: &str =
    "Authorization, Content-Type, If-Match, If-None-Match, X-CSRF-Token, X-Request-Id";

fn is_preflight(request: &Request) -> bool {
    request.method == "OPTIONS"
        && request.fields.has("origin")
        && request.fields.has("access-control-request-method")
}

/// The answer to a preflight; `None` for any other OPTIONS.
pub fn preflight(request: &Request, allow: &str) -> Option<Response> {
    if !is_preflight(request) {
        return None;
    }
    let response = Response::new(204).field("Allow", allow);
    let origin = request.fields.get("origin")?;
    if origin != ORIGIN {
        return Some(response);
    }
    Some(
        response
            .field("Access-Control-Allow-Methods", allow)
            .field("Access-Control-Allow-Headers", HEADERS)
            .field("Access-Control-Max-Age", "600"),
    )
}

pub fn decorate(app: &HttpApi, request: &Request, response: &mut Response) {
    if !app.flaws().has("vary-origin-missing") {
        response.add("Vary", "Origin");
    }
    if let Some(origin) = request.fields.get("origin")
        && origin == ORIGIN
    {
        response.set("Access-Control-Allow-Origin", origin);
        response.set("Access-Control-Allow-Credentials", "true");
    }
    if is_preflight(request) && app.flaws().has("preflight-without-hsts") {
        response.remove("Strict-Transport-Security");
        response.remove("X-Content-Type-Options");
    }
}

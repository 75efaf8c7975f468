//! Which marketplace may read answers in a browser (Fetch §3.2): one, by its exact origin.

use crate::reference::http::{Request, Response};

/// The origin that may.
pub const ORIGIN: &str = "https://marketplace.example";
const HEADERS: &str = "Authorization, Content-Type, X-Request-Id";

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
    if request.fields.get("origin")? != ORIGIN {
        return Some(response);
    }
    Some(
        response
            .field("Access-Control-Allow-Methods", allow)
            .field("Access-Control-Allow-Headers", HEADERS)
            .field("Access-Control-Max-Age", "600"),
    )
}

pub fn decorate(request: &Request, response: &mut Response) {
    response.add("Vary", "Origin");
    if let Some(origin) = request.fields.get("origin")
        && origin == ORIGIN
    {
        response.set("Access-Control-Allow-Origin", origin);
        response.set("Access-Control-Allow-Credentials", "true");
    }
}

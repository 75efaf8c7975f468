//! Methods: 405 with a truthful Allow, HEAD as GET, no TRACE, no overrides (RFC 9110 §9, §10.2.1, §15.5.6).

use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Request, Response};

use super::errors::Error;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "allow-missing",
        "Answers 405 without Allow.",
        "RFC 9110 §15.5.6",
    ),
    flaw(
        "allow-untruthful",
        "Lists PURGE in Allow, which it then refuses.",
        "RFC 9110 §10.2.1",
    ),
    flaw(
        "trace-enabled",
        "Answers TRACE with the request as it came, credentials included.",
        "RFC 9110 §9.3.8",
    ),
    flaw(
        "head-unguarded",
        "Asks for no credentials where the method is HEAD.",
        "RFC 9110 §9.3.2",
    ),
    flaw(
        "head-fields-differ",
        "Answers HEAD with fewer header fields than GET: no Content-Type.",
        "RFC 9110 §9.3.2",
    ),
    flaw(
        "head-length-zero",
        "Answers HEAD with the length of a body that is empty.",
        "RFC 9110 §8.6",
    ),
    flaw(
        "unknown-method-unguarded",
        "Serves methods that it does not know as GET, without asking for credentials.",
        "RFC 9110 §9.1",
    ),
    flaw(
        "options-unguarded",
        "Answers OPTIONS with what GET would show, without asking for credentials.",
        "RFC 9110 §9.3.7",
    ),
    flaw(
        "override-header-honoured",
        "Lets X-HTTP-Method-Override and its kin change the method after the guard looked at it.",
        "good practice",
    ),
    flaw(
        "override-parameter-honoured",
        "Lets the query parameter _method change the method after the guard looked at it.",
        "good practice",
    ),
];

const KNOWN: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
];

pub fn is_known(method: &str) -> bool {
    KNOWN.contains(&method)
}

/// The value of Allow for a path with these methods.
pub fn allow<'a>(methods: impl Iterator<Item = &'a str>, flaws: &FlawSet) -> String {
    let mut allowed: Vec<&str> = Vec::new();
    for method in methods {
        allowed.push(method);
        if method == "GET" {
            allowed.push("HEAD");
        }
    }
    allowed.push("OPTIONS");
    if flaws.has("allow-untruthful") {
        allowed.push("PURGE");
    }
    allowed.join(", ")
}

pub fn not_allowed(allow: String, flaws: &FlawSet) -> Error {
    let error = Error::new(
        405,
        "METHOD_NOT_ALLOWED",
        "This resource does not know this method.",
    );
    if flaws.has("allow-missing") {
        return error;
    }
    error.field("Allow", allow)
}

/// The echo of a request (RFC 9110 §9.3.8), as nobody should send it.
pub fn echo(request: &Request) -> Response {
    let mut message = format!("TRACE {} HTTP/1.1\r\n", request.target).into_bytes();
    for (name, value) in request.fields.iter() {
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value);
        message.extend_from_slice(b"\r\n");
    }
    Response::new(200).body("message/http", message)
}

/// The method that an override asks for, when the deployment is flawed enough to listen.
pub fn overridden(request: &Request, flaws: &FlawSet) -> Option<String> {
    if !matches!(request.method.as_str(), "GET" | "POST") {
        return None;
    }
    let names = [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ];
    let by_header = names.iter().find_map(|name| request.fields.get(name));
    if let Some(method) = by_header
        && flaws.has("override-header-honoured")
    {
        return Some(method.to_ascii_uppercase());
    }
    let method = request.parameter("_method")?.to_ascii_uppercase();
    flaws.has("override-parameter-honoured").then_some(method)
}

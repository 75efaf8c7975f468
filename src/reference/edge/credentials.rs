//! Reading the credentials of a request (RFC 9110 §11.4, §11.6.2; RFC 6750 §2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Body, Request};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "white-space-in-token-dropped",
        "Takes white space out of a bearer token before it looks at it.",
        "RFC 7515 §2",
    ),
    flaw(
        "repeated-authorization-ignored",
        "Takes the last of two Authorization lines.",
        "RFC 6750 §3.1",
    ),
    flaw(
        "second-method-ignored",
        "Takes the Authorization header although a token stands in the query, too.",
        "RFC 6750 §2",
    ),
    flaw(
        "legacy-token-header-read",
        "Still takes a token from X-API-Key, Api-Key, X-Auth-Token or X-Access-Token.",
        "good practice",
    ),
    flaw(
        "token-cookie-read",
        "Takes a token from a cookie called token.",
        "good practice",
    ),
    flaw(
        "token-in-query-read",
        "Takes a token from the query as well.",
        "RFC 6750 §5.3",
    ),
    flaw(
        "token-in-body-read",
        "Takes a token from the body as well.",
        "RFC 6750 §2.2",
    ),
    flaw(
        "token-in-basic-read",
        "Takes a token for the user or the password of Basic.",
        "RFC 9110 §11",
    ),
    flaw(
        "token-without-scheme-read",
        "Takes the last word of the Authorization header, whatever stands before it.",
        "RFC 9110 §11.4",
    ),
    flaw(
        "scheme-case-compared",
        "Knows the scheme in one spelling alone.",
        "RFC 9110 §11.1",
    ),
    flaw(
        "forwarded-loopback-trusted",
        "Lets in whoever says that the request was forwarded for 127.0.0.1.",
        "RFC 7239 §8.1",
    ),
    flaw(
        "remote-user-trusted",
        "Lets in whoever names a user in a header that a proxy would set.",
        "good practice",
    ),
    flaw(
        "internal-header-trusted",
        "Lets in whoever says X-Internal: 1.",
        "good practice",
    ),
    flaw(
        "admin-referer-trusted",
        "Lets in whoever comes from an admin page, by the Referer header.",
        "good practice",
    ),
    flaw(
        "localhost-host-trusted",
        "Lets in whoever asks for the host localhost without a port.",
        "good practice",
    ),
    flaw(
        "underscore-header-trusted",
        "Takes Remote_User for the Remote-User of its proxy.",
        "RFC 9112 §5.1",
    ),
];

/// What the request presents for a bearer operation.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented {
    /// No credential of this scheme.
    Nothing,
    Bearer(String),
    /// The scheme is right, what follows is no token68 (RFC 9110 §11.2).
    Malformed,
    /// Twice, or by two methods.
    Ambiguous,
}

pub fn bearer(request: &Request, flaws: &FlawSet) -> Presented {
    let lines: Vec<&[u8]> = request.fields.all("authorization").collect();
    if lines.len() > 1 && !flaws.has("repeated-authorization-ignored") {
        return Presented::Ambiguous;
    }
    let legacy = ["x-api-key", "api-key", "x-auth-token", "x-access-token"];
    if let Some(token) = legacy.iter().find_map(|name| request.fields.get(name))
        && flaws.has("legacy-token-header-read")
    {
        return Presented::Bearer(token.trim_start_matches("Bearer ").to_owned());
    }
    if let Some(token) = cookie(request, "token")
        && flaws.has("token-cookie-read")
    {
        return Presented::Bearer(token);
    }
    if let Some(token) = misplaced(request, flaws) {
        return Presented::Bearer(token);
    }
    let Some(line) = lines.last() else {
        return Presented::Nothing;
    };
    let Ok(line) = std::str::from_utf8(line) else {
        return Presented::Malformed;
    };
    let (scheme, rest) = line.split_once(' ').unwrap_or((line, ""));
    let last = line.rsplit([' ', '\t', '=']).next().unwrap_or_default();
    let last = last.trim_matches('"');
    let is_plain = scheme == "Bearer" && rest == last;
    if !is_plain && flaws.has("token-without-scheme-read") {
        return Presented::Bearer(last.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("bearer")
        || (scheme != "Bearer" && flaws.has("scheme-case-compared"))
    {
        return Presented::Nothing;
    }
    sole(request, "authorization", rest.trim_matches(' '), flaws)
}

/// A token after its scheme in this header, if it is the only one there and a token68.
pub fn sole(request: &Request, name: &str, token: &str, flaws: &FlawSet) -> Presented {
    if request.fields.count(name) > 1 && !flaws.has("repeated-authorization-ignored") {
        return Presented::Ambiguous;
    }
    if request.parameter("access_token").is_some() && !flaws.has("second-method-ignored") {
        return Presented::Ambiguous;
    }
    if token.contains([' ', '\t']) && flaws.has("white-space-in-token-dropped") {
        return Presented::Bearer(token.replace([' ', '\t'], ""));
    }
    if token.is_empty() || !is_token68(token) {
        return Presented::Malformed;
    }
    Presented::Bearer(token.to_owned())
}

/// A token where none belongs, for a deployment that looks there.
fn misplaced(request: &Request, flaws: &FlawSet) -> Option<String> {
    let has_line = request.fields.has("authorization");
    if !has_line {
        let names = ["access_token", "token", "jwt"];
        if let Some(token) = names.iter().find_map(|name| request.parameter(name))
            && flaws.has("token-in-query-read")
        {
            return Some(token);
        }
        return in_body(request).filter(|_| flaws.has("token-in-body-read"));
    }
    let line = request.fields.get("authorization")?;
    if let Some(encoded) = line.strip_prefix("Basic ")
        && flaws.has("token-in-basic-read")
    {
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let mut halves = pair.split(':').filter(|half| half.len() > 100);
        return halves.next().map(ToOwned::to_owned);
    }
    None
}

/// `access_token` in a body of JSON or a form.
pub fn in_body(request: &Request) -> Option<String> {
    let Body::Bytes(octets) = &request.body else {
        return None;
    };
    if let Ok(members) = serde_json::from_slice::<serde_json::Value>(octets) {
        return members["access_token"].as_str().map(ToOwned::to_owned);
    }
    url::form_urlencoded::parse(octets)
        .find(|(name, _)| name == "access_token")
        .map(|(_, value)| value.into_owned())
}

fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

/// The value of a cookie (RFC 6265 §5.4); the first of that name.
pub fn cookie(request: &Request, name: &str) -> Option<String> {
    request
        .fields
        .all("cookie")
        .filter_map(|line| std::str::from_utf8(line).ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value.to_owned())
}

/// Whether the flawed deployment waives its guard for what the request says about itself.
pub fn waved_through(request: &Request, flaws: &FlawSet) -> bool {
    let fields = &request.fields;
    let says_loopback = || {
        [
            "x-forwarded-for",
            "x-real-ip",
            "x-client-ip",
            "true-client-ip",
            "cf-connecting-ip",
            "forwarded",
        ]
        .iter()
        .filter_map(|name| fields.get(name))
        .any(|value| value.contains("127.0.0.1"))
    };
    let names_user = || {
        [
            "x-forwarded-user",
            "x-remote-user",
            "remote-user",
            "x-auth-request-user",
        ]
        .iter()
        .any(|name| fields.has(name))
    };
    (says_loopback() && flaws.has("forwarded-loopback-trusted"))
        || (names_user() && flaws.has("remote-user-trusted"))
        || (fields.get("x-internal") == Some("1") && flaws.has("internal-header-trusted"))
        || (fields.get("referer").is_some_and(|r| r.contains("/admin"))
            && flaws.has("admin-referer-trusted"))
        || (request.authority == "localhost" && flaws.has("localhost-host-trusted"))
        || ((fields.has("remote_user") || fields.has("x_forwarded_user"))
            && flaws.has("underscore-header-trusted"))
}

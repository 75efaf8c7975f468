//! The declared origins, and how an `Origin` is compared with them: octet by octet (Fetch §CORS check).

use super::{Policy, is_preflight};
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::Request;

const CHECK: &str = "Fetch §CORS check";

pub const FLAWS: &[Flaw] = &[
    flaw(
        "origin-reflected",
        "Allows whatever origin asks, with credentials.",
        CHECK,
    ),
    flaw(
        "null-origin-allowed",
        "Allows the origin null, which every sandboxed page has.",
        CHECK,
    ),
    flaw(
        "origin-compared-by-prefix",
        "Allows every origin that begins like a declared one.",
        CHECK,
    ),
    flaw(
        "origin-compared-by-suffix",
        "Allows every host that ends like a declared one.",
        CHECK,
    ),
    flaw(
        "origin-compared-as-pattern",
        "Uses declared origins as patterns in which a dot stands for any character.",
        CHECK,
    ),
    flaw(
        "origin-looked-for-anywhere",
        "Allows every origin that holds a declared one anywhere.",
        CHECK,
    ),
    flaw(
        "sub-domains-allowed",
        "Allows all sub-domains of a declared origin.",
        CHECK,
    ),
    flaw(
        "scheme-of-origin-unchecked",
        "Compares hosts alone, so that pages from plain HTTP may read as well.",
        "RFC 6454 §4",
    ),
    flaw(
        "port-of-origin-unchecked",
        "Does not compare the port of an origin.",
        "RFC 6454 §5",
    ),
    flaw(
        "development-origins-allowed",
        "Still allows the origins that its developers used.",
        "good practice",
    ),
    flaw(
        "origin-read-up-to-its-path",
        "Cuts a path off an origin before it compares, and allows it as it came.",
        CHECK,
    ),
    flaw(
        "preflight-allows-every-origin",
        "Allows whatever origin asks in preflights.",
        "Fetch §CORS-preflight fetch",
    ),
];

/// Leave to read.
pub struct Grant {
    /// For `Access-Control-Allow-Origin`.
    pub origin: String,
    /// Whether the browser may send cookies along.
    pub has_credentials: bool,
}

impl Policy {
    /// What the origin of the request may.
    pub fn grant(&self, request: &Request, flaws: &FlawSet) -> Option<Grant> {
        let origin = request.fields.get("origin")?;
        let declared = self.origins.iter().find(|declared| declared.name == origin);
        let first = self.origins.first().map(|first| first.name);
        let is_granted = declared.is_some()
            || first.is_some_and(|first| is_let_pass(origin, first, request, flaws));
        is_granted.then(|| Grant {
            origin: origin.to_owned(),
            has_credentials: declared.is_none_or(|declared| declared.has_credentials),
        })
    }
}

/// Every wrong way to compare with a declared origin.
fn is_let_pass(origin: &str, app: &str, request: &Request, flaws: &FlawSet) -> bool {
    let host = app.trim_start_matches("https://");
    let after_scheme = origin.split_once("://").map(|(_, rest)| rest);
    let is_from = |rest: Option<&str>| rest == Some(host);
    let without_port = origin
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
        .map(|(rest, _)| rest);
    let is_local = after_scheme
        .map(|rest| rest.split(':').next().unwrap_or_default())
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1"));
    let is_with_path = origin
        .strip_prefix(app)
        .is_some_and(|rest| rest.starts_with('/'));
    flaws.has("origin-reflected")
        || (origin == "null" && flaws.has("null-origin-allowed"))
        || (origin.starts_with(app) && flaws.has("origin-compared-by-prefix"))
        || (origin.starts_with("https://")
            && origin.ends_with(host)
            && flaws.has("origin-compared-by-suffix"))
        || (dots_match_anything(app, origin) && flaws.has("origin-compared-as-pattern"))
        || (origin.contains(app) && flaws.has("origin-looked-for-anywhere"))
        || (origin.starts_with("https://")
            && origin.ends_with(&format!(".{host}"))
            && flaws.has("sub-domains-allowed"))
        || (is_from(after_scheme) && flaws.has("scheme-of-origin-unchecked"))
        || (without_port == Some(app) && flaws.has("port-of-origin-unchecked"))
        || (is_local && flaws.has("development-origins-allowed"))
        || (is_with_path && flaws.has("origin-read-up-to-its-path"))
        || (is_preflight(request) && flaws.has("preflight-allows-every-origin"))
}

fn dots_match_anything(pattern: &str, text: &str) -> bool {
    pattern.len() == text.len()
        && pattern
            .bytes()
            .zip(text.bytes())
            .all(|(p, t)| p == b'.' || p == t)
}

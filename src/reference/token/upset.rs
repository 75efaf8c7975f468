//! Tokens that upset a flawed verifier, so that it answers what it should not.

use serde_json::Value;

use crate::jose::base64url;
use crate::reference::edge::Edge;
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials::{Presented, bearer};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Request;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "deep-claims-crash",
        "Answers 500 to a token whose claims are nested deep.",
        "RFC 8725 §2.9",
    ),
    flaw(
        "iat-of-odd-type-crashes",
        "Answers 500 to a token whose time of issue is no number.",
        "RFC 7519 §4.1.6",
    ),
    flaw(
        "markup-in-subject-crashes",
        "Answers 500 to a token whose subject has an apostrophe.",
        "RFC 7519 §7.2",
    ),
    flaw(
        "verifier-exception-told",
        "Shows the exception of its verifier to whoever sent a token that is not good.",
        "RFC 8725 §3",
    ),
];

/// What a flawed deployment says before it comes to judging the token.
pub fn upset(edge: &Edge, request: &Request) -> Option<Error> {
    let flaws = &edge.flaws;
    let Presented::Bearer(token) = bearer(request, flaws) else {
        return None;
    };
    let mut parts = token.split('.').map(|part| base64url::decode(part).ok());
    let header = parts.next()??;
    let payload = parts.next()??;
    let deepest = payload.split(|octet| *octet != b'[').map(<[u8]>::len).max();
    if deepest >= Some(100) && flaws.has("deep-claims-crash") {
        return Some(Error::internal());
    }
    let claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let is_odd = claims.get("iat").is_some_and(|iat| !iat.is_number());
    if is_odd && flaws.has("iat-of-odd-type-crashes") {
        return Some(Error::internal());
    }
    let subject = claims
        .get("sub")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if subject.contains('\'') && flaws.has("markup-in-subject-crashes") {
        return Some(Error::internal());
    }
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    if header["alg"] == "none" && flaws.has("verifier-exception-told") {
        let mut error = challenge::unauthenticated(edge, "Bearer", Unknown::Invalid);
        error.message = "JWTVerificationError: bad alg\n    at verifyToken \
                         (/app/src/auth/token.js:42:11)\n    at Layer.handle \
                         (/app/node_modules/express/lib/router/layer.js:95:5)"
            .to_owned();
        return Some(error);
    }
    None
}

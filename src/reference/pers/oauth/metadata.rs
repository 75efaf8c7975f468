//! The metadata of the authorization server (RFC 8414 §2, RFC 9449 §5.1).

use serde_json::json;

use super::super::{Pers, access};
use crate::reference::dispatch::{Call, Route};
use crate::reference::dpop::ALGORITHMS;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-metadata-lists-hmac",
        "Lists HS256 among the algorithms for proofs.",
        "RFC 9449 §5.1",
    ),
    flaw(
        "dpop-metadata-no-list",
        "Writes the algorithms for proofs as one text.",
        "RFC 9449 §5.1",
    ),
];

/// Below `/v2`.
pub const PATH: &str = "/.well-known/oauth-authorization-server";

pub const ROUTES: &[Route<Pers>] = &[Route {
    operation: Operation::new(
        "metadata",
        "GET",
        "/v2/.well-known/oauth-authorization-server",
        &["anonymous"],
        200,
    ),
    access: access::PUBLIC,
    schema: None,
    run: metadata,
}];

fn metadata(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let (app, flaws) = (call.app, call.app.flaws());
    let base = app.base.as_str();
    let mut algorithms = ALGORITHMS.map(|algorithm| algorithm.name()).to_vec();
    if flaws.has("dpop-metadata-lists-hmac") {
        algorithms.push("HS256");
    }
    let mut document = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "pushed_authorization_request_endpoint": format!("{base}/oauth/par"),
        "token_endpoint": format!("{base}/oauth/token"),
        "introspection_endpoint": format!("{base}/auth/introspect"),
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "dpop_signing_alg_values_supported": algorithms,
    });
    if flaws.has("dpop-metadata-no-list") {
        document["dpop_signing_alg_values_supported"] = algorithms.join(" ").into();
    }
    Ok(Response::json(200, &document).holds(Holds::Public))
}

//! What a token is worth, for a resource server that cannot read it (RFC 7662 §2, RFC 9449 §6.2).

use serde_json::{Value, json};

use super::super::Pers;
use super::super::access::{Role, only};
use super::form::Form;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-introspection-without-binding",
        "Does not say in an introspection that the token is bound.",
        "RFC 9449 §6.2",
    ),
    flaw(
        "dpop-introspection-calls-it-bearer",
        "Calls a bound token Bearer in an introspection.",
        "RFC 9449 §6.2",
    ),
];

pub const ROUTES: &[Route<Pers>] = &[Route {
    operation: Operation {
        name: "introspect",
        method: "POST",
        path: "/v2/auth/introspect",
        who: &["admin"],
        body: "token=$user_token",
        status: 200,
        read_by: "",
        id_from: "",
    },
    access: only(&[Role::Admin]),
    schema: None,
    run: introspect,
}];

/// Tokens of other tenants are none here.
fn introspect(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let (app, flaws) = (call.app, call.app.flaws());
    let form = Form::of_body(call)?;
    let claims = app
        .issuer
        .verify(form.require("token")?, flaws)
        .filter(|claims| claims.tenant == call.caller.tenant);
    let Some(claims) = claims else {
        return Ok(Response::json(200, &json!({ "active": false })).holds(Holds::Secret));
    };
    let mut told = json!({ "active": true, "sub": claims.sub, "token_type": "Bearer" });
    if let Some(cnf) = claims.cnf {
        if !flaws.has("dpop-introspection-without-binding") {
            told["cnf"] = cnf;
        }
        if !flaws.has("dpop-introspection-calls-it-bearer") {
            told["token_type"] = Value::from("DPoP");
        }
    }
    Ok(Response::json(200, &told).holds(Holds::Secret))
}

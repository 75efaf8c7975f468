//! The marketplace: exchanges a session for a secure token by GraphQL, and publishes the keys of its tokens.

use serde_json::{Value, json};

use super::Appdirect;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "secure-token-lives-an-hour",
        "Hands out secure tokens that are good for an hour.",
        "contract",
    ),
    flaw(
        "secure-token-names-nobody",
        "Hands out secure tokens whose name is no e-mail address.",
        "contract",
    ),
    flaw(
        "secure-token-key-unpublished",
        "Signs secure tokens with a key that it does not publish.",
        "RFC 7517 §5",
    ),
    flaw(
        "secure-token-beside-error",
        "Hands out a token although it says that the session is not good.",
        "contract",
    ),
];

const QUERY: &[Member] = &[
    required("query", Kind::Text(1, 1000)),
    optional("operationName", Kind::Text(0, 100)),
];

pub const ROUTES: &[Route<Appdirect>] = &[
    Route {
        operation: Operation {
            body: r#"{"query":"mutation { secureToken { token } }"}"#,
            ..Operation::new("exchange", "POST", "/marketplace/graphql", &[], 200)
        },
        access: Access::Everybody,
        schema: Some(QUERY),
        run: exchange,
    },
    Route {
        operation: Operation::new("account", "GET", "/marketplace/account", &[], 200),
        access: Access::Session,
        schema: None,
        run: account,
    },
    Route {
        operation: Operation::new(
            "key-set",
            "GET",
            "/marketplace/.well-known/jwks.json",
            &[],
            200,
        ),
        access: Access::Everybody,
        schema: None,
        run: key_set,
    },
];

/// Errors of GraphQL come with 200.
fn exchange(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    if !call
        .text("query")
        .unwrap_or_default()
        .contains("secureToken")
    {
        return Ok(answer(Value::Null, Some("There is no such field.")));
    }
    let session = super::access::admit(app, Access::Session, call.request);
    let account = match session {
        Ok(caller) => app.accounts.iter().find(|one| one.id == caller.account),
        Err(_) => None,
    };
    let Some(account) = account else {
        let token = match app.accounts.first() {
            Some(first) if flaws.has("secure-token-beside-error") => json!(app.secure_token(first)),
            _ => Value::Null,
        };
        return Ok(answer(token, Some("There is no such session.")));
    };
    Ok(answer(json!(app.secure_token(account)), None).holds(Holds::Secret))
}

fn answer(token: Value, error: Option<&str>) -> Response {
    let mut members = json!({ "data": { "secureToken": { "token": token } } });
    if let Some(error) = error {
        members["errors"] = json!([{ "message": error, "path": ["secureToken"] }]);
    }
    Response::json(200, &members)
}

fn account(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let app = call.app;
    let own = app
        .accounts
        .iter()
        .find(|one| one.id == call.caller.account);
    let own = own.ok_or_else(Error::not_found)?;
    Ok(Response::json(
        200,
        &json!({ "id": own.id, "email": own.email, "tenant": own.tenant }),
    ))
}

fn key_set(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let app = call.app;
    let issuer = if app.flaws().has("secure-token-key-unpublished") {
        &app.other
    } else {
        &app.issuer
    };
    Ok(issuer.public_key_set())
}

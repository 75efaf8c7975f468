//! The marketplace: exchanges a session for a secure token by GraphQL, and publishes the keys of its tokens.

use serde_json::{Value, json};

use super::access::Access;
use super::graphql::{self, Field};
use super::{Account, Appdirect};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{self, Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::edge::{limits, methods};
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
        "graphql-aliases-unguarded",
        "Asks for a session for the first field of a request alone.",
        "OWASP API2:2023",
    ),
    flaw(
        "graphql-aliases-uncounted",
        "Gives as many tokens as a request has names for.",
        "OWASP API4:2023",
    ),
    flaw(
        "graphql-batch-unguarded",
        "Takes a list of requests as well, and asks for no session there.",
        "OWASP API2:2023",
    ),
    flaw(
        "graphql-mutation-by-get",
        "Carries out mutations that come by GET.",
        "GraphQL over HTTP §6.2.1",
    ),
    flaw(
        "graphql-schema-told-to-everybody",
        "Shows its schema to whoever asks.",
        "good practice",
    ),
    flaw(
        "secure-token-beside-error",
        "Hands out a token although it says that the session is not good.",
        "contract",
    ),
];

const QUERY: &[Member] = &[
    required("query", Kind::Text(1, 10_000)),
    optional("operationName", Kind::Text(0, 100)),
];

pub const ROUTES: &[Route<Appdirect>] = &[
    Route {
        operation: Operation {
            body: r#"{"query":"mutation { secureToken { token } }"}"#,
            ..Operation::new("exchange", "POST", GRAPHQL, &[], 200)
        },
        access: Access::Everybody,
        schema: None,
        run: post,
    },
    Route {
        operation: Operation::new("query", "GET", GRAPHQL, &[], 400),
        access: Access::Everybody,
        schema: None,
        run: get,
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

const GRAPHQL: &str = "/marketplace/graphql";

fn post(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let app = call.app;
    let octets = limits::body(call.request, app.flaws())?;
    if let Ok(Value::Array(batch)) = serde_json::from_slice::<Value>(octets)
        && app.flaws().has("graphql-batch-unguarded")
    {
        let documents = batch.iter().filter_map(|one| one["query"].as_str());
        let answers = documents.map(|document| carry_out(app, document, app.accounts.first()));
        return Ok(Response::json(200, &answers.collect()).holds(Holds::Secret));
    }
    let members = body::read(&app.edge, call.request, QUERY)?.known;
    let document = members["query"].as_str().unwrap_or_default();
    let answer = carry_out(app, document, session(call));
    Ok(Response::json(200, &answer).holds(Holds::Secret))
}

/// Queries alone: an address is followed, kept and sent on by whoever sees it (GraphQL over HTTP §6.2.1).
fn get(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let app = call.app;
    let document = call.request.parameter("query");
    let document = document.ok_or_else(|| Error::malformed("The parameter query is missing."))?;
    if graphql::is_mutation(&document) && !app.flaws().has("graphql-mutation-by-get") {
        return Err(methods::not_allowed("POST".to_owned(), app.flaws()));
    }
    let answer = carry_out(app, &document, session(call));
    Ok(Response::json(200, &answer).holds(Holds::Secret))
}

/// Whose session the request carries.
fn session<'a>(call: &Call<'a, Appdirect>) -> Option<&'a Account> {
    let app = call.app;
    let caller = super::access::admit(app, Access::Session, call.request).ok()?;
    app.accounts.iter().find(|one| one.id == caller.account)
}

/// Errors of GraphQL come with 200. One request gives one token.
fn carry_out(app: &Appdirect, document: &str, account: Option<&Account>) -> Value {
    let flaws = app.flaws();
    let fields = graphql::fields(document);
    if fields.iter().any(|field| field.name == "__schema") {
        let is_open = account.is_some() || flaws.has("graphql-schema-told-to-everybody");
        return match is_open {
            true => json!({ "data": { "__schema": { "types": [{ "name": "SecureToken" }] } } }),
            false => refusal("__schema", &Value::Null, "There is no such session."),
        };
    }
    let is_mutation = graphql::is_mutation(document);
    let tokens: Vec<&Field> = fields
        .iter()
        .filter(|field| is_mutation && field.name == "secureToken")
        .collect();
    let Some(first) = tokens.first() else {
        let key = fields.first().map_or("", |field| field.key.as_str());
        return match fields.iter().all(|field| field.name == "__typename") {
            true => json!({ "data": { key: "Query" } }),
            false => refusal(key, &Value::Null, "There is no such field."),
        };
    };
    let one = app.accounts.first();
    let Some(account) = account else {
        let of = |one: Option<&Account>| one.map(|one| json!({ "token": app.secure_token(one) }));
        let none = json!({ "token": null });
        let told = of(one.filter(|_| flaws.has("secure-token-beside-error")));
        let mut answer = refusal(
            &first.key,
            &told.unwrap_or(none),
            "There is no such session.",
        );
        for second in tokens.iter().skip(1) {
            if flaws.has("graphql-aliases-unguarded") {
                answer["data"][&second.key] = of(one).unwrap_or_default();
            }
        }
        return answer;
    };
    if tokens.len() > 1 && !flaws.has("graphql-aliases-uncounted") {
        return refusal(&first.key, &Value::Null, "One token at a time.");
    }
    let given = tokens.iter().map(|field| {
        let token = json!({ "token": app.secure_token(account) });
        (field.key.clone(), token)
    });
    json!({ "data": Value::Object(given.collect()) })
}

fn refusal(key: &str, data: &Value, says: &str) -> Value {
    json!({ "data": { key: data }, "errors": [{ "message": says, "path": [key] }] })
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

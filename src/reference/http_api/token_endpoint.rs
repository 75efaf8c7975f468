//! The token endpoint: client credentials (RFC 6749 §4.4, §5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::HttpApi;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::Error;
use crate::reference::edge::limits;
use crate::reference::edge::paths::percent;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::Hashed;
use crate::reference::token::{self, KEY_SET_PATH};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "client-secret-unchecked",
        "Gives a token for a client id alone.",
        "RFC 6749 §2.3.1",
    ),
    flaw(
        "token-beside-error",
        "Hands out a token beside the error when the client secret is wrong.",
        "RFC 6749 §5.2",
    ),
];

pub const ROUTES: &[Route<HttpApi>] = &[
    Route {
        operation: Operation {
            name: "token",
            method: "POST",
            path: "/oauth/token",
            who: &["anonymous"],
            body: "grant_type=client_credentials&client_id=$user_client_id&client_secret=$user_client_secret",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Everybody,
        schema: None,
        run: grant,
    },
    Route {
        operation: Operation::new("key-set", "GET", KEY_SET_PATH, &["anonymous"], 200),
        access: Access::Everybody,
        schema: None,
        run: key_set,
    },
];

fn key_set(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    Ok(call.app.issuer.key_set(call.app.flaws()))
}

fn grant(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let octets = limits::body(call.request, flaws)?;
    let is_form = call
        .request
        .fields
        .get("content-type")
        .is_some_and(|media_type| media_type.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(Error::new(
            415,
            "invalid_request",
            "The token endpoint takes forms.",
        ));
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(octets).into_owned().collect();
    let value = |name: &str| -> Result<Option<&str>, Error> {
        let mut values = form.iter().filter(|(n, _)| n == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(bad("A parameter is repeated.")),
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
        }
    };
    match value("grant_type")? {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(Error::new(
                400,
                "unsupported_grant_type",
                "Only client_credentials is supported.",
            ));
        }
        None => return Err(bad("grant_type is missing.")),
    }
    let in_form = (value("client_id")?, value("client_secret")?);
    let (id, secret) = match (basic(call), in_form) {
        (Some(_), (Some(_), _) | (_, Some(_))) => {
            return Err(bad("Client credentials were presented twice."));
        }
        (Some(pair), (None, None)) => pair,
        (None, (id, secret)) => (
            id.unwrap_or_default().to_owned(),
            secret.unwrap_or_default().to_owned(),
        ),
    };
    let state = app.state();
    let account = state
        .accounts
        .iter()
        .find(|account| account.client_id == id);
    match account {
        Some(account)
            if account.client_secret == Hashed::of(&secret)
                || flaws.has("client-secret-unchecked") =>
        {
            let role = account.role.name();
            let token = app.issuer.mint(&account.id, account.tenant, role, flaws);
            Ok(Response::json(
                200,
                &json!({ "access_token": token, "token_type": "Bearer", "expires_in": token::LIFETIME }),
            )
            .holds(Holds::Secret))
        }
        _ if flaws.has("token-beside-error") => {
            let token = app.issuer.mint("nobody", "tenant-a", "reader", flaws);
            Ok(Response::json(
                401,
                &json!({ "error": "invalid_client", "access_token": token }),
            )
            .field("WWW-Authenticate", CHALLENGE))
        }
        _ => Err(
            Error::new(401, "invalid_client", "The client is not known.")
                .field("WWW-Authenticate", CHALLENGE),
        ),
    }
}

const CHALLENGE: &str = "Basic realm=\"token endpoint\"";

fn bad(message: &str) -> Error {
    Error::new(400, "invalid_request", message)
}

/// Client id and secret of the Authorization header (RFC 6749 §2.3.1, RFC 7617).
fn basic(call: &Call<'_, HttpApi>) -> Option<(String, String)> {
    let line = call.request.fields.get("authorization")?;
    let (scheme, encoded) = line.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((percent::decode(id), percent::decode(secret)))
}

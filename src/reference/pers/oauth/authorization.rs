//! Codes: asked for by redirect or pushed ahead, given to who is logged in, and redeemed with the key that they were
//! asked for with (RFC 6749 §4.1, RFC 7636, RFC 9126, RFC 9449 §10). There is one client, which is public.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use super::super::access::{PUBLIC, Role, only};
use super::super::{Pers, accounts, possession};
use super::form::{Form, bad};
use crate::jose::base64url;
use crate::reference::dispatch::{Call, Route};
use crate::reference::dpop::Fault;
use crate::reference::dpop::challenge::refused_request;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::{Hashed, random_hex};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-jkt-ignored",
        "Forgets the key that a code was asked for with by dpop_jkt.",
        "RFC 9449 §10",
    ),
    flaw(
        "dpop-code-taken-with-any-key",
        "Compares no key when a code is redeemed.",
        "RFC 9449 §10",
    ),
    flaw(
        "dpop-code-taken-without-proof",
        "Redeems a code that is bound to a key where no proof comes.",
        "RFC 9449 §10",
    ),
    flaw(
        "dpop-proof-at-par-forgotten",
        "Does not bind the code to the key of the proof that came with the pushed request.",
        "RFC 9449 §10.1",
    ),
    flaw(
        "dpop-jkt-at-par-uncompared",
        "Takes a pushed request whose dpop_jkt and proof name two keys.",
        "RFC 9449 §10.1",
    ),
];

/// Pushed requests and codes that are kept; the oldest worry is gone long before.
const KEPT: usize = 1000;
const CLIENT: &str = "shop";
const REDIRECT: &str = "https://shop.example/back";

pub const ROUTES: &[Route<Pers>] = &[
    Route {
        operation: Operation {
            name: "push-authorization",
            method: "POST",
            path: "/v2/oauth/par",
            who: &["anonymous"],
            body: "response_type=code&client_id=shop&redirect_uri=https://shop.example/back&code_challenge=\
                   E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
            status: 201,
            read_by: "",
            id_from: "",
        },
        access: PUBLIC,
        schema: None,
        run: push,
    },
    Route {
        operation: Operation {
            name: "authorize",
            method: "GET",
            path: "/v2/oauth/authorize",
            who: &["user"],
            body: "",
            status: 302,
            read_by: "",
            id_from: "",
        },
        access: only(&[Role::User, Role::Business, Role::Admin]),
        schema: None,
        run: authorize,
    },
    Route {
        operation: Operation {
            name: "redeem-code",
            method: "POST",
            path: "/v2/oauth/token",
            who: &["anonymous"],
            body: "grant_type=authorization_code&client_id=shop&code=none",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: PUBLIC,
        schema: None,
        run: redeem,
    },
];

/// What a code was asked for with.
#[derive(Clone, Debug)]
pub struct Asked {
    tenant: &'static str,
    challenge: String,
    /// The thumbprint of the key that is to redeem it.
    key: Option<String>,
    /// The account that it was given for; none before that.
    account: Option<String>,
}

/// The parameters of an authorization request, whichever way they come. `key`: thumbprint that a proof proved.
fn asked(call: &Call<'_, Pers>, form: &Form, key: Option<String>) -> Result<Asked, Error> {
    let flaws = call.app.flaws();
    let is_right = form.require("response_type")? == "code"
        && form.require("client_id")? == CLIENT
        && form.require("redirect_uri")? == REDIRECT
        && form.require("code_challenge_method")? == "S256";
    if !is_right {
        return Err(bad("The client is not registered for this."));
    }
    let named = form.get("dpop_jkt").map(str::to_owned);
    if let (Some(named), Some(proven)) = (&named, &key)
        && named != proven
        && !flaws.has("dpop-jkt-at-par-uncompared")
    {
        return Err(refused_request(&call.app.edge, Fault::Key));
    }
    let key = key.filter(|_| !flaws.has("dpop-proof-at-par-forgotten"));
    let named = named.filter(|_| !flaws.has("dpop-jkt-ignored"));
    Ok(Asked {
        tenant: call.caller.tenant,
        challenge: form.require("code_challenge")?.to_owned(),
        key: key.or(named),
        account: None,
    })
}

fn push(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let key = possession::proven(call)?;
    let asked = asked(call, &Form::of_body(call)?, key)?;
    let uri = format!("urn:ietf:params:oauth:request_uri:{}", random_hex());
    keep(call.app, &uri, asked);
    let told = json!({ "request_uri": uri, "expires_in": 60 });
    Ok(Response::json(201, &told).holds(Holds::Secret))
}

/// Who sends the request is logged in by the token that it carries; a browser would be by its cookie.
fn authorize(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let form = Form::of_query(call)?;
    let asked = match form.get("request_uri") {
        Some(uri) => take(call.app, uri)
            .filter(|asked| asked.account.is_none() && asked.tenant == call.caller.tenant)
            .ok_or_else(|| bad("request_uri is unknown."))?,
        None => asked(call, &form, None)?,
    };
    let code = random_hex();
    let granted = Asked {
        account: call.caller.account.clone(),
        ..asked
    };
    keep(call.app, &code, granted);
    let back = format!("{REDIRECT}?code={code}");
    Ok(Response::new(302)
        .field("Location", back)
        .holds(Holds::Secret))
}

fn redeem(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let app = call.app;
    let key = possession::proven(call)?;
    let form = Form::of_body(call)?;
    if form.require("grant_type")? != "authorization_code" || form.require("client_id")? != CLIENT {
        return Err(bad("Only codes of the one client are taken here."));
    }
    let verifier = base64url::encode(digest(&SHA256, form.require("code_verifier")?.as_bytes()));
    let granted = take(app, form.require("code")?).filter(|granted| {
        granted.tenant == call.caller.tenant
            && granted.challenge == verifier
            && form.get("redirect_uri") == Some(REDIRECT)
    });
    let account = granted.as_ref().and_then(|granted| {
        let state = app.state();
        let mut accounts = state.accounts.iter();
        accounts
            .find(|account| Some(&account.id) == granted.account.as_ref())
            .cloned()
    });
    let (Some(granted), Some(account)) = (granted, account) else {
        return Err(Error::new(400, "INVALID_GRANT", "The code is not good."));
    };
    if !fits(granted.key.as_deref(), key.as_deref(), app.flaws()) {
        return Err(refused_request(&app.edge, Fault::Key));
    }
    if account.needs_key && key.is_none() {
        return Err(refused_request(&app.edge, Fault::Absent));
    }
    Ok(accounts::tokens(
        app,
        &account,
        key.as_deref(),
        key.as_deref(),
        None,
    ))
}

/// Whether a code that is bound to `bound` may be redeemed with a proof by `proven`.
fn fits(bound: Option<&str>, proven: Option<&str>, flaws: &FlawSet) -> bool {
    match (bound, proven) {
        (None, _) => true,
        (Some(_), None) => flaws.has("dpop-code-taken-without-proof"),
        (Some(bound), Some(proven)) => bound == proven || flaws.has("dpop-code-taken-with-any-key"),
    }
}

fn keep(app: &Pers, name: &str, asked: Asked) {
    let mut state = app.state();
    if state.asked.len() >= KEPT {
        state.asked.clear();
    }
    state.asked.insert(Hashed::of(name), asked);
}

/// Each is good once.
fn take(app: &Pers, name: &str) -> Option<Asked> {
    app.state().asked.remove(&Hashed::of(name))
}

//! Refresh tokens (RFC 6749 §6): each is good once, for the account and project that it was given to, and where it is
//! bound (RFC 9449 §5), with the key or the client that it was given to.

use super::access::{self, PUBLIC};
use super::accounts::{Account, Client, client, tokens};
use super::{Pers, possession};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::gap::gap;
use crate::reference::http::Response;
use crate::reference::operation::Operation;
use crate::reference::secret::{Hashed, random_hex};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "refreshed-token-cacheable",
        "Lets whoever sees the answer to a refresh keep it for a minute.",
        "RFC 6749 §5.1",
    ),
    flaw(
        "refresh-token-good-for-ever",
        "Takes a refresh token as often as it comes.",
        "RFC 9700 §4.14",
    ),
    flaw(
        "second-refresh-token-unstored",
        "Gives with a refresh a refresh token that it does not know later.",
        "RFC 6749 §6",
    ),
    flaw(
        "refresh-token-noted-late",
        "Looks a refresh token up, and takes it away a millisecond later.",
        "RFC 9700 §4.14",
    ),
    flaw(
        "refresh-token-of-any-tenant",
        "Refreshes the tokens of one project's account under the key of another.",
        "RFC 6749 §6",
    ),
    flaw(
        "access-token-refreshes",
        "Takes an access token for a refresh token.",
        "RFC 8725 §3.12",
    ),
    flaw(
        "refresh-token-opens-api",
        "Takes a refresh token for an access token.",
        "RFC 8725 §3.12",
    ),
    flaw(
        "dpop-refreshed-token-unbound",
        "Leaves the binding out of a token that was refreshed.",
        "RFC 9449 §5",
    ),
    flaw(
        "dpop-refresh-token-bound-for-all-clients",
        "Asks also clients that authenticate for the key that their refresh token was given to.",
        "RFC 9449 §5",
    ),
    flaw(
        "dpop-refresh-token-unbound",
        "Refreshes a bound token for whoever has the refresh token.",
        "RFC 9449 §5",
    ),
];

const REFRESH_REQUEST: &[Member] = &[required("refreshToken", Kind::Text(1, 4096))];

pub const ROUTES: &[Route<Pers>] = &[Route {
    operation: Operation {
        body: r#"{"refreshToken":"$refresh_token"}"#,
        ..Operation::new("refresh", "POST", "/v2/auth/refresh", &["anonymous"], 200)
    },
    access: PUBLIC,
    schema: Some(REFRESH_REQUEST),
    run: refresh,
}];

/// What a refresh token stands for.
#[derive(Clone, Debug)]
pub struct Refresh {
    account: String,
    /// The thumbprint of the key that it is bound to where its client is public (RFC 9449 §5).
    key: Option<String>,
    /// The client, where it authenticates; then it is bound to that.
    client: Option<Client>,
}

/// A new one for this account.
pub fn issue(app: &Pers, account: &Account, key: Option<&str>, client: Option<Client>) -> String {
    let text = random_hex();
    let refresh = Refresh {
        account: account.id.clone(),
        key: key.map(ToOwned::to_owned),
        client,
    };
    let hashed = Hashed::of(&text);
    app.state().refresh_tokens.insert(hashed, refresh);
    text
}

/// The account that a refresh token was given to, for a deployment that takes it for an access token.
pub fn taken_for_access_token(app: &Pers, token: &str) -> Option<String> {
    let state = app.state();
    let known = state.refresh_tokens.get(&Hashed::of(token))?;
    app.flaws()
        .has("refresh-token-opens-api")
        .then(|| known.account.clone())
}

/// What an access token is worth as a refresh token, for a deployment that does not tell them apart.
fn taken_from_access_token(app: &Pers, text: &str) -> Option<Refresh> {
    if !app.flaws().has("access-token-refreshes") {
        return None;
    }
    let claims = app.issuer.verify(text, app.flaws())?;
    Some(Refresh {
        account: claims.sub,
        key: None,
        client: None,
    })
}

/// A refresh token that is bound to a key is good with a proof by it alone, one of a client that authenticates with its
/// client alone. It stays good when it came without.
fn refresh(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let client = client(call)?;
    let proven = possession::proven(call)?;
    let text = call.text("refreshToken").unwrap_or_default();
    let used = Hashed::of(text);
    let is_holder = |known: &Refresh| {
        if known.client.is_some() {
            let is_of_key = known.key == proven;
            return known.client == client
                && (is_of_key || !flaws.has("dpop-refresh-token-bound-for-all-clients"));
        }
        known.key.is_none() || known.key == proven || flaws.has("dpop-refresh-token-unbound")
    };
    let mut state = app.state();
    let known = state.refresh_tokens.get(&used).cloned();
    let known = known.filter(is_holder);
    if flaws.has("refresh-token-noted-late") {
        drop(state);
        gap();
        state = app.state();
    }
    if known.is_some() && !flaws.has("refresh-token-good-for-ever") {
        state.refresh_tokens.remove(&used);
    }
    drop(state);
    let known = known.or_else(|| taken_from_access_token(app, text));
    let found = known.and_then(|known| {
        let state = app.state();
        let mut accounts = state.accounts.iter();
        let account = accounts.find(|account| account.id == known.account)?;
        let is_here =
            account.tenant == call.caller.tenant || flaws.has("refresh-token-of-any-tenant");
        is_here.then(|| (account.clone(), known.key))
    });
    let Some((account, key)) = found else {
        return Err(access::unknown_token(app));
    };
    // A token that was not bound is bound from now on, where its client brings a proof. A client that authenticates may
    // have another key each time.
    let key = match client {
        Some(_) => proven,
        None => key.or(proven),
    };
    let is_dropped = key.is_some() && flaws.has("dpop-refreshed-token-unbound");
    let bound_to = key.as_deref().filter(|_| !is_dropped);
    let response = tokens(app, &account, bound_to, key.as_deref(), client);
    if flaws.has("second-refresh-token-unstored") {
        app.state()
            .refresh_tokens
            .retain(|_, known| known.account != account.id);
    }
    if flaws.has("refreshed-token-cacheable") {
        return Ok(response.field("Cache-Control", "private, max-age=60"));
    }
    Ok(response)
}

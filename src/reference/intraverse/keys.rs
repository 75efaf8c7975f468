//! Kinds of credentials, and what each opens.

use super::{GAME, Intraverse};
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials::{self, Presented};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Request;
use crate::reference::secret::Hashed;
use crate::reference::token::Claims;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "server-key-unchecked",
        "Takes any x-game-server-key that looks like one.",
        "Intraverse API, Server API Key Header",
    ),
    flaw(
        "server-key-not-asked-for",
        "Serves server operations without any credential.",
        "Intraverse API, Server API Key Header",
    ),
    flaw(
        "client-key-opens-server-operations",
        "Takes a client key for a server key.",
        "Intraverse API, Server-Only APIs",
    ),
    flaw(
        "player-token-opens-server-operations",
        "Takes a player's token for a server key.",
        "Intraverse API, Server-Only APIs",
    ),
    flaw(
        "server-key-in-any-header",
        "Takes a server key from x-game-key or Authorization as well.",
        "Intraverse API, Server API Key Header",
    ),
    flaw(
        "query-key-kind-unchecked",
        "Takes any good key in the query for a server key.",
        "Intraverse API, Server API Key Header",
    ),
    flaw(
        "server-only-body-altered",
        "Answers a client's call of a server-only operation with another message.",
        "Intraverse API, Client-Side Request Detected",
    ),
    flaw(
        "ended-session-lives-on",
        "Takes the token of a session that was ended.",
        "RFC 7009 §2",
    ),
    flaw(
        "client-key-counts-as-login",
        "Takes the client key for a player's login where there is no token.",
        "Intraverse API, Client Key Header",
    ),
    flaw(
        "revoked-key-accepted",
        "Takes keys that were revoked.",
        "Intraverse API, API Key Management",
    ),
    flaw(
        "other-environment-key-accepted",
        "Takes keys of another environment.",
        "Intraverse API, API Key Management",
    ),
    flaw(
        "game-of-key-ignored",
        "Lets the key of one game act on another.",
        "OWASP API1:2023",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Server,
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    Revoked,
    OtherEnvironment,
}

#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub kind: Kind,
    /// What it is counted under.
    pub number: usize,
    pub game: &'static str,
    pub standing: Standing,
}

/// What a route demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// A client key.
    Client,
    /// A player's token.
    Player,
    /// A server key, and nothing that a client has.
    Server,
}

#[derive(Clone, Debug)]
pub struct Caller {
    pub game: &'static str,
    /// Claims of the player's token; empty subject for a stand-in or a key.
    pub player: String,
    /// `jti` of the token.
    pub session: String,
    /// Number of the server key, where one was sent.
    pub server_key: Option<usize>,
}

const SERVER_HEADER: &str = "x-game-server-key";
const CLIENT_HEADER: &str = "x-game-key";
const KEY_SCHEME: &str = "ApiKey";

pub fn admit(app: &Intraverse, access: Access, request: &Request) -> Result<Caller, Error> {
    match access {
        Access::Everybody => Ok(of_game(GAME)),
        Access::Client => client(app, request),
        Access::Player => player(app, request),
        Access::Server => server(app, request),
    }
}

fn of_game(game: &'static str) -> Caller {
    Caller {
        game,
        player: String::new(),
        session: String::new(),
        server_key: None,
    }
}

/// The good key of this kind that the text is.
fn known(app: &Intraverse, text: &str, kind: Kind) -> Option<Key> {
    let flaws = app.flaws();
    let key = *app.keys.get(&Hashed::of(text))?;
    let is_good = match key.standing {
        Standing::Good => true,
        Standing::Revoked => flaws.has("revoked-key-accepted"),
        Standing::OtherEnvironment => flaws.has("other-environment-key-accepted"),
    };
    (key.kind == kind && is_good).then_some(key)
}

/// The client key, from the header or from the query parameter.
fn sent_client_key(request: &Request) -> Option<String> {
    request
        .fields
        .get(CLIENT_HEADER)
        .map(ToOwned::to_owned)
        .or_else(|| request.parameter(CLIENT_HEADER))
}

fn key_refusal(app: &Intraverse, was_sent: bool) -> Error {
    let why = if was_sent {
        Unknown::Invalid
    } else {
        Unknown::Nothing
    };
    let mut error = challenge::unauthenticated(&app.edge, KEY_SCHEME, why);
    error.message = "Invalid API key".to_owned();
    error
}

fn client(app: &Intraverse, request: &Request) -> Result<Caller, Error> {
    if request.fields.count(CLIENT_HEADER) > 1 {
        return Err(challenge::ambiguous(&app.edge));
    }
    let Some(text) = sent_client_key(request) else {
        return Err(key_refusal(app, false));
    };
    match known(app, &text, Kind::Client) {
        Some(key) => Ok(of_game(key.game)),
        None => Err(key_refusal(app, true)),
    }
}

fn server(app: &Intraverse, request: &Request) -> Result<Caller, Error> {
    let flaws = app.flaws();
    let mut sent = request.fields.get(SERVER_HEADER).map(ToOwned::to_owned);
    if request.fields.count(SERVER_HEADER) > 1 && !flaws.has("repeated-authorization-ignored") {
        return Err(challenge::ambiguous(&app.edge));
    }
    let token = match credentials::bearer(request, flaws) {
        Presented::Bearer(token) => Some(token),
        Presented::Nothing | Presented::Malformed | Presented::Ambiguous => None,
    };
    if sent.is_none() && flaws.has("server-key-in-any-header") {
        sent = sent_client_key(request).or_else(|| token.clone());
    }
    if let Some(key) = sent
        .as_deref()
        .and_then(|text| known(app, text, Kind::Server))
    {
        return Ok(Caller {
            server_key: Some(key.number),
            ..of_game(key.game)
        });
    }
    if sent.is_some() && flaws.has("server-key-unchecked") {
        return Ok(of_game(GAME));
    }
    // A client shows itself by what only clients have: a client key, wherever it stands, or a player's token.
    let client_key = sent.clone().or_else(|| sent_client_key(request));
    let shown_key = client_key
        .as_deref()
        .and_then(|text| known(app, text, Kind::Client));
    let shown_token = match &sent {
        Some(text) => verified(app, text),
        None => token.as_deref().and_then(|token| verified(app, token)),
    };
    if let Some(key) = shown_key
        && (flaws.has("client-key-opens-server-operations")
            || (request.parameter(CLIENT_HEADER).is_some()
                && flaws.has("query-key-kind-unchecked")))
    {
        return Ok(of_game(key.game));
    }
    if shown_token.is_some() && flaws.has("player-token-opens-server-operations") {
        return Ok(of_game(GAME));
    }
    if shown_key.is_some() || shown_token.is_some() {
        let mut error = challenge::forbidden(&app.edge, None);
        error.message = if flaws.has("server-only-body-altered") {
            "Not for you".to_owned()
        } else {
            "Server-only endpoint accessed from client".to_owned()
        };
        return Err(error);
    }
    if sent.is_none() && flaws.has("server-key-not-asked-for") {
        return Ok(of_game(GAME));
    }
    Err(key_refusal(app, sent.is_some()))
}

fn player(app: &Intraverse, request: &Request) -> Result<Caller, Error> {
    let flaws = app.flaws();
    let refusal = |why| {
        let mut error = challenge::unauthenticated(&app.edge, "Bearer", why);
        error.message = "Invalid or missing token".to_owned();
        error
    };
    let token = match credentials::bearer(request, flaws) {
        Presented::Bearer(token) => token,
        Presented::Ambiguous => return Err(challenge::ambiguous(&app.edge)),
        Presented::Malformed => return Err(refusal(Unknown::Invalid)),
        Presented::Nothing => {
            let key = sent_client_key(request);
            if flaws.has("client-key-counts-as-login")
                && key.is_some_and(|text| known(app, &text, Kind::Client).is_some())
            {
                return Ok(stand_in(app, Access::Player, request));
            }
            return Err(refusal(Unknown::Nothing));
        }
    };
    let claims = verified(app, &token).ok_or_else(|| refusal(Unknown::Invalid))?;
    let state = app.state();
    let player = state
        .players
        .iter()
        .find(|player| player.id == claims.sub)
        .ok_or_else(|| refusal(Unknown::Invalid))?;
    Ok(Caller {
        game: player.game,
        player: player.id.clone(),
        session: claims.jti,
        server_key: None,
    })
}

/// Claims of a player's token that is good and whose session goes on.
fn verified(app: &Intraverse, token: &str) -> Option<Claims> {
    let claims = app.issuer.verify(token, app.flaws())?;
    let is_ended =
        app.state().ended.contains(&claims.jti) && !app.flaws().has("ended-session-lives-on");
    (!is_ended).then_some(claims)
}

/// The first player of the first game.
pub fn stand_in(app: &Intraverse, access: Access, _request: &Request) -> Caller {
    let mut caller = of_game(GAME);
    if access == Access::Player
        && let Some(player) = app.state().players.first()
    {
        caller.player = player.id.clone();
    }
    caller
}

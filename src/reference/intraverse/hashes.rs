//! Authentication hashes: a game's server is given one for a player, and a client exchanges it for the player's session,
//! once and within minutes.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Intraverse;
use super::games::success;
use super::keys::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, invalid, required};
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::gap::gap;
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::{Hashed, random_hex};
use crate::reference::token::LIFETIME;

const SOURCE: &str = "Intraverse API, Authentication Flow Security";

pub const FLAWS: &[Flaw] = &[
    flaw(
        "login-hash-good-for-ever",
        "Takes an authentication hash as often as it comes.",
        SOURCE,
    ),
    flaw(
        "login-hash-noted-late",
        "Looks an authentication hash up, and notes a millisecond later that it was used.",
        SOURCE,
    ),
    flaw(
        "login-hash-never-expires",
        "Takes an authentication hash however old it is.",
        SOURCE,
    ),
    flaw(
        "login-hash-compared-by-beginning",
        "Takes whatever begins like an authentication hash.",
        SOURCE,
    ),
    flaw(
        "login-hash-opens-first-session",
        "Opens the first player's session, whichever player the authentication hash was issued for.",
        SOURCE,
    ),
    flaw(
        "login-hash-of-any-game",
        "Takes an authentication hash from the client of another game.",
        SOURCE,
    ),
];

/// Hashes remembered at most; the oldest makes room.
const KEPT: usize = 2000;
/// Characters that the flaw compares.
const BEGINNING: usize = 32;

const ISSUE: &[Member] = &[required("userId", Kind::Text(1, 64))];
const REDEEM: &[Member] = &[required("hash", Kind::Text(1, 200))];

pub const ROUTES: &[Route<Intraverse>] = &[
    Route {
        operation: Operation {
            body: r#"{"userId":"$user_id"}"#,
            ..Operation::new("issue-hash", "POST", "/user/hash", &["server"], 201)
        },
        access: Access::Server,
        schema: Some(ISSUE),
        run: issue,
    },
    Route {
        operation: Operation {
            body: r#"{"hash":"$login_hash"}"#,
            ..Operation::new("redeem-hash", "POST", "/auth/hash", &["client"], 200)
        },
        access: Access::Client,
        schema: Some(REDEEM),
        run: redeem,
    },
];

/// One that was given out.
pub struct Issued {
    hash: Hashed,
    /// For a flaw.
    beginning: String,
    player: String,
    game: &'static str,
    at: Instant,
    is_used: bool,
}

impl Issued {
    /// A fresh one, and its text.
    pub fn to(player: &str, game: &'static str) -> (Self, String) {
        let text = random_hex();
        let issued = Self {
            hash: Hashed::of(&text),
            beginning: text.chars().take(BEGINNING).collect(),
            player: player.to_owned(),
            game,
            at: Instant::now(),
            is_used: false,
        };
        (issued, text)
    }
}

fn issue(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let id = call.text("userId").unwrap_or_default();
    let any_game = call.app.flaws().has("game-of-key-ignored");
    let (player, game) = state
        .players
        .iter()
        .find(|player| player.id == id && (player.game == call.caller.game || any_game))
        .map(|player| (player.id.clone(), player.game))
        .ok_or_else(|| invalid(&call.app.edge, "userId names no player."))?;
    let (issued, text) = Issued::to(&player, game);
    if state.hashes.len() >= KEPT {
        state.hashes.remove(0);
    }
    state.hashes.push(issued);
    let data = json!({ "hash": text, "expiresIn": call.app.hash_age.as_secs() });
    Ok(success(201, &data).holds(Holds::Secret))
}

fn redeem(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let sent = call.text("hash").unwrap_or_default();
    let (hash, now) = (Hashed::of(sent), Instant::now());
    let is_good = |issued: &Issued| {
        let is_it = issued.hash == hash
            || (sent.starts_with(&issued.beginning)
                && flaws.has("login-hash-compared-by-beginning"));
        is_it
            && (is_younger(issued, now, app.hash_age) || flaws.has("login-hash-never-expires"))
            && (!issued.is_used || flaws.has("login-hash-good-for-ever"))
            && (issued.game == call.caller.game || flaws.has("login-hash-of-any-game"))
    };
    let mut state = app.state();
    let found = state.hashes.iter().position(is_good);
    let Some(at) = found else {
        drop(state);
        let mut error = challenge::unauthenticated(&app.edge, "Bearer", Unknown::Invalid);
        error.message = "This authentication hash is not good any more".to_owned();
        return Err(error);
    };
    let issued = &state.hashes[at];
    let (hash, mut player, game) = (issued.hash, issued.player.clone(), issued.game);
    if flaws.has("login-hash-opens-first-session")
        && let Some(first) = state.players.iter().find(|player| player.game == game)
    {
        player = first.id.clone();
    }
    if flaws.has("login-hash-noted-late") {
        drop(state);
        gap();
        state = app.state();
    }
    let found = state.hashes.iter_mut().find(|issued| issued.hash == hash);
    if let Some(issued) = found {
        issued.is_used = true;
    }
    drop(state);
    let token = app.issuer.mint(&player, game, "user", flaws);
    let data = json!({ "accessToken": token, "expiresIn": LIFETIME, "userId": player });
    Ok(success(200, &data).holds(Holds::Secret))
}

fn is_younger(issued: &Issued, now: Instant, age: Duration) -> bool {
    now.saturating_duration_since(issued.at) < age
}

//! `intraverse`: a game platform.
//!
//! Two games, each with a client key, a server key and players. Operations are for everybody (`/status`), for clients
//! (`x-game-key`, as header or query parameter), for players (bearer token), or for servers (`x-game-server-key`).
//! A server is given an authentication hash for a player, which a client exchanges for a token, once.
//!
//! Secrets, by name: `server_key`, `client_key`, `other_server_key`, `other_client_key` (of the other game),
//! `revoked_server_key`, `other_env_server_key`, `other_env_client_key`; `user_email`, `user_password`,
//! `other_user_email`, `other_user_password`; `user_token`, `second_user_token`, `other_user_token`,
//! `expired_user_token`, `foreign_user_token`; `login_hash` (of `user`); `user_id`, `second_user_id`, `other_user_id`;
//! `lockable_email`, `lockable_password`: the account that is locked for a while after [`lockout::TRIES`] wrong passwords,
//! which those of tests are not; `long_password_email`, `long_password_password`: the account whose password has more
//! octets than bcrypt looks at; `spare_user_id`: the player whose points the spare keys set.

mod errors;
mod games;
mod hashes;
mod keys;
mod lockout;
mod players;
mod points;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dispatch::{self, Application, Pipeline, Route};
use super::edge::cors::Pages;
use super::edge::errors::Error;
use super::edge::{Edge, headers};
use super::flaw::{Flaw, FlawSet, flaw};
use super::http::{Request, Response};
use super::operation::Operation;
use super::rate_limit::{self, Covers, Kind, Limit, Payer, Per, Told};
use super::secret::{Hashed, random_hex};
use super::serve::{Built, Settings};
use super::token::Issuer;
use super::{edge, listen, old_tls, password, token};
use crate::jose::Algorithm;

const ROUTES: &[&[Route<Intraverse>]] = &[
    games::ROUTES,
    players::ROUTES,
    hashes::ROUTES,
    points::ROUTES,
];

/// The contract states these to the letter.
const HEADERS: &[(&str, &str)] = &[
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-XSS-Protection", "1; mode=block"),
    (
        "Strict-Transport-Security",
        "max-age=31536000; includeSubDomains",
    ),
    ("Content-Security-Policy", "default-src 'self'"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
];

/// The pages of the games.
const PAGES: Pages = Pages {
    origin: "https://play.intraverse.example",
    sent: "Authorization, Content-Type, X-Game-Key",
    read: "RateLimit, Retry-After, X-Request-Id",
};

const LIMIT_FLAWS: &[Flaw] = &[flaw(
    "limit-refusal-without-cors",
    "Refuses with 429 before the layer that lets pages read an answer.",
    "Fetch §CORS protocol",
)];

/// The tables of this deployment.
pub fn flaws() -> Vec<&'static [Flaw]> {
    let mut tables = edge::FLAWS.to_vec();
    tables.extend([
        dispatch::FLAWS,
        edge::request_id::HEADER_FLAWS,
        listen::FLAWS,
        listen::FLOOR_1_3_FLAWS,
        old_tls::FLAWS,
        headers::FIXED_FLAWS,
        password::FLAWS,
        password::LONG_FLAWS,
        token::RSA_FLAWS,
        errors::FLAWS,
        edge::errors::ENVELOPE_FLAWS,
        edge::errors::CLOSED_FLAWS,
        token::LIFETIME_FLAWS,
        games::FLAWS,
        hashes::FLAWS,
        keys::FLAWS,
        rate_limit::FLAWS,
        rate_limit::LOGIN_FLAWS,
        rate_limit::WAIT_FLAWS,
        rate_limit::BUCKET_FLAWS,
        rate_limit::BATCH_FLAWS,
        rate_limit::LEGACY_FLAWS,
        LIMIT_FLAWS,
        lockout::FLAWS,
        players::FLAWS,
        points::FLAWS,
    ]);
    tables.extend(token::FLAWS);
    tables
}

pub fn operations() -> Vec<Operation> {
    ROUTES
        .iter()
        .flat_map(|table| table.iter())
        .map(|route| route.operation)
        .collect()
}

pub const GAME: &str = "game-one";
pub const OTHER_GAME: &str = "game-two";

pub struct Intraverse {
    edge: Arc<Edge>,
    issuer: Issuer,
    keys: HashMap<Hashed, keys::Key>,
    /// How long an authentication hash is good.
    hash_age: Duration,
    /// How long an account is locked.
    lockout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    players: Vec<players::Player>,
    tournaments: Vec<games::Tournament>,
    hashes: Vec<hashes::Issued>,
    /// `jti` of tokens whose session was ended.
    ended: HashSet<String>,
}

impl Intraverse {
    /// A panic of a handler would poison the lock; the state is still whole, since handlers change it last.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flaws(&self) -> &FlawSet {
        &self.edge.flaws
    }
}

impl Application for Intraverse {
    type Access = keys::Access;
    type Caller = keys::Caller;

    fn edge(&self) -> &Edge {
        &self.edge
    }

    fn admit(&self, access: keys::Access, request: &Request) -> Result<keys::Caller, Error> {
        keys::admit(self, access, request)
    }

    fn stand_in(&self, access: keys::Access, request: &Request) -> keys::Caller {
        keys::stand_in(self, access, request)
    }

    fn payer(&self, caller: &keys::Caller) -> Payer {
        Payer {
            credential: caller
                .server_key
                .map_or(String::new(), |key| key.to_string()),
            user: caller.player.clone(),
        }
    }

    fn carries_out(&self, operation: &Operation, request: &Request) -> u32 {
        match operation.name {
            points::MANY => points::changes_in(request),
            _ => 1,
        }
    }

    fn exists(&self, template: &str, id: &str) -> bool {
        let state = self.state();
        match template {
            points::ITEM => state.players.iter().any(|player| player.id == id),
            games::TOURNAMENT => state.tournaments.iter().any(|entry| entry.id == id),
            _ => true,
        }
    }

    fn preflight(&self, request: &Request, allow: &str) -> Option<Response> {
        PAGES.preflight(request, allow)
    }

    fn decorate(&self, request: &Request, response: &mut Response) {
        errors::bend(self, response);
        if response.status == 429 && self.flaws().has("limit-refusal-without-cors") {
            return;
        }
        PAGES.decorate(request, response);
    }
}

/// Server keys that nothing else is done with, so that each check of a limit finds one unused.
const SPARE_KEYS: usize = 34;

/// The three limits of the contract.
pub fn limits() -> Vec<Limit> {
    let limit = |name, requests, kind, per, covers| Limit {
        name,
        requests,
        window: Duration::from_secs(60),
        kind,
        per,
        covers,
    };
    vec![
        limit(
            "authentication",
            10,
            Kind::Fixed,
            Per::Address,
            Covers::Below("/auth/"),
        ),
        limit(
            "server-key",
            100,
            Kind::TokenBucket,
            Per::Credential,
            Covers::All,
        ),
        limit(
            "client-address",
            1000,
            Kind::Fixed,
            Per::Address,
            Covers::All,
        ),
    ]
}

pub fn build(flaws: FlawSet, settings: &Settings) -> Built {
    let mut edge = Edge::new(flaws, HEADERS, errors::ENVELOPE, "intraverse");
    edge.schema_status = 422;
    let limiter = settings.limiter().telling(Told::Wait("retryAfter"));
    edge.limiter = limiter.telling_legacy();
    let edge = Arc::new(edge);
    let issued_by = "https://intraverse.example";
    let audience = "https://api.intraverse.example";
    let issuer = |algorithm| Issuer::new(issued_by.to_owned(), audience.to_owned(), algorithm);
    let (issuer, stranger) = (issuer(Algorithm::RS256), issuer(Algorithm::ES256));

    let mut secrets = BTreeMap::new();
    let mut keep = |name: &str, value: String| {
        secrets.insert(name.to_owned(), value.clone());
        value
    };
    let mut keys = HashMap::new();
    for (name, kind, game, standing) in [
        ("server_key", keys::Kind::Server, GAME, keys::Standing::Good),
        ("client_key", keys::Kind::Client, GAME, keys::Standing::Good),
        (
            "other_server_key",
            keys::Kind::Server,
            OTHER_GAME,
            keys::Standing::Good,
        ),
        (
            "other_client_key",
            keys::Kind::Client,
            OTHER_GAME,
            keys::Standing::Good,
        ),
        (
            "revoked_server_key",
            keys::Kind::Server,
            GAME,
            keys::Standing::Revoked,
        ),
        (
            "other_env_server_key",
            keys::Kind::Server,
            GAME,
            keys::Standing::OtherEnvironment,
        ),
        (
            "other_env_client_key",
            keys::Kind::Client,
            GAME,
            keys::Standing::OtherEnvironment,
        ),
    ] {
        let prefix = if kind == keys::Kind::Server {
            "gsk"
        } else {
            "gck"
        };
        let key = keep(name, format!("{prefix}_{}", random_hex()));
        keys.insert(
            Hashed::of(&key),
            keys::Key {
                number: keys.len(),
                kind,
                game,
                standing,
            },
        );
    }

    for spare in 1..=SPARE_KEYS {
        let key = keep(
            &format!("spare_server_key_{spare}"),
            format!("gsk_{}", random_hex()),
        );
        let key = Hashed::of(&key);
        let number = keys.len();
        keys.insert(
            key,
            keys::Key {
                kind: keys::Kind::Server,
                number,
                game: GAME,
                standing: keys::Standing::Good,
            },
        );
    }

    let mut state = State::default();
    for (number, (name, game)) in [
        ("user", GAME),
        ("second_user", GAME),
        ("other_user", OTHER_GAME),
        ("lockable", GAME),
        ("long_password", GAME),
        // Whose points the spare keys set, so that nobody else does meanwhile.
        ("spare_user", GAME),
    ]
    .into_iter()
    .enumerate()
    {
        let password = password::seeded(number);
        let mut player = players::Player::seeded(name, game, password);
        player.lock.is_fitted = name == "lockable";
        keep(&format!("{name}_id"), player.id.clone());
        keep(&format!("{name}_email"), player.email.clone());
        keep(&format!("{name}_password"), password.clear().to_owned());
        keep(
            &format!("{name}_token"),
            issuer.mint(&player.id, game, "user", &edge.flaws),
        );
        if name == "user" {
            let (issued, hash) = hashes::Issued::to(&player.id, game);
            keep("login_hash", hash);
            state.hashes.push(issued);
            keep(
                "expired_user_token",
                issuer.mint_expired(&player.id, game, "user"),
            );
            keep(
                "foreign_user_token",
                stranger.mint(&player.id, game, "user", &edge.flaws),
            );
        }
        state.players.push(player);
    }
    state.tournaments.push(games::Tournament::seeded(GAME));
    state
        .tournaments
        .push(games::Tournament::seeded(OTHER_GAME));
    keep("tournament_id", state.tournaments[0].id.clone());
    keep("other_tournament_id", state.tournaments[1].id.clone());

    keep("minting_key", issuer.minting_key());
    let app = Intraverse {
        edge: Arc::clone(&edge),
        issuer,
        keys,
        hash_age: settings.login_hash_age,
        lockout: settings.lockout,
        state: Mutex::new(state),
    };
    Built {
        edge,
        site: Arc::new(Pipeline::new(Arc::new(app), ROUTES)),
        secrets,
    }
}

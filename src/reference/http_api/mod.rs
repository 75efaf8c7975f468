//! `http-api`: what the RFCs demand and good practice advises, for an API without a contract of its own: notes.
//!
//! Two tenants. In the first: `user`, `second_user`, `colleague`, `reader` (may read, not write) and `admin`; in the second:
//! `other_user` and `other_admin`. Callers come with a bearer token (`POST /oauth/token`, client credentials) or with
//! the cookie of a session (`POST /session`); the latter needs the CSRF token of the session for unsafe methods.
//!
//! Secrets, by name, for each of these principals `P`: `P_token`, `P_client_id`, `P_client_secret`, `P_id`,
//! `P_email`, `P_password`; further `expired_user_token`, `foreign_user_token` (signed by another issuer's key),
//! `note_id`, `other_note_id`, `colleague_note_id`, and the same of `file_id`. The declared browser origins are in [`cors`].

mod access;
mod accounts;
mod cors;
mod exports;
mod files;
mod language;
mod notes;
mod pages;
mod problems;
mod redirect;
mod session;
mod token_endpoint;
mod trace;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cors::Cors;
use super::dispatch::{self, Application, Pipeline, Route};
use super::edge::errors::Error;
use super::edge::{Edge, headers, plain};
use super::flaw::{Flaw, FlawSet};
use super::http::{Request, Response};
use super::operation::Operation;
use super::secret::{Hashed, random_hex, random_id};
use super::serve::Built;
use super::token::Issuer;
use super::{edge, listen, old_tls, password, token};
use crate::jose::Algorithm;

const ROUTES: &[&[Route<HttpApi>]] = &[
    accounts::ROUTES,
    exports::ROUTES,
    files::ROUTES,
    notes::ROUTES,
    pages::ROUTES,
    problems::ROUTES,
    redirect::ROUTES,
    session::ROUTES,
    token_endpoint::ROUTES,
];

const HEADERS: &[(&str, &str)] = &[
    (
        "Strict-Transport-Security",
        "max-age=31536000; includeSubDomains",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    (
        "Content-Security-Policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// The tables of this deployment.
pub fn flaws() -> Vec<&'static [Flaw]> {
    let mut tables = edge::FLAWS.to_vec();
    tables.extend([
        dispatch::FLAWS,
        edge::request_id::HEADER_FLAWS,
        edge::challenge::SCOPE_FLAWS,
        listen::FLAWS,
        listen::FLOOR_1_2_FLAWS,
        old_tls::FLAWS,
        plain::ANSWERING_FLAWS,
        plain::REDIRECTING_FLAWS,
        headers::FREE_FLAWS,
        password::FLAWS,
        token::ECDSA_FLAWS,
        token::SECRET_FLAWS,
        access::FLAWS,
        accounts::FLAWS,
        exports::FLAWS,
        files::FLAWS,
        language::FLAWS,
        notes::FLAWS,
        pages::FLAWS,
        problems::FLAWS,
        redirect::FLAWS,
        session::FLAWS,
        token_endpoint::FLAWS,
        trace::FLAWS,
        edge::body::COMPRESSION_FLAWS,
        edge::errors::CONFLICT_FLAWS,
    ]);
    tables.extend(token::FLAWS);
    tables.extend(super::cors::FLAWS);
    tables
}

pub fn operations() -> Vec<Operation> {
    ROUTES
        .iter()
        .flat_map(|table| table.iter())
        .map(|route| route.operation)
        .collect()
}

pub struct HttpApi {
    edge: Arc<Edge>,
    issuer: Issuer,
    /// Our own origin, as browsers write it.
    origin: String,
    cors: Cors,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: Vec<accounts::Account>,
    notes: Vec<notes::Note>,
    files: Vec<files::File>,
    /// Session id, hashed, to session.
    sessions: HashMap<Hashed, session::Session>,
    /// Problems told, for the flaw that shows them to everybody.
    problems: VecDeque<problems::Told>,
}

impl State {
    /// Whether two accounts are of the same tenant and role.
    fn are_colleagues(&self, one: &str, other: &str) -> bool {
        let place = |id: &str| {
            let account = self.accounts.iter().find(|account| account.id == id)?;
            Some((account.tenant, account.role))
        };
        place(one).is_some_and(|found| place(other) == Some(found))
    }
}

impl HttpApi {
    /// A panic of a handler would poison the lock; the state is still whole, since handlers change it last.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flaws(&self) -> &FlawSet {
        &self.edge.flaws
    }
}

impl Application for HttpApi {
    type Access = access::Access;
    type Caller = access::Caller;

    fn edge(&self) -> &Edge {
        &self.edge
    }

    fn gate(&self, request: &Request) -> Result<(), Error> {
        trace::judge(self, request)
    }

    fn admit(&self, access: access::Access, request: &Request) -> Result<access::Caller, Error> {
        access::admit(self, access, request)
    }

    fn stand_in(&self, access: access::Access, _request: &Request) -> access::Caller {
        access::stand_in(self, access)
    }

    fn exists(&self, template: &str, id: &str) -> bool {
        let state = self.state();
        match template {
            notes::ITEM | exports::CHILDREN => state.notes.iter().any(|note| note.id == id),
            files::ITEM => state.files.iter().any(|file| file.id == id),
            accounts::ITEM => state.accounts.iter().any(|account| account.id == id),
            _ => true,
        }
    }

    fn preflight(&self, request: &Request, allow: &str) -> Option<Response> {
        self.cors.preflight(request, allow, self.flaws())
    }

    fn decorate(&self, request: &Request, response: &mut Response) {
        self.cors.decorate(request, response, self.flaws());
        pages::decorate(self, response);
        problems::decorate(self, request, response);
        session::decorate(self, response);
        trace::decorate(self, request, response);
    }
}

pub fn build(flaws: FlawSet, https_port: u16) -> Built {
    let mut edge = Edge::new(flaws, HEADERS, problems::ENVELOPE, "notes");
    edge.schema_status = 422;
    edge.id_from_client = true;
    let edge = Arc::new(edge);
    let origin = format!("https://localhost:{https_port}");
    let issuer = Issuer::new_or_weak(
        origin.clone(),
        origin.clone(),
        Algorithm::ES256,
        &edge.flaws,
    );
    let stranger = Issuer::new(origin.clone(), origin.clone(), Algorithm::ES256);

    let mut secrets = BTreeMap::new();
    let mut keep = |name: String, value: String| {
        secrets.insert(name, value.clone());
        value
    };
    let mut state = State::default();
    for (number, (name, tenant, role)) in [
        ("user", access::A, access::Role::Writer),
        ("second_user", access::A, access::Role::Writer),
        ("reader", access::A, access::Role::Reader),
        ("admin", access::A, access::Role::Admin),
        ("other_user", access::B, access::Role::Writer),
        ("other_admin", access::B, access::Role::Admin),
        ("colleague", access::A, access::Role::Writer),
    ]
    .into_iter()
    .enumerate()
    {
        let password = password::seeded(number);
        let client_secret = keep(format!("{name}_client_secret"), random_hex());
        let account =
            accounts::Account::seeded(name, tenant, role, password, Hashed::of(&client_secret));
        keep(format!("{name}_client_id"), account.client_id.clone());
        keep(format!("{name}_id"), account.id.clone());
        keep(format!("{name}_email"), account.email.clone());
        keep(format!("{name}_password"), password.clear().to_owned());
        keep(
            format!("{name}_token"),
            issuer.mint(&account.id, tenant, role.name(), &edge.flaws),
        );
        if name == "user" {
            keep(
                "expired_user_token".to_owned(),
                issuer.mint_expired(&account.id, tenant, role.name()),
            );
            keep(
                "foreign_user_token".to_owned(),
                stranger.mint(&account.id, tenant, role.name(), &edge.flaws),
            );
        }
        let prefix = match name {
            "user" => Some(""),
            "other_user" => Some("other_"),
            "colleague" => Some("colleague_"),
            _ => None,
        };
        if let Some(prefix) = prefix {
            let note = notes::Note::seeded(&account);
            keep(format!("{prefix}note_id"), note.id.clone());
            state.notes.push(note);
            let file = files::File::seeded(&account);
            keep(format!("{prefix}file_id"), file.id.clone());
            state.files.push(file);
        }
        state.accounts.push(account);
    }
    keep("minting_key".to_owned(), issuer.minting_key());
    let app = HttpApi {
        edge: Arc::clone(&edge),
        issuer,
        origin,
        cors: Cors::new(&cors::POLICY),
        state: Mutex::new(state),
    };
    Built {
        edge,
        site: Arc::new(Pipeline::new(Arc::new(app), ROUTES)),
        secrets,
    }
}

/// Makes room for one more: most objects of a kind that the deployment keeps, seeded ones (`first`) aside.
fn make_room<T>(objects: &mut Vec<T>, first: usize) {
    const KEPT: usize = 2000;
    if objects.len() >= KEPT {
        objects.remove(first);
    }
}

/// A canary for seeded data.
fn canary() -> String {
    format!("canary-{}", random_id())
}

//! `appdirect`: an API that trusts the secure tokens of an outside issuer, and the marketplace that issues such tokens.
//!
//! The API (`/orders`, `/me`…) fetches its issuer's keys from the address `issuer_address`, where nobody answers until a
//! run plays the issuer; the port is held for it. The marketplace (`/marketplace/…`) exchanges a session for a token of
//! its own, which opens nothing here. Two tenants; in the first `user`, `second_user` and `admin`, in the second
//! `other_user` and `other_admin`.
//!
//! Secrets, by name: `session` and `ended_session` of `user`. Ids, for each account `P`: `P_id` (a UUID); further
//! `user_order_id`, `other_user_order_id`.

mod access;
mod cors;
mod graphql;
mod marketplace;
mod orders;
mod products;
mod profile;
mod trust;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::net::TcpSocket;

use super::cors::Cors;
use super::dispatch::{self, Application, Pipeline, Route};
use super::edge::errors::{Envelope, Error};
use super::edge::{Edge, headers, plain};
use super::flaw::{Flaw, FlawSet};
use super::http::{Request, Response};
use super::operation::Operation;
use super::secret::{Hashed, random_hex};
use super::serve::Built;
use super::token::Issuer;
use super::{edge, listen, old_tls, token};
use crate::jose::Algorithm;

const ROUTES: &[&[Route<Appdirect>]] = &[
    profile::ROUTES,
    orders::ROUTES,
    products::ROUTES,
    marketplace::ROUTES,
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

const ENVELOPE: Envelope = Envelope {
    content_type: "application/json",
    status_member: "status",
    message_member: "message",
    build: envelope,
};

const TENANTS: [&str; 2] = ["partner-one", "partner-two"];

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
        token::ECDSA_FLAWS,
        access::FLAWS,
        marketplace::FLAWS,
        orders::FLAWS,
        trust::FLAWS,
    ]);
    tables.extend(token::VERIFIER_FLAWS);
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

struct Account {
    id: String,
    email: String,
    tenant: &'static str,
    is_admin: bool,
}

struct Session {
    account: String,
    has_ended: bool,
}

#[derive(Default)]
struct State {
    orders: Vec<orders::Order>,
    products: Vec<products::Product>,
    /// By account id.
    nicknames: HashMap<String, String>,
}

pub struct Appdirect {
    edge: Arc<Edge>,
    cors: Cors,
    /// Of the API.
    trust: trust::Trust,
    /// Of the marketplace: the key of its tokens, and one that it does not sign with.
    issuer: Issuer,
    other: Issuer,
    accounts: Vec<Account>,
    sessions: HashMap<Hashed, Session>,
    state: Mutex<State>,
    /// Bound and never listened on, so that nobody else gets the port of our issuer.
    _held: Option<TcpSocket>,
}

impl Appdirect {
    /// A panic of a handler would poison the lock; the state is still whole, since handlers change it last.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flaws(&self) -> &FlawSet {
        &self.edge.flaws
    }

    fn secure_token(&self, account: &Account) -> String {
        let flaws = self.flaws();
        let name = match flaws.has("secure-token-names-nobody") {
            true => "nobody",
            false => account.email.as_str(),
        };
        let lifetime = match flaws.has("secure-token-lives-an-hour") {
            true => 3600,
            false => trust::MAX_LIFE,
        };
        self.issuer
            .mint_named(&account.id, account.tenant, name, lifetime)
    }
}

impl Application for Appdirect {
    type Access = access::Access;
    type Caller = access::Caller;

    fn edge(&self) -> &Edge {
        &self.edge
    }

    fn admit(&self, access: access::Access, request: &Request) -> Result<access::Caller, Error> {
        access::admit(self, access, request)
    }

    fn stand_in(&self, access: access::Access, _request: &Request) -> access::Caller {
        access::stand_in(self, access)
    }

    fn exists(&self, template: &str, id: &str) -> bool {
        template != orders::ITEM || self.state().orders.iter().any(|order| order.id == id)
    }

    fn preflight(&self, request: &Request, allow: &str) -> Option<Response> {
        self.cors.preflight(request, allow, self.flaws())
    }

    fn decorate(&self, request: &Request, response: &mut Response) {
        self.cors.decorate(request, response, self.flaws());
    }
}

pub fn build(flaws: FlawSet, https_port: u16) -> Built {
    let mut edge = Edge::new(flaws, HEADERS, ENVELOPE, "orders");
    edge.id_from_client = true;
    let edge = Arc::new(edge);
    let origin = format!("https://localhost:{https_port}");
    let (held, address) = hold_port();
    let mut secrets = BTreeMap::new();
    let mut keep = |name: &str, value: &str| secrets.insert(name.to_owned(), value.to_owned());
    keep("issuer_address", &address);
    let mut accounts = Vec::new();
    let mut orders = Vec::new();
    for (name, tenant, is_admin) in [
        ("user", TENANTS[0], false),
        ("second_user", TENANTS[0], false),
        ("admin", TENANTS[0], true),
        ("other_user", TENANTS[1], false),
        ("other_admin", TENANTS[1], true),
    ] {
        let id = uuid();
        keep(&format!("{name}_id"), &id);
        if matches!(name, "user" | "other_user") {
            let order = orders::Order::seeded(&id);
            keep(&format!("{name}_order_id"), &order.id);
            orders.push(order);
        }
        accounts.push(Account {
            id,
            email: format!("{}@example.org", name.replace('_', "-")),
            tenant,
            is_admin,
        });
    }
    let mut sessions = HashMap::new();
    for (name, has_ended) in [("session", false), ("ended_session", true)] {
        let id = random_hex();
        keep(name, &id);
        let account = accounts[0].id.clone();
        sessions.insert(Hashed::of(&id), Session { account, has_ended });
    }
    let marketplace = format!("{origin}/marketplace");
    let issuer = || Issuer::new(marketplace.clone(), marketplace.clone(), Algorithm::ES256);
    let subjects = accounts.iter().map(|account| account.id.clone()).collect();
    let app = Appdirect {
        edge: Arc::clone(&edge),
        cors: Cors::new(&cors::POLICY),
        trust: trust::Trust::new(format!("http://{address}"), origin, subjects),
        issuer: issuer(),
        other: issuer(),
        accounts,
        sessions,
        state: Mutex::new(State {
            orders,
            ..State::default()
        }),
        _held: held,
    };
    Built {
        edge,
        site: Arc::new(Pipeline::new(Arc::new(app), ROUTES)),
        secrets,
    }
}

/// A port that whoever asks for it by number still gets, and that nobody gets by chance.
fn hold_port() -> (Option<TcpSocket>, String) {
    let hold = || -> std::io::Result<(TcpSocket, SocketAddr)> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    match hold() {
        Ok((socket, address)) => (Some(socket), address.to_string()),
        Err(_) => (None, "127.0.0.1:0".to_owned()),
    }
}

/// Version 4.
fn uuid() -> String {
    let hex = random_hex();
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..15],
        &hex[15..18],
        &hex[18..30]
    )
}

fn envelope(error: &Error, id: &str) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("status".to_owned(), error.status.into());
    members.insert("code".to_owned(), error.code.into());
    members.insert("message".to_owned(), error.message.as_str().into());
    members.insert("requestId".to_owned(), id.into());
    members
}

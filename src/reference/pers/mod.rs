//! `pers`: a multi-tenant loyalty platform.
//!
//! Two tenants, `a` and `b`, each with a project key. In `a`: users `user` and `second-user`, a `business`, an `admin`
//! and a `demotable` business; in `b`: a user, a business and an admin. Each has a proof that `POST /auth/token`
//! exchanges for tokens. Everything lies under `/v2`.
//!
//! Secrets, by name: `project_key`, `other_project_key`, `test_project_key` (tenant `a` again, with its prefix),
//! `unknown_project_key` (well formed, of nobody); proofs `user_proof`, `second_user_proof`, `business_proof`,
//! `admin_proof`, `demotable_proof`, `other_user_proof`, `other_business_proof`, `other_admin_proof`; tokens ready to
//! use `user_token`, `business_token`, `admin_token`, `other_user_token`, `other_admin_token`, `expired_user_token`,
//! `foreign_user_token` (signed by another issuer's key); `legacy_api_key`; `user_id`, `other_user_id`,
//! `campaign_id`, `other_campaign_id`.
//!
//! A third tenant, `c`, demands nonces in proofs of possession: `nonce_project_key`, and of its `nonce_user`,
//! `nonce_business` and `nonce_admin` proof, token and id. The client of `bound_user`, in `a`, is registered for bound
//! tokens only, so that it has a `bound_user_proof` and no token.
//!
//! A client that can keep a secret authenticates with `client_secret` in `X-Client-Secret`; all others are public. The
//! client `shop` may have codes (`/v2/oauth/…`), and its pages may read answers.

mod access;
mod accounts;
mod campaigns;
mod errors;
mod files;
mod oauth;
mod possession;
mod refresh;
mod settings;
mod tenant;
mod transactions;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::dispatch::{self, Application, Pipeline, Route};
use super::dpop::{self, Verifier};
use super::edge::cors::Pages;
use super::edge::errors::Error;
use super::edge::{Edge, headers, plain};
use super::flaw::{Flaw, FlawSet};
use super::http::{Request, Response};
use super::operation::Operation;
use super::rate_limit::Payer;
use super::secret::{Hashed, random_hex, random_id};
use super::serve::{Built, Settings};
use super::token::Issuer;
use super::{edge, listen, old_tls, token};
use crate::jose::Algorithm;

pub use access::{Access, Caller, Role};

const ROUTES: &[&[Route<Pers>]] = &[
    accounts::ROUTES,
    refresh::ROUTES,
    campaigns::ROUTES,
    transactions::ROUTES,
    files::ROUTES,
    settings::ROUTES,
    oauth::ROUTES[0],
    oauth::ROUTES[1],
    oauth::ROUTES[2],
];

/// The web shop that may read answers in a browser.
const PAGES: Pages = Pages {
    origin: "https://shop.example",
    sent: "Authorization, Content-Type, DPoP, X-Project-Key",
    read: "WWW-Authenticate, DPoP-Nonce, X-Correlation-Id",
};

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
        edge::challenge::SCOPE_FLAWS,
        listen::FLAWS,
        listen::FLOOR_1_2_FLAWS,
        old_tls::FLAWS,
        plain::ANSWERING_FLAWS,
        headers::FREE_FLAWS,
        token::ECDSA_FLAWS,
        access::FLAWS,
        accounts::FLAWS,
        refresh::FLAWS,
        campaigns::FLAWS,
        errors::FLAWS,
        edge::errors::ENVELOPE_FLAWS,
        edge::errors::CONFLICT_FLAWS,
        files::FLAWS,
        possession::FLAWS,
        settings::FLAWS,
        tenant::FLAWS,
        transactions::FLAWS,
    ]);
    tables.extend(token::FLAWS);
    tables.extend(dpop::FLAWS);
    tables.extend(oauth::FLAWS);
    tables
}

pub fn operations() -> Vec<Operation> {
    ROUTES
        .iter()
        .flat_map(|table| table.iter())
        .map(|route| route.operation)
        .collect()
}

pub struct Pers {
    edge: Arc<Edge>,
    issuer: Issuer,
    proofs: Verifier,
    /// Project key, hashed, to tenant id.
    project_keys: HashMap<Hashed, &'static str>,
    legacy_key: Hashed,
    /// What our one confidential client authenticates with.
    client_secret: Hashed,
    /// The address of the API, which is that of the issuer.
    base: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: Vec<accounts::Account>,
    /// External proof, hashed, to account id.
    proofs: HashMap<Hashed, String>,
    /// By the hash of the refresh token; taken out when used.
    refresh_tokens: HashMap<Hashed, refresh::Refresh>,
    /// Pushed authorization requests and codes, by the hash of their names; taken out when used.
    asked: HashMap<Hashed, oauth::Asked>,
    campaigns: Vec<campaigns::Campaign>,
    transactions: Vec<transactions::Transaction>,
    settings: HashMap<&'static str, settings::TenantSettings>,
}

impl Pers {
    /// A panic of a handler would poison the lock; the state is still whole, since handlers change it last.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flaws(&self) -> &FlawSet {
        &self.edge.flaws
    }
}

impl Application for Pers {
    type Access = Access;
    type Caller = Caller;

    fn edge(&self) -> &Edge {
        &self.edge
    }

    fn gate(&self, request: &Request) -> Result<(), Error> {
        tenant::gate(self, request)
    }

    fn admit(&self, access: Access, request: &Request) -> Result<Caller, Error> {
        access::admit(self, access, request, true)
    }

    fn may(&self, access: Access, head: &Request) -> Result<(), Error> {
        access::admit(self, access, head, false).map(drop)
    }

    fn stand_in(&self, access: Access, request: &Request) -> Caller {
        access::stand_in(self, access, request)
    }

    fn payer(&self, caller: &Caller) -> Payer {
        Payer {
            user: caller.account().to_owned(),
            credential: caller.account().to_owned(),
        }
    }

    fn exists(&self, template: &str, id: &str) -> bool {
        let state = self.state();
        match template {
            campaigns::ITEM => state.campaigns.iter().any(|campaign| campaign.id == id),
            accounts::ITEM => state.accounts.iter().any(|account| account.id == id),
            transactions::ITEM => state.transactions.iter().any(|entry| entry.id == id),
            _ => true,
        }
    }

    fn preflight(&self, request: &Request, allow: &str) -> Option<Response> {
        PAGES.preflight(request, allow)
    }

    fn decorate(&self, request: &Request, response: &mut Response) {
        if PAGES.decorate(request, response) {
            possession::unexpose(self, response);
        }
        possession::accompany(self, request, response);
        errors::bend(self, response);
    }
}

pub fn build(flaws: FlawSet, https_port: u16, settings: &Settings) -> Built {
    let mut edge = Edge::new(flaws, HEADERS, errors::ENVELOPE, "pers");
    edge.id_header = "X-Correlation-Id";
    edge.limiter = settings.limiter();
    let edge = Arc::new(edge);
    let origin = format!("https://localhost:{https_port}");
    let base = format!("{origin}/v2");
    let issuer = Issuer::new(base.clone(), base.clone(), Algorithm::ES256);
    let stranger = Issuer::new(base.clone(), base.clone(), Algorithm::ES256);

    let mut secrets = BTreeMap::new();
    let mut keep = |name: &str, value: String| {
        secrets.insert(name.to_owned(), value.clone());
        value
    };
    let key = keep("project_key", random_hex());
    let other_key = keep("other_project_key", random_hex());
    let test_key = keep("test_project_key", format!("pk_test_{}", random_hex()));
    let nonce_key = keep("nonce_project_key", random_hex());
    keep("unknown_project_key", random_hex());
    let client_secret = Hashed::of(&keep("client_secret", random_hex()));
    let legacy_key = Hashed::of(&keep("legacy_api_key", random_hex()));
    let project_keys = HashMap::from([
        (Hashed::of(&key), tenant::A),
        (Hashed::of(&test_key), tenant::A),
        (Hashed::of(&other_key), tenant::B),
        (Hashed::of(&nonce_key), tenant::C),
    ]);

    let mut state = State::default();
    for (name, tenant, role) in [
        ("user", tenant::A, Role::User),
        ("second_user", tenant::A, Role::User),
        ("business", tenant::A, Role::Business),
        ("demotable", tenant::A, Role::Business),
        ("admin", tenant::A, Role::Admin),
        ("other_user", tenant::B, Role::User),
        ("other_business", tenant::B, Role::Business),
        ("other_admin", tenant::B, Role::Admin),
        ("nonce_user", tenant::C, Role::User),
        ("nonce_business", tenant::C, Role::Business),
        ("nonce_admin", tenant::C, Role::Admin),
        ("bound_user", tenant::A, Role::User),
    ] {
        let mut account = accounts::Account::seeded(name, tenant, role);
        account.needs_key = name == "bound_user";
        let proof = keep(&format!("{name}_proof"), format!("proof.{}", random_hex()));
        state.proofs.insert(Hashed::of(&proof), account.id.clone());
        keep(&format!("{name}_id"), account.id.clone());
        if !account.needs_key {
            keep(
                &format!("{name}_token"),
                issuer.mint(&account.id, tenant, role.name(), &edge.flaws),
            );
        }
        if name == "user" {
            keep(
                "expired_user_token",
                issuer.mint_expired(&account.id, tenant, role.name()),
            );
            keep(
                "foreign_user_token",
                stranger.mint(&account.id, tenant, role.name(), &edge.flaws),
            );
        }
        state.accounts.push(account);
    }
    for (name, tenant) in [
        ("", tenant::A),
        ("other_", tenant::B),
        ("nonce_", tenant::C),
    ] {
        let campaign = campaigns::Campaign::seeded(tenant);
        keep(&format!("{name}campaign_id"), campaign.id.clone());
        state.campaigns.push(campaign);
        state
            .settings
            .insert(tenant, settings::TenantSettings::seeded());
    }
    for index in [0, 5] {
        let account = &state.accounts[index];
        let entry = transactions::Transaction {
            id: random_id(),
            tenant: account.tenant,
            account: account.id.clone(),
            campaign: state.campaigns[index / 5].id.clone(),
            points: 10,
            note: format!("welcome-{}", random_id()),
        };
        let prefix = if index == 0 { "" } else { "other_" };
        keep(&format!("{prefix}transaction_id"), entry.id.clone());
        state.transactions.push(entry);
    }
    keep("minting_key", issuer.minting_key());
    let app = Pers {
        edge: Arc::clone(&edge),
        issuer,
        proofs: Verifier::new(origin),
        project_keys,
        legacy_key,
        client_secret,
        base,
        state: Mutex::new(state),
    };
    Built {
        edge,
        site: Arc::new(Pipeline::new(Arc::new(app), ROUTES)),
        secrets,
    }
}

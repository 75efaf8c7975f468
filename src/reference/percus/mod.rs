//! `percus`: a back office for people, and an embeddable player for programs.
//!
//! Two organizations. The first has two projects, the second one. People come with a session token (`Authorization:
//! Bearer`) to `/api/`: administrators see all projects of their organization, project managers and viewers those that
//! they work on. Programs come with an API credential of one project (`X-Percus-Key: pk_…` and `X-Percus-Secret: sk_…`)
//! to `/player/`, or with a session of theirs that such a credential opened (`X-Percus-Session: ps_…`). The two surfaces are bounded apart where [`Settings`] bound them: the back office by
//! user, the player by credential and by address. All of it stands behind an edge, which adds the address of the client
//! to `X-Forwarded-For`; only what counts requests asks for that.
//! As staging systems do, it fails or dawdles on demand: see [`faults`].
//!
//! Secrets, by name: `P_token` and `P_id` for `manager`, `second_manager`, `admin`, `viewer` (first project),
//! `other_manager`, `other_viewer` (second project of the same organization), `other_admin`, `foreign_manager` (second
//! organization); `expired_manager_token`, `foreign_issuer_manager_token` (signed by another issuer's key);
//! `player_publishable`, `player_secret`, the same with `second_` (another of the first project), `other_` (second
//! project) and `foreign_`;
//! `revoked_publishable`, `revoked_secret`; `project_id`, `other_project_id`, `foreign_project_id`; for each of these prefixes
//! `{prefix}template_id`, `{prefix}credential_id` (may be rotated), `{prefix}spare_credential_id` (may be revoked).

mod access;
mod counter;
mod credential;
mod credentials;
mod description;
mod faults;
mod player;
mod problems;
mod profile;
mod projects;
mod templates;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use access::Role;

use super::dispatch::{self, Application, Pipeline, Route};
use super::edge::errors::Error;
use super::edge::{Edge, headers, plain};
use super::flaw::{Flaw, FlawSet};
use super::http::{Request, Response};
use super::idempotency;
use super::operation::Operation;
use super::rate_limit::{self, Covers, Kind, Limit, Payer, Per, Told};
use super::serve::{Built, Settings};
use super::token::Issuer;
use super::{edge, listen, old_tls, token};
use crate::jose::Algorithm;

const ROUTES: &[&[Route<Percus>]] = &[
    profile::ROUTES,
    projects::ROUTES,
    templates::ROUTES,
    credentials::ROUTES,
    player::ROUTES,
    counter::ROUTES,
    description::ROUTES,
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

const ORGANIZATION: &str = "organization-one";
const OTHER_ORGANIZATION: &str = "organization-two";

/// Where the edge calls from.
const EDGE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Project managers and API credentials that nothing else is done with, so that each check of a limit finds one unused.
const SPARE_USERS: usize = 44;
const SPARE_PLAYERS: usize = 34;
/// The one of the spare users who has a second token.
const TWICE: usize = SPARE_USERS;

/// The tables of this deployment.
pub fn flaws() -> Vec<&'static [Flaw]> {
    let mut tables = edge::FLAWS.to_vec();
    tables.extend([
        dispatch::FLAWS,
        edge::request_id::HEADER_FLAWS,
        listen::FLAWS,
        listen::FLOOR_1_2_FLAWS,
        old_tls::FLAWS,
        plain::ANSWERING_FLAWS,
        headers::FREE_FLAWS,
        token::ECDSA_FLAWS,
        token::LIFETIME_FLAWS,
        access::FLAWS,
        credential::FLAWS,
        credentials::FLAWS,
        edge::errors::FAULT_FLAWS,
        counter::FLAWS,
        description::FLAWS,
        player::FLAWS,
        profile::FLAWS,
        projects::FLAWS,
        templates::FLAWS,
        rate_limit::FLAWS,
        rate_limit::PROBLEM_FLAWS,
        rate_limit::NAMED_FLAWS,
        rate_limit::USER_FLAWS,
        rate_limit::KIND_FLAWS,
    ]);
    tables.extend(token::FLAWS);
    tables.extend(idempotency::FLAWS);
    tables
}

pub fn operations() -> Vec<Operation> {
    ROUTES
        .iter()
        .flat_map(|table| table.iter())
        .map(|route| route.operation)
        .collect()
}

pub struct Percus {
    edge: Arc<Edge>,
    issuer: Issuer,
    /// What was uploaded or made under an idempotency key.
    uploads: idempotency::Store,
    premature: idempotency::Premature,
    /// How many of each kind were there from the beginning.
    seeded: Seeded,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: Vec<profile::Account>,
    projects: Vec<projects::Project>,
    templates: Vec<templates::Template>,
    credentials: Vec<credential::Credential>,
    sessions: Vec<player::Session>,
    /// Secrets that were sent last, for a flaw.
    recent: VecDeque<String>,
}

struct Seeded {
    projects: usize,
    templates: usize,
    credentials: usize,
}

impl Percus {
    /// A panic of a handler would poison the lock; the state is still whole, since handlers change it last.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flaws(&self) -> &FlawSet {
        &self.edge.flaws
    }
}

impl Application for Percus {
    type Access = access::Access;
    type Caller = access::Caller;

    fn edge(&self) -> &Edge {
        &self.edge
    }

    fn gate(&self, request: &Request) -> Result<(), Error> {
        self.premature.refusal(request)?;
        self.premature.check_locked(request)
    }

    fn admit(&self, access: access::Access, request: &Request) -> Result<access::Caller, Error> {
        access::admit(self, access, request)
            .or_else(|error| access::known_by_key(self, request).ok_or(error))
    }

    fn head_came(&self, head: &Request) {
        self.premature.head_came(head, self.flaws());
    }

    fn came(&self, request: &Request) {
        self.premature.came(request);
    }

    fn undelivered(&self, request: &Request) {
        if request.fields.has(idempotency::HEADER)
            && self.flaws().has("idempotency-forgets-undelivered")
        {
            self.uploads.forget(request, self.flaws());
        }
    }

    fn decorate(&self, request: &Request, response: &mut Response) {
        self.premature.answered(request, response, self.flaws());
        if faults::is_given_up(request) {
            self.undelivered(request);
            faults::give_up(response);
        }
    }

    fn stand_in(&self, access: access::Access, _request: &Request) -> access::Caller {
        access::stand_in(self, access)
    }

    fn payer(&self, caller: &access::Caller) -> Payer {
        caller.payer()
    }

    fn named(&self, request: &Request) -> Payer {
        access::named(self, request)
    }

    fn exists(&self, template: &str, id: &str) -> bool {
        let state = self.state();
        match template {
            projects::ITEM | credentials::OF_PROJECT | templates::OF_PROJECT | player::CONFIG => {
                state.projects.iter().any(|project| project.id == id)
            }
            templates::ITEM => state.templates.iter().any(|template| template.id == id),
            credentials::ITEM => state
                .credentials
                .iter()
                .any(|credential| credential.id == id),
            _ => true,
        }
    }
}

/// A limit for each surface, one for whoever comes to the player without a credential, and one for what a program has
/// under way of templates, which may take their time.
pub fn limits() -> Vec<Limit> {
    let limit = |name, requests, kind, per, covers| Limit {
        name,
        requests,
        window: Duration::from_secs(60),
        kind,
        per,
        covers,
    };
    let player = vec!["player-config", "player-templates", "player-upload"];
    let all = player.iter().copied().chain(["status"]).collect();
    let template = Covers::Named(vec!["player-template"]);
    vec![
        limit(
            "back-office",
            60,
            Kind::Fixed,
            Per::User,
            Covers::Below("/api/"),
        ),
        limit(
            "player",
            120,
            Kind::SlidingLog,
            Per::Credential,
            Covers::Named(player),
        ),
        limit(
            "player-address",
            300,
            Kind::Fixed,
            Per::Address,
            Covers::Named(all),
        ),
        limit(
            "player-template",
            5,
            Kind::Concurrency,
            Per::Credential,
            template,
        ),
    ]
}

pub fn build(flaws: FlawSet, settings: &Settings) -> Built {
    let mut edge = Edge::new(flaws, HEADERS, problems::ENVELOPE, "percus");
    edge.schema_status = 422;
    edge.limiter = settings.limiter().telling(Told::Problem).behind(EDGE);
    let edge = Arc::new(edge);
    let issuer = || {
        Issuer::new(
            "https://login.percus.example".to_owned(),
            "https://backoffice.percus.example".to_owned(),
            Algorithm::ES256,
        )
    };
    let (issuer, stranger) = (issuer(), issuer());

    let mut secrets = BTreeMap::new();
    let mut keep = |name: String, value: &str| drop(secrets.insert(name, value.to_owned()));
    let mut state = State::default();
    for (prefix, organization) in [
        ("", ORGANIZATION),
        ("other_", ORGANIZATION),
        ("foreign_", OTHER_ORGANIZATION),
    ] {
        let project = projects::Project::seeded(organization);
        keep(format!("{prefix}project_id"), &project.id);
        let template = templates::Template::seeded(&project.id);
        keep(format!("{prefix}template_id"), &template.id);
        state.templates.push(template);
        for name in ["player", "", "spare_"] {
            let (credential, secret) = credential::Credential::seeded(&project.id);
            if name == "player" {
                keep(format!("{prefix}player_publishable"), &credential.key);
                keep(format!("{prefix}player_secret"), &secret);
            } else {
                keep(format!("{prefix}{name}credential_id"), &credential.id);
            }
            state.credentials.push(credential);
        }
        if prefix.is_empty() {
            for spare in 1..=SPARE_PLAYERS {
                let (credential, secret) = credential::Credential::seeded(&project.id);
                keep(format!("spare_player_{spare}_publishable"), &credential.key);
                keep(format!("spare_player_{spare}_secret"), &secret);
                state.credentials.push(credential);
            }
            let (credential, secret) = credential::Credential::seeded(&project.id);
            keep("second_player_publishable".to_owned(), &credential.key);
            keep("second_player_secret".to_owned(), &secret);
            state.credentials.push(credential);
            let (credential, secret) = credential::Credential::revoked(&project.id);
            keep("revoked_publishable".to_owned(), &credential.key);
            keep("revoked_secret".to_owned(), &secret);
            state.credentials.push(credential);
        }
        state.projects.push(project);
    }
    for (name, project, role) in [
        ("manager", 0, Role::ProjectManager),
        ("admin", 0, Role::OrganizationAdmin),
        ("viewer", 0, Role::Viewer),
        ("second_manager", 0, Role::ProjectManager),
        ("second_viewer", 0, Role::Viewer),
        ("other_manager", 1, Role::ProjectManager),
        ("other_viewer", 1, Role::Viewer),
        ("other_admin", 2, Role::OrganizationAdmin),
        ("foreign_manager", 2, Role::ProjectManager),
    ] {
        let project: &projects::Project = &state.projects[project];
        let organization = match project.organization == ORGANIZATION {
            true => ORGANIZATION,
            false => OTHER_ORGANIZATION,
        };
        let account = profile::Account::seeded(name, organization, role, vec![project.id.clone()]);
        keep(format!("{name}_id"), &account.id);
        let token = issuer.mint(&account.id, organization, role.name(), &edge.flaws);
        keep(format!("{name}_token"), &token);
        if name == "manager" {
            let expired = issuer.mint_expired(&account.id, organization, role.name());
            keep("expired_manager_token".to_owned(), &expired);
            let strange = stranger.mint(&account.id, organization, role.name(), &edge.flaws);
            keep("foreign_issuer_manager_token".to_owned(), &strange);
        }
        state.accounts.push(account);
    }
    for spare in 1..=SPARE_USERS {
        let project = state.projects[0].id.clone();
        let name = format!("spare_user_{spare}");
        let role = Role::ProjectManager;
        let account = profile::Account::seeded(&name, ORGANIZATION, role, vec![project]);
        let token = issuer.mint(&account.id, ORGANIZATION, role.name(), &edge.flaws);
        keep(format!("{name}_token"), &token);
        if spare == TWICE {
            let token = issuer.mint(&account.id, ORGANIZATION, role.name(), &edge.flaws);
            keep(format!("{name}_second_token"), &token);
        }
        state.accounts.push(account);
    }
    keep("minting_key".to_owned(), &issuer.minting_key());
    let app = Percus {
        edge: Arc::clone(&edge),
        issuer,
        uploads: idempotency::Store::new(settings.idempotency_ttl),
        premature: idempotency::Premature::default(),
        seeded: Seeded {
            projects: state.projects.len(),
            templates: state.templates.len(),
            credentials: state.credentials.len(),
        },
        state: Mutex::new(state),
    };
    Built {
        edge,
        site: Arc::new(Pipeline::new(Arc::new(app), ROUTES)),
        secrets,
    }
}

/// Makes room for one more where there are as many as are kept; the first `seeded` stay.
fn make_room<T>(objects: &mut Vec<T>, seeded: usize, kept: usize) {
    if objects.len() >= kept && seeded < objects.len() {
        objects.remove(seeded);
    }
}

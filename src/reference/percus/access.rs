//! Who asks, and whether he may: people with a session token in the back office, programs with a key and its secret at
//! the player.

use std::time::Instant;

use super::{Percus, credential, credentials};
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials::{self as carried, Presented};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::gap::gap;
use crate::reference::http::Request;
use crate::reference::idempotency;
use crate::reference::rate_limit::Payer;
use crate::reference::secret::Hashed;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "viewers-may-manage",
        "Lets viewers change projects and upload templates.",
        "OWASP API5:2023",
    ),
    flaw(
        "viewers-manage-credentials",
        "Lets viewers create, list and revoke API credentials.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "managers-make-projects",
        "Lets project managers make projects, which only the administrators of the organization may.",
        "OWASP API5:2023",
    ),
    flaw(
        "key-manages-credentials",
        "Lets an API credential create, list and revoke API credentials.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "revocation-lost-to-use",
        "Notes that a credential was used by writing all of it back as it was read a millisecond before.",
        "CWE-362",
    ),
    flaw(
        "address-of-credential-unchecked",
        "Takes a credential from everywhere that is good from one address only.",
        "good practice",
    ),
    flaw(
        "address-of-credential-taken-from-header",
        "Believes the first address in X-Forwarded-For where a credential is good from one address only.",
        "RFC 7239 §8.1",
    ),
    flaw(
        "secret-in-status",
        "Shows the secrets that were sent last on the page that says how it is.",
        "OWASP API8:2023",
    ),
    flaw(
        "session-token-opens-player",
        "Takes a session token for an API credential.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "idempotency-answers-before-authentication",
        "Repeats an answer for whoever knows its idempotency key.",
        "draft-ietf-httpapi-idempotency-key-header §5",
    ),
];

/// Of people, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    ProjectManager,
    OrganizationAdmin,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "Viewer",
            Role::ProjectManager => "ProjectManager",
            Role::OrganizationAdmin => "OrganizationAdmin",
        }
    }

    pub fn named(name: &str) -> Option<Role> {
        [Role::Viewer, Role::ProjectManager, Role::OrganizationAdmin]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// What a route demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// A session of any role.
    Read,
    /// A session that may change projects and what is in them.
    Manage,
    /// The same, for API credentials.
    ManageCredentials,
    /// A session that may make and delete projects.
    Administer,
    /// An API credential.
    Player,
    /// One that may write.
    PlayerWrite,
}

/// Who was let in, and what he may see.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Account or credential id; empty for nobody.
    pub id: String,
    /// `jti` of the token, or the id of the credential.
    pub credential: String,
    pub scope: Scope,
}

/// The projects that a caller reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of an organization.
    Organization(&'static str),
    Projects(Vec<String>),
}

impl Caller {
    pub fn payer(&self) -> Payer {
        Payer {
            user: self.id.clone(),
            credential: self.credential.clone(),
        }
    }
}

/// How many secrets the flaw of the status page remembers.
const RECENT: usize = 50;
const KEY_SCHEME: &str = "ApiKey";
pub const KEY_HEADER: &str = "x-percus-key";
pub const SECRET_HEADER: &str = "x-percus-secret";
const SESSION_HEADER: &str = "x-percus-session";

pub fn admit(app: &Percus, access: Access, request: &Request) -> Result<Caller, Error> {
    match access {
        Access::Everybody => Ok(nobody()),
        Access::Player | Access::PlayerWrite => player(app, access, request),
        Access::Read | Access::Manage | Access::ManageCredentials | Access::Administer => {
            session(app, access, request)
        }
    }
}

/// Whose idempotency key the request of somebody without a right carries, for a flawed deployment.
pub fn known_by_key(app: &Percus, request: &Request) -> Option<Caller> {
    let flaws = app.flaws();
    let is_taken = request.fields.has(idempotency::HEADER)
        && flaws.has("idempotency-answers-before-authentication");
    let id = is_taken.then(|| app.uploads.owner_of(request, flaws))??;
    Some(Caller { id, ..nobody() })
}

fn nobody() -> Caller {
    Caller {
        id: String::new(),
        credential: String::new(),
        scope: Scope::Projects(Vec::new()),
    }
}

fn least(access: Access) -> Role {
    match access {
        Access::Everybody | Access::Read | Access::Player | Access::PlayerWrite => Role::Viewer,
        Access::Manage | Access::ManageCredentials => Role::ProjectManager,
        Access::Administer => Role::OrganizationAdmin,
    }
}

/// Somebody with a session. A program that is known is told that it has no business here; everybody else, to log in.
fn session(app: &Percus, access: Access, request: &Request) -> Result<Caller, Error> {
    let flaws = app.flaws();
    let refusal = |why| challenge::unauthenticated(&app.edge, "Bearer", why);
    let token = match carried::bearer(request, flaws) {
        Presented::Bearer(token) => token,
        Presented::Malformed => return Err(refusal(Unknown::Invalid)),
        Presented::Ambiguous => return Err(challenge::ambiguous(&app.edge)),
        Presented::Nothing => {
            return match pair(app, request) {
                Some(credential) => {
                    if access == Access::ManageCredentials && flaws.has("key-manages-credentials") {
                        return Ok(credential.caller());
                    }
                    if credential.is_raised() {
                        return Ok(stand_in(app, access));
                    }
                    Err(challenge::forbidden(&app.edge, None))
                }
                None => Err(refusal(Unknown::Nothing)),
            };
        }
    };
    let (caller, role) = known(app, &token).ok_or_else(|| refusal(Unknown::Invalid))?;
    let is_waived = match access {
        Access::Manage => flaws.has("viewers-may-manage"),
        Access::ManageCredentials => flaws.has("viewers-manage-credentials"),
        Access::Administer => role == Role::ProjectManager && flaws.has("managers-make-projects"),
        _ => false,
    };
    if role < least(access) && !is_waived {
        return Err(challenge::forbidden(&app.edge, None));
    }
    Ok(caller)
}

/// Whose token it is.
fn known(app: &Percus, token: &str) -> Option<(Caller, Role)> {
    let claims = app.issuer.verify(token, app.flaws())?;
    let state = app.state();
    let account = state
        .accounts
        .iter()
        .find(|account| account.id == claims.sub)?;
    let mut caller = account.caller();
    caller.credential = claims.jti;
    Some((caller, account.role))
}

/// A program with a key. Somebody with a session is known, and has no business here.
fn player(app: &Percus, access: Access, request: &Request) -> Result<Caller, Error> {
    let flaws = app.flaws();
    let repeated = [KEY_HEADER, SECRET_HEADER]
        .iter()
        .any(|name| request.fields.count(name) > 1);
    if repeated && !flaws.has("repeated-authorization-ignored") {
        return Err(challenge::ambiguous(&app.edge));
    }
    if let Some(credential) = pair(app, request).or_else(|| of_session(app, request)) {
        if access == Access::PlayerWrite && !credential.may_write() {
            return Err(challenge::forbidden(&app.edge, None));
        }
        return Ok(credential.caller());
    }
    let was_sent = request.fields.has(SECRET_HEADER);
    if let Presented::Bearer(token) = carried::bearer(request, flaws)
        && !was_sent
        && let Some((caller, _)) = known(app, &token)
    {
        if flaws.has("session-token-opens-player") {
            return Ok(caller);
        }
        return Err(challenge::forbidden(&app.edge, None));
    }
    let why = if was_sent {
        Unknown::Invalid
    } else {
        Unknown::Nothing
    };
    let mut error = challenge::unauthenticated(&app.edge, KEY_SCHEME, why);
    credentials::tell_secret(app, request, &mut error);
    Err(error)
}

/// The credential whose key the request carries, with whatever secret.
pub fn named(app: &Percus, request: &Request) -> Payer {
    let key = request.fields.get(KEY_HEADER).unwrap_or_default();
    let state = app.state();
    let found = state.credentials.iter().find(|known| known.key == key);
    found.map_or_else(Payer::default, |known| known.caller().payer())
}

/// The good credential that the request carries.
fn pair(app: &Percus, request: &Request) -> Option<credential::Credential> {
    let flaws = app.flaws();
    let fields = &request.fields;
    let from_query = |name: &str| {
        request
            .parameter(name)
            .filter(|_| flaws.has("secret-read-from-query"))
    };
    let sent = |name: &str| {
        fields
            .get(name)
            .map(ToOwned::to_owned)
            .or_else(|| from_query(name))
    };
    let (key, secret) = (sent(KEY_HEADER)?, sent(SECRET_HEADER));
    if secret.is_none() && !flaws.has("publishable-key-opens-player") {
        return None;
    }
    let mut state = app.state();
    if flaws.has("secret-in-status") {
        state.recent.extend(secret.clone());
        let spare = state.recent.len().saturating_sub(RECENT);
        state.recent.drain(..spare);
    }
    let found = state
        .credentials
        .iter()
        .find(|known| known.key == key)?
        .clone();
    drop(state);
    let is_right = secret
        .as_deref()
        .is_none_or(|secret| credential::is_secret_of(&found, secret, flaws));
    if !is_right {
        credential::linger(&found, secret.as_deref().unwrap_or_default(), flaws);
    }
    let is_good = is_right
        && found.is_good(Instant::now(), flaws)
        && comes_from_there(&found, request, flaws);
    if is_good && flaws.has("revocation-lost-to-use") {
        gap();
        let mut state = app.state();
        let mut all = state.credentials.iter_mut();
        if let Some(known) = all.find(|known| known.id == found.id) {
            *known = found.clone();
        }
    }
    is_good.then_some(found)
}

/// The good credential that opened the session which the request carries.
fn of_session(app: &Percus, request: &Request) -> Option<credential::Credential> {
    let flaws = app.flaws();
    let token = Hashed::of(request.fields.get(SESSION_HEADER)?);
    let state = app.state();
    let session = state.sessions.iter().find(|known| known.token == token)?;
    let mut all = state.credentials.iter();
    let found = all.find(|known| known.id == session.of)?;
    let is_good = found.is_good(Instant::now(), flaws) && comes_from_there(found, request, flaws);
    (is_good || flaws.has("session-outlives-credential")).then(|| found.clone())
}

/// Whether the request comes from where the credential is good. The edge is trusted, and nobody else.
fn comes_from_there(
    credential: &credential::Credential,
    request: &Request,
    flaws: &FlawSet,
) -> bool {
    let Some(address) = credential.address else {
        return true;
    };
    let forwarded = request.fields.get("x-forwarded-for").unwrap_or_default();
    let first = forwarded.split(',').next().map(str::trim);
    let is_believed = flaws.has("address-of-credential-taken-from-header")
        && first.is_some_and(|first| first.parse() == Ok(address));
    request.peer.to_canonical() == address
        || is_believed
        || flaws.has("address-of-credential-unchecked")
}

/// The first account or credential that may.
pub fn stand_in(app: &Percus, access: Access) -> Caller {
    let state = app.state();
    match access {
        Access::Everybody => nobody(),
        Access::Player | Access::PlayerWrite => state
            .credentials
            .first()
            .map_or_else(nobody, credential::Credential::caller),
        _ => state
            .accounts
            .iter()
            .find(|account| account.role >= least(access))
            .map_or_else(nobody, super::profile::Account::caller),
    }
}

//! Who asks, and whether he may: secure tokens open the API, sessions the marketplace, neither the other.

use super::Appdirect;
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials::{self, Presented, cookie};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Request;
use crate::reference::secret::Hashed;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "everybody-is-admin",
        "Lets any caller use the operations of administrators.",
        "OWASP API5:2023",
    ),
    flaw(
        "tenant-claim-unchecked",
        "Takes tokens whose tenant is not that of their subject.",
        "contract",
    ),
    flaw(
        "name-claim-unchecked",
        "Takes tokens whose name is no e-mail address.",
        "contract",
    ),
    flaw(
        "secure-token-opens-marketplace",
        "Takes the secure token for a session of the marketplace.",
        "contract",
    ),
    flaw(
        "ended-session-exchanged",
        "Goes on with sessions that have ended.",
        "contract",
    ),
];

/// What a route demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// A secure token.
    Member,
    /// The secure token of an administrator.
    Admin,
    /// A session of the marketplace.
    Session,
}

#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Account id; empty for nobody.
    pub account: String,
    pub tenant: &'static str,
}

/// The name of the session's cookie.
pub const SESSION: &str = "__Host-session";

pub fn admit(app: &Appdirect, access: Access, request: &Request) -> Result<Caller, Error> {
    let id = match access {
        Access::Everybody => return Ok(Caller::default()),
        Access::Session => of_session(app, request)?,
        Access::Member | Access::Admin => of_token(app, request)?,
    };
    let unknown = || challenge::unauthenticated(&app.edge, "Bearer", Unknown::Invalid);
    let account = app.accounts.iter().find(|account| account.id == id);
    let account = account.ok_or_else(unknown)?;
    if access == Access::Admin && !account.is_admin && !app.flaws().has("everybody-is-admin") {
        return Err(challenge::forbidden(&app.edge, Some("admin")));
    }
    Ok(Caller {
        account: account.id.clone(),
        tenant: account.tenant,
    })
}

fn of_token(app: &Appdirect, request: &Request) -> Result<String, Error> {
    let flaws = app.flaws();
    let refusal = |why| challenge::unauthenticated(&app.edge, "Bearer", why);
    let token = match credentials::bearer(request, flaws) {
        Presented::Bearer(token) => token,
        Presented::Malformed => return Err(refusal(Unknown::Invalid)),
        Presented::Ambiguous => return Err(challenge::ambiguous(&app.edge)),
        Presented::Nothing => return Err(refusal(Unknown::Nothing)),
    };
    let claims = app
        .trust
        .verify(&token, flaws)
        .ok_or_else(|| refusal(Unknown::Invalid))?;
    let account = app
        .accounts
        .iter()
        .find(|account| account.id == claims.sub)
        .ok_or_else(|| refusal(Unknown::Invalid))?;
    if account.tenant != claims.tenant && !flaws.has("tenant-claim-unchecked") {
        return Err(refusal(Unknown::Invalid));
    }
    if !claims.name.contains('@') && !flaws.has("name-claim-unchecked") {
        return Err(refusal(Unknown::Invalid));
    }
    Ok(claims.sub)
}

fn of_session(app: &Appdirect, request: &Request) -> Result<String, Error> {
    let flaws = app.flaws();
    if let Presented::Bearer(token) = credentials::bearer(request, flaws)
        && flaws.has("secure-token-opens-marketplace")
        && let Some(claims) = app.issuer.verify(&token, flaws)
    {
        return Ok(claims.sub);
    }
    let refusal = |why| challenge::unauthenticated(&app.edge, "Bearer", why);
    let Some(id) = cookie(request, SESSION) else {
        // Whoever is known to the API is told that this is not for him.
        return Err(match of_token(app, request) {
            Ok(_) => challenge::forbidden(&app.edge, None),
            Err(error) => error,
        });
    };
    let found = app.sessions.get(&Hashed::of(&id));
    let session = found.ok_or_else(|| refusal(Unknown::Invalid))?;
    if session.has_ended && !flaws.has("ended-session-exchanged") {
        return Err(refusal(Unknown::Invalid));
    }
    Ok(session.account.clone())
}

/// The first account that may.
pub fn stand_in(app: &Appdirect, access: Access) -> Caller {
    let mut accounts = app.accounts.iter();
    let found = accounts.find(|account| match access {
        Access::Everybody => false,
        Access::Member | Access::Session => !account.is_admin,
        Access::Admin => account.is_admin,
    });
    found.map_or_else(Caller::default, |account| Caller {
        account: account.id.clone(),
        tenant: account.tenant,
    })
}

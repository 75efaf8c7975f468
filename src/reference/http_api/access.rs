//! Who asks, and whether he may.

use super::{HttpApi, session};
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials::{self, Presented};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Request;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "role-taken-from-token",
        "Takes the role from the token, although it was changed since.",
        "good practice",
    ),
    flaw(
        "readers-may-write",
        "Lets callers write who may only read.",
        "OWASP API5:2023",
    ),
    flaw(
        "second-token-adds-rights",
        "Adds the rights of a token in X-API-Key to those of the caller.",
        "good practice",
    ),
    flaw(
        "everybody-is-admin",
        "Lets any caller use the operations of administrators.",
        "OWASP API5:2023",
    ),
];

pub const A: &str = "tenant-a";
pub const B: &str = "tenant-b";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Reader,
    Writer,
    Admin,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Writer => "writer",
            Role::Admin => "admin",
        }
    }

    pub fn named(name: &str) -> Option<Role> {
        [Role::Reader, Role::Writer, Role::Admin]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// What a route demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Everybody,
    Read,
    Write,
    Admin,
}

#[derive(Clone, Debug)]
pub struct Caller {
    /// Account id; empty for nobody.
    pub account: String,
    pub tenant: &'static str,
}

pub fn admit(app: &HttpApi, access: Access, request: &Request) -> Result<Caller, Error> {
    let flaws = app.flaws();
    let (least, scope) = match access {
        Access::Everybody => return Ok(nobody()),
        Access::Read => (Role::Reader, "notes:read"),
        Access::Write => (Role::Writer, "notes:write"),
        Access::Admin => (Role::Admin, "admin"),
    };
    let presented = credentials::bearer(request, flaws);
    let refusal = |why| challenge::unauthenticated(&app.edge, "Bearer", why);
    let (id, claimed, session) = match presented {
        Presented::Bearer(token) => {
            let claims = app
                .issuer
                .verify(&token, flaws)
                .ok_or_else(|| refusal(Unknown::Invalid))?;
            (claims.sub, Role::named(&claims.role), None)
        }
        Presented::Malformed => return Err(refusal(Unknown::Invalid)),
        Presented::Ambiguous => return Err(challenge::ambiguous(&app.edge)),
        Presented::Nothing => match session::of(app, request) {
            Some(session) => (session.account.clone(), None, Some(session)),
            None => return Err(refusal(Unknown::Nothing)),
        },
    };
    let (tenant, role) = app
        .state()
        .accounts
        .iter()
        .find(|account| account.id == id)
        .map(|account| (account.tenant, account.role))
        .ok_or_else(|| refusal(Unknown::Invalid))?;
    let role = match claimed {
        Some(claimed) if flaws.has("role-taken-from-token") => claimed,
        _ => role,
    };
    if let Some(session) = &session {
        session::check_intent(app, session, request)?;
    }
    let is_waived = (access == Access::Write && flaws.has("readers-may-write"))
        || (access == Access::Admin && flaws.has("everybody-is-admin"));
    let is_helped = || {
        let second = request.fields.get("x-api-key");
        let claims = second.and_then(|token| app.issuer.verify(token, flaws));
        let role = claims.and_then(|claims| Role::named(&claims.role));
        role.is_some_and(|role| role >= least) && flaws.has("second-token-adds-rights")
    };
    if role < least && !is_waived && !is_helped() {
        return Err(challenge::forbidden(&app.edge, Some(scope)));
    }
    Ok(Caller {
        account: id,
        tenant,
    })
}

fn nobody() -> Caller {
    Caller {
        account: String::new(),
        tenant: A,
    }
}

/// The first account that may.
pub fn stand_in(app: &HttpApi, access: Access) -> Caller {
    let account = app
        .state()
        .accounts
        .iter()
        .find(|account| match access {
            Access::Everybody => false,
            Access::Read | Access::Write => account.role == Role::Writer,
            Access::Admin => account.role == Role::Admin,
        })
        .map(|account| account.id.clone());
    Caller {
        account: account.unwrap_or_default(),
        ..nobody()
    }
}

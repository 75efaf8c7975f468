//! Who asks, and whether he may.

use super::possession::Carried;
use super::{Pers, possession, refresh, tenant};
use crate::reference::dpop::binding::{self, Scheme};
use crate::reference::dpop::challenge::offered;
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials::Presented;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Request;
use crate::reference::secret::Hashed;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "project-key-counts-as-login",
        "Takes the project key for a user's login where there is no token.",
        "PERS API, Project Identification",
    ),
    flaw(
        "legacy-api-key-accepted",
        "Still takes x-api-key for an administrator's login.",
        "PERS API, Note on Legacy API Keys",
    ),
    flaw(
        "tenant-header-wins",
        "Serves the tenant of the project key to a token of another tenant.",
        "RFC 8725 §2.7",
    ),
    flaw(
        "token-tenant-wins",
        "Serves the tenant of the token and ignores that the project key names another.",
        "RFC 8725 §2.7",
    ),
    flaw(
        "role-kept-in-token",
        "Takes the role from the token, although it was changed since.",
        "good practice",
    ),
    flaw(
        "roles-unchecked-for-users",
        "Lets any account of the tenant list and read accounts.",
        "OWASP API5:2023",
    ),
    flaw(
        "roles-unchecked-for-campaigns",
        "Lets any account of the tenant create and change campaigns.",
        "OWASP API5:2023",
    ),
    flaw(
        "roles-unchecked-for-settings",
        "Lets any account of the tenant read and change its settings.",
        "OWASP API5:2023",
    ),
    flaw(
        "business-refused-for-files",
        "Refuses business tokens for files, which users may use.",
        "PERS API, Mixed Authentication Endpoints",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    User,
    Business,
    Admin,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Business => "business",
            Role::Admin => "admin",
        }
    }

    pub fn named(name: &str) -> Option<Role> {
        [Role::User, Role::Business, Role::Admin]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// What a route demands.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Roles that may; `None`: the project key is enough.
    pub roles: Option<&'static [Role]>,
    /// The flaw that lets every role in.
    pub unchecked_by: Option<&'static str>,
}

pub const PUBLIC: Access = Access {
    roles: None,
    unchecked_by: None,
};

pub const fn only(roles: &'static [Role]) -> Access {
    Access {
        roles: Some(roles),
        unchecked_by: None,
    }
}

pub const fn only_unless(roles: &'static [Role], flaw: &'static str) -> Access {
    Access {
        roles: Some(roles),
        unchecked_by: Some(flaw),
    }
}

#[derive(Clone, Debug)]
pub struct Caller {
    pub tenant: &'static str,
    /// `None` on public routes.
    pub account: Option<String>,
}

impl Caller {
    /// The account id; empty for nobody.
    pub fn account(&self) -> &str {
        self.account.as_deref().unwrap_or_default()
    }
}

pub fn unknown_token(app: &Pers) -> Error {
    possession::bad_token(app, Scheme::Bearer)
}

/// `is_use`: whether a proof that comes with the request is used up.
pub fn admit(app: &Pers, access: Access, request: &Request, is_use: bool) -> Result<Caller, Error> {
    let flaws = app.flaws();
    if tenant::is_of_issuer(request) {
        return Ok(Caller {
            tenant: tenant::A,
            account: None,
        });
    }
    let named = tenant::named(app, request)?;
    let Some(roles) = access.roles else {
        let tenant = match named {
            Some(tenant) => tenant,
            None => token_tenant(app, request).ok_or_else(tenant::refusal)?,
        };
        return Ok(Caller {
            tenant,
            account: None,
        });
    };
    if flaws.has("legacy-api-key-accepted")
        && request
            .fields
            .get("x-api-key")
            .is_some_and(|key| Hashed::of(key) == app.legacy_key)
    {
        return Ok(stand_in(app, access, request));
    }
    let (scheme, presented) = binding::presented(request, flaws);
    let loose = possession::loose_token(app, request);
    let token = match presented {
        Presented::Bearer(token) => token,
        Presented::Ambiguous => return Err(challenge::ambiguous(&app.edge)),
        Presented::Malformed => return Err(possession::bad_token(app, scheme)),
        Presented::Nothing if loose.is_some() => loose.clone().unwrap_or_default(),
        Presented::Nothing if possession::is_login(app, request, is_use) => {
            return Ok(stand_in(app, access, request));
        }
        Presented::Nothing if flaws.has("project-key-counts-as-login") && named.is_some() => {
            return Ok(stand_in(app, access, request));
        }
        Presented::Nothing => {
            let error = challenge::unauthenticated(&app.edge, "Bearer", Unknown::Nothing);
            return Err(offered(&app.edge, error, false));
        }
    };
    if let Some(account) = refresh::taken_for_access_token(app, &token) {
        return Ok(Caller {
            account: Some(account),
            ..stand_in(app, access, request)
        });
    }
    let claims = app
        .issuer
        .verify(&token, flaws)
        .ok_or_else(|| possession::bad_token(app, scheme))?;
    let (id, own, role) = {
        let state = app.state();
        let account = state
            .accounts
            .iter()
            .find(|account| account.id == claims.sub)
            .ok_or_else(|| possession::bad_token(app, scheme))?;
        (account.id.clone(), account.tenant, account.role)
    };
    if loose.is_none() {
        let carried = Carried {
            scheme,
            token: &token,
            cnf: claims.cnf.as_ref(),
            tenant: own,
        };
        possession::judge(app, &carried, request, is_use)?;
    }
    let role = if flaws.has("role-kept-in-token") {
        Role::named(&claims.role).unwrap_or(role)
    } else {
        role
    };
    let tenant = match named {
        Some(named) if named == own => own,
        Some(named) if flaws.has("tenant-header-wins") => named,
        Some(_) if flaws.has("token-tenant-wins") => own,
        Some(_) => {
            return Err(Error::new(
                403,
                "TENANT_MISMATCH",
                "Your token belongs to another project",
            ));
        }
        None if role == Role::Admin && flaws.has("administrators-without-key-in-first-tenant") => {
            tenant::A
        }
        None if role == Role::Admin => own,
        None => return Err(tenant::refusal()),
    };
    let is_refused_business = role == Role::Business
        && roles == super::files::ROLES
        && flaws.has("business-refused-for-files");
    let is_unchecked = access.unchecked_by.is_some_and(|flaw| flaws.has(flaw));
    if is_refused_business || !(roles.contains(&role) || is_unchecked) {
        let scope: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        return Err(challenge::forbidden_by(
            &app.edge,
            scheme.name(),
            Some(&scope.join(" ")),
        ));
    }
    Ok(Caller {
        tenant,
        account: Some(id),
    })
}

fn token_tenant(app: &Pers, request: &Request) -> Option<&'static str> {
    let token = binding::token(request, app.flaws())?;
    let claims = app.issuer.verify(&token, app.flaws())?;
    tenant::ALL
        .into_iter()
        .find(|tenant| *tenant == claims.tenant)
}

/// The first account of the tenant that may.
pub fn stand_in(app: &Pers, access: Access, request: &Request) -> Caller {
    let tenant = tenant::named(app, request)
        .ok()
        .flatten()
        .unwrap_or(tenant::A);
    let account = access.roles.and_then(|roles| {
        app.state()
            .accounts
            .iter()
            .find(|account| account.tenant == tenant && roles.contains(&account.role))
            .map(|account| account.id.clone())
    });
    Caller { tenant, account }
}

//! Token exchange, and the accounts behind the tokens.

use serde_json::{Map, Value, json};

use super::access::{Access, PUBLIC, only, only_unless};
use super::{Pers, Role, access, possession, refresh};
use crate::reference::dispatch::{Call, Route};
use crate::reference::dpop::challenge::refused_request;
use crate::reference::dpop::{Fault, binding};
use crate::reference::edge::body::{Kind, Member, invalid, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::{Hashed, random_id};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "any-proof-accepted",
        "Gives a user's token for any proof at all.",
        "PERS API, Unified Token Endpoint",
    ),
    flaw(
        "proof-of-other-tenant-accepted",
        "Exchanges the proof of another tenant's account.",
        "PERS API, Unified Token Endpoint",
    ),
    flaw(
        "auth-type-unchecked",
        "Gives an administrator's token to whoever asks for authType tenant with any good proof.",
        "PERS API, Unified Token Endpoint",
    ),
    flaw(
        "unknown-auth-type-accepted",
        "Takes an unknown authType for user.",
        "PERS API, Unified Token Endpoint",
    ),
    flaw(
        "token-told-with-refusal",
        "Hands out a token beside the error when the proof is bad.",
        "PERS API, Unified Token Endpoint",
    ),
    flaw(
        "mass-assignment",
        "Takes over every member of a profile update, role and tenant included.",
        "OWASP API3:2023",
    ),
    flaw(
        "accounts-of-all-tenants-listed",
        "Lists the accounts of every tenant.",
        "OWASP API1:2023",
    ),
    flaw(
        "accounts-looked-up-by-id-alone",
        "Shows and changes an account of another tenant to whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "foreign-account-told",
        "Answers 403 for an account of another tenant, 404 for none.",
        "RFC 9110 §15.5.4",
    ),
    flaw(
        "uniqueness-told-across-tenants",
        "Refuses an e-mail address because another tenant's account has it, and says so.",
        "CWE-203",
    ),
    flaw(
        "dpop-token-type-fixed",
        "Calls every token Bearer.",
        "RFC 9449 §5",
    ),
    flaw(
        "dpop-binding-forgotten",
        "Calls a token bound that it did not bind.",
        "RFC 9449 §5",
    ),
    flaw(
        "dpop-required-binding-ignored",
        "Gives an unbound token to a client that is registered for bound ones.",
        "RFC 9449 §5.2",
    ),
];

const TOKEN_REQUEST: &[Member] = &[
    required("authToken", Kind::Text(1, 4096)),
    optional("authType", Kind::Text(0, 64)),
];
const PROFILE: &[Member] = &[
    optional("name", Kind::Text(1, 100)),
    optional("email", Kind::Text(3, 200)),
    optional("bio", Kind::Text(0, 2000)),
];
const ROLE_CHANGE: &[Member] = &[required("role", Kind::OneOf(&["user", "business"]))];

pub const ITEM: &str = "/v2/users/{id}";
const ANY: Access = only(&[Role::User, Role::Business, Role::Admin]);
const ADMINS: Access = only_unless(&[Role::Admin], "roles-unchecked-for-users");
const EVERYBODY: &[&str] = &["user", "business", "admin"];

pub const ROUTES: &[Route<Pers>] = &[
    Route {
        operation: Operation::new(
            "key-set",
            "GET",
            "/v2/.well-known/jwks.json",
            &["anonymous"],
            200,
        ),
        access: access::PUBLIC,
        schema: None,
        run: key_set,
    },
    Route {
        operation: Operation {
            name: "exchange",
            method: "POST",
            path: "/v2/auth/token",
            who: &["anonymous"],
            body: r#"{"authToken":"$user_proof","authType":"user"}"#,
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: PUBLIC,
        schema: Some(TOKEN_REQUEST),
        run: exchange,
    },
    Route {
        operation: Operation {
            name: "me",
            method: "GET",
            path: "/v2/users/me",
            who: EVERYBODY,
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: ANY,
        schema: None,
        run: me,
    },
    Route {
        operation: Operation {
            name: "update-me",
            method: "PATCH",
            path: "/v2/users/me",
            who: EVERYBODY,
            body: r#"{"name":"A new name"}"#,
            status: 200,
            read_by: "me",
            id_from: "",
        },
        access: ANY,
        schema: Some(PROFILE),
        run: update_me,
    },
    Route {
        operation: Operation {
            name: "list-users",
            method: "GET",
            path: "/v2/users",
            who: &["admin"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: ADMINS,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            name: "show-user",
            method: "GET",
            path: ITEM,
            who: &["admin"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "list-users",
        },
        access: ADMINS,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            name: "change-role",
            method: "PATCH",
            path: ITEM,
            who: &["admin"],
            body: r#"{"role":"user"}"#,
            status: 200,
            read_by: "show-user",
            id_from: "list-users",
        },
        access: ADMINS,
        schema: Some(ROLE_CHANGE),
        run: change_role,
    },
];

#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub tenant: &'static str,
    pub role: Role,
    pub name: String,
    pub email: String,
    pub bio: String,
    pub points: i64,
    /// Registered for bound tokens only (`dpop_bound_access_tokens`, RFC 9449 §5.2).
    pub needs_key: bool,
}

impl Account {
    pub fn seeded(name: &str, tenant: &'static str, role: Role) -> Self {
        Self {
            id: random_id(),
            tenant,
            role,
            name: format!("{name} of {tenant}"),
            email: format!("{}.{tenant}@example.invalid", name.replace('_', ".")),
            bio: format!("canary-{}", random_id()),
            points: 0,
            needs_key: false,
        }
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id, "role": self.role.name(), "name": self.name, "email": self.email,
            "bio": self.bio, "points": self.points, "tenant": self.tenant,
        })
    }
}

/// The client that can keep a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client;

/// The client that authenticates with the request; `None` for a public one, 401 for a secret of nobody.
pub fn client(call: &Call<'_, Pers>) -> Result<Option<Client>, Error> {
    match call.request.fields.get("x-client-secret") {
        None => Ok(None),
        Some(secret) if Hashed::of(secret) == call.app.client_secret => Ok(Some(Client)),
        Some(_) => Err(access::unknown_token(call.app)),
    }
}

fn exchange(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let asked = match call.text("authType") {
        None | Some("user") => Role::User,
        Some("business") => Role::Business,
        Some("tenant") => Role::Admin,
        Some(_) if flaws.has("unknown-auth-type-accepted") => Role::User,
        Some(_) => return Err(invalid(&app.edge, "authType is unknown.")),
    };
    let client = client(call)?;
    let key = possession::proven(call)?;
    let proof = Hashed::of(call.text("authToken").unwrap_or_default());
    let found = {
        let state = app.state();
        let tenant = call.caller.tenant;
        let known = state.proofs.get(&proof).and_then(|id| {
            state
                .accounts
                .iter()
                .find(|account| account.id == *id)
                .filter(|account| {
                    account.tenant == tenant || flaws.has("proof-of-other-tenant-accepted")
                })
        });
        let first = |role: Role| {
            state
                .accounts
                .iter()
                .find(|account| account.tenant == tenant && account.role == role)
        };
        match known {
            Some(account) if account.role == asked => Some(account),
            Some(_) if asked == Role::Admin && flaws.has("auth-type-unchecked") => {
                first(Role::Admin)
            }
            None if flaws.has("any-proof-accepted") => first(Role::User),
            _ => None,
        }
        .cloned()
    };
    match found {
        Some(account)
            if account.needs_key
                && key.is_none()
                && !flaws.has("dpop-required-binding-ignored") =>
        {
            Err(refused_request(&app.edge, Fault::Absent))
        }
        Some(account) => Ok(tokens(
            app,
            &account,
            key.as_deref(),
            key.as_deref(),
            client,
        )),
        None if flaws.has("token-told-with-refusal") => {
            let token = app.issuer.mint("nobody", call.caller.tenant, "user", flaws);
            Ok(
                Response::json(401, &json!({ "error": "bad proof", "accessToken": token }))
                    .field("WWW-Authenticate", "Bearer realm=\"pers\""),
            )
        }
        None => Err(access::unknown_token(app)),
    }
}

fn key_set(call: &Call<'_, Pers>) -> Result<Response, Error> {
    Ok(call.app.issuer.key_set(call.app.flaws()))
}

/// `key` is the thumbprint that the access token is bound to, `holder` that of the refresh token, `client` who
/// authenticated.
pub fn tokens(
    app: &Pers,
    account: &Account,
    key: Option<&str>,
    holder: Option<&str>,
    client: Option<Client>,
) -> Response {
    let flaws = app.flaws();
    let refresh_token = refresh::issue(app, account, holder, client);
    let is_forgotten = key.is_some() && flaws.has("dpop-binding-forgotten");
    let access_token = app.issuer.mint_bound(
        &account.id,
        account.tenant,
        account.role.name(),
        key.filter(|_| !is_forgotten).map(binding::cnf),
        flaws,
    );
    let token_type = match key {
        Some(_) if !flaws.has("dpop-token-type-fixed") => "DPoP",
        _ => "Bearer",
    };
    Response::json(
        200,
        &json!({
            "accessToken": access_token, "token_type": token_type,
            "refreshToken": refresh_token, "user": account.shown(),
        }),
    )
    .holds(Holds::Secret)
}

fn me(call: &Call<'_, Pers>) -> Result<Response, Error> {
    find(call, call.caller.account())
}

fn show(call: &Call<'_, Pers>) -> Result<Response, Error> {
    find(call, call.id())
}

fn find(call: &Call<'_, Pers>, id: &str) -> Result<Response, Error> {
    let state = call.app.state();
    let account = &state.accounts[position(call, &state.accounts, id)?];
    Ok(Response::json(200, &account.shown()))
}

/// Where the account with this id is, as far as the caller's tenant goes.
fn position(call: &Call<'_, Pers>, accounts: &[Account], id: &str) -> Result<usize, Error> {
    let flaws = call.app.flaws();
    let at = accounts
        .iter()
        .position(|account| account.id == id)
        .ok_or_else(Error::not_found)?;
    // The caller's own account is his whatever tenant a flaw made him speak for.
    let is_own = id == call.caller.account();
    if accounts[at].tenant == call.caller.tenant
        || is_own
        || flaws.has("accounts-looked-up-by-id-alone")
    {
        return Ok(at);
    }
    if flaws.has("foreign-account-told") {
        return Err(Error::new(
            403,
            "INSUFFICIENT_PERMISSIONS",
            "This account belongs to another project",
        ));
    }
    Err(Error::not_found())
}

fn list(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let everywhere = call.app.flaws().has("accounts-of-all-tenants-listed");
    let state = call.app.state();
    let shown: Vec<Value> = state
        .accounts
        .iter()
        .filter(|account| account.tenant == call.caller.tenant || everywhere)
        .map(Account::shown)
        .collect();
    Ok(Response::json(
        200,
        &json!({ "total": shown.len(), "items": shown }),
    ))
}

fn update_me(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let mut state = app.state();
    let at = position(call, &state.accounts, call.caller.account())?;
    if let Some(email) = call.text("email") {
        let own = state.accounts[at].clone();
        let taken = state.accounts.iter().find(|account| {
            account.email == email
                && account.id != own.id
                && (account.tenant == own.tenant || flaws.has("uniqueness-told-across-tenants"))
        });
        if let Some(taken) = taken {
            return Err(Error::conflict(if taken.tenant == own.tenant {
                "This address is in use".to_owned()
            } else {
                format!("This address is in use by an account of {}", taken.tenant)
            }));
        }
    }
    let account = &mut state.accounts[at];
    if let Some(name) = call.text("name") {
        account.name = name.to_owned();
    }
    if let Some(email) = call.text("email") {
        account.email = email.to_owned();
    }
    if let Some(bio) = call.text("bio") {
        account.bio = bio.to_owned();
    }
    if flaws.has("mass-assignment") {
        assign(account, &call.unknown);
    }
    Ok(Response::json(200, &account.shown()))
}

fn assign(account: &mut Account, members: &Map<String, Value>) {
    if let Some(role) = members
        .get("role")
        .and_then(Value::as_str)
        .and_then(Role::named)
    {
        account.role = role;
    }
    if let Some(points) = members.get("points").and_then(Value::as_i64) {
        account.points = points;
    }
}

fn change_role(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state.accounts, call.id())?;
    let account = &mut state.accounts[at];
    if account.role == Role::Admin {
        return Err(Error::conflict("The role of an administrator is fixed"));
    }
    if let Some(role) = call.text("role").and_then(Role::named) {
        account.role = role;
    }
    Ok(Response::json(200, &account.shown()))
}

//! Accounts: one's own, and for administrators those of the tenant.

use serde_json::{Value, json};

use super::HttpApi;
use super::access::{Access, Role};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;
use crate::reference::password::Password;
use crate::reference::secret::{Hashed, random_id};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "account-mass-assignment",
        "Takes over every member of an account update, role included.",
        "OWASP API3:2023",
    ),
    flaw(
        "accounts-of-other-tenants-listed",
        "Lists the accounts of every tenant.",
        "OWASP API1:2023",
    ),
    flaw(
        "accounts-of-other-tenants-shown",
        "Shows and changes an account of another tenant for whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "foreign-address-told",
        "Refuses an e-mail address because another tenant's account has it, and says so.",
        "CWE-203",
    ),
    flaw(
        "token-in-feed-link",
        "Shows a link to the feed of notes that holds an access token.",
        "RFC 6750 §5.3",
    ),
];

pub const ITEM: &str = "/users/{id}";

const PROFILE: &[Member] = &[
    optional("name", Kind::Text(1, 100)),
    optional("email", Kind::Text(3, 200)),
];
const ROLE_CHANGE: &[Member] = &[required("role", Kind::OneOf(&["reader", "writer"]))];
const EVERYBODY: &[&str] = &["user", "reader", "admin"];
const ADMINS: &[&str] = &["admin"];

pub const ROUTES: &[Route<HttpApi>] = &[
    Route {
        operation: Operation {
            name: "me",
            method: "GET",
            path: "/me",
            who: EVERYBODY,
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Read,
        schema: None,
        run: me,
    },
    Route {
        operation: Operation {
            name: "update-me",
            method: "PATCH",
            path: "/me",
            who: EVERYBODY,
            body: r#"{"name":"A new name"}"#,
            status: 200,
            read_by: "me",
            id_from: "",
        },
        access: Access::Read,
        schema: Some(PROFILE),
        run: update_me,
    },
    Route {
        operation: Operation {
            name: "list-users",
            method: "GET",
            path: "/users",
            who: ADMINS,
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Admin,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            name: "show-user",
            method: "GET",
            path: ITEM,
            who: ADMINS,
            body: "",
            status: 200,
            read_by: "",
            id_from: "list-users",
        },
        access: Access::Admin,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            name: "change-role",
            method: "PATCH",
            path: ITEM,
            who: ADMINS,
            body: r#"{"role":"writer"}"#,
            status: 200,
            read_by: "show-user",
            id_from: "list-users",
        },
        access: Access::Admin,
        schema: Some(ROLE_CHANGE),
        run: change_role,
    },
];

#[derive(Clone)]
pub struct Account {
    pub id: String,
    pub tenant: &'static str,
    pub role: Role,
    pub name: String,
    pub email: String,
    pub client_id: String,
    pub client_secret: Hashed,
    pub password: &'static Password,
}

impl Account {
    pub fn seeded(
        name: &str,
        tenant: &'static str,
        role: Role,
        password: &'static Password,
        client_secret: Hashed,
    ) -> Self {
        Self {
            id: random_id(),
            tenant,
            role,
            name: super::canary(),
            email: format!("{}.{tenant}@example.invalid", name.replace('_', ".")),
            client_id: format!("client-{}", random_id()),
            client_secret,
            password,
        }
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "email": self.email, "role": self.role.name(), "tenant": self.tenant,
        })
    }
}

fn own<'a>(
    call: &Call<'_, HttpApi>,
    accounts: &'a mut [Account],
) -> Result<&'a mut Account, Error> {
    accounts
        .iter_mut()
        .find(|account| account.id == call.caller.account)
        .ok_or_else(Error::not_found)
}

fn of_tenant<'a>(
    call: &Call<'_, HttpApi>,
    accounts: &'a mut [Account],
) -> Result<&'a mut Account, Error> {
    let anywhere = call.app.flaws().has("accounts-of-other-tenants-shown");
    accounts
        .iter_mut()
        .find(|account| {
            account.id == call.id() && (account.tenant == call.caller.tenant || anywhere)
        })
        .ok_or_else(Error::not_found)
}

fn me(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let app = call.app;
    let mut state = app.state();
    let account = own(call, &mut state.accounts)?;
    let mut shown = account.shown();
    let mut feed = format!("{}/notes", app.origin);
    if app.flaws().has("token-in-feed-link") {
        let token = app.issuer.mint(
            &account.id,
            account.tenant,
            account.role.name(),
            app.flaws(),
        );
        feed.push_str(&format!("?access_token={token}"));
    }
    shown["feed"] = Value::from(feed);
    Ok(Response::json(200, &shown))
}

fn update_me(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let mut state = call.app.state();
    if let Some(email) = call.text("email") {
        let taken = state.accounts.iter().find(|account| {
            account.email == email
                && account.id != call.caller.account
                && (account.tenant == call.caller.tenant || flaws.has("foreign-address-told"))
        });
        if let Some(taken) = taken {
            return Err(Error::conflict(format!(
                "This address is in use in {}.",
                taken.tenant
            )));
        }
    }
    let account = own(call, &mut state.accounts)?;
    if let Some(name) = call.text("name") {
        account.name = name.to_owned();
    }
    if let Some(email) = call.text("email") {
        account.email = email.to_owned();
    }
    if flaws.has("account-mass-assignment")
        && let Some(role) = call
            .unknown
            .get("role")
            .and_then(Value::as_str)
            .and_then(Role::named)
    {
        account.role = role;
    }
    Ok(Response::json(200, &account.shown()))
}

fn list(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let everywhere = call.app.flaws().has("accounts-of-other-tenants-listed");
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

fn show(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let account = of_tenant(call, &mut state.accounts)?;
    Ok(Response::json(200, &account.shown()))
}

fn change_role(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let account = of_tenant(call, &mut state.accounts)?;
    if account.role == Role::Admin {
        return Err(Error::conflict("The role of an administrator is fixed."));
    }
    if let Some(role) = call.text("role").and_then(Role::named) {
        account.role = role;
    }
    Ok(Response::json(200, &account.shown()))
}

//! Accounts of people, and their own view of them; what anybody may read.

use serde_json::{Value, json};

use super::Percus;
use super::access::{Access, Caller, Role, Scope};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;
use crate::reference::token::KEY_SET_PATH;

pub const FLAWS: &[Flaw] = &[flaw(
    "role-taken-from-profile",
    "Takes over every member of a profile update, role included.",
    "OWASP API3:2023",
)];

const PROFILE: &[Member] = &[
    optional("name", Kind::Text(1, 100)),
    optional("locale", Kind::OneOf(&["en", "fr", "de"])),
];
const EVERYBODY: &[&str] = &["manager", "admin", "viewer"];

pub const ROUTES: &[Route<Percus>] = &[
    Route {
        operation: Operation::new("me", "GET", "/api/me", EVERYBODY, 200),
        access: Access::Read,
        schema: None,
        run: me,
    },
    Route {
        operation: Operation {
            body: r#"{"name":"A new name"}"#,
            read_by: "me",
            ..Operation::new("update-me", "PATCH", "/api/me", EVERYBODY, 200)
        },
        access: Access::Read,
        schema: Some(PROFILE),
        run: update_me,
    },
    Route {
        operation: Operation::new("status", "GET", "/player/status", &["anonymous"], 200),
        access: Access::Everybody,
        schema: None,
        run: status,
    },
    Route {
        operation: Operation::new("key-set", "GET", KEY_SET_PATH, &["anonymous"], 200),
        access: Access::Everybody,
        schema: None,
        run: key_set,
    },
];

pub struct Account {
    pub id: String,
    pub organization: &'static str,
    pub role: Role,
    /// The projects that it works on; administrators see all of their organization.
    pub projects: Vec<String>,
    name: String,
    email: String,
    locale: String,
}

impl Account {
    pub fn seeded(
        name: &str,
        organization: &'static str,
        role: Role,
        projects: Vec<String>,
    ) -> Self {
        Self {
            id: random_id(),
            organization,
            role,
            projects,
            name: format!("canary-{}", random_id()),
            email: format!("{}@example.invalid", name.replace('_', ".")),
            locale: "en".to_owned(),
        }
    }

    pub fn caller(&self) -> Caller {
        Caller {
            id: self.id.clone(),
            credential: String::new(),
            scope: match self.role {
                Role::OrganizationAdmin => Scope::Organization(self.organization),
                Role::Viewer | Role::ProjectManager => Scope::Projects(self.projects.clone()),
            },
        }
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "email": self.email, "locale": self.locale, "role": self.role.name(),
        })
    }
}

fn me(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let state = call.app.state();
    let account = state
        .accounts
        .iter()
        .find(|account| account.id == call.caller.id)
        .ok_or_else(Error::not_found)?;
    Ok(Response::json(200, &account.shown()))
}

fn update_me(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let account = state
        .accounts
        .iter_mut()
        .find(|account| account.id == call.caller.id)
        .ok_or_else(Error::not_found)?;
    if let Some(name) = call.text("name") {
        account.name = name.to_owned();
    }
    if let Some(locale) = call.text("locale") {
        account.locale = locale.to_owned();
    }
    if call.app.flaws().has("role-taken-from-profile")
        && let Some(role) = call.unknown.get("role").and_then(Value::as_str)
        && let Some(role) = Role::named(role)
    {
        account.role = role;
    }
    Ok(Response::json(200, &account.shown()))
}

fn status(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let mut shown = json!({ "state": "up" });
    if call.app.flaws().has("secret-in-status") {
        shown["recent"] = json!(call.app.state().recent);
    }
    Ok(Response::json(200, &shown).holds(Holds::Public))
}

fn key_set(call: &Call<'_, Percus>) -> Result<Response, Error> {
    Ok(call.app.issuer.key_set(call.app.flaws()))
}
